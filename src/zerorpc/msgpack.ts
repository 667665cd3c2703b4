// Values to and from msgpack, by msgpackr, with what it does not do: integers beyond 32 bits stay integers, and what Python would misread or
// drop is refused here, by name.
import { Packr, Unpackr } from 'msgpackr/pack';
import { EncodeError, EventError } from './errors.ts';
import type { Codec } from './event.ts';
import { MAX_NESTING, scan } from './scan.ts';

const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'auto', copyBuffers: true });

/** msgpack as zerorpc speaks it. */
export const msgpack: Codec = {
  encode(value) {
    return packr.pack(prepared(value, 0));
  },
  decode(bytes) {
    scan(bytes);
    try {
      return unpackr.unpack(bytes as Buffer);
    } catch (cause) {
      throw new EventError(`${bytes.length} bytes cannot be decoded`, { cause });
    }
  },
};

/** The value as msgpackr is to see it; copied only where something changes. */
function prepared(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return value;
    case 'number':
      // msgpackr writes integers of more than 32 bits as floats, and Python would get a float.
      return Number.isSafeInteger(value) && (value < -0x80000000 || value > 0xffffffff) ? BigInt(value) : value;
    case 'bigint':
      if (value < -(2n ** 63n) || value >= 2n ** 64n)
        throw new EncodeError(`${value} is beyond 64 bits: send it as text`);
      return value;
    case 'object':
      return value === null ? null : object(value, depth);
    default:
      throw new EncodeError(`a ${typeof value} cannot be sent`);
  }
}

function object(value: object, depth: number): unknown {
  if (depth >= MAX_NESTING) throw new EncodeError(`values are nested more than ${MAX_NESTING} deep, or in a circle`);
  if (Array.isArray(value)) return list(value, depth);
  if (value instanceof Uint8Array || value instanceof Date) return value;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof SharedArrayBuffer)
    throw new EncodeError(`${a(value)} has no form in msgpack: send Array.from(it), or its bytes as a Uint8Array`);
  if (value instanceof Map) return fromMap(value, depth);
  if (value instanceof Set) throw new EncodeError('a Set has no form in msgpack: send Array.from(it)');
  if (value instanceof Promise) throw new EncodeError('a Promise cannot be sent: await it');
  return record(value as Record<string, unknown>, depth);
}

function list(value: readonly unknown[], depth: number): unknown {
  let copy: unknown[] | undefined;
  for (let at = 0; at < value.length; at++) {
    const item = prepared(value[at], depth + 1);
    if (!copy && !Object.is(item, value[at])) copy = value.slice(0, at);
    copy?.push(item);
  }
  return copy ?? value;
}

function record(value: Record<string, unknown>, depth: number): unknown {
  const plain = Object.getPrototypeOf(value) === Object.prototype;
  let copy: Map<string, unknown> | undefined = plain && !('toJSON' in value) ? undefined : new Map();
  const keys = Object.keys(value);
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at] as string;
    const item = prepared(value[key], depth + 1);
    // A Map: a key named __proto__ stays a key.
    if (!copy && !Object.is(item, value[key]))
      copy = new Map(keys.slice(0, at).map((each) => [each, value[each]] as const));
    copy?.set(key, item);
  }
  return copy ?? value;
}

function fromMap(value: ReadonlyMap<unknown, unknown>, depth: number): unknown {
  const copy = new Map<string, unknown>();
  for (const [key, item] of value) {
    if (typeof key !== 'string')
      throw new EncodeError(
        `a map's key is a ${typeof key}: Python drops the whole message unless every key is text; use strings, or a list of pairs`,
      );
    copy.set(key, prepared(item, depth + 1));
  }
  return copy;
}

function a(value: object): string {
  const name = value.constructor?.name ?? 'object';
  return `${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${name}`;
}
