// Calls without an answer, and RPyC's background server for ported code. Answers to BgServingThread in rpyc/utils/helpers.py;
// `oneway` is Pyro's word for what RPyC users write as an async_ whose result they drop.

import type { Connection, SyncConnection } from '../protocol/connection.ts';
import { PythonError } from '../python/exceptions.ts';
import { splitKwargs } from '../python/values.ts';
import { type Holder, holderOf } from '../refs/holder.ts';
import { pendingOf } from '../refs/pending-ref.ts';
import { isSimple, resolveArgs, resolveNamed } from './calls.ts';
import { makeView } from './faces.ts';
import { misused } from './handler.ts';
import { faceOf, notNetref, type Ref } from './helpers.ts';

import { directCall, originOf } from './path.ts';
import { giveBack, runSync } from './steps.ts';

/**
 * A callable that sends the call and forgets it: what is answered is given back at once, and an exception goes to the `logger` of the
 * connection's config, as an error, and nowhere else.
 * For peers that may be busy or not serving: `oneway(callback)(event)` never waits, on either face.
 * A path that has to be fetched first (`root.a.b`) is fetched; what fails then is treated the same.
 * @throws (the callable) where the call cannot be sent: {EOFError} for a closed connection, errors of arguments
 * @throws {TypeError} ERR_RPYC_NOT_NETREF for what is no remote callable
 */
export function oneway(callable: Ref): (...args: unknown[]) => void {
  const face = faceOf(callable);
  const pending = pendingOf(callable);
  const holder = holderOf(pending !== undefined && face === 'sync' ? pending.fetchSync() : callable);
  if (holder !== undefined)
    return (...args) => {
      if (face === 'async' && !isSimple(args))
        ignore(Reflect.apply(callable, undefined, args), async () => holder, `a ${holder.cls.name}`);
      else {
        const [positional, named] = splitKwargs(args);
        holder.peer.callOneway(holder, undefined, runSync(resolveArgs(positional)), runSync(resolveNamed(named)));
      }
    };
  if (pending === undefined || face === 'sync') throw notNetref(callable);
  const direct = directCall(pending);
  const later = typeof callable === 'function' ? callable : makeView(callable, face, undefined);
  return (...args) => {
    if (direct !== undefined && isSimple(args))
      direct.holder.peer.callOneway(direct.holder, direct.name, args, undefined);
    else ignore(Reflect.apply(later, undefined, args), () => originOf(pending), String(later));
  };
}

/** Gives back what is answered, and tells the logger what the peer raised: nobody else will hear of it. */
function ignore(answer: Promise<unknown>, origin: () => Promise<Holder | undefined>, name: string): void {
  answer.then(giveBack, async (error: unknown) => {
    if (error instanceof PythonError) (await origin())?.peer.unheard(name, error);
  });
}

/**
 * RPyC's BgServingThread, for ported code: the event loop serves every connection by itself, so there is nothing to start. Its `stop()`
 * must be called once, as in RPyC, and the connection is served on regardless.
 * While this thread is inside a blocking call of *another* connection, nothing is served, with or without it.
 */
export class BgServingThread {
  private active = true;
  private readonly conn: Connection;
  private readonly onClose: () => void;

  /**
   * Says that the connection is served, which it is anyway.
   * @param conn either face of a connection
   * @param callback called when the connection ends before `stop()`, as RPyC does when its thread dies
   */
  constructor(conn: Connection | SyncConnection, callback?: () => void) {
    this.conn = 'async' in conn ? conn.async : conn;
    this.onClose = () => {
      this.active = false;
      callback?.();
    };
    this.conn.once('close', this.onClose);
  }

  /** Ends it; the connection stays open, and served. @throws {TypeError} ERR_RPYC_OPERATION when it is stopped already */
  stop(): void {
    if (!this.active) throw misused('this BgServingThread is stopped already');
    this.active = false;
    this.conn.off('close', this.onClose);
  }

  /** `stop()`, unless it is stopped. */
  [Symbol.dispose](): void {
    if (this.active) this.stop();
  }
}
