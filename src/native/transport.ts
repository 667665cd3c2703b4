// How a connection's bytes move: a socket that the engine owns (awaitable and blocking), or any Node Duplex (awaitable only).
import type { Duplex } from 'node:stream';
import { EOFError } from '../errors.ts';
import type { OpenOptions } from './addon.ts';
import { type Endpoint, flush, onPushOutput, register, unregister } from './engine.ts';
import { addon } from './load.ts';

/** What a Connection asks of its bytes' carrier. Everything else goes by `handle` through the engine. */
export interface Transport {
  readonly handle: number;
  /** Can this thread wait for it without the event loop? */
  readonly canBlock: boolean;
  /** Loop delivery to `endpoint` from now on. */
  start(endpoint: Endpoint): void;
  /** Does the connection keep the process alive? */
  ref(on: boolean): void;
  /** Stops reading (true) or goes on; output is written all the same. */
  pause(on: boolean): void;
  /** Bytes of output that left the engine and wait outside of it. */
  readonly backlog: number;
  /** No more output after what is queued. */
  shutdown(): void;
  close(): void;
  /** The peer hung up, or broke: what is known of the reason. Asked once, before `close`. */
  explain?(error: EOFError): EOFError;
}

/** A socket descriptor in the engine. */
export class SocketTransport implements Transport {
  readonly handle: number;
  readonly canBlock = true;
  readonly backlog = 0;

  constructor(handle: number, options: OpenOptions) {
    this.handle = handle;
    const o = options;
    addon.open(handle, o.maxFrame, o.maxInflated, o.maxDepth, o.compress, o.variant, o.bound, o.highWater);
  }

  start(endpoint: Endpoint): void {
    register(this.handle, endpoint);
    addon.watch(this.handle, true);
  }

  ref(on: boolean): void {
    addon.ref(this.handle, on);
  }

  pause(on: boolean): void {
    addon.watch(this.handle, !on);
  }

  shutdown(): void {
    addon.shutdown(this.handle);
  }

  close(): void {
    unregister(this.handle);
    addon.close(this.handle);
  }
}

/** Any Duplex: bytes are copied in and out. */
export class StreamTransport implements Transport {
  readonly handle: number;
  readonly canBlock = false;
  private readonly stream: Duplex;
  private readonly stopOutput: () => void;
  private readonly highWater: number;
  private endpoint: Endpoint | undefined;
  private paused = false;

  constructor(stream: Duplex, options: OpenOptions) {
    this.stream = stream;
    this.highWater = options.highWater;
    const o = options;
    this.handle = addon.openPush(o.maxFrame, o.maxInflated, o.maxDepth, o.compress, o.variant, o.bound, o.highWater);
    this.stopOutput = onPushOutput(() => this.takeOutput());
  }

  start(endpoint: Endpoint): void {
    this.endpoint = endpoint;
    register(this.handle, endpoint);
    const { stream, handle } = this;
    stream.on('data', (chunk: Uint8Array) => {
      if (this.endpoint === undefined) return;
      addon.feed(handle, chunk);
      this.deliver();
    });
    const ended = (): void => {
      if (this.endpoint === undefined) return;
      addon.feedEnd(handle);
      this.deliver();
    };
    stream.on('end', ended);
    stream.on('close', ended);
    stream.on('error', ended);
    stream.on('drain', () => {
      this.pace();
      endpoint.onDrained();
    });
  }

  private deliver(): void {
    while (this.endpoint !== undefined) {
      const code = addon.next(this.handle);
      if (code === 0) break;
      this.endpoint.onBatch(code);
    }
    flush();
    this.pace();
  }

  private takeOutput(): void {
    const bytes = addon.takeOutput(this.handle);
    if (bytes === null) return;
    this.stream.write(bytes);
    this.pace();
  }

  /** Reads, or not: a peer that does not read what it asked for gets nothing more to ask. */
  private pace(): void {
    const { stream, endpoint } = this;
    if (endpoint === undefined) return;
    if (this.paused || (this.backlog > this.highWater && !endpoint.awaits)) stream.pause();
    else if (stream.isPaused()) stream.resume();
  }

  ref(on: boolean): void {
    const stream = this.stream as Duplex & { ref?(): void; unref?(): void };
    if (on) stream.ref?.();
    else stream.unref?.();
  }

  pause(on: boolean): void {
    this.paused = on;
    this.pace();
  }

  get backlog(): number {
    return this.stream.writableLength;
  }

  shutdown(): void {
    this.takeOutput();
    this.stream.end();
  }

  close(): void {
    if (this.endpoint !== undefined) this.takeOutput();
    this.endpoint = undefined;
    this.stopOutput();
    unregister(this.handle);
    addon.close(this.handle);
    this.stream.end();
    this.stream.resume();
  }
}

/** The code of a Status that ends a connection, as an error. */
export function linkError(errnoName: string | undefined): EOFError {
  return errnoName === undefined
    ? new EOFError()
    : new EOFError(`stream has been closed (${errnoName})`, {
        cause: Object.assign(new Error(errnoName), { code: errnoName }),
      });
}
