// Deadlines and signals of one operation: checked before a request, watched while it waits, and nothing left behind.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { TimeoutError } from '../../../src/errors.ts';
import { checkOptions, limitsOf } from '../../../src/netref/options.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('Limits', () => {
  test('there are none without options', () => {
    expect(limitsOf(undefined)).toBeUndefined();
    expect(limitsOf({})?.remaining).toBeUndefined();
    expect(limitsOf({ timeout: null })?.remaining).toBeUndefined();
    expect(limitsOf({ timeout: Number.POSITIVE_INFINITY })?.remaining).toBeUndefined();
  });

  test('a deadline is for all requests of an operation together', () => {
    const limits = limitsOf({ timeout: 2 });
    expect(limits?.remaining).toBe(2000);
    vi.advanceTimersByTime(1500);
    expect(limits?.remaining).toBe(500);
    limits?.check();
    vi.advanceTimersByTime(500);
    expect(limits?.remaining).toBe(0);
    expect(() => limits?.check()).toThrow(TimeoutError);
  });

  test('giving up happens once, with the reason, and ends the watch', () => {
    const controller = new AbortController();
    const errors: unknown[] = [];
    limitsOf({ signal: controller.signal, timeout: 1 })?.watch((error) => errors.push(error));
    vi.advanceTimersByTime(1000);
    controller.abort(new Error('too late'));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(TimeoutError);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('an aborted signal stops the clock', () => {
    const controller = new AbortController();
    const errors: unknown[] = [];
    limitsOf({ signal: controller.signal, timeout: 1 })?.watch((error) => errors.push(error));
    const reason = new Error('enough');
    controller.abort(reason);
    vi.advanceTimersByTime(5000);
    expect(errors).toEqual([reason]);
  });

  test('a watch that is stopped says nothing', () => {
    const controller = new AbortController();
    const stop = limitsOf({ signal: controller.signal, timeout: 1 })?.watch(() => expect.unreachable());
    stop?.();
    controller.abort();
    vi.advanceTimersByTime(5000);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a deadline beyond what a timer can hold is never', () => {
    limitsOf({ timeout: 2 ** 31 })?.watch(() => expect.unreachable());
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([{ timeout: -1 }, { timeout: Number.NaN }, { timeout: '1' }])('%o is refused', (options) => {
    expect(() => checkOptions(options as any)).toThrow(RangeError);
  });
});
