// What a caller may say about one call: how long to wait, and a signal that ends the wait. Carried by a view of the reference, so that
// nothing of ours mixes with the arguments of the remote function.
import { Limits } from '../refs/limits.ts';

/** How to make calls through a reference; see {@link withOptions}. */
export interface CallOptions {
  /** Ends the wait of an awaited operation with `signal.reason` (an AbortError by default); a blocking one looks at it before each request. */
  signal?: AbortSignal | undefined;
  /** Seconds that an operation may take, all its requests together; then TimeoutError. For blocking ones instead of `sync_request_timeout`. */
  timeout?: number | null | undefined;
}

/** `ref[OPTIONS]` are the options of a view; undefined elsewhere. */
export const OPTIONS: unique symbol = Symbol('rpyc.options');

/** @throws RangeError or TypeError for what cannot be an option */
export function checkOptions(given: CallOptions): CallOptions {
  const { signal, timeout } = given;
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new TypeError('signal must be an AbortSignal');
  if (timeout !== undefined && timeout !== null && !(typeof timeout === 'number' && timeout >= 0))
    throw new RangeError(`timeout is a number of seconds, not ${String(timeout)}`);
  return Object.freeze({ signal, timeout });
}

/** The clock of one operation starts. */
export function limitsOf(options: CallOptions | undefined): Limits | undefined {
  if (options === undefined) return undefined;
  const timeout = options.timeout ?? undefined;
  return new Limits(options.signal, timeout === Number.POSITIVE_INFINITY ? undefined : timeout);
}
