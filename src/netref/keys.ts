// Keys of a proxy, read, written, deleted and called: which of them are attributes, and which are items.
import { HANDLE_DELATTR, HANDLE_GETATTR, HANDLE_SETATTR } from '../constants.ts';
import { exceptions } from '../python/exceptions.ts';
import type { Kwargs } from '../python/values.ts';
import { type Holder, holderOf } from '../refs/holder.ts';
import { ask, askCall, type Steps } from './steps.ts';

/** How a key of a proxy is read: an attribute, or an item. */
export type Key = { readonly attr: string } | { readonly item: string | number };

const DICT = 'builtins.dict';
/** Attributes of a dict: any other name on one is a key. */
const DICT_METHODS: ReadonlySet<string> = new Set(
  'clear copy fromkeys get items keys pop popitem setdefault update values'.split(' '),
);

const isIndex = (key: string): boolean => /^(?:0|[1-9]\d{0,14})$/.test(key);

export function keyOf(holder: Holder, key: string): Key {
  if (isIndex(key)) return { item: Number(key) };
  if (holder.cls.name === DICT && !holder.isClass && !DICT_METHODS.has(key) && !key.startsWith('__'))
    return { item: key };
  return { attr: key };
}

/** Reads a key of a remote object. */
export function* readKey(holder: Holder, key: Key): Steps<unknown> {
  if ('attr' in key) return yield* ask(holder, HANDLE_GETATTR, key.attr);
  try {
    return yield* askCall(holder, '__getitem__', [key.item]);
  } catch (error) {
    if (typeof key.item === 'string' && error instanceof exceptions.KeyError) return undefined;
    throw error;
  }
}

export function* writeKey(holder: Holder, key: Key, value: unknown): Steps<unknown> {
  if ('item' in key) return yield* askCall(holder, '__setitem__', [key.item, value]);
  return yield* ask(holder, HANDLE_SETATTR, key.attr, value);
}

export function* deleteKey(holder: Holder, key: Key): Steps<unknown> {
  if ('item' in key) return yield* askCall(holder, '__delitem__', [key.item]);
  return yield* ask(holder, HANDLE_DELATTR, key.attr);
}

/** Is there such a key? A missing item of a dict reads as undefined. */
export function* hasKey(holder: Holder, key: Key): Steps<boolean> {
  if ('item' in key && typeof key.item === 'string') return Boolean(yield* askCall(holder, '__contains__', [key.item]));
  try {
    const value = yield* readKey(holder, key);
    giveBack(value);
    return true;
  } catch (error) {
    if (error instanceof exceptions.AttributeError || error instanceof exceptions.LookupError) return false;
    throw error;
  }
}

/** Reads a key of whatever a path led to: a remote object, or a plain value. */
export function* readFrom(parent: unknown, key: string): Steps<unknown> {
  const holder = holderOf(parent);
  if (holder !== undefined) return yield* readKey(holder, keyOf(holder, key));
  if (parent === null || parent === undefined) throw new TypeError(`cannot read '${key}' of ${String(parent)}`);
  const value: unknown = (parent as Record<string, unknown>)[key];
  return typeof value === 'function' ? value.bind(parent) : value;
}

/** Calls `name` of whatever a path led to. */
export function* callOn(
  parent: unknown,
  name: string,
  args: readonly unknown[],
  named: Kwargs | undefined,
): Steps<unknown> {
  const holder = holderOf(parent);
  if (holder !== undefined) return yield* callKey(holder, name, args, named);
  const method: unknown = yield* readFrom(parent, name);
  if (typeof method !== 'function') throw new TypeError(`'${name}' of ${typeof parent} is not a function`);
  return Reflect.apply(method, undefined, args as unknown[]);
}

/** Calls a key of a remote object: CALLATTR where it is an attribute. */
export function* callKey(
  holder: Holder,
  name: string,
  args: readonly unknown[],
  named: Kwargs | undefined,
): Steps<unknown> {
  const key = keyOf(holder, name);
  if ('attr' in key) return yield* askCall(holder, name, args, named);
  const callee = holderOf(yield* readKey(holder, key));
  if (callee === undefined) throw new TypeError(`item ${JSON.stringify(key.item)} is not callable`);
  return yield* askCall(callee, undefined, args, named);
}

/** Drops a reference that has served as soon as it has: the intermediate object of a chain, a value that was only looked for. */
export function giveBack(value: unknown): void {
  const holder = holderOf(value);
  if (holder !== undefined) holder.peer.release(holder);
}
