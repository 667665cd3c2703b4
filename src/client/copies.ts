// Remote objects by value and local ones there: through pickles that hold plain data only (python/pickle.ts).
// Answers to obtain and deliver in rpyc/utils/classic.py; there a pickle may execute anything, here nothing.

import * as H from '../constants.ts';
import { type Answer, isRemote, perform, type Ref } from '../netref/helpers.ts';
import { ask } from '../netref/steps.ts';
import { dumps, loads, type ReadOptions, type WriteOptions } from '../python/pickle.ts';
import { pendingOf } from '../refs/pending-ref.ts';
import type { AnyClassic, ClassicConnection, SyncClassicConnection } from '../service/master.ts';

/** Known to every Python since 3.4; brings bytes and sets without detours. */
const PROTOCOL = 4;

/**
 * RPyC's `obtain`: a copy of a remote object, made there by pickle and read here as plain data. Dicts come as Map (or as objects, with
 * `dicts: 'object'`), lists as Array, tuples as frozen Array, sets, datetimes, Decimal, bytes, numpy arrays as typed arrays with a `shape`.
 * The peer must allow it (`allow_pickle`), as slaves do. What is no reference is returned as it is.
 * @throws {UnpicklingError} where the object is not plain data: `refused: mymodule.MyClass`
 */
export function obtain(ref: Ref, options: ReadOptions = {}): Answer<Ref> {
  if (!isRemote(ref) && pendingOf(ref) === undefined) return ref;
  return perform(ref, function* (holder) {
    const pickle = yield* ask(holder, H.HANDLE_PICKLE, PROTOCOL);
    if (!(pickle instanceof Uint8Array))
      throw new TypeError('the peer answered PICKLE with something that is not bytes');
    return loads(pickle, options);
  });
}

/**
 * RPyC's `deliver`: makes a local value there, and returns the reference to it. Arrays become lists, plain objects and Maps dicts, Dates aware
 * datetimes; see `rpyc.dumps`. Typed arrays become numpy arrays with `numpy: true`, or when they have a shape (`rpyc.ndarray(…)`).
 * @throws {TypeError} for what is not plain data
 */
export function deliver(conn: ClassicConnection, value: unknown, options?: WriteOptions): Promise<Ref>;
export function deliver(conn: SyncClassicConnection, value: unknown, options?: WriteOptions): Ref;
export function deliver(conn: AnyClassic, value: unknown, options: WriteOptions = {}): Ref {
  return conn.modules['rpyc.lib.compat'].pickle.loads(dumps(value, options));
}
