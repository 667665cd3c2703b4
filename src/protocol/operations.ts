// Python's object protocol on our objects: str, repr, hash, comparison, instance check, context exit. Mapping section A3, "Operations".
import { exceptions } from '../python/exceptions.ts';
import { NotImplemented } from '../python/values.ts';
import { type Access, lookup } from './access.ts';
import { className } from './classes.ts';
import type { Entry } from './exports.ts';
import { pyRepr } from './repr.ts';

type AnyFunction = (...args: unknown[]) => unknown;

function own(object: object, name: string): AnyFunction | undefined {
  const value = lookup(object, name)?.value;
  return typeof value === 'function' ? value : undefined;
}

export function strOf(entry: Entry): unknown {
  const { object } = entry;
  const method = own(object, '__str__') ?? (typeof object === 'function' ? undefined : own(object, 'toString'));
  if (method !== undefined) return Reflect.apply(method, object, []);
  if (object instanceof Date) return Number.isNaN(object.getTime()) ? 'Invalid Date' : object.toISOString();
  if (object instanceof Error) return object.message;
  return object instanceof RegExp ? String(object) : reprOf(entry);
}

export function reprOf(entry: Entry): unknown {
  const { object, kind } = entry;
  const method = own(object, '__repr__');
  if (method !== undefined) return Reflect.apply(method, object, []);
  const isContainer = kind.namePack.startsWith('builtins.') && kind.namePack !== 'builtins.object';
  if (typeof object === 'function' || isContainer) return pyRepr(object);
  if (object instanceof RegExp) return String(object);
  if (object instanceof Error)
    return `${className(object.constructor).replace(/^js\./, '')}(${pyRepr(object.message)})`;
  return `<${className(object.constructor)} object #${entry.id}>`;
}

export function hashOf(entry: Entry): unknown {
  const { object, kind } = entry;
  const method = own(object, '__hash__');
  if (method !== undefined) return Reflect.apply(method, object, []);
  const stated = kind.facade.__hash__;
  if (stated !== undefined) return stated(object);
  if (!kind.hashable || own(object, '__eq__') !== undefined) {
    const type = kind.namePack.slice(kind.namePack.indexOf('.') + 1);
    throw new exceptions.TypeError(`unhashable type: '${type}'`);
  }
  return entry.id;
}

/** CMP: the operator's dunder where the class has one and the policy allows it, else identity for `==` and `!=`. */
export function compare(access: Access, entry: Entry, other: unknown, operator: string): unknown {
  const { object, kind } = entry;
  const method = own(object, operator) ?? kind.facade[operator];
  if (method !== undefined) return Reflect.apply(access.getattr(object, operator) as AnyFunction, object, [other]);
  if (operator === '__ne__' && (own(object, '__eq__') ?? kind.facade.__eq__) !== undefined) {
    const equal = Reflect.apply(access.getattr(object, '__eq__') as AnyFunction, object, [other]);
    return equal === NotImplemented ? NotImplemented : !equal;
  }
  // Identity decides only what it can: a container and an equal local one are Python's to tell apart.
  if (operator === '__eq__') return object === other ? true : kind.hashable ? false : NotImplemented;
  if (operator === '__ne__') return object === other ? false : kind.hashable ? true : NotImplemented;
  return NotImplemented;
}
