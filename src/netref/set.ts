// `rpyc.set(ref)`: a remote set with the methods of a JavaScript Set. Under RPyC's default policy a set is changed by `|=` and `-=`.
import { isPlain } from '../boxing/writer.ts';
import { codedError } from '../errors.ts';
import { exceptions } from '../python/exceptions.ts';
import { FrozenSet } from '../python/values.ts';
import { type Holder, holderOf } from '../refs/holder.ts';
import type { Ref } from './helpers.ts';
import { askItems } from './iteration.ts';
import { EVERYTHING } from './pairs.ts';
import { askCall, giveBack, type Steps } from './steps.ts';
import type { Argument, IsAny, Netref, Path, Result, SyncNetref, SyncResult } from './types.ts';
import { type Kind, Shown, View } from './view.ts';

/** A remote set as a Set, awaited: every method is a promise, loops are `for await`. See {@link set}. */
export interface RemoteSet<T> extends AsyncIterable<Result<T>> {
  /** Is it in the set? */
  has(item: Argument<T>): Promise<boolean>;
  /** Adds an item; resolves with this view. */
  add(item: Argument<T>): Promise<this>;
  /** Removes an item; false where it was not there. */
  delete(item: Argument<T>): Promise<boolean>;
  /** Number of items. */
  readonly size: Promise<number>;
  /** The items, as `values` gives them. */
  keys(): AsyncIterableIterator<Result<T>>;
  /** The items, as they are when the loop begins. */
  values(): AsyncIterableIterator<Result<T>>;
  /** Each item twice, as a Set has it. */
  entries(): AsyncIterableIterator<[Result<T>, Result<T>]>;
  /** Calls back for each item, one after the other, and awaits what is returned. */
  forEach(callback: (item: Result<T>, same: Result<T>, set: this) => unknown, thisArg?: unknown): Promise<void>;
  /** 'RemoteSet'. */
  readonly [Symbol.toStringTag]: string;
}

/** A remote set as a Set, blocking: real values, loops are `for…of`. See {@link set}, and {@link RemoteSet} for what the methods do. */
export interface SyncRemoteSet<T> extends Iterable<SyncResult<T>> {
  /** Is it in the set? */
  has(item: Argument<T>): boolean;
  /** Adds an item; returns this view. */
  add(item: Argument<T>): this;
  /** Removes an item; false where it was not there. */
  delete(item: Argument<T>): boolean;
  /** Number of items. */
  readonly size: number;
  /** The items, as `values` gives them. */
  keys(): IterableIterator<SyncResult<T>>;
  /** The items, as they are when the loop begins. */
  values(): IterableIterator<SyncResult<T>>;
  /** Each item twice, as a Set has it. */
  entries(): IterableIterator<[SyncResult<T>, SyncResult<T>]>;
  /** Calls back for each item. */
  forEach(callback: (item: SyncResult<T>, same: SyncResult<T>, set: this) => void, thisArg?: unknown): void;
  /** 'SyncRemoteSet'. */
  readonly [Symbol.toStringTag]: string;
}

const SET: Kind = {
  name: 'set',
  takes: 'a set',
  builtins: new Set(['set', 'frozenset', 'dict_keys', 'dict_items', 'odict_keys', 'odict_items', 'object']),
};

/**
 * A Set-like view of a remote set: of Python's set and frozenset, of the keys of a dict, and of a Set of a Node peer. Nothing is copied
 * ({@link value} does that): each operation asks the peer. Awaitable or blocking as `ref` is. The view can be given wherever the reference
 * can; a path is fetched once, by the first operation. A loop reads all items at its beginning, in one request.
 *
 *     const tags = rpyc.set(await conn.root.tags());
 *     await tags.add('new');
 *     for await (const tag of tags) console.log(tag);
 *
 * Items that travel by value are added and deleted under RPyC's default policy; references need the peer's `allow_public_attrs`.
 * @throws {TypeError} ERR_RPYC_NOT_NETREF for what is no reference; ERR_RPYC_OPERATION for a list, a dict and the like, for a set that
 *   cannot be changed, and where the peer's policy forbids it
 */
// biome-ignore lint/suspicious/noExplicitAny: of an untyped reference, either view: annotate it, `const tags: rpyc.RemoteSet<string>`
export function set<R>(ref: R, ...untyped: IsAny<R> extends true ? [] : [never]): any;
export function set<T>(ref: Netref<Set<T>>): RemoteSet<T>;
export function set<T>(ref: Path<Set<T>>): RemoteSet<T>;
export function set<T>(ref: SyncNetref<Set<T>>): SyncRemoteSet<T>;
export function set(ref: Ref): Ref {
  const shown = new Shown(ref, SET);
  return shown.face === 'sync' ? new SyncSetView(shown) : new SetView(shown);
}

function* has(set: Holder, item: unknown): Steps<boolean> {
  return Boolean(yield* askCall(set, '__contains__', [item]));
}

/** Applies `|=` or `-=`, which the default policy allows. False: this class or its policy does not have it. */
function* changed(set: Holder, operator: '__ior__' | '__isub__', item: unknown): Steps<boolean> {
  try {
    const answer = yield* askCall(set, operator, [new FrozenSet([item])]);
    giveBack(answer);
    return holderOf(answer) !== undefined;
  } catch (error) {
    if (error instanceof exceptions.AttributeError) return false;
    throw error;
  }
}

function* change(set: Holder, operator: '__ior__' | '__isub__', method: 'add' | 'discard', item: unknown): Steps<void> {
  if (isPlain(item) && (yield* changed(set, operator, item))) return;
  try {
    yield* askCall(set, method, [item]);
  } catch (error) {
    if (!(error instanceof exceptions.AttributeError)) throw error;
    throw codedError(
      new TypeError(
        `${set.cls.name} cannot be changed: it has no '${method}', or its side would have to set allow_public_attrs for items that are references`,
        { cause: error },
      ),
      'ERR_RPYC_OPERATION',
    );
  }
}

function* add(set: Holder, item: unknown): Steps<void> {
  yield* change(set, '__ior__', 'add', item);
}

function* remove(set: Holder, item: unknown): Steps<boolean> {
  if (!(yield* has(set, item))) return false;
  yield* change(set, '__isub__', 'discard', item);
  return true;
}

function* size(set: Holder): Steps<number> {
  return Number(yield* askCall(set, '__len__'));
}

type Next<T> = (set: Holder) => Steps<readonly T[]>;

/** All items in one piece. */
function itemsOf(): Next<unknown> {
  let read = false;
  return function* (set) {
    if (read) return [];
    read = true;
    return yield* askItems(set, EVERYTHING);
  };
}

type Pair = [unknown, unknown];
const pairsOf = (): Next<Pair> => {
  const next = itemsOf();
  return function* (set) {
    return (yield* next(set)).map((item): Pair => [item, item]);
  };
};

type ForEach = (item: unknown, same: unknown, set: unknown) => unknown;

class SetView extends View {
  has(item: unknown): Promise<boolean> {
    return this.shown.later((set) => has(set, item));
  }
  async add(item: unknown): Promise<this> {
    await this.shown.later((set) => add(set, item));
    return this;
  }
  delete(item: unknown): Promise<boolean> {
    return this.shown.later((set) => remove(set, item));
  }
  get size(): Promise<number> {
    return this.shown.later(size);
  }
  keys(): AsyncIterableIterator<unknown> {
    return this.values();
  }
  values(): AsyncIterableIterator<unknown> {
    return this.shown.eachLater(itemsOf());
  }
  entries(): AsyncIterableIterator<Pair> {
    return this.shown.eachLater(pairsOf());
  }
  async forEach(callback: ForEach, thisArg?: unknown): Promise<void> {
    for await (const item of this.values()) await callback.call(thisArg, item, item, this);
  }
  [Symbol.asyncIterator](): AsyncIterableIterator<unknown> {
    return this.values();
  }
  get [Symbol.toStringTag](): string {
    return 'RemoteSet';
  }
}

class SyncSetView extends View {
  has(item: unknown): boolean {
    return this.shown.now((set) => has(set, item));
  }
  add(item: unknown): this {
    this.shown.now((set) => add(set, item));
    return this;
  }
  delete(item: unknown): boolean {
    return this.shown.now((set) => remove(set, item));
  }
  get size(): number {
    return this.shown.now(size);
  }
  keys(): IterableIterator<unknown> {
    return this.values();
  }
  values(): IterableIterator<unknown> {
    return this.shown.each(itemsOf());
  }
  entries(): IterableIterator<Pair> {
    return this.shown.each(pairsOf());
  }
  forEach(callback: ForEach, thisArg?: unknown): void {
    for (const item of this.values()) callback.call(thisArg, item, item, this);
  }
  [Symbol.iterator](): IterableIterator<unknown> {
    return this.values();
  }
  get [Symbol.toStringTag](): string {
    return 'SyncRemoteSet';
  }
}
