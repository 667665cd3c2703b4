// A Node client and a Node server in two processes, over TCP and Unix sockets, in both faces.
import { mkdtempSync, rmSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { type NodePeer, startNode } from '../support/node.ts';
import { connect, FACES, items, raised, rootOf, run, type Steps, settled } from './faces.ts';
import { serve } from './nodes.ts';

const { exceptions } = rpyc;

describe.each(FACES)('A Node client of a Node server, %s,', (face) => {
  let server: NodePeer;
  beforeAll(async () => {
    server = await startNode({ config: { allow_public_attrs: true, allow_setattr: true } });
  });
  afterAll(() => server.stop());

  const check = (name: string, steps: (root: any, conn: rpyc.Connection) => Steps) =>
    test(name, async () => {
      const conn = await connect(face, server.port);
      try {
        await run(face, steps(rootOf(face, conn), conn));
      } finally {
        await conn.close();
      }
    });

  check('calls, also async handlers, with keywords', function* (root, conn) {
    expect([conn.protocol, conn.bound]).toEqual([6, false]);
    expect(yield root.add(5, 10)).toBe(15);
    expect(yield root.add_later(5, 10)).toBe(15);
    expect(yield root.const).toBe(17);
    expect(yield root.args(1, rpyc.kwargs({ x: 2 }))).toEqual([[1], [['x', 2]]]);
  });

  check('sends and receives every kind of value', function* (root) {
    const values = [
      null,
      true,
      1,
      -1.5,
      -0,
      Number.NaN,
      2n ** 64n,
      '',
      '😀\ufeff',
      Buffer.from('b'),
      rpyc.tuple(1, rpyc.tuple('x')),
    ];
    for (const value of [...values, rpyc.slice(1, 2), new rpyc.Complex(1, 2), rpyc.Ellipsis, 'x'.repeat(100_000)])
      expect(yield root.echo(value)).toStrictEqual(value);
    const large = Buffer.alloc(3_000_000, 7);
    expect((yield root.echo(large)).equals(large)).toBe(true);
    expect([...(yield root.echo(new rpyc.FrozenSet([1, 2])))]).toEqual([1, 2]);
    const own = {};
    expect(yield root.echo(own)).toBe(own);
  });

  check('uses containers, generators and instances', function* (root) {
    const client = { face } as never;
    const list = yield root.list(30);
    expect(yield rpyc.len(list)).toBe(30);
    expect(yield list[3]).toBe(3);
    expect(yield rpyc.toArray(yield rpyc.getitem(list, rpyc.slice(-2, null)))).toEqual([28, 29]);
    expect((yield* items(client, list)).length).toBe(30);
    const map = yield root.map();
    expect(yield rpyc.getitem(map, 2)).toBe('two');
    expect(yield map.a).toBe(1);
    expect(yield* raised(() => rpyc.getitem(map, 'x'))).toBeInstanceOf(exceptions.KeyError);
    expect(yield* items(client, yield root.count(4))).toEqual([0, 1, 2, 3]);
    expect(yield* items(client, yield root.ticks(3))).toEqual([0, 10, 20]);
    expect(yield rpyc.toArray(yield root.ticks(50))).toHaveLength(50);
    const point = yield new root.Point(3, 4);
    expect(yield point.norm()).toBe(5);
    expect(yield rpyc.str(point)).toBe('(3|4)');
    yield rpyc.setattr(point, 'x', 30);
    expect(yield point.x).toBe(30);
    expect(yield rpyc.isinstance(point, root.Point)).toBe(true);
    expect(yield* raised(() => rpyc.getattr(point, 'constructor'))).toBeInstanceOf(exceptions.AttributeError);
  });

  check('is called back, nested both ways', function* (root) {
    const down = (n: number): any => {
      if (n === 0) return 0;
      return face === 'blocking'
        ? 1 + root.call_blocking(down, n - 1)
        : root.call(down, n - 1).then((m: number) => m + 1);
    };
    expect(yield (face === 'blocking' ? root.call_blocking : root.call)(down, 6)).toBe(6);
    expect(yield root.call((a: number) => a * 2, 21)).toBe(42);
    const later = new Promise((resolve) => void root.call_later(resolve, 'later'));
    expect(yield settled(later)).toBe('later');
  });

  check('receives exceptions as their classes', function* (root) {
    const plain = yield* raised(() => root.throw('why'));
    expect(plain).toBeInstanceOf(exceptions.Exception);
    expect(plain).toMatchObject({ message: 'why', remoteVersion: '6.0.1+node' });
    expect(plain.stack).toContain('node-server.ts');
    expect(yield* raised(() => root.throw('type'))).toBeInstanceOf(TypeError);
    expect(yield* raised(() => root.throw('key'))).toMatchObject({ pyName: 'KeyError', args: ['k'] });
    expect(yield* raised(() => root.throw('custom'))).toMatchObject({ name: 'js.NotFound', key: 'it' });
    expect(yield* raised(() => root.absent())).toBeInstanceOf(exceptions.AttributeError);
    const through = yield* raised(() =>
      root.call(() => {
        throw new exceptions.IndexError('ours');
      }),
    );
    expect(through).toMatchObject({ pyName: 'IndexError', args: ['ours'] });
  });

  check('gives references back exactly', function* (root) {
    const base = yield root.refs();
    const lists = [];
    for (let i = 0; i < 50; i++) lists.push(yield root.list(1));
    expect(yield root.refs()).toBe(base + 50);
    for (const list of lists) rpyc.release(list);
    expect(yield root.refs()).toBe(base);
  });

  check('keeps one identity for an object that the server holds', function* (root) {
    const own = { mine: 1 };
    yield root.hold(own);
    expect(yield root.held()).toBe(own);
    const theirs = yield root.list(1);
    expect(yield root.echo(theirs)).toBe(theirs);
  });
});

describe('Other ways to a Node server', () => {
  test('a Unix socket, awaiting and blocking', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rpyc-'));
    try {
      const socketPath = join(folder, 'server.sock');
      await startNode({ socketPath });
      const conn = await rpyc.unixConnect(socketPath);
      expect(await conn.root.add(5, 10)).toBe(15);
      const sync = rpyc.unixConnectSync(socketPath);
      expect(sync.root.add(5, 10)).toBe(15);
      expect(sync.root.call((n: number) => n + 1, 1)).toBe(2);
      sync.close();
      await conn.close();
      await expect(rpyc.unixConnect(join(folder, 'absent'))).rejects.toThrow(rpyc.ConnectError);
      expect(() => rpyc.unixConnectSync(join(folder, 'absent'))).toThrow(rpyc.ConnectError);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const hasIPv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));

  test('IPv6, or a ConnectError where the machine has none', async () => {
    if (!hasIPv6) {
      await expect(rpyc.connect('::1', 1)).rejects.toThrow(rpyc.ConnectError);
      expect(() => rpyc.connectSync('::1', 1)).toThrow(rpyc.ConnectError);
      return;
    }
    const { port } = await startNode({ hostname: '::1' });
    const conn = await rpyc.connect('::1', port);
    expect(await conn.root.add(5, 10)).toBe(15);
    const sync = rpyc.connectSync('::1', port);
    expect(sync.root.add(5, 10)).toBe(15);
    sync.close();
    await conn.close();
  });

  test('a host name', async () => {
    const { port } = await startNode();
    const conn = await rpyc.connect('localhost', port);
    expect(await conn.root.add(5, 10)).toBe(15);
    const sync = rpyc.connectSync('localhost', port);
    expect(sync.root.add(5, 10)).toBe(15);
    sync.close();
    await conn.close();
  });

  test('nobody listens: a ConnectError with the address and the cause', async () => {
    const { port, stop } = await startNode();
    await stop();
    const awaited = await rpyc.connect('127.0.0.1', port).catch((e) => e);
    expect(awaited).toBeInstanceOf(rpyc.ConnectError);
    expect(awaited.message).toContain(`127.0.0.1:${port}`);
    expect(awaited.cause.code).toBe('ECONNREFUSED');
    expect(() => rpyc.connectSync('127.0.0.1', port)).toThrow(rpyc.ConnectError);
  });

  class Own extends rpyc.Service {
    exposed_add = (a: number, b: number) => a + b;
  }

  test('a server of the same thread: awaited it answers, blocking it is a deadlock with a code', async () => {
    const { port } = await serve(Own);
    const conn = await rpyc.connect('127.0.0.1', port);
    expect(await conn.root.add(5, 10)).toBe(15);
    let error: any;
    try {
      rpyc.connectSync('127.0.0.1', port);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(rpyc.DeadlockError);
    expect(error.code).toBe('ERR_RPYC_DEADLOCK');
    expect(await conn.root.add(1, 1)).toBe(2);
    await conn.close();
  });

  test('a server process that dies ends the calls with EOFError', async () => {
    const { port, stop } = await startNode();
    const conn = await rpyc.connect('127.0.0.1', port);
    const pending = conn.root.call(() => new Promise(() => {}));
    const outcome = expect(pending).rejects.toMatchObject({ code: 'ERR_RPYC_CLOSED' });
    await conn.root.add(1, 1);
    await stop();
    await outcome;
    expect(conn.closed).toBe(true);
    await expect(conn.root.add(1, 1)).rejects.toBeInstanceOf(rpyc.EOFError);
  });
});
