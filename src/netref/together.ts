// Operations side by side: many requests in flight, as many as a bound allows, in both faces. Knows nothing of what the operations do.
import { askMany, type Single, type Steps } from './steps.ts';

/** Requests in flight at most. */
const IN_FLIGHT = 64;

interface Running {
  readonly steps: Steps<void>;
  readonly asks: Single;
}

/**
 * Runs operations to their end, up to 64 of them side by side; a finished one makes room for the next.
 * Each may ask for single requests only. The first that throws ends all.
 * @param take the next operation; undefined: there is none at the moment (those that run may bring more)
 */
export function* together(take: () => Steps<void> | undefined): Steps<void> {
  let running: Running[] = [];
  const keep = (steps: Steps<void>, step: IteratorResult<unknown, void>, into: Running[]): void => {
    if (step.done !== true) into.push({ steps, asks: step.value as Single });
  };
  for (;;) {
    while (running.length < IN_FLIGHT) {
      const steps = take();
      if (steps === undefined) break;
      keep(steps, steps.next(), running);
    }
    if (running.length === 0) return;
    const answers = yield* askMany(running.map(({ asks }) => asks));
    const still: Running[] = [];
    for (const [i, { steps }] of running.entries()) {
      let answer: unknown;
      try {
        answer = answers[i].result();
      } catch (error) {
        keep(steps, steps.throw(error), still);
        continue;
      }
      keep(steps, steps.next(answer), still);
    }
    running = still;
  }
}
