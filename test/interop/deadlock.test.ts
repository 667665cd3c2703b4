// A blocking call to a server of the same thread: refused at once, whichever door was taken; one of another thread is not.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as netConnect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { serve } from './nodes.ts';

const REFUSED = expect.objectContaining({
  name: 'DeadlockError',
  code: 'ERR_RPYC_DEADLOCK',
  message: expect.stringMatching(/this same thread.*worker thread/s),
});

/** Blocks on its caller: in its handlers, by callbacks and by the root of the connection. */
class Own extends rpyc.Service {
  #conn: rpyc.Connection | undefined;
  override onConnect(conn: rpyc.Connection) {
    this.#conn = conn;
  }
  exposed_add = (a: number, b: number) => a + b;
  exposed_call = (f: any) => rpyc.sync(f)();
  async exposed_call_later(f: any) {
    await null;
    return rpyc.sync(f)();
  }
  exposed_root = () => (this.#conn as rpyc.Connection).sync.root.anything();
  exposed_poll = () => this.#conn?.sync.poll();
}

interface Doors {
  readonly server: rpyc.Server;
  connect(): Promise<rpyc.Connection>;
  connectSync(): rpyc.SyncConnection;
}

async function tcp(): Promise<Doors> {
  const { server, port } = await serve(Own);
  return {
    server,
    connect: () => rpyc.connect('127.0.0.1', port),
    connectSync: () => rpyc.connectSync('127.0.0.1', port),
  };
}

async function everywhere(): Promise<Doors> {
  const { server, port } = await serve(Own, {}, { hostname: '0.0.0.0' });
  return {
    server,
    connect: () => rpyc.connect('localhost', port),
    connectSync: () => rpyc.connectSync('127.0.0.1', port),
  };
}

async function unix(): Promise<Doors> {
  const folder = mkdtempSync(join(tmpdir(), 'rpyc-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const socketPath = join(folder, 'socket');
  const { server } = await serve(Own, {}, { socketPath });
  return { server, connect: () => rpyc.unixConnect(socketPath), connectSync: () => rpyc.unixConnectSync(socketPath) };
}

describe.each([
  ['TCP', tcp],
  ['TCP on all addresses', everywhere],
  ['a Unix socket', unix],
] as const)('To a server of the same thread over %s,', (_name, open) => {
  test('no blocking connection is made', async () => {
    const { connectSync } = await open();
    expect(() => connectSync()).toThrow(REFUSED);
  });

  test('every blocking operation of an awaited connection is refused at once, and awaiting goes on', async () => {
    const { connect } = await open();
    const conn = await connect();
    const { root } = conn;
    const list = await rpyc.getattr(root, 'add');
    for (const blocking of [
      () => conn.sync.root.add(1, 2),
      () => rpyc.sync(list)(1, 2),
      () => rpyc.sync(root).add,
      () => rpyc.len(rpyc.sync(list)),
      () => conn.sync.ping(),
      () => rpyc.async_(rpyc.sync(list))(1, 2).value,
    ])
      expect(blocking).toThrow(REFUSED);
    expect(await root.add(1, 2)).toBe(3);
    // These wait for nothing that this thread would have to do.
    expect(conn.sync.poll()).toBe(false);
    conn.sync.close();
    expect(conn.closed).toBe(true);
  });

  test('its handlers cannot block on their caller either', async () => {
    const { connect } = await open();
    const conn = await connect();
    for (const ask of [() => conn.root.call(() => 1), () => conn.root.call_later(() => 1), () => conn.root.root()])
      await expect(ask()).rejects.toThrow(/this same thread/);
    expect(await conn.root.poll()).toBe(false);
    await conn.close();
  });
});

test('a stream that leads back to a server of this thread is known for what it is, on both ends', async () => {
  const { port } = await serve(Own);
  const socket = netConnect(port, '127.0.0.1');
  await once(socket, 'connect');
  const conn = await rpyc.connectStream(socket);
  expect(() => conn.sync.root.add(1, 2)).toThrow(REFUSED);
  await expect(conn.root.call(() => 1)).rejects.toThrow(/this same thread/);
  expect(await conn.root.add(1, 2)).toBe(3);
  await conn.close();
});

test('a service that blocks while it connects to its own thread is refused as well', async () => {
  let refused: unknown;
  class Hasty extends rpyc.Service {
    override onConnect(conn: rpyc.Connection) {
      try {
        void conn.sync.root;
      } catch (error) {
        refused = error;
      }
    }
  }
  const { port } = await serve(Own);
  const conn = await rpyc.connect('127.0.0.1', port, { service: Hasty });
  expect(refused).toEqual(REFUSED);
  expect(await conn.root.add(1, 2)).toBe(3);
  await conn.close();
});

test('a server of another thread answers blocking calls, and may block on its callers', async () => {
  // This thread listens too, so that only the address tells them apart.
  await serve(Own);
  const url = (path: string) => new URL(path, import.meta.url);
  const worker = new Worker(fileURLToPath(url('../support/peers/owner-server.ts')), {
    argv: ['{}'],
    execArgv: ['--import', url('../../scripts/ts.mjs').href],
    stdout: true,
    stdin: true,
  });
  onTestFinished(() => worker.terminate().then(() => undefined));
  const [ready] = (await once(worker.stdout.setEncoding('utf8'), 'data')) as [string];
  const { port } = JSON.parse(ready.slice(6));
  const blocking = rpyc.connectSync('127.0.0.1', port);
  expect(blocking.root.ours()()).toBe('ours');
  expect(blocking.root.call_blocking((n: number) => n + 1, 1)).toBe(2);
  blocking.close();
  const conn = await rpyc.connect('127.0.0.1', port);
  expect((conn.sync.root as any).ours()()).toBe('ours');
  await conn.close();
});
