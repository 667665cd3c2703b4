// Node client, Python service, by other ways than TCP to a port: a Node stream, a Unix socket, IPv6.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as netConnect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, PYTHONS, startServer } from '../support/python.ts';

async function streamTo(port: number) {
  const socket = netConnect({ port, host: '127.0.0.1' });
  await once(socket, 'connect');
  return socket;
}

describePython.each(PYTHONS)('RPyC %s is reached', (version) => {
  const [own, other] = version.startsWith('6') ? ([6, 5] as const) : ([5, 6] as const);

  test('over a Node stream, awaiting', async () => {
    const { ready } = await startServer(version, { allow_public_attrs: true });
    const stream = await streamTo(ready.port);
    const conn = await rpyc.connectStream(stream, { protocol: own });
    expect(conn.protocol).toBe(own);
    expect(await conn.root.add(5, 10)).toBe(15);
    expect(await conn.root.call(async (n: number) => (await conn.root.add(n, 1)) * 2, 4)).toBe(10);
    expect((await conn.root.big_bytes(1_000_000)).equals(Buffer.alloc(1_000_000, 0xab))).toBe(true);
    expect(await conn.root.echo(Buffer.alloc(2_000_000, 1))).toHaveLength(2_000_000);
    const list = await conn.root.make_list(3);
    const items: unknown[] = [];
    for await (const item of list) items.push(item);
    expect(items).toEqual([0, 1, 2]);
    await conn.close();
    expect(conn.closed).toBe(true);
  });

  test('over a Node stream, where a blocking call is an error with a code', async () => {
    const { ready } = await startServer(version);
    const conn = await rpyc.connectStream(await streamTo(ready.port), { protocol: own });
    const list = await conn.root.make_list(1);
    for (const block of [
      () => conn.sync.root.add(1, 2),
      () => rpyc.sync(list)[0],
      () => conn.sync.ping(),
      () => rpyc.len(rpyc.sync(list)),
    ])
      expect(block).toThrow(expect.objectContaining({ code: 'ERR_RPYC_BLOCKING_UNSUPPORTED' }));
    expect(await conn.root.add(5, 10)).toBe(15);
    await conn.close();
  });

  test('over a Node stream only with its own version', async () => {
    const { ready } = await startServer(version);
    const stream = await streamTo(ready.port);
    const error = await rpyc.connectStream(stream, { protocol: other }).catch((e) => e);
    expect(error).toBeInstanceOf(rpyc.VersionError);
    expect(error.message).toContain(`{ protocol: ${own} }`);
  });

  test('over a stream whose other end vanishes: pending calls end with EOFError', async () => {
    const server = await startServer(version);
    const conn = await rpyc.connectStream(await streamTo(server.ready.port), { protocol: own });
    const pending = expect(conn.root.never()).rejects.toMatchObject({ code: 'ERR_RPYC_CLOSED' });
    await server.stop();
    await pending;
    expect(conn.closed).toBe(true);
  });

  test('over a Unix socket, awaiting and blocking', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rpyc-'));
    try {
      const path = join(folder, 'python.sock');
      await startServer(version, {}, { args: [path] });
      const conn = await rpyc.unixConnect(path);
      expect(await conn.root.add(5, 10)).toBe(15);
      const sync = rpyc.unixConnectSync(path);
      expect(sync.root.add(5, 10)).toBe(15);
      expect([conn.protocol, sync.async.protocol]).toEqual([own, own]);
      sync.close();
      await conn.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const hasIPv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));

  test('over IPv6, or a ConnectError where the machine has none', async () => {
    if (!hasIPv6) {
      await expect(rpyc.connect('::1', 1)).rejects.toThrow(rpyc.ConnectError);
      return;
    }
    const { ready } = await startServer(version, {}, { args: ['::1'] });
    const conn = await rpyc.connect('::1', ready.port);
    expect(await conn.root.add(5, 10)).toBe(15);
    const sync = rpyc.connectSync('::1', ready.port);
    expect(sync.root.add(5, 10)).toBe(15);
    sync.close();
    await conn.close();
  });
});

test('a call over a stream, made when another connection has just answered, is sent at once', async () => {
  class Adder extends rpyc.Service {
    exposed_add(a: number, b: number) {
      return a + b;
    }
  }
  const server = await new rpyc.Server(Adder, { logger: null }).start();
  const socket = await rpyc.connect('127.0.0.1', server.port);
  const stream = await rpyc.connectStream(await streamTo(server.port));
  for (let i = 0; i < 3; i++) {
    expect(await socket.root.add(i, 1)).toBe(i + 1);
    expect(await stream.root.add(i, 2)).toBe(i + 2);
  }
  await stream.close();
  await socket.close();
  await server.close();
});
