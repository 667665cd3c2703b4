// In which async context (AsyncLocalStorage) a function that we passed to the peer runs: in that of the awaited call which passed it, until
// that call is answered. Where several calls wait that passed the same function, nobody can tell which of them the peer works for: it
// runs in none, never in another caller's. (A blocking call needs nothing: its callbacks run on its own stack.)
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Entry } from '../boxing/exports.ts';
import type { Face } from '../refs/face.ts';
import type { Pending } from '../refs/waiter.ts';

/** The pending side of a call that passed functions: with its answer, their stay in its context ends. */
export class PassingPending implements Pending {
  readonly face: Face;
  private readonly pending: Pending;
  private functions: readonly Entry[];

  constructor(pending: Pending, functions: readonly Entry[]) {
    this.face = pending.face;
    this.pending = pending;
    this.functions = functions;
  }

  resolve(value: unknown): void {
    this.end();
    this.pending.resolve(value);
  }

  reject(error: unknown): void {
    this.end();
    this.pending.reject(error);
  }

  /** The call is over for its functions. */
  end(): void {
    for (const entry of this.functions) if (--entry.passing === 0) entry.within = undefined;
    this.functions = [];
  }
}

/**
 * Lets the functions among `lent`, which the call just written lends to the peer, run in the present context.
 * @returns who is to be told the answer instead of `pending`
 */
export function keepContext(pending: Pending, lent: readonly Entry[]): Pending {
  const functions = lent.filter(({ object, kind }) => typeof object === 'function' && !kind.isClass);
  if (functions.length === 0) return pending;
  const here = AsyncLocalStorage.snapshot();
  for (const entry of functions) {
    if (entry.passing++ === 0) entry.within = here;
    else if (entry.within !== here) entry.within = undefined;
  }
  return new PassingPending(pending, functions);
}
