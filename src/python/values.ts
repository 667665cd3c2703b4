// Python values that have no JavaScript twin: how they are written here, sent, and received. Owns no wire format.

/**
 * Python's tuple: a frozen array. `tuple(1, 'a')` is sent by value, a plain array by reference. In it, items that are objects travel
 * by reference.
 */
export function tuple<T extends unknown[]>(...items: T): Readonly<T> {
  return Object.freeze(items);
}

/** Python's frozenset, in the order in which it was given or received. Items that are references make it unsendable by value. */
export class FrozenSet<T = unknown> implements Iterable<T> {
  private readonly items: ReadonlySet<T>;
  /** A set of these items; equal ones count once, as in a Set. */
  constructor(items: Iterable<T> = []) {
    this.items = new Set(items);
  }
  /** Number of items. */
  get size(): number {
    return this.items.size;
  }
  /** Is this item in it? Compared as a Set does. */
  has(item: T): boolean {
    return this.items.has(item);
  }
  /** Its items, in their order. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.items.values();
  }
}

/** Python's `slice(start, stop, step)`; `null` stands for None. Frozen. {@link slice} makes one from as many bounds as in Python. */
export class Slice {
  /** First index; null: from the beginning. */
  readonly start: unknown;
  /** Index after the last one; null: to the end. */
  readonly stop: unknown;
  /** From one index to the next; null: 1. */
  readonly step: unknown;
  /** As `slice(start, stop, step)` of Python with all bounds said. */
  constructor(start: unknown, stop: unknown, step: unknown = null) {
    this.start = start;
    this.stop = stop;
    this.step = step;
    Object.freeze(this);
  }
}

/**
 * `slice(stop)`, `slice(start, stop)`, `slice(start, stop, step)` as in Python; null for None.
 *
 *     await rpyc.getitem(ref, rpyc.slice(1, 4));   // ref[1:4]
 */
export function slice(...bounds: [stop: unknown] | [start: unknown, stop: unknown, step?: unknown]): Slice {
  return bounds.length === 1 ? new Slice(null, bounds[0]) : new Slice(bounds[0], bounds[1], bounds[2] ?? null);
}

/** Python's complex number. Frozen. */
export class Complex {
  /** Real part. */
  readonly real: number;
  /** Imaginary part. */
  readonly imag: number;
  /** `real + imag * 1j`. */
  constructor(real: number, imag: number) {
    this.real = real;
    this.imag = imag;
    Object.freeze(this);
  }
}

class Singleton {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
    Object.freeze(this);
  }
  toString(): string {
    return this.name;
  }
}

/** Python's `...`. */
export const Ellipsis: object = new Singleton('Ellipsis');
/** Python's `NotImplemented`: the answer of an operator that does not know the other operand. */
export const NotImplemented: object = new Singleton('NotImplemented');

/** A number that is to arrive as Python's float: `float(1)` is `1.0` there, plain `1` is an int. */
export class PyFloat {
  /** The number. */
  readonly value: number;
  /** What {@link float} makes, unchecked. */
  constructor(value: number) {
    this.value = value;
    Object.freeze(this);
  }
  /** The number, for arithmetic. */
  valueOf(): number {
    return this.value;
  }
}

/** A number that is to arrive as Python's int, whatever its size: `int(1e300)` has 301 digits there, plain `1e300` is a float. */
export class PyInt {
  /** The number. */
  readonly value: bigint;
  /** What {@link int} makes, unchecked. */
  constructor(value: bigint) {
    this.value = value;
    Object.freeze(this);
  }
  /** The number, for arithmetic. */
  valueOf(): bigint {
    return this.value;
  }
}

/** Marks a number as Python's float. @throws {TypeError} for anything but a number. */
export function float(value: number): PyFloat {
  if (typeof value !== 'number') throw new TypeError(`float() takes a number, not ${typeof value}`);
  return new PyFloat(value);
}

/** Marks a number as Python's int. @throws {RangeError} for a number with a fraction, NaN or an infinity. */
export function int(value: number | bigint): PyInt {
  return new PyInt(BigInt(value));
}

/**
 * Keyword arguments: `f(1, kwargs({x: 2}))` is Python's `f(1, x=2)`. What a Python caller sends as keywords arrives as one
 * trailing Kwargs with a null prototype, and forwarding it forwards keywords.
 */
export interface Kwargs {
  [name: string]: unknown;
}
const brand = new WeakSet<object>();

/**
 * Brands an object's own enumerable properties as keyword arguments, for the last place of a call: Python's `f(1, x=2)` is
 *
 *     await conn.root.f(1, rpyc.kwargs({ x: 2 }));
 */
export function kwargs(named: Record<string, unknown>): Kwargs {
  const made = Object.assign(Object.create(null), named) as Kwargs;
  brand.add(made);
  return made;
}

export const isKwargs = (value: unknown): value is Kwargs =>
  typeof value === 'object' && value !== null && brand.has(value);

/** Splits a trailing Kwargs off an argument list. */
export function splitKwargs(args: readonly unknown[]): [readonly unknown[], Kwargs | undefined] {
  const last = args.length === 0 ? undefined : args[args.length - 1];
  return typeof last === 'object' && isKwargs(last) ? [args.slice(0, -1), last] : [args, undefined];
}
