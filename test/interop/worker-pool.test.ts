// WorkerPoolServer: connections spread over threads, each worker by itself; what a blocked, crashed or stuck one does to the others.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { descriptors, rpyc, serviceModule, startPool, until } from '../support/pool.ts';
import { describePython, pythonJson, runClient } from '../support/python.ts';

const CLOSED = expect.objectContaining({ code: 'ERR_RPYC_CLOSED' });

describePython.each(['6.0.1', '5.3.1'] as const)('with clients of RPyC %s', (version) => {
  test('a worker pool serves calls and callbacks, and clients are spread over the workers', async () => {
    const { port } = await startPool({ workers: 3 });
    const out = await runClient(
      version,
      port,
      `
      conns = [conn] + [rpyc.connect("127.0.0.1", ${port}) for _ in range(5)]
      out["sum"] = [c.root.add(n, 10) for n, c in enumerate(conns)]
      out["workers"] = sorted(c.root.worker() for c in conns)
      out["back"] = [c.root.call(lambda n: n * n, n) for n, c in enumerate(conns)]
      for c in conns[1:]: c.close()
      `,
    );
    expect(out).toEqual({ sum: [10, 11, 12, 13, 14, 15], workers: [0, 0, 1, 1, 2, 2], back: [0, 1, 4, 9, 16, 25] });
  });

  test('32 threads of clients get their own answers, each connection in order', async () => {
    const { port } = await startPool({ workers: 2 });
    const out = await pythonJson(
      version,
      `
import json, rpyc, threading
out = [None] * 32
def run(n):
    conn = rpyc.connect("127.0.0.1", ${port})
    pending = [rpyc.async_(conn.root.next)() for _ in range(50)]
    out[n] = [p.value for p in pending] == list(range(1, 51)) and conn.root.add(n, n) == 2 * n
    conn.close()
threads = [threading.Thread(target=run, args=(n,)) for n in range(32)]
for t in threads: t.start()
for t in threads: t.join()
print(json.dumps(out))
`,
    );
    expect(out).toEqual(Array(32).fill(true));
  });

  test('drain lets the call of a client end', async () => {
    const pool = await startPool();
    const answer = pythonJson(
      version,
      `
import json, rpyc
print(json.dumps(rpyc.connect("127.0.0.1", ${pool.port}).root.block()))
`,
    );
    await pool.waiting(1);
    const drained = pool.server.drain({ timeout: 20 });
    pool.release();
    expect(await drained).toBe(0);
    expect(await answer).toBe(0);
  });
});

describe('hand-off', () => {
  test('each connection goes to the worker with the fewest, those that are over not counted', async () => {
    const pool = await startPool({ workers: 3 });
    const { conns, workers } = await pool.connectEach(9);
    expect([0, 1, 2].map((worker) => workers.filter((is) => is === worker).length)).toEqual([3, 3, 3]);
    for (const [at, conn] of conns.entries()) if (workers[at] === 1) await conn.close();
    await until(() => pool.server.metrics().workers[1]?.connections.open === 0);
    expect((await pool.connectEach(3)).workers).toEqual([1, 1, 1]);
  });

  test('state is of a worker, and of a connection; a connection keeps its worker', async () => {
    const pool = await startPool({ workers: 2 });
    const { conns } = await pool.connectEach(4);
    const [a, b, c, d] = conns.map(({ root }) => root);
    expect([await a.calls(), await c.calls(), await a.calls()]).toEqual([1, 2, 3]);
    expect([await b.calls(), await d.calls()]).toEqual([1, 2]);
    expect([await a.next(), await a.next(), await c.next()]).toEqual([1, 2, 1]);
  });

  test('a worker that blocks holds up nobody else, and new clients go to others', async () => {
    const pool = await startPool({ workers: 2 });
    const { conns } = await pool.connectEach(2);
    const blocked = conns[0]?.root.block();
    await pool.waiting(1);
    expect(await conns[1]?.root.add(1, 2)).toBe(3);
    expect((await pool.connectEach(6)).workers).toEqual([1, 1, 1, 1, 1, 1]);
    pool.release();
    expect(await blocked).toBe(0);
    // It takes part again as soon as its loop has turned.
    while (!(await pool.connectEach(1)).workers.includes(0));
    expect((await pool.connectEach(4)).workers).toEqual([0, 0, 0, 0]);
  });

  test('when every worker blocks, clients wait, and are served by the first that returns', async () => {
    const pool = await startPool({ workers: 2 });
    const { conns } = await pool.connectEach(2);
    const blocked = conns.map(({ root }) => root.block());
    await pool.waiting(2);
    const others = Promise.all(Array.from({ length: 20 }, () => pool.connect()));
    await until(() => pool.server.metrics().connections.accepted === 2);
    pool.release();
    expect(await Promise.all(blocked)).toEqual([0, 1]);
    expect(await Promise.all((await others).map(({ root }) => root.add(2, 2)))).toEqual(Array(20).fill(4));
    expect(pool.server.metrics().connections).toMatchObject({ open: 22, accepted: 22 });
  });

  test('more clients than there may be offers wait in the backlog, and all are served in the end', async () => {
    const pool = await startPool({ workers: 1, backlog: 4096 });
    const { conns } = await pool.connectEach(1);
    const blocked = conns[0]?.root.block();
    await pool.waiting(1);
    const others = Promise.all(Array.from({ length: 1500 }, () => pool.connect()));
    pool.release();
    await blocked;
    expect(await Promise.all((await others).map(({ root }) => root.add(2, 2)))).toEqual(Array(1500).fill(4));
  });
});

describe('a worker that ends', () => {
  test.each([
    ['process.exit', 'exit', 'exit'],
    ['an error that nothing catches', 'throw', 'error'],
    ['want of memory', 'memory', 'error'],
  ])('by %s is replaced; its clients see the end, and nobody else notices', async (_how, method, reason) => {
    const pool = await startPool({ workers: 2, resourceLimits: { maxOldGenerationSizeMb: 64 } });
    const { conns } = await pool.connectEach(4);
    const [victim, other, neighbour, another] = conns.map(({ root }) => root);
    const exit = pool.happened('exit');
    const online = pool.happened('online');
    await expect(victim[method]()).rejects.toEqual(CLOSED);
    expect(await exit).toMatchObject({ worker: 0, reason });
    await expect(neighbour.add(1, 1)).rejects.toEqual(CLOSED);
    expect([await other.calls(), await another.calls()]).toEqual([1, 2]);
    expect(await online).toEqual({ worker: 0, state: 'online' });
    expect((await pool.connectEach(2)).workers).toEqual([0, 0]);
    expect(pool.log).toEqual([expect.stringMatching(/^rpyc server: worker 0 ended .*is replaced/)]);
    const { workers, connections } = pool.server.metrics();
    expect(workers.map(({ restarts, state }) => [restarts, state])).toEqual([
      [1, 'serving'],
      [0, 'serving'],
    ]);
    expect(connections).toMatchObject({ open: 4, accepted: 6 });
  });

  test('by crashing again and again leaks no descriptor', async () => {
    const pool = await startPool({ workers: 2, maxCrashes: 100 });
    const quiet = descriptors();
    for (let round = 0; round < 4; round++) {
      const { conns, workers } = await pool.connectEach(10);
      const online = pool.happened('online', 0);
      await Promise.allSettled(conns.map((conn, at) => workers[at] === 0 && conn.root.exit()));
      await online;
      await Promise.all(conns.map((conn) => conn.close()));
    }
    await until(() => descriptors() === quiet);
    await until(() => pool.server.metrics().connections.open === 0);
    expect(pool.server.metrics().connections.accepted).toBe(40);
  });

  test('without having looked at what it was offered: that is served by its successor', async () => {
    const pool = await startPool({ workers: 1, stuckAfter: 1 });
    const { conns } = await pool.connectEach(1);
    const stuck = conns[0]?.root.spin();
    stuck.catch(() => {});
    await pool.waiting(1);
    const others = Array.from({ length: 5 }, () => pool.connect());
    await expect(stuck).rejects.toEqual(CLOSED);
    for (const conn of await Promise.all(others)) expect(await conn.root.add(1, 2)).toBe(3);
  });

  test('in a row, at once and too often is given up; when none is left the pool ends with an error', async () => {
    const pool = await startPool({ workers: 2, maxCrashes: 2 });
    const { server } = pool;
    const ended = once(server, 'error');
    for (const worker of [0, 1])
      for (let round = 0; round < 2; round++) {
        const gone = pool.happened(round === 0 ? 'online' : 'given up', worker);
        const { conns, workers } = await pool.connectEach(2);
        const victim = conns[workers.indexOf(worker)];
        await expect(victim?.root.exit()).rejects.toEqual(CLOSED);
        await gone;
        if (worker === 0) expect(await conns[workers.indexOf(1)]?.root.add(1, 2)).toBe(3);
        await Promise.all(conns.map((conn) => conn.close()));
      }
    expect((await ended)[0]).toMatchObject({ code: 'ERR_RPYC_WORKER' });
    expect(server.metrics().workers.map(({ state }) => state)).toEqual(['given up', 'given up']);
    await expect(rpyc.connect('127.0.0.1', pool.port)).rejects.toMatchObject({ code: 'ERR_RPYC_CONNECT' });
  });
});

describe('stuckAfter', () => {
  test('a worker without a sign of life is replaced: its clients see the end, and nobody else notices', async () => {
    const pool = await startPool({ workers: 2, stuckAfter: 0.5 });
    const { conns } = await pool.connectEach(4);
    const [victim, other, neighbour] = conns.map(({ root }) => root);
    const exit = pool.happened('exit');
    const online = pool.happened('online');
    await expect(victim.spin()).rejects.toEqual(CLOSED);
    await expect(neighbour.add(1, 1)).rejects.toEqual(CLOSED);
    expect(await exit).toMatchObject({ worker: 0, reason: 'stuck' });
    expect(await online).toMatchObject({ worker: 0 });
    expect(await other.add(1, 2)).toBe(3);
    expect(pool.log[0]).toContain('worker 0 ended (no sign of life for 0.5 s)');
  });

  test('a blocking call that waits for its peer is a sign of life', async () => {
    const pool = await startPool({ workers: 1, stuckAfter: 0.3 });
    const conn = await pool.connect();
    const slow = () => new Promise((resolve) => setTimeout(resolve, 1500, 'awaited'));
    expect(await conn.root.call_sync(slow)).toBe('awaited');
    expect(pool.server.metrics().workers[0]?.restarts).toBe(0);
  });
});

describe('the end', () => {
  test('close ends a worker that does not answer by force, and leaves nothing behind', async () => {
    const quiet = descriptors();
    const pool = await startPool({ workers: 2 });
    const { conns } = await pool.connectEach(2);
    const calls = conns.map(({ root }) => root.spin());
    await pool.waiting(2);
    await Promise.all([pool.server.close(), ...calls.map((call) => expect(call).rejects.toEqual(CLOSED))]);
    await until(() => descriptors() <= quiet);
    expect(pool.server.metrics().workers.map(({ state }) => state)).toEqual(['closed', 'closed']);
  });

  test('close ends a worker inside a blocking call', async () => {
    const pool = await startPool({ workers: 1 });
    const conn = await pool.connect();
    const asked = once(conn, 'close');
    const call = conn.root.call_sync(() => new Promise(() => {}));
    call.catch(() => {});
    await until(() => pool.server.metrics().connections.open === 1);
    await Promise.all([pool.server.close(), asked, expect(call).rejects.toEqual(CLOSED)]);
  });

  test('drain resolves with the number of connections that took too long', async () => {
    const pool = await startPool({ workers: 2 });
    const { conns } = await pool.connectEach(4);
    const never = conns[0]?.root.never();
    const spins = conns[1]?.root.spin();
    await pool.waiting(2);
    const drained = pool.server.drain({ timeout: 0.3 });
    await expect(never).rejects.toEqual(CLOSED);
    await expect(spins).rejects.toEqual(CLOSED);
    // Of the worker that spins both are cut: it could say goodbye to neither.
    expect(await drained).toBe(3);
    expect(await pool.server.drain()).toBe(3);
  });

  test('close during drain does not wait for it', async () => {
    const pool = await startPool({ workers: 2 });
    const conn = await pool.connect();
    const never = conn.root.never();
    await pool.waiting(1);
    const drained = pool.server.drain({ timeout: null });
    await Promise.all([pool.server.close(), expect(never).rejects.toEqual(CLOSED)]);
    await drained;
  });

  test.each([{}, { reusePort: true }])(
    'close while it starts rejects start, and ends what was begun, with %j',
    async (options) => {
      const quiet = descriptors();
      const module = serviceModule();
      for (const ms of [0, 10, 30, 60, 90, 120]) {
        const server = new rpyc.WorkerPoolServer(module, {
          workers: 2,
          logger: null,
          sharedState: new SharedArrayBuffer(16),
          ...options,
        });
        // It may be started by then.
        const started = server.start().catch((error: Error) => error.message);
        await new Promise((resolve) => setTimeout(resolve, ms));
        await server.close();
        expect(['the server was closed: make a new one', server]).toContain(await started);
        await expect(server.start()).rejects.toThrow('make a new one');
      }
      await until(() => descriptors() <= quiet);
    },
  );
});

describe('start', () => {
  test('fails for a taken port before any worker is started', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const module = serviceModule(`throw new Error('loaded');`, 'pool-not-loaded.mjs');
    const server = new rpyc.WorkerPoolServer(module, { port, logger: null });
    await expect(server.start()).rejects.toMatchObject({ code: 'EADDRINUSE' });
    taken.close();
  });

  test.each([
    ['export const nothing = 1;', 'should be a subclass of rpyc.Service'],
    ['export default class Other {}', 'should be a subclass of rpyc.Service'],
    ['export default () => 5;', 'should return a subclass of rpyc.Service'],
    ["throw new RangeError('broken module');", 'broken module'],
    ['process.exit(7);', 'its thread ended with status 7'],
    ['await new Promise(() => {});', 'its thread ended with status 13'],
    ["import 'no-such-package';", "Cannot find package 'no-such-package'"],
  ])('fails for a module %j, names it, and leaves nothing behind', async (text, message) => {
    const quiet = descriptors();
    const module = serviceModule(text, 'pool-broken.mjs');
    const server = new rpyc.WorkerPoolServer(module, { workers: 2, logger: null });
    const failure = await server.start().catch((error) => error);
    expect(failure).toMatchObject({ code: 'ERR_RPYC_WORKER', message: expect.stringContaining(message) });
    expect(failure.message).toContain(module.href);
    expect(failure.cause.message).toContain(message);
    await until(() => descriptors() <= quiet);
  });

  test('refuses what cannot go to another thread, and says what', () => {
    const make = (options: object) => () => new rpyc.WorkerPoolServer(serviceModule(), options);
    expect(make({ config: { before_closed: () => {} } })).toThrow(
      'before_closed cannot be copied to the workers of a WorkerPoolServer',
    );
    expect(make({ sharedState: new MessageChannel().port1 })).toThrow('give a function that makes one for each');
    expect(make({ sharedState: { f() {} } })).toThrow('sharedState cannot be cloned to the workers');
    expect(make({ workers: 0 })).toThrow('workers is a whole number between 1 and 1024, not 0');
    expect(make({ stuckAfter: 0.1 })).toThrow('stuckAfter is 0.2 s at least, not 0.1');
    expect(make({ stuckAfter: '5' })).toThrow('stuckAfter is a number of seconds above 0');
    expect(make({ maxCrashes: 0.5 })).toThrow('maxCrashes is a whole number');
    expect(make({ reusePort: true, socketPath: '/tmp/x' })).toThrow('reusePort is for TCP');
    expect(() => new rpyc.WorkerPoolServer('', {})).toThrow('the service module is a URL or a path');
  });
});
