// A ZeroMQ socket: binds, connects and connects again; the engine has its peers, their queues and what ZeroMQ does with messages.

import { lookup } from 'node:dns/promises';
import { lstatSync, unlinkSync } from 'node:fs';
import { isIP } from 'node:net';
import { LoopEvent } from '../native/addon.ts';
import { registerNode, unregisterNode } from '../native/engine.ts';
import { addon } from '../native/load.ts';
import { closeDescriptor, dialHandle, type Listener, listenForOthers } from '../native/socket.ts';
import { receiveMessages, sendMessages, sizeOf } from './arena.ts';
import { type Place, readEndpoint, writeEndpoint } from './endpoint.ts';
import { closed, full, unsendable } from './errors.ts';

export type SocketType = 'DEALER' | 'ROUTER' | 'PUSH' | 'PULL' | 'PUB' | 'SUB' | 'REQ' | 'REP';

/** Times in milliseconds. */
export interface ZmqOptions {
  /** By which a ROUTER at the other side knows us; at most 255 bytes. */
  readonly identity?: Uint8Array;
  /** Largest message, in and out, its parts together. Default 64 MiB. */
  readonly maxMessage?: number;
  /** Messages per peer and direction that wait at most. Default 1000. */
  readonly highWater?: number;
  /** The same in bytes. Default 16 MiB. */
  readonly highWaterBytes?: number;
  /** Between two PINGs; 0, the default: none. */
  readonly heartbeat?: number;
  /** Silence after a PING that means the peer is lost. Default: `heartbeat`. */
  readonly heartbeatTimeout?: number;
  /** In which a peer has to shake hands. Default 30 s. */
  readonly handshakeTimeout?: number;
  /** First wait before connecting again; it doubles up to `reconnectMax`. Defaults 100 and 5000. */
  readonly reconnect?: number;
  readonly reconnectMax?: number;
  /** Most peers that connected to us. Default 10,000. */
  readonly maxPeers?: number;
  /** Messages that `send` keeps while no peer takes them. Default 10,000. */
  readonly maxWaiting?: number;
}

/** What a socket tells. */
export interface ZmqEvents {
  /** A message. Its parts may share memory with those of others: copy what is kept for long. */
  message(parts: Uint8Array[]): void;
  /** A peer shook hands. */
  peer?(): void;
  /** A peer's connection ended, or could not be made; where we connected, it is tried again. */
  lost?(reason: string): void;
}

export interface ZmqStats {
  readonly peers: number;
  /** Peers that shook hands. */
  readonly ready: number;
  /** Messages that wait to be sent. */
  readonly waiting: number;
  /** Messages that had nowhere to go. */
  readonly dropped: number;
}

const NOTHING = new Uint8Array(0);
const MAX_PARTS = 1024;
/** Default of `maxMessage`, bytes. */
const MAX_MESSAGE = 64 * 1024 * 1024;
/** Default of `handshakeTimeout`, ms. */
const HANDSHAKE_TIMEOUT = 30_000;
/** How long nothing is accepted after that failed, ms. */
const ACCEPT_AGAIN = 100;
const SENDS: ReadonlySet<SocketType> = new Set(['DEALER', 'ROUTER', 'PUSH', 'PUB', 'REQ', 'REP']);

export class ZmqSocket {
  readonly type: SocketType;
  readonly #events: ZmqEvents;
  readonly #options: ZmqOptions;
  readonly #node: number;
  readonly #listeners = new Map<string, { listener: Listener; path: string | undefined }>();
  /** Peers that we connect to, by endpoint, and what ends the attempts. */
  readonly #dialed = new Map<string, Dialed>();
  readonly #waiting: (readonly Uint8Array[])[] = [];
  readonly #stats = new Float64Array(5);
  /** Received and not told yet, the last one first. */
  #received: Uint8Array[][] = [];
  #writable: { promise: Promise<void>; resolve(): void } | undefined;
  #scheduled = false;
  #paused = false;
  #accepted = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(type: SocketType, events: ZmqEvents, options: ZmqOptions = {}) {
    this.type = type;
    this.#events = events;
    this.#options = options;
    const { heartbeat = 0 } = options;
    this.#node = addon.zmqSocket(
      type,
      options.identity ?? NOTHING,
      options.maxMessage ?? MAX_MESSAGE,
      options.highWater ?? 1000,
      options.highWaterBytes ?? 16 * 1024 * 1024,
      heartbeat,
      options.heartbeatTimeout ?? heartbeat,
      options.handshakeTimeout ?? HANDSHAKE_TIMEOUT,
    );
    registerNode(this.#node, (event, peer) => this.#onEvent(event, peer));
  }

  /** Listens; resolves with the endpoint, its port filled in. @throws a system error, EADDRINUSE for a taken address */
  async bind(endpoint: string): Promise<string> {
    const place = readEndpoint(endpoint, true);
    const where = await numeric(place);
    if (this.#closed) throw closed();
    if ('path' in where) removeSocket(where.path);
    const listener: Listener = listenForOthers(
      'path' in where
        ? { path: where.path, backlog: 511 }
        : {
            address: where.host,
            port: where.port,
            backlog: 511,
            reuseAddress: true,
            reusePort: false,
            ipv6Only: false,
          },
      (fd) => this.#accept(fd),
      (error) => {
        // Mostly a lack of descriptors, which will not end at once.
        listener.watch(false);
        setTimeout(() => listener.watch(true), ACCEPT_AGAIN).unref();
        this.#events.lost?.(error.message);
      },
    );
    const [host, port] = listener.address;
    const bound = writeEndpoint('path' in where ? where : { host, port });
    this.#listeners.set(bound, { listener, path: 'path' in where ? where.path : undefined });
    return bound;
  }

  /** Connects, now and whenever the connection is lost. Messages can be sent at once: they wait. */
  connect(endpoint: string): void {
    if (this.#closed) throw closed();
    const place = readEndpoint(endpoint, false);
    if (this.#dialed.has(endpoint)) return;
    const dialed = new Dialed(addon.zmqAttach(this.#node), place);
    this.#dialed.set(endpoint, dialed);
    void this.#dial(dialed);
    this.#flush();
  }

  /** Ends what `connect` or `bind` began, with what waits for that peer; peers that connected to us stay. */
  disconnect(endpoint: string): void {
    const dialed = this.#dialed.get(endpoint);
    this.#dialed.delete(endpoint);
    dialed?.stop();
    if (dialed && !this.#closed) addon.zmqDetach(this.#node, dialed.peer);
    const bound = this.#listeners.get(endpoint);
    this.#listeners.delete(endpoint);
    bound?.listener.close();
    if (bound?.path === undefined) return;
    try {
      removeSocket(bound.path);
    } catch {
      // It stays behind, as it would after a crash: the next to bind removes it, or is told why not.
    }
  }

  /**
   * Sends a message, at the end of this tick with others. The parts must not be changed any more. False: no peer takes it now, so it waits;
   * better wait for `writable` before the next.
   * @throws ERR_ZMTP_MISUSE for what this socket cannot send, ERR_ZMTP_FULL when too much waits already
   */
  send(parts: readonly Uint8Array[]): boolean {
    if (this.#closed) throw closed();
    this.#check(parts);
    const { maxWaiting = 10_000 } = this.#options;
    if (this.#waiting.length >= maxWaiting) {
      this.#flush();
      if (this.#waiting.length >= maxWaiting) throw full(this.#waiting.length);
    }
    this.#waiting.push(parts);
    if (this.type === 'REQ' || this.type === 'REP') {
      this.#flush(); // whether it is our turn is told at once
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      process.nextTick(() => this.#flush());
    }
    return this.isWritable;
  }

  #check(parts: readonly Uint8Array[]): void {
    const { maxMessage = MAX_MESSAGE } = this.#options;
    if (!SENDS.has(this.type)) throw unsendable(`a ${this.type} socket sends no messages`);
    const fewest = this.type === 'ROUTER' ? 2 : 1;
    if (parts.length < fewest || parts.length > MAX_PARTS)
      throw unsendable(`a message of a ${this.type} socket has ${fewest} to ${MAX_PARTS} parts, not ${parts.length}`);
    const size = sizeOf(parts);
    if (size > maxMessage) throw unsendable(`a message of ${size} bytes exceeds maxMessage, ${maxMessage}`);
  }

  /** Is there room for more? */
  get isWritable(): boolean {
    return this.#writable === undefined;
  }

  /** Resolves when nothing waits for want of room. */
  writable(): Promise<void> {
    return this.#writable?.promise ?? Promise.resolve();
  }

  /** SUB: wants messages that start with `topic`. */
  subscribe(topic: Uint8Array): void {
    if (this.#closed) throw closed();
    if (this.type !== 'SUB') throw unsendable(`a ${this.type} socket does not subscribe`);
    addon.zmqSubscribe(this.#node, topic, true);
  }

  /** SUB: takes one `subscribe` back. */
  unsubscribe(topic: Uint8Array): void {
    if (!this.#closed && this.type === 'SUB') addon.zmqSubscribe(this.#node, topic, false);
  }

  /** No messages are told until `resume`; what arrives waits up to the high-water mark, then peers wait. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#drain();
  }

  stats(): ZmqStats {
    if (this.#closed) return { peers: 0, ready: 0, waiting: 0, dropped: 0 };
    addon.zmqStats(this.#node, this.#stats);
    const [peers = 0, ready = 0, unsent = 0, , dropped = 0] = this.#stats;
    return { peers, ready, waiting: this.#waiting.length + unsent, dropped };
  }

  /** Resolves when everything is with the kernel, or after `timeout` ms: false. */
  async flushed(timeout: number): Promise<boolean> {
    const until = performance.now() + timeout;
    for (;;) {
      if (this.#closed) return false;
      this.#flush();
      const { waiting } = this.stats();
      if (waiting === 0 && this.#stats[3] === 0) return true;
      if (performance.now() >= until) return false;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Closes everything at once; what waits to be sent is lost (see `flushed`). */
  close(): void {
    if (this.#closed) return;
    this.#flush();
    for (const endpoint of [...this.#listeners.keys(), ...this.#dialed.keys()]) this.disconnect(endpoint);
    this.#closed = true;
    clearInterval(this.#timer);
    unregisterNode(this.#node);
    addon.zmqClose(this.#node);
    this.#waiting.length = 0;
    this.#writable?.resolve();
  }

  #flush(): void {
    this.#scheduled = false;
    if (this.#closed) return;
    if (this.#waiting.length > 0) {
      let sent = 0;
      try {
        sent = sendMessages(this.#node, this.#waiting);
      } catch (error) {
        // Only turns of REQ and REP are not known before: they send one at a time.
        this.#waiting.length = 0;
        throw error;
      }
      this.#waiting.splice(0, sent);
      if (this.type === 'REP' && sent > 0) queueMicrotask(() => this.#drain()); // the next request's turn
    }
    if (this.#waiting.length === 0) {
      this.#writable?.resolve();
      this.#writable = undefined;
    } else if (this.#writable === undefined) {
      let resolve = (): void => undefined;
      const promise = new Promise<void>((done) => {
        resolve = done;
      });
      this.#writable = { promise, resolve };
    }
  }

  #onEvent(event: number, peer: number): void {
    if (event === LoopEvent.ZMQ_MESSAGES) this.#drain();
    else if (event === LoopEvent.ZMQ_SENDABLE) this.#flush();
    else if (event === LoopEvent.ZMQ_PEER) this.#ready(peer);
    else if (event === LoopEvent.ZMQ_LOST) this.#lost(peer, addon.zmqReason(this.#node));
  }

  #drain(): void {
    while (!this.#closed && !this.#paused) {
      if (this.#received.length === 0) this.#received = receiveMessages(this.#node).reverse();
      const parts = this.#received.pop();
      if (parts === undefined) return;
      this.#events.message(parts);
    }
  }

  #accept(fd: number): void {
    const { maxPeers = 10_000 } = this.#options;
    if (this.#accepted >= maxPeers) {
      closeDescriptor(fd);
      this.#events.lost?.(`there are ${maxPeers} peers already`);
      return;
    }
    let handle: number | undefined;
    try {
      handle = addon.adopt(fd);
      addon.zmqOpen(this.#node, handle, -1);
    } catch (error) {
      // Mostly a peer that is gone again.
      if (handle !== undefined) addon.close(handle);
      this.#events.lost?.((error as Error).message);
      return;
    }
    this.#accepted++;
    this.#tick();
  }

  async #dial(dialed: Dialed): Promise<void> {
    const { reconnectMax = 5000 } = this.#options;
    let handle: number;
    try {
      handle = await dialHandle(dialed.place, Math.max(reconnectMax, 1000), dialed.signal);
    } catch (error) {
      if (dialed.signal.aborted) return;
      this.#again(dialed, (error as Error).message);
      return;
    }
    if (dialed.signal.aborted) {
      addon.close(handle);
      return;
    }
    addon.zmqOpen(this.#node, handle, dialed.peer);
    this.#tick();
  }

  /** Connects again after a while: twice as long as the last time, and some more or less, so that not all come at once. */
  #again(dialed: Dialed, reason: string): void {
    const { reconnect = 100, reconnectMax = 5000 } = this.#options;
    const wait = Math.min(reconnect * 2 ** dialed.failures++, reconnectMax) * (0.75 + Math.random() / 2);
    dialed.later(wait, () => void this.#dial(dialed));
    this.#events.lost?.(reason);
  }

  #ready(peer: number): void {
    for (const dialed of this.#dialed.values()) if (dialed.peer === peer) dialed.failures = 0;
    this.#flush();
    this.#events.peer?.();
  }

  #lost(peer: number, reason: string): void {
    const dialed = [...this.#dialed.values()].find((each) => each.peer === peer);
    if (dialed) {
      this.#again(dialed, reason);
      return;
    }
    this.#accepted--;
    this.#events.lost?.(reason);
  }

  /** Heartbeats and time limits, while there are peers. */
  #tick(): void {
    if (this.#timer !== undefined) return;
    const { heartbeat = 0, handshakeTimeout = HANDSHAKE_TIMEOUT } = this.#options;
    const every = Math.min(heartbeat === 0 ? 1000 : heartbeat / 2, handshakeTimeout / 2, 1000);
    this.#timer = setInterval(
      () => {
        addon.zmqTick(this.#node);
        if (this.stats().peers > 0) return;
        clearInterval(this.#timer);
        this.#timer = undefined;
      },
      Math.max(every, 5),
    ).unref();
  }
}

/** A peer that we connect to. */
class Dialed {
  readonly peer: number;
  readonly place: Place;
  failures = 0;
  readonly #abort = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(peer: number, place: Place) {
    this.peer = peer;
    this.place = place;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  later(ms: number, then: () => void): void {
    if (!this.signal.aborted) this.#timer = setTimeout(then, ms);
  }

  stop(): void {
    this.#abort.abort();
    clearTimeout(this.#timer);
  }
}

/** Where to listen, as numbers. */
async function numeric(place: Place): Promise<Place> {
  if ('path' in place || isIP(place.host)) return place;
  return { host: (await lookup(place.host)).address, port: place.port };
}

/** Takes a left-over socket out of the way, as libzmq does; nothing else. */
function removeSocket(path: string): void {
  try {
    if (lstatSync(path).isSocket()) unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
