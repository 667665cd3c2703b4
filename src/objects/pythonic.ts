// What Python means by equal, less, hashable and index, for JavaScript values; and how tables of Python methods are made.
// The facades (list, dict, set, iterator) are written in these terms. Error texts are CPython's 3.11.
import { Buffer } from 'node:buffer';
import { HANDLE_BUFFITER } from '../constants.ts';
import { exceptions } from '../python/exceptions.ts';
import { Complex, FrozenSet, isKwargs, NotImplemented, PyFloat, PyInt, Slice } from '../python/values.ts';
import { type Holder, holderOf } from '../refs/holder.ts';
import { dataEntries, given, memberEntries } from './literal.ts';

const { OverflowError, RecursionError, TypeError: PyTypeError } = exceptions;

// biome-ignore lint/suspicious/noExplicitAny: `self` is whatever the table is for
export type Method = (self: any, ...args: any[]) => unknown;
/** Python name -> implementation; `self` first. */
export type Facade = Readonly<Record<string, Method>>;

/** A frozen table without a prototype: a name is in it or it is not. */
export const table = (...parts: Record<string, Method>[]): Facade =>
  Object.freeze(Object.assign(Object.create(null), ...parts));

const properties = new WeakSet<Method>();

/** Makes a method of a facade a property: reading it gives what `get` returns. */
export function property(get: Method): Method {
  properties.add(get);
  return get;
}

/** Is this a property, not a method? */
export const isProperty = (method: Method): boolean => properties.has(method);

/** Answers nothing. */
export const NO_FACADE: Facade = table();

/** A method and how many positional arguments it takes. `style` says in whose words CPython complains. */
interface Signature {
  readonly style: 'none' | 'one' | 'some';
  readonly min: number;
  readonly max: number;
  readonly fn: Method;
}

export const none = (fn: Method): Signature => ({ style: 'none', min: 0, max: 0, fn });
export const one = (fn: Method): Signature => ({ style: 'one', min: 1, max: 1, fn });
export const some = (min: number, max: number, fn: Method): Signature => ({ style: 'some', min, max, fn });

const times = (n: number): string => `${n} argument${n === 1 ? '' : 's'}`;

function miscounted(type: string, name: string, { style, min, max }: Signature, given: number): Error {
  if (style === 'none') return new PyTypeError(`${type}.${name}() takes no arguments (${given} given)`);
  if (style === 'one') return new PyTypeError(`${type}.${name}() takes exactly one argument (${given} given)`);
  const bound = min === max ? times(min) : given < min ? `at least ${times(min)}` : `at most ${times(max)}`;
  return new PyTypeError(`${name} expected ${bound}, got ${given}`);
}

/** Methods of a Python type that check their arguments as CPython's do. */
export function methods(type: string, signatures: Record<string, Signature>): Record<string, Method> {
  const made: Record<string, Method> = Object.create(null);
  for (const [name, signature] of Object.entries(signatures)) {
    const { min, max, fn } = signature;
    made[name] = (self: unknown, ...args: unknown[]) => {
      if (args.length > 0 && isKwargs(args[args.length - 1]))
        throw new PyTypeError(`${type}.${name}() takes no keyword arguments`);
      if (args.length < min || args.length > max) throw miscounted(type, name, signature, args.length);
      return fn(self, ...args);
    };
  }
  return made;
}

/** Is it a promise, or to be awaited like one (a path of the awaitable face is)? */
export const isThenable = (value: unknown): value is Promise<unknown> =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
  typeof (value as { then?: unknown }).then === 'function';

/** `dict` of `builtins.dict`. */
const lastName = (name: string): string => name.slice(name.lastIndexOf('.') + 1);

/** Class name of a peer's object, `builtins.list`; undefined for anything else. */
export const remoteClass = (value: unknown): string | undefined => holderOf(value)?.cls.name;

/** Is this a plain object, Python's dict with keys that are str? */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || holderOf(value) !== undefined) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/** `type(value).__name__`, for error texts. */
export function typeName(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return 'NoneType';
    case 'boolean':
      return 'bool';
    case 'number':
      return Number.isInteger(value) ? 'int' : 'float';
    case 'bigint':
      return 'int';
    case 'string':
      return 'str';
    default:
      return value === null ? 'NoneType' : objectTypeName(value as object);
  }
}

function objectTypeName(value: object): string {
  const remote = remoteClass(value);
  if (remote !== undefined) return lastName(remote);
  if (typeof value === 'function') return 'builtin_function_or_method';
  if (Array.isArray(value)) return Object.isFrozen(value) ? 'tuple' : 'list';
  if (value instanceof Map || isPlainObject(value)) return 'dict';
  if (value instanceof Set) return 'set';
  if (value instanceof FrozenSet) return 'frozenset';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof PyFloat) return 'float';
  if (value instanceof PyInt) return 'int';
  if (value instanceof Complex) return 'complex';
  return value instanceof Slice ? 'slice' : (value.constructor?.name ?? 'object');
}

/** A number in Python's sense (bool is one), as something that `==` and `<` compare exactly; undefined for anything else. */
export function numeric(value: unknown): number | bigint | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return value instanceof PyFloat || value instanceof PyInt ? value.value : undefined;
}

/** Deepest comparison of nested containers; CPython has a limit as well. */
const MAX_NESTED = 200;

/** Lists of ours: Arrays that are not frozen, and typed arrays. */
export const asList = (value: unknown): ArrayLike<unknown> | undefined =>
  (Array.isArray(value) && !Object.isFrozen(value)) ||
  (ArrayBuffer.isView(value) && !(value instanceof Uint8Array) && !(value instanceof DataView))
    ? (value as unknown as ArrayLike<unknown>)
    : undefined;
const asTuple = (value: unknown): readonly unknown[] | undefined =>
  Array.isArray(value) && Object.isFrozen(value) ? value : undefined;

/** Sets of either kind. */
export const asSet = (value: unknown): ReadonlySet<unknown> | FrozenSet | undefined =>
  value instanceof Set || value instanceof FrozenSet ? value : undefined;

/** Entries of a dict of ours: a Map, or the data of a plain object. */
export function asDict(value: unknown): Map<unknown, unknown> | undefined {
  if (value instanceof Map) return value;
  return isPlainObject(value) ? new Map<unknown, unknown>(dataEntries(value)) : undefined;
}

/** As {@link asDict}, with the methods of a plain object among its items, as a peer is given them. */
export function asItems(value: unknown): Map<unknown, unknown> | undefined {
  if (!isPlainObject(value)) return asDict(value);
  return new Map<unknown, unknown>(
    Array.from(memberEntries(value), ([key, member]) => [key, given(value, key, member)]),
  );
}

/** Python's `a is b or a == b`: numbers by value whatever their type, tuples, lists, dicts and sets by their items. */
export function equal(a: unknown, b: unknown, depth = 0): boolean {
  if (a === b || (a !== a && b !== b)) return true;
  const x = numeric(a);
  if (x !== undefined) {
    const y = numeric(b);
    return y !== undefined && x == y;
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (depth > MAX_NESTED) throw new RecursionError('maximum recursion depth exceeded in comparison');
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (holderOf(a) !== undefined || holderOf(b) !== undefined) return false;
  for (const as of [asList, asTuple]) {
    const items = as(a);
    if (items !== undefined) return sameItems(items, as(b), depth + 1);
  }
  if (asSet(a) !== undefined) return sameMembers(asSet(a), asSet(b));
  const dict = asItems(a);
  return dict === undefined ? equalObjects(a, b) : sameEntries(dict, asItems(b), depth + 1);
}

function sameItems(a: ArrayLike<unknown>, b: ArrayLike<unknown> | undefined, depth: number): boolean {
  if (b === undefined || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!equal(a[i], b[i], depth)) return false;
  return true;
}

function sameMembers(a: Keyed | undefined, b: Keyed | undefined): boolean {
  if (a === undefined || b === undefined || a.size !== b.size) return false;
  for (const item of itemsOf(a)) if (findKey(b, item) === ABSENT) return false;
  return true;
}

function sameEntries(a: Map<unknown, unknown>, b: Map<unknown, unknown> | undefined, depth: number): boolean {
  if (b === undefined || a.size !== b.size) return false;
  for (const [key, value] of a) {
    const found = findKey(b, key);
    if (found === ABSENT || !equal(value, b.get(found), depth)) return false;
  }
  return true;
}

function equalObjects(a: object, b: object): boolean {
  if (a instanceof Complex) return b instanceof Complex && a.real === b.real && a.imag === b.imag;
  if (a instanceof Slice)
    return b instanceof Slice && equal(a.start, b.start) && equal(a.stop, b.stop) && equal(a.step, b.step);
  const own = (a as { __eq__?: unknown }).__eq__;
  if (typeof own !== 'function') return false;
  const answer = Reflect.apply(own, a, [b]);
  return answer !== NotImplemented && Boolean(answer);
}

/** What can be looked up by key: Set, FrozenSet, Map. */
export interface Keyed {
  readonly size: number;
  has(key: unknown): boolean;
}

/** No key of the collection equals the one sought. */
export const ABSENT: unique symbol = Symbol('absent');

/**
 * The key of a Map or item of a Set that Python would call equal to `key`: 1, 1n, 1.0 and True are one, and so are two tuples of equal items.
 * @throws TypeError for what Python cannot hash
 */
export function findKey(keys: Keyed, key: unknown): unknown {
  if (keys.has(key)) return key;
  const number = numeric(key);
  if (number !== undefined) return findNumber(keys, number);
  if (typeof key !== 'object' || key === null) return ABSENT;
  if (!isValue(key)) {
    checkHashable(key);
    return ABSENT;
  }
  checkHashable(key);
  for (const candidate of itemsOf(keys)) if (equal(candidate, key)) return candidate;
  return ABSENT;
}

const itemsOf = (keys: Keyed): Iterable<unknown> =>
  keys instanceof Map ? keys.keys() : (keys as unknown as Iterable<unknown>);

function findNumber(keys: Keyed, number: number | bigint): unknown {
  const candidates: unknown[] = [Number(number)];
  if (typeof number === 'bigint' || Number.isInteger(number)) candidates.push(BigInt(number));
  if (number == 0 || number == 1) candidates.push(number == 1);
  for (const candidate of candidates) if (candidate == number && keys.has(candidate)) return candidate;
  return ABSENT;
}

/** Objects that are values in Python: equal when their contents are. */
const isValue = (key: object): boolean =>
  asTuple(key) !== undefined || key instanceof Uint8Array || key instanceof FrozenSet || key instanceof Complex;

const UNHASHABLE: ReadonlySet<string> = new Set(['list', 'dict', 'set', 'bytearray', 'slice']);

/** @throws TypeError for what cannot be a key in Python: lists, dicts, sets, slices, and tuples that hold one */
export function checkHashable(key: unknown): void {
  if (typeof key !== 'object' && typeof key !== 'function') return;
  const items = asTuple(key);
  if (items !== undefined) {
    for (const item of items) checkHashable(item);
    return;
  }
  const remote = remoteClass(key);
  const name = remote === undefined ? typeName(key) : remote.startsWith('builtins.') ? lastName(remote) : '';
  if (UNHASHABLE.has(name)) throw new PyTypeError(`unhashable type: '${name}'`);
}

/** Python orders text by code points, JavaScript by UTF-16 units. */
function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const high = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff;
    return high(x) === high(y) ? x - y : high(x) ? 1 : -1;
  }
  return a.length - b.length;
}

const OPERATORS = { '<': '__lt__', '>': '__gt__', '<=': '__le__', '>=': '__ge__' } as const;
export type Operator = keyof typeof OPERATORS;

const satisfies = (operator: Operator, order: number): boolean =>
  operator === '<' ? order < 0 : operator === '>' ? order > 0 : operator === '<=' ? order <= 0 : order >= 0;

/** Python's `a < b` and the like. @throws TypeError where the two have no order */
export function ordered(operator: Operator, a: unknown, b: unknown, depth = 0): boolean {
  const [x, y] = [numeric(a), numeric(b)];
  if (x !== undefined && y !== undefined)
    return operator === '<' ? x < y : operator === '>' ? x > y : operator === '<=' ? x <= y : x >= y;
  if (typeof a === 'string' && typeof b === 'string') return satisfies(operator, compareText(a, b));
  if (depth > MAX_NESTED) throw new RecursionError('maximum recursion depth exceeded in comparison');
  if (a instanceof Uint8Array && b instanceof Uint8Array) return satisfies(operator, Buffer.compare(a, b));
  for (const as of [asList, asTuple]) {
    const [s, t] = [as(a), as(b)];
    if (s !== undefined && t !== undefined) return orderedItems(operator, s, t, depth + 1);
  }
  const own =
    typeof a === 'object' && a !== null && holderOf(a) === undefined ? Reflect.get(a, OPERATORS[operator]) : 0;
  if (typeof own === 'function') {
    const answer = Reflect.apply(own, a, [b]);
    if (answer !== NotImplemented) return Boolean(answer);
  }
  throw new PyTypeError(`'${operator}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`);
}

function orderedItems(operator: Operator, a: ArrayLike<unknown>, b: ArrayLike<unknown>, depth: number): boolean {
  for (let i = 0; i < a.length && i < b.length; i++)
    if (!equal(a[i], b[i], depth)) return ordered(operator, a[i], b[i], depth);
  return satisfies(operator, a.length - b.length);
}

/** An int as an index or a count. `complain` makes the error for anything else. */
export function toIndex(value: unknown, complain: (type: string) => string): number {
  const number = value instanceof PyFloat ? undefined : numeric(value);
  if (number === undefined || (typeof number === 'number' && !Number.isInteger(number)))
    throw new PyTypeError(complain(typeName(value)));
  const index = Number(number);
  if (!Number.isSafeInteger(index)) throw new OverflowError('Python int too large to convert to C ssize_t');
  return index;
}

/** CPython's words where an int is needed. */
export const asInteger = (type: string): string => `'${type}' object cannot be interpreted as an integer`;

/** Applies `use` to the items of anything iterable: now, or later for what iterates asynchronously (netrefs). */
export function withItems<R>(
  source: unknown,
  use: (items: unknown[]) => R,
  complain: (type: string) => string = (type) => `'${type}' object is not iterable`,
): R | Promise<R> {
  if (typeof source === 'string') return use([...source]);
  const dict = isPlainObject(source) || source instanceof Map ? asDict(source) : undefined;
  if (dict !== undefined) return use([...dict.keys()]);
  if ((typeof source === 'object' && source !== null) || typeof source === 'function') {
    const waiting = blockedOn(source);
    if (waiting !== undefined)
      return use([...(waiting.peer.askSync('async', HANDLE_BUFFITER, [waiting, EVERYTHING]) as unknown[])]);
    if (Symbol.iterator in source) return use([...(source as Iterable<unknown>)]);
    if (Symbol.asyncIterator in source) return collect(source as AsyncIterable<unknown>, complain).then(use);
  }
  throw new PyTypeError(complain(typeName(source)));
}

const EVERYTHING = 2 ** 31 - 1;

/** The holder behind a reference whose connection is inside a blocking wait: there only a blocking request is ever answered. */
export function blockedOn(value: unknown): Holder | undefined {
  const holder = holderOf(value);
  return holder?.peer.blocked === true ? holder : undefined;
}

async function collect(source: AsyncIterable<unknown>, complain: (type: string) => string): Promise<unknown[]> {
  const items: unknown[] = [];
  try {
    for await (const item of source) items.push(item);
  } catch (error) {
    // A remote object that is no iterable says so as a missing attribute.
    if (items.length === 0 && error instanceof exceptions.AttributeError && String(error).includes('__iter__'))
      throw new PyTypeError(complain(typeName(source)));
    throw error;
  }
  return items;
}
