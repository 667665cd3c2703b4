// What a WorkerPoolServer can be told: shared state, limits of the whole, listeners per worker; who may block on it; what it tells.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { root } from '../../scripts/setup.mjs';
import type * as source from '../../src/index.ts';
import { descriptors, rpyc, serviceModule, startPool, until } from '../support/pool.ts';
import { describePython, runClient } from '../support/python.ts';
import { ScriptedPeer } from '../support/scripted-peer.ts';
import { start } from './snippets.ts';

describe('an authenticator', () => {
  const secret = 'a secret of more than sixteen bytes';

  test('that the service module exports is asked in each worker, and whoever it refuses takes no room', async () => {
    const module = serviceModule(
      `
import * as rpyc from 'rpyc';
export const authenticator = new rpyc.TokenAuthenticator({ secret: '${secret}' });
export default class Adder extends rpyc.Service { exposed_add(a, b) { return a + b; } }
`,
      'pool-token.mjs',
    );
    for (const reusePort of [false, true]) {
      const pool = await startPool({ workers: 2, maxConnections: 2, logger: null, reusePort }, module);
      const { port } = pool.server;
      for (let times = 0; times < 6; times++)
        await expect(rpyc.connect('127.0.0.1', port, { token: `${secret}!` })).rejects.toMatchObject({
          code: 'ERR_RPYC_AUTHENTICATION',
        });
      await expect(rpyc.connect('127.0.0.1', port)).rejects.toThrow('the server asks for a token');
      const conn = await rpyc.connect('127.0.0.1', port, { token: secret });
      expect(await conn.root.add(5, 10)).toBe(15);
      await until(() => pool.server.metrics().connections.denied === 7);
      expect(pool.server.metrics().connections).toMatchObject({ open: 1, accepted: 1, denied: 7 });
      await conn.close();
    }
  });

  test('that is given to the pool itself cannot be copied, and the pool says so', () => {
    const authenticator = new rpyc.TokenAuthenticator({ secret });
    expect(() => new rpyc.WorkerPoolServer('./x.js', { authenticator })).toThrow('export it from the service module');
  });
});

describe('sharedState', () => {
  test('a SharedArrayBuffer is one memory for all workers', async () => {
    const pool = await startPool({ workers: 3 });
    const { conns } = await pool.connectEach(3);
    const counts = await Promise.all(conns.map(({ root }) => root.count()));
    expect(counts.sort()).toEqual([1, 2, 3]);
  });

  test('a function makes each worker its own, a message port included, and for its successor anew', async () => {
    const module = serviceModule(
      `
import * as rpyc from 'rpyc';
export default ({ worker, workers, sharedState: { port, name } }) => {
  class Asking extends rpyc.Service {
    exposed_who() { return \`\${worker} of \${workers}, \${name}\`; }
    exposed_ask(x) { port.postMessage(x); return new Promise((resolve) => port.once('message', resolve)); }
    exposed_exit() { process.exit(); }
  }
  return Asking;
};
`,
      'pool-ports.mjs',
    );
    const ports: MessagePort[] = [];
    const sharedState = (worker: number) => {
      const { port1, port2 } = new MessageChannel();
      port1.on('message', (x) => port1.postMessage(`${worker} asked ${x}`));
      ports.push(port1);
      return { port: port2, name: `made ${ports.length}` };
    };
    const pool = await startPool({ workers: 2, sharedState }, module);
    const [one, two] = [await pool.connect(), await pool.connect()];
    expect([await one.root.who(), await two.root.who()]).toEqual(['0 of 2, made 1', '1 of 2, made 2']);
    expect(await Promise.all([one.root.ask('a'), two.root.ask('b')])).toEqual(['0 asked a', '1 asked b']);
    const online = pool.happened('online');
    await expect(one.root.exit()).rejects.toMatchObject({ code: 'ERR_RPYC_CLOSED' });
    await online;
    const three = await pool.connect();
    expect(await three.root.who()).toBe('0 of 2, made 3');
    expect(await three.root.ask('c')).toBe('0 asked c');
    for (const port of ports) port.close();
  });

  test('what it throws when a worker is replaced is a crash like any other', async () => {
    let calls = 0;
    const sharedState = () => {
      if (++calls === 2) throw new Error('no state today');
    };
    const pool = await startPool({ workers: 1, sharedState });
    const conn = await pool.connect();
    const online = pool.happened('online');
    await expect(conn.root.exit()).rejects.toMatchObject({ code: 'ERR_RPYC_CLOSED' });
    await online;
    expect(pool.log.join('\n')).toContain('no state today');
    expect(await (await pool.connect()).root.add(1, 2)).toBe(3);
  });

  test('there is no worker context outside of a worker', () => {
    expect(rpyc.workerContext()).toBeUndefined();
  });
});

describe('blocking connections to the pool', () => {
  test('the thread that made it may make them, and be called back', async () => {
    const { port } = await startPool({ workers: 1 });
    const conn = rpyc.connectSync('127.0.0.1', port);
    expect(conn.root.add(1, 2)).toBe(3);
    expect(conn.root.call_sync(() => 'called back')).toBe('called back');
    conn.close();
  });

  test('a worker is served by another', async () => {
    const { port, connectEach } = await startPool({ workers: 2 });
    const { conns } = await connectEach(2);
    expect(await conns[0]?.root.connect_sync(port)).toBe(1);
    expect(await conns[1]?.root.connect_sync(port)).toBe(0);
  });

  test('the only worker is refused at once', async () => {
    const { port, connect } = await startPool({ workers: 1 });
    const conn = await connect();
    await expect(conn.root.connect_sync(port)).rejects.toThrow('is served by this same thread');
  });

  test('a worker that awaited a connection and got itself is refused the blocking calls alone', async () => {
    const { server, port, connectEach } = await startPool({ workers: 2 });
    const { conns, workers } = await connectEach(7);
    const [first, ...others] = conns;
    expect(workers[0]).toBe(0);
    // The other worker has fewer connections.
    expect(await first?.root.connect(port)).toBe('1: 3');
    await Promise.all(others.filter((_, at) => workers[at + 1] === 0).map((conn) => conn.close()));
    await until(() => server.metrics().workers[0]?.connections.open === 1);
    // Now it has more.
    expect(await first?.root.connect(port)).toBe('0: ERR_RPYC_DEADLOCK');
  });
});

describe('limits', () => {
  test('maxConnections bounds the pool as a whole; one more client sees the end at once', async () => {
    const pool = await startPool({ workers: 2, maxConnections: 3 });
    const { conns } = await pool.connectEach(3);
    const fourth = await ScriptedPeer.connect(pool.port);
    await fourth.untilEnd();
    expect(pool.server.metrics().connections).toMatchObject({ open: 3, accepted: 3, refused: 1 });
    await until(() => pool.log.length === 1);
    expect(pool.log[0]).toContain('3 are open (maxConnections is 3)');
    await conns[0]?.close();
    await until(() => pool.server.metrics().connections.open === 2);
    expect(await (await pool.connect()).root.add(1, 2)).toBe(3);
  });

  test('clients that are gone again before a worker has looked at them count no more', async () => {
    const pool = await startPool({ workers: 1, maxConnections: 5 });
    const conn = await pool.connect();
    const blocked = conn.root.block();
    await pool.waiting(1);
    const passing = await Promise.all(Array.from({ length: 4 }, () => ScriptedPeer.connect(pool.port)));
    const fifth = await ScriptedPeer.connect(pool.port);
    await fifth.untilEnd();
    await Promise.all(passing.map((peer) => peer.reset()));
    pool.release();
    await blocked;
    // As soon as the worker has looked at them there is room for as many.
    const conns: source.Connection[] = [];
    while (conns.length < 4) {
      const made = await pool.connect().catch(() => undefined);
      if (made !== undefined) conns.push(made);
    }
    expect(await Promise.all(conns.map(({ root }) => root.add(1, 2)))).toEqual([3, 3, 3, 3]);
    expect(pool.server.metrics().connections).toMatchObject({ open: 5 });
    const sixth = await ScriptedPeer.connect(pool.port);
    await sixth.untilEnd();
  });

  test('acceptRate lets the rest wait in the backlog, and all are served', async () => {
    const pool = await startPool({ workers: 2, acceptRate: 40 });
    const conns = await Promise.all(Array.from({ length: 60 }, () => pool.connect()));
    expect(await Promise.all(conns.map(({ root }) => root.add(1, 2)))).toEqual(Array(60).fill(3));
  });

  test("bounds of a connection hold in its worker, and the pool's metrics say what was cut", async () => {
    const pool = await startPool({ workers: 2, handshakeTimeout: 0.1, maxFrame: 4096 });
    const slow = await ScriptedPeer.connect(pool.port);
    await slow.send(Buffer.from([0, 0, 0]));
    await slow.untilEnd();
    const conn = await pool.connect();
    await expect(conn.root.add('x'.repeat(10_000), '')).rejects.toBeDefined();
    await until(() => pool.server.metrics().connections.cut.handshake === 1);
  });

  test('5,000 idle connections on one pool leave it serving, and leave nothing behind', async () => {
    const quiet = descriptors();
    const pool = await startPool({ workers: 2, backlog: 1024 });
    const conns = [];
    for (let batch = 0; batch < 50; batch++)
      conns.push(...(await Promise.all(Array.from({ length: 100 }, () => rpyc.connect('127.0.0.1', pool.port)))));
    const { connections, workers } = pool.server.metrics();
    expect(connections.open).toBe(5000);
    expect(workers.map(({ connections: { open } }) => open)).toEqual([2500, 2500]);
    expect(await (await pool.connect()).root.add(1, 2)).toBe(3);
    expect(await conns[0]?.root.add(2, 2)).toBe(4);
    await Promise.all(conns.map((conn) => conn.close()));
    await pool.server.close();
    await until(() => descriptors() <= quiet);
  });
});

describe('where it listens', () => {
  test('a Unix socket, whose file goes with it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rpyc-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const socketPath = join(folder, 'socket');
    const { server } = await startPool({ socketPath, workers: 1 });
    expect(server.address).toEqual({ host: socketPath, port: 0 });
    const conn = await rpyc.unixConnect(socketPath);
    expect(await conn.root.add(1, 2)).toBe(3);
    await expect(conn.root.connect_unix(socketPath)).rejects.toThrow('is served by this same thread');
    await conn.close();
    await server.close();
    await expect(rpyc.unixConnect(socketPath)).rejects.toMatchObject({ cause: { code: 'ENOENT' } });
  });

  test('an IPv6 address', async () => {
    const { server, port } = await startPool({ ipv6: true });
    expect(server.address.host).toBe('::1');
    const conn = await rpyc.connect('::1', port);
    expect(await conn.root.add(1, 2)).toBe(3);
    await conn.close();
  });

  test('a socket that systemd passed', async () => {
    const socket = createServer().listen(0, '127.0.0.1');
    await once(socket, 'listening');
    const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
    const { port } = socket.address() as { port: number };
    const text = `import * as rpyc from 'rpyc';
      const options = { workers: 2, listenFds: true, sharedState: new SharedArrayBuffer(16) };
      const server = await new rpyc.WorkerPoolServer(${JSON.stringify(serviceModule().href)}, options).start();
      console.log(server.port);
      process.once('SIGTERM', () => server.drain());`;
    const command = [process.execPath, '--input-type=module', '-e', text];
    const child = spawn('sh', ['-c', 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"', ...command], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit', fd],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const exited = once(child, 'exit');
    expect(String((await once(child.stdout as Readable, 'data'))[0])).toBe(`${port}\n`);
    socket.close();
    const conns = [await rpyc.connect('127.0.0.1', port), await rpyc.connect('127.0.0.1', port)];
    expect(await Promise.all(conns.map((conn) => conn.root.worker()))).toEqual([0, 1]);
    await Promise.all(conns.map((conn) => conn.close()));
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });

  test('with reusePort each worker listens on the one port, and one that is replaced does again', async () => {
    const pool = await startPool({ workers: 2, reusePort: true, stuckAfter: 0.5 });
    const { conns, workers } = await pool.connectEach(40);
    expect(new Set(workers)).toEqual(new Set([0, 1]));
    expect(await Promise.all(conns.map(({ root }) => root.add(1, 2)))).toEqual(Array(40).fill(3));
    const online = pool.happened('online');
    const victim = conns[workers.indexOf(1)];
    await expect(victim?.root.spin()).rejects.toMatchObject({ code: 'ERR_RPYC_CLOSED' });
    await online;
    expect(await conns[workers.indexOf(0)]?.root.add(1, 2)).toBe(3);
    expect(new Set((await pool.connectEach(40)).workers)).toEqual(new Set([0, 1]));
    expect(await pool.server.drain({ timeout: 5 })).toBe(0);
  });

  test('with reusePort a port that another program has to itself is taken', async () => {
    const other = await new rpyc.Server(rpyc.VoidService, { logger: null }).start();
    const server = new rpyc.WorkerPoolServer(serviceModule(), {
      port: other.port,
      reusePort: true,
      workers: 2,
      logger: null,
      sharedState: new SharedArrayBuffer(16),
    });
    await expect(server.start()).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await other.close();
  });
});

describe('what it tells', () => {
  test('metrics sum up the workers, and keep what those that are gone have done', async () => {
    const pool = await startPool({ workers: 2 });
    const { conns } = await pool.connectEach(2);
    for (let n = 0; n < 5; n++) for (const { root } of conns) await root.add(n, n);
    await expect(conns[0]?.root.nothing()).rejects.toBeDefined();
    await until(() => pool.server.metrics().requests.failed === 1 && pool.server.metrics().requests.served === 14);
    const { requests, bytesIn, workers } = pool.server.metrics();
    // GETROOT, worker() and five calls each.
    expect(requests).toEqual({ served: 14, failed: 1, inFlight: 0, waiting: 0 });
    expect(workers.map(({ requests: { served, failed } }) => [served, failed])).toEqual([
      [7, 1],
      [7, 0],
    ]);
    expect(bytesIn).toBe((workers[0]?.bytesIn ?? 0) + (workers[1]?.bytesIn ?? 0));
    const online = pool.happened('online');
    await conns[0]?.root.exit().catch(() => {});
    await online;
    expect(pool.server.metrics().requests.served).toBeGreaterThanOrEqual(14);
    expect(pool.server.metrics().connections).toMatchObject({ open: 1, accepted: 2 });
  });

  test('what workers log reaches the logger of the pool, bounded, and says how much was dropped', async () => {
    const module = serviceModule(
      `
import * as rpyc from 'rpyc';
export default class Noisy extends rpyc.Service {
  exposed_fail() { throw new Error('failed'); }
  onDisconnect() { throw Object.assign(new RangeError('in onDisconnect'), { code: 'E_MINE' }); }
  onConnect(conn) { this.logger = conn.config.logger; }
  exposed_log(times) { for (let n = 0; n < times; n++) this.logger.warn('line', { n }); }
}
`,
      'pool-noisy.mjs',
    );
    const lines: unknown[][] = [];
    const line = (...all: unknown[]): void => void lines.push(all);
    const logger = { debug: line, info: line, warn: line, error: line };
    const pool = await startPool({ workers: 1, logger }, module);
    // This thread reads no lines while it waits.
    const conn = rpyc.connectSync('127.0.0.1', pool.port);
    conn.root.log(1000);
    await until(() => lines.length === 256);
    conn.root.log(1);
    await until(() => lines.length === 257);
    expect(lines[0]).toEqual(['line', '{ n: 0 }']);
    expect(lines[256]).toEqual(['line (744 lines before this one were dropped: they came too fast)', '{ n: 0 }']);
    conn.close();
    await until(() => lines.length > 257);
    const error = lines.at(-1)?.at(-1);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'RangeError', message: 'in onDisconnect', code: 'E_MINE' });
  });

  test('channels tell the service module what happens in its worker', async () => {
    const module = serviceModule(
      `
import { subscribe } from 'node:diagnostics_channel';
import * as rpyc from 'rpyc';
const told = [];
for (const name of ['connect', 'disconnect', 'request:start', 'request:end', 'request:error'])
  subscribe('rpyc:' + name, () => told.push(name));
export default class Watched extends rpyc.Service {
  exposed_fail() { throw new RangeError('failed'); }
  exposed_told() { return told.join(' '); }
}
`,
      'pool-watched.mjs',
    );
    const pool = await startPool({ workers: 1 }, module);
    const first = await pool.connect();
    await expect(first.root.fail()).rejects.toBeDefined();
    await first.close();
    await until(() => pool.server.metrics().connections.open === 0);
    const again = await pool.connect();
    expect(await again.root.told()).toMatch(/^connect request:start .*request:error .*disconnect connect /);
  });

  test('close is told once', async () => {
    const pool = await startPool({ workers: 1 });
    let closed = 0;
    pool.server.on('close', () => closed++);
    const gone = once(pool.server, 'close');
    await Promise.all([pool.server.close(), pool.server.drain(), gone]);
    await pool.server.close();
    expect(closed).toBe(1);
  });
});

test('a pool registers the names of its service, and unregisters at its end', async () => {
  const registry = await new rpyc.UDPRegistryServer({ port: 0, logger: null }).start();
  onTestFinished(() => registry.close());
  const registrar = new rpyc.UDPRegistryClient('127.0.0.1', { port: registry.port, logger: null });
  const { server, port } = await startPool({ registrar });
  let found: readonly source.ServerAddress[] = [];
  while (found.length === 0) found = await registrar.discover('POOL').catch(() => []);
  expect(found).toEqual([['127.0.0.1', port]]);
  await server.close();
  expect(await registrar.discover('POOL').catch(() => [])).toEqual([]);
});

describe('the process', () => {
  const program = (text: string): string[] => ['--input-type=module', '-e', `import * as rpyc from 'rpyc';\n${text}`];
  const module = JSON.stringify(serviceModule().href);

  test('may be a program given as text, and ends when its pool is unreferenced', async () => {
    const text = `const server = await new rpyc.WorkerPoolServer(${module}, { workers: 2 }).start();
      console.log(server.port > 0);
      server.unref();`;
    expect(await start(process.execPath, program(text)).ended).toEqual({ status: 0, stdout: 'true\n', stderr: '' });
  });

  test('ends when the pool is closed', async () => {
    const text = `const server = await new rpyc.WorkerPoolServer(${module}, { workers: 2 }).start();
      const conn = rpyc.connectSync('127.0.0.1', server.port);
      console.log(conn.root.add(1, 2));
      await server.close();`;
    expect(await start(process.execPath, program(text)).ended).toEqual({ status: 0, stdout: '3\n', stderr: '' });
  });
});

describePython('real Python', () => {
  test('reaches a pool on 0.0.0.0 with listeners of its workers', async () => {
    const { port } = await startPool({ hostname: '0.0.0.0', reusePort: true });
    expect(await runClient('6.0.1', port, 'out["sum"] = root.add(1, 2)')).toEqual({ sum: 3 });
  });

  test('finds the counter that the workers of examples/pool share', async () => {
    const path = new URL('../../examples/pool/server.mjs', import.meta.url).pathname;
    const { child, stdout, ended } = start(process.execPath, [path, '0']);
    await until(() => stdout().includes('listening on'));
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(stdout())?.[1]);
    const out = await runClient(
      '5.3.1',
      port,
      `
      other = rpyc.connect("127.0.0.1", ${port})
      out["count"] = [root.count(100), other.root.count(1000), root.count(10)]
      out["calls"] = sorted([root.calls(), other.root.calls()])
      `,
    );
    expect(out).toEqual({
      count: [25, 168, 4],
      calls: ['1 of 3 calls were served by worker 1', '2 of 3 calls were served by worker 0'],
    });
    child.kill('SIGTERM');
    const { status, stderr } = await ended;
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout()).toMatch(
      /^worker \d: online\nworker \d: online\nlistening on .*\nworker \d: exit closed\nworker \d: exit closed\n$/,
    );
  });
});
