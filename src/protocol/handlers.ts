// What each request of the peer does: the HANDLE_* table, on our objects. Whether an attribute may be touched is policy/access.ts, how objects
// answer is objects/, and requests on references of another connection go to chain.ts. Owns no state.
// Answers to the _handle_* methods of rpyc/core/protocol.py.
import type { Entry, Exports } from '../boxing/exports.ts';
import { kwargsFromPairs } from '../boxing/reader.ts';
import * as H from '../constants.ts';
import { isClass } from '../objects/classes.ts';
import { makesCode } from '../objects/forbidden.ts';
import { compare, hashOf, reprOf, strOf } from '../objects/operations.ts';
import { type AnyIterator, take } from '../objects/taking.ts';
import { type Access, attributeName } from '../policy/access.ts';
import { exceptions } from '../python/exceptions.ts';
import { dumps } from '../python/pickle.ts';
import { type Kwargs, Slice } from '../python/values.ts';
import type { Face } from '../refs/face.ts';
import { holderOf } from '../refs/holder.ts';
import { dropped, type ForwardingSide, forward, forwardCall, forwardInspect, forwardInstanceCheck } from './chain.ts';
import { isOwnToken } from './meeting.ts';

/** Our side of a connection, as its peer's requests see it. */
export interface Serving extends ForwardingSide {
  readonly access: Access;
  readonly exports: Exports;
  /** What GETROOT returns, and the face of references that enter our handlers. */
  readonly root: { readonly object: object; readonly face: Face };
  /** Settles when GETROOT may be answered; undefined: it may. */
  connected(): Promise<void> | undefined;
  /** The peer is this same thread. */
  metItself(): void;
}

/** Serves any request but CLOSE, by its arguments. `id`: the object of ours that it is about, 0 for none. */
export function handle(side: Serving, handler: number, args: unknown[], id: number): unknown {
  const upstream = id === 0 ? undefined : side.exports.get(id)?.kind.upstream;
  if (upstream !== undefined && !OURS.has(handler)) return forward(side, upstream, handler, args);
  const handling = HANDLERS[handler];
  if (handling === undefined) throw new exceptions.KeyError(handler);
  return handling(side, args, id);
}

/** What is not forwarded for a reference of another connection: bookkeeping of ours, and the instance check. */
const OURS: ReadonlySet<number> = new Set([H.HANDLE_PING, H.HANDLE_DEL, H.HANDLE_INSPECT, H.HANDLE_INSTANCECHECK]);

export function entryOf(side: Serving, id: number): Entry {
  const entry = side.exports.get(id);
  if (entry === undefined) throw new exceptions.KeyError(id);
  return entry;
}

/** The exported object that a handler works on. */
function subject(side: Serving, args: readonly unknown[], id: number): Entry {
  if (id === 0)
    throw new exceptions.TypeError(
      `the first argument is not a reference to an object of this side: ${typeof args[0]}`,
    );
  return entryOf(side, id);
}

/** CALLATTR, with the resolved method remembered as long as the property still holds it. */
export function callAttribute(
  side: Serving,
  entry: Entry,
  name: string,
  args: unknown[],
  named: Kwargs | undefined,
): unknown {
  if (entry.kind.upstream !== undefined) return forwardCall(side, entry.kind.upstream, name, args, named);
  const known = entry.methods?.get(name);
  if (known !== undefined && (entry.object as Record<string, unknown>)[known.key] === known.fn) {
    if (named !== undefined) args.push(named);
    return Reflect.apply(known.fn, entry.object, args);
  }
  const { fn, self, key } = side.access.method(entry.object, name);
  if (key !== undefined) {
    entry.methods ??= new Map();
    if (entry.methods.size < 256) entry.methods.set(name, { key, fn });
  }
  return invoke(fn, self, args, named);
}

function invoke(callee: unknown, self: unknown, args: unknown[], named: Kwargs | undefined): unknown {
  if (named !== undefined) args.push(named);
  if (makesCode(callee)) throw new exceptions.AttributeError("cannot access '__call__'");
  if (typeof callee === 'function')
    return isClass(callee) ? Reflect.construct(callee, args) : Reflect.apply(callee, self, args);
  throw new exceptions.TypeError(`this ${typeof callee} is not callable`);
}

function list(value: unknown, what: string): unknown[] {
  if (Array.isArray(value)) return [...value];
  throw new exceptions.TypeError(`${what} must be a tuple`);
}

function kwargsOf(value: unknown): Kwargs | undefined {
  return value === undefined || (Array.isArray(value) && value.length === 0)
    ? undefined
    : kwargsFromPairs(list(value, 'kwargs'));
}

function count(value: unknown): number {
  const n = Number(value);
  if (!Number.isSafeInteger(n) || n < 0) throw new exceptions.ValueError(`bad count ${String(value)}`);
  return n;
}

type Handler = (side: Serving, args: unknown[], id: number) => unknown;

export const HANDLERS: Readonly<Record<number, Handler>> = {
  [H.HANDLE_PING]: (side, [data]) => {
    if (isOwnToken(data)) side.metItself();
    return data;
  },
  [H.HANDLE_GETROOT]: (side) => side.connected()?.then(() => side.root.object) ?? side.root.object,
  [H.HANDLE_GETATTR]: (side, args, id) => side.access.getattr(subject(side, args, id).object, attributeName(args[1])),
  [H.HANDLE_DELATTR]: (side, args, id) => side.access.delattr(subject(side, args, id).object, attributeName(args[1])),
  [H.HANDLE_SETATTR]: (side, args, id) =>
    side.access.setattr(subject(side, args, id).object, attributeName(args[1]), args[2]),
  [H.HANDLE_CALL]: (side, args, id) => {
    const { object, within } = subject(side, args, id);
    const callee = side.access.callee(object);
    const [given, named] = [list(args[1], 'args'), kwargsOf(args[2])];
    return within === undefined
      ? invoke(callee, undefined, given, named)
      : within(invoke, callee, undefined, given, named);
  },
  // Reached where the name is too long or odd to be interned, or comes as bytes.
  [H.HANDLE_CALLATTR]: (side, args, id) =>
    callAttribute(side, subject(side, args, id), attributeName(args[1]), list(args[2], 'args'), kwargsOf(args[3])),
  [H.HANDLE_REPR]: (side, args, id) => reprOf(subject(side, args, id), side.config.literal_methods),
  [H.HANDLE_STR]: (side, args, id) => strOf(subject(side, args, id), side.config.literal_methods),
  [H.HANDLE_CMP]: (side, args, id) =>
    compare(
      (object, name) => side.access.getattr(object, name),
      subject(side, args, id),
      args[1],
      attributeName(args[2] ?? '__cmp__'),
    ),
  [H.HANDLE_HASH]: (side, args, id) => hashOf(subject(side, args, id)),
  [H.HANDLE_DIR]: (side, args, id) => Object.freeze(side.access.dir(subject(side, args, id).object)),
  [H.HANDLE_PICKLE]: (side, args, id) => {
    if (!side.config.allow_pickle) throw new exceptions.ValueError('pickling is disabled');
    return dumps(subject(side, args, id).object);
  },
  [H.HANDLE_DEL]: (side, args, id) => {
    const entry = side.exports.get(id);
    if (!side.exports.release(id, count(args[1] ?? 1))) throw new exceptions.KeyError(id);
    if (entry?.kind.upstream !== undefined && entry.count <= 0) dropped(side.peer, entry.object);
    return null;
  },
  [H.HANDLE_INSPECT]: (side, [idPack]) => {
    const object = byIdPack(side, idPack);
    const upstream = holderOf(object);
    if (upstream !== undefined) return forwardInspect(upstream);
    return Object.freeze(side.access.methods(object).map((name) => Object.freeze([name, null])));
  },
  [H.HANDLE_BUFFITER]: (side, args, id) => buffered(side, subject(side, args, id), count(args[1])),
  [H.HANDLE_OLDSLICING]: (side, args, id) => {
    const { object } = subject(side, args, id);
    const [, attempt, fallback, start, stop, rest] = args;
    const more = list(rest ?? [], 'args');
    try {
      return invoke(
        side.access.getattr(object, attributeName(attempt)),
        undefined,
        [new Slice(start, stop), ...more],
        undefined,
      );
    } catch {
      return invoke(side.access.getattr(object, attributeName(fallback)), undefined, [start, stop, ...more], undefined);
    }
  },
  [H.HANDLE_CTXEXIT]: (side, args, id) => {
    const { object } = subject(side, args, id);
    const raised = args[1] === null || args[1] === undefined || args[1] === false ? null : args[1];
    return invoke(side.access.getattr(object, '__exit__'), undefined, [raised, null, null], undefined);
  },
  [H.HANDLE_INSTANCECHECK]: (side, args, id) => {
    const { object } = subject(side, args, id);
    const other = byIdPack(side, args[1]);
    const upstream = holderOf(object);
    if (upstream !== undefined) return forwardInstanceCheck(upstream, other);
    return typeof object === 'function' && Object.prototype.isPrototypeOf.call(object.prototype ?? {}, other);
  },
};

/** An object of ours by an id_pack that came as a plain tuple. */
function byIdPack(side: Serving, idPack: unknown): object {
  const [, classId, instanceId] = list(idPack, 'id_pack');
  const id = Number(instanceId) || Number(classId);
  const object = side.exports.objectOf(id);
  if (object === undefined) throw new exceptions.KeyError(idPack);
  return object;
}

/** Items of an iterator per BUFFITER at most: a peer may ask for 2^31 of an endless one, and fewer is legal. */
const MAX_BUFFERED = 65_536;

function buffered(side: Serving, entry: Entry, wanted: number): unknown {
  const { object, kind } = entry;
  if ('__next__' in kind.facade) {
    side.access.getattr(object, '__next__');
    return take(object as AnyIterator, Math.min(wanted, MAX_BUFFERED));
  }
  return take(invoke(side.access.getattr(object, '__iter__'), undefined, [], undefined) as AnyIterator, wanted);
}
