// Python's operations on instances of classes, from JavaScript's own protocols: iteration, size, Map-like look-up, dispose, Date, Promise.
// Reads property descriptors only: no getter runs while a kind is found out, which may be in the middle of a message.
import { exceptions } from '../python/exceptions.ts';
import { NotImplemented, PyFloat } from '../python/values.ts';
import { next } from './iterator.ts';
import { type Facade, type Method, property, table } from './pythonic.ts';

type Iterating = { [Symbol.iterator]?(): Iterator<unknown>; [Symbol.asyncIterator]?(): AsyncIterator<unknown> };
type Disposing = { [Symbol.dispose]?(): void; [Symbol.asyncDispose]?(): PromiseLike<void> };
type MapLike = {
  has(key: unknown): boolean;
  get(key: unknown): unknown;
  set(key: unknown, value: unknown): unknown;
  delete(key: unknown): unknown;
};

function describe(object: object, key: PropertyKey): PropertyDescriptor | undefined {
  for (let at: object | null = object; at !== null; at = Object.getPrototypeOf(at)) {
    const found = Object.getOwnPropertyDescriptor(at, key);
    if (found !== undefined) return found;
  }
  return undefined;
}

const hasMethod = (object: object, key: PropertyKey): boolean => typeof describe(object, key)?.value === 'function';
/** A data property, or a getter. */
const hasValue = (object: object, key: PropertyKey): boolean => {
  const found = describe(object, key);
  return found !== undefined && typeof found.value !== 'function';
};

/** A class that has a policy of its own, as every Service, offers nothing that it did not expose. */
const guarded = (object: object): boolean => hasMethod(object, '_rpyc_getattr') || hasMethod(object, '_rpyc_setattr');

/** Python operations that an instance of a class offers through JavaScript's own protocols. */
export function instanceFacade(object: object): Facade {
  if (object instanceof Date) return DATE_FACADE;
  if (object instanceof Promise) return PROMISE_FACADE;
  const found: Record<string, Method> = {};
  if (hasMethod(object, Symbol.dispose) || hasMethod(object, Symbol.asyncDispose)) Object.assign(found, CONTEXT);
  if (guarded(object)) return table(found);
  const iterates = hasMethod(object, Symbol.iterator) || hasMethod(object, Symbol.asyncIterator);
  if (iterates) found.__iter__ = (self: Iterating) => self[Symbol.iterator]?.() ?? self[Symbol.asyncIterator]?.();
  if (iterates && hasMethod(object, 'next')) found.__next__ = next;
  if (iterates && (hasValue(object, 'length') || hasValue(object, 'size')))
    found.__len__ = (self: { length?: number; size?: number }) => self.length ?? self.size;
  const looksUp = hasMethod(object, 'has') && (iterates || object instanceof WeakMap || object instanceof WeakSet);
  if (looksUp) found.__contains__ = (self: MapLike, key: unknown) => Boolean(self.has(key));
  if (looksUp && ['get', 'set', 'delete'].every((name) => hasMethod(object, name))) Object.assign(found, MAP_LIKE);
  return table(found);
}

const present = (self: MapLike, key: unknown): void => {
  if (!self.has(key)) throw new exceptions.KeyError(key);
};

const MAP_LIKE: Record<string, Method> = {
  __getitem__: (self: MapLike, key: unknown) => {
    present(self, key);
    return self.get(key);
  },
  __setitem__: (self: MapLike, key: unknown, value: unknown) => {
    self.set(key, value);
  },
  __delitem__: (self: MapLike, key: unknown) => {
    present(self, key);
    self.delete(key);
  },
};

/** `with`: enters as itself, and disposes at the end. Never swallows an exception. */
const CONTEXT: Record<string, Method> = {
  __enter__: (self: object) => self,
  __exit__: (self: Disposing) => {
    if (typeof self[Symbol.dispose] === 'function') {
      self[Symbol.dispose]?.();
      return false;
    }
    return Promise.resolve(self[Symbol.asyncDispose]?.()).then(() => false);
  },
};

const byTime =
  (holds: (a: number, b: number) => boolean): Method =>
  (self: Date, other: unknown) =>
    other instanceof Date ? holds(self.getTime(), other.getTime()) : NotImplemented;

/** A number of a Date, as Python's datetime counts it, in UTC. An invalid Date has none: ValueError over there. */
const field =
  (read: (self: Date) => number): Method =>
  (self: Date) => {
    if (Number.isNaN(self.getTime())) throw new RangeError('Invalid time value');
    return read(self);
  };

/** Of a datetime in UTC. */
const DATE_FIELDS = {
  year: property(field((self) => self.getUTCFullYear())),
  month: property(field((self) => self.getUTCMonth() + 1)),
  day: property(field((self) => self.getUTCDate())),
  hour: property(field((self) => self.getUTCHours())),
  minute: property(field((self) => self.getUTCMinutes())),
  second: property(field((self) => self.getUTCSeconds())),
  microsecond: property(field((self) => self.getUTCMilliseconds() * 1000)),
  weekday: field((self) => (self.getUTCDay() + 6) % 7),
  isoweekday: field((self) => self.getUTCDay() || 7),
};

const DATE_FACADE: Facade = table(DATE_FIELDS, {
  __eq__: byTime((a, b) => a === b),
  __lt__: byTime((a, b) => a < b),
  __gt__: byTime((a, b) => a > b),
  __le__: byTime((a, b) => a <= b),
  __ge__: byTime((a, b) => a >= b),
  __hash__: (self: Date) => self.getTime() || 0,
  __float__: (self: Date) => new PyFloat(self.getTime() / 1000),
  __int__: (self: Date) => Math.trunc(self.getTime() / 1000),
  timestamp: (self: Date) => new PyFloat(self.getTime() / 1000),
  isoformat: (self: Date) => self.toISOString().replace('Z', '+00:00'),
});

const PROMISE_FACADE: Facade = table({ result: (self: Promise<unknown>) => self });

/** Methods of these facades that need no leave of the configuration: they are all that the object is for. */
export const OFFERED: ReadonlySet<string> = new Set(['result', 'timestamp', 'isoformat', ...Object.keys(DATE_FIELDS)]);
