// The relay: listens, and joins everything it accepts to its target. Owns the listener, its connections and their count.
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { resolveOptions } from '../policy/config.ts';
import { CONSOLE, type Logger } from '../policy/logger.ts';
import { checkAddress, type ListeningAddress } from '../server/address.ts';
import { milliseconds } from '../server/limits.ts';
import type { Version } from './frames.ts';
import { dialTo, type JoinOptions, join } from './join.ts';

/** Where a {@link Relay} listens, and its bounds. */
export interface RelayOptions {
  /** Address or name to listen on. Default 127.0.0.1. */
  hostname?: string;
  /** TCP port; 0, the default, takes any free one (`relay.port` tells). */
  port?: number;
  /** Listen on an IPv6 address: ::1 by default. Default false. */
  ipv6?: boolean;
  /** Path of a Unix socket to listen on instead. */
  socketPath?: string;
  /** Connections waiting to be accepted. Default 511. */
  backlog?: number;
  /** What clients speak; only needed where the server talks first and its clients never do. Default: found out. */
  protocol?: 5 | 6;
  /** Connections at a time; further ones are closed at once. Default 1000. */
  maxConnections?: number;
  /** Largest frame that passes, bytes. Default 256 MiB. */
  maxFrame?: number;
  /** Largest payload that a compressed frame may inflate to when it is translated, bytes. Default 256 MiB. */
  maxInflated?: number;
  /** Seconds for connecting to the target. Default 10. */
  connectTimeout?: number;
  /** Seconds for the first message of an end that has begun to send it; null: no bound. Default 10. */
  handshakeTimeout?: number | null;
  /** Is told as debug who sent what is no RPyC, as warnings that the target cannot be reached, or speaks another version than was said. Default: warnings go to stderr; null: none. */
  logger?: Logger | null;
}

/** Whom a {@link Relay} speaks to. */
export type RelayTarget = (
  | {
      /** Name or address of the server. */
      host: string;
      /** TCP port of the server. */
      port: number;
    }
  | {
      /** Path of the server's Unix socket. */
      socketPath: string;
    }
) & {
  /** What the server speaks. Default: found out, with the first connection and whenever it changes. */
  protocol?: 5 | 6;
};

/** What a relay has done so far. */
export interface RelayMetrics {
  /** Connections now. */
  readonly open: number;
  /** Connections that were let in. */
  readonly accepted: number;
  /** Connections that were closed at once, being too many. */
  readonly refused: number;
  /** Connections that ended because of an error: an unreachable target, bytes that are no RPyC, a broken limit. */
  readonly failed: number;
}

function version(name: string, value: unknown): Version | undefined {
  if (value === undefined || value === 5 || value === 6) return value;
  throw new RangeError(`${name} is 5 or 6, not ${String(value)}`);
}

/**
 * Joins RPyC peers of different versions: clients of RPyC 4.1 to 5.3 to a server of 6.x, clients of 6.x to a server of 4.1 to 5.3, and equal
 * ones. It translates how messages are laid out and nothing else, so that objects, callbacks and exceptions go through it in both directions.
 *
 *     const relay = new rpyc.Relay({ port: 18861 }, { host: 'old-server', port: 18861 });
 *     await relay.start();
 *
 * It neither asks who connects nor encrypts: listen on loopback, or behind what does.
 */
export class Relay {
  private readonly options: RelayOptions;
  private readonly joining: JoinOptions;
  private readonly server: Server;
  private readonly clients = new Set<Socket>();
  private readonly running = new Set<Promise<void>>();
  private accepted = 0;
  private refused = 0;
  private failed = 0;

  /** @throws {TypeError} or {RangeError} for an option out of its range */
  constructor(options: RelayOptions, target: RelayTarget) {
    checkAddress(options);
    const { maxConnections = 1000 } = options;
    const connectTimeout = Math.min(milliseconds('connectTimeout', options.connectTimeout, 10), 2 ** 31 - 1);
    if (!(Number.isInteger(maxConnections) && maxConnections >= 1))
      throw new RangeError(`maxConnections is a whole number from 1 on, not ${maxConnections}`);
    const { maxFrame, maxInflated } = resolveOptions(options, false);
    const where = 'socketPath' in target ? { path: target.socketPath } : { host: target.host, port: target.port };
    if ('port' in where && !(Number.isInteger(where.port) && where.port > 0 && where.port < 65_536))
      throw new RangeError(`the target's port is between 1 and 65535, not ${where.port}`);
    const name =
      'path' in where ? where.path : `${where.host.includes(':') ? `[${where.host}]` : where.host}:${where.port}`;
    this.options = options;
    this.joining = {
      dial: () => dialTo(where, name, connectTimeout),
      limits: { maxFrame, maxInflated, handshake: milliseconds('handshakeTimeout', options.handshakeTimeout, 10) },
      client: version('protocol', options.protocol),
      target: version("the target's protocol", target.protocol),
      learned: { version: undefined },
    };
    this.server = createServer((client) => this.accept(client));
    this.server.maxConnections = maxConnections;
    this.server.on('drop', () => this.refused++);
  }

  private get logger(): Logger | null {
    return this.options.logger === undefined ? CONSOLE : this.options.logger;
  }

  /** Resolves when the relay listens. @throws a system error, EADDRINUSE for a taken port */
  async start(): Promise<this> {
    const { ipv6 = false, hostname = ipv6 ? '::1' : '127.0.0.1', port = 0, socketPath, backlog = 511 } = this.options;
    const where: ListenOptions = socketPath === undefined ? { host: hostname, port } : { path: socketPath };
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ ...where, backlog }, () => {
        this.server.off('error', reject);
        resolve();
      });
    });
    this.server.on('error', (error) => this.logger?.error(`rpyc relay: cannot accept: ${error.message}`, error));
    return this;
  }

  private accept(client: Socket): void {
    this.accepted++;
    this.clients.add(client);
    const run = join(client, this.joining)
      .catch((error: Error & { code?: string }) => {
        this.failed++;
        const line = `rpyc relay: ${client.remoteAddress ?? 'a client'}: ${error.message}`;
        if (error.code === 'ERR_RPYC_CONNECT' || error.code === 'ERR_RPYC_VERSION') this.logger?.warn(line);
        else this.logger?.debug(line);
      })
      .finally(() => {
        this.clients.delete(client);
        this.running.delete(run);
      });
    this.running.add(run);
  }

  /** The TCP port that the relay listens on. */
  get port(): number {
    return this.address.port;
  }

  /** Where the relay listens: host and port, or the path of its socket (port 0). */
  get address(): ListeningAddress {
    const bound = this.server.address();
    if (bound === null) throw new Error('the relay does not listen');
    return typeof bound === 'string' ? { host: bound, port: 0 } : { host: bound.address, port: bound.port };
  }

  /** What the relay has done so far. */
  metrics(): RelayMetrics {
    return { open: this.clients.size, accepted: this.accepted, refused: this.refused, failed: this.failed };
  }

  /** Stops listening and closes every connection. Resolves when all are over. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const client of this.clients) client.destroy();
    await Promise.all([closed, ...this.running]);
  }

  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
