// Items of an iterator or async iterator, many in one reply. Answers to _handle_buffiter of rpyc/core/protocol.py.
import { exceptions } from '../python/exceptions.ts';
import { isThenable } from './pythonic.ts';

export type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>;

/** Up to `wanted` items as a tuple: now, or later for what iterates asynchronously. */
export function take(iterator: AnyIterator, wanted: number): unknown {
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
