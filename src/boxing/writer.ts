// Values of ours onto the transmit tape: what travels by value, what by reference. Mapping section A1.
// Answers to Connection._box and rpyc/core/brine.py's dumpable.
import { codedError } from '../errors.ts';
import { Tag, type Transmit } from '../native/tape.ts';
import { Complex, Ellipsis, FrozenSet, type Kwargs, NotImplemented, PyFloat, PyInt, Slice } from '../python/values.ts';
import { type Holder, holderOf, type Peer } from '../refs/holder.ts';
import { pendingOf } from '../refs/pending-ref.ts';
import type { Entry } from './exports.ts';

/** Deepest nesting that we send: real Python overflows from 331 levels on, and drops the connection. */
const MAX_DEPTH = 300;

function tooDeep(): Error {
  return codedError(
    new RangeError(`value is nested deeper than ${MAX_DEPTH} levels: the peer would drop the connection`),
    'ERR_RPYC_DEPTH',
  );
}

/** The error for using a reference that was given back. */
export function released(holder: Holder): Error {
  return codedError(
    new TypeError(`netref of ${holder.cls.name} was released and cannot be used any more`),
    'ERR_RPYC_RELEASED',
  );
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

/** Would Python's brine dump this? */
export function isPlain(value: unknown): boolean {
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

/** Where what goes by reference is counted. */
export interface Lender {
  lend(object: object): Entry;
}

/** Boxes values for one peer. Appends to the message that its owner began on the tape. */
export class BoxWriter {
  private readonly tape: Transmit;
  private readonly exports: Lender;
  private readonly peer: Peer | undefined;

  /**
   * @param peer whose objects go home as what they are there; undefined: nobody's do
   */
  constructor(tape: Transmit, exports: Lender, peer: Peer | undefined) {
    this.tape = tape;
    this.exports = exports;
    this.peer = peer;
  }

  /**
   * Writes `value` as a box: by value what brine knows, by reference the rest.
   * @returns was it by value?
   */
  box(value: unknown, depth: number): boolean {
    const { tape } = this;
    switch (typeof value) {
      case 'number':
        tape.number(value);
        return true;
      case 'string':
        tape.str(value);
        return true;
      case 'boolean':
        tape.word(value ? Tag.TRUE : Tag.FALSE);
        return true;
      case 'undefined':
        tape.word(Tag.NONE);
        return true;
      case 'bigint':
        tape.bigint(value);
        return true;
      case 'symbol':
        throw codedError(new TypeError(`a symbol cannot be sent: ${value.toString()}`), 'ERR_RPYC_UNSENDABLE');
      case 'function':
        this.reference(value);
        return false;
      default:
        if (value === null) {
          tape.word(Tag.NONE);
          return true;
        }
        return this.object(value as object, depth);
    }
  }

  /** A tuple is a value if all its items are, else a box of boxes. */
  tuple(items: readonly unknown[], depth: number): boolean {
    if (depth >= MAX_DEPTH) throw tooDeep();
    const at = this.tape.container(Tag.TUPLE, items.length);
    let plain = true;
    for (let i = 0; i < items.length; i++) plain = this.box(items[i], depth + 1) && plain;
    if (!plain) this.tape.words[at] = Tag.BOX;
    return plain;
  }

  /** kwargs as RPyC sends them: a tuple of (name, value) pairs. Writes nothing but an empty tuple for none. */
  kwargs(named: Kwargs | undefined): boolean {
    if (named === undefined) {
      this.tape.container(Tag.TUPLE, 0);
      return true;
    }
    return this.tuple(
      Object.entries(named).map((pair) => Object.freeze(pair)),
      1,
    );
  }

  private object(value: object, depth: number): boolean {
    // Arrays first: no netref is one, and they are what large values are made of.
    if (Array.isArray(value)) {
      if (Object.isFrozen(value)) return this.tuple(value, depth);
      this.entry(this.exports.lend(value));
      return false;
    }
    const holder = holderOf(value);
    if (holder !== undefined) {
      this.holder(holder);
      return false;
    }
    if (this.plainValue(value, depth)) return true;
    this.reference(value);
    return false;
  }

  /** Objects that brine knows. False, and nothing written: not one of them. */
  private plainValue(value: object, depth: number): boolean {
    const { tape } = this;
    const bytes = asBytes(value);
    if (bytes !== undefined) {
      tape.data(bytes);
      return true;
    }
    if (value instanceof PyFloat) tape.float(value.value);
    else if (value instanceof PyInt) tape.bigint(value.value);
    else if (value instanceof Complex) tape.complex(value.real, value.imag);
    else if (value === Ellipsis) tape.word(Tag.ELLIPSIS);
    else if (value === NotImplemented) tape.word(Tag.NOT_IMPLEMENTED);
    else if (value instanceof Slice)
      return this.allOrNothing([value.start, value.stop, value.step], depth, () => tape.word(Tag.SLICE));
    else if (value instanceof FrozenSet) {
      const items = [...value];
      return this.allOrNothing(items, depth, () => tape.container(Tag.FROZENSET, items.length));
    } else return false;
    return true;
  }

  /** A frozen set or slice with an item that is no value becomes a reference as a whole, as in Python. */
  private allOrNothing(items: unknown[], depth: number, head: () => void): boolean {
    if (depth >= MAX_DEPTH) throw tooDeep();
    if (!items.every(isPlain)) return false;
    head();
    for (const item of items) this.box(item, depth + 1);
    return true;
  }

  /** Home it goes as what it is there; to another peer as an object of ours that forwards (protocol/chain.ts). */
  private holder(holder: Holder): void {
    if (holder.released) throw released(holder);
    if (holder.peer === this.peer) this.tape.ref(holder.rid);
    else this.entry(this.exports.lend(holder.peer.proxyOf(holder)));
  }

  private reference(value: object): void {
    const holder = holderOf(value);
    if (holder !== undefined) {
      this.holder(holder);
      return;
    }
    if (pendingOf(value) !== undefined)
      throw codedError(
        new TypeError('a path inside a container cannot be sent: await it first'),
        'ERR_RPYC_UNSENDABLE',
      );
    this.entry(this.exports.lend(value));
  }

  private entry(entry: Entry): void {
    this.tape.exported(entry.name, entry.classId, entry.kind.isClass ? 0 : entry.id);
  }
}
