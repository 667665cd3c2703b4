// `rpyc.map(ref)`: a remote dict with the methods of a JavaScript Map. Uses what RPyC's default policy allows: `[]`, `in`, `len`, iteration.
import { exceptions } from '../python/exceptions.ts';
import type { Holder } from '../refs/holder.ts';
import { misused } from './handler.ts';
import type { Ref } from './helpers.ts';
import { askItems } from './iteration.ts';
import { askPairs, EVERYTHING, isPair } from './pairs.ts';
import { askCall, type Steps } from './steps.ts';
import { together } from './together.ts';
import type { Argument, IsAny, Netref, Path, Result, SyncNetref, SyncResult } from './types.ts';
import { type Kind, Shown, View } from './view.ts';

/**
 * A remote dict as a Map, awaited: every method is a promise, loops are `for await`. See {@link map}.
 * Loops read all keys at their beginning, so that entries may be deleted meanwhile.
 */
export interface RemoteMap<K, V> extends AsyncIterable<[Result<K>, Result<V>]> {
  /** The value of a key; undefined where there is none. Never makes an entry, not even in a defaultdict. */
  get(key: Argument<K>): Promise<Result<V> | undefined>;
  /** Sets an entry; resolves with this view. */
  set(key: Argument<K>, value: Argument<V>): Promise<this>;
  /** Is there such a key? */
  has(key: Argument<K>): Promise<boolean>;
  /** Removes an entry; false where there was none. */
  delete(key: Argument<K>): Promise<boolean>;
  /** Number of entries. */
  readonly size: Promise<number>;
  /** The keys, as they are when the loop begins. */
  keys(): AsyncIterableIterator<Result<K>>;
  /** The values, in the order of the keys. */
  values(): AsyncIterableIterator<Result<V>>;
  /** Keys and values; what the view itself is iterated over. */
  entries(): AsyncIterableIterator<[Result<K>, Result<V>]>;
  /** Calls back for each entry, one after the other, and awaits what is returned. */
  forEach(callback: (value: Result<V>, key: Result<K>, map: this) => unknown, thisArg?: unknown): Promise<void>;
  /** 'RemoteMap'. */
  readonly [Symbol.toStringTag]: string;
}

/** A remote dict as a Map, blocking: real values, loops are `for…of`. See {@link map}, and {@link RemoteMap} for what the methods do. */
export interface SyncRemoteMap<K, V> extends Iterable<[SyncResult<K>, SyncResult<V>]> {
  /** The value of a key; undefined where there is none. Never makes an entry, not even in a defaultdict. */
  get(key: Argument<K>): SyncResult<V> | undefined;
  /** Sets an entry; returns this view. */
  set(key: Argument<K>, value: Argument<V>): this;
  /** Is there such a key? */
  has(key: Argument<K>): boolean;
  /** Removes an entry; false where there was none. */
  delete(key: Argument<K>): boolean;
  /** Number of entries. */
  readonly size: number;
  /** The keys, as they are when the loop begins. */
  keys(): IterableIterator<SyncResult<K>>;
  /** The values, in the order of the keys. */
  values(): IterableIterator<SyncResult<V>>;
  /** Keys and values; what the view itself is iterated over. */
  entries(): IterableIterator<[SyncResult<K>, SyncResult<V>]>;
  /** Calls back for each entry. */
  forEach(callback: (value: SyncResult<V>, key: SyncResult<K>, map: this) => void, thisArg?: unknown): void;
  /** 'SyncRemoteMap'. */
  readonly [Symbol.toStringTag]: string;
}

const MAP: Kind = { name: 'map', takes: 'a dict', builtins: new Set(['dict', 'mappingproxy', 'object']) };

/**
 * A Map-like view of a remote dict: of Python's dict, OrderedDict, defaultdict and other mappings, and of a Map or plain object of a Node
 * peer. Nothing is copied ({@link value} does that): each operation asks the peer. Awaitable or blocking as `ref` is; works under RPyC's
 * default policy. The view can be given wherever the reference can; a path is fetched once, by the first operation.
 *
 *     const ages = rpyc.map(await conn.root.ages());
 *     await ages.set('Ada', 36);
 *     if (await ages.has('Ada')) console.log(await ages.get('Ada'), await ages.size);
 *     for await (const [name, age] of ages) console.log(name, age);
 *
 *     const blocking = rpyc.map(conn.sync.root.ages());
 *     for (const [name, age] of blocking) if (age < 18) blocking.delete(name);
 *
 * `get`, `set` and `has` take one request (`get` two, and `delete` two, on what is neither a dict nor an OrderedDict). A loop over entries
 * takes two, or one an entry (64 at a time) where the peer hides `items`.
 * @throws {TypeError} ERR_RPYC_NOT_NETREF for what is no reference; ERR_RPYC_OPERATION for a list, a set and the like
 */
// biome-ignore lint/suspicious/noExplicitAny: of an untyped reference, either view: annotate it, `const ages: rpyc.RemoteMap<string, number>`
export function map<R>(ref: R, ...untyped: IsAny<R> extends true ? [] : [never]): any;
export function map<K, V>(ref: Netref<Map<K, V>>): RemoteMap<K, V>;
export function map<K, V>(ref: Path<Map<K, V>>): RemoteMap<K, V>;
export function map<K, V>(ref: SyncNetref<Map<K, V>>): SyncRemoteMap<K, V>;
// biome-ignore lint/suspicious/noExplicitAny: the values of an object differ
export function map<R extends AsyncDisposable>(ref: R): RemoteMap<keyof R & string, any>;
// biome-ignore lint/suspicious/noExplicitAny: the values of an object differ
export function map<R extends Disposable>(ref: R): SyncRemoteMap<keyof R & string, any>;
export function map(ref: Ref): Ref {
  const shown = new Shown(ref, MAP);
  return shown.face === 'sync' ? new SyncMapView(shown) : new MapView(shown);
}

/** Classes whose `[]` raises KeyError for a missing key, and does nothing else. */
const PLAIN: ReadonlySet<string> = new Set(['builtins.dict', 'builtins.mappingproxy', 'collections.OrderedDict']);

const missing = (error: unknown): undefined => {
  if (error instanceof exceptions.KeyError) return undefined;
  throw error;
};

function* has(dict: Holder, key: unknown): Steps<boolean> {
  return Boolean(yield* askCall(dict, '__contains__', [key]));
}

function* get(dict: Holder, key: unknown): Steps<unknown> {
  if (!PLAIN.has(dict.cls.name) && !(yield* has(dict, key))) return undefined;
  try {
    return yield* askCall(dict, '__getitem__', [key]);
  } catch (error) {
    return missing(error);
  }
}

function* remove(dict: Holder, key: unknown): Steps<boolean> {
  if (!PLAIN.has(dict.cls.name) && !(yield* has(dict, key))) return false;
  try {
    yield* askCall(dict, '__delitem__', [key]);
    return true;
  } catch (error) {
    return missing(error) ?? false;
  }
}

function* size(dict: Holder): Steps<number> {
  return Number(yield* askCall(dict, '__len__'));
}

function* allKeys(dict: Holder): Steps<readonly unknown[]> {
  return yield* askItems(dict, EVERYTHING);
}

type Entry = [key: unknown, value: unknown];
/** The next piece of a loop; an empty one is the last. */
type Next<T> = (dict: Holder) => Steps<readonly T[]>;

/** All keys, in one piece. */
function keysOf(): Next<unknown> {
  let read = false;
  return function* (dict) {
    if (read) return [];
    read = true;
    return yield* allKeys(dict);
  };
}

/** Entries whose values are asked for at once. */
const PIECE = 64;

/** All entries in one piece, where `items` may be called; else all keys, and then values in pieces. What was deleted meanwhile is left out. */
function entriesOf(): Next<Entry> {
  let keys: readonly unknown[] | undefined;
  let at = 0;
  return function* (dict) {
    if (keys === undefined) {
      const all = (yield* askPairs(dict))?.pairs;
      if (Array.isArray(all)) {
        keys = [];
        if (!all.every(isPair)) throw misused(`${dict.cls.name} has an item that is no pair`);
        return all.map(([key, value]): Entry => [key, value]);
      }
      keys = yield* allKeys(dict);
    }
    let found: readonly Entry[] = [];
    for (; found.length === 0 && at < keys.length; at += PIECE)
      found = yield* someEntries(dict, keys.slice(at, at + PIECE));
    return found;
  };
}

function* someEntries(dict: Holder, keys: readonly unknown[]): Steps<readonly Entry[]> {
  const found: (Entry | undefined)[] = keys.map(() => undefined);
  function* read(i: number): Steps<void> {
    try {
      found[i] = [keys[i], yield* askCall(dict, '__getitem__', [keys[i]])];
    } catch (error) {
      missing(error);
    }
  }
  let next = 0;
  yield* together(() => (next < keys.length ? read(next++) : undefined));
  return found.filter((entry) => entry !== undefined);
}

const valuesOf = (): Next<unknown> => {
  const next = entriesOf();
  return function* (dict) {
    return (yield* next(dict)).map(([, value]) => value);
  };
};

type ForEach = (value: unknown, key: unknown, map: unknown) => unknown;

class MapView extends View {
  get(key: unknown): Promise<unknown> {
    return this.shown.later((dict) => get(dict, key));
  }
  async set(key: unknown, value: unknown): Promise<this> {
    await this.shown.later((dict) => askCall(dict, '__setitem__', [key, value]));
    return this;
  }
  has(key: unknown): Promise<boolean> {
    return this.shown.later((dict) => has(dict, key));
  }
  delete(key: unknown): Promise<boolean> {
    return this.shown.later((dict) => remove(dict, key));
  }
  get size(): Promise<number> {
    return this.shown.later(size);
  }
  keys(): AsyncIterableIterator<unknown> {
    return this.shown.eachLater(keysOf());
  }
  values(): AsyncIterableIterator<unknown> {
    return this.shown.eachLater(valuesOf());
  }
  entries(): AsyncIterableIterator<Entry> {
    return this.shown.eachLater(entriesOf());
  }
  async forEach(callback: ForEach, thisArg?: unknown): Promise<void> {
    for await (const [key, value] of this.entries()) await callback.call(thisArg, value, key, this);
  }
  [Symbol.asyncIterator](): AsyncIterableIterator<Entry> {
    return this.entries();
  }
  get [Symbol.toStringTag](): string {
    return 'RemoteMap';
  }
}

class SyncMapView extends View {
  get(key: unknown): unknown {
    return this.shown.now((dict) => get(dict, key));
  }
  set(key: unknown, value: unknown): this {
    this.shown.now((dict) => askCall(dict, '__setitem__', [key, value]));
    return this;
  }
  has(key: unknown): boolean {
    return this.shown.now((dict) => has(dict, key));
  }
  delete(key: unknown): boolean {
    return this.shown.now((dict) => remove(dict, key));
  }
  get size(): number {
    return this.shown.now(size);
  }
  keys(): IterableIterator<unknown> {
    return this.shown.each(keysOf());
  }
  values(): IterableIterator<unknown> {
    return this.shown.each(valuesOf());
  }
  entries(): IterableIterator<Entry> {
    return this.shown.each(entriesOf());
  }
  forEach(callback: ForEach, thisArg?: unknown): void {
    for (const [key, value] of this.entries()) callback.call(thisArg, value, key, this);
  }
  [Symbol.iterator](): IterableIterator<Entry> {
    return this.entries();
  }
  get [Symbol.toStringTag](): string {
    return 'SyncRemoteMap';
  }
}
