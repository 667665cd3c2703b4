// Values of Python's that have no JavaScript twin and travel in pickles or are copied on request: dates with microseconds, Decimal, Fraction,
// arrays with a shape. Plain data; no wire format.

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

  /**
   * A datetime from its point in time and what a Date cannot keep.
   * @param timeMs milliseconds since 1970, UTC
   * @param microseconds of the second, 0 to 999,999
   * @param utcOffset seconds east of UTC, or null for a naive datetime
   */
  constructor(timeMs: number, microseconds: number, utcOffset: number | null) {
    super(timeMs);
    this.microseconds = microseconds;
    this.utcOffset = utcOffset;
  }
}

/**
 * A datetime from its fields: year, month (from 1), day, hour, minute, second, microsecond.
 * @param utcOffset seconds east of UTC, or null for a naive one
 */
export function dateTime(fields: readonly number[], utcOffset: number | null): PyDateTime {
  const [year, month, day, hour = 0, minute = 0, second = 0, microseconds = 0] = fields;
  const date = new Date(0);
  const ms = Math.floor(microseconds / 1000);
  if (utcOffset === null) {
    date.setFullYear(year, month - 1, day);
    date.setHours(hour, minute, second, ms);
  } else {
    date.setUTCFullYear(year, month - 1, day);
    date.setUTCHours(hour, minute, second, ms);
  }
  return new PyDateTime(date.getTime() - (utcOffset ?? 0) * 1000, microseconds, utcOffset);
}

/** Python's datetime.date. Frozen. */
export class PyDate {
  /** 1 to 9999. */
  readonly year: number;
  /** 1 to 12: counts from 1, other than that of a Date. */
  readonly month: number;
  /** 1 to 31. */
  readonly day: number;
  /** As `datetime.date(year, month, day)`; not checked here. */
  constructor(year: number, month: number, day: number) {
    this.year = year;
    this.month = month;
    this.day = day;
    Object.freeze(this);
  }
  /** `2024-02-29`. */
  toString(): string {
    return `${pad(this.year, 4)}-${pad(this.month)}-${pad(this.day)}`;
  }
}

/** Python's datetime.time, without a time zone. Frozen. */
export class PyTime {
  /** 0 to 23. */
  readonly hour: number;
  /** 0 to 59. */
  readonly minute: number;
  /** 0 to 59. */
  readonly second: number;
  /** 0 to 999,999. */
  readonly microsecond: number;
  /** As `datetime.time(hour, minute, second, microsecond)`; not checked here. */
  constructor(hour: number, minute = 0, second = 0, microsecond = 0) {
    this.hour = hour;
    this.minute = minute;
    this.second = second;
    this.microsecond = microsecond;
    Object.freeze(this);
  }
  /** `13:05:00`, or `13:05:00.000250`. */
  toString(): string {
    const fraction = this.microsecond === 0 ? '' : `.${pad(this.microsecond, 6)}`;
    return `${pad(this.hour)}:${pad(this.minute)}:${pad(this.second)}${fraction}`;
  }
}

/** Python's datetime.timedelta, in Python's own normal form: 0 <= seconds < 86,400 and 0 <= microseconds < 1,000,000. */
export class PyTimedelta {
  /** Whole days; negative for a negative duration. */
  readonly days: number;
  /** 0 to 86,399. */
  readonly seconds: number;
  /** 0 to 999,999. */
  readonly microseconds: number;
  /** As `datetime.timedelta(days, seconds, microseconds)`, already in the normal form: nothing is carried over. */
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
  /** {@link milliseconds}, so that durations compare and subtract. */
  valueOf(): number {
    return this.milliseconds;
  }
}

/** Python's decimal.Decimal, as its exact text: `new PyDecimal('0.10')`. Frozen. For arithmetic give the text to a decimal library. */
export class PyDecimal {
  /** What `str(decimal)` says. */
  readonly text: string;
  /**
   * @param text digits with sign, point and exponent, or `Infinity` or `NaN`, as Python writes them
   * @throws {TypeError} for what is no decimal number
   */
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
  /** The exact text. */
  toString(): string {
    return this.text;
  }
}

/** Python's fractions.Fraction, in Python's own normal form: lowest terms, a positive denominator. */
export class PyFraction {
  /** Carries the sign. */
  readonly numerator: bigint;
  /** Greater than 0. */
  readonly denominator: bigint;
  /** @throws {RangeError} for a denominator that is not positive */
  constructor(numerator: bigint, denominator = 1n) {
    if (denominator <= 0n) throw new RangeError(`the denominator of a fraction is positive, not ${denominator}`);
    this.numerator = numerator;
    this.denominator = denominator;
    Object.freeze(this);
  }
  /** Nearest double, or next to it. */
  valueOf(): number {
    return Number(this.numerator) / Number(this.denominator);
  }
  /** As Python's `str`: `-1/3`, or `2`. */
  toString(): string {
    return this.denominator === 1n ? String(this.numerator) : `${this.numerator}/${this.denominator}`;
  }
}

/** The typed arrays that numpy has a type for. */
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

/**
 * Gives a typed array the shape of a numpy one: `ndarray(new Float64Array(6), [2, 3])`. The array itself is returned, with `shape`, `dtype` and
 * `fortran` as properties; {@link dumps} and `classic.deliver` then write it as a numpy array.
 * @param shape lengths of the dimensions, outermost first; default: one dimension
 * @param dtype numpy's name of the type; default: that of the items. 'b1' makes a Uint8Array an array of bools
 * @param fortran are items of the first dimension next to each other?
 * @throws {RangeError} where the shape does not fit the number of items
 */
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
