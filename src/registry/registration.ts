// A server's entry in a registry: made, kept alive, and removed at the end. What fails is told by the registrar, and never ends the server.
// Answers to _bg_register of rpyc/utils/server.py.
import type { Logger } from '../policy/logger.ts';
import { within } from '../policy/within.ts';
import type { Registrar } from './client.ts';

/** First wait after a failure, ms; each further one is twice as long, up to the interval of success. */
const FIRST_RETRY = 1000;
/** What the end of a server waits for a registrar, ms. */
const PATIENCE = 5000;

/** What is registered. */
export interface Entry {
  readonly names: readonly string[];
  readonly port: number;
  /** Where the server listens. */
  readonly host: string;
}

/** Keeps one entry until `stop`. */
export class Registration {
  private readonly registrar: Registrar;
  private readonly entry: Entry;
  private readonly logger: Logger | null;
  private timer: NodeJS.Timeout | undefined;
  private readonly ending = new AbortController();
  private retry = FIRST_RETRY;
  private running: Promise<void>;
  private stopping: Promise<void> | undefined;

  constructor(registrar: Registrar, entry: Entry, logger: Logger | null) {
    this.registrar = registrar;
    this.entry = entry;
    this.logger = logger;
    this.running = this.register();
  }

  private async register(): Promise<void> {
    const { names, port, host } = this.entry;
    const interval = (this.registrar.reregisterInterval ?? 60) * 1000;
    let isDone = false;
    try {
      isDone = await this.registrar.register(names, port, { interface: host, signal: this.ending.signal });
    } catch (error) {
      this.logger?.warn(`rpyc server: registering ${names.join(', ')} failed:`, error);
    }
    if (this.stopping !== undefined) return;
    const wait = isDone ? interval : Math.min(this.retry, interval);
    this.retry = isDone ? FIRST_RETRY : this.retry * 2;
    this.timer = setTimeout(() => {
      this.running = this.register();
    }, wait).unref();
  }

  /** Unregisters. Resolves when that was said, or could not be within some seconds; never rejects. */
  stop(): Promise<void> {
    this.stopping ??= this.unregister();
    return this.stopping;
  }

  private async unregister(): Promise<void> {
    clearTimeout(this.timer);
    this.ending.abort();
    const { port, host } = this.entry;
    // In this order: an entry that is made after it was removed would stay.
    const done = this.running.then(() => this.registrar.unregister(port, { interface: host }));
    await within(PATIENCE, done).catch((error: unknown) =>
      this.logger?.warn('rpyc server: unregistering failed:', error),
    );
  }
}
