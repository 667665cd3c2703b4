// The items of a remote dict in as few requests as the peer's policy allows: `items()` where it may be called (RPyC's default hides it).
import { exceptions } from '../python/exceptions.ts';
import { type Holder, holderOf } from '../refs/holder.ts';
import { askItems } from './iteration.ts';
import { askCall, giveBack, type Steps } from './steps.ts';

/** Items asked for when all are wanted. */
export const EVERYTHING = 2 ** 31 - 1;

/** What `list(dict.items())` is, as it arrived; undefined where the peer hides `items`. */
export function* askPairs(dict: Holder): Steps<{ readonly pairs: unknown } | undefined> {
  let view: unknown;
  try {
    view = yield* askCall(dict, 'items');
  } catch (error) {
    if (error instanceof exceptions.AttributeError) return undefined;
    throw error;
  }
  const holder = holderOf(view);
  if (holder === undefined) return { pairs: view };
  try {
    return { pairs: yield* askItems(holder, EVERYTHING) };
  } finally {
    giveBack(view);
  }
}

/** Is it a key and an item? */
export const isPair = (given: unknown): given is readonly [unknown, unknown] =>
  Array.isArray(given) && given.length === 2;
