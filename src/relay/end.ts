// One end of a relayed connection: what it has sent and nobody has read yet, its first frame, and writing to it at its pace.

import type { Socket } from 'node:net';
import { ProtocolError, TimeoutError } from '../errors.ts';
import { within } from '../policy/within.ts';
import {
  type First,
  type FrameLimits,
  HEADER,
  lengthAt,
  OVERHEAD,
  readFirst,
  retag,
  retagged,
  TAG,
  type Version,
} from './frames.ts';

/** Bytes received and not read above which reading from the peer pauses. */
const HIGH_WATER = 128 * 1024;
/** ms of silence after which TCP asks whether the peer is there. */
const KEEP_ALIVE = 60_000;
const EMPTY: Buffer = Buffer.alloc(0);

export interface EndLimits extends FrameLimits {
  /** ms for the first frame of a peer that has begun to send it. */
  readonly handshake: number;
}

export class End {
  /** Resolves when the peer has ended, or is lost. */
  readonly gone: Promise<void>;
  private readonly socket: Socket;
  private readonly limits: EndLimits;
  private readonly queue: Buffer[] = [];
  private queued = 0;
  private isGone = false;
  private wake: () => void = () => undefined;
  private started: Promise<First | undefined> | undefined;

  constructor(socket: Socket, limits: EndLimits) {
    this.socket = socket;
    this.limits = limits;
    socket.setNoDelay(true);
    // A peer that vanished without a word would be waited for for ever.
    socket.setKeepAlive(true, KEEP_ALIVE);
    socket.on('data', (bytes: Buffer) => {
      this.put(bytes);
      this.wake();
    });
    this.gone = new Promise((resolve) => {
      const ended = (): void => {
        this.isGone = true;
        this.wake();
        resolve();
      };
      socket.on('end', ended);
      socket.on('close', ended);
      socket.on('error', ended);
    });
  }

  private put(bytes: Buffer): void {
    this.queue.push(bytes);
    this.queued += bytes.length;
    if (this.queued > HIGH_WATER) this.socket.pause();
  }

  private back(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.queue.unshift(bytes);
    this.queued += bytes.length;
  }

  /** What arrived next; undefined at the end. One reader at a time. */
  private async read(): Promise<Buffer | undefined> {
    for (;;) {
      const bytes = this.queue.shift();
      if (bytes !== undefined) {
        this.queued -= bytes.length;
        if (this.queued <= HIGH_WATER) this.socket.resume();
        return bytes;
      }
      if (this.isGone) return undefined;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  /** Exactly so many bytes; undefined where the peer ends before them. */
  async take(count: number): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    let missing = count;
    while (missing > 0) {
      const bytes = await this.read();
      if (bytes === undefined) return undefined;
      parts.push(bytes.subarray(0, missing));
      this.back(bytes.subarray(missing));
      missing -= Math.min(missing, bytes.length);
    }
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  }

  /** The first frame, which stays to be read; undefined where the peer ends before it. @throws {ProtocolError}, {TimeoutError} */
  first(): Promise<First | undefined> {
    this.started ??= this.fetchFirst();
    return this.started;
  }

  private async fetchFirst(): Promise<First | undefined> {
    const byte = await this.take(1);
    if (byte === undefined) return undefined;
    this.back(byte);
    const { handshake } = this.limits;
    const first = this.readFirst();
    if (await within(handshake, first)) return await first;
    // What it comes to is nobody's business any more.
    first.catch(() => undefined);
    throw new TimeoutError(`the first message was begun and not ended within ${handshake / 1000} s`);
  }

  private async readFirst(): Promise<First | undefined> {
    for (;;) {
      const header = await this.take(HEADER);
      if (header === undefined) return undefined;
      const length = lengthAt(header, 0, this.limits);
      const rest = await this.take(length + OVERHEAD - HEADER);
      if (rest === undefined) return undefined;
      if (length === 0) continue; // keep-alive
      const frame = Buffer.concat([header, rest]);
      const first = await readFirst(frame, this.limits);
      this.back(Buffer.from(frame));
      return first;
    }
  }

  /**
   * What the peer sends, frame by frame in the other version. Frames are neither collected nor copied on their way, but for compressed ones
   * between two versions.
   * @throws {ProtocolError} for what is no RPyC, or breaks a limit
   */
  async *translated(from: Version, to: Version): AsyncGenerator<Buffer> {
    let passing = 0; // bytes of a frame whose beginning was given out
    let kept = EMPTY; // the beginning of a frame that is too short to tell
    for (;;) {
      const read = await this.read();
      if (read === undefined) return;
      const bytes = kept.length === 0 ? read : Buffer.concat([kept, read]);
      kept = EMPTY;
      let at = 0;
      let compressed = 0; // bytes of a frame that must be taken apart
      while (at < bytes.length) {
        if (passing > 0) {
          const step = Math.min(passing, bytes.length - at);
          passing -= step;
          at += step;
          continue;
        }
        if (bytes.length - at < HEADER) break;
        const length = lengthAt(bytes, at, this.limits);
        const isCompressed = bytes[at + HEADER - 1] !== 0;
        if (isCompressed && length !== 0 && from !== to) {
          compressed = length + OVERHEAD;
          break;
        }
        if (!isCompressed && length !== 0) {
          if (length < TAG) throw new ProtocolError(`no message of RPyC: ${length} bytes`);
          if (bytes.length - at < HEADER + TAG) break;
          retag(bytes, at + HEADER, from, to);
        }
        passing = length + OVERHEAD;
      }
      if (at > 0) yield bytes.subarray(0, at);
      if (compressed === 0) {
        kept = bytes.subarray(at);
        continue;
      }
      this.back(bytes.subarray(at));
      const frame = await this.take(compressed);
      if (frame === undefined) return;
      yield await retagged(frame, from, to, this.limits);
    }
  }

  /** Resolves when the peer may be sent more, or is lost. */
  async write(bytes: Buffer): Promise<void> {
    const { socket } = this;
    if (socket.destroyed || socket.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        socket.off('drain', done);
        socket.off('close', done);
        resolve();
      };
      socket.on('drain', done);
      socket.on('close', done);
    });
  }
}
