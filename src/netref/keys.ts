// Keys of a proxy, read, written, deleted and called: which of them are attributes, which are items, and which JavaScript's ways with a list.
import { HANDLE_DELATTR, HANDLE_GETATTR, HANDLE_SETATTR } from '../constants.ts';
import { exceptions } from '../python/exceptions.ts';
import type { Kwargs } from '../python/values.ts';
import { type Holder, holderOf } from '../refs/holder.ts';
import { misused } from './handler.ts';
import { callIdiom, idiomLater, isIdiom } from './list.ts';
import { ask, askCall, giveBack, type Steps } from './steps.ts';

/** How a key of a proxy is read: an attribute, an item, or an idiom of a list (list.ts). */
export type Key = { readonly attr: string } | { readonly item: string | number } | { readonly idiom: string };

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
  return isIdiom(holder, key) ? { idiom: key } : { attr: key };
}

/** Reads a key of a remote object. A method of a list's idioms is one that is awaited. */
export function* readKey(holder: Holder, key: Key): Steps<unknown> {
  if ('idiom' in key) return key.idiom === 'length' ? yield* askCall(holder, '__len__') : idiomLater(holder, key.idiom);
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
  if ('idiom' in key)
    throw misused(`'${key.idiom}' of a remote list cannot be set: see clear, extend, setitem and delitem`);
  return yield* ask(holder, HANDLE_SETATTR, key.attr, value);
}

export function* deleteKey(holder: Holder, key: Key): Steps<unknown> {
  if ('item' in key) return yield* askCall(holder, '__delitem__', [key.item]);
  if ('idiom' in key) throw misused(`'${key.idiom}' of a remote list cannot be deleted`);
  return yield* ask(holder, HANDLE_DELATTR, key.attr);
}

/** Is there such a key? A missing item of a dict reads as undefined. */
export function* hasKey(holder: Holder, key: Key): Steps<boolean> {
  if ('idiom' in key) return true;
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

/** Calls a key of a remote object: CALLATTR where it is an attribute. */
export function* callKey(
  holder: Holder,
  name: string,
  args: readonly unknown[],
  named: Kwargs | undefined,
): Steps<unknown> {
  const key = keyOf(holder, name);
  if ('idiom' in key) return yield* callIdiom(holder, key.idiom, args, named);
  if ('attr' in key) return yield* askCall(holder, name, args, named);
  const callee = holderOf(yield* readKey(holder, key));
  if (callee === undefined) throw new TypeError(`item ${JSON.stringify(key.item)} is not callable`);
  return yield* askCall(callee, undefined, args, named);
}
