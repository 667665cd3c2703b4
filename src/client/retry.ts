// Options of connecting that take numbers, with their defaults and bounds: attempts and the pauses between them, keepalive, time-outs.
// Answers to socket_backoff_connect and SocketStream._connect of RPyC.
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectError } from '../errors.ts';
import type { KeepAliveTimes } from '../native/peer.ts';

/** How connecting is tried again. The pause before attempt n + 1 is `delay * factor ** (n - 1)` seconds, give or take a quarter. */
export interface RetryOptions {
  /** Attempts in all. Default 6, as RPyC's. */
  attempts?: number;
  /** Seconds before the second attempt. Default 0.2. */
  delay?: number;
  /** By what each pause is longer than the one before. Default 2. */
  factor?: number;
  /** Longest pause, seconds. Default 10. */
  maxDelay?: number;
}

/** TCP keepalive, in whole seconds. */
export interface KeepAliveOptions {
  /** Silence before the kernel asks whether the peer is there. Default 60. */
  idle?: number;
  /** Pause between questions. Default `idle`. */
  interval?: number;
  /** Questions without an answer that end the connection. Default 5. */
  count?: number;
}

const DAY = 86_400;

function within(name: string, value: number, low: number, high: number): number {
  if (typeof value !== 'number' || !(value >= low && value <= high))
    throw new RangeError(`${name} is between ${low} and ${high}, not ${String(value)}`);
  return value;
}

/** Seconds, as ms. @throws {RangeError} */
export const secondsOf = (name: string, value: number): number => within(name, value, 0.001, DAY) * 1000;

/** @throws {RangeError} for a number out of its range */
export function keepAliveOf(given: boolean | number | KeepAliveOptions | undefined): KeepAliveTimes | undefined {
  if (given === undefined || given === false) return undefined;
  const {
    idle = 60,
    interval = idle,
    count = 5,
  } = given === true ? {} : typeof given === 'number' ? { idle: given } : given;
  const whole = (name: string, value: number, high: number): number =>
    Math.round(within(`keepalive ${name}`, value, 1, high));
  return {
    idle: whole('idle', idle, 32_767),
    interval: whole('interval', interval, 32_767),
    count: whole('count', count, 127),
  };
}

/** Pauses between attempts. */
export class Backoff {
  /** Attempts in all; may be Infinity. */
  readonly attempts: number;
  private readonly delay: number;
  private readonly factor: number;
  private readonly maxDelay: number;

  /** @throws {RangeError} for a number out of its range */
  constructor({ attempts = 6, delay = 0.2, factor = 2, maxDelay = 10 }: RetryOptions) {
    if (attempts !== Number.POSITIVE_INFINITY && !Number.isInteger(attempts))
      throw new RangeError(`retry attempts is a whole number or Infinity, not ${String(attempts)}`);
    this.attempts = within('retry attempts', attempts, 1, Number.POSITIVE_INFINITY);
    this.delay = secondsOf('retry delay', delay);
    this.factor = within('retry factor', factor, 1, 100);
    this.maxDelay = secondsOf('retry maxDelay', maxDelay);
  }

  /** Milliseconds to wait after so many attempts have failed, at least 1: many clients of one server must not come back at the same time. */
  pause(failed: number): number {
    const whole = Math.min(this.delay * this.factor ** (failed - 1), this.maxDelay);
    return whole * (0.75 + Math.random() / 2);
  }
}

const backoffOf = (retry: boolean | RetryOptions | undefined): Backoff =>
  new Backoff(retry === undefined || retry === false ? { attempts: 1 } : retry === true ? {} : retry);

/** What is worth another attempt. Nobody accepted; what was accepted and then went wrong would go wrong again. */
function failed(error: unknown, attempt: number, backoff: Backoff): number {
  if (!(error instanceof ConnectError)) throw error;
  if (attempt < backoff.attempts) return backoff.pause(attempt);
  throw attempt === 1 ? error : new ConnectError(`${error.message} (the last of ${attempt} attempts)`, error.errors);
}

/** Does `connect` as often as `retry` allows. @throws what the last attempt throws, the reason of `signal` */
export async function retrying<T>(
  retry: boolean | RetryOptions | undefined,
  signal: AbortSignal | undefined,
  connect: () => Promise<T>,
): Promise<T> {
  const backoff = backoffOf(retry);
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    let pause: number;
    try {
      return await connect();
    } catch (error) {
      signal?.throwIfAborted();
      pause = failed(error, attempt, backoff);
    }
    await sleep(pause, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw error;
    });
  }
}

/** {@link retrying}, blocking. */
export function retryingSync<T>(retry: boolean | RetryOptions | undefined, connect: () => T): T {
  const backoff = backoffOf(retry);
  for (let attempt = 1; ; attempt++) {
    let pause: number;
    try {
      return connect();
    } catch (error) {
      pause = failed(error, attempt, backoff);
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause);
  }
}
