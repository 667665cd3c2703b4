// In which async context (AsyncLocalStorage) a function that we passed to the peer runs: in that of the awaited call which passed it, until
// that call is answered. Where several calls wait that passed the same function, nobody can tell which of them the peer works for: it
// runs in none, never in another caller's. (A blocking call needs nothing: its callbacks run on its own stack.)
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Entry } from '../boxing/exports.ts';

/**
 * Lets the functions among `lent`, which the call just written lends to the peer, run in the present context.
 * @returns to be called when the call is answered; undefined: there are no functions
 */
export function keepContext(lent: readonly Entry[]): (() => void) | undefined {
  const functions = lent.filter(({ object, kind }) => typeof object === 'function' && !kind.isClass);
  if (functions.length === 0) return undefined;
  const here = AsyncLocalStorage.snapshot();
  for (const entry of functions) {
    if (entry.passing++ === 0) entry.within = here;
    else if (entry.within !== here) entry.within = undefined;
  }
  return () => {
    for (const entry of functions) if (--entry.passing === 0) entry.within = undefined;
  };
}
