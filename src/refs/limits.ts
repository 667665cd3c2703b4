// How long and for whom a caller waits: a deadline and an AbortSignal for one operation. Ends the wait only: the remote work goes on,
// and what it answers later is unboxed and given back. Answers to the timeouts of rpyc/core/async_.py.
import { TimeoutError } from '../errors.ts';

/** Longest delay that a timer of Node can have, ms; further deadlines are never. */
const LONGEST_TIMER = 2 ** 31 - 1;

export class Limits {
  private readonly signal: AbortSignal | undefined;
  /** Seconds, as given; for the message. */
  private readonly timeout: number | undefined;
  /** On the clock of `performance.now()`. */
  private readonly deadline: number;

  /** @param timeout seconds from now */
  constructor(signal: AbortSignal | undefined, timeout: number | undefined) {
    this.signal = signal;
    this.timeout = timeout;
    this.deadline = timeout === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeout * 1000;
  }

  /** Milliseconds left; undefined where there is no deadline. */
  get remaining(): number | undefined {
    return this.timeout === undefined ? undefined : Math.max(0, this.deadline - performance.now());
  }

  private expired(): TimeoutError {
    return new TimeoutError(`result expired: no answer within ${this.timeout} s`);
  }

  /** @throws the signal's reason, or TimeoutError, where nothing needs to be sent any more */
  check(): void {
    this.signal?.throwIfAborted();
    if (this.deadline <= performance.now()) throw this.expired();
  }

  /** Calls `giveUp` once, when the signal is aborted or the time is up. Returns what ends the watch. */
  watch(giveUp: (error: unknown) => void): () => void {
    const { signal, remaining } = this;
    const onAbort = () => end(signal?.reason);
    const end = (error: unknown) => {
      stop();
      giveUp(error);
    };
    const timer =
      remaining === undefined || remaining > LONGEST_TIMER
        ? undefined
        : setTimeout(() => end(this.expired()), Math.ceil(remaining));
    const stop = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    signal?.addEventListener('abort', onAbort);
    return stop;
  }
}
