// Writes plain JavaScript data as pickles of protocol 3, which every Python 3 reads. The reverse of pickle-read.ts; names only what that
// reads. Shared and cyclic containers keep their identity.
import { Buffer } from 'node:buffer';
import { types } from 'node:util';
import { codedError, UnicodeEncodeError } from '../errors.ts';
import { dtypeOf, isShaped, PyDate, PyDateTime, PyDecimal, PyTime, PyTimedelta } from './pickle-types.ts';
import { Complex, FrozenSet, PyFloat, PyInt, Slice } from './values.ts';

/** How {@link dumps} writes a pickle, and `classic.deliver`. */
export interface WriteOptions {
  /** Write every typed array as a numpy array, not only those with a shape (`ndarray(…)`, or read from a pickle). Default false: as lists. */
  numpy?: boolean;
}

/** Deepest nesting written. */
const MAX_DEPTH = 400;

const unsendable = (what: string): Error =>
  codedError(new TypeError(`cannot be pickled as plain data: ${what}`), 'ERR_RPYC_UNSENDABLE');

class Writer {
  private out: Buffer = Buffer.allocUnsafe(1024);
  private at = 0;
  private depth = 0;
  private readonly memo = new Map<object, number>();
  /** Tuples and sets being written: they cannot hold themselves. */
  private readonly open = new Set<object>();
  private readonly numpy: boolean;

  constructor({ numpy = false }: WriteOptions) {
    this.numpy = numpy;
  }

  run(value: unknown): Buffer {
    this.op(0x80, 3);
    this.write(value);
    this.op('.');
    return this.out.subarray(0, this.at);
  }

  // --- bytes ---

  /** Makes room and returns where it is. `out` may be another buffer afterwards. */
  private room(length: number): number {
    const { at } = this;
    this.at += length;
    if (this.at > this.out.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.at, this.out.length * 2));
      this.out.copy(grown, 0, 0, at);
      this.out = grown;
    }
    return at;
  }

  private op(code: string | number, ...rest: number[]): void {
    let at = this.room(1 + rest.length);
    this.out[at] = typeof code === 'string' ? code.charCodeAt(0) : code;
    for (const byte of rest) this.out[++at] = byte;
  }

  private u32(value: number): void {
    const at = this.room(4);
    this.out.writeUInt32LE(value, at);
  }

  private raw(bytes: Uint8Array): void {
    const at = this.room(bytes.length);
    this.out.set(bytes, at);
  }

  private name(module: string, name: string): void {
    this.raw(Buffer.from(`c${module}\n${name}\n`, 'latin1'));
  }

  // --- values ---

  private write(value: unknown): void {
    if (value === null || value === undefined) this.op('N');
    else if (typeof value === 'boolean') this.op(value ? 0x88 : 0x89);
    else if (typeof value === 'number') this.number(value);
    else if (typeof value === 'bigint') this.int(value);
    else if (typeof value === 'string') this.text(value);
    else if (types.isProxy(value)) throw unsendable('a remote object, or another proxy');
    else if (typeof value === 'object') this.object(value);
    else throw unsendable(`a ${typeof value}`);
  }

  private number(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) this.int(BigInt(value));
    else this.float(value);
  }

  private float(value: number): void {
    this.op('G');
    const at = this.room(8);
    this.out.writeDoubleBE(value, at);
  }

  private int(value: bigint): void {
    if (value >= 0n && value < 256n) {
      this.op('K', Number(value));
      return;
    }
    if (value >= -0x80000000n && value < 0x80000000n) {
      this.op('J');
      const at = this.room(4);
      this.out.writeInt32LE(Number(value), at);
      return;
    }
    const bits = (value < 0n ? -value : value).toString(2).length + 1;
    const length = Math.ceil(bits / 8);
    const hex = BigInt.asUintN(length * 8, value)
      .toString(16)
      .padStart(length * 2, '0');
    if (length < 256) this.op(0x8a, length);
    else {
      this.op(0x8b);
      this.u32(length);
    }
    this.raw(Buffer.from(hex, 'hex').reverse());
  }

  private text(value: string): void {
    if (!value.isWellFormed()) throw new UnicodeEncodeError(value);
    const bytes = Buffer.from(value, 'utf8');
    this.op('X');
    this.u32(bytes.length);
    this.raw(bytes);
  }

  private bytes(value: Uint8Array): void {
    if (value.length < 256) this.op('C', value.length);
    else {
      this.op('B');
      this.u32(value.length);
    }
    this.raw(value);
  }

  private remember(value: object): void {
    this.op('r');
    this.u32(this.memo.size);
    this.memo.set(value, this.memo.size);
  }

  /** Writes the parts of a container, one level deeper. */
  private inside(container: object, write: () => void): void {
    if (++this.depth > MAX_DEPTH) throw codedError(new RangeError(`nested deeper than ${MAX_DEPTH}`), 'ERR_RPYC_DEPTH');
    this.open.add(container);
    write();
    this.open.delete(container);
    this.depth--;
  }

  private object(value: object): void {
    const known = this.memo.get(value);
    if (known !== undefined) {
      this.op('j');
      this.u32(known);
      return;
    }
    if (this.open.has(value)) throw unsendable('a tuple or set that contains itself');
    const prototype = Object.getPrototypeOf(value);
    if (Array.isArray(value)) Object.isFrozen(value) ? this.tuple(value) : this.list(value);
    else if (value instanceof Map) this.dict(value, value);
    else if (value instanceof Set) this.set('set', value);
    else if (value instanceof FrozenSet) this.set('frozenset', value);
    else if (ArrayBuffer.isView(value)) this.view(value);
    else if (types.isAnyArrayBuffer(value)) this.bytes(new Uint8Array(value));
    else if (prototype === null || prototype === Object.prototype) this.dict(value, Object.entries(value));
    else if (!this.scalar(value))
      throw unsendable(`an instance of ${String(prototype.constructor?.name ?? 'a class')}`);
  }

  private tuple(items: readonly unknown[]): void {
    this.inside(items, () => {
      this.op('(');
      for (const item of items) this.write(item);
    });
    // An item may have led back here through a list.
    if (this.memo.has(items)) throw unsendable('a tuple that contains itself');
    this.op('t');
    this.remember(items);
  }

  private list(items: readonly unknown[]): void {
    this.op(']');
    this.remember(items);
    this.inside(items, () => {
      this.op('(');
      for (const item of items) this.write(item);
      this.op('e');
    });
  }

  private dict(container: object, entries: Iterable<readonly [unknown, unknown]>): void {
    this.op('}');
    this.remember(container);
    this.inside(container, () => {
      this.op('(');
      for (const [key, value] of entries) {
        this.write(key);
        this.write(value);
      }
      this.op('u');
    });
  }

  private set(type: 'set' | 'frozenset', items: Iterable<unknown>): void {
    this.name('builtins', type);
    this.inside(items as object, () => {
      this.op(']', '('.charCodeAt(0));
      for (const item of items) this.write(item);
      this.op('e', 0x85, 'R'.charCodeAt(0));
    });
    this.remember(items as object);
  }

  private view(value: ArrayBufferView): void {
    const isBytes = value instanceof Uint8Array || value instanceof Uint8ClampedArray || value instanceof DataView;
    if (isShaped(value) || (this.numpy && !Buffer.isBuffer(value) && !(value instanceof DataView))) this.ndarray(value);
    else if (isBytes) this.bytes(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    else this.numbers(value as unknown as Iterable<number | bigint>);
  }

  /** A typed array as a list: floats stay floats. */
  private numbers(items: Iterable<number | bigint>): void {
    const isFloat = items instanceof Float32Array || items instanceof Float64Array;
    this.op(']', '('.charCodeAt(0));
    for (const item of items)
      if (isFloat) this.float(item as number);
      else this.write(item);
    this.op('e');
  }

  /** `_reconstruct(ndarray, (0,), b'b')`, then its state, as numpy itself writes it; numpy 1 and 2 both know the name. */
  private ndarray(value: ArrayBufferView & { shape?: readonly number[]; fortran?: boolean; length?: number }): void {
    const dtype = dtypeOf(value);
    this.name('numpy.core.multiarray', '_reconstruct');
    this.name('numpy', 'ndarray');
    this.op('K', 0, 0x85);
    this.bytes(Buffer.from('b'));
    this.op(0x87, 'R'.charCodeAt(0), '('.charCodeAt(0));
    this.int(1n);
    this.op('(');
    for (const length of value.shape ?? [value.length as number]) this.number(length);
    this.op('t');
    this.dtype(dtype);
    this.op(value.fortran === true ? 0x88 : 0x89);
    this.bytes(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    this.op('t', 'b'.charCodeAt(0));
  }

  private dtype(code: string): void {
    this.name('numpy', 'dtype');
    this.text(code);
    this.op(0x89, 0x88, 0x87, 'R'.charCodeAt(0), '('.charCodeAt(0));
    this.int(3n);
    this.text(code.endsWith('1') ? '|' : '<');
    this.op('N');
    this.op('N');
    this.op('N');
    this.int(-1n);
    this.int(-1n);
    this.int(0n);
    this.op('t', 'b'.charCodeAt(0));
  }

  private call(module: string, name: string, ...args: unknown[]): void {
    this.name(module, name);
    this.op('(');
    for (const arg of args) this.write(arg);
    this.op('t', 'R'.charCodeAt(0));
  }

  private scalar(value: object): boolean {
    if (value instanceof PyFloat) this.float(value.value);
    else if (value instanceof PyInt) this.int(value.value);
    else if (value instanceof Complex)
      this.call('builtins', 'complex', new PyFloat(value.real), new PyFloat(value.imag));
    else if (value instanceof Slice) this.call('builtins', 'slice', value.start, value.stop, value.step);
    else if (value instanceof PyDecimal) this.call('decimal', 'Decimal', value.text);
    else if (value instanceof PyDate) this.call('datetime', 'date', value.year, value.month, value.day);
    else if (value instanceof PyTime)
      this.call('datetime', 'time', value.hour, value.minute, value.second, value.microsecond);
    else if (value instanceof PyTimedelta)
      this.call('datetime', 'timedelta', value.days, value.seconds, value.microseconds);
    else if (value instanceof Date) this.date(value);
    else return false;
    return true;
  }

  /** A Date is an aware datetime in UTC. A PyDateTime is what it was. */
  private date(value: Date): void {
    if (Number.isNaN(value.getTime())) throw unsendable('an invalid Date');
    const utcOffset = value instanceof PyDateTime ? value.utcOffset : 0;
    const micro = value instanceof PyDateTime ? value.microseconds : value.getUTCMilliseconds() * 1000;
    this.name('datetime', 'datetime');
    this.op('(');
    for (const field of fieldsOf(value, utcOffset)) this.number(field);
    this.number(micro);
    if (utcOffset !== null) {
      this.name('datetime', 'timezone');
      this.name('datetime', 'timedelta');
      this.op('K', 0);
      this.number(Math.trunc(utcOffset));
      this.op(0x86, 'R'.charCodeAt(0), 0x85, 'R'.charCodeAt(0));
    }
    this.op('t', 'R'.charCodeAt(0));
  }
}

/** Year to second on the clock that is `utcOffset` seconds ahead of UTC, or on the local one. */
function fieldsOf(date: Date, utcOffset: number | null): number[] {
  const year = utcOffset === null ? date.getFullYear() : new Date(date.getTime() + utcOffset * 1000).getUTCFullYear();
  if (year < 1 || year > 9999) throw unsendable(`a date in the year ${year}`);
  if (utcOffset === null)
    return [year, date.getMonth() + 1, date.getDate(), date.getHours(), date.getMinutes(), date.getSeconds()];
  const there = new Date(date.getTime() + utcOffset * 1000);
  return [
    year,
    there.getUTCMonth() + 1,
    there.getUTCDate(),
    there.getUTCHours(),
    there.getUTCMinutes(),
    there.getUTCSeconds(),
  ];
}

/**
 * A pickle of plain data: Map and plain object as dict, Array as list, frozen array as tuple, Set, FrozenSet, Date as an aware datetime,
 * bytes, numbers as in calls (`float(1)` for 1.0), bigints, and what `loads` makes. Protocol 3, which every Python 3 reads.
 * Answers to `pickle.dumps`.
 * @throws {TypeError} ERR_RPYC_UNSENDABLE for functions, symbols, remote objects and instances of classes, by name;
 * {RangeError} beyond 400 levels
 */
export function dumps(value: unknown, options: WriteOptions = {}): Buffer {
  return new Writer(options).run(value);
}
