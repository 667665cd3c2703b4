// Plain objects in a peer's hands: which own keys are data, which are methods, and which are hidden. Mapping G1.
// A literal is data plus capabilities: what is handed out is handed out. A method travels bound to its object, and no peer replaces it.
import { holderOf } from '../refs/holder.ts';
import { pendingOf } from '../refs/pending-ref.ts';
import { type AnyFunction, bind } from './bound.ts';
import { isClass } from './classes.ts';
import { FORBIDDEN, makesCode, POLICY_HOOKS } from './forbidden.ts';

/** Functions that peers wrote, by object and key: data, to be read back as they are. */
const written = new WeakMap<object, Map<string, unknown>>();

/** A peer wrote `value` to this key. */
export function noteWritten(object: object, key: string, value: unknown): void {
  const functions = written.get(object);
  if (typeof value !== 'function') functions?.delete(key);
  else if (functions === undefined) written.set(object, new Map([[key, value]]));
  else functions.set(key, value);
}

/** Something that is a function only in form (a reference, a path), or that a peer put there: a value like any other. */
const isData = (object: object, key: string, value: unknown): boolean =>
  typeof value !== 'function' ||
  holderOf(value) !== undefined ||
  pendingOf(value) !== undefined ||
  written.get(object)?.get(key) === value;

export type Member =
  | { readonly kind: 'data'; readonly value: unknown }
  | { readonly kind: 'method'; readonly value: AnyFunction };

/**
 * What an own key of a plain object is to a peer; undefined: hidden, or not there. Hidden are accessors, what is not enumerable, forbidden
 * names, `then` (it would make a promise of the object), and functions that make code.
 */
export function memberOf(object: object, key: string): Member | undefined {
  if (FORBIDDEN.has(key)) return undefined;
  const descriptor = Object.getOwnPropertyDescriptor(object, key);
  if (descriptor === undefined || descriptor.enumerable !== true || !('value' in descriptor)) return undefined;
  const { value } = descriptor;
  if (isData(object, key, value)) return { kind: 'data', value };
  return key === 'then' || POLICY_HOOKS.has(key) || makesCode(value) ? undefined : { kind: 'method', value };
}

/** Is an own key of a plain object a function that no peer wrote? None replaces it, shown or hidden. */
export function isKept(object: object, key: string): boolean {
  const value: unknown = Object.getOwnPropertyDescriptor(object, key)?.value;
  return typeof value === 'function' && !isData(object, key, value);
}

/** A method as a peer is given it: bound to its object, always the same one. A class is itself. */
export function boundMethod(object: object, key: string, method: AnyFunction): AnyFunction {
  if (isClass(method)) return method;
  return bind(object, key, method, () =>
    Object.defineProperty(Function.prototype.bind.call(method, object), 'name', { value: key, configurable: true }),
  );
}

/** What a peer is given for a member. */
export const given = (object: object, key: string, member: Member): unknown =>
  member.kind === 'data' ? member.value : boundMethod(object, key, member.value);

/** The data of a plain object: what is copied by value. */
export function* dataEntries(object: object): Generator<[string, unknown]> {
  for (const key of Object.keys(object)) {
    const member = memberOf(object, key);
    if (member?.kind === 'data') yield [key, member.value];
  }
}

/** Its data and its methods, as they stand there (unbound). */
export function* memberEntries(object: object): Generator<[string, Member]> {
  for (const key of Object.keys(object)) {
    const member = memberOf(object, key);
    if (member !== undefined) yield [key, member];
  }
}
