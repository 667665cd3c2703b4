// What one connection sends: requests, replies, exceptions, DELs and the goodbye, written to the thread's transmit tape.
// Owns the sequence numbers, the size checks and the back-pressure; who waits for an answer is requests.ts.
// Answers to Connection._send of rpyc/core/protocol.py.
import type { Entry, Exports } from '../boxing/exports.ts';
import { type BoxWriter, released } from '../boxing/writer.ts';
import { HANDLE_CALL, HANDLE_CALLATTR, HANDLE_CLOSE, MSG_EXCEPTION, MSG_REPLY, MSG_REQUEST } from '../constants.ts';
import { BackpressureError, codedError } from '../errors.ts';
import { writeException } from '../exceptions/dump.ts';
import { flush, nameId, send } from '../native/engine.ts';
import { KIND_DEL, Tag, type Transmit } from '../native/tape.ts';
import type { Kwargs } from '../python/values.ts';
import { Holder, IdPackOf } from '../refs/holder.ts';
import type { Link } from './link.ts';
import { nestedIn } from './nesting.ts';

/** Bytes put on the tape between two looks at the write queue. */
const QUEUE_CHECK = 256 * 1024;

const tooLarge = (message: string): Error => codedError(new RangeError(message), 'ERR_RPYC_FRAME_TOO_LARGE');

const isTooLarge = (error: unknown): boolean => (error as { code?: unknown }).code === 'ERR_RPYC_FRAME_TOO_LARGE';

export class Outbox {
  private readonly link: Link;
  private readonly exports: Exports;
  private readonly tape: Transmit;
  private readonly writer: BoxWriter;
  private seq = 0;
  /** Bytes written since the queue was looked at. */
  private unchecked = 0;
  /** Bytes of answers written since little was queued. */
  private answered = 0;
  /** At the last look, did more than `maxQueued` of answers alone wait for the peer? */
  full = false;

  /** @param tape the transmit tape of this thread */
  constructor(link: Link, exports: Exports, tape: Transmit, writer: BoxWriter) {
    this.link = link;
    this.exports = exports;
    this.tape = tape;
    this.writer = writer;
  }

  /** seq of the request written last. */
  get lastSeq(): number {
    return this.seq - 1;
  }

  private begin(kind: number, seq: number, a: number, b: number): void {
    this.tape.begin(this.link.handle, kind, seq, a, b);
    this.exports.begin();
  }

  private beginRequest(handler: number): void {
    if (this.unchecked > QUEUE_CHECK) this.checkQueue();
    this.begin(MSG_REQUEST, this.seq, handler, this.link.bound ? nestedIn(this.link) : 0);
  }

  /** Is it time to `look` at the queue, since much was written? */
  get unseen(): boolean {
    return this.unchecked > QUEUE_CHECK;
  }

  /** Flushes, and looks how much waits for the peer. True: more than `highWater`. */
  look(): boolean {
    this.unchecked = 0;
    flush();
    const { queued, options } = this.link;
    if (queued <= options.highWater) this.answered = 0;
    this.full = Math.min(queued, this.answered) > options.maxQueued;
    return queued > options.highWater;
  }

  /** The peer has read most of what was queued. */
  drained(): void {
    this.answered = 0;
    this.full = false;
  }

  private checkQueue(): void {
    this.unchecked = 0;
    flush();
    const { queued, options } = this.link;
    if (queued <= options.maxQueued) return;
    this.unchecked = QUEUE_CHECK + 1;
    throw new BackpressureError(
      `${queued} bytes are queued for a peer that does not read them (maxQueued is ${options.maxQueued}): wait with \`await conn.drained()\``,
    );
  }

  /** @returns the message's rough size. @throws RangeError where it does not fit a frame for sure; where only encoding tells, it is `urgent` */
  private commit(): number {
    const { maxFrame } = this.link.options;
    const size = this.tape.commit(maxFrame);
    this.unchecked += size;
    if (size > maxFrame) throw tooLarge(`message of about ${size} bytes exceeds maxFrame ${maxFrame}`);
    return size;
  }

  private commitAnswer(): void {
    this.answered += this.commit();
  }

  private commitRequest(): void {
    this.commit();
    this.seq++;
  }

  private abandon(error: unknown): never {
    this.tape.rollback();
    this.exports.rollback();
    throw error;
  }

  private target(holder: Holder): void {
    if (holder.released) throw released(holder);
    this.tape.ref(holder.rid);
  }

  private name(name: string): void {
    const id = nameId(name);
    if (id === 0) this.tape.str(name);
    else this.tape.name(id);
  }

  /** CALLATTR, or CALL without a name. Its seq is `lastSeq`. */
  call(holder: Holder, name: string | undefined, args: readonly unknown[], named: Kwargs | undefined): void {
    this.beginRequest(name === undefined ? HANDLE_CALL : HANDLE_CALLATTR);
    try {
      this.tape.container(Tag.BOX, name === undefined ? 3 : 4);
      this.target(holder);
      if (name !== undefined) this.name(name);
      this.writer.tuple(args, 1);
      this.writer.kwargs(named);
      this.commitRequest();
    } catch (error) {
      this.abandon(error);
    }
  }

  /** Any request. A Holder among `args` is the remote object itself. Its seq is `lastSeq`. */
  request(handler: number, args: readonly unknown[]): void {
    this.beginRequest(handler);
    try {
      this.tape.container(Tag.BOX, args.length);
      for (const arg of args) {
        if (arg instanceof Holder) this.target(arg);
        else if (arg instanceof IdPackOf) {
          if (arg.holder.released) throw released(arg.holder);
          this.tape.idPack(arg.holder.rid);
        } else this.writer.box(arg, 1);
      }
      this.commitRequest();
    } catch (error) {
      this.abandon(error);
    }
  }

  /** What the message just written lends to the peer. */
  get lent(): readonly Entry[] {
    return this.exports.lent;
  }

  /** Sends what was committed last, at the end of the tick or now. @throws RangeError where it turned out larger than a frame */
  post(): void {
    if (this.tape.urgent) this.flushNow();
    else send(false);
  }

  /** Before a blocking wait, which flushes by itself: sends only what may be refused. */
  prepareWait(): void {
    if (this.tape.urgent) this.flushNow();
  }

  private flushNow(): void {
    try {
      flush();
    } catch (error) {
      this.exports.rollback();
      throw isTooLarge(error) ? tooLarge((error as Error).message) : error;
    }
  }

  /** REPLY; a value that cannot be sent is answered as the exception that says so. */
  reply(seq: number, value: unknown): void {
    this.begin(MSG_REPLY, seq, 0, 0);
    try {
      this.writer.box(value, 0);
      this.commitAnswer();
    } catch (error) {
      this.tape.rollback();
      this.exports.rollback();
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
    const { config, protocol, options } = this.link;
    for (const brief of [false, true]) {
      this.begin(MSG_EXCEPTION, seq, 0, 0);
      try {
        writeException(this.tape, thrown, config, protocol === 5 ? '5.3.1+node' : '6.0.1+node', brief);
      } catch (error) {
        this.abandon(error);
      }
      const size = this.tape.commit(options.maxFrame);
      if (size > options.maxFrame) {
        this.tape.rollback();
        continue;
      }
      this.unchecked += size;
      this.answered += size;
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
    this.tape.begin(this.link.handle, KIND_DEL, this.seq++, rid, count);
    this.tape.commit(Number.POSITIVE_INFINITY);
  }

  /** CLOSE, whatever is queued: back-pressure must not keep a connection open. */
  goodbye(): void {
    this.tape.begin(this.link.handle, MSG_REQUEST, this.seq++, HANDLE_CLOSE, 0);
    this.tape.container(Tag.TUPLE, 0);
    this.tape.commit(Number.POSITIVE_INFINITY);
    flush();
  }
}
