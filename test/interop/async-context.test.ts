// AsyncLocalStorage across calls: what a user's own context is where a call goes on, in its callbacks and in handlers. What holds:
// - the caller's context is there when its awaited call continues, as with any promise;
// - a function that an awaited call passed runs in that call's context until the call is answered, then in none (bind it to keep one);
// - a function that several calls have passed and wait for runs in none: never in another caller's;
// - callbacks of a blocking call run on its stack, so in its context;
// - a handler begins in no context; the one that it makes survives its awaits and the calls that it makes.
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, startServer } from '../support/python.ts';

const here = new AsyncLocalStorage<string>();
const there = new AsyncLocalStorage<number>();

type Callback = (value: unknown) => Promise<unknown>;

class Busy extends rpyc.Service {
  private readonly listeners: Callback[] = [];

  /** Calls back between awaits, and tells in which contexts of its own it was, before and after each. */
  async exposed_work(n: number, callback: Callback) {
    const outside = [here.getStore(), there.getStore()];
    const inside = await there.run(n, async () => {
      const seen = [there.getStore()];
      await turn();
      seen.push(there.getStore());
      const answers = [await callback(n), await callback(n + 0.5)];
      seen.push(there.getStore());
      await turn();
      seen.push(there.getStore());
      return [...seen, ...answers];
    });
    return rpyc.tuple(...outside, ...inside);
  }
  async exposed_call(callback: Callback) {
    await turn();
    return callback(0);
  }
  exposed_named({ callback }: { callback: Callback }) {
    return callback(0);
  }
  exposed_first([callback]: readonly [Callback, number]) {
    return callback(0);
  }
  async exposed_fail(callback: Callback) {
    await callback(0);
    throw new rpyc.exceptions.ValueError('no');
  }
  exposed_subscribe(listener: Callback) {
    this.listeners.push(listener);
  }
  async exposed_publish() {
    return rpyc.tuple(...(await Promise.all(this.listeners.map((listener) => listener(1)))));
  }
  /** Calls back only once `open` was called. */
  async exposed_wait(callback: Callback) {
    await new Promise<void>((resolve) => this.gates.push(resolve));
    return callback(0);
  }
  exposed_open() {
    for (const open of this.gates.splice(0)) open();
  }
  private readonly gates: (() => void)[] = [];
}

async function connected(): Promise<rpyc.Connection> {
  const server = new rpyc.Server(Busy, { logger: null });
  await server.start();
  const conn = await rpyc.connect('127.0.0.1', server.port);
  onTestFinished(async () => {
    await conn.close();
    await server.close();
  });
  return conn;
}

const context = (): string => here.getStore() ?? 'none';

describe('Node to Node', () => {
  test('64 concurrent calls keep their contexts, in their callbacks, after each await, and where they continue', async () => {
    const { root } = await connected();
    const calls = Array.from({ length: 64 }, (_, n) =>
      here.run(`caller ${n}`, async () => {
        const callback = async (value: number): Promise<string> => {
          const before = context();
          await turn();
          return `${value} for ${before}, ${context()}`;
        };
        const answer = await root.work(n, callback);
        return [context(), answer];
      }),
    );
    for (const [n, call] of calls.entries()) {
      const caller = `caller ${n}`;
      const told = [n, n + 0.5].map((value) => `${value} for ${caller}, ${caller}`);
      expect(await call).toEqual([caller, [null, null, n, n, n, n, ...told]]);
    }
  });

  test('calls out of a callback go on in the context of the callback', async () => {
    const { root } = await connected();
    const nested = async (): Promise<string> => `${await root.call(async () => context())} in ${context()}`;
    expect(await here.run('outer', () => root.call(nested))).toBe('outer in outer');
  });

  test('functions among keyword arguments and within tuples are callbacks, too', async () => {
    const { root } = await connected();
    const callback = async (): Promise<string> => context();
    expect(await here.run('a', () => root.named(rpyc.kwargs({ callback })))).toBe('a');
    expect(await here.run('b', () => root.first(rpyc.tuple(callback, 1)))).toBe('b');
  });

  test('a function that concurrent calls share runs in no context, and in the caller’s again when they are over', async () => {
    const { root } = await connected();
    const shared = async (): Promise<string> => context();
    const both = ['a', 'b'].map((name) => here.run(name, () => root.wait(shared)));
    await root.open();
    expect(await Promise.all(both)).toEqual(['none', 'none']);
    expect(await here.run('c', () => root.call(shared))).toBe('c');
    expect(await here.run('d', () => root.call(shared))).toBe('d');
    expect(await root.call(shared)).toBe('none');
  });

  test('a function is called in no context once its call was answered, unless it is bound to one', async () => {
    const { root } = await connected();
    const listener = async (): Promise<string> => context();
    await here.run('subscriber', async () => {
      await root.subscribe(listener);
      await root.subscribe(AsyncResource.bind(async () => context()));
    });
    expect(await here.run('publisher', () => root.publish())).toEqual(['none', 'subscriber']);
  });

  test('a call that failed, or was given up, keeps its context no longer', async () => {
    const { root } = await connected();
    const callback = async (): Promise<string> => context();
    await here.run('failed', () => expect(root.fail(callback)).rejects.toBeInstanceOf(rpyc.exceptions.ValueError));
    await here.run('late', () =>
      expect(rpyc.withOptions(root, { timeout: 0.01 }).wait(callback)).rejects.toMatchObject({
        code: 'ERR_RPYC_TIMEOUT',
      }),
    );
    await root.subscribe(callback);
    expect(await root.publish()).toEqual(['none']);
    await root.open();
  });
});

describePython.each(['6.0.1', '5.3.1'] as const)('with real RPyC %s', (version) => {
  test('callbacks of awaited calls run in the context of their caller', async () => {
    const server = await startServer(version);
    const conn = await rpyc.connect('127.0.0.1', server.ready.port);
    const { root } = conn;
    const seen = await Promise.all(
      Array.from({ length: 64 }, (_, n) =>
        here.run(`caller ${n}`, async () => [await root.call(() => context()), context()]),
      ),
    );
    expect(seen).toEqual(Array.from({ length: 64 }, (_, n) => [`caller ${n}`, `caller ${n}`]));
    await conn.close();
  });

  test('callbacks of a blocking call run in its context', async () => {
    const server = await startServer(version);
    const conn = rpyc.connectSync('127.0.0.1', server.ready.port);
    expect(here.run('blocking', () => conn.root.call(() => context()))).toBe('blocking');
    expect(conn.root.call(() => context())).toBe('none');
    conn.close();
  });
});
