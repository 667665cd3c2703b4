// Requests of the peer: the HANDLE_* table, from record to reply. Owns no state; whether an attribute may be touched is access.ts.
// Answers to Connection._dispatch_request and the _handle_* methods of rpyc/core/protocol.py.
import { AsyncLocalStorage } from 'node:async_hooks';
import { type BoxingSide, kwargsFromPairs, readKwargs, readTuple, startReading } from '../boxing/boxing.ts';
import type { Entry } from '../boxing/exports.ts';
import * as H from '../constants.ts';
import { nameOf } from '../native/engine.ts';
import type { Arena } from '../native/tape.ts';
import { isClass } from '../objects/classes.ts';
import { makesCode } from '../objects/forbidden.ts';
import { compare, hashOf, reprOf, strOf } from '../objects/operations.ts';
import { type Access, attributeName } from '../policy/access.ts';
import type { Config } from '../policy/config.ts';
import { exceptions } from '../python/exceptions.ts';
import { dumps } from '../python/pickle.ts';
import { type Kwargs, Slice } from '../python/values.ts';
import { type Face, holderOf } from '../refs/holder.ts';
import { dropped, forward, forwardCall, forwardInspect, forwardInstanceCheck } from './chain.ts';
import { type ServedCall, servedCalls } from './observe.ts';

/** What dispatch needs of a connection. */
export interface ServingSide extends BoxingSide {
  readonly config: Config;
  readonly access: Access;
  readonly bound: boolean;
  readonly localRoot: { readonly object: object; readonly face: Face };
  /** Settles when GETROOT may be answered; undefined: it may. */
  readonly connecting: Promise<void> | undefined;
  closeForPeer(): void;
  reply(seq: number, value: unknown): void;
  replyException(seq: number, thrown: unknown): void;
  /** An async handler was called while the thread is inside a blocking wait. False: refuse it. */
  deferAnswer(seq: number, name: string): boolean;
  answered(seq: number): void;
  /** Is this thread inside a blocking wait? */
  readonly blocked: boolean;
}

/** Which request of which peer the current code serves: bind_threads peers want nested requests marked with it. */
const serving = new AsyncLocalStorage<{ side: ServingSide; seq: number }>();

/** seq + 1 of the peer's request that we are serving on this connection, 0 outside of one. */
export function nestedIn(side: ServingSide): number {
  const current = serving.getStore();
  return current !== undefined && current.side === side ? current.seq + 1 : 0;
}

/** Serves one REQUEST record. Never throws. */
export function dispatch(side: ServingSide, arena: Arena, at: number, seq: number): void {
  if (side.bound) serving.run({ side, seq }, serve, side, arena, at, seq);
  else serve(side, arena, at, seq);
}

function serve(side: ServingSide, arena: Arena, at: number, seq: number): void {
  const { words } = arena;
  const handler = words[at + 3];
  const started = servedCalls.hasSubscribers ? performance.now() : 0;
  let what = H.HANDLER_NAMES[handler] ?? 'request';
  try {
    let result: unknown;
    if (handler === H.HANDLE_CALLATTR && words[at + 5] > 0) {
      what = nameOf(words[at + 5]);
      startReading(arena, words[at + 7], side, side.localRoot.face);
      const args = readTuple();
      const named = words[words[at + 6] + 1] > 3 ? readKwargs() : undefined;
      result = callAttribute(side, entryOf(side, words[at + 4]), what, args, named);
    } else if (handler === H.HANDLE_CLOSE) {
      side.closeForPeer();
      return;
    } else {
      startReading(arena, words[at + 6], side, side.localRoot.face);
      const args = readTuple();
      if (handler === H.HANDLE_CALL) what = calleeName(side, words[at + 4]) ?? what;
      result = handle(side, handler, args, words[at + 4]);
    }
    if (isThenable(result)) answerLater(side, seq, result, what, started);
    else {
      side.reply(seq, result);
      if (started !== 0) publish(what, started, false);
    }
  } catch (thrown) {
    answerThrown(side, seq, thrown, what, started);
  }
}

function handle(side: ServingSide, handler: number, args: unknown[], id: number): unknown {
  const upstream = id === 0 ? undefined : side.exports.get(id)?.kind.upstream;
  if (upstream !== undefined && !OURS.has(handler)) return forward(side, upstream, handler, args);
  const handling = HANDLERS[handler];
  if (handling === undefined) throw new exceptions.KeyError(handler);
  return handling(side, args, id);
}

/** What is not forwarded for a reference of another connection: bookkeeping of ours, and the instance check. */
const OURS: ReadonlySet<number> = new Set([H.HANDLE_PING, H.HANDLE_DEL, H.HANDLE_INSPECT, H.HANDLE_INSTANCECHECK]);

/** What a called function is known as, for messages. */
function calleeName(side: ServingSide, id: number): string | undefined {
  const callee = side.exports.get(id)?.object;
  return typeof callee === 'function' && typeof callee.name === 'string' && callee.name !== ''
    ? callee.name
    : undefined;
}

function publish(name: string, started: number, failed: boolean): void {
  servedCalls.publish({ name, duration: performance.now() - started, failed } satisfies ServedCall);
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
  typeof (value as { then?: unknown }).then === 'function';

function answerLater(
  side: ServingSide,
  seq: number,
  result: PromiseLike<unknown>,
  what: string,
  started: number,
): void {
  const blocked = side.blocked;
  if (blocked && !side.deferAnswer(seq, what)) {
    Promise.resolve(result).catch(() => undefined);
    side.replyException(seq, new exceptions.RuntimeError(`async handler '${what}' while the JS thread is blocked`));
    return;
  }
  Promise.resolve(result).then(
    (value) => {
      side.answered(seq);
      side.reply(seq, value);
      if (started !== 0) publish(what, started, false);
    },
    (thrown: unknown) => {
      side.answered(seq);
      answerThrown(side, seq, thrown, what, started);
    },
  );
}

function answerThrown(side: ServingSide, seq: number, thrown: unknown, what: string, started: number): void {
  try {
    report(side.config, thrown, what);
  } catch {
    // What was thrown cannot even be shown, or the logger failed: the peer still waits for its answer.
  }
  side.replyException(seq, thrown);
  if (started !== 0) publish(what, started, true);
}

function report({ logger, connid, log_exceptions }: Config, thrown: unknown, what: string): void {
  if (logger === null || !log_exceptions) return;
  const expected = thrown instanceof exceptions.AttributeError || thrown instanceof exceptions.StopIteration;
  if (expected) logger.debug(`${connid}: ${what}: ${String(thrown)}`);
  else logger.error(`${connid}: ${what} failed:`, thrown);
}

function entryOf(side: ServingSide, id: number): Entry {
  const entry = side.exports.get(id);
  if (entry === undefined) throw new exceptions.KeyError(id);
  return entry;
}

/** The exported object that a handler works on. */
function subject(side: ServingSide, args: readonly unknown[], id: number): Entry {
  if (id === 0)
    throw new exceptions.TypeError(
      `the first argument is not a reference to an object of this side: ${typeof args[0]}`,
    );
  return entryOf(side, id);
}

/** CALLATTR, with the resolved method remembered as long as the property still holds it. */
function callAttribute(
  side: ServingSide,
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

type Handler = (side: ServingSide, args: unknown[], id: number) => unknown;

const HANDLERS: Readonly<Record<number, Handler>> = {
  [H.HANDLE_PING]: (_side, [data]) => data,
  [H.HANDLE_GETROOT]: (side) =>
    side.connecting === undefined ? side.localRoot.object : side.connecting.then(() => side.localRoot.object),
  [H.HANDLE_GETATTR]: (side, args, id) => side.access.getattr(subject(side, args, id).object, attributeName(args[1])),
  [H.HANDLE_DELATTR]: (side, args, id) => side.access.delattr(subject(side, args, id).object, attributeName(args[1])),
  [H.HANDLE_SETATTR]: (side, args, id) =>
    side.access.setattr(subject(side, args, id).object, attributeName(args[1]), args[2]),
  [H.HANDLE_CALL]: (side, args, id) => {
    const { object } = subject(side, args, id);
    return invoke(side.access.callee(object), undefined, list(args[1], 'args'), kwargsOf(args[2]));
  },
  // Reached where the name is too long or odd to be interned, or comes as bytes.
  [H.HANDLE_CALLATTR]: (side, args, id) =>
    callAttribute(side, subject(side, args, id), attributeName(args[1]), list(args[2], 'args'), kwargsOf(args[3])),
  [H.HANDLE_REPR]: (side, args, id) => reprOf(subject(side, args, id)),
  [H.HANDLE_STR]: (side, args, id) => strOf(subject(side, args, id)),
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
    if (entry?.kind.upstream !== undefined && entry.count <= 0) dropped(side.exports, entry.object);
    return null;
  },
  [H.HANDLE_INSPECT]: (side, [idPack]) => {
    const object = byIdPack(side, idPack);
    const upstream = holderOf(object);
    if (upstream !== undefined) return forwardInspect(side, upstream);
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
    if (upstream !== undefined) return forwardInstanceCheck(side, upstream, other);
    return typeof object === 'function' && Object.prototype.isPrototypeOf.call(object.prototype ?? {}, other);
  },
};

/** An object of ours by an id_pack that came as a plain tuple. */
function byIdPack(side: ServingSide, idPack: unknown): object {
  const [, classId, instanceId] = list(idPack, 'id_pack');
  const id = Number(instanceId) || Number(classId);
  const object = side.exports.get(id)?.object ?? side.exports.classOf(id);
  if (object === undefined) throw new exceptions.KeyError(idPack);
  return object;
}

/** Items of an iterator per BUFFITER at most: a peer may ask for 2^31 of an endless one, and fewer is legal. */
const MAX_BUFFERED = 65_536;

function buffered(side: ServingSide, entry: Entry, wanted: number): unknown {
  const { object, kind } = entry;
  if ('__next__' in kind.facade) {
    side.access.getattr(object, '__next__');
    return take(object as AnyIterator, Math.min(wanted, MAX_BUFFERED));
  }
  return take(invoke(side.access.getattr(object, '__iter__'), undefined, [], undefined) as AnyIterator, wanted);
}

type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>;

function take(iterator: AnyIterator, wanted: number): unknown {
  const items: unknown[] = [];
  while (items.length < wanted) {
    const step = iterator.next();
    if (isThenable(step))
      return takeLater(iterator as AsyncIterator<unknown>, step as Promise<IteratorResult<unknown>>, items, wanted);
    if (step.done === true) break;
    keep(items, step.value);
  }
  return Object.freeze(items);
}

/** An endless iterable ends here, not with the memory. An item takes a byte of the reply at least, so more would not fit anyway. */
const MAX_TAKEN = 2 ** 26;

function keep(items: unknown[], item: unknown): void {
  if (items.length === MAX_TAKEN) throw new exceptions.MemoryError(`more than ${MAX_TAKEN} items in one reply`);
  items.push(item);
}

async function takeLater(
  iterator: AsyncIterator<unknown>,
  first: Promise<IteratorResult<unknown>>,
  items: unknown[],
  wanted: number,
): Promise<unknown> {
  for (let step = await first; step.done !== true; step = await iterator.next()) {
    keep(items, step.value);
    if (items.length >= wanted) break;
  }
  return Object.freeze(items);
}
