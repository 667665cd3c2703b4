// The promise of an awaited call, which is the start of a chain too (mapping G6): that it is a promise like any other, who is told of a failure,
// what is given back and when, and what becomes of a chain whose peer dies. Against a Node server of its own process and RPyC 6.0.1.
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { type NodePeer, startNode } from '../support/node.ts';
import { describePython, peer, startPython } from '../support/python.ts';
import { startClassic } from './classic-faces.ts';
import { run } from './faces.ts';
import { served } from './netrefs.ts';

let shared: NodePeer;
beforeAll(async () => {
  shared = await startNode({}, 'idioms-server.ts');
});
afterAll(() => shared.stop());

/** A connection to the server that all tests share, or to one that may die. */
async function connected(server = shared): Promise<{ root: any; conn: rpyc.Connection }> {
  const conn = await rpyc.connect('127.0.0.1', server.port);
  onTestFinished(() => conn.close());
  return { root: conn.root, conn };
}

const mortal = (): Promise<NodePeer> => startNode({}, 'idioms-server.ts');

/** What nobody handled while `action` ran and a few turns of the event loop after. */
async function unhandledIn(action: () => unknown): Promise<string[]> {
  const found: string[] = [];
  const others = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', (error) => found.push((error as Error).message.split('\n')[0] ?? ''));
  try {
    await action();
    await turns();
  } finally {
    process.removeAllListeners('unhandledRejection');
    for (const listener of others) process.on('unhandledRejection', listener);
  }
  return found;
}

async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
}

/** Given to the peer's `call`, it holds an answer back until what was asked before has been answered, and looked at. */
async function later<T>(value: T): Promise<T> {
  await turns();
  return value;
}

/** The order in which `look` of a settled promise and the ticks of the microtask queue come. */
async function ticksOf(promise: Promise<unknown>, look: (promise: Promise<unknown>, done: () => void) => void) {
  await promise;
  const log: (string | number)[] = [];
  look(promise, () => log.push('done'));
  let tick = Promise.resolve();
  for (let i = 1; i <= 5; i++) tick = tick.then(() => void log.push(i));
  await new Promise(setImmediate);
  return log.join(' ');
}

describe('The promise of a call', () => {
  test('is a promise like any other', async () => {
    const { root } = await connected();
    const promise = root.add(1, 2);
    const native = Promise.resolve(3);
    expect(promise).toBeInstanceOf(Promise);
    expect(promise.constructor).toBe(Promise);
    expect(Object.prototype.toString.call(promise)).toBe('[object Promise]');
    expect(String(promise)).toBe('[object Promise]');
    expect(inspect(promise)).toBe('Promise { <pending> }');
    await promise;
    expect(inspect(promise)).toBe(inspect(native));
    expect(JSON.stringify({ promise })).toBe('{"promise":{}}');
    expect(Object.keys(promise)).toEqual([]);
    expect(Reflect.ownKeys(promise)).toEqual([]);
    expect({ ...promise }).toEqual({});
    expect(() => structuredClone(promise)).toThrow(expect.objectContaining({ name: 'DataCloneError' }));
    for (const method of ['then', 'catch', 'finally'] as const) expect(promise[method]).toBe(Promise.prototype[method]);
    expect(promise.then(String).constructor).toBe(Promise);
    expect(Object.getPrototypeOf(promise.then(String))).toBe(Promise.prototype);
    expect(Promise.resolve(promise)).toBe(promise);
    expect(promise).toEqual(promise);
    expect(promise).toEqual(native);
    expect([promise]).not.toEqual([3]);
    await expect(promise).resolves.toBe(3);
  });

  test('has none of the names that libraries look for', async () => {
    const { root } = await connected();
    const promise = root.add(1, 2);
    for (const name of ['toJSON', 'asymmetricMatch', '$$typeof', 'nodeType', 'prototype', '@@__IMMUTABLE_RECORD__@@'])
      expect([name, promise[name]]).toEqual([name, undefined]);
    expect([promise.valueOf(), Object.hasOwn(promise, 'then'), 'x' in promise]).toEqual([promise, false, false]);
    expect(promise[Symbol.iterator]).toBeUndefined();
    expect(promise[inspect.custom]).toBeUndefined();
    expect(Array.isArray(promise)).toBe(false);
    promise.mark = 1; // as on any promise: React and others do
    expect([promise.mark, Object.keys(promise)]).toEqual([1, ['mark']]);
    await promise;
  });

  test.each<[string, (promise: Promise<unknown>, done: () => void) => void]>([
    ['await', async (promise, done) => void (await promise, done())],
    ['then', (promise, done) => void promise.then(done)],
    ['finally', (promise, done) => void promise.finally(done)],
    ['returned from an async function', (promise, done) => void (async () => promise)().then(done)],
    ['Promise.all', (promise, done) => void Promise.all([promise]).then(done)],
    ['Promise.race', (promise, done) => void Promise.race([promise]).then(done)],
    ['resolving another', (promise, done) => void new Promise((resolve) => resolve(promise)).then(done)],
  ])('%s takes as many ticks as with a native one', async (_name, look) => {
    const { root } = await connected();
    expect(await ticksOf(root.add(1, 2), look)).toBe(await ticksOf(Promise.resolve(3), look));
  });

  test('settles groups, is returned and awaited like a native one', async () => {
    const { root } = await connected();
    expect(await Promise.all([root.add(1, 2), root.name(), 5])).toEqual([3, 'hello', 5]);
    expect(await Promise.race([root.never(), root.add(1, 2)])).toBe(3);
    expect(await Promise.any([root.fail('x'), root.add(1, 2)])).toBe(3);
    const [failed, fine] = await Promise.allSettled([root.fail('x'), root.add(1, 2)]);
    expect([failed.status, fine]).toEqual(['rejected', { status: 'fulfilled', value: 3 }]);
    expect(await (async () => root.add(1, 2))()).toBe(3);
    expect(await root.add(1, 2).then((sum: number) => sum + 1)).toBe(4);
    expect(await root.fail('x').catch((error: Error) => error.message.split('\n')[0])).toBe('x');
    let ended = 0;
    expect(await root.add(1, 2).finally(() => ended++)).toBe(3);
    expect(ended).toBe(1);
  });

  test('a call that cannot be sent rejects, and so does every chain on it', async () => {
    const { root, conn } = await connected();
    const unsendable = () => root.echo(Symbol('x'));
    await expect(unsendable()).rejects.toMatchObject({ code: 'ERR_RPYC_UNSENDABLE' });
    await expect(unsendable().x.y(1)).rejects.toMatchObject({ code: 'ERR_RPYC_UNSENDABLE' });
    await conn.close();
    await expect(root.spot(1, 2)).rejects.toMatchObject({ code: 'ERR_RPYC_CLOSED' });
    await expect(root.spot(1, 2).norm()).rejects.toMatchObject({ code: 'ERR_RPYC_CLOSED' });
  });

  test('is called as a oneway, when it has become a callable', async () => {
    const { root } = await connected();
    const heard: unknown[] = [];
    const callback = (value: unknown) => void heard.push(value);
    rpyc.oneway(root.echo(root.relay(callback)))('one');
    rpyc.oneway(root.relay(callback).__call__)('two');
    for (let i = 0; heard.length < 2 && i < 100; i++) await root.call(later, i);
    expect(heard.sort()).toEqual(['one', 'two']);
  });

  test('inside a container it is refused, as a path is', async () => {
    const { root } = await connected();
    await expect(root.echo(rpyc.tuple(root.name()))).rejects.toMatchObject({ code: 'ERR_RPYC_UNSENDABLE' });
  });

  test('a handler of ours may return one', async () => {
    const { root } = await connected();
    expect(await root.echo(root.adder(root.add(1, 2))).__call__(4)).toBe(7);
    expect(await root.echo(() => root.name()).__call__()).toBe('hello');
  });
});

describe('A failure in a chain', () => {
  test('is told once, at the end, and is nobody’s unhandled rejection in the middle', async () => {
    const { root } = await connected();
    const seen: string[] = [];
    const caught = (promise: PromiseLike<unknown>) =>
      promise.then(undefined, (error: Error) => void seen.push(error.message.split('\n')[0] ?? ''));
    const unhandled = await unhandledIn(async () => {
      await caught(root.fail('1').x);
      await caught(root.fail('2').x.y(1).z(2).w);
      await caught(root.fail('3').scale(root.call(later, 1)));
      await caught(root.add(root.call(later, 1), root.fail('4')));
      await caught(root.add(root.fail('5'), root.fail('and not 6')));
      await caught(root.kw(root.call(later, 1), rpyc.kwargs({ a: root.call(later, 2), b: root.fail('7').x })));
      await caught(root.spot(1, 2).scale(root.call(later, 1), root.fail('8').x.y()));
      await caught(rpyc.len(root.fail('9')) as Promise<number>);
      await caught(root.fail('10')[Symbol.asyncIterator]().next());
    });
    expect(seen).toEqual(['1', '2', '3', '4', '5', '7', '8', '9', '10']);
    expect(unhandled).toEqual([]);
  });

  test('that nobody waits for is an unhandled rejection, once', async () => {
    const { root } = await connected();
    expect(await unhandledIn(async () => (root.fail('call'), await root.call(later, 1), turns()))).toEqual(['call']);
    expect(await unhandledIn(async () => (root.fail('chain').x.y(1).z(2), await root.call(later, 1), turns()))).toEqual(
      ['chain'],
    );
    // A path that nobody awaits or calls does nothing, as ever: the call before it is what failed.
    expect(await unhandledIn(async () => (root.fail('head').x.y, await root.call(later, 1), turns()))).toEqual([
      'head',
    ]);
    expect(
      await unhandledIn(
        async () => (root.add(root.fail('argument'), root.fail('other')), await root.call(later, 1), turns()),
      ),
    ).toEqual(['argument']);
  });
});

describe('A chain whose peer dies', () => {
  test('rejects once with the end of the connection, wherever it was', async () => {
    const { root } = await connected(await mortal());
    const unhandled = await unhandledIn(async () => {
      const chains = [
        root.never().x,
        root.never().x.y(1).z,
        root.add(root.name().length, root.never()),
        root.exit().x.y(2),
      ];
      const outcomes = await Promise.allSettled(chains);
      for (const outcome of outcomes)
        expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ERR_RPYC_CLOSED' } });
    });
    expect(unhandled).toEqual([]);
  });

  test('between two of its links: what is left of it rejects', async () => {
    const { root, conn } = await connected(await mortal());
    const spot = root.spot(3, 4);
    await spot;
    await root.exit().catch(() => undefined);
    expect(conn.closed).toBe(true);
    await expect(spot.twin.scale(2).x).rejects.toMatchObject({ code: 'ERR_RPYC_CLOSED' });
    expect(inspect(await spot)).toBe('[netref js.Spot, connection closed]');
  });
});

describe('A chain within limits', () => {
  test('a deadline holds for the promise that a path starts with, and for arguments', async () => {
    const { root } = await connected();
    const soon = { timeout: 0.05 };
    await expect(rpyc.withOptions(root.never(), soon)).rejects.toMatchObject({ code: 'ERR_RPYC_TIMEOUT' });
    await expect(rpyc.withOptions(root.never().x.y, soon)).rejects.toMatchObject({ code: 'ERR_RPYC_TIMEOUT' });
    await expect(rpyc.withOptions(root.never().x, soon)(1)).rejects.toMatchObject({ code: 'ERR_RPYC_TIMEOUT' });
    await expect(rpyc.withOptions(root.add, soon)(1, root.never())).rejects.toMatchObject({ code: 'ERR_RPYC_TIMEOUT' });
    await expect(rpyc.withOptions(root.never, soon)()).rejects.toMatchObject({ code: 'ERR_RPYC_TIMEOUT' });
    await expect(rpyc.withOptions(root.never, soon)().x).rejects.toMatchObject({ code: 'ERR_RPYC_TIMEOUT' });
    const gone = { signal: AbortSignal.abort(new Error('enough')) };
    await expect(rpyc.withOptions(root.add, gone)(1, 2).x).rejects.toThrow('enough');
  });
});

describe('What a chain has seen', () => {
  /** Calls itself until the server holds no more than `most` objects of its own. */
  const refsOf = async (root: any): Promise<number> => await root.get_refs();

  test('is given back at once where only the chain can know of it', async () => {
    const { root } = await connected();
    const spot = await root.spot(3, 4);
    const base = await refsOf(root);
    for (let i = 0; i < 20; i++) {
      expect(await spot.twin.twin.twin.x).toBe(3);
      expect(await spot.twin.twin.norm()).toBe(5);
      await expect(spot.twin.twin.nope).rejects.toBeInstanceOf(rpyc.exceptions.AttributeError);
    }
    expect(await refsOf(root)).toBe(base);
  });

  test('is given back when the promise that stands for it is gone', async () => {
    const { root } = await connected();
    const base = await refsOf(root);
    await (async () => {
      for (let i = 0; i < 50; i++) {
        expect(await root.spot(3, 4).scale(2).scale(3).norm()).toBe(30);
        expect(await root.spots(3).length).toBe(3);
        expect(await root.pair()[1].twin.x).toBe(3);
        for await (const n of root.stream(2)) expect(n % 10).toBe(0);
      }
    })();
    await new Promise(setImmediate);
    globalThis.gc?.();
    await new Promise(setImmediate);
    await root.add(1, 2);
    expect(await refsOf(root)).toBe(base);
  });

  test('is kept while the promise is', async () => {
    const { root } = await connected();
    const spot = root.spot(3, 4);
    expect(await spot.norm()).toBe(5);
    globalThis.gc?.();
    await new Promise(setImmediate);
    await root.add(1, 2);
    expect(await spot.scale(2).norm()).toBe(10);
  });
});

describePython('With RPyC 6.0.1', () => {
  test('a chain costs what its parts cost: a CALLATTR each, and nothing for the promise', async () => {
    const python = await startPython('6.0.1', peer('idioms.py'));
    const conn = await rpyc.connect('127.0.0.1', python.ready.port);
    onTestFinished(() => conn.close());
    const { root } = conn;
    await run(
      'awaiting',
      (function* () {
        yield root.add(1, 2);
        yield* served(root);
        yield root.spot(3, 4).scale(2).norm();
        expect((yield* served(root)).requests).toEqual(['CALLATTR', 'CALLATTR', 'CALLATTR']);
        yield root.spot(3, 4).twin.x;
        expect((yield* served(root)).requests).toEqual(['CALLATTR', 'GETATTR', 'GETATTR']);
        yield root.numbers(50).map(String);
        expect((yield* served(root)).requests).toEqual(['CALLATTR', 'BUFFITER']);
        yield root.numbers(50).length;
        expect((yield* served(root)).requests).toEqual(['CALLATTR', 'CALLATTR']);
        yield root.numbers(50).at(-1);
        expect((yield* served(root)).requests).toEqual(['CALLATTR', 'CALLATTR']);
        const list = yield root.numbers(50);
        yield* served(root);
        void [list.length, list.map, list.at, list.join];
        expect((yield* served(root)).requests).toEqual([]);
      })(),
    );
  });

  test('modules of classic mode are worked with as they would be over there', async () => {
    const slave = await startClassic('6.0.1', 'slave');
    const conn = await rpyc.classic.connect('127.0.0.1', slave.ready.port);
    onTestFinished(() => conn.close());
    const { Counter } = conn.modules.collections;
    expect(await Counter('abca').most_common(1)[0]).toEqual(['a', 2]);
    expect(await Counter('abca').most_common(1)[0][0].toUpperCase()).toBe('A');
    const counter = Counter('abca');
    expect([await counter.most_common().length, await counter.get('b')]).toEqual([3, 1]);
    expect(
      await counter
        .copy()
        .most_common(1)
        .map(([letter]: [string]) => letter),
    ).toEqual(['a']);
    expect(await conn.eval('[3, 1, 2]').toSorted().join('')).toBe('123');
    expect(await conn.eval('[3, 1, 2]').push(4)).toBe(4);
    expect(await conn.modules.datetime.date(2024, 2, 29).isoformat()).toBe('2024-02-29');
    await expect(conn.modules.datetime.date(2024, 2, 30).isoformat()).rejects.toBeInstanceOf(
      rpyc.exceptions.ValueError,
    );
  });

  test('what a chain has seen is given back there as well', async () => {
    const python = await startPython('6.0.1', peer('idioms.py'));
    const conn = await rpyc.connect('127.0.0.1', python.ready.port);
    onTestFinished(() => conn.close());
    const { root } = conn;
    await root.add(1, 2);
    const base = await root.get_refs();
    await (async () => {
      for (let i = 0; i < 20; i++) expect(await root.spot(3, 4).twin.scale(2).twin.x).toBe(6);
    })();
    await new Promise(setImmediate);
    globalThis.gc?.();
    await new Promise(setImmediate);
    await root.add(1, 2);
    expect(await root.get_refs()).toBe(base);
  });
});
