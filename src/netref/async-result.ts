// RPyC's `async_`: a callable that returns at once with an AsyncResult. Answers to rpyc/core/async_.py and helpers.py.
import { codedError, TimeoutError } from '../errors.ts';
import { splitKwargs } from '../protocol/boxing.ts';
import { type Face, holderOf, pendingOf } from '../protocol/refs.ts';
import { FACE } from './faces.ts';
import type { Ref } from './helpers.ts';

type State = 'pending' | 'value' | 'error';

/**
 * The answer of a call that was sent and not waited for. Awaitable; `wait` and `value` serve code ported from Python.
 * Without an expiry it waits for ever, as in RPyC.
 */
export class AsyncResult implements PromiseLike<unknown> {
  private state: State = 'pending';
  private outcome: unknown = undefined;
  private expiry: number | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly callbacks: ((result: AsyncResult) => void)[] = [];
  private readonly promise: Promise<unknown>;
  private expire: (error: TimeoutError) => void = () => undefined;

  constructor(answer: Promise<unknown>) {
    const late = new Promise<never>((_, reject) => {
      this.expire = reject;
    });
    this.promise = Promise.race([answer, late]);
    this.promise.then(
      (value) => this.settle('value', value),
      (error: unknown) => this.settle('error', error),
    );
  }

  private settle(state: State, outcome: unknown): void {
    clearTimeout(this.timer);
    this.state = state;
    this.outcome = outcome;
    for (const callback of this.callbacks.splice(0)) callback(this);
  }

  /** Has the answer come, or the time run out? */
  get ready(): boolean {
    return this.state !== 'pending';
  }

  /** Did the call fail? False while it is pending. */
  get error(): boolean {
    return this.state === 'error';
  }

  /** Did it expire without an answer? */
  get expired(): boolean {
    return this.state === 'error' && this.outcome instanceof TimeoutError;
  }

  /** The value of a finished call. @throws what the call raised, or TypeError while it is pending: `await` it first. */
  get value(): unknown {
    if (this.state === 'pending')
      throw codedError(
        new TypeError('the result has not arrived: await the AsyncResult first, or use its callback'),
        'ERR_RPYC_OPERATION',
      );
    if (this.state === 'error') throw this.outcome;
    return this.outcome;
  }

  /** Resolves when the call has finished, whatever its outcome. */
  async wait(): Promise<void> {
    await this.promise.then(
      () => undefined,
      () => undefined,
    );
  }

  /** Calls `callback(this)` when the call has finished; at once if it has. */
  addCallback(callback: (result: AsyncResult) => void): void {
    if (this.ready) callback(this);
    else this.callbacks.push(callback);
  }

  /** The result expires in `seconds` from now: TimeoutError. null: never. The remote work goes on. */
  setExpiry(seconds: number | null): void {
    clearTimeout(this.timer);
    this.expiry = seconds ?? undefined;
    if (this.expiry === undefined || this.ready) return;
    this.timer = setTimeout(() => this.expire(new TimeoutError('result expired')), this.expiry * 1000);
  }

  // biome-ignore lint/suspicious/noThenProperty: an AsyncResult is to be awaited
  then<A = unknown, B = never>(
    onValue?: ((value: unknown) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.promise.then(onValue, onError);
  }
}

/**
 * RPyC's `async_(callable)`: calling the result sends the request and returns its AsyncResult.
 * A method stub of the blocking face is fetched here, once, as RPyC does; a path is called as it stands.
 */
export function async_(callable: Ref): (...args: unknown[]) => AsyncResult {
  const pending = pendingOf(callable);
  const face: Face = callable?.[FACE];
  const holder = holderOf(pending !== undefined && face === 'sync' ? pending.fetchSync() : callable);
  if (holder === undefined && pending === undefined)
    throw codedError(new TypeError('async_ takes a remote callable'), 'ERR_RPYC_NOT_NETREF');
  return (...args) => {
    if (holder === undefined) return new AsyncResult(Reflect.apply(callable, undefined, args));
    const [positional, named] = splitKwargs(args);
    return new AsyncResult(holder.conn.call(holder, undefined, positional, named, face));
  };
}

/** RPyC's `timed(callable, seconds)`: an `async_` whose results expire. */
export function timed(callable: Ref, seconds: number): (...args: unknown[]) => AsyncResult {
  const call = async_(callable);
  return (...args) => {
    const result = call(...args);
    result.setExpiry(seconds);
    return result;
  };
}
