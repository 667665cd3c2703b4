// JavaScript's ways with a remote list: names that Array has and Python's list has not, on exactly `builtins.list` and `builtins.tuple`
// (as which a JavaScript Array travels too). Local idioms in both faces: `length` and `at` are one request, all others run here, over
// one fetch of all items in one round trip (BUFFITER). What Python's list has itself (`sort`, `pop`, `index` …) is Python's. Mapping section G2.
import { HANDLE_STR } from '../constants.ts';
import { exceptions } from '../python/exceptions.ts';
import { type Kwargs, splitKwargs, tuple } from '../python/values.ts';
import { type Holder, holderOf } from '../refs/holder.ts';
import { resolveArgs, resolveNamed } from './calls.ts';
import { misused } from './handler.ts';
import { askItems } from './iteration.ts';
import type { CallOptions } from './options.ts';
import { EVERYTHING } from './pairs.ts';
import { ask, askCall, giveBack, runAsync, runSync, type Steps } from './steps.ts';

/** An Array method on a remote list. */
type Method = (holder: Holder, args: readonly unknown[]) => Steps<unknown>;

/** Lists within lists that `flat` follows at most: a list may contain itself. */
const MAX_FLAT = 100;

const isList = (holder: Holder): boolean =>
  !holder.isClass && (holder.cls.name === 'builtins.list' || holder.cls.name === 'builtins.tuple');

/** All items of a list, in one round trip. */
const fetchItems = (holder: Holder): Steps<readonly unknown[]> => askItems(holder, EVERYTHING);

/** The items of an Array of ours or of a remote list; undefined for what is neither. */
function* itemsOf(value: unknown): Steps<readonly unknown[] | undefined> {
  if (Array.isArray(value)) return value;
  const holder = holderOf(value);
  return holder !== undefined && isList(holder) ? yield* fetchItems(holder) : undefined;
}

/** The method of Array with that name, over the fetched items: they are the callback's third argument. */
const over = (name: ArrayMethod): Method =>
  function* (holder, args) {
    const items = yield* fetchItems(holder);
    return Reflect.apply(Array.prototype[name] as (...args: unknown[]) => unknown, items, args);
  };

type ArrayMethod = Extract<keyof unknown[], string> & ('toSorted' | 'toReversed' | keyof typeof Array.prototype);

/** As {@link over}, where items are only compared: one remote object is the same in whatever face, and none is kept. */
const comparing = (name: 'includes' | 'indexOf' | 'lastIndexOf'): Method =>
  function* (holder, [wanted, ...from]) {
    const items = yield* fetchItems(holder);
    const identity = (item: unknown): unknown => holderOf(item) ?? item;
    const found = Reflect.apply(Array.prototype[name] as (...args: unknown[]) => unknown, items.map(identity), [
      identity(wanted),
      ...from,
    ]);
    for (const item of items) giveBack(item);
    return found;
  };

function* at(holder: Holder, [index]: readonly unknown[]): Steps<unknown> {
  const position = Math.trunc(Number(index)) || 0;
  if (!Number.isSafeInteger(position)) return undefined;
  try {
    return yield* askCall(holder, '__getitem__', [position]);
  } catch (error) {
    if (error instanceof exceptions.IndexError) return undefined;
    throw error;
  }
}

function* join(holder: Holder, [separator = ',']: readonly unknown[]): Steps<string> {
  const texts: unknown[] = [];
  for (const item of yield* fetchItems(holder)) {
    const remote = holderOf(item);
    texts.push(remote === undefined ? item : yield* ask(remote, HANDLE_STR));
    giveBack(item);
  }
  return texts.join(String(separator));
}

function* concat(holder: Holder, others: readonly unknown[]): Steps<unknown[]> {
  const parts: unknown[] = [yield* fetchItems(holder)];
  for (const other of others) parts.push((yield* itemsOf(other)) ?? other);
  return ([] as unknown[]).concat(...parts);
}

function* flattened(items: readonly unknown[], depth: number, level: number): Steps<unknown[]> {
  if (level > MAX_FLAT) throw misused(`more than ${MAX_FLAT} lists inside each other: flat(depth) goes no deeper`);
  const flat: unknown[] = [];
  for (const item of items) {
    const inner = depth >= 1 ? yield* itemsOf(item) : undefined;
    if (inner === undefined) flat.push(item);
    else for (const each of yield* flattened(inner, depth - 1, level + 1)) flat.push(each);
  }
  return flat;
}

function* flat(holder: Holder, [depth = 1]: readonly unknown[]): Steps<unknown[]> {
  return yield* flattened(yield* fetchItems(holder), Math.trunc(Number(depth)) || 0, 0);
}

function* flatMap(holder: Holder, [callback, self]: readonly unknown[]): Steps<unknown[]> {
  const items = yield* fetchItems(holder);
  return yield* flattened(items.map(callback as (item: unknown) => unknown, self), 1, 0);
}

/** Python's `append`, or `extend` for several items: one request either way, and one for the new length. */
function* push(holder: Holder, items: readonly unknown[]): Steps<unknown> {
  if (items.length === 1) yield* askCall(holder, 'append', items);
  else if (items.length > 1) yield* askCall(holder, 'extend', [tuple(...items)]);
  return yield* askCall(holder, '__len__');
}

/** Python's `insert(0, item)`, the last item first. */
function* unshift(holder: Holder, items: readonly unknown[]): Steps<unknown> {
  for (const item of items.toReversed()) yield* askCall(holder, 'insert', [0, item]);
  return yield* askCall(holder, '__len__');
}

const OVER_ALL =
  `map filter forEach reduce reduceRight some every find findIndex findLast findLastIndex slice entries keys values
toSorted toReversed`.split(/\s+/) as ArrayMethod[];

const METHODS: Readonly<Record<string, Method>> = Object.freeze(
  Object.assign(Object.create(null), Object.fromEntries(OVER_ALL.map((name) => [name, over(name)])), {
    includes: comparing('includes'),
    indexOf: comparing('indexOf'),
    lastIndexOf: comparing('lastIndexOf'),
    at,
    join,
    concat,
    flat,
    flatMap,
    push,
    unshift,
  }),
);

/** Is `key` of this object `length` of a list, or an Array method of {@link callIdiom}? */
export const isIdiom = (holder: Holder, key: string): boolean => isList(holder) && (key === 'length' || key in METHODS);

/** Calls an Array method on a remote list. @throws what a callback throws, and what the peer's policy refuses (`push`, `unshift`) */
export function* callIdiom(
  holder: Holder,
  name: string,
  args: readonly unknown[],
  named: Kwargs | undefined,
): Steps<unknown> {
  const method = METHODS[name];
  if (method === undefined) throw misused(`'${name}' of a remote list is a number, not a function`);
  if (named !== undefined) throw misused(`'${name}' of a remote list takes no keyword arguments`);
  return yield* method(holder, args);
}

function* resolveAndCall(holder: Holder, name: string, args: readonly unknown[]): Steps<unknown> {
  const [positional, named] = splitKwargs(args);
  return yield* callIdiom(holder, name, yield* resolveArgs(positional), yield* resolveNamed(named));
}

/** An Array method of a remote list as a function that blocks. */
export const idiomNow =
  (holder: Holder, name: string, options: CallOptions | undefined) =>
  (...args: unknown[]): unknown =>
    runSync(resolveAndCall(holder, name, args), 'sync', options);

/** An Array method of a remote list as a function whose result is awaited. */
export const idiomLater =
  (holder: Holder, name: string) =>
  (...args: unknown[]): Promise<unknown> =>
    runAsync(resolveAndCall(holder, name, args));
