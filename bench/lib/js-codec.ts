// The other rival of records + tape: brine, boxing and frames in plain JavaScript, as fast as we know how to write them. 6.x only, no limits.
// Direct byte reads and writes, one monomorphic class each way, cached names, short strings by loop; UTF-8 is checked as the engine does.
import { isUtf8 } from 'node:buffer';

interface RawBuffer extends Buffer {
  latin1Write(text: string, offset: number): number;
  utf8Write(text: string, offset: number): number;
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
}

const SHORT = 10;
const NAME_SLOTS = 2048;

/** Reads frames of one buffer. After `next`, the fields tell the message; its value is read by `box` or `args`. */
export class JsDecoder {
  kind = 0;
  seq = 0;
  handler = 0;
  /** CALLATTR: our object's id and the attribute. */
  object = 0;
  name = '';
  /** End of the current frame, with its flusher. */
  end = 0;
  private b: RawBuffer;
  private p = 0;
  private readonly words = new Float64Array(1);
  private readonly wordBytes = new Uint8Array(this.words.buffer);
  private readonly names: string[] = new Array(NAME_SLOTS).fill('');

  constructor(bytes: Buffer) {
    this.b = bytes as RawBuffer;
  }

  /** Reads the head of the frame at `start`; for a CALLATTR on an object of ours also object and name. */
  next(start: number): void {
    const b = this.b;
    const length = (b[start] << 24) | (b[start + 1] << 16) | (b[start + 2] << 8) | b[start + 3];
    if (b[start + 4] !== 0) throw new Error('compressed');
    this.end = start + 6 + length;
    if (this.end > b.length) throw new Error('incomplete');
    this.kind = b[start + 5];
    if (b[start + 6] !== 0x11) throw new Error('not a 6.x message');
    this.p = start + 7;
    this.seq = this.int();
    if (this.kind !== 1) return;
    if (b[this.p++] !== 0x11) throw new Error('not a request');
    this.handler = this.int();
    if (this.handler !== 8) return;
    if (b[this.p++] !== 0x11 || b[this.p++] !== 0x52 || b[this.p++] !== 0x13) throw new Error('not a call');
    if (b[this.p++] !== 0x11 || b[this.p++] !== 0x53 || b[this.p++] !== 0x12)
      throw new Error('not on an object of ours');
    this.skipText();
    const classId = this.int();
    const instanceId = this.int();
    this.object = instanceId === 0 ? classId : instanceId;
    if (b[this.p++] !== 0x11 || b[this.p++] !== 0x51 || b[this.p++] !== 0x08) throw new Error('no name');
    this.name = this.cachedName(this.size());
  }

  /** The next box. */
  box(): any {
    const b = this.b;
    if (b[this.p++] !== 0x11) throw new Error('not a box');
    switch (b[this.p++]) {
      case 0x51:
        return this.value();
      case 0x52: {
        const count = this.count(b[this.p++]);
        const items: any[] = new Array(count);
        for (let i = 0; i < count; i++) items[i] = this.box();
        return items;
      }
      default:
        throw new Error('a reference');
    }
  }

  value(): any {
    const tag = this.b[this.p++];
    if (tag >= 0x20 && tag < 0xf0) return tag - 0x50;
    switch (tag) {
      case 0x00:
        return null;
      case 0x03:
        return true;
      case 0x04:
        return false;
      case 0x08:
        return this.text(this.size());
      case 0x16:
        return this.digits(this.b[this.p++]);
      case 0x18:
        return this.float();
      case 0x02:
      case 0x10:
      case 0x11:
      case 0x12:
      case 0x13:
      case 0x14:
      case 0x15: {
        const count = this.count(tag);
        const items: any[] = new Array(count);
        for (let i = 0; i < count; i++) items[i] = this.value();
        return items;
      }
      default:
        throw new Error(`tag ${tag}`);
    }
  }

  private count(tag: number): number {
    if (tag === 0x02) return 0;
    if (tag >= 0x10 && tag <= 0x13) return tag - 0x0f;
    if (tag === 0x14) return this.b[this.p++];
    if (tag === 0x15) return this.long();
    throw new Error(`tag ${tag} is no tuple`);
  }

  private long(): number {
    const { b, p } = this;
    this.p = p + 4;
    return b[p] * 0x1000000 + ((b[p + 1] << 16) | (b[p + 2] << 8) | b[p + 3]);
  }

  private int(): number {
    const tag = this.b[this.p++];
    if (tag >= 0x20 && tag < 0xf0) return tag - 0x50;
    if (tag !== 0x16) throw new Error(`tag ${tag} is no int`);
    return this.digits(this.b[this.p++]);
  }

  /** Up to 15 digits exactly; longer ones are not in this benchmark. */
  private digits(length: number): number {
    const b = this.b;
    let p = this.p;
    const end = p + length;
    this.p = end;
    const negative = b[p] === 0x2d;
    if (negative) p++;
    if (end - p > 15) throw new Error('a big int');
    let value = 0;
    for (; p < end; p++) {
      const digit = b[p] - 0x30;
      if (digit < 0 || digit > 9) throw new Error('bad digit');
      value = value * 10 + digit;
    }
    return negative ? -value : value;
  }

  private float(): number {
    const { b, p, wordBytes } = this;
    for (let i = 0; i < 8; i++) wordBytes[7 - i] = b[p + i];
    this.p = p + 8;
    return this.words[0];
  }

  /** Length of the bytes that follow. */
  private size(): number {
    const tag = this.b[this.p++];
    if (tag >= 0x0a && tag <= 0x0d) return tag - 0x09;
    if (tag === 0x0e) return this.b[this.p++];
    if (tag === 0x01) return 0;
    if (tag === 0x0f) return this.long();
    throw new Error(`tag ${tag} is no text`);
  }

  private skipText(): void {
    if (this.b[this.p++] !== 0x08) throw new Error('not a str');
    const length = this.size();
    this.p += length;
  }

  private text(length: number): string {
    const { b, p } = this;
    const end = p + length;
    this.p = end;
    if (end > this.end) throw new Error('truncated');
    if (length <= SHORT) {
      let text = '';
      let i = p;
      for (; i < end && b[i] < 128; i++) text += String.fromCharCode(b[i]);
      if (i === end) return text;
    } else {
      let i = p;
      for (; i < end && b[i] < 128; i++);
      if (i === end) return b.latin1Slice(p, end);
    }
    if (!isUtf8(b.subarray(p, end))) throw new Error('bad UTF-8');
    return b.utf8Slice(p, end);
  }

  /** The same string object for the same name: property and Map look-ups are then by identity. */
  private cachedName(length: number): string {
    const { b, p } = this;
    const end = p + length;
    let hash = length;
    for (let i = p; i < end; i++) hash = (hash * 31 + b[i]) | 0;
    const slot = hash & (NAME_SLOTS - 1);
    const known = this.names[slot];
    if (known.length === length) {
      let i = 0;
      while (i < length && known.charCodeAt(i) === b[p + i]) i++;
      if (i === length) {
        this.p = end;
        return known;
      }
    }
    const name = this.text(length);
    this.names[slot] = name;
    return name;
  }
}

/** Writes frames to one buffer; `end` is where the next one begins. */
export class JsEncoder {
  end = 0;
  readonly bytes: RawBuffer;
  private start = 0;
  private readonly words = new Float64Array(1);
  private readonly wordBytes = new Uint8Array(this.words.buffer);

  constructor(size: number) {
    this.bytes = Buffer.alloc(size) as RawBuffer;
  }

  private begin(kind: number, seq: number): void {
    const { bytes, end } = this;
    this.start = end;
    bytes[end + 4] = 0;
    bytes[end + 5] = kind;
    bytes[end + 6] = 0x11;
    this.end = end + 7;
    this.int(seq);
    bytes[this.end++] = 0x11;
  }

  private finish(): void {
    const { bytes, start } = this;
    const length = this.end - start - 5;
    bytes[start] = length >>> 24;
    bytes[start + 1] = length >>> 16;
    bytes[start + 2] = length >>> 8;
    bytes[start + 3] = length;
    bytes[this.end++] = 0x0a;
  }

  /** CALLATTR on a remote object whose id_pack is `idPack` in brine. */
  call(seq: number, idPack: Uint8Array, name: string, args: readonly unknown[], named: readonly unknown[]): void {
    const { bytes } = this;
    this.begin(1, seq);
    bytes[this.end++] = 0x58;
    bytes[this.end++] = 0x11;
    bytes[this.end++] = 0x52;
    bytes[this.end++] = 0x13;
    bytes[this.end++] = 0x11;
    bytes[this.end++] = 0x53;
    for (let i = 0; i < idPack.length; i++) bytes[this.end + i] = idPack[i];
    this.end += idPack.length;
    bytes[this.end++] = 0x11;
    bytes[this.end++] = 0x51;
    this.text(name);
    bytes[this.end++] = 0x11;
    bytes[this.end++] = 0x51;
    this.tuple(args);
    bytes[this.end++] = 0x11;
    bytes[this.end++] = 0x51;
    this.tuple(named);
    this.finish();
  }

  reply(seq: number, value: unknown): void {
    this.begin(2, seq);
    this.bytes[this.end++] = 0x51;
    this.value(value);
    this.finish();
  }

  private value(value: unknown): void {
    switch (typeof value) {
      case 'number':
        if (Number.isSafeInteger(value) && !Object.is(value, -0)) this.int(value);
        else this.float(value);
        return;
      case 'string':
        this.text(value);
        return;
      case 'boolean':
        this.bytes[this.end++] = value ? 3 : 4;
        return;
      case 'object':
        if (value === null) this.bytes[this.end++] = 0;
        else this.tuple(value as unknown[]);
        return;
      default:
        throw new Error(`${typeof value} is not in this benchmark`);
    }
  }

  private tuple(items: readonly unknown[]): void {
    const count = items.length;
    const { bytes } = this;
    if (count === 0) bytes[this.end++] = 0x02;
    else if (count <= 4) bytes[this.end++] = 0x0f + count;
    else this.head(0x14, count);
    for (let i = 0; i < count; i++) this.value(items[i]);
  }

  /** `tag` with one byte of length, or the next tag with four. */
  private head(tag: number, length: number): void {
    const { bytes } = this;
    if (length < 256) {
      bytes[this.end++] = tag;
      bytes[this.end++] = length;
      return;
    }
    bytes[this.end++] = tag + 1;
    bytes[this.end++] = length >>> 24;
    bytes[this.end++] = length >>> 16;
    bytes[this.end++] = length >>> 8;
    bytes[this.end++] = length;
  }

  private int(value: number): void {
    const { bytes } = this;
    if (value >= -48 && value < 160) {
      bytes[this.end++] = value + 0x50;
      return;
    }
    let rest = Math.abs(value);
    let length = value < 0 ? 2 : 1;
    for (let limit = 10; rest >= limit; limit *= 10) length++;
    bytes[this.end] = 0x16;
    bytes[this.end + 1] = length;
    let p = this.end + 2 + length;
    this.end = p;
    do {
      const more = Math.floor(rest / 10);
      bytes[--p] = 0x30 + (rest - more * 10);
      rest = more;
    } while (rest !== 0);
    if (value < 0) bytes[--p] = 0x2d;
  }

  private float(value: number): void {
    const { bytes, wordBytes, end } = this;
    this.words[0] = value;
    bytes[end] = 0x18;
    for (let i = 0; i < 8; i++) bytes[end + 1 + i] = wordBytes[7 - i];
    this.end = end + 9;
  }

  private text(text: string): void {
    const { bytes } = this;
    const length = text.length;
    bytes[this.end++] = 0x08;
    if (length <= 24 && length > 0) {
      const at = this.end;
      const head = length <= 4 ? 1 : 2;
      let i = 0;
      for (; i < length; i++) {
        const c = text.charCodeAt(i);
        if (c > 127) break;
        bytes[at + head + i] = c;
      }
      if (i === length) {
        if (head === 1) bytes[at] = 0x09 + length;
        else {
          bytes[at] = 0x0e;
          bytes[at + 1] = length;
        }
        this.end = at + head + length;
        return;
      }
    }
    if (!text.isWellFormed()) throw new Error('lone surrogate');
    const size = Buffer.byteLength(text, 'utf8');
    if (size === 0) bytes[this.end++] = 0x01;
    else if (size <= 4) bytes[this.end++] = 0x09 + size;
    else this.head(0x0e, size);
    this.end += bytes.utf8Write(text, this.end);
  }
}
