// As much msgpack as the tests of src/zerorpc need to talk to a real zerorpc. Text is str, a Uint8Array bin, a plain object a map with str keys.
import type { Codec } from '../../src/zerorpc/event.ts';

function head(
  short: number,
  limit: number,
  codes: readonly [number | undefined, number, number],
  length: number,
): Buffer {
  if (length < limit) return Buffer.from([short | length]);
  const [one, two, four] = codes;
  if (one !== undefined && length < 0x100) return Buffer.from([one, length]);
  if (length < 0x10000) return Buffer.from([two, length >> 8, length & 255]);
  const bytes = Buffer.alloc(5, four);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

function number(value: number): Buffer {
  if (Number.isInteger(value) && value >= -32 && value < 128) return Buffer.from([value & 255]);
  const bytes = Buffer.alloc(9, Number.isSafeInteger(value) ? 0xd3 : 0xcb);
  if (Number.isSafeInteger(value)) bytes.writeBigInt64BE(BigInt(value), 1);
  else bytes.writeDoubleBE(value, 1);
  return bytes;
}

function encode(value: unknown): Buffer {
  if (value === null || value === undefined) return Buffer.from([0xc0]);
  if (typeof value === 'boolean') return Buffer.from([value ? 0xc3 : 0xc2]);
  if (typeof value === 'number') return number(value);
  if (value instanceof Uint8Array) return Buffer.concat([head(0, 0, [0xc4, 0xc5, 0xc6], value.length), value]);
  if (Array.isArray(value)) {
    return Buffer.concat([head(0x90, 16, [undefined, 0xdc, 0xdd], value.length), ...value.map(encode)]);
  }
  if (typeof value === 'object') {
    const entries = Object.entries(value);
    return Buffer.concat([head(0x80, 16, [undefined, 0xde, 0xdf], entries.length), ...entries.flat().map(encode)]);
  }
  const text = Buffer.from(String(value));
  return Buffer.concat([head(0xa0, 32, [0xd9, 0xda, 0xdb], text.length), text]);
}

function decode(bytes: Buffer): unknown {
  let at = 0;
  const take = (length: number): Buffer => {
    at += length;
    if (at > bytes.length) throw new RangeError('msgpack ends inside a value');
    return bytes.subarray(at - length, at);
  };
  const size = (width: number): number => take(width).readUIntBE(0, width);
  const list = (length: number): unknown[] => Array.from({ length }, value);
  const map = (length: number) => Object.fromEntries(Array.from({ length }, () => [String(value()), value()]));
  const text = (length: number) => take(length).toString();
  const read: Record<number, () => unknown> = {
    192: () => null,
    194: () => false,
    195: () => true,
    196: () => new Uint8Array(take(size(1))),
    197: () => new Uint8Array(take(size(2))),
    203: () => take(8).readDoubleBE(),
    204: () => size(1),
    205: () => size(2),
    206: () => size(4),
    207: () => Number(take(8).readBigUInt64BE()),
    208: () => take(1).readInt8(),
    209: () => take(2).readInt16BE(),
    210: () => take(4).readInt32BE(),
    211: () => Number(take(8).readBigInt64BE()),
    217: () => text(size(1)),
    218: () => text(size(2)),
    219: () => text(size(4)),
    220: () => list(size(2)),
    222: () => map(size(2)),
  };
  function value(): unknown {
    const tag = size(1);
    if (tag < 0x80) return tag;
    if (tag < 0x90) return map(tag & 15);
    if (tag < 0xa0) return list(tag & 15);
    if (tag < 0xc0) return text(tag & 31);
    if (tag >= 0xe0) return tag - 256;
    const reader = read[tag];
    if (!reader) throw new RangeError(`msgpack tag ${tag} is not read here`);
    return reader();
  }
  const result = value();
  if (at < bytes.length) throw new RangeError('msgpack goes on behind its value');
  return result;
}

export const MSGPACK: Codec = { encode, decode: (bytes) => decode(Buffer.from(bytes)) };
