// A connected peer before it has a protocol: a socket of the engine, or a Node stream where the engine cannot own sockets.
import type { Socket } from 'node:net';
import { codedError } from '../errors.ts';
import type { OpenOptions } from './addon.ts';
import { Channel } from './channel.ts';
import { addon } from './load.ts';
import { SocketTransport, StreamTransport, type Transport } from './transport.ts';

/** `[host, port]`, or `[path, 0]` of a Unix socket. */
export type Address = readonly [string, number];

/** TCP keepalive, in seconds: when a silent peer is asked, how often, and how many questions may stay without an answer. */
export interface KeepAliveTimes {
  readonly idle: number;
  readonly interval: number;
  readonly count: number;
}

export interface RawPeer {
  readonly localAddress: Address;
  readonly peerAddress: Address;
  /** Can, by its address, only this same thread serve it? A blocking call could never be answered. */
  readonly isOwnListener: boolean;
  /** May, by its address, this same thread be the one that serves it? */
  readonly mayMeetItself: boolean;
  /** Has the kernel find out that the peer vanished. Without effect where there is no TCP. */
  keepAlive(times: KeepAliveTimes): void;
  /** Its bytes before it has a protocol. @throws {TypeError} where the engine does not own the socket */
  channel(): Channel;
  /** Gives it a codec. The transport owns the peer from here on. */
  transport(options: OpenOptions): Transport;
  /** Gives it up, if it has no transport yet. */
  close(): void;
}

/**
 * Can the engine own sockets here? Bun aborts on `uv_poll_init` and Deno's fires only once, so both get node:net and the push transport:
 * everything but blocking calls.
 */
export const OWNS_SOCKETS: boolean = !('Bun' in globalThis || 'Deno' in globalThis);

/** Is the other end on this machine? */
export function isLocal(address: Address): boolean {
  const [host, port] = address;
  return port === 0 || host.startsWith('127.') || host === '::1' || host.startsWith('::ffff:127.');
}

/** Handles of this thread's listeners. */
export const listeners = new Set<number>();

/**
 * The worker pool that this thread belongs to: what connects to its address is handed to this thread, or to another worker. `alone`: there is
 * no other.
 */
export interface PoolMembership {
  readonly address: Address;
  readonly alone: boolean;
}

let pool: PoolMembership | undefined;

/** This thread is a worker of a pool from now on. */
export function joinPool(membership: PoolMembership): void {
  pool = membership;
}

/** May what this thread connects to lead back to it? */
export const servesHere = (): boolean => listeners.size !== 0 || pool !== undefined;

/** A socket handle of the engine. */
export class SocketPeer implements RawPeer {
  protected readonly handle: number;
  private local: Address | undefined;
  private remote: Address | undefined;
  constructor(handle: number) {
    this.handle = handle;
  }
  keepAlive({ idle, interval, count }: KeepAliveTimes): void {
    addon.keepAlive(this.handle, idle, interval, count);
  }
  get localAddress(): Address {
    this.local ??= addon.localAddress(this.handle);
    return this.local;
  }
  get peerAddress(): Address {
    this.remote ??= addon.peerAddress(this.handle);
    return this.remote;
  }
  get isOwnListener(): boolean {
    return (listeners.size !== 0 && addon.isOwnListener(this.handle)) || (pool?.alone === true && this.reachesPool);
  }
  get mayMeetItself(): boolean {
    return this.isOwnListener || this.reachesPool;
  }
  private get reachesPool(): boolean {
    return pool !== undefined && addon.reaches(this.handle, ...pool.address);
  }
  channel(): Channel {
    // The kernel does not tell them any more when the peer has hung up meanwhile.
    void [this.localAddress, this.peerAddress];
    return new Channel(this.handle);
  }
  transport(options: OpenOptions): Transport {
    return new SocketTransport(this.handle, options);
  }
  close(): void {
    addon.close(this.handle);
  }
}

/** A socket of node:net. */
export class StreamPeer implements RawPeer {
  /** There are no blocking calls over it in any case. */
  readonly isOwnListener = false;
  readonly mayMeetItself = false;
  private readonly socket: Socket;
  private readonly path: string | undefined;
  constructor(socket: Socket, path: string | undefined) {
    this.socket = socket;
    this.path = path;
    socket.setNoDelay(true);
    // Errors before there is a transport; it listens for itself.
    socket.on('error', () => undefined);
  }
  get localAddress(): Address {
    return [this.socket.localAddress ?? this.path ?? '', this.socket.localPort ?? 0];
  }
  get peerAddress(): Address {
    return [this.socket.remoteAddress ?? this.path ?? '', this.socket.remotePort ?? 0];
  }
  keepAlive({ idle }: KeepAliveTimes): void {
    this.socket.setKeepAlive(true, idle * 1000);
  }
  channel(): Channel {
    throw codedError(
      new TypeError('TLS and authenticators need Node: this runtime does not let the engine own sockets'),
      'ERR_RPYC_BLOCKING_UNSUPPORTED',
    );
  }
  transport(options: OpenOptions): Transport {
    return new StreamTransport(this.socket, options);
  }
  close(): void {
    this.socket.destroy();
  }
}
