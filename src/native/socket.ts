// Connecting (awaitable and blocking), listening, accepting: how peers come about. Owns handles until they are a RawPeer.
import { lookup } from 'node:dns/promises';
import {
  createConnection,
  createServer,
  isIP,
  type ListenOptions as NetListenOptions,
  type Server as NetServer,
} from 'node:net';
import { getSystemErrorName } from 'node:util';
import { ConnectError, codedError, InterruptedError } from '../errors.ts';
import { LoopEvent, Status } from './addon.ts';
import { beat, detail, registerSocket, unregister } from './engine.ts';
import { addon } from './load.ts';
import { type Address, listeners, OWNS_SOCKETS, type RawPeer, SocketPeer, StreamPeer } from './peer.ts';

export type Target = { host: string; port: number } | { path: string };

export const describeTarget = (target: Target): string =>
  'path' in target
    ? target.path
    : target.host.includes(':')
      ? `[${target.host}]:${target.port}`
      : `${target.host}:${target.port}`;

function systemError(errno: number, syscall: string, where: string): Error {
  const code = getSystemErrorName(-Math.abs(errno));
  return Object.assign(new Error(`${syscall} ${code} ${where}`), { code, errno: -Math.abs(errno), syscall });
}

function startConnect(target: Target, address: string): number {
  return 'path' in target ? addon.connectUnix(target.path) : addon.connectTcp(address, target.port);
}

function failed(target: Target, errors: Error[]): ConnectError {
  const reason = errors.map((e) => e.message).join('; ');
  return new ConnectError(
    `cannot connect to ${describeTarget(target)}: ${reason || 'the name has no address'}`,
    errors,
  );
}

/** The whole of `timeoutMs` is shared by the addresses still to try, so that one silent address cannot use it up. */
const share = (deadline: number, left: number): number => Math.max(1, (deadline - Date.now()) / left);

/**
 * Connects to the first address of `target` that accepts. `timeoutMs` is for all addresses together.
 * @throws {ConnectError} with the system error of every address, the reason of `signal` when that is aborted
 */
export async function dial(target: Target, timeoutMs: number, signal?: AbortSignal): Promise<RawPeer> {
  if (!OWNS_SOCKETS) return dialStream(target, timeoutMs);
  return new SocketPeer(await dialHandle(target, timeoutMs, signal));
}

/** `dial`, for what is to be no RPyC peer: the handle of the engine's socket. */
export async function dialHandle(target: Target, timeoutMs: number, signal?: AbortSignal): Promise<number> {
  if (!OWNS_SOCKETS) throw unowned('ZeroMQ sockets');
  const errors: Error[] = [];
  const deadline = Date.now() + timeoutMs;
  const addresses = await addressesOf(target, errors);
  for (const [i, address] of addresses.entries()) {
    try {
      return await dialOne(target, address, share(deadline, addresses.length - i), signal);
    } catch (error) {
      signal?.throwIfAborted();
      errors.push(error as Error);
    }
  }
  throw failed(target, errors);
}

async function addressesOf(target: Target, errors: Error[]): Promise<string[]> {
  if ('path' in target) return [target.path];
  if (isIP(target.host)) return [target.host];
  try {
    return (await lookup(target.host, { all: true })).map((found) => found.address);
  } catch (error) {
    errors.push(error as Error);
    return [];
  }
}

function dialOne(target: Target, address: string, timeoutMs: number, signal?: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const handle = startConnect(target, address);
    const settled = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
    };
    const aborted = (): void => fail(new Error('aborted'));
    const fail = (error: Error): void => {
      settled();
      unregister(handle);
      addon.close(handle);
      reject(error);
    };
    const timer = setTimeout(
      () => fail(new Error(`connect to ${address} timed out after ${Math.round(timeoutMs)} ms`)),
      timeoutMs,
    );
    registerSocket(handle, (event, errno) => {
      if (event !== LoopEvent.CONNECTED) return;
      if (errno !== 0) fail(systemError(errno, 'connect', address));
      else {
        settled();
        unregister(handle);
        resolve(handle);
      }
    });
    signal?.addEventListener('abort', aborted);
    addon.watch(handle, true);
  });
}

/** `dial` by node:net. */
function dialStream(target: Target, timeoutMs: number): Promise<RawPeer> {
  return new Promise((resolve, reject) => {
    const path = 'path' in target ? target.path : undefined;
    const socket = createConnection(
      'path' in target ? { path: target.path } : { host: target.host, port: target.port },
    );
    const fail = (error: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(failed(target, [error]));
    };
    const timer = setTimeout(() => fail(new Error(`connect timed out after ${Math.round(timeoutMs)} ms`)), timeoutMs);
    socket.once('error', fail);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', fail);
      resolve(new StreamPeer(socket, path));
    });
  });
}

/** `dial` that blocks this thread. */
export function dialSync(target: Target, timeoutMs: number): SocketPeer {
  return new SocketPeer(dialHandleSync(target, timeoutMs));
}

/** `dialSync`, for what is to be no peer: the handle of the engine's socket, for `addon.close`. */
export function dialHandleSync(target: Target, timeoutMs: number): number {
  if (!OWNS_SOCKETS) throw unowned('blocking connections');
  const errors: Error[] = [];
  const deadline = Date.now() + timeoutMs;
  let addresses: string[] = [];
  try {
    addresses = 'path' in target ? [target.path] : isIP(target.host) ? [target.host] : addon.resolve(target.host);
  } catch (error) {
    errors.push(error as Error);
  }
  for (const [i, address] of addresses.entries()) {
    try {
      return dialOneSync(target, address, share(deadline, addresses.length - i));
    } catch (error) {
      if (error instanceof InterruptedError) throw error;
      errors.push(error as Error);
    }
  }
  throw failed(target, errors);
}

function dialOneSync(target: Target, address: string, timeoutMs: number): number {
  const handle = startConnect(target, address);
  const until = performance.now() + timeoutMs;
  let code: number = Status.TIMEOUT;
  for (let left = timeoutMs; code === Status.TIMEOUT && left > 0; left = until - performance.now()) {
    beat();
    code = addon.connectWait(handle, Math.ceil(Math.min(left, CONNECT_SLICE)));
  }
  if (code === 0) return handle;
  const errno = detail();
  addon.close(handle);
  if (code === Status.INTERRUPTED) throw new InterruptedError(errno);
  throw code === Status.TIMEOUT
    ? new Error(`connect to ${address} timed out after ${Math.round(timeoutMs)} ms`)
    : systemError(errno, 'connect', address);
}

/** A blocking connect shows a sign of life so often, ms. */
const CONNECT_SLICE = 50;

const unowned = (what: string): Error =>
  codedError(
    new TypeError(`${what} need Node: this runtime does not let the engine own sockets`),
    'ERR_RPYC_BLOCKING_UNSUPPORTED',
  );

export interface ListenOptions {
  /** Numeric address. */
  address: string;
  port: number;
  backlog: number;
  reuseAddress: boolean;
  reusePort: boolean;
  ipv6Only: boolean;
}

/** Listens, and hands over what connects. */
export interface Listener {
  readonly address: Address;
  /** Does it keep the process alive? Not while it does not watch. */
  ref(on: boolean): void;
  /** false: what connects waits in the kernel's backlog. (A listener of node:net cannot stop, and goes on.) */
  watch(on: boolean): void;
  close(): void;
}

/** Where to listen; `fd`: at a descriptor that listens already. */
export type Where = ListenOptions | { path: string; backlog: number } | { fd: number };

/** Starts to listen. @throws a system error, EADDRINUSE for a taken address */
export async function listen(
  where: Where,
  onAccept: (peer: RawPeer) => void,
  onError: (error: Error) => void,
): Promise<Listener> {
  if (!OWNS_SOCKETS) return listenStream(where, onAccept, onError);
  const accepted = (fd: number): void => {
    const peer = adopted(fd, onError);
    if (peer !== undefined) onAccept(peer);
  };
  return new SocketListener(where, accepted, onError);
}

/**
 * Starts to listen for others: every accepted descriptor goes to `onDescriptor`, which owns it, until `adopt` or `closeDescriptor`.
 * @throws as `listen`
 */
export function listenForOthers(
  where: Where,
  onDescriptor: (fd: number) => void,
  onError: (error: Error) => void,
): Listener {
  if (!OWNS_SOCKETS) throw unowned('listeners for others');
  return new SocketListener(where, onDescriptor, onError);
}

/** Takes over a connected descriptor; where that fails it is closed. @throws a system error, ENOTCONN for a peer that is gone again */
export function adopt(fd: number): RawPeer {
  return new SocketPeer(addon.adopt(fd));
}

/**
 * Takes over descriptor `fd` if `marks[fd]` is still `mark`: its offer stands. undefined: it was withdrawn. Nothing stands between the exchange
 * and `adopt`, which owns the descriptor from its first instruction: a thread that is terminated leaks none.
 * @throws as `adopt`
 */
export function takeOffered(marks: Int32Array, fd: number, mark: number): RawPeer | undefined {
  if (Atomics.compareExchange(marks, fd, mark, 0) !== mark) return undefined;
  return new SocketPeer(addon.adopt(fd));
}

/**
 * Takes over two descriptors, to read from and to write to; both are closed where that fails.
 * @throws {ConnectError} for what cannot be waited for, such as a regular file; a system error for a descriptor that is none
 */
export function adoptPipes(input: number, output: number): SocketPeer {
  if (!OWNS_SOCKETS) throw unowned('connections over descriptors');
  try {
    return new SocketPeer(addon.adoptPipes(input, output));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTSUP') throw error;
    throw new ConnectError(
      `descriptors ${input} and ${output} are no pipes, sockets or terminals: a regular file is no connection`,
      [error as Error],
    );
  }
}

/** Two connected sockets, both ours to close: one for `adopt`, the other for a child or a thread. */
export function socketPair(): { ours: number; theirs: number } {
  if (!OWNS_SOCKETS) throw unowned('connections to children');
  const [ours, theirs] = addon.socketPair();
  return { ours, theirs };
}

/**
 * Takes standard input and output away from the program; what it prints from now on goes to standard error, or nowhere (`dropPrints`, or
 * where that is the connection too).
 */
export function takeStdio(dropPrints = false): [input: number, output: number] {
  if (!OWNS_SOCKETS) throw unowned('connections over standard streams');
  return addon.takeStdio(dropPrints);
}

/** Closes a descriptor that nobody took over. */
export function closeDescriptor(fd: number): void {
  addon.closeFd(fd);
}

class SocketListener implements Listener {
  private readonly handle: number;
  private closed = false;

  constructor(where: Where, onDescriptor: (fd: number) => void, onError: (error: Error) => void) {
    this.handle =
      'fd' in where
        ? addon.adoptListener(where.fd)
        : 'path' in where
          ? addon.listenUnix(where.path, where.backlog)
          : addon.listenTcp(
              where.address,
              where.port,
              where.backlog,
              (where.reuseAddress ? 1 : 0) | (where.reusePort ? 2 : 0) | (where.ipv6Only ? 4 : 0),
            );
    registerSocket(this.handle, (event, arg) => {
      if (event !== LoopEvent.ACCEPTED) return;
      if (arg < 0) onError(systemError(arg, 'accept', this.address.join(':')));
      else onDescriptor(arg);
    });
    addon.watch(this.handle, true);
    listeners.add(this.handle);
  }

  get address(): Address {
    return addon.localAddress(this.handle);
  }

  ref(on: boolean): void {
    addon.ref(this.handle, on);
  }

  watch(on: boolean): void {
    if (!this.closed) addon.watch(this.handle, on);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    listeners.delete(this.handle);
    unregister(this.handle);
    addon.close(this.handle);
  }
}

/** What was accepted; undefined where it has hung up since (nobody's error), or cannot be had (`onError`'s). */
function adopted(descriptor: number, onError: (error: Error) => void): RawPeer | undefined {
  try {
    return adopt(descriptor);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTCONN') onError(error as Error);
    return undefined;
  }
}

class StreamListener implements Listener {
  readonly address: Address;
  private readonly server: NetServer;
  constructor(server: NetServer) {
    this.server = server;
    const bound = server.address();
    this.address = typeof bound === 'string' ? [bound, 0] : [bound?.address ?? '', bound?.port ?? 0];
  }
  ref(on: boolean): void {
    if (on) this.server.ref();
    else this.server.unref();
  }
  watch(): void {}
  close(): void {
    this.server.close();
  }
}

function listenStream(
  where: Where,
  onAccept: (peer: RawPeer) => void,
  onError: (error: Error) => void,
): Promise<Listener> {
  const path = 'path' in where ? where.path : undefined;
  const server = createServer((socket) => onAccept(new StreamPeer(socket, path)));
  const options: NetListenOptions =
    'fd' in where
      ? ({ fd: where.fd } as NetListenOptions)
      : 'path' in where
        ? { path: where.path, backlog: where.backlog }
        : { host: where.address, port: where.port, backlog: where.backlog, ipv6Only: where.ipv6Only };
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      server.on('error', onError);
      resolve(new StreamListener(server));
    });
  });
}
