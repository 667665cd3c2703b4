// Values that travel in pickles and have no JavaScript twin: dates with microseconds, Decimal, arrays with a shape. Plain data; no wire format.

const pad = (value: number, digits = 2): string => String(value).padStart(digits, '0');

/**
 * Python's datetime.datetime: a Date that also keeps what Date cannot. A naive one (`utcOffset` null) is read in this process's time zone,
 * as Python's `timestamp()` does.
 */
export class PyDateTime extends Date {
  /** Microseconds of the second, 0 to 999,999; the Date has the milliseconds of them. */
  readonly microseconds: number;
  /** Seconds east of UTC, or null for a naive datetime. */
  readonly utcOffset: number | null;

  constructor(timeMs: number, microseconds: number, utcOffset: number | null) {
    super(timeMs);
    this.microseconds = microseconds;
    this.utcOffset = utcOffset;
  }
}

/** Python's datetime.date. `month` counts from 1. */
export class PyDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  constructor(year: number, month: number, day: number) {
    this.year = year;
    this.month = month;
    this.day = day;
    Object.freeze(this);
  }
  toString(): string {
    return `${pad(this.year, 4)}-${pad(this.month)}-${pad(this.day)}`;
  }
}

/** Python's datetime.time, without a time zone. */
export class PyTime {
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly microsecond: number;
  constructor(hour: number, minute = 0, second = 0, microsecond = 0) {
    this.hour = hour;
    this.minute = minute;
    this.second = second;
    this.microsecond = microsecond;
    Object.freeze(this);
  }
  toString(): string {
    const fraction = this.microsecond === 0 ? '' : `.${pad(this.microsecond, 6)}`;
    return `${pad(this.hour)}:${pad(this.minute)}:${pad(this.second)}${fraction}`;
  }
}

/** Python's datetime.timedelta, in Python's own normal form: 0 <= seconds < 86,400 and 0 <= microseconds < 1,000,000. */
export class PyTimedelta {
  readonly days: number;
  readonly seconds: number;
  readonly microseconds: number;
  constructor(days: number, seconds = 0, microseconds = 0) {
    this.days = days;
    this.seconds = seconds;
    this.microseconds = microseconds;
    Object.freeze(this);
  }
  /** All of it in milliseconds. */
  get milliseconds(): number {
    return (this.days * 86_400 + this.seconds) * 1000 + this.microseconds / 1000;
  }
  valueOf(): number {
    return this.milliseconds;
  }
}

/** Python's decimal.Decimal, as its exact text. */
export class PyDecimal {
  readonly text: string;
  /** @throws {TypeError} for what is no decimal number */
  constructor(text: string) {
    if (
      typeof text !== 'string' ||
      !/^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|s?nan\d*)$/i.test(text)
    )
      throw new TypeError(`no decimal number: ${String(text).slice(0, 50)}`);
    this.text = text;
    Object.freeze(this);
  }
  /** Nearest double. */
  valueOf(): number {
    return Number(this.text.replace(/^([+-]?)inf(?:inity)?$/i, '$1Infinity'));
  }
  toString(): string {
    return this.text;
  }
}

export type TypedArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** What makes a typed array a numpy array. */
export interface Shaped {
  /** Lengths of the dimensions, outermost first; `[]` for a scalar array. */
  readonly shape: readonly number[];
  /** numpy's name of the type: 'f8', 'i4', 'b1' (bool, in a Uint8Array), … */
  readonly dtype: string;
  /** Do items of the first dimension lie next to each other (Fortran), instead of those of the last (C)? */
  readonly fortran: boolean;
}

/** A numpy array by value: its numbers as a typed array, with `shape`, `dtype` and `fortran` beside them. */
export type NdArray = TypedArray & Shaped;

type ArrayType = { new (buffer: ArrayBuffer): TypedArray; readonly BYTES_PER_ELEMENT: number };

/** numpy types and the arrays that hold them. */
export const ARRAY_TYPES: ReadonlyMap<string, ArrayType> = new Map<string, ArrayType>([
  ['b1', Uint8Array],
  ['i1', Int8Array],
  ['u1', Uint8Array],
  ['i2', Int16Array],
  ['u2', Uint16Array],
  ['i4', Int32Array],
  ['u4', Uint32Array],
  ['i8', BigInt64Array],
  ['u8', BigUint64Array],
  ['f4', Float32Array],
  ['f8', Float64Array],
]);

/** Gives a typed array the shape of a numpy one: `ndarray(new Float64Array(6), [2, 3])`. The array itself is returned. */
export function ndarray<T extends TypedArray>(
  data: T,
  shape: readonly number[] = [data.length],
  dtype = dtypeOf(data),
  fortran = false,
): T & Shaped {
  if (shape.reduce((a, b) => a * b, 1) !== data.length || !shape.every((n) => Number.isSafeInteger(n) && n >= 0))
    throw new RangeError(`${data.length} items do not have the shape [${shape.join(', ')}]`);
  return Object.defineProperties(data, {
    shape: { value: Object.freeze([...shape]), configurable: true },
    dtype: { value: dtype, configurable: true },
    fortran: { value: fortran, configurable: true },
  }) as T & Shaped;
}

/** numpy's name for the items of a typed array. @throws {TypeError} for one that numpy has no type for */
export function dtypeOf(data: ArrayBufferView): string {
  const named = (data as Partial<Shaped>).dtype;
  if (typeof named === 'string' && ARRAY_TYPES.has(named)) return named;
  for (const [name, type] of ARRAY_TYPES)
    if (name !== 'b1' && Object.prototype.toString.call(data) === `[object ${(type as { name?: string }).name}]`)
      return name;
  if (data instanceof Uint8ClampedArray) return 'u1';
  throw new TypeError(`numpy has no type for ${Object.prototype.toString.call(data)}`);
}

/** Is it a typed array with a shape? */
export const isShaped = (value: unknown): value is NdArray =>
  ArrayBuffer.isView(value) && Array.isArray((value as Partial<Shaped>).shape);
