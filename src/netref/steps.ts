// One definition of an operation for both faces: a generator yields the requests it needs, a driver answers them blocking or awaiting.
import type { Kwargs } from '../python/values.ts';
import type { Face } from '../refs/face.ts';
import { type Holder, holderOf, type Peer } from '../refs/holder.ts';
import type { Limits } from '../refs/limits.ts';
import type { PendingRef } from '../refs/pending-ref.ts';
import { Waiter } from '../refs/waiter.ts';
import { misused } from './handler.ts';
import { type CallOptions, limitsOf } from './options.ts';

/** One request to the peer. */
export type Single =
  | { readonly kind: 'request'; readonly peer: Peer; readonly handler: number; readonly args: readonly unknown[] }
  | {
      readonly kind: 'call';
      readonly holder: Holder;
      readonly name: string | undefined;
      readonly args: readonly unknown[];
      readonly named: Kwargs | undefined;
    };

/** What an operation needs answered. `many` is answered by an {@link Answered} for each, when all have been. */
export type Ask =
  | Single
  | { readonly kind: 'fetch'; readonly what: PendingRef }
  | { readonly kind: 'settle'; readonly value: unknown }
  | { readonly kind: 'many'; readonly asks: readonly Single[] };

/** The outcome of one request of many. */
export interface Answered {
  /** @throws what the remote code raised */
  result(): unknown;
}

/** An operation: asks, is answered (or thrown at), and returns. */
export type Steps<T> = Generator<Ask, T, unknown>;

/** Asks for one request's answer. A Holder among `args` stands for the remote object. */
export function* ask(holder: Holder, handler: number, ...args: unknown[]): Steps<unknown> {
  return yield { kind: 'request', peer: holder.peer, handler, args: [holder, ...args] };
}

/** Asks for a call of an attribute, or of the object itself. */
export function* askCall(
  holder: Holder,
  name: string | undefined,
  args: readonly unknown[] = [],
  named?: Kwargs,
): Steps<unknown> {
  return yield { kind: 'call', holder, name, args, named };
}

/** Asks for the object behind a path or stub. */
export function* askFetch(what: PendingRef): Steps<unknown> {
  return yield { kind: 'fetch', what };
}

/** What local code returned: the awaitable face awaits it, the blocking one takes it as it is. */
export function* settle(value: unknown): Steps<unknown> {
  return yield { kind: 'settle', value };
}

/** Asks for the answers of requests that are all sent before the first is waited for. */
export function* askMany(asks: readonly Single[]): Steps<readonly Answered[]> {
  return (yield { kind: 'many', asks }) as readonly Answered[];
}

const peerOf = (step: Single): Peer => (step.kind === 'request' ? step.peer : step.holder.peer);

function sendFor(waiter: Waiter, step: Single): () => void {
  const peer = peerOf(step);
  const seq =
    step.kind === 'request'
      ? peer.askFor(waiter, step.handler, step.args)
      : peer.callFor(waiter, step.holder, step.name, step.args, step.named);
  return () => peer.forget(seq);
}

function manySync(asks: readonly Single[], face: Face, limits: Limits | undefined): readonly Answered[] {
  const waiters = asks.map(() => new Waiter(face));
  const forget: (() => void)[] = [];
  try {
    for (const [i, step] of asks.entries()) {
      limits?.check();
      forget.push(sendFor(waiters[i], step));
    }
    for (const [i, step] of asks.entries()) {
      if (!waiters[i].done) peerOf(step).waitUntil(waiters[i], limits?.remaining);
    }
  } catch (error) {
    for (const stop of forget) stop();
    throw error;
  }
  return waiters;
}

function manyLater(asks: readonly Single[], face: Face, limits: Limits | undefined): Promise<readonly Answered[]> {
  return Promise.all(
    asks.map(async (step) => {
      const waiter = new Waiter(face);
      try {
        waiter.resolve(await answerLater(step, face, limits));
      } catch (error) {
        waiter.reject(error);
      }
      return waiter;
    }),
  );
}

/** Drops a reference that has served as soon as it has: the intermediate object of a chain, a value that was only looked for. */
export function giveBack(value: unknown): void {
  const holder = holderOf(value);
  if (holder !== undefined) holder.peer.release(holder);
}

function answerSync(step: Ask, face: Face, limits: Limits | undefined): unknown {
  if (step.kind === 'request') return step.peer.askSync(face, step.handler, step.args, limits);
  if (step.kind === 'call')
    return step.holder.peer.callSync(step.holder, step.name, step.args, step.named, face, limits);
  if (step.kind === 'fetch') return step.what.fetchSync();
  if (step.kind === 'many') return manySync(step.asks, face, limits);
  if (typeof (step.value as { then?: unknown } | null | undefined)?.then !== 'function') return step.value;
  Promise.resolve(step.value).catch(() => undefined);
  throw misused(
    'a blocking reference cannot wait for a promise: use the awaitable one, or a function that is not async',
  );
}

function answerLater(step: Ask, face: Face, limits: Limits | undefined): unknown {
  if (step.kind === 'request') return step.peer.ask(face, step.handler, step.args, limits);
  if (step.kind === 'call') return step.holder.peer.call(step.holder, step.name, step.args, step.named, face, limits);
  if (step.kind === 'many') return manyLater(step.asks, face, limits);
  if (step.kind === 'settle') return step.value;
  return limits === undefined ? step.what.fetch() : withinLimits(step.what.fetch(), limits);
}

/** What a path or the promise of a call stands for has limits of its own, or none. */
function withinLimits(coming: Promise<unknown>, limits: Limits): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const stop = limits.watch(reject);
    coming.then(resolve, reject).finally(stop);
  });
}

/** Runs an operation to its end, blocking. */
export function runSync<T>(steps: Steps<T>, face: Face = 'sync', options?: CallOptions): T {
  const limits = limitsOf(options);
  let step = steps.next();
  while (step.done !== true) {
    let answer: unknown;
    try {
      answer = answerSync(step.value, face, limits);
    } catch (error) {
      step = steps.throw(error);
      continue;
    }
    step = steps.next(answer);
  }
  return step.value;
}

/** Runs an operation to its end, awaiting. The first request is sent before this returns. */
export async function runAsync<T>(steps: Steps<T>, face: Face = 'async', options?: CallOptions): Promise<T> {
  const limits = limitsOf(options);
  let step = steps.next();
  while (step.done !== true) {
    let answer: unknown;
    try {
      answer = await answerLater(step.value, face, limits);
    } catch (error) {
      step = steps.throw(error);
      continue;
    }
    step = steps.next(answer);
  }
  return step.value;
}
