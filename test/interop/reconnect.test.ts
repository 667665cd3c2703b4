// Connections that come back, with real Python servers that are killed with -9 and started again on the same port, and with a Node server.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, PYTHONS, python, type RpycVersion } from '../support/python.ts';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** The second generation lacks what the first one calls `passing`. */
const SERVER = `
import sys, time, rpyc
from rpyc.utils.server import ThreadedServer
class Tools:
    def exposed_twice(self, x):
        return 2 * x
    exposed_name = "tools"
class Math:
    exposed_tools = Tools()
    exposed_table = {"one": [1, 2, 3]}
class Service(rpyc.Service):
    exposed_math = Math()
    exposed_generation = sys.argv[2]
    def exposed_add(self, a, b):
        return a + b
    def exposed_list(self):
        return [1, 2, 3]
    def exposed_tools(self):
        return Tools()
    def exposed_slow(self, begun):
        begun()
        time.sleep(30)
    def exposed_sleep(self, seconds):
        time.sleep(seconds)
        return "slept"
if sys.argv[2] == "1":
    Service.exposed_passing = Tools()
ThreadedServer(Service, hostname="127.0.0.1", port=int(sys.argv[1]), reuse_addr=True).start()
`;

class Generations {
  readonly port: number;
  private readonly version: RpycVersion;
  private child: ChildProcess | undefined;
  private generation = 0;
  constructor(version: RpycVersion, port: number) {
    this.version = version;
    this.port = port;
    onTestFinished(() => this.kill());
  }
  start(): void {
    this.generation++;
    const args = ['-c', SERVER, String(this.port), String(this.generation)];
    this.child = spawn(python(this.version), args, { stdio: ['ignore', 'ignore', 'ignore'] });
  }
  async kill(): Promise<void> {
    if (this.child === undefined || this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }
  signal(name: NodeJS.Signals): void {
    this.child?.kill(name);
  }
}

const QUICK: rpyc.ReconnectOptions = { delay: 0.02, maxDelay: 0.1, heartbeat: 0 };
const RETRY = { attempts: 200, delay: 0.05, factor: 1 };

async function lasting(version: RpycVersion, options: rpyc.ReconnectOptions = {}) {
  const server = new Generations(version, await freePort());
  server.start();
  const conn = await rpyc.connect('127.0.0.1', server.port, { retry: RETRY, reconnect: { ...QUICK, ...options } });
  onTestFinished(() => conn.close());
  return { server, conn };
}

describePython.each(PYTHONS)('a server of RPyC %s that is killed and started again', (version) => {
  test('is found again: root, paths and what names led to go on, what calls returned is stale', async () => {
    const { server, conn } = await lasting(version);
    const told: unknown[] = [];
    conn.on('disconnect', () => told.push(`disconnect ${conn.state}`));
    conn.on(
      'reconnecting',
      ({ attempt, delay, error }) => attempt === 1 && told.push([attempt, delay < 1, error.name]),
    );
    conn.on('reconnect', (line) => told.push(`reconnect ${conn.state} ${line === conn.connection}`));

    const { root } = conn;
    const path = root.math.tools;
    const tools = await root.math.tools;
    const math = await root.math;
    const inner = await math.tools;
    const one = await root.math.table.one;
    const fetched = await root;
    const blocking = rpyc.sync(tools);
    const list = await root.list();
    const called = await root.tools();
    const passing = await root.passing;
    expect([await tools.twice(4), await one[1], await root.generation, await list[0]]).toEqual([8, 2, '1', 1]);
    const first = conn.connection;

    const begun = new Promise<void>((resolve) => {
      root.slow(resolve).catch(() => {});
    });
    const slow = root.slow(() => {}).catch((error: Error) => error);
    await begun;
    await server.kill();
    expect(await slow).toMatchObject({ name: 'EOFError', code: 'ERR_RPYC_CLOSED' });
    expect(conn.state).toBe('reconnecting');
    expect(conn.connection).toBeUndefined();
    const meanwhile = root.add(5, 10);
    await expect(tools.twice(1)).rejects.toMatchObject({
      code: 'ERR_RPYC_CLOSED',
      message: expect.stringContaining("wait for the event 'reconnect'"),
    });

    const back = once(conn, 'reconnect');
    server.start();
    await back;
    expect(await meanwhile).toBe(15);
    expect(conn.connection).not.toBe(first);
    expect(await root.generation).toBe('2');
    expect(await Promise.all([path.twice(1), tools.twice(2), inner.twice(3), math.tools.twice(4)])).toEqual([
      2, 4, 6, 8,
    ]);
    expect(blocking.twice(5)).toBe(10);
    expect([await tools.name, await one[2], await rpyc.len(one), await fetched.add(1, 2)]).toEqual(['tools', 3, 3, 3]);
    for (const use of [() => list[0].then(), () => called.twice(1), () => rpyc.len(list), () => passing.twice(1)])
      await expect((async () => use())()).rejects.toMatchObject({ name: 'StaleNetrefError', code: 'ERR_RPYC_STALE' });
    expect(() => rpyc.sync(called).twice(1)).toThrow(rpyc.StaleNetrefError);
    expect(told).toEqual(['disconnect reconnecting', [1, true, 'EOFError'], 'reconnect connected true']);
    rpyc.release(tools);
    await expect((async () => tools.twice(1))()).rejects.toMatchObject({ code: 'ERR_RPYC_RELEASED' });
  });

  test('is found again as often as it goes, and nothing piles up', async () => {
    const { server, conn } = await lasting(version);
    const tools = await conn.root.math.tools;
    for (let i = 2; i < 5; i++) {
      await server.kill();
      const back = once(conn, 'reconnect');
      server.start();
      await back;
      expect([await tools.twice(i), await conn.root.generation]).toEqual([2 * i, String(i)]);
    }
    // The root, and what `tools` stands for.
    expect(conn.connection?.stats.remoteObjects).toBeLessThanOrEqual(4);
  });
});

describePython('a connection that comes back', () => {
  test('notices a peer that stopped answering by its heartbeats', async () => {
    const { server, conn } = await lasting('6.0.1', { heartbeat: 0.1, heartbeatTimeout: 0.2 });
    const lost = once(conn, 'disconnect');
    server.signal('SIGSTOP');
    const [error] = await lost;
    expect(error).toMatchObject({ name: 'EOFError', message: 'no answer to a heartbeat within 0.2 s' });
    server.signal('SIGCONT');
    await once(conn, 'reconnect');
    expect(await conn.root.add(5, 10)).toBe(15);
  });

  test('does not take a peer that works for a dead one', async () => {
    const { conn } = await lasting('6.0.1', { heartbeat: 0.05, heartbeatTimeout: 0.05 });
    let lost = 0;
    conn.on('disconnect', () => lost++);
    expect(await conn.root.sleep(0.6)).toBe('slept');
    expect(lost).toBe(0);
  });

  test('is gone when all attempts have failed, and says so to whoever waits', async () => {
    const { server, conn } = await lasting('6.0.1', { attempts: 2 });
    const tools = await conn.root.math.tools;
    const gone = once(conn, 'gone');
    await server.kill();
    const waiting = conn.root.add(1, 2).catch((error: Error) => error);
    const [error] = await gone;
    expect(error).toMatchObject({ code: 'ERR_RPYC_CONNECT' });
    expect(await waiting).toMatchObject({
      code: 'ERR_RPYC_CLOSED',
      message: expect.stringContaining('did not come back'),
    });
    await expect(tools.twice(1)).rejects.toMatchObject({ code: 'ERR_RPYC_CLOSED' });
    expect([conn.state, conn.closed]).toEqual(['gone', true]);
  });

  test('lets what starts at root wait as long as it was told', async () => {
    const { server, conn } = await lasting('6.0.1', { wait: 0.05 });
    await server.kill();
    await expect(conn.root.add(1, 2)).rejects.toMatchObject({ code: 'ERR_RPYC_TIMEOUT' });
    const { server: other, conn: impatient } = await lasting('6.0.1', { wait: 0 });
    await other.kill();
    if (impatient.state === 'connected') await once(impatient, 'disconnect');
    await expect(impatient.root.add(1, 2)).rejects.toMatchObject({ code: 'ERR_RPYC_CLOSED' });
  });

  test('is closed by close, also while it is away, and then connects no more', async () => {
    const { server, conn } = await lasting('6.0.1');
    await server.kill();
    if (conn.state === 'connected') await once(conn, 'disconnect');
    const closed = once(conn, 'close');
    const waiting = conn.root.add(1, 2).catch((error: Error) => error);
    await conn.close();
    await closed;
    expect(await waiting).toMatchObject({ code: 'ERR_RPYC_CLOSED' });
    expect([conn.state, conn.connection]).toEqual(['closed', undefined]);
    await expect(conn.root.add(1, 2)).rejects.toMatchObject({ code: 'ERR_RPYC_CLOSED' });
  });
});

test('over a Unix socket to a Node server, whose service meets a new one of ours each time', async () => {
  const path = `/tmp/rpyc-reconnect-${process.pid}.sock`;
  class Tools {
    exposed_twice(x: number) {
      return 2 * x;
    }
  }
  class Shop extends rpyc.Service {
    exposed_tools = new Tools();
  }
  let made = 0;
  class Ours extends rpyc.Service {
    override onConnect() {
      made++;
    }
  }
  const serve = () => new rpyc.Server(Shop, { socketPath: path, logger: null }).start();
  let server = await serve();
  const conn = await rpyc.unixConnect(path, { service: Ours, reconnect: { ...QUICK, heartbeat: 0.05 } });
  const tools = await conn.root.tools;
  expect(await tools.twice(4)).toBe(8);
  await conn.ping();
  const back = once(conn, 'reconnect');
  await server.close();
  server = await serve();
  onTestFinished(() => server.close());
  await back;
  expect([await tools.twice(5), made]).toEqual([10, 2]);
  await conn.close();
});

test('a first connection that fails rejects, and so does an option out of its range', async () => {
  await expect(rpyc.connect('127.0.0.1', await freePort(), { reconnect: true })).rejects.toThrow(rpyc.ConnectError);
  await expect(rpyc.connect('127.0.0.1', 1, { reconnect: { heartbeat: -1 } })).rejects.toThrow(RangeError);
  await expect(rpyc.connect('127.0.0.1', 1, { reconnect: { attempts: 0 } })).rejects.toThrow(RangeError);
});

test('a peer that accepts and hangs up is tried again and again', async () => {
  const port = await freePort();
  class Adder extends rpyc.Service {
    exposed_add(a: number, b: number) {
      return a + b;
    }
  }
  const first = await new rpyc.Server(Adder, { port, logger: null }).start();
  const conn = await rpyc.connect('127.0.0.1', port, { reconnect: QUICK });
  await first.close();
  let tries = 0;
  const proxy = createServer((socket) => {
    tries++;
    socket.destroy();
  }).listen(port, '127.0.0.1');
  await once(proxy, 'listening');
  while (tries < 3) await once(conn, 'reconnecting');
  proxy.close();
  const second = new rpyc.Server(Adder, { port, logger: null });
  onTestFinished(() => second.close());
  await second.start();
  expect(await conn.root.add(5, 10)).toBe(15);
  await conn.close();
});
