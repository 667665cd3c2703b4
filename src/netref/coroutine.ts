// Remote coroutines: what an `async def` of a Python service returns. RPyC has no handler for them (its issue 506): a stock server hands
// out a reference to the coroutine object, which somebody has to run over there. `send(None)` from here would run it, but its result
// would be lost: RPyC sends a StopIteration as a bare number (vinegar.dump). So `asyncio.run` of the peer runs it.

import { HANDLE_GETATTR } from '../constants.ts';
import { exceptions } from '../python/exceptions.ts';
import { type Holder, holderOf, type Peer } from '../refs/holder.ts';
import { misused } from './handler.ts';
import { type Answer, perform, type Ref, resolve } from './helpers.ts';
import { ask, askCall, type Steps } from './steps.ts';

const COROUTINE = 'builtins.coroutine';

/** `asyncio.run` of each peer that let us have it. */
const runners = new WeakMap<Peer, Holder>();

/** One step towards `asyncio.run`; the object stepped from has served then. */
function* step(from: Holder | undefined, next: (from: Holder) => Steps<unknown>): Steps<Holder | undefined> {
  if (from === undefined) return undefined;
  try {
    return holderOf(yield* next(from));
  } finally {
    from.peer.release(from);
  }
}

function* runnerOf(coroutine: Holder): Steps<Holder> {
  const known = runners.get(coroutine.peer);
  if (known !== undefined && !known.released) return known;
  try {
    const attribute = (name: string) => (from: Holder) => ask(from, HANDLE_GETATTR, name);
    const frame = holderOf(yield* ask(coroutine, HANDLE_GETATTR, 'cr_frame'));
    if (frame === undefined) throw new exceptions.RuntimeError('cannot reuse already awaited coroutine');
    const builtins = yield* step(frame, attribute('f_builtins'));
    const load = yield* step(builtins, (from) => askCall(from, '__getitem__', ['__import__']));
    const asyncio = yield* step(load, (from) => askCall(from, undefined, ['asyncio']));
    const run = yield* step(asyncio, attribute('run'));
    if (run === undefined) throw new exceptions.AttributeError('run');
    runners.set(coroutine.peer, run);
    return run;
  } catch (cause) {
    if (!(cause instanceof exceptions.AttributeError)) throw cause;
    throw Object.assign(
      misused(
        'the peer does not let us run its coroutine (its policy hides cr_frame): let the service expose `run = asyncio.run`, and pass it: coroutine(ref, conn.root.run)',
      ),
      { cause },
    );
  }
}

/**
 * Runs a remote coroutine to its end in a new event loop of the peer's (`asyncio.run`, in the thread that serves us), and returns its result:
 *
 *     const answer = await rpyc.coroutine(await conn.root.fetch('x'));   // `async def exposed_fetch` of a stock Python service
 *
 * Without `run`, the peer's `asyncio.run` is found through the coroutine's own frame, which takes a peer that allows public attributes
 * (`allow_public_attrs`, or classic mode): five round trips once per connection, then one per call. With any other configuration pass a
 * remote callable that runs coroutines: `conn.modules.asyncio.run`, or one that the service exposes.
 * It cannot run where the serving thread has a running event loop of its own.
 * Answers to RPyC issue 506; RPyC itself has nothing like it.
 * @throws what the coroutine raises; {TypeError} ERR_RPYC_OPERATION for anything but a coroutine, and where the peer does not let us run it
 */
export function coroutine(ref: Ref, run?: Ref): Answer<Ref> {
  return perform(ref, function* (holder) {
    if (run !== undefined) return yield* askCall(yield* resolve(run), undefined, [holder.peer.proxyOf(holder)]);
    if (holder.cls.name !== COROUTINE) throw misused(`${holder.cls.name} is no coroutine`);
    return yield* askCall(yield* runnerOf(holder), undefined, [holder.peer.proxyOf(holder)]);
  });
}
