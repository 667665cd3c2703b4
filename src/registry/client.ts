// What both clients of a registry are: its four questions, awaited or blocking. Answers to RegistryClient of rpyc/utils/registry.py.
// The sockets are udp-client.ts and tcp-client.ts.
import { ConnectError, DiscoveryError } from '../errors.ts';
import { CONSOLE, type Logger } from '../policy/logger.ts';
import {
  isPort,
  REGISTRY_PORT,
  type Request,
  readNames,
  readOk,
  readServers,
  type ServerAddress,
  writeRequest,
} from './messages.ts';
import { ANSWER, REQUEST, type Secret, Signer } from './signing.ts';

/** Answers that are looked at in one blocking question: each that is none of ours costs another one. */
const MAX_BLOCKING_ANSWERS = 10;

/** What the clients of a registry take. Times are seconds, as RPyC's. */
export interface RegistryClientOptions {
  /** Default 18811. */
  port?: number;
  /** For the answer. Default 2. */
  timeout?: number;
  /** What a server that registers waits until it does again. Default 60; a registry forgets who is silent for 240. */
  reregisterInterval?: number;
  /** The registry's, where it has one: requests are signed, and answers that are not are ignored. */
  secret?: Secret;
  /** Is told what happens. Default: warnings and errors go to stderr, and with RPYC_DEBUG=1 in the environment the rest too; null: none. */
  logger?: Logger | null;
}

/**
 * Where servers register, and where they are found: RPyC's *registrar*. {@link UDPRegistryClient} and {@link TCPRegistryClient} are two; for
 * another directory, write one. Names are those of services, `port` is a server's.
 */
export interface Registrar {
  /** Servers of a service. */
  discover(name: string): Promise<readonly ServerAddress[]>;
  /** Names of all services (on this host); null: they are not told. */
  list(filterHost?: string | null): Promise<readonly string[] | null>;
  /** Registers this machine's server under its names. Resolves with false when it did not work. */
  register(names: readonly string[], port: number, options?: RegisterOptions): Promise<boolean>;
  /** Forgets it again. */
  unregister(port: number, options?: RegisterOptions): Promise<void>;
  /** `discover` that blocks. */
  discoverSync?(name: string): readonly ServerAddress[];
  /** `list` that blocks. */
  listSync?(filterHost?: string | null): readonly string[] | null;
  /** Seconds until a server registers again. Default 60. */
  readonly reregisterInterval?: number;
}

/** How a server registers. */
export interface RegisterOptions {
  /** The address that the server listens on: registries note the address that a message comes from. */
  interface?: string;
  /** Ends the wait for the registry's answer: the server closes. */
  signal?: AbortSignal;
}

/** What {@link UDPRegistryClient} and {@link TCPRegistryClient} have in common. */
export abstract class RegistryClient implements Registrar {
  /** Address or name of the registry. */
  readonly host: string;
  /** Its port. */
  readonly port: number;
  /** Seconds until a server registers again. */
  readonly reregisterInterval: number;
  /** For an answer, ms. @internal */
  protected readonly timeoutMs: number;
  private readonly logger: Logger | null;
  private readonly signer: Signer | undefined;

  /** @throws {RangeError} or {TypeError} for an option that cannot be */
  constructor(host: string, options: RegistryClientOptions) {
    const { port = REGISTRY_PORT, timeout = 2, reregisterInterval = 60 } = options;
    if (typeof host !== 'string' || host === '') throw new TypeError('host is a name or an address of a registry');
    if (!isPort(port)) throw new RangeError(`port is between 1 and 65535, not ${port}`);
    if (!(timeout > 0 && timeout <= 86_400))
      throw new RangeError(`timeout is a number of seconds between 0 and 86400, not ${timeout}`);
    if (!(reregisterInterval > 0 && reregisterInterval <= 86_400))
      throw new RangeError(`reregisterInterval is a number of seconds between 0 and 86400, not ${reregisterInterval}`);
    this.host = host;
    this.port = port;
    this.timeoutMs = timeout * 1000;
    this.reregisterInterval = reregisterInterval;
    this.logger = options.logger === undefined ? CONSOLE : options.logger;
    this.signer = options.secret === undefined ? undefined : new Signer(options.secret);
  }

  /**
   * Sends a message, and gives each answer to `accept` until that returns something.
   * @returns undefined: nothing of the kind within `timeoutMs`, or before the signal
   * @throws a system error
   * @internal
   */
  protected abstract exchange<T>(
    message: Uint8Array,
    accept: (answer: Uint8Array) => T | undefined,
    options?: RegisterOptions,
  ): Promise<T | undefined>;

  /** Sends a message whose answer nobody waits for. @internal */
  protected abstract tell(message: Uint8Array, options?: RegisterOptions): Promise<void>;

  /** `exchange` that blocks, for the first answer. @internal */
  protected abstract exchangeSync(message: Uint8Array, timeoutMs: number): Uint8Array | undefined;

  /** For messages: `UDP registry 127.0.0.1:18811`. */
  abstract toString(): string;

  /**
   * Servers of a service, those last heard of at the end; empty: the registry knows none. The name's case does not matter.
   * @throws {DiscoveryError} when no registry answers, {ConnectError} when it cannot be reached
   */
  discover(name: string): Promise<ServerAddress[]> {
    return this.ask({ command: 'QUERY', name: checkName(name) }, readServers);
  }

  /**
   * Names of all services, or of those on this host; null: the registry does not tell. Registries of RPyC 4 do not know the question, and say
   * nothing.
   * @throws as `discover`
   */
  list(filterHost: string | null = null): Promise<string[] | null> {
    return this.ask({ command: 'LIST', host: filterHost }, (bytes) => ({ names: readNames(bytes) })).then(
      ({ names }) => names,
    );
  }

  /** {@link discover} that blocks. @throws as `discover` */
  discoverSync(name: string): ServerAddress[] {
    return this.askSync({ command: 'QUERY', name: checkName(name) }, readServers);
  }

  /** {@link list} that blocks. @throws as `discover` */
  listSync(filterHost: string | null = null): string[] | null {
    return this.askSync({ command: 'LIST', host: filterHost }, (bytes) => ({ names: readNames(bytes) })).names;
  }

  /** Registers this machine's server under its names. Resolves with false, and warns, when no registry says that it did. */
  async register(names: readonly string[], port: number, options: RegisterOptions = {}): Promise<boolean> {
    const isOver = (): boolean => options.signal?.aborted === true;
    if (isOver()) return false;
    const envelope = this.envelope({ command: 'REGISTER', names, port }, readOk);
    try {
      if ((await this.exchange(envelope.message, envelope.open, options)) !== undefined) return true;
      if (!isOver()) this.logger?.warn(`rpyc: ${this} did not acknowledge that port ${port} is registered`);
    } catch (error) {
      this.logger?.warn(`rpyc: port ${port} was not registered with ${this}: ${(error as Error).message}`);
    }
    return false;
  }

  /** Has a server of this machine forgotten. Resolves when that was said; warns when it could not be. */
  async unregister(port: number, options: RegisterOptions = {}): Promise<void> {
    try {
      await this.tell(this.envelope({ command: 'UNREGISTER', port }, readOk).message, options);
    } catch (error) {
      this.logger?.warn(`rpyc: port ${port} was not unregistered from ${this}: ${(error as Error).message}`);
    }
  }

  private async ask<T>(request: Request, read: (body: Uint8Array) => T): Promise<T> {
    const { message, open } = this.envelope(request, read);
    let answer: { value: T } | undefined;
    try {
      answer = await this.exchange(message, open);
    } catch (error) {
      throw new ConnectError(`cannot ask ${this}: ${(error as Error).message}`, [error as Error]);
    }
    if (answer === undefined) throw this.silence();
    return answer.value;
  }

  private askSync<T>(request: Request, read: (body: Uint8Array) => T): T {
    const until = performance.now() + this.timeoutMs;
    for (let i = 0; i < MAX_BLOCKING_ANSWERS; i++) {
      const { message, open } = this.envelope(request, read);
      const answer = this.exchangeSync(message, Math.max(0, until - performance.now()));
      if (answer === undefined) break;
      const opened = open(answer);
      if (opened !== undefined) return opened.value;
    }
    throw this.silence();
  }

  private silence(): DiscoveryError {
    const signed = this.signer === undefined ? '' : ', or not with our secret';
    return new DiscoveryError(`${this} did not answer within ${this.timeoutMs / 1000} s${signed}`);
  }

  /** A request as it goes out, and what reads its answer: undefined for what is none. */
  private envelope<T>(request: Request, read: (body: Uint8Array) => T) {
    const { signer } = this;
    const body = writeRequest(request);
    const message = signer === undefined ? body : signer.sign(REQUEST, body, Date.now());
    const open = (answer: Uint8Array): { value: T } | undefined => {
      try {
        return { value: read(signer === undefined ? answer : signer.open(ANSWER, answer, Date.now(), message).body) };
      } catch (error) {
        this.logger?.debug(`rpyc: ${this} sent what is no answer: ${(error as Error).message}`);
        return undefined;
      }
    };
    return { message, open };
  }
}

function checkName(name: string): string {
  if (typeof name !== 'string' || name === '') throw new TypeError('the name of a service is a text');
  return name;
}
