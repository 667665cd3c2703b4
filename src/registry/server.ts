// What both registries are: options, the answer to one message, the life of a server. Answers to RegistryServer of rpyc/utils/registry.py.
// The sockets are udp-server.ts and tcp-server.ts.
import { lookup } from 'node:dns/promises';
import { EventEmitter } from 'node:events';
import { isIP } from 'node:net';
import { ProtocolError } from '../errors.ts';
import { CONSOLE, type Logger } from '../policy/logger.ts';
import {
  DENIED,
  MAX_MESSAGE,
  OK,
  REGISTRY_PORT,
  type Request,
  readRequest,
  type ServerAddress,
  writeList,
} from './messages.ts';
import { ServiceTable } from './services.ts';
import { ANSWER, REQUEST, Replays, type Secret, SIGNATURE, Signer } from './signing.ts';

/** What a {@link UDPRegistryServer} or {@link TCPRegistryServer} takes. Times are seconds, as RPyC's. */
export interface RegistryServerOptions {
  /**
   * Address or name to listen on. Default 127.0.0.1 (RPyC listens on all interfaces; say '0.0.0.0' or '::' for that, and to be found by
   * broadcasts: a registry believes whoever reaches it).
   */
  host?: string;
  /** Default 18811; 0 takes any free one (`registry.port` tells). */
  port?: number;
  /** Listen on an IPv6 address: ::1 by default, and the IPv6 address of a name. Default false; an IPv6 address as `host` does it as well. */
  ipv6?: boolean;
  /** How long a server is known after it was last heard of. Default 240; RPyC's servers register again every 60. */
  pruningTimeout?: number;
  /** Answer those who ask for the names of all services. Default false. */
  allowListing?: boolean;
  /** Different names of services at a time; what would be more is not registered. Default 1000. */
  maxServices?: number;
  /** Servers at a time, counted once per name. Default 10,000. */
  maxServers?: number;
  /**
   * Answer only messages that are signed with this secret (at least 16 bytes), and sign the answers: for registries whose every peer is this
   * package. Default: none; RPyC's peers have none.
   */
  secret?: Secret;
  /** Is told what happens. Default: warnings and errors go to stderr, and with RPYC_DEBUG=1 in the environment the rest too; null: none. */
  logger?: Logger | null;
}

/** Events of a registry. */
export interface RegistryEvents {
  /** A server registered for the first time under this name. */
  serviceAdded: [name: string, server: ServerAddress];
  /** A server unregistered, or was not heard of for `pruningTimeout`. */
  serviceRemoved: [name: string, server: ServerAddress];
  /** The registry is closed. */
  close: [];
}

/** A message that ends before its value does. */
export const INCOMPLETE: unique symbol = Symbol('incomplete');

/** Where a registry's socket is to be. */
export interface Binding {
  readonly address: string;
  readonly port: number;
  readonly isIPv6: boolean;
}

/** The socket of a registry. */
export interface RegistrySocket {
  readonly address: ServerAddress;
  ref(on: boolean): void;
  close(): Promise<void>;
}

/** What {@link UDPRegistryServer} and {@link TCPRegistryServer} have in common. */
export abstract class RegistryServer extends EventEmitter<RegistryEvents> {
  /** @internal */
  protected readonly logger: Logger | null;
  private readonly options: Omit<RegistryServerOptions, 'secret'>;
  private readonly table: ServiceTable;
  private readonly signer: Signer | undefined;
  private readonly replays = new Replays();
  private readonly pruneAfter: number;
  private socket: RegistrySocket | undefined;
  private pruning: NodeJS.Timeout | undefined;
  private state: 'new' | 'started' | 'closed' = 'new';
  private isFull = false;

  /** @throws {RangeError} or {TypeError} for an option that cannot be */
  constructor({ secret, ...options }: RegistryServerOptions = {}) {
    super();
    const { port = REGISTRY_PORT, pruningTimeout = 240, maxServices = 1000, maxServers = 10_000 } = options;
    within('port', port, 0, 65_535);
    within('maxServices', maxServices, 1, 10_000_000);
    within('maxServers', maxServers, 1, 10_000_000);
    if (!(typeof pruningTimeout === 'number' && pruningTimeout > 0 && pruningTimeout <= 315_360_000))
      throw new RangeError(`pruningTimeout is a number of seconds above 0, not ${pruningTimeout}`);
    if (options.ipv6 === true && options.host !== undefined && isIP(options.host) === 4)
      throw new TypeError(`ipv6 is true, and host is the IPv4 address ${options.host}: leave one of them out`);
    this.options = options;
    this.logger = options.logger === undefined ? CONSOLE : options.logger;
    this.signer = secret === undefined ? undefined : new Signer(secret);
    this.pruneAfter = pruningTimeout * 1000;
    this.table = new ServiceTable({
      pruneAfter: this.pruneAfter,
      maxServices,
      maxServers,
      added: (name, server) => this.tell('serviceAdded', name, server),
      removed: (name, server) => this.tell('serviceRemoved', name, server),
    });
  }

  /** Opens the socket. @internal */
  protected abstract listen(binding: Binding): Promise<RegistrySocket>;

  /** Resolves when the registry answers. @throws a system error, EADDRINUSE for a taken port */
  async start(): Promise<this> {
    if (this.state !== 'new') throw new Error('the registry was started before, or closed: make a new one');
    this.state = 'started';
    const { ipv6 = false, host = ipv6 ? '::1' : '127.0.0.1', port = REGISTRY_PORT } = this.options;
    const address = isIP(host) ? host : (await lookup(host, ipv6 ? { family: 6 } : {})).address;
    const socket = await this.listen({ address, port, isIPv6: isIP(address) === 6 });
    if (this.closed) {
      await socket.close();
      throw new Error('the registry was closed while it started');
    }
    this.socket = socket;
    // Who asks prunes what it asks for; this is for `serviceRemoved`, and what nobody asks for.
    const interval = Math.min(Math.max(this.pruneAfter / 4, 50), 60_000);
    this.pruning = setInterval(() => this.table.prune(performance.now()), interval).unref();
    this.logger?.info(`rpyc registry: listens on ${this.address.join(' port ')}`);
    return this;
  }

  /** Has `close` been called? @internal */
  protected get closed(): boolean {
    return this.state === 'closed';
  }

  /** The port that the registry listens on. */
  get port(): number {
    return this.address[1];
  }

  /** Where the registry listens. */
  get address(): ServerAddress {
    if (this.socket === undefined) throw new Error('the registry has not been started');
    return this.socket.address;
  }

  /** The servers by the names of their services, those last heard of at the end. A copy. */
  get services(): ReadonlyMap<string, readonly ServerAddress[]> {
    const now = performance.now();
    return new Map(this.table.names(null, now).map((name) => [name, this.table.query(name, now)]));
  }

  /** Lets the process end while the registry only waits for messages. */
  unref(): this {
    this.socket?.ref(false);
    return this;
  }

  /** Undoes `unref`. */
  ref(): this {
    this.socket?.ref(true);
    return this;
  }

  /** Stops answering. What was registered is forgotten. */
  async close(): Promise<void> {
    if (this.state === 'closed') return;
    this.state = 'closed';
    clearInterval(this.pruning);
    await this.socket?.close();
    this.emit('close');
  }

  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * The answer to a message; undefined: there is none, since it is not for us. Never throws.
   * @param longest what the peer can read, of an answer to LIST
   * @internal
   */
  protected answer(message: Uint8Array, from: string, longest: number): Uint8Array | typeof INCOMPLETE | undefined {
    const host = from.replace(/^::ffff:(?=[\d.]+$)/i, '');
    try {
      if (this.signer === undefined) return this.answerTo(message, host, MAX_MESSAGE, longest);
      const now = Date.now();
      const { body, nonce, time } = this.signer.open(REQUEST, message, now);
      const answer = this.answerTo(body, host, MAX_MESSAGE - SIGNATURE, longest - SIGNATURE, () =>
        this.replays.note(nonce, time, now),
      );
      return answer instanceof Uint8Array ? this.signer.sign(ANSWER, answer, now, nonce) : answer;
    } catch (error) {
      if (!(error instanceof ProtocolError)) this.logger?.error('rpyc registry: a message was not answered:', error);
      else this.logger?.debug(`rpyc registry: dropped ${message.length} bytes from ${host}: ${error.message}`);
      return undefined;
    }
  }

  private answerTo(body: Uint8Array, host: string, room: number, longest: number, accept?: () => void) {
    const request = readRequest(body);
    if (request === undefined) return INCOMPLETE;
    accept?.();
    return this.perform(request, host, request.command === 'LIST' ? longest : room);
  }

  private perform(request: Request, host: string, room: number): Uint8Array | undefined {
    const now = performance.now();
    switch (request.command) {
      case 'QUERY':
        return writeList(this.table.query(request.name, now), room);
      case 'LIST':
        if (this.options.allowListing !== true) return DENIED;
        return writeList(this.table.names(request.host, now), room);
      case 'REGISTER': {
        const isDone = this.table.register(request.names, [host, request.port], now);
        if (!isDone && !this.isFull)
          this.logger?.warn(
            `rpyc registry: full, so ${host}:${request.port} is not registered: see maxServices and maxServers`,
          );
        this.isFull = !isDone;
        return isDone ? OK : undefined;
      }
      case 'UNREGISTER':
        this.table.unregister([host, request.port]);
        return OK;
    }
  }

  private tell(event: 'serviceAdded' | 'serviceRemoved', name: string, server: ServerAddress): void {
    this.logger?.debug(`rpyc registry: ${event} ${JSON.stringify(name)} at ${server.join(' port ')}`);
    try {
      this.emit(event, name, server);
    } catch (error) {
      this.logger?.error(`rpyc registry: a listener of ${event} failed:`, error);
    }
  }
}

function within(name: string, value: number, least: number, most: number): void {
  if (!(Number.isInteger(value) && value >= least && value <= most))
    throw new RangeError(`${name} is a whole number between ${least} and ${most}, not ${value}`);
}
