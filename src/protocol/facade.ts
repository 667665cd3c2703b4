// How JavaScript containers answer Python's operations: `len`, `[]`, slices, `in`, iteration, and the methods of list, dict and set.
// Owns semantics and error texts only; whether a peer may ask at all is access.ts. Tables have no prototype: a name is in one or it is not.
import { exceptions } from '../python/exceptions.ts';
import { isKwargs, Slice } from '../python/values.ts';
import { dataEntries } from './repr.ts';

type Method = (self: never, ...args: never[]) => unknown;
/** Python name -> implementation; `self` first. */
export type Facade = Readonly<Record<string, Method>>;

const {
  AttributeError,
  IndexError,
  KeyError,
  MemoryError,
  StopIteration,
  TypeError: PyTypeError,
  ValueError,
} = exceptions;

const table = (...parts: Record<string, Method>[]): Facade =>
  Object.freeze(Object.assign(Object.create(null), ...parts));

export const NO_FACADE: Facade = table();

/** Applies `use` to the items of anything iterable: now, or later for what iterates asynchronously (netrefs). */
function withItems<R>(source: unknown, use: (items: unknown[]) => R): R | Promise<R> {
  if (typeof source === 'string') return use([...source]);
  if ((typeof source === 'object' && source !== null) || typeof source === 'function') {
    if (Symbol.iterator in source) return use([...(source as Iterable<unknown>)]);
    if (Symbol.asyncIterator in source) return collect(source as AsyncIterable<unknown>).then(use);
  }
  throw new PyTypeError(`'${typeName(source)}' object is not iterable`);
}

async function collect(source: AsyncIterable<unknown>): Promise<unknown[]> {
  const items: unknown[] = [];
  for await (const item of source) items.push(item);
  return items;
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'NoneType';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float';
  if (typeof value === 'bigint') return 'int';
  return typeof value === 'string' ? 'str' : 'object';
}

// SameValueZero across number and bigint: Python has one int.
const same = (a: unknown, b: unknown): boolean =>
  a === b ||
  (a !== a && b !== b) ||
  (typeof a !== typeof b && typeof a !== 'string' && typeof b !== 'string' && isNumeric(a) && isNumeric(b) && a == b);
const isNumeric = (value: unknown): boolean => typeof value === 'number' || typeof value === 'bigint';
const indexOf = (self: ArrayLike<unknown>, value: unknown): number => {
  for (let i = 0; i < self.length; i++) if (same(self[i], value)) return i;
  return -1;
};

function toIndex(value: unknown, type: string): number {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'boolean') return value ? 1 : 0;
  throw new PyTypeError(`${type} indices must be integers or slices, not ${typeName(value)}`);
}

function position(self: ArrayLike<unknown>, index: unknown, message: string): number {
  const i = toIndex(index, 'list');
  const at = i < 0 ? i + self.length : i;
  if (at < 0 || at >= self.length) throw new IndexError(message);
  return at;
}

/** `slice.indices(length)`: the positions that a slice names. */
function* positions(bounds: Slice, length: number): Generator<number> {
  const step = bounds.step === null ? 1 : toIndex(bounds.step, 'slice');
  if (step === 0) throw new ValueError('slice step cannot be zero');
  const low = step < 0 ? -1 : 0;
  const high = step < 0 ? length - 1 : length;
  const clamp = (bound: unknown, otherwise: number): number => {
    if (bound === null) return otherwise;
    const i = toIndex(bound, 'slice');
    return i < 0 ? Math.max(i + length, low) : Math.min(i, high);
  };
  const start = clamp(bounds.start, step < 0 ? high : low);
  const stop = clamp(bounds.stop, step < 0 ? low : high);
  for (let i = start; step < 0 ? i > stop : i < stop; i += step) yield i;
}

function assignSlice(self: unknown[], bounds: Slice, items: unknown[]): void {
  const at = [...positions(bounds, self.length)];
  if (bounds.step === null || same(bounds.step, 1)) {
    const start = at[0] ?? sliceStart(bounds, self.length);
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

/** Where an empty slice inserts. */
function sliceStart(bounds: Slice, length: number): number {
  if (bounds.start === null) return 0;
  const i = toIndex(bounds.start, 'slice');
  return i < 0 ? Math.max(i + length, 0) : Math.min(i, length);
}

function deleteItem(self: unknown[], index: unknown): void {
  if (!(index instanceof Slice)) {
    self.splice(position(self, index, 'list assignment index out of range'), 1);
    return;
  }
  for (const i of [...positions(index, self.length)].sort((a, b) => b - a)) self.splice(i, 1);
}

/** A list that can grow; typed arrays cannot. */
function growable(self: unknown): unknown[] {
  if (Array.isArray(self) && Object.isExtensible(self)) return self;
  throw new AttributeError('this list has a fixed length');
}

/** Items of a list made by `*` at most: V8 ends the process where Python raises MemoryError. */
const MAX_REPEATED = 2 ** 24;

function repeat(self: unknown[], times: unknown): unknown[] {
  const count = Math.max(0, toIndex(times, 'list'));
  if (self.length * count > MAX_REPEATED) throw new MemoryError();
  return Array.from({ length: self.length === 0 ? 0 : count }, () => self).flat(1);
}

/** Python's `<` on what has an order of its own. */
function compare(a: unknown, b: unknown): number {
  const ordered = (isNumeric(a) && isNumeric(b)) || (typeof a === 'string' && typeof b === 'string');
  if (!ordered) throw new PyTypeError(`'<' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`);
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0;
}

function sort(
  self: unknown[],
  options?: { key?: (item: unknown) => unknown; reverse?: boolean },
): void | Promise<void> {
  const { key = null, reverse = false } = isKwargs(options) ? options : {};
  const place = (keys: unknown[]): void => {
    const order = keys.map((k, i) => ({ k, value: self[i] }));
    order.sort((a, b) => (reverse ? compare(b.k, a.k) : compare(a.k, b.k)));
    for (const [i, { value }] of order.entries()) self[i] = value;
  };
  if (key === null) return place([...self]);
  const keys = self.map((item) => (key as (item: unknown) => unknown)(item));
  if (keys.some((k) => k instanceof Promise)) return Promise.all(keys).then(place);
  return place(keys);
}

export const LIST_FACADE: Facade = table({
  __len__: (self: unknown[]) => self.length,
  __getitem__: (self: unknown[], index: unknown) =>
    index instanceof Slice
      ? [...positions(index, self.length)].map((i) => self[i])
      : self[position(self, index, 'list index out of range')],
  __setitem__: (self: unknown[], index: unknown, value: unknown) => {
    if (index instanceof Slice) return withItems(value, (items) => assignSlice(growable(self), index, items));
    self[position(self, index, 'list assignment index out of range')] = value;
    return null;
  },
  __delitem__: (self: unknown[], index: unknown) => deleteItem(growable(self), index),
  __contains__: (self: unknown[], value: unknown) => indexOf(self, value) >= 0,
  __iter__: (self: unknown[]) => self[Symbol.iterator](),
  __length_hint__: (self: unknown[]) => self.length,
  __add__: (self: unknown[], other: unknown) => withItems(other, (items) => [...self, ...items]),
  __iadd__: (self: unknown[], other: unknown) => withItems(other, (items) => append(growable(self), items)),
  __mul__: repeat,
  append: (self: unknown[], value: unknown) => void growable(self).push(value),
  extend: (self: unknown[], source: unknown) => withItems(source, (items) => void append(growable(self), items)),
  insert: (self: unknown[], index: unknown, value: unknown) =>
    void growable(self).splice(sliceStart(new Slice(index, null), self.length), 0, value),
  pop: (self: unknown[], index: unknown = -1) => {
    if (self.length === 0) throw new IndexError('pop from empty list');
    return growable(self).splice(position(self, index, 'pop index out of range'), 1)[0];
  },
  remove: (self: unknown[], value: unknown) => {
    const at = indexOf(self, value);
    if (at < 0) throw new ValueError('list.remove(x): x not in list');
    growable(self).splice(at, 1);
  },
  index: (self: unknown[], value: unknown) => {
    const at = indexOf(self, value);
    if (at < 0) throw new ValueError('value is not in list');
    return at;
  },
  count: (self: unknown[], value: unknown) => [...self].filter((item) => same(item, value)).length,
  sort,
  reverse: (self: unknown[]) => void self.reverse(),
  clear: (self: unknown[]) => void (growable(self).length = 0),
  copy: (self: unknown[]) => [...self],
});

/** What the dict methods need of a mapping; Maps and plain objects have one each. */
interface Mapping {
  has(key: unknown): boolean;
  get(key: unknown): unknown;
  set(key: unknown, value: unknown): void;
  delete(key: unknown): boolean;
  entries(): Iterable<[unknown, unknown]>;
  readonly size: number;
}

function updates(source: unknown): Iterable<[unknown, unknown]> {
  if (source === undefined || source === null) return [];
  if (source instanceof Map) return source;
  if (Array.isArray(source)) return source as [unknown, unknown][];
  return typeof source === 'object' ? dataEntries(source) : [];
}

function dictFacade<Self>(mapping: (self: Self) => Mapping): Facade {
  const pairs = (self: Self): unknown[] =>
    [...mapping(self).entries()].map(([key, value]) => Object.freeze([key, value]));
  const keys = (self: Self): unknown[] => [...mapping(self).entries()].map(([key]) => key);
  return table({
    __len__: (self: Self) => mapping(self).size,
    __getitem__: (self: Self, key: unknown) => {
      const map = mapping(self);
      if (!map.has(key)) throw new KeyError(key);
      return map.get(key);
    },
    __setitem__: (self: Self, key: unknown, value: unknown) => mapping(self).set(key, value),
    __delitem__: (self: Self, key: unknown) => {
      if (!mapping(self).delete(key)) throw new KeyError(key);
    },
    __contains__: (self: Self, key: unknown) => mapping(self).has(key),
    __iter__: (self: Self) => keys(self)[Symbol.iterator](),
    __length_hint__: (self: Self) => mapping(self).size,
    keys,
    values: (self: Self) => [...mapping(self).entries()].map(([, value]) => value),
    items: pairs,
    get: (self: Self, key: unknown, otherwise: unknown = null) => {
      const map = mapping(self);
      return map.has(key) ? map.get(key) : otherwise;
    },
    pop: (self: Self, key: unknown, ...otherwise: unknown[]) => {
      const map = mapping(self);
      if (map.has(key)) {
        const value = map.get(key);
        map.delete(key);
        return value;
      }
      if (otherwise.length === 0) throw new KeyError(key);
      return otherwise[0];
    },
    update: (self: Self, ...sources: unknown[]) => {
      const map = mapping(self);
      for (const source of sources) for (const [key, value] of updates(source)) map.set(key, value);
    },
    setdefault: (self: Self, key: unknown, otherwise: unknown = null) => {
      const map = mapping(self);
      if (!map.has(key)) map.set(key, otherwise);
      return map.get(key);
    },
    clear: (self: Self) => {
      const map = mapping(self);
      for (const [key] of [...map.entries()]) map.delete(key);
    },
    copy: (self: Self) =>
      self instanceof Map ? new Map(self) : Object.fromEntries(mapping(self).entries() as Iterable<[string, unknown]>),
  });
}

export const DICT_FACADE: Facade = dictFacade((self: Map<unknown, unknown>) => self as Mapping);

/** Names that no path from the wire reaches, as attribute or as key of a plain object. Mapping section E. */
export const FORBIDDEN: ReadonlySet<string> = new Set(
  '__proto__ constructor prototype __defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__ caller callee arguments'.split(
    ' ',
  ),
);

/** A plain object as a dict of its own enumerable, non-function data properties. Functions and accessors are neither seen nor replaced. */
class ObjectMapping implements Mapping {
  private readonly object: Record<string, unknown>;
  constructor(object: Record<string, unknown>) {
    this.object = object;
  }
  private static key(key: unknown): string {
    if (typeof key !== 'string')
      throw new PyTypeError(`keys of a JavaScript object are str, not ${typeName(key)}; use a Map`);
    if (FORBIDDEN.has(key)) throw new KeyError(key);
    return key;
  }
  has(key: unknown): boolean {
    if (typeof key !== 'string' || FORBIDDEN.has(key)) return false;
    const descriptor = Object.getOwnPropertyDescriptor(this.object, key);
    return (
      descriptor !== undefined &&
      descriptor.enumerable === true &&
      'value' in descriptor &&
      typeof descriptor.value !== 'function'
    );
  }
  get(key: unknown): unknown {
    return this.object[key as string];
  }
  set(key: unknown, value: unknown): void {
    const name = ObjectMapping.key(key);
    // It would make a promise of the object, for every peer that is answered it and for our own `await`.
    if (name === 'then' && typeof value === 'function') throw new PyTypeError("a function cannot be set as 'then'");
    if (Object.hasOwn(this.object, name) && !this.has(name)) throw new PyTypeError(`'${name}' cannot be replaced`);
    if (!Reflect.set(this.object, name, value)) throw new PyTypeError('this dict is read-only');
  }
  delete(key: unknown): boolean {
    return this.has(key) && Reflect.deleteProperty(this.object, key as string);
  }
  entries(): Iterable<[unknown, unknown]> {
    return [...dataEntries(this.object)].filter(([key]) => !FORBIDDEN.has(key));
  }
  get size(): number {
    return [...this.entries()].length;
  }
}

export const OBJECT_FACADE: Facade = dictFacade((self: Record<string, unknown>) => new ObjectMapping(self));

export const SET_FACADE: Facade = table({
  __len__: (self: Set<unknown>) => self.size,
  __contains__: (self: Set<unknown>, value: unknown) => self.has(value),
  __iter__: (self: Set<unknown>) => self.values(),
  __length_hint__: (self: Set<unknown>) => self.size,
  add: (self: Set<unknown>, value: unknown) => void self.add(value),
  discard: (self: Set<unknown>, value: unknown) => void self.delete(value),
  remove: (self: Set<unknown>, value: unknown) => {
    if (!self.delete(value)) throw new KeyError(value);
  },
  clear: (self: Set<unknown>) => self.clear(),
  copy: (self: Set<unknown>) => new Set(self),
});

type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>;

const stopOr = (step: IteratorResult<unknown>): unknown => {
  if (step.done === true) throw new StopIteration();
  return step.value;
};

/** `__next__`: the next value, or a promise of it; the end is StopIteration. */
function next(self: AnyIterator): unknown {
  const step = self.next();
  return step instanceof Promise ? step.then(stopOr) : stopOr(step as IteratorResult<unknown>);
}

export const GENERATOR_FACADE: Facade = table({
  __iter__: (self: AnyIterator) => self,
  __next__: next,
  next,
  close: (self: AnyIterator) => {
    const step = self.return?.();
    return step instanceof Promise ? step.then(() => null) : null;
  },
  send: (self: AnyIterator, value: unknown) => {
    const step = self.next(value as never);
    return step instanceof Promise ? step.then(stopOr) : stopOr(step as IteratorResult<unknown>);
  },
});

type Iterating = { [Symbol.iterator]?(): Iterator<unknown>; [Symbol.asyncIterator]?(): AsyncIterator<unknown> };

/** Python operations that an instance of a class offers through JavaScript's own protocols. */
export function instanceFacade(object: object): Facade {
  const has = (key: PropertyKey): boolean => typeof Reflect.get(object, key) === 'function';
  const found: Record<string, Method> = {};
  const iterates = Symbol.iterator in object || Symbol.asyncIterator in object;
  if (iterates) found.__iter__ = (self: Iterating) => self[Symbol.iterator]?.() ?? self[Symbol.asyncIterator]?.();
  if (iterates && has('next')) found.__next__ = next;
  if (iterates && ('length' in object || 'size' in object))
    found.__len__ = (self: { length?: number; size?: number }) => self.length ?? self.size;
  return table(found);
}
