// The only names that a pickle may mention, and what they make of their arguments: plain data. Everything else is refused by name, and
// nothing that a pickle names is ever looked up anywhere but in this table. Answers to Unpickler.find_class, turned around.
import { Buffer } from 'node:buffer';
import { UnpicklingError } from '../errors.ts';
import {
  ARRAY_TYPES,
  dateTime,
  type NdArray,
  ndarray,
  PyDate,
  type PyDateTime,
  PyDecimal,
  PyTime,
  PyTimedelta,
} from './pickle-types.ts';
import { Complex, FrozenSet, Slice } from './values.ts';

/** A name of the table, as the pickle machine's stack holds it. */
export class Global {
  readonly name: string;
  /** Makes the value of a REDUCE, NEWOBJ, OBJ or INST; undefined where the name may only be mentioned. */
  readonly make: ((args: readonly unknown[]) => unknown) | undefined;
  constructor(name: string, make?: (args: readonly unknown[]) => unknown) {
    this.name = name;
    this.make = make;
  }
}

/** An object that gets its contents by BUILD. */
export abstract class Unbuilt {
  /** @returns what the object is from here on */
  abstract build(state: unknown): unknown;
}

function wrong(what: string): UnpicklingError {
  return new UnpicklingError(`malformed pickle: ${what}`);
}

function integers(args: readonly unknown[], least: number, most: number, what: string): number[] {
  if (args.length < least || args.length > most || !args.every((arg) => Number.isSafeInteger(arg)))
    throw wrong(`arguments of ${what}`);
  return args as number[];
}

function items(args: readonly unknown[], what: string): Iterable<unknown> {
  if (args.length === 0) return [];
  const [given] = args;
  if (args.length !== 1 || !(Array.isArray(given) || given instanceof Set || given instanceof FrozenSet))
    throw wrong(`arguments of ${what}`);
  return given as Iterable<unknown>;
}

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;

function latin1(text: string): Buffer {
  for (let i = 0; i < text.length; i++)
    if (text.charCodeAt(i) > 0xff) throw wrong('_codecs.encode of a character beyond latin-1');
  return Buffer.from(text, 'latin1');
}

function encode([text, encoding = 'utf-8']: readonly unknown[]): Buffer {
  if (typeof text !== 'string') throw wrong('arguments of _codecs.encode');
  if (encoding === 'latin1' || encoding === 'latin-1' || encoding === 'iso-8859-1') return latin1(text);
  if (encoding === 'utf-8' || encoding === 'utf8') return Buffer.from(text, 'utf8');
  throw new UnpicklingError(`refused: _codecs.encode to ${String(encoding).slice(0, 50)}`);
}

/** The packed form of date, time and datetime: bytes, or the same as latin-1 text (Python 2). */
function packed(args: readonly unknown[], length: number): Uint8Array | undefined {
  const [state] = args;
  const bytes = typeof state === 'string' ? latin1(state) : state;
  return isBytes(bytes) && bytes.length === length ? bytes : undefined;
}

function makeDate(args: readonly unknown[]): PyDate {
  const bytes = packed(args, 4);
  const [year, month, day] =
    bytes === undefined ? integers(args, 3, 3, 'datetime.date') : [bytes[0] * 256 + bytes[1], bytes[2], bytes[3]];
  return new PyDate(year, month, day);
}

/** The high bits of month and hour carry `fold`. */
const micro = (bytes: Uint8Array, at: number): number => (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2];

function makeTime(args: readonly unknown[]): PyTime {
  const bytes = packed(args, 6);
  if (args.length > 1 && bytes !== undefined) throw new UnpicklingError('refused: datetime.time with a time zone');
  if (bytes !== undefined) return new PyTime(bytes[0] & 0x7f, bytes[1], bytes[2], micro(bytes, 3));
  const [hour, minute = 0, second = 0, microsecond = 0] = integers(args, 1, 4, 'datetime.time');
  return new PyTime(hour, minute, second, microsecond);
}

function makeDateTime(args: readonly unknown[]): PyDateTime {
  const bytes = packed(args, 10);
  const zone = bytes === undefined ? args[7] : args[1];
  if (zone !== undefined && zone !== null && !(zone instanceof Zone)) throw wrong('the time zone of a datetime');
  const fields =
    bytes === undefined
      ? integers(args.slice(0, 7), 3, 7, 'datetime.datetime')
      : [bytes[0] * 256 + bytes[1], bytes[2] & 0x7f, bytes[3], bytes[4], bytes[5], bytes[6], micro(bytes, 7)];
  return dateTime(fields, zone instanceof Zone ? zone.offset : null);
}

/** datetime.timezone: lives inside a datetime only. */
class Zone {
  readonly offset: number;
  constructor(offset: number) {
    this.offset = offset;
  }
}

function makeZone(args: readonly unknown[]): Zone {
  const [delta] = args;
  if (!(delta instanceof PyTimedelta) || args.length > 2) throw wrong('arguments of datetime.timezone');
  return new Zone(delta.milliseconds / 1000);
}

function makeDelta(args: readonly unknown[]): PyTimedelta {
  const [days = 0, seconds = 0, microseconds = 0] = integers(args, 0, 3, 'datetime.timedelta');
  return new PyTimedelta(days, seconds, microseconds);
}

function makeDecimal(args: readonly unknown[]): PyDecimal {
  const [text] = args;
  if (args.length !== 1 || typeof text !== 'string') throw wrong('arguments of decimal.Decimal');
  try {
    return new PyDecimal(text);
  } catch (error) {
    throw wrong((error as Error).message);
  }
}

function makeComplex(args: readonly unknown[]): Complex {
  const [real = 0, imag = 0] = args;
  if (typeof real !== 'number' || typeof imag !== 'number') throw wrong('arguments of complex');
  return new Complex(real, imag);
}

function makeBytearray(args: readonly unknown[]): Uint8Array {
  const [bytes, encoding] = args;
  if (args.length === 0) return new Uint8Array();
  if (isBytes(bytes)) return Uint8Array.from(bytes);
  if (typeof bytes === 'string' && encoding === 'latin-1') return Uint8Array.from(latin1(bytes));
  throw wrong('arguments of bytearray');
}

function makeDict(args: readonly unknown[]): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>();
  for (const pair of items(args, 'OrderedDict')) {
    if (!Array.isArray(pair) || pair.length !== 2) throw wrong('arguments of OrderedDict');
    map.set(pair[0], pair[1]);
  }
  return map;
}

// --- numpy ---------------------------------------------------------------------------------------------------------

class DType extends Unbuilt {
  /** 'f8' and so on. */
  readonly code: string;
  private swapped = false;
  constructor(code: string) {
    super();
    this.code = code;
  }
  /** `(version, byte order, …)` */
  build(state: unknown): this {
    const order = Array.isArray(state) ? state[1] : undefined;
    if (typeof order !== 'string' || !'<>=|'.includes(order)) throw wrong('state of numpy.dtype');
    this.swapped = order === '>';
    return this;
  }
  /** The items in `bytes`, copied to where alignment is right. */
  array(bytes: Uint8Array): NdArray {
    const type = ARRAY_TYPES.get(this.code);
    if (type === undefined) throw new UnpicklingError(`refused: numpy arrays of type ${this.code}`);
    const size = type.BYTES_PER_ELEMENT;
    if (bytes.length % size !== 0) throw wrong(`${bytes.length} bytes for numpy items of ${size}`);
    const copy = Buffer.from(Uint8Array.from(bytes).buffer);
    if (this.swapped && size === 2) copy.swap16();
    if (this.swapped && size === 4) copy.swap32();
    if (this.swapped && size === 8) copy.swap64();
    return ndarray(new type(copy.buffer as ArrayBuffer), undefined, this.code);
  }
}

function makeDType(args: readonly unknown[]): DType {
  const [code] = args;
  if (typeof code !== 'string') throw wrong('arguments of numpy.dtype');
  if (!ARRAY_TYPES.has(code)) throw new UnpicklingError(`refused: numpy arrays of type ${code.slice(0, 50)}`);
  return new DType(code);
}

function shaped(dtype: unknown, bytes: unknown, shape: unknown, fortran: boolean): NdArray {
  if (!(dtype instanceof DType) || !isBytes(bytes) || !Array.isArray(shape)) throw wrong('state of numpy.ndarray');
  const flat = dtype.array(bytes);
  try {
    return ndarray(flat, shape as number[], dtype.code, fortran);
  } catch (error) {
    throw wrong((error as Error).message);
  }
}

class Unfilled extends Unbuilt {
  /** `(version, shape, dtype, is Fortran, bytes)` */
  build(state: unknown): NdArray {
    if (!Array.isArray(state) || state.length !== 5) throw wrong('state of numpy.ndarray');
    const [, shape, dtype, fortran, bytes] = state;
    return shaped(dtype, bytes, shape, fortran === true);
  }
}

/** `_frombuffer(bytes, dtype, shape, order)`, protocol 5. */
function fromBuffer([bytes, dtype, shape, order]: readonly unknown[]): NdArray {
  return shaped(dtype, bytes, shape, order === 'F');
}

function makeScalar([dtype, bytes]: readonly unknown[]): unknown {
  if (!(dtype instanceof DType) || !isBytes(bytes)) throw wrong('arguments of a numpy scalar');
  const [value] = dtype.array(bytes);
  if (value === undefined) throw wrong('a numpy scalar without bytes');
  if (dtype.code === 'b1') return value !== 0;
  return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

const NUMPY_CORES = ['numpy.core', 'numpy._core'];
const BUILTINS = ['builtins', '__builtin__'];

function table(): Map<string, Global> {
  const made = new Map<string, Global>();
  const add = (modules: readonly string[], name: string, make?: (args: readonly unknown[]) => unknown): void => {
    for (const module of modules) made.set(`${module}.${name}`, new Global(`${module}.${name}`, make));
  };
  add(BUILTINS, 'set', (args) => new Set(items(args, 'set')));
  add(BUILTINS, 'frozenset', (args) => new FrozenSet(items(args, 'frozenset')));
  add(BUILTINS, 'bytearray', makeBytearray);
  add(BUILTINS, 'complex', makeComplex);
  add(BUILTINS, 'slice', ([start, stop, step]) => new Slice(start, stop, step));
  // `bytes()` of Python 3 in protocols below 3.
  add(BUILTINS, 'bytes', (args) => Buffer.from([...items(args, 'bytes')] as number[]));
  add(['_codecs'], 'encode', encode);
  add(['collections'], 'OrderedDict', makeDict);
  add(['datetime'], 'datetime', makeDateTime);
  add(['datetime'], 'date', makeDate);
  add(['datetime'], 'time', makeTime);
  add(['datetime'], 'timedelta', makeDelta);
  add(['datetime'], 'timezone', makeZone);
  add(['decimal'], 'Decimal', makeDecimal);
  add(['numpy'], 'ndarray');
  add(['numpy'], 'dtype', makeDType);
  for (const core of NUMPY_CORES) {
    add([`${core}.multiarray`], '_reconstruct', () => new Unfilled());
    add([`${core}.multiarray`], 'scalar', makeScalar);
    add([`${core}.numeric`], '_frombuffer', fromBuffer);
  }
  return made;
}

const TABLE = table();

/** @throws {UnpicklingError} `refused: os.system` for every name outside of the table */
export function globalNamed(module: string, name: string): Global {
  const found = TABLE.get(`${module}.${name}`);
  if (found === undefined) throw new UnpicklingError(`refused: ${`${module}.${name}`.slice(0, 200)}`);
  return found;
}
