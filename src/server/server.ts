// A server: listens, and makes a Connection of everything it accepts; its life, its limits and what it counts.
// Answers to rpyc/utils/server.py (one event loop instead of threads).

import { EventEmitter } from 'node:events';
import { type Authenticator, authenticatorsOf } from '../auth/authenticator.ts';
import { TimeoutError } from '../errors.ts';
import { isLocal, type RawPeer } from '../native/peer.ts';
import { listen } from '../native/socket.ts';
import { netrefs } from '../netref/maker.ts';
import { type ConnectionOptions, makeConfig, resolveOptions } from '../policy/config.ts';
import { CONSOLE, type Logger } from '../policy/logger.ts';
import { within } from '../policy/within.ts';
import { Connection } from '../protocol/connection.ts';
import type { Registration } from '../registry/registration.ts';
import { isService, rootOf, type ServiceSource } from '../service/service.ts';
import { addressOf, checkAddress, type ListeningAddress, whereOf } from './address.ts';
import { Entrance } from './entrance.ts';
import { Gate } from './gate.ts';
import { milliseconds, type ResolvedLimits, resolveLimits, type ServerLimits } from './limits.ts';
import { Counts, type CutReason, type ServerMetrics } from './metrics.ts';
import { checkRegistering, isRegistering, namesOf, type RegisteringOptions, register } from './registering.ts';
import { Sweep, type TimeoutReason } from './sweep.ts';

/** What a {@link Server} takes beside its service: where to listen, its limits, and what each of its connections gets. */
export interface ServerOptions extends ConnectionOptions, ServerLimits, RegisteringOptions {
  /** Address or name to listen on. Default 127.0.0.1 (RPyC listens on all interfaces; say '0.0.0.0' or '::' for that). */
  hostname?: string;
  /** TCP port; 0, the default, takes any free one (`server.port` tells). */
  port?: number;
  /** Listen on an IPv6 address: ::1 by default, and the IPv6 address of a name. Default false; an IPv6 address as `hostname` does it as well. */
  ipv6?: boolean;
  /** Path of a Unix socket to listen on instead. */
  socketPath?: string;
  /** Descriptor of a socket that listens already, inherited from whoever started this process, to accept on instead. */
  fd?: number;
  /**
   * Accept on the socket that systemd has passed (socket activation: LISTEN_FDS). true: there is one; a string: the one of that name
   * (`FileDescriptorName=`). Default false.
   */
  listenFds?: boolean | string;
  /** Connections waiting to be accepted. Default 511. */
  backlog?: number;
  /** SO_REUSEADDR. Default true. */
  reuseAddr?: boolean;
  /**
   * SO_REUSEPORT: several servers, of this process or of others, listen on one port, and the system spreads connections among them (Linux).
   * Default false.
   */
  reusePort?: boolean;
  /**
   * Who is let in: an `SslAuthenticator`, a `TokenAuthenticator`, a function of your own, or a list of these, asked in their order. Until it has
   * decided, within `handshakeTimeout`, a client gets nothing of the service. Default: everybody.
   */
  authenticator?: Authenticator | readonly Authenticator[];
  /** RPyC's name of `config`. */
  protocolConfig?: ConnectionOptions['config'];
  /**
   * Is told what goes wrong: as debug what a caller is told as well, as errors what reaches nobody. Default: warnings and errors go to
   * stderr, and with RPYC_DEBUG=1 in the environment the rest too; null: none.
   */
  logger?: Logger | null;
  /** Wire version to speak when the service talks before the client does. Default 6. */
  protocol?: 5 | 6;
}

/** How a server is drained. */
export interface DrainOptions {
  /** Seconds until whoever is still served is cut. Default 30; null: no limit. */
  timeout?: number | null;
}

interface ServerEvents {
  connection: [conn: Connection];
  error: [error: Error];
  close: [];
}

/**
 * Serves a service over TCP or a Unix socket. A service class gets one instance per connection, an instance is shared.
 *
 *     const server = new rpyc.Server(Calculator, { port: 18861 });
 *     await server.start();
 *     process.once('SIGTERM', () => server.drain({ timeout: 10 }));
 *
 * Emits `connection` with each new {@link Connection}, and `close`. Answers to the servers of rpyc/utils/server.py, of which it replaces
 * ThreadedServer and ThreadPoolServer: one event loop serves all connections.
 */
export class Server extends EventEmitter<ServerEvents> {
  private readonly service: ServiceSource;
  private readonly options: ServerOptions;
  private readonly limits: ResolvedLimits;
  private readonly gate: Gate;
  private readonly sweep: Sweep;
  private readonly entrance: Entrance;
  private readonly counts = new Counts();
  private readonly open = new Set<Connection>();
  /** Why those are being cut that are not over yet. */
  private readonly cutting = new Map<Connection, CutReason>();
  private where: readonly [string, number] | undefined;
  private state: 'open' | 'ending' | 'closed' = 'open';
  private draining: Promise<number> | undefined;
  private registration: Registration | undefined;

  /**
   * @param service a class: one instance per connection; an instance: shared by all
   * @throws {TypeError} for anything else; {RangeError} for an option out of its range
   */
  constructor(service: ServiceSource, options: ServerOptions = {}) {
    super();
    if (!isService(service)) throw new TypeError('Server takes a subclass of rpyc.Service, or an instance of one');
    this.limits = checkServerOptions(options);
    this.service = service;
    this.options = options;
    this.gate = new Gate(this.limits, () => this.logger);
    this.entrance = new Entrance(authenticatorsOf(options.authenticator), this.limits.handshake, {
      denied: (from, error) => this.gate.denied(from, error),
      late: () => this.counts.cut.handshake++,
    });
    this.sweep = new Sweep(this.limits, (conn, reason, message) => this.timedOut(conn, reason, message));
  }

  /** Resolves when the server listens. @throws a system error, EADDRINUSE for a taken port */
  async start(): Promise<this> {
    if (this.where !== undefined) throw new Error('the server was started before: make a new one');
    const where = await whereOf(this.options);
    if (this.state !== 'open') throw new Error('the server was closed: make a new one');
    const listener = await listen(
      where,
      (peer) => this.knock(peer),
      (error) => this.gate.failed(error),
    );
    this.where = [...listener.address];
    this.gate.guard(listener);
    if (isRegistering(this.options))
      this.registration = register(namesOf(this.service), this.where, this.options, this.logger);
    return this;
  }

  private get logger(): Logger | null {
    return this.options.logger === undefined ? CONSOLE : this.options.logger;
  }

  /** Something was accepted. */
  private knock(peer: RawPeer): void {
    this.gate.passed();
    this.accept(peer);
  }

  /**
   * Serves a connection that the listener, or something else, accepted, when the authenticator lets it in; closes it where there are too many.
   * @param done is told the connection, or that there is none
   * @internal
   */
  accept(peer: RawPeer, done?: (conn: Connection | undefined) => void): void {
    if (this.state !== 'open' || !this.gate.admits(this.open.size + this.entrance.size)) {
      peer.close();
      done?.(undefined);
      return;
    }
    if (!this.entrance.guarded) {
      const conn = this.serve(peer, undefined);
      done?.(conn);
      return;
    }
    this.entrance.ask(peer, (admitted) => {
      const conn = admitted === undefined ? undefined : this.serve(peer, admitted);
      done?.(conn);
      this.decided?.();
    });
  }

  /** @param admitted what the authenticator said; undefined where there is none */
  private serve(peer: RawPeer, admitted: { credentials: unknown } | undefined): Connection | undefined {
    let made: Connection | undefined;
    try {
      const conn = this.connection(peer, admitted);
      made = conn;
      this.counts.accepted++;
      this.open.add(conn);
      conn.once('close', (error) => this.ended(conn, error));
      this.sweep.add(conn);
      conn.start();
      this.emit('connection', conn);
      return conn;
    } catch (error) {
      if (made === undefined) peer.close();
      else made.abort();
      this.logger?.error('rpyc server: a connection could not be served', error);
      return undefined;
    }
  }

  private connection(peer: RawPeer, admitted: { credentials: unknown } | undefined): Connection {
    const { options } = this;
    const resolved = resolveOptions(options, isLocal(peer.peerAddress));
    const config = makeConfig({
      logger: this.logger,
      endpoints: [peer.localAddress, peer.peerAddress],
      ...configOf(options),
      ...admitted,
    });
    const root = rootOf(this.service);
    return new Connection({
      transport: peer.transport({ ...resolved, variant: 0, bound: 2 }),
      root,
      config,
      options: resolved,
      netrefs,
      speaks: options.protocol ?? 6,
    });
  }

  private ended(conn: Connection, error: Error & { code?: string }): void {
    this.open.delete(conn);
    this.sweep.delete(conn);
    const reason = this.cutting.get(conn) ?? REASONS[error.code ?? ''];
    this.cutting.delete(conn);
    this.counts.ended(conn, reason);
  }

  private timedOut(conn: Connection, reason: TimeoutReason, message: string): void {
    this.cutting.set(conn, reason);
    if (reason !== 'idle') {
      conn.fail(new TimeoutError(`${message}: the connection is closed`));
      return;
    }
    conn.config.logger?.debug(`${conn.config.connid}: ${message}: the connection is closed`);
    conn.close().catch((error: unknown) => this.logger?.error(`${conn.config.connid}: before_closed failed:`, error));
  }

  /** The TCP port that the server listens on. */
  get port(): number {
    return this.address.port;
  }

  /** Where the server listens: host and port, or the path of its socket (port 0). */
  get address(): ListeningAddress {
    return addressOf(this.where);
  }

  /** Is told when the authenticator has decided about a client. @internal */
  decided: (() => void) | undefined;

  /** Clients about which the authenticator has not decided yet. @internal */
  get entering(): number {
    return this.entrance.size;
  }

  /** Connections being served. */
  get connections(): ReadonlySet<Connection> {
    return this.open;
  }

  /** What the server has done so far: connections, requests, traffic. Sums up the open connections when asked. */
  metrics(): ServerMetrics {
    return this.counts.metrics(this.open, this.gate);
  }

  /** Lets the process end while the server only waits for connections. */
  unref(): this {
    this.gate.ref(false);
    return this;
  }

  /** Undoes `unref`. */
  ref(): this {
    this.gate.ref(true);
    return this;
  }

  /** Accepts nothing any more, and is known to no registry; what is open goes on. */
  protected stopAccepting(): void {
    this.gate.close();
    void this.registration?.stop();
    if (this.state === 'open') this.state = 'ending';
  }

  /**
   * The orderly end: stops accepting, lets the calls that are being served end and their answers leave, then says goodbye to each client.
   * Calls that come meanwhile are not begun (their callers get an EOFError), but for those that a call being served depends on.
   * Resolves with the number of connections that were cut because they took longer than `timeout`.
   * @throws {RangeError} for a time-out that is none
   */
  drain({ timeout }: DrainOptions = {}): Promise<number> {
    const limit = milliseconds('timeout', timeout, 30);
    this.draining ??= this.finish(limit);
    return this.draining;
  }

  private async finish(limitMs: number): Promise<number> {
    this.stopAccepting();
    this.entrance.close();
    const failed = (error: unknown): void => this.logger?.error('rpyc server: before_closed failed:', error);
    await within(limitMs, Promise.all([...this.open].map((conn) => conn.finish().catch(failed))));
    let cut = 0;
    for (const conn of this.open) {
      if (!conn.closed) {
        cut++;
        this.cutting.set(conn, 'drain');
      }
      conn.abort();
    }
    await this.registration?.stop();
    this.end();
    return cut;
  }

  /** Stops listening and closes every connection, whatever it does. Resolves when all are closed. */
  async close(): Promise<void> {
    this.stopAccepting();
    this.entrance.close();
    await Promise.all([...this.open].map((conn) => conn.close()));
    await this.registration?.stop();
    this.end();
  }

  private end(): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.emit('close');
  }

  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Codes of errors that a connection was cut with. */
const REASONS: Readonly<Record<string, CutReason | undefined>> = {
  ERR_RPYC_BACKPRESSURE: 'backpressure',
  ERR_RPYC_PROTOCOL: 'protocol',
  ERR_RPYC_VERSION: 'protocol',
};

/** RPyC's configuration keys, by either name. */
function configOf({ config, protocolConfig }: ServerOptions): ConnectionOptions['config'] {
  return config ?? protocolConfig;
}

/** @throws {RangeError} or {TypeError} for an option that cannot be */
export function checkServerOptions(options: ServerOptions): ResolvedLimits {
  checkAddress(options);
  checkRegistering(options);
  if (options.config !== undefined && options.protocolConfig !== undefined)
    throw new TypeError('config and protocolConfig are the same option: give one of them');
  authenticatorsOf(options.authenticator);
  resolveOptions(options, true);
  makeConfig(configOf(options));
  return resolveLimits(options);
}
