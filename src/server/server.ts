// A server: listens, and makes a Connection of everything it accepts. Answers to rpyc/utils/server.py (one event loop instead of threads).

import { lookup } from 'node:dns/promises';
import { EventEmitter } from 'node:events';
import { unlinkSync } from 'node:fs';
import { isIP } from 'node:net';
import { isLocal, type RawPeer } from '../native/peer.ts';
import { type Listener, listen } from '../native/socket.ts';
import { netrefs } from '../netref/maker.ts';
import { type ConnectionOptions, makeConfig, resolveOptions } from '../policy/config.ts';
import { CONSOLE, type Logger } from '../policy/logger.ts';
import { Connection } from '../protocol/connection.ts';
import { rootOf, Service, type ServiceSource } from '../service/service.ts';

/** What a {@link Server} takes beside its service: where to listen, and what each of its connections gets. */
export interface ServerOptions extends ConnectionOptions {
  /** Address or name to listen on. Default 127.0.0.1 (RPyC listens on all interfaces; say '0.0.0.0' or '::' for that). */
  hostname?: string;
  /** TCP port; 0, the default, takes any free one (`server.port` tells). */
  port?: number;
  /** Path of a Unix socket to listen on instead. */
  socketPath?: string;
  /** Connections waiting to be accepted. Default 511. */
  backlog?: number;
  /** SO_REUSEADDR. Default true. */
  reuseAddr?: boolean;
  /**
   * Is told what goes wrong: as debug what a caller is told as well, as errors what reaches nobody. Default: warnings and errors go to
   * stderr, and with RPYC_DEBUG=1 in the environment the rest too; null: none.
   */
  logger?: Logger | null;
  /** Wire version to speak when the service talks before the client does. Default 6. */
  protocol?: 5 | 6;
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
 *
 * Emits `connection` with each new {@link Connection}, and `close`. Answers to the servers of rpyc/utils/server.py, of which it replaces
 * ThreadedServer: one event loop serves all connections.
 */
export class Server extends EventEmitter<ServerEvents> {
  private readonly service: ServiceSource;
  private readonly options: ServerOptions;
  private listener: Listener | undefined;
  private readonly open = new Set<Connection>();
  private where: [string, number] | undefined;

  /**
   * @param service a class: one instance per connection; an instance: shared by all
   * @throws {TypeError} for anything else; {RangeError} for an option out of its range
   */
  constructor(service: ServiceSource, options: ServerOptions = {}) {
    super();
    if (!(service instanceof Service) && !(typeof service === 'function' && service.prototype instanceof Service))
      throw new TypeError('Server takes a subclass of rpyc.Service, or an instance of one');
    const { port = 0 } = options;
    if (!(Number.isInteger(port) && port >= 0 && port < 65_536))
      throw new RangeError(`port is between 0 and 65535, not ${port}`);
    resolveOptions(options, true);
    makeConfig(options.config);
    this.service = service;
    this.options = options;
  }

  /** Resolves when the server listens. @throws a system error, EADDRINUSE for a taken port */
  async start(): Promise<this> {
    if (this.where !== undefined) throw new Error('the server was started before: make a new one');
    const { hostname = '127.0.0.1', port = 0, socketPath, backlog = 511, reuseAddr = true } = this.options;
    const where =
      socketPath !== undefined
        ? { path: socketPath, backlog }
        : {
            address: isIP(hostname) ? hostname : (await lookup(hostname)).address,
            port,
            backlog,
            reuseAddress: reuseAddr,
            reusePort: false,
            ipv6Only: false,
          };
    this.listener = await listen(
      where,
      (peer) => this.accept(peer),
      (error) => this.logger?.error('rpyc server: accept failed', error),
    );
    this.where = [...this.listener.address];
    return this;
  }

  private get logger(): Logger | null {
    return this.options.logger === undefined ? CONSOLE : this.options.logger;
  }

  private accept(peer: RawPeer): void {
    let made: Connection | undefined;
    try {
      const conn = this.connection(peer);
      made = conn;
      this.open.add(conn);
      conn.once('close', () => this.open.delete(conn));
      conn.start();
      this.emit('connection', conn);
    } catch (error) {
      if (made === undefined) peer.close();
      else made.abort();
      this.logger?.error('rpyc server: a connection could not be served', error);
    }
  }

  private connection(peer: RawPeer): Connection {
    const { options } = this;
    const resolved = resolveOptions(options, isLocal(peer.peerAddress));
    const config = makeConfig({
      logger: this.logger,
      endpoints: [peer.localAddress, peer.peerAddress],
      ...options.config,
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

  /** The TCP port that the server listens on. */
  get port(): number {
    return this.address.port;
  }

  /** Where the server listens: host and port, or the path of its socket (port 0). */
  get address(): {
    /** Address, or path of the socket. */
    host: string;
    /** TCP port, 0 for a Unix socket. */
    port: number;
  } {
    if (this.where === undefined) throw new Error('the server has not been started');
    return { host: this.where[0], port: this.where[1] };
  }

  /** Connections being served. */
  get connections(): ReadonlySet<Connection> {
    return this.open;
  }

  /** Lets the process end while the server only waits for connections. */
  unref(): this {
    this.listener?.ref(false);
    return this;
  }

  /** Undoes `unref`. */
  ref(): this {
    this.listener?.ref(true);
    return this;
  }

  /** Stops listening and closes every connection. Resolves when all are closed. */
  async close(): Promise<void> {
    const { listener } = this;
    if (listener === undefined) return;
    this.listener = undefined;
    listener.close();
    if (this.options.socketPath !== undefined) removeSocket(this.options.socketPath);
    await Promise.all([...this.open].map((conn) => conn.close()));
    this.emit('close');
  }

  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function removeSocket(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Somebody else removed it.
  }
}
