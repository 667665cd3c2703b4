// One definition of a longer job for both faces: a generator yields what it needs, which is a promise on an awaitable connection and the
// value itself on a blocking one. Also: several calls in flight, in either face.

import type { Ref } from '../netref/helpers.ts';
import type { Face } from '../refs/face.ts';
import { holderOf } from '../refs/holder.ts';
import { Waiter } from '../refs/waiter.ts';

/** A job. What it yields comes back settled. */
// biome-ignore lint/suspicious/noExplicitAny: a step gives back whatever was yielded
export type Moves<T> = Generator<unknown, T, any>;

/** Runs a job in a face: the result, or a promise of it. */
export function drive<T>(face: Face, moves: Moves<T>): T | Promise<T> {
  return face === 'sync' ? driveSync(moves) : driveAsync(moves);
}

function driveSync<T>(moves: Moves<T>): T {
  let step = moves.next();
  while (step.done !== true) step = moves.next(step.value);
  return step.value;
}

async function driveAsync<T>(moves: Moves<T>): Promise<T> {
  let step = moves.next();
  while (step.done !== true) {
    let value: unknown;
    try {
      value = await step.value;
    } catch (error) {
      step = moves.throw(error);
      continue;
    }
    step = moves.next(value);
  }
  return step.value;
}

/** A call that was sent: `result` waits for its answer, blocking or as a promise. */
export interface Sent {
  result(): unknown;
}

/** Sends a call of a method without waiting. @throws where it cannot be sent */
export function send(face: Face, ref: Ref, method: string, ...args: unknown[]): Sent {
  const holder = holderOf(ref);
  if (holder === undefined) throw new TypeError('a remote object is needed here');
  const { peer } = holder;
  if (face === 'async') {
    const promise = peer.call(holder, method, args, undefined, 'async');
    // It is asked for later; until then a failure is nobody's.
    promise.catch(() => undefined);
    return { result: () => promise };
  }
  const waiter = new Waiter('sync');
  peer.callFor(waiter, holder, method, args, undefined);
  return {
    result: () => {
      peer.waitUntil(waiter);
      return waiter.result();
    },
  };
}
