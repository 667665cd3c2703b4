// Values onto the transmit tape and off an arena's tape: what travels by value, what by reference. Mapping sections A1 and A2.
// Answers to Connection._box/_unbox and rpyc/core/brine.py's dumpable.
import { Buffer } from 'node:buffer';
import { codedError } from '../errors.ts';
import { nameOf, tx } from '../native/engine.ts';
import { type Arena, type RawBuffer, Tag } from '../native/tape.ts';
import { FORBIDDEN } from '../objects/forbidden.ts';
import type { ResolvedOptions } from '../policy/config.ts';
import { exceptions } from '../python/exceptions.ts';
import {
  Complex,
  Ellipsis,
  FrozenSet,
  isKwargs,
  type Kwargs,
  kwargs,
  NotImplemented,
  PyFloat,
  PyInt,
  Slice,
} from '../python/values.ts';
import { type Face, type Holder, holderOf, pendingOf } from '../refs/holder.ts';
import type { Entry, Exports } from './exports.ts';

/** What boxing needs of a connection. */
export interface BoxingSide {
  readonly exports: Exports;
  readonly options: ResolvedOptions;
  /** Is this holder's object on the other end of this very connection? */
  owns(holder: Holder): boolean;
  /** A reference to a peer's object arrived. */
  arrive(rid: number, cls: number, isClass: boolean, face: Face): unknown;
}

/** Deepest nesting that we send: real Python overflows from 331 levels on, and drops the connection. */
const MAX_DEPTH = 300;

function tooDeep(): Error {
  return codedError(
    new RangeError(`value is nested deeper than ${MAX_DEPTH} levels: the peer would drop the connection`),
    'ERR_RPYC_DEPTH',
  );
}

/**
 * Writes `value` as a box: by value what brine knows, by reference the rest.
 * @returns was it by value?
 */
export function writeBox(side: BoxingSide, value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'number':
      writeNumber(value);
      return true;
    case 'string':
      tx.str(value);
      return true;
    case 'boolean':
      tx.word(value ? Tag.TRUE : Tag.FALSE);
      return true;
    case 'undefined':
      tx.word(Tag.NONE);
      return true;
    case 'bigint':
      tx.bigint(value);
      return true;
    case 'symbol':
      throw codedError(new TypeError(`a symbol cannot be sent: ${value.toString()}`), 'ERR_RPYC_UNSENDABLE');
    case 'function':
      writeReference(side, value);
      return false;
    default:
      if (value === null) {
        tx.word(Tag.NONE);
        return true;
      }
      return writeObject(side, value as object, depth);
  }
}

/** A safe integer is an int; everything else a float, so that 1e300 does not become an int of 301 digits. */
export function writeNumber(value: number): void {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) tx.int(value);
  else tx.float(value);
}

function writeObject(side: BoxingSide, value: object, depth: number): boolean {
  // Arrays first: no netref is one, and they are what large values are made of.
  if (Array.isArray(value)) {
    if (Object.isFrozen(value)) return writeTuple(side, value, depth);
    writeEntry(side.exports.lend(value));
    return false;
  }
  const holder = holderOf(value);
  if (holder !== undefined) {
    writeHolder(side, holder);
    return false;
  }
  if (writePlainValue(side, value, depth)) return true;
  writeReference(side, value);
  return false;
}

/** Objects that brine knows. False, and nothing written: not one of them. */
function writePlainValue(side: BoxingSide, value: object, depth: number): boolean {
  const bytes = asBytes(value);
  if (bytes !== undefined) {
    tx.data(bytes);
    return true;
  }
  if (value instanceof PyFloat) tx.float(value.value);
  else if (value instanceof PyInt) tx.bigint(value.value);
  else if (value instanceof Complex) tx.complex(value.real, value.imag);
  else if (value === Ellipsis) tx.word(Tag.ELLIPSIS);
  else if (value === NotImplemented) tx.word(Tag.NOT_IMPLEMENTED);
  else if (value instanceof Slice)
    return writeAllOrNothing(side, [value.start, value.stop, value.step], depth, () => tx.word(Tag.SLICE));
  else if (value instanceof FrozenSet) {
    const items = [...value];
    return writeAllOrNothing(side, items, depth, () => tx.container(Tag.FROZENSET, items.length));
  } else return false;
  return true;
}

/** Binary data by value, although it is mutable. */
function asBytes(value: object): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (value instanceof Uint8ClampedArray || value instanceof DataView)
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer || (typeof SharedArrayBuffer !== 'undefined' && value instanceof SharedArrayBuffer))
    return new Uint8Array(value as ArrayBuffer);
  return undefined;
}

/** A frozen set or slice with an item that is no value becomes a reference as a whole, as in Python. */
function writeAllOrNothing(side: BoxingSide, items: unknown[], depth: number, head: () => void): boolean {
  if (depth >= MAX_DEPTH) throw tooDeep();
  if (!items.every(isPlain)) return false;
  head();
  for (const item of items) writeBox(side, item, depth + 1);
  return true;
}

/** Would Python's brine dump this? */
function isPlain(value: unknown): boolean {
  if (typeof value === 'function') return false;
  if (typeof value !== 'object' || value === null) return typeof value !== 'symbol';
  if (holderOf(value) !== undefined) return false;
  if (Array.isArray(value)) return Object.isFrozen(value) && value.every(isPlain);
  if (value instanceof FrozenSet) return [...value].every(isPlain);
  if (value instanceof Slice) return isPlain(value.start) && isPlain(value.stop) && isPlain(value.step);
  return (
    asBytes(value) !== undefined ||
    value instanceof PyFloat ||
    value instanceof PyInt ||
    value instanceof Complex ||
    value === Ellipsis ||
    value === NotImplemented
  );
}

/** A tuple is a value if all its items are, else a box of boxes. */
export function writeTuple(side: BoxingSide, items: readonly unknown[], depth: number): boolean {
  if (depth >= MAX_DEPTH) throw tooDeep();
  const at = tx.container(Tag.TUPLE, items.length);
  let plain = true;
  for (let i = 0; i < items.length; i++) plain = writeBox(side, items[i], depth + 1) && plain;
  if (!plain) tx.words[at] = Tag.BOX;
  return plain;
}

/** Home it goes as what it is there; to another peer as an object of ours that forwards (chain.ts). */
function writeHolder(side: BoxingSide, holder: Holder): void {
  if (holder.released) throw released(holder);
  if (side.owns(holder)) tx.ref(holder.rid);
  else writeEntry(side.exports.lend(holder.conn.proxyOf(holder)));
}

export function released(holder: Holder): Error {
  return codedError(
    new TypeError(`netref of ${holder.cls.name} was released and cannot be used any more`),
    'ERR_RPYC_RELEASED',
  );
}

function writeReference(side: BoxingSide, value: object): void {
  const holder = holderOf(value);
  if (holder !== undefined) {
    writeHolder(side, holder);
    return;
  }
  if (pendingOf(value) !== undefined)
    throw codedError(new TypeError('a path inside a container cannot be sent: await it first'), 'ERR_RPYC_UNSENDABLE');
  writeEntry(side.exports.lend(value));
}

function writeEntry(entry: Entry): void {
  tx.exported(entry.name, entry.classId, entry.kind.isClass ? 0 : entry.id);
}

/** kwargs as RPyC sends them: a tuple of (name, value) pairs. Writes nothing but an empty tuple for none. */
export function writeKwargs(side: BoxingSide, named: Kwargs | undefined): boolean {
  const entries = named === undefined ? [] : Object.entries(named);
  return writeTuple(side, entries.length === 0 ? entries : entries.map((pair) => Object.freeze(pair)), 1);
}

/** Splits a trailing Kwargs off an argument list. */
export function splitKwargs(args: readonly unknown[]): [readonly unknown[], Kwargs | undefined] {
  const last = args.length === 0 ? undefined : args[args.length - 1];
  return typeof last === 'object' && isKwargs(last) ? [args.slice(0, -1), last] : [args, undefined];
}

// --- reading -------------------------------------------------------------------------------------------------------

let words: Int32Array;
let floats: Float64Array;
let bytes: RawBuffer;
let owned: boolean;
let pos = 0;
let side: BoxingSide;
let face: Face;

/** Positions the reader; `read*` continue from there. Nothing of the user's runs while values are read, so one reader is enough. */
export function startReading(arena: Arena, at: number, forSide: BoxingSide, withFace: Face): void {
  words = arena.words;
  floats = arena.floats;
  bytes = arena.bytes;
  owned = arena.owned;
  pos = at;
  side = forSide;
  face = withFace;
}

/** The next value of the tape. */
export function readValue(): unknown {
  const word = words[pos++];
  switch (word & 0xff) {
    case Tag.NONE:
      return null;
    case Tag.TRUE:
      return true;
    case Tag.FALSE:
      return false;
    case Tag.INT:
      return side.options.bigint === 'always' ? BigInt(word >> 8) : word >> 8;
    case Tag.INT53: {
      const value = floats[words[pos++]];
      return side.options.bigint === 'always' ? BigInt(value) : value;
    }
    case Tag.BIGINT: {
      const text = latin1();
      return side.options.bigint === 'number' ? Number(text) : BigInt(text);
    }
    case Tag.FLOAT:
      return floats[words[pos++]];
    case Tag.STR:
      return word >> 8 === 1 ? latin1() : utf8();
    case Tag.EMPTY_STR:
      return '';
    case Tag.NAME:
      return nameOf(words[pos++]);
    case Tag.BYTES:
      return readBytes();
    case Tag.EMPTY_BYTES:
      return Buffer.alloc(0);
    case Tag.TUPLE:
    case Tag.BOX: {
      const items = readItems();
      return side.options.freezeTuples ? Object.freeze(items) : items;
    }
    case Tag.REMOTE: {
      const rid = words[pos++];
      return side.arrive(rid, words[pos++], word >> 8 === 1, face);
    }
    case Tag.LOCAL:
      return readLocal();
    default:
      return readRare(word);
  }
}

function readRare(word: number): unknown {
  switch (word & 0xff) {
    case Tag.ELLIPSIS:
      return Ellipsis;
    case Tag.NOT_IMPLEMENTED:
      return NotImplemented;
    case Tag.FROZENSET:
      return new FrozenSet(readItems());
    case Tag.SLICE:
      return new Slice(readValue(), readValue(), readValue());
    case Tag.COMPLEX: {
      const at = words[pos++];
      return new Complex(floats[at], floats[at + 1]);
    }
    default:
      throw codedError(new Error(`tape word ${word} at ${pos - 1} has no meaning here`), 'ERR_RPYC_INTERNAL');
  }
}

/** The items of the tuple or box of boxes that comes next, as a fresh array. */
export function readTuple(): unknown[] {
  const tag = words[pos++] & 0xff;
  if (tag !== Tag.TUPLE && tag !== Tag.BOX) {
    pos--;
    const value = readValue();
    return Array.isArray(value) ? [...value] : [value];
  }
  return readItems();
}

function readItems(): unknown[] {
  const count = words[pos++];
  const items: unknown[] = new Array(count);
  for (let i = 0; i < count; i++) items[i] = readValue();
  return items;
}

/** Our own object that came back. */
function readLocal(): unknown {
  const id = words[pos++];
  const object = side.exports.get(id)?.object ?? side.exports.classOf(id);
  if (object === undefined) throw new exceptions.KeyError(id);
  return object;
}

/** Up to so many characters a loop beats the call into Buffer (bench/micro/text.ts). */
const SHORT_TEXT = 6;

function latin1(): string {
  const offset = words[pos++];
  const length = words[pos++];
  if (length > SHORT_TEXT) return bytes.latin1Slice(offset, offset + length);
  let text = '';
  for (let i = offset; i < offset + length; i++) text += String.fromCharCode(bytes[i]);
  return text;
}

function utf8(): string {
  const offset = words[pos++];
  const length = words[pos++];
  return bytes.utf8Slice(offset, offset + length);
}

function readBytes(): Buffer {
  const offset = words[pos++];
  const length = words[pos++];
  // A body that is most of a large message keeps that message's memory: it has no other user.
  if (owned && length > bytes.length / 2) return bytes.subarray(offset, offset + length);
  const copy = Buffer.allocUnsafe(length);
  bytes.copy(copy, 0, offset, offset + length);
  return copy;
}

/** The kwargs that come next, as one Kwargs; undefined for none. */
export function readKwargs(): Kwargs | undefined {
  const pairs = readTuple();
  return pairs.length === 0 ? undefined : kwargsFromPairs(pairs);
}

/** RPyC's `((name, value), …)`. @throws TypeError for a name that is no str, or forbidden */
export function kwargsFromPairs(pairs: readonly unknown[]): Kwargs {
  const named: Record<string, unknown> = Object.create(null);
  for (const pair of pairs) {
    const [name, value] = Array.isArray(pair) ? pair : [];
    if (typeof name !== 'string' || FORBIDDEN.has(name))
      throw new exceptions.TypeError(
        `bad keyword argument name ${typeof name === 'string' ? `'${name}'` : typeof name}`,
      );
    named[name] = value;
  }
  return kwargs(named);
}
