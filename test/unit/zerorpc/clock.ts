// A clock that stands still until it is told to go on.
import type { Clock } from '../../../src/zerorpc/heartbeat.ts';

export class StoppedClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ at: number; callback: () => void }>();

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** How many callbacks are still to come. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets time pass until then, and everything happen that is due. */
  async goTo(time: number): Promise<void> {
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= time).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.callback();
      await settled();
    }
    this.#now = Math.max(this.#now, time);
  }
}

/** Resolves when every promise that can go on by itself has done so. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
