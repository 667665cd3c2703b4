// Reference counts under load, with real Python on the other side: what was dropped is gone there, also while this thread never returns
// to its event loop, and memory stays bounded.
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, type RpycVersion, startServer } from '../support/python.ts';

const MANY = 100_000;
const gc = global.gc as () => void;

/** RSS after a collection, MB. */
function rss(): number {
  gc();
  return process.memoryUsage.rss() / (1 << 20);
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describePython.each<RpycVersion>(['6.0.1', '5.3.1'])('with real RPyC %s', (version) => {
  test('100,000 objects of ours, passed and dropped there, are gone here', { timeout: 120_000 }, async () => {
    const server = await startServer(version, {}, { timeoutMs: 120_000 });
    const conn = await rpyc.connect('127.0.0.1', server.ready.port);
    const root = await conn.root;
    const base = conn.stats.localObjects;
    for (let sent = 0; sent < MANY; ) {
      const calls: Promise<unknown>[] = [];
      for (let i = 0; i < 2000; i++, sent++) calls.push(root.hold([sent]));
      await Promise.all(calls);
    }
    await root.drop();
    await root.add(1, 2);
    expect(conn.stats.localObjects).toBe(base);
    expect(conn.stats.pending).toBe(0);
    await conn.close();
  });

  test('100,000 objects of Python, received and dropped in one synchronous job, are gone there before it ends', {
    timeout: 120_000,
  }, async () => {
    const server = await startServer(version, {}, { timeoutMs: 120_000 });
    const conn = rpyc.connectSync('127.0.0.1', server.ready.port, { config: { sync_request_timeout: 100 } });
    const { root } = conn;
    const base = root.get_refs();
    let most = 0;
    let fn = root.make_function();
    for (let i = 0; i < MANY; i++) {
      fn = root.make_list(0);
      if (i % 10_000 === 0) {
        gc();
        most = Math.max(most, conn.stats.remoteObjects);
      }
    }
    fn = undefined;
    gc();
    for (let i = 0; i < 40; i++) root.add(1, 2);
    // Its own result is a number: the table is what the loop left.
    expect(root.get_refs()).toBe(base);
    expect(conn.stats.remoteObjects).toBeLessThanOrEqual(base);
    expect(most).toBeLessThan(MANY / 2);
    expect(fn).toBeUndefined();
    conn.close();
  });

  test('100,000 objects of Python, received and dropped while awaiting, are gone there', {
    timeout: 120_000,
  }, async () => {
    const server = await startServer(version, {}, { timeoutMs: 120_000 });
    const conn = await rpyc.connect('127.0.0.1', server.ready.port);
    const root = await conn.root;
    const base = await root.get_refs();
    for (let received = 0; received < MANY; received += 2000) {
      await Promise.all(Array.from({ length: 2000 }, () => root.make_list(0)));
      await turn();
    }
    let left = Number.NaN;
    for (let i = 0; i < 100 && left !== base; i++) {
      gc();
      await turn();
      left = await root.get_refs();
    }
    expect(left).toBe(base);
    await conn.close();
  });
});

describePython('five rounds of 100,000 objects passed and dropped in each direction', () => {
  const ROUNDS = 5;
  /** MB that the process may grow between the second and the last round. */
  const GROWTH = 5;

  test('leave both tables empty and no memory behind, blocking, in one synchronous job', {
    timeout: 300_000,
  }, async () => {
    const server = await startServer('6.0.1', {}, { timeoutMs: 300_000 });
    const conn = rpyc.connectSync('127.0.0.1', server.ready.port);
    const { root } = conn;
    const base = root.get_refs();
    const sizes: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      for (let i = 0; i < MANY; i++) root.swap([i]);
      gc();
      for (let i = 0; i < 40; i++) root.add(1, 2);
      expect(root.get_refs()).toBe(base);
      expect(conn.stats).toMatchObject({ localObjects: 0, remoteObjects: base, pending: 0 });
      sizes.push(rss());
    }
    expect((sizes[ROUNDS - 1] as number) - (sizes[1] as number)).toBeLessThan(GROWTH);
    conn.close();
  });

  test('leave both tables empty and no memory behind, awaiting', { timeout: 300_000 }, async () => {
    const server = await startServer('6.0.1', {}, { timeoutMs: 300_000 });
    const conn = await rpyc.connect('127.0.0.1', server.ready.port);
    const root = await conn.root;
    const base = await root.get_refs();
    const sizes: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      for (let sent = 0; sent < MANY; sent += 500) {
        await Promise.all(Array.from({ length: 500 }, (_, i) => root.swap([i])));
        await turn();
      }
      let left = Number.NaN;
      for (let i = 0; i < 100 && left !== base; i++) {
        gc();
        await turn();
        left = await root.get_refs();
      }
      expect(left).toBe(base);
      expect(conn.stats).toMatchObject({ localObjects: 0, remoteObjects: base, pending: 0 });
      sizes.push(rss());
    }
    expect((sizes[ROUNDS - 1] as number) - (sizes[1] as number)).toBeLessThan(GROWTH);
    await conn.close();
  });
});

describePython('memory', () => {
  test('does not grow from round to round of calls, objects and connections', { timeout: 120_000 }, async () => {
    const server = await startServer('6.0.1', {}, { timeoutMs: 120_000 });
    const round = async (): Promise<void> => {
      const conn = await rpyc.connect('127.0.0.1', server.ready.port);
      const root = await conn.root;
      for (let i = 0; i < 20; i++) {
        await Promise.all(Array.from({ length: 200 }, (_, n) => root.echo(n % 2 === 0 ? 'x'.repeat(500) : [n])));
        await root.echo(Buffer.alloc(300_000));
        await root.call((value: number) => value, i);
      }
      await conn.close();
    };
    for (let i = 0; i < 3; i++) await round();
    const before = rss();
    for (let i = 0; i < 9; i++) await round();
    expect(rss() - before).toBeLessThan(100);
  });

  test('1,000 connections opened and closed leave nothing behind', { timeout: 120_000 }, async () => {
    const server = new rpyc.Server(rpyc.VoidService, { logger: null });
    await server.start();
    const once = async (): Promise<void> => {
      const conns = await Promise.all(Array.from({ length: 20 }, () => rpyc.connect('127.0.0.1', server.port)));
      await Promise.all(conns.map((conn) => conn.ping()));
      await Promise.all(conns.map((conn) => conn.close()));
    };
    for (let i = 0; i < 10; i++) await once();
    const before = rss();
    for (let i = 0; i < 50; i++) await once();
    expect(rss() - before).toBeLessThan(100);
    expect(server.connections.size).toBe(0);
    await server.close();
  });
});
