// Question: what does it cost that a call's promise can be gone on with (mapping G6), where it is only awaited? A native Promise, the class that
// netrefs return (a subclass with a Proxy behind its prototype), the same made by setPrototypeOf, and a wrapper object with a `then`.
// The rounds do what an awaited call does: make it, keep its resolvers, resolve it, await it. Then `then`, and a name on it.

import { callPromises } from '../../src/internals.ts';
import { alternate, assertEqual } from '../lib/alternate.ts';
import { report } from '../lib/micro.ts';

type Executor = (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void;

class Path {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

const CallPromise = callPromises((_settling, name) => new Path(name));

class Wrapper implements PromiseLike<unknown> {
  private readonly promise: Promise<unknown>;
  constructor(executor: Executor) {
    this.promise = new Promise(executor);
  }
  // biome-ignore lint/suspicious/noThenProperty: it is what is measured
  then<A, B>(
    onValue?: ((value: unknown) => A | PromiseLike<A>) | null,
    onError?: ((e: unknown) => B | PromiseLike<B>) | null,
  ) {
    return this.promise.then(onValue, onError);
  }
}

const MAKERS: Record<string, (executor: Executor) => PromiseLike<unknown>> = {
  'native Promise': (executor) => new Promise(executor),
  'subclass, Proxy behind (ours)': (executor) => new CallPromise(executor),
  'native, setPrototypeOf': (executor) => Object.setPrototypeOf(new Promise(executor), CallPromise.prototype),
  'wrapper object': (executor) => new Wrapper(executor),
};

/** Each variant has loops of its own, so that none pays for the types that another one has shown to the compiler. */
const loop = (text: string): ((make: unknown) => (count: number) => Promise<number>) =>
  new Function('make', `return ${text}`) as never;

const WAYS: Record<string, string> = {
  'made, resolved, awaited': `async (count) => {
    const pending = new Array(64);
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const promise = make((resolve, reject) => { pending[i & 63] = { resolve, reject }; });
      pending[i & 63].resolve(i);
      sum += await promise;
    }
    return sum;
  }`,
  'made, awaited, resolved later': `async (count) => {
    const pending = new Array(64);
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const promise = make((resolve, reject) => { pending[i & 63] = { resolve, reject }; });
      queueMicrotask(() => pending[i & 63].resolve(i));
      sum += await promise;
    }
    return sum;
  }`,
  '64 made, resolved, their then': `async (count) => {
    let sum = 0;
    for (let i = 0; i < count; i += 64) {
      for (let k = i; k < i + 64 && k < count; k++) {
        let settle;
        const promise = make((resolve, reject) => { settle = { resolve, reject }; });
        promise.then((value) => { sum += value; });
        settle.resolve(k);
      }
      await null;
    }
    return sum;
  }`,
};

const COUNT = 200_000;

await report('promise', async (add) => {
  for (const [title, text] of Object.entries(WAYS)) {
    const runs = Object.entries(MAKERS).map(([name, make]) => [name, loop(text)(make)] as const);
    await assertEqual(Object.fromEntries(runs.map(([name, run]) => [name, () => run(1000)])));
    const rounds = runs.map(([name, run]) => [
      name,
      async () => {
        const start = process.hrtime.bigint();
        await run(COUNT);
        return Number(process.hrtime.bigint() - start) / COUNT;
      },
    ]);
    add(title, 0, await alternate(15, Object.fromEntries(rounds)));
  }
});
