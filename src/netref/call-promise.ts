// What a call through the awaitable face returns: a real promise, on which any name that promises do not have is a path that goes on when it
// settles (mapping G6). Owns how such a promise is made and what it looks like; what a path does is path.ts.
// RPyC has no such thing: its AsyncResult is async-result.ts.
import { types } from 'node:util';
import { PENDING, type PendingRef, pendingOf } from '../refs/pending-ref.ts';
import { FACE, isLocal, misused } from './handler.ts';

/** As {@link Promise}'s constructor takes it. */
type Executor = (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void;

/** Asked for by libraries that look for DOM nodes: a promise is none, whatever it will become. */
const PROBED: ReadonlySet<string> = new Set(['nodeType', 'tagName', 'nodeName']);

const ignore = (): void => undefined;

/** The promise of a call as the start of a path, or as an argument: it is awaited first. */
export class Settling implements PendingRef {
  readonly promise: Promise<unknown>;

  constructor(promise: Promise<unknown>) {
    this.promise = promise;
  }

  fetch(): Promise<unknown> {
    return this.promise;
  }

  fetchSync(): never {
    throw misused('a blocking call cannot wait for the promise of an awaited one: await it first');
  }

  /** Whoever waits for it later is told of its failure; until then that is nobody's unhandled rejection. */
  expected(): void {
    this.promise.then(undefined, ignore);
  }
}

/** Marks promises and paths among arguments as waited for: one of them may fail before it is its turn to be awaited. */
export function expectAll(args: Iterable<unknown>): void {
  for (const arg of args) pendingOf(arg)?.expected?.();
}

/**
 * Makes the class of such promises; `goOn` makes the path that a name on one is.
 *
 * A promise has nothing of its own: `then`, `catch`, `finally` and `constructor` are those of Promise, found on the first prototype. Behind it
 * stands a Proxy that is asked for every other name. As `constructor` is Promise, `await` takes the promise as it is, in one tick,
 * and what `then` returns is an ordinary promise (bench/micro/promise.ts).
 */
export function callPromises(
  goOn: (settling: Settling, name: string) => object,
): new (
  executor: Executor,
) => Promise<unknown> {
  class CallPromise extends Promise<unknown> {}
  const named = Object.create(Promise.prototype) as object;
  const behind = new Proxy(named, {
    get: (_named, key, promise) =>
      typeof key === 'symbol' || key in named || isLocal(key) || PROBED.has(key) || !types.isPromise(promise)
        ? Reflect.get(named, key, promise)
        : goOn(new Settling(promise), key),
  });
  const { prototype } = CallPromise;
  for (const key of ['constructor', 'then', 'catch', 'finally', Symbol.toStringTag])
    Object.defineProperty(
      prototype,
      key,
      Object.getOwnPropertyDescriptor(Promise.prototype, key) as PropertyDescriptor,
    );
  Object.defineProperties(prototype, {
    [FACE]: { value: 'async' },
    [PENDING]: {
      get(this: Promise<unknown>) {
        return new Settling(this);
      },
    },
    [Symbol.asyncIterator]: {
      value(this: Promise<unknown>) {
        return iterateLater(this);
      },
    },
  });
  Object.setPrototypeOf(prototype, behind);
  return CallPromise;
}

/** Iterates what a path or promise stands for. */
export async function* iterateLater(coming: PromiseLike<unknown>): AsyncGenerator<unknown> {
  const value = await coming;
  yield* value as AsyncIterable<unknown>;
}
