// JavaScript containers as values that Python can be sent: who asked for it, and what becomes of each.
// RPyC has no list, dict or set on the wire. So an Array becomes a tuple, a Map or object a tuple of (key, value) pairs
// (`dict(result)` makes the dict again), a Set a frozenset, a typed array a tuple of numbers, a Date a float of seconds since 1970.
import { codedError } from '../errors.ts';
import { dataEntries } from '../objects/literal.ts';
import { Complex, Ellipsis, FrozenSet, NotImplemented, PyFloat, PyInt, Slice } from '../python/values.ts';
import { holderOf } from '../refs/holder.ts';

type AnyFunction = (...args: unknown[]) => unknown;
/** Instances of these travel as pairs of their own enumerable data. */
type Classes = readonly (abstract new (...args: never[]) => object)[];

/** Deepest nesting that is sent. */
const MAX_DEPTH = 298;

/**
 * A deep copy of containers as what Python receives by value: an Array as a tuple, a Map or plain object as a tuple of (key, value) pairs,
 * a Set as a frozenset, a typed array as a tuple of numbers, a Date as a float of seconds since 1970. Functions in objects are left out.
 * @param classes instances of these are treated as plain objects are
 * @throws {TypeError} for what has no value (a function, an instance of another class); {RangeError} for a cycle or more than 298 levels
 */
export function asValue(value: unknown, classes: Classes = []): unknown {
  return new Copier(classes).copy(value, '');
}

class Copier {
  private readonly classes: Classes;
  private readonly open = new Set<unknown>();
  constructor(classes: Classes) {
    this.classes = classes;
  }

  copy(value: unknown, path: string): unknown {
    if (typeof value === 'function' || typeof value === 'symbol') throw unsendable(value, path);
    if (typeof value !== 'object' || value === null || isValue(value) || holderOf(value) !== undefined) return value;
    if (this.open.has(value) || this.open.size >= MAX_DEPTH)
      throw codedError(
        new RangeError(
          `${this.open.has(value) ? 'a container that holds itself' : `more than ${MAX_DEPTH} levels`} cannot be sent by value${at(path)}`,
        ),
        'ERR_RPYC_DEPTH',
      );
    this.open.add(value);
    try {
      return this.container(value, path);
    } finally {
      this.open.delete(value);
    }
  }

  private container(value: object, path: string): unknown {
    if (Array.isArray(value)) return Object.freeze(value.map((item, i) => this.copy(item, `${path}[${i}]`)));
    if (value instanceof Map) return this.pairs(value, path);
    if (value instanceof Set || value instanceof FrozenSet)
      return new FrozenSet(Array.from(value, (item) => this.copy(item, `${path}{}`)));
    if (ArrayBuffer.isView(value)) return Object.freeze(Array.from(value as unknown as ArrayLike<unknown>));
    if (value instanceof Date) return new PyFloat(value.getTime() / 1000);
    const prototype = Object.getPrototypeOf(value);
    if (prototype === null || prototype === Object.prototype || this.classes.some((cls) => value instanceof cls))
      return this.pairs(
        [...dataEntries(value)].filter(([, item]) => typeof item !== 'function'),
        path,
      );
    throw unsendable(value, path);
  }

  private pairs(entries: Iterable<readonly [unknown, unknown]>, path: string): unknown {
    return Object.freeze(
      Array.from(entries, ([key, value]) =>
        Object.freeze([this.copy(key, path), this.copy(value, `${path}.${String(key)}`)]),
      ),
    );
  }
}

const isValue = (value: object): boolean =>
  value instanceof Uint8Array ||
  value instanceof Uint8ClampedArray ||
  value instanceof DataView ||
  value instanceof ArrayBuffer ||
  value instanceof PyFloat ||
  value instanceof PyInt ||
  value instanceof Complex ||
  value instanceof Slice ||
  value === Ellipsis ||
  value === NotImplemented;

const at = (path: string): string => (path === '' ? '' : ` (at ${path})`);

function unsendable(value: unknown, path: string): Error {
  const what =
    typeof value === 'object' ? `an instance of ${value?.constructor?.name ?? 'no class'}` : `a ${typeof value}`;
  return codedError(new TypeError(`${what} cannot be sent by value${at(path)}`), 'ERR_RPYC_UNSENDABLE');
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';

/** What a class's `static byValue` says: names of members whose results are sent by value, and classes whose instances may be. */
export class ByValuePolicy {
  private readonly names: ReadonlySet<unknown>;
  private readonly classes: Classes;
  constructor(items: readonly unknown[]) {
    this.names = new Set(items.filter((item) => typeof item === 'string'));
    this.classes = items.filter((item) => typeof item === 'function') as unknown as Classes;
  }

  /** Is the result of this member sent by value? */
  covers(key: string, prefix: string): boolean {
    return this.names.has(key) || (key.startsWith(prefix) && this.names.has(key.slice(prefix.length)));
  }

  apply(value: unknown): unknown {
    return isThenable(value) ? value.then((settled) => asValue(settled, this.classes)) : asValue(value, this.classes);
  }

  wrap(method: AnyFunction): AnyFunction {
    return (...args) => this.apply(method(...args));
  }
}

const policies = new WeakMap<object, ByValuePolicy | null>();

/** The policy of an object's class, from `static byValue = ['rows', Row]`; undefined where it has none. */
export function byValuePolicy(object: object): ByValuePolicy | undefined {
  const prototype = Object.getPrototypeOf(object);
  if (prototype === null || prototype === Object.prototype || Array.isArray(object)) return undefined;
  let policy = policies.get(prototype);
  if (policy === undefined) {
    const cls: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
    const items: unknown = typeof cls === 'function' ? (cls as { byValue?: unknown }).byValue : undefined;
    policy = Array.isArray(items) && items.length > 0 ? new ByValuePolicy(items) : null;
    policies.set(prototype, policy);
  }
  return policy ?? undefined;
}

/**
 * Makes a function's result a value for its callers, now or when its promise settles; see {@link asValue} for what becomes of containers.
 * As a function (`exposed_rows = byValue(() => this.rows)`), and as a decorator of methods:
 *
 *     class Shop extends rpyc.Service {
 *       @rpyc.byValue
 *       exposed_rows() { return [{ id: 1 }]; } // Python: ((('id', 1),),)
 *     }
 *
 * @typeParam F type of the function
 * @throws {TypeError} for anything but a function; (the function made) what {@link asValue} throws
 */
export function byValue<F extends (this: never, ...args: never[]) => unknown>(fn: F, _context?: unknown): F {
  if (typeof fn !== 'function') throw new TypeError(`byValue() takes a function, not ${typeof fn}`);
  const wrapped = function (this: unknown, ...args: unknown[]): unknown {
    const result = Reflect.apply(fn as unknown as AnyFunction, this, args);
    return isThenable(result) ? result.then((settled) => asValue(settled)) : asValue(result);
  };
  Object.defineProperty(wrapped, 'name', { value: fn.name, configurable: true });
  return wrapped as unknown as F;
}
