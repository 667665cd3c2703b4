// The tape: tags, arenas (inbound) and the transmit tape (outbound). Mirrors crates/wire/src/tape.rs; DESIGN.md section 3.
// Owns typed arrays and positions; knows nothing of netrefs, exports or policy.
import { Buffer } from 'node:buffer';
import { codedError, UnicodeEncodeError } from '../errors.ts';
import { Ctl } from './addon.ts';
import { addon } from './load.ts';

export const Tag = {
  NONE: 0,
  TRUE: 1,
  FALSE: 2,
  ELLIPSIS: 3,
  NOT_IMPLEMENTED: 4,
  INT: 5,
  INT53: 6,
  BIGINT: 7,
  FLOAT: 8,
  STR: 9,
  EMPTY_STR: 10,
  BYTES: 11,
  EMPTY_BYTES: 12,
  TUPLE: 13,
  FROZENSET: 14,
  SLICE: 15,
  COMPLEX: 16,
  NAME: 17,
  BOX: 18,
  REMOTE: 19,
  EXPORT: 20,
  LOCAL: 21,
  REF: 22,
  IDPACK: 23,
  BLOB: 24,
} as const;

/** Words of an inbound record. */
export const RECORD_WORDS = 8;
/** Words of an outbound message header. */
export const MESSAGE_WORDS = 7;
/** Outbound message kind of a DEL; the others are RPyC's message numbers. */
export const KIND_DEL = 4;

/** Words and bytes of one inbound arena: bytes take the socket's reads in one half, inflated payloads in the other. */
const ARENA_BYTES = 128 * 1024;
const ARENA_WORDS = (ARENA_BYTES * 2 * 4) / 3;

/** Node's Buffer with the unchecked accessors that its public types leave out. */
export interface RawBuffer extends Buffer {
  latin1Write(text: string, offset: number): number;
  utf8Write(text: string, offset: number): number;
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
}

/** The accessors are there at run time; Node's types just do not tell. */
const raw = (buffer: Buffer): RawBuffer => buffer as unknown as RawBuffer;

/** Where one batch of messages lies. Re-used by depth; `owned` arenas hold one large message and belong to whoever reads them. */
export class Arena {
  readonly words: Int32Array;
  readonly floats: Float64Array;
  readonly bytes: RawBuffer;
  readonly owned: boolean;
  constructor(words: Int32Array, floats: Float64Array, bytes: Uint8Array, owned: boolean) {
    this.words = words;
    this.floats = floats;
    this.bytes = raw(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    this.owned = owned;
  }

  static shared(): Arena {
    return new Arena(
      new Int32Array(ARENA_WORDS),
      new Float64Array(ARENA_BYTES / 8),
      new Uint8Array(ARENA_BYTES),
      false,
    );
  }
}

/** Bodies from this many bytes on are not copied to the transmit tape: Rust takes them from where they are. */
const BLOB_BYTES = 16 * 1024;
/** The tape is flushed at once beyond this many bytes. */
const FLUSH_BYTES = 64 * 1024;
const FLUSH_WORDS = 48 * 1024;
/** Short strings are copied by a loop, which beats the call into Buffer (bench/micro/text.ts). */
const SHORT_STRING = 14;

/** What the transmit tape begins with, and returns to when a long message has made it larger than `TX_KEPT` bytes. */
const TX_WORDS = 64 * 1024;
const TX_FLOATS = 8 * 1024;
const TX_BYTES = 128 * 1024;
const TX_KEPT = 2 ** 21;

/** Bytes that a word of the tape takes on the wire at most: a reference's id_pack of 4 KiB is two words. */
const MOST_PER_WORD = 2100;

/** Value of a decimal integer's digits beyond which CPython refuses it (and drops the connection). */
const MAX_DIGITS = 4300;
const MAX_BIGINT = 10n ** BigInt(MAX_DIGITS);

/** A connection was used while a message was being written. */
export const reentered = (): Error =>
  codedError(
    new Error(
      'a connection cannot be used while a message is being written: a getter or iterator of a value being sent does so',
    ),
    'ERR_RPYC_OPERATION',
  );

/**
 * The transmit tape of this thread. A message is `begin`, values, `commit`; `rollback` forgets an unfinished one.
 * Invariant: `ctl` holds the positions after the last committed message; `w f b` are those of the message in progress.
 */
export class Transmit {
  words: Int32Array = new Int32Array(TX_WORDS);
  floats: Float64Array = new Float64Array(TX_FLOATS);
  bytes = raw(Buffer.alloc(TX_BYTES));
  w = 0;
  f = 0;
  b = 0;
  blobs: Uint8Array[] = [];
  /** Words of the message in progress begin here. */
  private start = 0;
  private blobBytes = 0;
  /** `blobs` of committed messages. */
  private blobStart = 0;
  /** Is a message unfinished? */
  writing = false;
  /** Must the tape be flushed now? What `commit` found last. */
  urgent = false;
  /** Is memory held that a long message has needed, and no usual one does? */
  grown = false;
  private readonly ctl: Int32Array;
  constructor(ctl: Int32Array) {
    this.ctl = ctl;
    this.register();
  }

  private register(): void {
    const { words, floats, bytes } = this;
    addon.setTransmit(words, floats, bytes);
    this.grown = words.byteLength + floats.byteLength + bytes.byteLength > TX_KEPT;
  }

  /**
   * @throws Error where another message is unfinished: a getter, Proxy or iterator of the user's, which ran because its object was being
   * written, used a connection
   */
  begin(handle: number, kind: number, seq: number, a: number, b: number): void {
    if (this.writing) throw reentered();
    this.writing = true;
    const ctl = this.ctl;
    const at = ctl[Ctl.TX_WORDS];
    this.f = ctl[Ctl.TX_FLOATS];
    this.b = ctl[Ctl.TX_BYTES];
    this.start = at;
    this.blobBytes = 0;
    this.blobStart = this.blobs.length;
    if (at + 64 > this.words.length) this.growWords(64);
    const words = this.words;
    words[at] = handle;
    words[at + 1] = kind;
    words[at + 2] = seq | 0;
    words[at + 3] = seq > 0xffffffff ? Math.floor(seq / 0x100000000) : 0;
    words[at + 4] = a;
    words[at + 5] = b;
    this.w = at + MESSAGE_WORDS;
  }

  /**
   * Makes the message part of the tape. `urgent` tells afterwards whether the tape must be flushed now: it is long, or the message may turn out
   * larger than `maxFrame` when it is encoded.
   * @returns the message's rough size, bytes: what it takes on the wire at least. More than `maxFrame`: it was not committed
   */
  commit(maxFrame: number): number {
    const { ctl, w, b } = this;
    const words = w - this.start;
    const body = this.blobBytes + b - ctl[Ctl.TX_BYTES];
    const size = body + words;
    if (size > maxFrame) return size;
    this.writing = false;
    this.words[this.start + 6] = words;
    ctl[Ctl.TX_WORDS] = w;
    ctl[Ctl.TX_FLOATS] = this.f;
    ctl[Ctl.TX_BYTES] = b;
    this.urgent =
      w > FLUSH_WORDS || b > FLUSH_BYTES || this.blobs.length !== 0 || body + words * MOST_PER_WORD > maxFrame;
    return size;
  }

  /** Brine of the value written since `begin`, which belongs to no connection; `rollback` must follow. */
  brine(): Uint8Array {
    return addon.dumpBrine(this.start + MESSAGE_WORDS, this.w, this.f, this.b, this.blobs);
  }

  rollback(): void {
    this.writing = false;
    this.blobs.length = this.blobStart;
  }

  /** Gives that memory back, once nothing is on the tape. */
  shrink(): void {
    if (this.writing || this.ctl[Ctl.TX_WORDS] !== 0) return;
    this.words = new Int32Array(TX_WORDS);
    this.floats = new Float64Array(TX_FLOATS);
    this.bytes = raw(Buffer.alloc(TX_BYTES));
    this.register();
  }

  private growWords(more: number): void {
    const bigger = new Int32Array(Math.max(this.words.length * 2, this.w + more));
    bigger.set(this.words);
    this.words = bigger;
    this.register();
  }

  private growFloats(): void {
    const bigger = new Float64Array(this.floats.length * 2);
    bigger.set(this.floats);
    this.floats = bigger;
    this.register();
  }

  private growBytes(more: number): void {
    const bigger = raw(Buffer.alloc(Math.max(this.bytes.length * 2, this.b + more)));
    this.bytes.copy(bigger);
    this.bytes = bigger;
    this.register();
  }

  /** One word. */
  word(value: number): void {
    if (this.w === this.words.length) this.growWords(1);
    this.words[this.w++] = value;
  }

  private pair(tag: number, value: number): void {
    if (this.w + 2 > this.words.length) this.growWords(2);
    this.words[this.w] = tag;
    this.words[this.w + 1] = value;
    this.w += 2;
  }

  /** BOX or TUPLE or FROZENSET header; the items follow. Returns its position, so that the tag can be changed. */
  container(tag: number, count: number): number {
    const at = this.w;
    this.pair(tag, count);
    return at;
  }

  name(id: number): void {
    this.pair(Tag.NAME, id);
  }

  ref(rid: number): void {
    this.pair(Tag.REF, rid);
  }

  idPack(rid: number): void {
    this.pair(Tag.IDPACK, rid);
  }

  exported(name: number, classId: number, instanceId: number): void {
    if (this.w + 4 > this.words.length) this.growWords(4);
    const words = this.words;
    words[this.w] = Tag.EXPORT;
    words[this.w + 1] = name;
    words[this.w + 2] = classId;
    words[this.w + 3] = instanceId;
    this.w += 4;
  }

  /** A safe integer is an int; everything else a float, so that 1e300 does not become an int of 301 digits. */
  number(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) this.int(value);
    else this.float(value);
  }

  /** An integer of at most 53 bits. */
  int(value: number): void {
    if (value >= -0x800000 && value <= 0x7fffff) this.word((value << 8) | Tag.INT);
    else this.float64(Tag.INT53, value);
  }

  float(value: number): void {
    this.float64(Tag.FLOAT, value);
  }

  private float64(tag: number, value: number): void {
    if (this.f === this.floats.length) this.growFloats();
    this.floats[this.f] = value;
    this.pair(tag, this.f++);
  }

  complex(real: number, imag: number): void {
    this.float64(Tag.COMPLEX, real);
    if (this.f === this.floats.length) this.growFloats();
    this.floats[this.f++] = imag;
  }

  /** An integer beyond 53 bits (or any other). */
  bigint(value: bigint): void {
    if (value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)) {
      this.int(Number(value));
      return;
    }
    if (value >= MAX_BIGINT || value <= -MAX_BIGINT)
      throw codedError(
        new RangeError(
          `integer of more than ${MAX_DIGITS} decimal digits cannot be sent: CPython refuses it and drops the connection`,
        ),
        'ERR_RPYC_INT_TOO_LARGE',
      );
    const text = value.toString();
    if (this.b + text.length > this.bytes.length) this.growBytes(text.length);
    this.bytes.latin1Write(text, this.b);
    this.span(Tag.BIGINT, text.length);
  }

  private span(tag: number, length: number): void {
    if (this.w + 3 > this.words.length) this.growWords(3);
    const words = this.words;
    words[this.w] = tag;
    words[this.w + 1] = this.b;
    words[this.w + 2] = length;
    this.w += 3;
    this.b += length;
  }

  str(value: string): void {
    const length = value.length;
    if (length === 0) {
      this.word(Tag.EMPTY_STR);
      return;
    }
    if (length <= SHORT_STRING) {
      if (this.b + SHORT_STRING > this.bytes.length) this.growBytes(SHORT_STRING);
      const { bytes, b } = this;
      let i = 0;
      for (; i < length; i++) {
        const c = value.charCodeAt(i);
        if (c > 127) break;
        bytes[b + i] = c;
      }
      if (i === length) {
        this.span(Tag.STR, length);
        return;
      }
    }
    this.longStr(value);
  }

  private longStr(value: string): void {
    if (!value.isWellFormed()) throw new UnicodeEncodeError(value);
    if (value.length >= BLOB_BYTES) {
      this.blob(1, Buffer.from(value, 'utf8'));
      return;
    }
    const room = value.length * 3;
    if (this.b + room > this.bytes.length) this.growBytes(room);
    this.span(Tag.STR, this.bytes.utf8Write(value, this.b));
  }

  data(value: Uint8Array): void {
    const length = value.byteLength;
    if (length === 0) this.word(Tag.EMPTY_BYTES);
    else if (length >= BLOB_BYTES) this.blob(0, value);
    else {
      if (this.b + length > this.bytes.length) this.growBytes(length);
      this.bytes.set(value, this.b);
      this.span(Tag.BYTES, length);
    }
  }

  private blob(kind: number, body: Uint8Array): void {
    this.blobBytes += body.byteLength;
    this.pair((kind << 8) | Tag.BLOB, this.blobs.length);
    this.blobs.push(body);
  }
}
