// What one connection sends: requests, replies, exceptions, DELs and the goodbye, written to the thread's transmit tape.
// Owns the sequence numbers, the size checks and the back-pressure; who waits for an answer is the connection's business.

import { type BoxingSide, released, writeBox, writeKwargs, writeTuple } from '../boxing/boxing.ts';
import { HANDLE_CALL, HANDLE_CALLATTR, HANDLE_CLOSE, MSG_EXCEPTION, MSG_REPLY, MSG_REQUEST } from '../constants.ts';
import { BackpressureError, codedError } from '../errors.ts';
import { writeException } from '../exceptions/vinegar.ts';
import { flush, nameId, send, tx } from '../native/engine.ts';
import { KIND_DEL, Tag } from '../native/tape.ts';
import type { Config } from '../policy/config.ts';
import type { Kwargs } from '../python/values.ts';
import { Holder, IdPackOf } from '../refs/holder.ts';

/** Bytes put on the tape between two looks at the write queue. */
const QUEUE_CHECK = 256 * 1024;

/** What the outbox needs of its connection. */
export interface SendingSide extends BoxingSide {
  readonly handle: number;
  readonly config: Config;
  /** Wire version that the peer speaks, for the version that our exceptions name. */
  readonly protocol: number;
  /** seq + 1 of the peer's request that a request of ours is nested in, where the peer wants to know (bind_threads), else 0. */
  readonly nesting: number;
  /** Bytes waiting to be written. */
  readonly queued: number;
}

const tooLarge = (message: string): Error => codedError(new RangeError(message), 'ERR_RPYC_FRAME_TOO_LARGE');

const isTooLarge = (error: unknown): boolean => (error as { code?: unknown }).code === 'ERR_RPYC_FRAME_TOO_LARGE';

function writeName(name: string): void {
  const id = nameId(name);
  if (id === 0) tx.str(name);
  else tx.name(id);
}

export class Outbox {
  private readonly side: SendingSide;
  private seq = 0;
  /** Bytes written since the queue was looked at. */
  private unchecked = 0;
  /** Must the message just committed be flushed at once? */
  private atOnce = false;

  constructor(side: SendingSide) {
    this.side = side;
  }

  /** seq of the request written last. */
  get lastSeq(): number {
    return this.seq - 1;
  }

  private begin(kind: number, seq: number, a: number, b: number): void {
    tx.begin(this.side.handle, kind, seq, a, b);
    this.side.exports.begin();
  }

  private beginRequest(handler: number): void {
    if (this.unchecked > QUEUE_CHECK) this.checkQueue();
    this.begin(MSG_REQUEST, this.seq, handler, this.side.nesting);
  }

  private checkQueue(): void {
    this.unchecked = 0;
    flush();
    const { queued, options } = this.side;
    if (queued <= options.maxQueued) return;
    this.unchecked = QUEUE_CHECK + 1;
    throw new BackpressureError(
      `${queued} bytes are queued for a peer that does not read them (maxQueued is ${options.maxQueued}): wait with \`await conn.drained()\``,
    );
  }

  /** @throws RangeError where the message does not fit a frame for sure; where only encoding tells, it must be flushed at once */
  private commit(): void {
    const size = tx.messageBytes;
    this.unchecked += size;
    const { maxFrame } = this.side.options;
    if (size > maxFrame) throw tooLarge(`message of about ${size} bytes exceeds maxFrame ${maxFrame}`);
    const mayNotFit = tx.mostBytes > maxFrame;
    this.atOnce = tx.commit() || mayNotFit;
  }

  private commitRequest(): void {
    this.commit();
    this.seq++;
  }

  private abandon(error: unknown): never {
    tx.rollback();
    this.side.exports.rollback();
    throw error;
  }

  private target(holder: Holder): void {
    if (holder.released) throw released(holder);
    tx.ref(holder.rid);
  }

  /** CALLATTR, or CALL without a name. Its seq is `lastSeq`. */
  call(holder: Holder, name: string | undefined, args: readonly unknown[], named: Kwargs | undefined): void {
    this.beginRequest(name === undefined ? HANDLE_CALL : HANDLE_CALLATTR);
    try {
      tx.container(Tag.BOX, name === undefined ? 3 : 4);
      this.target(holder);
      if (name !== undefined) writeName(name);
      writeTuple(this.side, args, 1);
      writeKwargs(this.side, named);
      this.commitRequest();
    } catch (error) {
      this.abandon(error);
    }
  }

  /** Any request. A Holder among `args` is the remote object itself. Its seq is `lastSeq`. */
  request(handler: number, args: readonly unknown[]): void {
    this.beginRequest(handler);
    try {
      tx.container(Tag.BOX, args.length);
      for (const arg of args) {
        if (arg instanceof Holder) this.target(arg);
        else if (arg instanceof IdPackOf) {
          if (arg.holder.released) throw released(arg.holder);
          tx.idPack(arg.holder.rid);
        } else writeBox(this.side, arg, 1);
      }
      this.commitRequest();
    } catch (error) {
      this.abandon(error);
    }
  }

  /** Sends what was committed last, at the end of the tick or now. @throws RangeError where it turned out larger than a frame */
  post(): void {
    if (this.atOnce) this.flushNow();
    else send(false);
  }

  /** Before a blocking wait, which flushes by itself: sends only what may be refused. */
  prepareWait(): void {
    if (this.atOnce) this.flushNow();
  }

  private flushNow(): void {
    try {
      flush();
    } catch (error) {
      this.side.exports.rollback();
      throw isTooLarge(error) ? tooLarge((error as Error).message) : error;
    }
  }

  /** REPLY; a value that cannot be sent is answered as the exception that says so. */
  reply(seq: number, value: unknown): void {
    this.begin(MSG_REPLY, seq, 0, 0);
    try {
      writeBox(this.side, value, 0);
      this.commit();
    } catch (error) {
      tx.rollback();
      this.side.exports.rollback();
      this.exception(seq, error);
      return;
    }
    try {
      this.post();
    } catch (error) {
      this.exception(seq, error);
    }
  }

  /** EXCEPTION; one that is larger than a frame is told by its class alone. */
  exception(seq: number, thrown: unknown): void {
    const { config, protocol, options } = this.side;
    for (const brief of [false, true]) {
      this.begin(MSG_EXCEPTION, seq, 0, 0);
      try {
        writeException(thrown, config, protocol === 5 ? '5.3.1+node' : '6.0.1+node', brief);
      } catch (error) {
        this.abandon(error);
      }
      const mayNotFit = tx.mostBytes > options.maxFrame;
      this.atOnce = tx.commit() || mayNotFit;
      try {
        this.post();
        return;
      } catch (error) {
        if (!isTooLarge(error)) throw error;
      }
    }
  }

  /** DEL of `count` references; goes out with the next write. */
  del(rid: number, count: number): void {
    tx.begin(this.side.handle, KIND_DEL, this.seq++, rid, count);
    tx.commit();
  }

  /** CLOSE, whatever is queued: back-pressure must not keep a connection open. */
  goodbye(): void {
    tx.begin(this.side.handle, MSG_REQUEST, this.seq++, HANDLE_CLOSE, 0);
    tx.container(Tag.TUPLE, 0);
    tx.commit();
    flush();
  }
}
