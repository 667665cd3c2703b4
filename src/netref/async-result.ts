// RPyC's `async_`: a callable that returns at once with an AsyncResult. Answers to rpyc/core/async_.py and helpers.py.
import { performance } from 'node:perf_hooks';
import { TimeoutError } from '../errors.ts';
import { splitKwargs } from '../python/values.ts';
import type { Face } from '../refs/face.ts';
import { type Holder, holderOf, type Peer } from '../refs/holder.ts';
import { pendingOf } from '../refs/pending-ref.ts';
import { isSimple, resolveArgs, resolveNamed } from './calls.ts';
import { makeView } from './faces.ts';
import { misused } from './handler.ts';
import { faceOf, notNetref, optionsOf, type Ref } from './helpers.ts';
import type { CallOptions } from './options.ts';
import { directCall } from './path.ts';
import { runSync } from './steps.ts';

type State = 'pending' | 'value' | 'error' | 'expired';

/** Where an answer comes from: how to stop waiting for it, and (of a call that was sent at once) what to serve until it is there. */
interface Source {
  readonly peer?: Peer;
  forget(): void;
}

const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * The answer of a call that was sent and not waited for; RPyC's class of that name. Awaitable. Of a blocking reference, `value` and
 * `wait()` block as in RPyC; of an awaitable one, `await` the result or its `wait()`.
 * Without an expiry it waits for ever, as in RPyC.
 */
// It is a Pending (refs/waiter.ts) by shape: its declaration cannot say so, since `resolve` and `reject` are not in there.
export class AsyncResult implements PromiseLike<unknown> {
  /** How references in the value are seen. */
  readonly face: Face;
  private state: State = 'pending';
  private outcome: unknown = undefined;
  private source: Source | undefined;
  private deadline = Number.POSITIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;
  private readonly callbacks: ((result: AsyncResult) => void)[] = [];
  private readonly waiting: (() => void)[] = [];

  /** @internal */
  constructor(face: Face) {
    this.face = face;
  }

  /** @internal The request is sent, or will be. */
  from(source: Source): this {
    this.source = source;
    return this;
  }

  /** @internal */
  resolve(value: unknown): void {
    this.settle('value', value);
  }

  /** @internal */
  reject(error: unknown): void {
    this.settle('error', error);
  }

  private settle(state: State, outcome: unknown): void {
    if (this.state !== 'pending') return;
    clearTimeout(this.timer);
    this.state = state;
    this.outcome = outcome;
    const callbacks = this.callbacks.splice(0);
    // As in RPyC, an expired result calls nobody back.
    if (state !== 'expired') for (const callback of callbacks) this.call(callback);
    for (const resume of this.waiting.splice(0)) resume();
  }

  /** A callback that throws is the process's business, not that of the connection that is being served. */
  private call(callback: (result: AsyncResult) => void): void {
    try {
      callback(this);
    } catch (error) {
      process.nextTick(() => {
        throw error;
      });
    }
  }

  private expire(): void {
    this.source?.forget();
    this.settle('expired', new TimeoutError('result expired'));
  }

  private look(): State {
    if (this.state === 'pending' && performance.now() >= this.deadline) this.expire();
    return this.state;
  }

  /** Has a waiter nothing more to wait for? See Peer.waitUntil. @internal */
  get done(): boolean {
    return this.look() !== 'pending';
  }

  /** Has the answer come? False for an expired result. Of a blocking reference: looks whether it has, as RPyC does. */
  get ready(): boolean {
    const peer = this.face === 'sync' && this.look() === 'pending' ? this.source?.peer : undefined;
    if (peer !== undefined && peer.canBlock && !peer.closed) peer.serveSync(0);
    const state = this.look();
    return state === 'value' || state === 'error';
  }

  /** Has the answer come, and is it an exception? */
  get error(): boolean {
    return this.ready && this.state === 'error';
  }

  /** Did the time run out before the answer came? */
  get expired(): boolean {
    return this.look() === 'expired';
  }

  /**
   * The value of the call. Of a blocking reference: waits for it.
   * @throws what the call raised; {TimeoutError} when it expired; {TypeError} while it is pending and cannot be waited for: `await` it first
   */
  get value(): unknown {
    if (this.face === 'sync') this.block();
    if (this.look() === 'pending')
      throw misused('the result has not arrived: await the AsyncResult first, or use its callback');
    if (this.state === 'value') return this.outcome;
    throw this.outcome;
  }

  private block(): void {
    const peer = this.look() === 'pending' ? this.source?.peer : undefined;
    if (peer !== undefined)
      try {
        peer.waitUntil(this, this.deadline - performance.now());
      } catch (error) {
        if (this.state === 'pending' && error instanceof TimeoutError) this.expire();
        else if (this.state === 'pending') throw error;
      }
  }

  /**
   * Waits until the call has finished, whatever its outcome. Of a blocking reference it returns when it has; of an awaitable one
   * it returns a promise of that.
   * @throws {TimeoutError} (or rejects with it) when the result expired
   */
  wait(): void | Promise<void> {
    if (this.face === 'sync') {
      this.block();
      if (this.state === 'expired') throw this.outcome;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const finish = () => (this.state === 'expired' ? reject(this.outcome) : resolve());
      if (this.look() === 'pending') this.waiting.push(finish);
      else finish();
    });
  }

  /** Calls `callback(this)` when the answer has come; at once if it has; never if it expires. RPyC's `add_callback`. */
  addCallback(callback: (result: AsyncResult) => void): void {
    const state = this.look();
    if (state === 'pending') this.callbacks.push(callback);
    else if (state !== 'expired') callback(this);
  }

  /**
   * The result expires in `seconds` from now; null: never. RPyC's `set_expiry`. The remote work goes on; what it answers later is given back.
   * @throws {RangeError} for anything but a number of seconds
   */
  setExpiry(seconds: number | null): void {
    if (seconds !== null && !(typeof seconds === 'number' && seconds >= 0))
      throw new RangeError(`expiry is a number of seconds or null, not ${String(seconds)}`);
    clearTimeout(this.timer);
    this.deadline = seconds === null ? Number.POSITIVE_INFINITY : performance.now() + seconds * 1000;
    if (seconds === null || this.state !== 'pending' || seconds * 1000 > LONGEST_TIMER) return;
    this.timer = setTimeout(() => this.expire(), Math.ceil(seconds * 1000));
  }

  /** For `await`: the value, or what the call raised, or TimeoutError once it expired. */
  // biome-ignore lint/suspicious/noThenProperty: an AsyncResult is to be awaited
  then<A = unknown, B = never>(
    onValue?: ((value: unknown) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return new Promise<unknown>((resolve, reject) => {
      const finish = () => (this.state === 'value' ? resolve(this.outcome) : reject(this.outcome));
      if (this.look() === 'pending') this.waiting.push(finish);
      else finish();
    }).then(onValue, onError);
  }

  /** RPyC's text: `<AsyncResult object (pending)>`; also `ready`, `error`, `expired`. */
  toString(): string {
    return `<AsyncResult object (${this.look() === 'value' ? 'ready' : this.state})>`;
  }
}

/**
 * RPyC's `async_(callable)`: calling the result sends the request and returns its {@link AsyncResult}.
 * A method of the blocking face is fetched here, once, as RPyC does; a path is called as it stands, paths among the arguments are
 * resolved first.
 * @throws {TypeError} ERR_RPYC_NOT_NETREF for what is no remote callable; (the callable) errors of arguments, {EOFError}
 */
export function async_(callable: Ref): (...args: unknown[]) => AsyncResult {
  const face = faceOf(callable);
  const pending = pendingOf(callable);
  const holder = holderOf(pending !== undefined && face === 'sync' ? pending.fetchSync() : callable);
  if (holder === undefined && (pending === undefined || face === 'sync')) throw notNetref(callable);
  const options = optionsOf(callable);
  const callee = holder === undefined ? pending && directCall(pending) : { holder, name: undefined };
  return (...args) => {
    const atOnce = callee !== undefined && (face === 'sync' || (isSimple(args) && options?.signal === undefined));
    const result = atOnce ? callAtOnce(callee, face, args) : follow(callable, options, args);
    if (options?.timeout !== undefined && options.timeout !== null) result.setExpiry(options.timeout);
    return result;
  };
}

/** An object, or its attribute (CALLATTR). */
interface Callee {
  readonly holder: Holder;
  readonly name: string | undefined;
}

function callAtOnce({ holder, name }: Callee, face: Face, args: readonly unknown[]): AsyncResult {
  const { peer } = holder;
  const [positional, named] = splitKwargs(args);
  const resolved = isSimple(positional) ? positional : runSync(resolveArgs(positional));
  const keywords = named === undefined ? named : runSync(resolveNamed(named));
  const result = new AsyncResult(face);
  const seq = peer.callFor(result, holder, name, resolved, keywords);
  return result.from({ peer, forget: () => peer.forget(seq) });
}

/** A call that takes several requests, or a signal. */
function follow(callable: Ref, options: CallOptions | undefined, args: unknown[]): AsyncResult {
  const expired = new AbortController();
  const signal = options?.signal === undefined ? expired.signal : AbortSignal.any([options.signal, expired.signal]);
  const view = makeView(callable, 'async', { signal }) as (...args: unknown[]) => Promise<unknown>;
  const result = new AsyncResult('async').from({ forget: () => expired.abort() });
  view(...args).then(
    (value) => result.resolve(value),
    (error: unknown) => result.reject(error),
  );
  return result;
}

/**
 * RPyC's `timed(callable, seconds)`: an {@link async_} whose results expire.
 * For one awaited call {@link withOptions} does it without an AsyncResult.
 * @throws {TypeError} ERR_RPYC_NOT_NETREF for what is no remote callable
 */
export function timed(callable: Ref, seconds: number): (...args: unknown[]) => AsyncResult {
  const call = async_(callable);
  return (...args) => {
    const result = call(...args);
    result.setExpiry(seconds);
    return result;
  };
}
