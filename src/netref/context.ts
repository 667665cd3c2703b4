// Python's `with` on remote objects: `__enter__`, a body, and CTXEXIT with what happened. Mapping sections B (context manager) and F9.
// Answers to BaseNetref.__exit__ and Connection._handle_ctxexit.
import { HANDLE_CTXEXIT } from '../constants.ts';
import type { Holder } from '../refs/holder.ts';
import { type Answer, faceOf, optionsOf, perform, type Ref, resolve } from './helpers.ts';
import type { CallOptions } from './options.ts';
import { ask, askCall, runAsync, runSync, type Steps, settle } from './steps.ts';

/**
 * What `__exit__` is told of an error: its name and message. Python's own client sends a class that the server cannot raise; either way
 * `__exit__` sees `TypeError('exceptions must derive from BaseException')`, and only knows that there was one.
 */
function told(error: unknown): string {
  if (!(error instanceof Error)) return `Error: ${String(error)}`;
  const { name, message } = error;
  return message === '' ? name : `${name}: ${message}`;
}

function* exit(holder: Holder, error: string | null): Steps<boolean> {
  return Boolean(yield* ask(holder, HANDLE_CTXEXIT, error));
}

/**
 * A remote context that {@link enter} entered; leaving the scope calls `__exit__` there, with no error. Of a blocking reference it is
 * for `using`, of an awaitable one for `await using`.
 */
export interface Context extends Disposable, AsyncDisposable {
  /** What `__enter__` returned, Python's `with … as value`; of an awaitable reference a promise of it, until the context is awaited. */
  readonly value: Ref;
}

class EnteredSync implements Disposable {
  readonly value: Ref;
  private readonly holder: Holder;
  private readonly options: CallOptions | undefined;
  private left = false;

  constructor(holder: Holder, value: unknown, options: CallOptions | undefined) {
    this.holder = holder;
    this.value = value;
    this.options = options;
  }

  [Symbol.dispose](): void {
    if (this.left) return;
    this.left = true;
    runSync(exit(this.holder, null), 'sync', this.options);
  }
}

/** Awaitable: `(await entered).value`, or `await entered.value`. */
class Entered implements AsyncDisposable, PromiseLike<{ readonly value: Ref } & AsyncDisposable> {
  private readonly entering: Promise<{ readonly holder: Holder; readonly value: unknown }>;
  private readonly options: CallOptions | undefined;
  private leaving: Promise<void> | undefined;

  constructor(entering: Promise<{ holder: Holder; value: unknown }>, options: CallOptions | undefined) {
    this.entering = entering;
    this.options = options;
    // Who leaves the scope is told; who never looks is not hit by an unhandled rejection before that.
    entering.catch(() => undefined);
  }

  get value(): Promise<Ref> {
    return this.entering.then(({ value }) => value);
  }

  // biome-ignore lint/suspicious/noThenProperty: `await using guard = await enter(ref)` is to work as well as without the second await
  then<A = { readonly value: Ref } & AsyncDisposable, B = never>(
    onValue?: ((entered: { readonly value: Ref } & AsyncDisposable) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.entering
      .then(({ value }) => ({ value, [Symbol.asyncDispose]: () => this[Symbol.asyncDispose]() }))
      .then(onValue, onError);
  }

  /** @throws what `__enter__` raised, or `__exit__` */
  [Symbol.asyncDispose](): Promise<void> {
    this.leaving ??= this.leave();
    return this.leaving;
  }

  private async leave(): Promise<void> {
    const { holder } = await this.entering;
    await runAsync(exit(holder, null), 'async', this.options);
  }
}

/**
 * Enters a remote context manager; the end of the scope exits it:
 *
 *     using file = rpyc.enter(conn.sync.root.open('x'));        // blocking; file.value is what __enter__ returned
 *     await using lock = rpyc.enter(await conn.root.lock());     // awaited; await lock.value
 *
 * An error that leaves the scope is not told to `__exit__` (JavaScript does not tell it to us), and cannot be suppressed by it:
 * {@link withContext} does both.
 * @throws what `__enter__` raises; at the end of the scope, what `__exit__` raises
 */
export function enter(ref: Ref): Context {
  const options = optionsOf(ref);
  function* entering(): Steps<{ holder: Holder; value: unknown }> {
    const holder = yield* resolve(ref);
    return { holder, value: yield* askCall(holder, '__enter__') };
  }
  if (faceOf(ref) === 'async')
    return new Entered(runAsync(entering(), 'async', options), options) as unknown as Context;
  const { holder, value } = runSync(entering(), 'sync', options);
  return new EnteredSync(holder, value, options) as unknown as Context;
}

/**
 * Python's `with ref as value: body(value)`: `__enter__`, the body, and `__exit__` with what the body threw, as the text `Name: message`
 * (RPyC does not carry true exceptions to `__exit__`: it sees a TypeError). Where `__exit__` answers true, the error is suppressed.
 * Blocking on a blocking reference, with a plain function as body; a promise on an awaitable one, whose body may be async.
 * @returns what the body returned; undefined where its error was suppressed
 * @throws what `__enter__`, the body or `__exit__` raises
 */
export function withContext<T>(ref: Ref, body: (value: Ref) => T | Promise<T>): Answer<T | undefined> {
  return perform(ref, function* (holder): Steps<T | undefined> {
    const value = yield* askCall(holder, '__enter__');
    let result: T;
    try {
      result = (yield* settle(body(value))) as T;
    } catch (error) {
      if (yield* exit(holder, told(error))) return undefined;
      throw error;
    }
    yield* exit(holder, null);
    return result;
  });
}
