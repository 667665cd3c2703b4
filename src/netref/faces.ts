// Making what users touch: the two faces of a remote object, and views of either through call options.
// Mapping section B. Answers to BaseNetref in rpyc/core/netref.py.
import type { Face } from '../refs/face.ts';
import { type Holder, holderOf } from '../refs/holder.ts';
import { pendingOf } from '../refs/pending-ref.ts';
import { AwaitableNetref } from './awaitable.ts';
import { BlockingNetref, restub } from './blocking.ts';
import { CALLABLE, OBJECT } from './handler.ts';
import type { CallOptions } from './options.ts';
import { repath } from './path.ts';

export { rootPath } from './path.ts';

/** Builtins of Python that cannot be called: `typeof` says 'object'. */
const NOT_CALLABLE: ReadonlySet<string> = new Set(
  `list dict set frozenset str bytes bytearray int float complex bool tuple range slice generator coroutine module mappingproxy memoryview
NoneType dict_keys dict_values dict_items list_iterator dict_keyiterator set_iterator tuple_iterator range_iterator`
    .split(/\s+/)
    .map((name) => `builtins.${name}`),
);

function faceOf(holder: Holder, face: Face, options: CallOptions | undefined): object {
  const target = NOT_CALLABLE.has(holder.cls.name) && !holder.isClass ? OBJECT : CALLABLE;
  return new Proxy(
    target,
    face === 'async' ? new AwaitableNetref(holder, options) : new BlockingNetref(holder, options),
  );
}

/** The proxy of a holder in one face; the same one every time while it is alive. */
export function makeProxy(holder: Holder, face: Face): object {
  if (face === 'async') {
    holder.asyncProxy ??= faceOf(holder, 'async', undefined);
    return holder.asyncProxy;
  }
  holder.syncProxy ??= faceOf(holder, 'sync', undefined);
  return holder.syncProxy;
}

/** `ref` in `face`, seen through `options`; undefined for what is no reference, path or stub. */
export function makeView(ref: unknown, face: Face, options: CallOptions | undefined): object | undefined {
  const holder = holderOf(ref);
  if (holder !== undefined) return options === undefined ? makeProxy(holder, face) : faceOf(holder, face, options);
  const pending = pendingOf(ref);
  return pending === undefined ? undefined : (repath(pending, options) ?? restub(pending, options));
}
