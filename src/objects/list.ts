// Python's list on Arrays and typed arrays: `[]`, slices, operators and methods, with CPython's error texts.
import { exceptions } from '../python/exceptions.ts';
import { isKwargs, NotImplemented, Slice } from '../python/values.ts';
import {
  asInteger,
  asList,
  blockedOn,
  equal,
  type Facade,
  isThenable,
  type Method,
  methods,
  none,
  type Operator,
  one,
  ordered,
  remoteClass,
  some,
  table,
  toIndex,
  typeName,
  withItems,
} from './pythonic.ts';
import { pyRepr } from './repr.ts';

const { AttributeError, IndexError, MemoryError, OverflowError, TypeError: PyTypeError, ValueError } = exceptions;

type TypedArray = Int8Array | Int16Array | Int32Array | Float64Array | BigInt64Array;

const listIndex = (type: string): string => `list indices must be integers or slices, not ${type}`;
const sliceIndex = (_type: string): string => 'slice indices must be integers or None or have an __index__ method';

const argIndex = (_type: string): string => 'slice indices must be integers or have an __index__ method';

function position(self: ArrayLike<unknown>, index: unknown, message: string, complain = listIndex): number {
  const i = toIndex(index, complain);
  const at = i < 0 ? i + self.length : i;
  if (at < 0 || at >= self.length) throw new IndexError(message);
  return at;
}

/** `slice.indices(length)`: the positions that a slice names. */
function* positions(bounds: Slice, length: number): Generator<number> {
  const step = bounds.step === null ? 1 : toIndex(bounds.step, sliceIndex);
  if (step === 0) throw new ValueError('slice step cannot be zero');
  const low = step < 0 ? -1 : 0;
  const high = step < 0 ? length - 1 : length;
  const clamp = (bound: unknown, otherwise: number): number => {
    if (bound === null) return otherwise;
    const i = toIndex(bound, sliceIndex);
    return i < 0 ? Math.max(i + length, low) : Math.min(i, high);
  };
  const start = clamp(bounds.start, step < 0 ? high : low);
  const stop = clamp(bounds.stop, step < 0 ? low : high);
  for (let i = start; step < 0 ? i > stop : i < stop; i += step) yield i;
}

/** Where a bound falls in a list: counted from the end when negative, and never outside. */
function clamped(bound: unknown, length: number, complain = sliceIndex): number {
  const i = toIndex(bound, complain);
  return i < 0 ? Math.max(i + length, 0) : Math.min(i, length);
}

const isPlainStep = (step: unknown): boolean => step === null || equal(step, 1);

function assignSlice(self: unknown[], bounds: Slice, items: unknown[]): void {
  const at = [...positions(bounds, self.length)];
  if (isPlainStep(bounds.step)) {
    const start = at[0] ?? (bounds.start === null ? 0 : clamped(bounds.start, self.length));
    // Not `splice(…, ...items)`: a hundred thousand arguments overflow the stack.
    const rest = self.splice(start);
    append(self, items);
    append(self, rest.slice(at.length));
    return;
  }
  if (at.length !== items.length)
    throw new ValueError(`attempt to assign sequence of size ${items.length} to extended slice of size ${at.length}`);
  for (const [n, i] of at.entries()) self[i] = items[n];
}

function append(list: unknown[], items: readonly unknown[]): unknown[] {
  for (const item of items) list.push(item);
  return list;
}

function setItem(self: unknown[], index: unknown, value: unknown): unknown {
  if (index instanceof Slice) {
    const complain = isPlainStep(index.step) ? 'can only assign an iterable' : 'must assign iterable to extended slice';
    return withItems(
      value,
      (items) => assignSlice(growable(self), index, items),
      () => complain,
    );
  }
  const at = position(self, index, 'list assignment index out of range');
  if (Array.isArray(self)) self[at] = value;
  else setNumber(self as unknown as TypedArray, at, value);
  return null;
}

/** A typed array takes numbers of its own range only, where JavaScript would convert or wrap. */
function setNumber(self: TypedArray, at: number, value: unknown): void {
  const big = self instanceof BigInt64Array || (self as unknown) instanceof BigUint64Array;
  if (typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'boolean')
    throw new PyTypeError(`must be real number, not ${typeName(value)}`);
  if (big && !Number.isInteger(Number(value))) throw new PyTypeError(asInteger('float'));
  const before = self[at];
  const given = big ? BigInt(value) : Number(value);
  self[at] = given as never;
  const isFloat = /^Float/.test(self.constructor.name);
  if (isFloat || self[at] === given) return;
  self[at] = before as never;
  throw new OverflowError(`${String(value)} does not fit an item of ${self.constructor.name}`);
}

function deleteItem(self: unknown[], index: unknown): void {
  if (!(index instanceof Slice)) {
    self.splice(position(self, index, 'list assignment index out of range'), 1);
    return;
  }
  const gone = new Set(positions(index, self.length));
  const kept = self.filter((_item, i) => !gone.has(i));
  self.length = 0;
  append(self, kept);
}

/** A list that can grow; typed arrays cannot. */
function growable(self: unknown): unknown[] {
  if (Array.isArray(self) && Object.isExtensible(self)) return self;
  throw new AttributeError('this list has a fixed length');
}

/** Items of a list made by `*` at most: V8 ends the process where Python raises MemoryError. */
const MAX_REPEATED = 2 ** 24;

function repeated(self: unknown[], times: unknown): unknown[] {
  const count = Math.max(
    0,
    toIndex(times, (type) => `can't multiply sequence by non-int of type '${type}'`),
  );
  if (self.length * count > MAX_REPEATED) throw new MemoryError();
  const items = [...self];
  const made: unknown[] = [];
  for (let n = 0; n < count && items.length > 0; n++) append(made, items);
  return made;
}

function repeatInPlace(self: unknown[], times: unknown): unknown[] {
  const made = repeated(self, times);
  growable(self).length = 0;
  return append(self, made);
}

const isList = (value: unknown): boolean =>
  typeName(value) === 'list' ||
  remoteClass(value) === 'builtins.list' ||
  (ArrayBuffer.isView(value) && !(value instanceof Uint8Array));

function concatenated(self: unknown[], other: unknown): unknown {
  if (!isList(other)) throw new PyTypeError(`can only concatenate list (not "${typeName(other)}") to list`);
  return withItems(other, (items) => [...self, ...items]);
}

/** Comparison with a list of ours; any other operand, a list of the peer's too, is NotImplemented as in RPyC. */
const comparison =
  (operator: Operator): Method =>
  (self: unknown[], other: unknown) =>
    asList(other) === undefined ? NotImplemented : ordered(operator, self, other);

function indexOf(self: ArrayLike<unknown>, value: unknown, from = 0, to = self.length): number {
  for (let i = from; i < to && i < self.length; i++) if (equal(self[i], value)) return i;
  return -1;
}

function index(self: unknown[], value: unknown, from: unknown = 0, to: unknown = Number.MAX_SAFE_INTEGER): number {
  const at = indexOf(self, value, clamped(from, self.length, argIndex), clamped(to, self.length, argIndex));
  if (at < 0) throw new ValueError(`${pyRepr(value)} is not in list`);
  return at;
}

interface SortOptions {
  key?: ((item: unknown) => unknown) | null;
  reverse?: unknown;
}

function sortOptions(args: unknown[]): SortOptions {
  const last = args[args.length - 1];
  const options = args.length > 0 && isKwargs(last) ? last : {};
  if (args.length > (options === last ? 1 : 0)) throw new PyTypeError('sort() takes no positional arguments');
  for (const name of Object.keys(options))
    if (name !== 'key' && name !== 'reverse')
      throw new PyTypeError(`'${name}' is an invalid keyword argument for sort()`);
  return options;
}

/** Stable, also in reverse. `key` may be a function of the peer: then the answer comes later. */
function sort(self: unknown[], ...args: unknown[]): void | Promise<void> {
  const { key = null, reverse = false } = sortOptions(args);
  const place = (keys: unknown[]): void => {
    const order = keys.map((k, i) => ({ k, value: self[i] }));
    const less = (a: unknown, b: unknown): number => (ordered('<', a, b) ? -1 : ordered('<', b, a) ? 1 : 0);
    order.sort((a, b) => (reverse ? less(b.k, a.k) : less(a.k, b.k)));
    for (const [i, { value }] of order.entries()) self[i] = value;
  };
  if (key === null) return place([...self]);
  if (typeof key !== 'function') throw new PyTypeError(`'${typeName(key)}' object is not callable`);
  const waiting = blockedOn(key);
  const keyOf =
    waiting === undefined
      ? key
      : (item: unknown) => waiting.peer.callSync(waiting, undefined, [item], undefined, 'async');
  const keys = Array.from(self, (item) => keyOf(item));
  return keys.some(isThenable) ? Promise.all(keys).then(place) : place(keys);
}

function* backwards(self: ArrayLike<unknown>): Generator<unknown> {
  for (let i = self.length - 1; i >= 0; i--) if (i < self.length) yield self[i];
}

/** Python's list. */
export const LIST_FACADE: Facade = table(
  {
    __len__: (self: unknown[]) => self.length,
    __getitem__: (self: unknown[], at: unknown) =>
      at instanceof Slice
        ? Array.from(positions(at, self.length), (i) => self[i])
        : self[position(self, at, 'list index out of range')],
    __setitem__: setItem,
    __delitem__: (self: unknown[], at: unknown) => deleteItem(growable(self), at),
    __contains__: (self: unknown[], value: unknown) => indexOf(self, value) >= 0,
    __iter__: (self: unknown[]) => self[Symbol.iterator](),
    __reversed__: backwards,
    __length_hint__: (self: unknown[]) => self.length,
    __add__: concatenated,
    __iadd__: (self: unknown[], other: unknown) => withItems(other, (items) => append(growable(self), items)),
    __mul__: repeated,
    __rmul__: repeated,
    __imul__: repeatInPlace,
    __eq__: (self: unknown[], other: unknown) => (asList(other) === undefined ? NotImplemented : equal(self, other)),
    __lt__: comparison('<'),
    __gt__: comparison('>'),
    __le__: comparison('<='),
    __ge__: comparison('>='),
    sort,
  },
  methods('list', {
    append: one((self, value) => void growable(self).push(value)),
    extend: one((self, source) => withItems(source, (items) => void append(growable(self), items))),
    insert: some(2, 2, (self, at, value) => {
      growable(self).splice(clamped(at, self.length, asInteger), 0, value);
    }),
    pop: some(0, 1, (self, at = -1) => {
      const i = toIndex(at, asInteger);
      if (self.length === 0) throw new IndexError('pop from empty list');
      return growable(self).splice(position(self, i, 'pop index out of range'), 1)[0];
    }),
    remove: one((self, value) => {
      const at = indexOf(self, value);
      if (at < 0) throw new ValueError('list.remove(x): x not in list');
      growable(self).splice(at, 1);
    }),
    index: some(1, 3, index),
    count: one((self, value) => {
      let found = 0;
      for (const item of self) if (equal(item, value)) found++;
      return found;
    }),
    reverse: none((self) => void self.reverse()),
    clear: none((self) => {
      growable(self).length = 0;
    }),
    copy: none((self) => [...self]),
  }),
);
