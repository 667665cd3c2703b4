// Python's object protocol on our objects: str, repr, hash, comparison, instance check, context exit. Mapping section A3, "Operations".

import { exceptions } from '../python/exceptions.ts';
import { NotImplemented } from '../python/values.ts';
import type { AnyFunction } from './bound.ts';
import { className } from './classes.ts';
import type { Kind } from './kinds.ts';
import { lookup } from './lookup.ts';
import { pyRepr } from './repr.ts';

/** An object of ours with the id that the peer knows it by. */
export interface Subject {
  readonly object: object;
  readonly kind: Kind;
  readonly id: number;
}

function own(object: object, name: string): AnyFunction | undefined {
  const value = lookup(object, name)?.value;
  return typeof value === 'function' ? value : undefined;
}

/** @param methods show the methods of plain objects among their items */
export function strOf(entry: Subject, methods = false): unknown {
  const { object } = entry;
  const method = own(object, '__str__') ?? (typeof object === 'function' ? undefined : own(object, 'toString'));
  if (method !== undefined) return Reflect.apply(method, object, []);
  if (object instanceof Date) return Number.isNaN(object.getTime()) ? 'Invalid Date' : object.toISOString();
  if (object instanceof Error) return object.message;
  return object instanceof RegExp ? String(object) : reprOf(entry, methods);
}

/** @param methods show the methods of plain objects among their items */
export function reprOf(entry: Subject, methods = false): unknown {
  const { object, kind } = entry;
  const method = own(object, '__repr__');
  if (method !== undefined) return Reflect.apply(method, object, []);
  const isContainer = kind.namePack.startsWith('builtins.') && kind.namePack !== 'builtins.object';
  if (typeof object === 'function' || isContainer) return pyRepr(object, methods);
  if (object instanceof RegExp) return String(object);
  if (object instanceof Error)
    return `${className(object.constructor).replace(/^js\./, '')}(${pyRepr(object.message)})`;
  return `<${className(object.constructor)} object #${entry.id}>`;
}

export function hashOf(entry: Subject): unknown {
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

/**
 * CMP: the operator's dunder where the class has one, else identity for `==` and `!=`.
 * @param getattr reads the dunder as the peer may, or throws AttributeError
 */
export function compare(
  getattr: (object: object, name: string) => unknown,
  entry: Subject,
  other: unknown,
  operator: string,
): unknown {
  const { object, kind } = entry;
  const method = own(object, operator) ?? kind.facade[operator];
  if (method !== undefined) return Reflect.apply(getattr(object, operator) as AnyFunction, object, [other]);
  if (operator === '__ne__' && (own(object, '__eq__') ?? kind.facade.__eq__) !== undefined) {
    const equal = Reflect.apply(getattr(object, '__eq__') as AnyFunction, object, [other]);
    return equal === NotImplemented ? NotImplemented : !equal;
  }
  // Identity decides only what it can: a container and an equal local one are Python's to tell apart.
  if (operator === '__eq__') return object === other ? true : kind.hashable ? false : NotImplemented;
  if (operator === '__ne__') return object === other ? false : kind.hashable ? true : NotImplemented;
  return NotImplemented;
}
