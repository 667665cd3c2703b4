// Attribute policy: which names of our objects a peer may read, write, delete or call, and how they resolve.
// The forbidden names and intrinsic prototypes are out of reach under every configuration. Answers to Connection._check_attr/_access_attr.

import { type ByValuePolicy, byValuePolicy } from '../boxing/by-value.ts';
import { type AnyFunction, bind } from '../objects/bound.ts';
import { isClass } from '../objects/classes.ts';
import { FORBIDDEN, makesCode, POLICY_HOOKS } from '../objects/forbidden.ts';
import { OFFERED } from '../objects/instance.ts';
import { isLiteral, type Kind, kindOf, withoutMethods } from '../objects/kinds.ts';
import { boundMethod, isKept, memberOf, noteWritten } from '../objects/literal.ts';
import { INTRINSICS, lookup } from '../objects/lookup.ts';
import { isProperty } from '../objects/pythonic.ts';
import { exceptions } from '../python/exceptions.ts';
import { isNetref } from '../refs/holder.ts';
import type { Config } from './config.ts';
import { declaredExposed, hasSnakeCase, isMarked, snakeCased } from './exposure.ts';

const { AttributeError, TypeError: PyTypeError } = exceptions;

type Permission = 'allow_getattr' | 'allow_setattr' | 'allow_delattr';

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

/** What Python and `value()` enumerate a dict by, without having been asked to call a method of the object's. */
const ENUMERATING: ReadonlySet<string> = new Set(['keys', 'values', 'items']);

/** The own method of a plain object under this name. Dunders and what enumerates a dict are Python's: such methods are items only. */
function literalMethod(object: object, name: string, kind: Kind): AnyFunction | undefined {
  if (!isLiteral(kind) || name.startsWith('__') || ENUMERATING.has(name)) return undefined;
  const member = memberOf(object, name);
  return member?.kind === 'method' ? member.value : undefined;
}

export class Access {
  private readonly config: Config;
  constructor(config: Config) {
    this.config = config;
  }

  private kindOf(object: object): Kind {
    return this.config.literal_methods ? kindOf(object) : withoutMethods(kindOf(object));
  }

  /** A method of a literal needs no leave but that to read attributes: it was handed out with its object. */
  private handedOut(object: object, name: string, kind: Kind): AnyFunction | undefined {
    return this.config.allow_getattr ? literalMethod(object, name, kind) : undefined;
  }

  private has(object: object, name: string, kind: Kind): boolean {
    return name in kind.facade || lookup(object, name) !== undefined;
  }

  /**
   * The name under which `object` may be asked for `name`.
   * @throws AttributeError where the policy denies it
   */
  private check(object: object, asked: string, permission: Permission, kind: Kind): string {
    const config = this.config;
    if (FORBIDDEN.has(asked) || POLICY_HOOKS.has(asked) || !config[permission])
      throw new AttributeError(`cannot access '${asked}'`);
    const name = hasSnakeCase(object) ? this.camelCased(object, asked, kind) : asked;
    const prefix = config.exposed_prefix;
    const exposing = config.allow_exposed_attrs;
    const plain =
      config.allow_all_attrs ||
      (OFFERED.has(name) && name in kind.facade) ||
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
    throw new AttributeError(`cannot access '${asked}'`);
  }

  /** `static snakeCase = true`: `get_user` also names an exposed `getUser`. */
  private camelCased(object: object, name: string, kind: Kind): string {
    const { exposed_prefix: prefix } = this.config;
    if (this.has(object, name, kind) || this.has(object, prefix + name, kind) || isMarked(object, name)) return name;
    const bare = name.startsWith(prefix) ? name.slice(prefix.length) : name;
    for (const candidate of this.names(object, kind)) {
      const exposed = candidate.startsWith(prefix);
      if (!exposed && !isMarked(object, candidate)) continue;
      if (snakeCased(exposed ? candidate.slice(prefix.length) : candidate) === bare)
        return exposed && lookup(object, candidate) === undefined ? candidate.slice(prefix.length) : candidate;
    }
    return name;
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
    const kind = this.kindOf(object);
    const own = this.handedOut(object, name, kind);
    return own === undefined
      ? this.read(object, this.check(object, name, 'allow_getattr', kind), kind)
      : boundMethod(object, name, own);
  }

  private read(object: object, key: string, kind: Kind): unknown {
    const method = kind.facade[key] as AnyFunction | undefined;
    if (method !== undefined && isProperty(method)) return method(object);
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
    if (makesCode(value)) throw new AttributeError(`cannot access '${key}'`);
    if (isLiteral(kind) && memberOf(object, key)?.kind === 'data') return value;
    const policy = this.policyFor(object, key);
    if (typeof value !== 'function' || isNetref(value) || isClass(value))
      return policy === undefined ? value : policy.apply(value);
    return bind(object, key, value as AnyFunction, () => {
      const bound = (value as AnyFunction).bind(object);
      return policy === undefined ? bound : policy.wrap(bound);
    });
  }

  /**
   * What CALLATTR calls: a function and its `this`, without making a bound method.
   * `key` is the resolved property where the pair may be remembered (an ordinary method), else undefined.
   */
  method(object: object, name: string): { fn: AnyFunction; self: unknown; key: string | undefined } {
    if (override(object, '_rpyc_getattr') === undefined) {
      const kind = this.kindOf(object);
      const own = this.handedOut(object, name, kind);
      if (own !== undefined && !isClass(own)) return { fn: own, self: object, key: name };
      if (own !== undefined || isLiteral(kind))
        return { fn: this.called(object, name), self: undefined, key: undefined };
      const key = this.check(object, name, 'allow_getattr', kind);
      const found = key in kind.facade ? undefined : lookup(object, key)?.value;
      const plain = typeof found === 'function' && !isNetref(found) && !isClass(found) && !makesCode(found);
      if (plain && this.policyFor(object, key) === undefined) return { fn: found, self: object, key };
    }
    return { fn: this.called(object, name), self: undefined, key: undefined };
  }

  private called(object: object, name: string): AnyFunction {
    const callee = this.getattr(object, name);
    const isObject = typeof callee === 'object' && callee !== null && !isNetref(callee);
    return isObject ? this.callee(callee) : (callee as AnyFunction);
  }

  /**
   * CALL: what is called for `object`. A function or class is: whoever handed it out meant it to be. Any other object needs a
   * `__call__` that the policy lets the peer read, exposed or public. RPyC asks nothing here.
   */
  callee(object: object): AnyFunction {
    if (makesCode(object)) throw new AttributeError("cannot access '__call__'");
    if (typeof object === 'function' || isNetref(object)) return object as AnyFunction;
    const kind = this.kindOf(object);
    const overrides = override(object, '_rpyc_getattr') !== undefined;
    const has = (name: string): boolean => this.has(object, name, kind);
    if (!overrides && !has('__call__') && !has(`${this.config.exposed_prefix}__call__`))
      throw new PyTypeError(`'${shownClass(kind)}' object is not callable`);
    const method = this.getattr(object, '__call__');
    if (typeof method === 'function') return method as AnyFunction;
    throw new PyTypeError(`'${shownClass(kind)}' object is not callable`);
  }

  private policyFor(object: object, key: string): ByValuePolicy | undefined {
    const policy = byValuePolicy(object);
    return policy?.covers(key, this.config.exposed_prefix) === true ? policy : undefined;
  }

  /** SETATTR: own data properties, setters, and new names of extensible instances. */
  setattr(object: object, name: string, value: unknown): void {
    if (FORBIDDEN.has(name)) throw new AttributeError(`cannot access '${name}'`);
    const overriding = override(object, '_rpyc_setattr');
    if (overriding !== undefined) {
      Reflect.apply(overriding, object, [name, value]);
      return;
    }
    const kind = this.kindOf(object);
    const key = this.check(object, name, 'allow_setattr', kind);
    if (key === 'then' && typeof value === 'function') throw new AttributeError("a function cannot be set as 'then'");
    if (isLiteral(kind) && isKept(object, key)) throw kept(key, 'replaced');
    if (!this.isWritable(object, key, kind) || !Reflect.set(object, key, value))
      throw new AttributeError(`'${shownClass(kind)}' object attribute '${key}' is read-only`);
    if (isLiteral(kind)) noteWritten(object, key, value);
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
    const kind = this.kindOf(object);
    const key = this.check(object, name, 'allow_delattr', kind);
    if (isLiteral(kind) && isKept(object, key)) throw kept(key, 'deleted');
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
    const kind = this.kindOf(object);
    const shown = [...this.names(object, kind)].filter(
      (name) => this.handedOut(object, name, kind) !== undefined || this.allows(object, name, kind),
    );
    if (hasSnakeCase(object)) shown.push(...shown.map(snakeCased));
    return [...new Set(shown)].sort();
  }

  private names(object: object, kind: Kind): Set<string> {
    const names = new Set(Object.keys(kind.facade));
    for (let at: object | null = object; at !== null && !INTRINSICS.has(at); at = Object.getPrototypeOf(at))
      for (const key of Object.getOwnPropertyNames(at)) names.add(key);
    const { exposed_prefix: prefix } = this.config;
    for (const name of declaredExposed(object)) names.add(prefix + name);
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

  private mayCall(object: object, kind: Kind): boolean {
    return typeof object === 'function' ? !makesCode(object) : this.allows(object, '__call__', kind);
  }

  /** INSPECT of a builtin-like kind: its methods; of a `js.*` one: dunders, plus what is exposed (used by Node peers only). */
  methods(object: object): string[] {
    const kind = this.kindOf(object);
    const found: string[] = [];
    for (const name of this.names(object, kind)) {
      if (FORBIDDEN.has(name) || HIDDEN_FROM_INSPECT.has(name) || !this.allows(object, name, kind)) continue;
      const answers = kind.facade[name];
      const isMethod =
        answers !== undefined ? !isProperty(answers) : typeof (lookup(object, name)?.value ?? undefined) === 'function';
      if (isMethod || declaredExposed(object).has(name.slice(this.config.exposed_prefix.length))) found.push(name);
    }
    const isCalled = typeof object === 'function' || typeof lookup(object, '__call__')?.value === 'function';
    const exposesCall = typeof lookup(object, `${this.config.exposed_prefix}__call__`)?.value === 'function';
    if (!found.includes('__call__') && (isCalled || exposesCall) && this.mayCall(object, kind)) found.push('__call__');
    return found;
  }
}

const kept = (key: string, what: string): Error =>
  new AttributeError(`'${key}' is a method of this object: it cannot be ${what}`);

/** Python has these itself (LOCAL_ATTRS of rpyc/core/netref.py), or must never ask for them. */
const HIDDEN_FROM_INSPECT: ReadonlySet<string> = new Set(
  `__array__ __array_interface__ __array_struct__ ____conn__ ____id_pack__ ____refcount__ __class__ __cmp__ __del__ __delattr__ __dir__ __doc__
__getattr__ __getattribute__ __hash__ __instancecheck__ __init__ __metaclass__ __module__ __new__ __reduce__ __reduce_ex__ __repr__ __setattr__
__slots__ __str__ __weakref__ __dict__ __methods__ __exit__ __eq__ __ne__ __lt__ __gt__ __le__ __ge__`.split(/\s+/),
);

/** `__doc__` of an object or its class, or the class's `static doc`. */
function docOf(object: object): string | null {
  const cls: unknown = typeof object === 'function' ? object : Object.getPrototypeOf(object)?.constructor;
  const doc = lookup(object, '__doc__')?.value ?? (typeof cls === 'function' ? lookup(cls, 'doc')?.value : undefined);
  return typeof doc === 'string' ? doc : null;
}

/** `name` of an attribute request: str, or UTF-8 bytes. */
export function attributeName(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return new TextDecoder('utf-8', { fatal: true }).decode(value);
  throw new PyTypeError('name must be a string');
}
