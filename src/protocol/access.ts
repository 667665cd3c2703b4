// Attribute policy: which names of our objects a peer may read, write, delete or call, and how they resolve.
// The forbidden names and intrinsic prototypes are out of reach under every configuration. Answers to Connection._check_attr/_access_attr.
import { exceptions } from '../python/exceptions.ts';
import { isClass } from './classes.ts';
import type { Config } from './config.ts';
import { FORBIDDEN } from './facade.ts';
import { type Kind, kindOf } from './kinds.ts';
import { isNetref } from './refs.ts';

const { AttributeError, TypeError: PyTypeError } = exceptions;

type AnyFunction = (...args: unknown[]) => unknown;
type Permission = 'allow_getattr' | 'allow_setattr' | 'allow_delattr';

/** Prototypes whose properties are JavaScript's, not the object's: a look-up ends before them. */
const INTRINSICS: ReadonlySet<object> = new Set(collectIntrinsics());

function collectIntrinsics(): object[] {
  const found: object[] = [];
  for (const key of Object.getOwnPropertyNames(globalThis)) {
    const descriptor = Object.getOwnPropertyDescriptor(globalThis, key);
    const value = descriptor !== undefined && 'value' in descriptor ? descriptor.value : undefined;
    if (typeof value === 'function' && typeof value.prototype === 'object' && value.prototype !== null)
      found.push(value.prototype);
  }
  const hidden = [
    function* () {},
    async function* () {},
    async () => {},
    [][Symbol.iterator](),
    new Map().entries(),
    new Set().values(),
    ''[Symbol.iterator](),
    'x'.matchAll(/x/g),
    new Uint8Array(),
    (function* () {})(),
    (async function* () {})(),
  ];
  for (const value of hidden)
    for (let p = Object.getPrototypeOf(value); p !== null; p = Object.getPrototypeOf(p)) found.push(p);
  return found;
}

/** Property of an object or its classes, intrinsic prototypes excluded; getters are not run. */
export function lookup(object: object, key: string): PropertyDescriptor | undefined {
  if (FORBIDDEN.has(key)) return undefined;
  for (let at: object | null = object; at !== null && !INTRINSICS.has(at); at = Object.getPrototypeOf(at)) {
    const descriptor = Object.getOwnPropertyDescriptor(at, key);
    if (descriptor !== undefined) return descriptor;
  }
  return undefined;
}

const markedFunctions = new WeakSet<object>();
const markedFields = new WeakMap<object, Set<string>>();

/** `@exposed`: this method, getter or class is exposed under its own name. */
export function markExposed(fn: object): void {
  markedFunctions.add(fn);
}

/** `@exposed` on a field: one instance's property is exposed. */
export function markExposedField(instance: object, name: string): void {
  const names = markedFields.get(instance) ?? new Set();
  markedFields.set(instance, names.add(name));
}

const staticNames = new WeakMap<object, ReadonlySet<string>>();

/** Names in `static exposed` of the classes of `object`. Own properties are never asked: a peer might write them. */
function declaredExposed(object: object): ReadonlySet<string> {
  const prototype = Object.getPrototypeOf(object);
  if (prototype === null || INTRINSICS.has(prototype)) return NONE;
  let names = staticNames.get(prototype);
  if (names === undefined) {
    const constructor = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
    const own =
      typeof constructor === 'function' ? Object.getOwnPropertyDescriptor(constructor, 'exposed')?.value : undefined;
    names = new Set([...(Array.isArray(own) ? own.map(String) : []), ...declaredExposed(prototype)]);
    staticNames.set(prototype, names);
  }
  return names;
}
const NONE: ReadonlySet<string> = new Set();

function isMarked(object: object, name: string): boolean {
  if (declaredExposed(object).has(name) || markedFields.get(object)?.has(name) === true) return true;
  const descriptor = lookup(object, name);
  if (descriptor === undefined) return false;
  const fn = descriptor.value ?? descriptor.get;
  return typeof fn === 'function' && markedFunctions.has(fn);
}

const boundMethods = new WeakMap<object, Map<string, { from: AnyFunction; bound: AnyFunction }>>();

/** One bound method per (object, name) while the method is the same, so that its id is stable. */
function bind(object: object, key: string, from: AnyFunction, make: () => AnyFunction): AnyFunction {
  let methods = boundMethods.get(object);
  if (methods === undefined) boundMethods.set(object, (methods = new Map()));
  const known = methods.get(key);
  if (known !== undefined && known.from === from) return known.bound;
  const bound = make();
  methods.set(key, { from, bound });
  return bound;
}

/** Name of an object's class in Python's error texts. */
function shownClass(kind: Kind): string {
  return kind.namePack.slice(kind.namePack.indexOf('.') + 1);
}

/** A class's own `_rpyc_getattr` and the like: decides alone, the configuration is not asked. */
function override(object: object, name: '_rpyc_getattr' | '_rpyc_setattr' | '_rpyc_delattr'): AnyFunction | undefined {
  const prototype = Object.getPrototypeOf(object);
  const fn = prototype === null ? undefined : lookup(prototype, name)?.value;
  return typeof fn === 'function' ? fn : undefined;
}

export class Access {
  private readonly config: Config;
  constructor(config: Config) {
    this.config = config;
  }

  private has(object: object, name: string, kind: Kind): boolean {
    return name in kind.facade || lookup(object, name) !== undefined;
  }

  /**
   * The name under which `object` may be asked for `name`.
   * @throws AttributeError where the policy denies it
   */
  private check(object: object, name: string, permission: Permission, kind: Kind): string {
    const config = this.config;
    if (FORBIDDEN.has(name) || !config[permission]) throw new AttributeError(`cannot access '${name}'`);
    const prefix = config.exposed_prefix;
    const exposing = config.allow_exposed_attrs;
    const plain =
      config.allow_all_attrs ||
      (exposing && name.startsWith(prefix)) ||
      (config.allow_safe_attrs && config.safe_attrs.has(name)) ||
      (config.allow_public_attrs && !name.startsWith('_'));
    const prefixed = prefix + name;
    const hasPrefixed = exposing && !FORBIDDEN.has(prefixed) && this.has(object, prefixed, kind);
    const marked = exposing && isMarked(object, name);
    const hasExposed = hasPrefixed || marked;
    if (plain && (!hasExposed || this.has(object, name, kind))) return this.unprefixed(object, name, kind);
    if (hasExposed) return hasPrefixed ? prefixed : name;
    if (plain) return name;
    throw new AttributeError(`cannot access '${name}'`);
  }

  /** `exposed_add` also names a marked `add`. */
  private unprefixed(object: object, name: string, kind: Kind): string {
    const { exposed_prefix: prefix, allow_exposed_attrs } = this.config;
    if (!allow_exposed_attrs || prefix === '' || !name.startsWith(prefix) || this.has(object, name, kind)) return name;
    const bare = name.slice(prefix.length);
    return isMarked(object, bare) ? bare : name;
  }

  /** GETATTR. */
  getattr(object: object, name: string): unknown {
    if (FORBIDDEN.has(name)) throw new AttributeError(`cannot access '${name}'`);
    const overriding = override(object, '_rpyc_getattr');
    if (overriding !== undefined) return Reflect.apply(overriding, object, [name]);
    const kind = kindOf(object);
    return this.read(object, this.check(object, name, 'allow_getattr', kind), kind);
  }

  private read(object: object, key: string, kind: Kind): unknown {
    const method = kind.facade[key] as AnyFunction | undefined;
    if (method !== undefined)
      return bind(
        object,
        key,
        method,
        () =>
          (...args) =>
            method(object, ...args),
      );
    if (lookup(object, key) === undefined) {
      if (key === '__doc__') return docOf(object);
      throw new AttributeError(`'${shownClass(kind)}' object has no attribute '${key}'`);
    }
    const value: unknown = Reflect.get(object, key);
    if (typeof value !== 'function' || isNetref(value) || isClass(value)) return value;
    return bind(object, key, value as AnyFunction, () => (value as AnyFunction).bind(object));
  }

  /**
   * What CALLATTR calls: a function and its `this`, without making a bound method.
   * `key` is the resolved property where the pair may be remembered (an ordinary method), else undefined.
   */
  method(object: object, name: string): { fn: AnyFunction; self: unknown; key: string | undefined } {
    if (override(object, '_rpyc_getattr') === undefined && !FORBIDDEN.has(name)) {
      const kind = kindOf(object);
      const key = this.check(object, name, 'allow_getattr', kind);
      const found = key in kind.facade ? undefined : lookup(object, key)?.value;
      if (typeof found === 'function' && !isNetref(found) && !isClass(found)) return { fn: found, self: object, key };
    }
    return { fn: this.getattr(object, name) as AnyFunction, self: undefined, key: undefined };
  }

  /** SETATTR: own data properties, setters, and new names of extensible instances. */
  setattr(object: object, name: string, value: unknown): void {
    if (FORBIDDEN.has(name)) throw new AttributeError(`cannot access '${name}'`);
    const overriding = override(object, '_rpyc_setattr');
    if (overriding !== undefined) {
      Reflect.apply(overriding, object, [name, value]);
      return;
    }
    const kind = kindOf(object);
    const key = this.check(object, name, 'allow_setattr', kind);
    if (key === 'then' && typeof value === 'function') throw new AttributeError("a function cannot be set as 'then'");
    if (!this.isWritable(object, key, kind) || !Reflect.set(object, key, value))
      throw new AttributeError(`'${shownClass(kind)}' object attribute '${key}' is read-only`);
  }

  private isWritable(object: object, key: string, kind: Kind): boolean {
    if (key in kind.facade) return false;
    if (Array.isArray(object) || ArrayBuffer.isView(object) || typeof object === 'function') return false;
    const descriptor = lookup(object, key);
    if (descriptor === undefined) return !(key in object);
    return descriptor.set !== undefined || (Object.hasOwn(object, key) && descriptor.writable === true);
  }

  /** DELATTR: own, configurable properties. */
  delattr(object: object, name: string): void {
    if (FORBIDDEN.has(name)) throw new AttributeError(`cannot access '${name}'`);
    const overriding = override(object, '_rpyc_delattr');
    if (overriding !== undefined) {
      Reflect.apply(overriding, object, [name]);
      return;
    }
    const kind = kindOf(object);
    const key = this.check(object, name, 'allow_delattr', kind);
    if (
      Array.isArray(object) ||
      typeof object === 'function' ||
      !Object.hasOwn(object, key) ||
      !Reflect.deleteProperty(object, key)
    )
      throw new AttributeError(`'${shownClass(kind)}' object has no attribute '${key}'`);
  }

  /** DIR: names that the policy would let the peer read, sorted. */
  dir(object: object): string[] {
    const kind = kindOf(object);
    return [...this.names(object, kind)].filter((name) => this.allows(object, name, kind)).sort();
  }

  private names(object: object, kind: Kind): Set<string> {
    const names = new Set(Object.keys(kind.facade));
    for (let at: object | null = object; at !== null && !INTRINSICS.has(at); at = Object.getPrototypeOf(at))
      for (const key of Object.getOwnPropertyNames(at)) names.add(key);
    for (const name of declaredExposed(object)) names.add(this.config.exposed_prefix + name);
    return names;
  }

  private allows(object: object, name: string, kind: Kind): boolean {
    try {
      this.check(object, name, 'allow_getattr', kind);
      return true;
    } catch {
      return false;
    }
  }

  /** INSPECT of a builtin-like kind: its methods; of a `js.*` one: dunders, plus what is exposed (used by Node peers only). */
  methods(object: object): string[] {
    const kind = kindOf(object);
    const found: string[] = [];
    for (const name of this.names(object, kind)) {
      if (FORBIDDEN.has(name) || HIDDEN_FROM_INSPECT.has(name) || !this.allows(object, name, kind)) continue;
      const isMethod = name in kind.facade || typeof (lookup(object, name)?.value ?? undefined) === 'function';
      if (isMethod || declaredExposed(object).has(name.slice(this.config.exposed_prefix.length))) found.push(name);
    }
    // CALL asks no policy, as in Python.
    if (typeof object === 'function' || typeof lookup(object, '__call__')?.value === 'function') found.push('__call__');
    return found;
  }
}

/** Python has these itself (LOCAL_ATTRS of rpyc/core/netref.py), or must never ask for them. */
const HIDDEN_FROM_INSPECT: ReadonlySet<string> = new Set(
  `__array__ __array_interface__ __array_struct__ ____conn__ ____id_pack__ ____refcount__ __class__ __cmp__ __del__ __delattr__ __dir__ __doc__
__getattr__ __getattribute__ __hash__ __instancecheck__ __init__ __metaclass__ __module__ __new__ __reduce__ __reduce_ex__ __repr__ __setattr__
__slots__ __str__ __weakref__ __dict__ __methods__ __exit__ __eq__ __ne__ __lt__ __gt__ __le__ __ge__`.split(/\s+/),
);

function docOf(object: object): string | null {
  const doc =
    lookup(object, '__doc__')?.value ?? lookup(Object.getPrototypeOf(object)?.constructor ?? {}, 'doc')?.value;
  return typeof doc === 'string' ? doc : null;
}

/** `name` of an attribute request: str, or UTF-8 bytes. */
export function attributeName(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return new TextDecoder('utf-8', { fatal: true }).decode(value);
  throw new PyTypeError('name must be a string');
}
