// Which connections a listener lets in, and when: the most at a time, so many per second, and what to do when the process has no descriptor
// left. Owns the listener's pauses, and a log that does not flood.
import type { Listener } from '../native/socket.ts';
import type { Logger } from '../policy/logger.ts';
import type { ResolvedLimits } from './limits.ts';

/** How long accepting pauses when it failed, ms. */
const PAUSE = 100;
/** A line of a kind is logged once in so many ms. */
const LOG_INTERVAL = 60_000;
/** An accept rate is kept in portions of so many ms, so that no timer runs for each connection. */
const PORTION = 50;

export class Gate {
  /** Connections that were accepted and closed at once, being too many. */
  refused = 0;
  /** Connections that the authenticator did not let in. */
  refusals = 0;
  /** Times that accepting failed. */
  failures = 0;
  private readonly limits: ResolvedLimits;
  private readonly logger: () => Logger | null;
  private readonly logged = new Map<string, { at: number; missed: number }>();
  private listener: Listener | undefined;
  private timer: NodeJS.Timeout | undefined;
  private referenced = true;
  /** Connections that may come now; grows with time up to a second's. */
  private tokens: number;
  private counted = 0;

  constructor(limits: ResolvedLimits, logger: () => Logger | null) {
    this.limits = limits;
    this.logger = logger;
    this.tokens = this.most;
  }

  private get most(): number {
    return Math.max(1, this.limits.acceptRate);
  }

  /** The listener whose gate this is from now on. */
  guard(listener: Listener): void {
    this.listener = listener;
    this.counted = performance.now();
    listener.ref(this.referenced);
  }

  ref(on: boolean): void {
    this.referenced = on;
    this.listener?.ref(on);
    if (on) this.timer?.ref();
    else this.timer?.unref();
  }

  /** Stops to listen. */
  close(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.listener?.close();
    this.listener = undefined;
  }

  /** Counts one that was accepted, and pauses the listener where the next would come too soon. */
  passed(): void {
    const { acceptRate } = this.limits;
    if (acceptRate === Number.POSITIVE_INFINITY) return;
    this.refill();
    this.tokens--;
    if (this.tokens >= 1) return;
    const portion = Math.min(this.most, Math.max(1, (acceptRate * PORTION) / 1000));
    this.pause(((portion - this.tokens) * 1000) / acceptRate);
  }

  private refill(): void {
    const now = performance.now();
    this.tokens = Math.min(this.most, this.tokens + ((now - this.counted) * this.limits.acceptRate) / 1000);
    this.counted = now;
  }

  /**
   * May another connection be served, beside `open`? Those beyond `maxConnections` are accepted and closed, rather than left in the backlog: a
   * client of RPyC understands the end of the stream at once, and waits 30 s for a server that does not answer.
   */
  admits(open: number): boolean {
    if (open < this.limits.maxConnections) return true;
    this.refused++;
    this.log(
      'full',
      `rpyc server: a connection is refused: ${open} are open (maxConnections is ${this.limits.maxConnections})`,
    );
    return false;
  }

  /**
   * Accepting failed, mostly for want of descriptors (EMFILE, ENFILE). The engine has refused one connection by its spare descriptor then; the
   * others wait in the backlog until this pause is over, instead of being refused one after the other in a busy loop.
   */
  failed(error: Error & { syscall?: string }): void {
    if (error.syscall !== 'accept') {
      // It was accepted, and gone before it could be taken over.
      this.logger()?.debug(`rpyc server: a connection could not be served: ${error.message}`, error);
      return;
    }
    this.failures++;
    this.log('failed', `rpyc server: accepting failed, and pauses ${PAUSE} ms: ${error.message}`, error);
    this.pause(PAUSE);
  }

  /** The authenticator did not let one in. What is no verdict of its own may be a fault of it: then the stack is logged as well. */
  denied(from: readonly [string, number], error: Error & { code?: string }): void {
    this.refusals++;
    const details = error.code?.startsWith('ERR_RPYC_') ? [] : [error];
    this.log('denied', `rpyc server: a client from ${from.join(':')} was not let in: ${error.message}`, ...details);
  }

  private pause(ms: number): void {
    const { listener } = this;
    if (listener === undefined) return;
    listener.watch(false);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.refill();
      listener.watch(true);
    }, ms);
    if (!this.referenced) this.timer.unref();
  }

  private log(kind: string, message: string, ...details: unknown[]): void {
    const now = performance.now();
    const before = this.logged.get(kind);
    if (before !== undefined && now - before.at < LOG_INTERVAL) {
      before.missed++;
      return;
    }
    this.logged.set(kind, { at: now, missed: 0 });
    const missed =
      before === undefined || before.missed === 0 ? '' : ` (and ${before.missed} times more since the last such line)`;
    this.logger()?.error(message + missed, ...details);
  }
}
