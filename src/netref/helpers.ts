// Python's builtin functions on remote objects: `len`, `str`, `getattr`, … Blocking on a blocking reference, a promise on an awaitable one.

import * as H from '../constants.ts';
import { codedError } from '../errors.ts';
import type { Connection, SyncConnection } from '../protocol/connection.ts';
import { exceptions } from '../python/exceptions.ts';
import type { Face } from '../refs/face.ts';
import { type Holder, holderOf, IdPackOf } from '../refs/holder.ts';
import { pendingOf } from '../refs/pending-ref.ts';
import { makeView } from './faces.ts';
import { FACE } from './handler.ts';
import { askItems, type Buffering, DEFAULT_BUFFERING, iterate } from './iteration.ts';
import { hasKey } from './keys.ts';
import { type CallOptions, checkOptions, OPTIONS } from './options.ts';
import { ask, askCall, askFetch, runAsync, runSync, type Steps } from './steps.ts';
import type { Netref, SyncNetref } from './types.ts';

/** A remote object, untyped: an awaitable or blocking netref, or a path or method stub that stands for one. Typed, see {@link Netref}. */
// biome-ignore lint/suspicious/noExplicitAny: a remote object has whatever attributes it has
export type Ref = any;

/** What helpers return: the value on a blocking reference, a promise of it on an awaitable one. */
export type Answer<T> = T | Promise<T>;

const EVERYTHING = 2 ** 31 - 1;

interface Seen {
  readonly [FACE]?: Face;
  readonly [OPTIONS]?: CallOptions;
}

const seen = (ref: unknown): Seen =>
  (typeof ref === 'object' && ref !== null) || typeof ref === 'function' ? (ref as Seen) : {};

/** The face through which a reference, path or stub is seen. @throws TypeError for anything else */
export function faceOf(ref: unknown): Face {
  const face = seen(ref)[FACE];
  if (face === undefined) throw notNetref(ref);
  return face;
}

/** The options through which it is seen; undefined: none. */
export const optionsOf = (ref: unknown): CallOptions | undefined => seen(ref)[OPTIONS];

export function notNetref(value: unknown): Error {
  return codedError(
    new TypeError(`a remote object is needed here, not ${value === null ? 'null' : typeof value}`),
    'ERR_RPYC_NOT_NETREF',
  );
}

/** The remote object behind a reference, path or stub. */
export function* resolve(ref: unknown): Steps<Holder> {
  const pending = pendingOf(ref);
  const holder = holderOf(pending === undefined ? ref : yield* askFetch(pending));
  if (holder === undefined) throw notNetref(ref);
  return holder;
}

/** Runs an operation on a reference in that reference's way. */
export function perform<T>(ref: unknown, operation: (holder: Holder) => Steps<T>): Answer<T> {
  function* steps(): Steps<T> {
    return yield* operation(yield* resolve(ref));
  }
  const options = optionsOf(ref);
  return faceOf(ref) === 'sync' ? runSync(steps(), 'sync', options) : runAsync(steps(), 'async', options);
}

const attribute = (name: unknown): string => {
  if (typeof name !== 'string') throw new TypeError(`attribute name must be a string, not ${typeof name}`);
  return name;
};

/**
 * Python's `getattr(ref, name[, otherwise])`: always asks the peer, also for names that mean something else in
 * JavaScript (`then`, `constructor`), and for methods, of which it returns a reference.
 * @param otherwise returned where there is no such attribute
 * @throws AttributeError (rpyc.exceptions) where there is no such attribute, or the peer's policy hides it, and no `otherwise`
 */
export function getattr(ref: Ref, name: string, ...otherwise: [unknown?]): Answer<Ref> {
  return perform(ref, function* (holder) {
    try {
      return yield* ask(holder, H.HANDLE_GETATTR, attribute(name));
    } catch (error) {
      if (otherwise.length > 0 && error instanceof exceptions.AttributeError) return otherwise[0];
      throw error;
    }
  });
}

/**
 * Python's `setattr(ref, name, value)`: `await rpyc.setattr(ref, 'x', 1)`. On a blocking reference, `ref.x = 1` does the same.
 * @throws AttributeError (rpyc.exceptions) where the peer's policy denies it (`allow_setattr`)
 */
export function setattr(ref: Ref, name: string, value: unknown): Answer<void> {
  return perform(ref, function* (holder) {
    yield* ask(holder, H.HANDLE_SETATTR, attribute(name), value);
  });
}

/**
 * Python's `delattr(ref, name)`. On a blocking reference, `delete ref.x` does the same.
 * @throws AttributeError (rpyc.exceptions) where the peer's policy denies it (`allow_delattr`)
 */
export function delattr(ref: Ref, name: string): Answer<void> {
  return perform(ref, function* (holder) {
    yield* ask(holder, H.HANDLE_DELATTR, attribute(name));
  });
}

/**
 * Python's `hasattr(ref, name)`: asks the peer, which says no as well to what its policy hides. For awaitable references, whose `in` cannot ask.
 */
export function hasattr(ref: Ref, name: string): Answer<boolean> {
  return perform(ref, (holder) => hasKey(holder, { attr: attribute(name) }));
}

/**
 * Python's `ref[key]`, with any type of key; {@link slice} for slices, {@link tuple} for several at once.
 * @throws KeyError, IndexError (rpyc.exceptions) as Python does
 */
export function getitem(ref: Ref, key: unknown): Answer<Ref> {
  return perform(ref, (holder) => askCall(holder, '__getitem__', [key]));
}

/** Python's `ref[key] = value`. @throws what `__setitem__` raises there */
export function setitem(ref: Ref, key: unknown, value: unknown): Answer<void> {
  return perform(ref, function* (holder) {
    yield* askCall(holder, '__setitem__', [key, value]);
  });
}

/** Python's `del ref[key]`. @throws KeyError, IndexError (rpyc.exceptions) as Python does */
export function delitem(ref: Ref, key: unknown): Answer<void> {
  return perform(ref, function* (holder) {
    yield* askCall(holder, '__delitem__', [key]);
  });
}

/** Python's `key in ref`, by `__contains__`. */
export function contains(ref: Ref, key: unknown): Answer<boolean> {
  return perform(ref, (holder) => askCall(holder, '__contains__', [key]) as Steps<boolean>);
}

/** Python's `len(ref)`: number of items. @throws AttributeError (rpyc.exceptions) for an object without `__len__` */
export function len(ref: Ref): Answer<number> {
  return perform(ref, (holder) => askCall(holder, '__len__') as Steps<number>);
}

/** Python's `str(ref)`: its text. (`String(ref)` of a blocking reference is the same; of an awaitable one it names the reference.) */
export function str(ref: Ref): Answer<string> {
  return perform(ref, (holder) => ask(holder, H.HANDLE_STR) as Steps<string>);
}

/** Python's `repr(ref)`: how it looks there. The answer to "why does console.log not show my remote list": logging must not cause traffic. */
export function repr(ref: Ref): Answer<string> {
  return perform(ref, (holder) => ask(holder, H.HANDLE_REPR) as Steps<string>);
}

/** Python's `hash(ref)`; usually beyond 53 bits, hence a bigint. @throws TypeError (rpyc.exceptions) for an unhashable object */
export function hash(ref: Ref): Answer<number | bigint> {
  return perform(ref, (holder) => ask(holder, H.HANDLE_HASH) as Steps<number | bigint>);
}

/** Python's `dir(ref)`: names of the object's attributes, as the peer lists them; a stock peer lists more than its policy lets be read. */
export function dir(ref: Ref): Answer<readonly string[]> {
  return perform(ref, (holder) => ask(holder, H.HANDLE_DIR) as Steps<readonly string[]>);
}

/** Python's truth of an object, `bool(ref)`: `__bool__`, else `__len__`, else true. (To JavaScript every reference is true.) */
export function bool(ref: Ref): Answer<boolean> {
  return perform(ref, function* (holder) {
    for (const name of ['__bool__', '__len__']) {
      try {
        return Boolean(yield* askCall(holder, name));
      } catch (error) {
        if (!(error instanceof exceptions.AttributeError)) throw error;
      }
    }
    return true;
  });
}

/**
 * Python's `isinstance(ref, cls)`, both on the same connection: INSTANCECHECK, unless the class is the very one.
 * @param cls a reference to a class of the peer
 */
export function isinstance(ref: Ref, cls: Ref): Answer<boolean> {
  return perform(ref, function* (holder) {
    const type = yield* resolve(cls);
    if (type.peer === holder.peer && type.isClass && type.cls === holder.cls && !holder.isClass) return true;
    return Boolean(yield* ask(type, H.HANDLE_INSTANCECHECK, new IdPackOf(holder)));
  });
}

/**
 * All items of a remote iterable as an Array, in one round trip: Python's `list(ref)`, here. Items that are objects come as
 * references; {@link value} copies those as well. The iterable must end: all its items travel in one frame (`maxFrame`).
 */
export function toArray(ref: Ref): Answer<unknown[]> {
  return perform(ref, function* (holder) {
    return [...(yield* askItems(holder, EVERYTHING))];
  });
}

/**
 * RPyC's `buffiter`: iterates with read-ahead. What is read ahead and not used is lost to the remote iterator.
 * Use with `for…of` on a blocking reference, `for await` on an awaitable one. Lists, dicts, sets and ranges are read ahead without it.
 *
 *     for await (const row of rpyc.buffiter(await conn.root.rows(), { chunk: 100 })) console.log(row);
 *
 * Answers to `buffiter` in rpyc/utils/helpers.py.
 * @throws {TypeError} ERR_RPYC_NOT_NETREF for what is no reference; {RangeError} for a chunk size below 1, or a factor
 */
export function buffiter(ref: Ref, buffering: Partial<Buffering> = {}): Iterable<unknown> & AsyncIterable<unknown> {
  const holder = holderOf(ref);
  if (holder === undefined) throw notNetref(ref);
  const options = optionsOf(ref);
  const how = { ...DEFAULT_BUFFERING, ...buffering };
  if (!(how.chunk >= 1 && how.maxChunk >= how.chunk && how.factor >= 1))
    throw new RangeError(`buffiter needs 1 <= chunk <= maxChunk and factor >= 1, not ${JSON.stringify(how)}`);
  return {
    [Symbol.iterator]: () => iterate(holder, options, how).sync(),
    [Symbol.asyncIterator]: () => iterate(holder, options, how).async(),
  };
}

/**
 * Gives one acquisition of a reference back; the last one frees the remote object now instead of at the next collection. `using ref = …` does
 * it at the end of the block. A reference arrives once for every answer that holds it; using a released one throws ERR_RPYC_RELEASED.
 * @throws {TypeError} ERR_RPYC_NOT_NETREF for what is no reference
 */
export function release(ref: Ref): void {
  const holder = holderOf(ref);
  if (holder === undefined) throw notNetref(ref);
  holder.peer.release(holder);
}

/**
 * The same remote object (or path, or method) seen through call options: what is read, called and iterated through the view, and every
 * helper applied to it, ends its wait by them. What it returns is seen without them. The remote work goes on; an answer that comes too
 * late is unboxed, and its references are given back.
 *
 *     const patient = rpyc.withOptions(conn.root, { timeout: 120 });
 *     await rpyc.withOptions(conn.root.search, { signal: controller.signal })('needle');
 *
 * Answers to RPyC's `timed` and `sync_request_timeout`, per call.
 * @throws {TimeoutError} (of the operation) ERR_RPYC_TIMEOUT; {unknown} (of the operation) `signal.reason`, an AbortError by default
 * @throws {RangeError} for a timeout that is no number of seconds
 */
export function withOptions<R extends Ref>(ref: R, options: CallOptions): R {
  const view = makeView(ref, faceOf(ref), checkOptions(options));
  if (view === undefined) throw notNetref(ref);
  return view as R;
}

/** Do two references, of whatever face, stand for the same remote object? Python's `is`. Asks nobody. */
export function same(a: unknown, b: unknown): boolean {
  const holder = holderOf(a);
  return holder === undefined ? a === b : holder === holderOf(b);
}

/** Is this a reference to a remote object (of either face)? False for a path that was not awaited. Asks nobody. */
export const isRemote = (value: unknown): boolean => holderOf(value) !== undefined;

function inFace(ref: Ref, face: Face): Ref {
  const pending = pendingOf(ref);
  const view = makeView(pending === undefined ? ref : pending.fetchSync(), face, optionsOf(ref));
  if (view === undefined) throw notNetref(ref);
  return view;
}

/**
 * The peer's service, typed: `rootAs<Calculator>(conn).add(1, 2)` is a promise of a number, of a blocking connection the number itself.
 * The type is a promise of yours: nothing is asked or checked. `const root: Netref<Calculator> = conn.root` does the same.
 */
export function rootAs<T>(conn: Connection): Netref<T>;
export function rootAs<T>(conn: SyncConnection): SyncNetref<T>;
export function rootAs(conn: Connection | SyncConnection): Ref {
  return conn.root;
}

/**
 * The blocking face of a reference: `rpyc.sync(ref).name` waits. A path is fetched first, blocking.
 * @throws {TypeError} ERR_RPYC_NOT_NETREF for what is no reference
 */
export function sync(ref: Ref): Ref {
  return inFace(ref, 'sync');
}

/**
 * The awaitable face of a reference: `await rpyc.awaitable(ref).name`.
 * @throws {TypeError} ERR_RPYC_NOT_NETREF for what is no reference
 */
export function awaitable(ref: Ref): Ref {
  return inFace(ref, 'async');
}
