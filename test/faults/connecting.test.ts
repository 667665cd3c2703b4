// Connecting where nobody accepts, or not yet: attempts and the pauses between them, giving up, keepalive, and what the errors say.
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { Backoff, keepAliveOf, retrying, retryingSync } from '../../src/client/retry.ts';
import * as rpyc from '../../src/index.ts';
import { run } from '../support/programs/run.ts';
import { ScriptedPeer } from '../support/scripted-peer.ts';

class Adder extends rpyc.Service {
  exposed_add(a: number, b: number) {
    return a + b;
  }
}

/** A port on which nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

const QUICK = { attempts: 3, delay: 0.01, maxDelay: 0.02 };

test('a refused connection says where to and after how many attempts, awaited and blocking', async () => {
  const port = await freePort();
  const said = `cannot connect to 127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1`;
  const once = await rpyc.connect('127.0.0.1', port).catch((e) => e);
  expect([once.name, once.code, once.message]).toEqual(['ConnectError', 'ERR_RPYC_CONNECT', said]);
  const often = await rpyc.connect('127.0.0.1', port, { retry: QUICK }).catch((e) => e);
  expect(often).toMatchObject({ code: 'ERR_RPYC_CONNECT', message: `${said} (the last of 3 attempts)` });
  expect(often.errors).toMatchObject([{ code: 'ECONNREFUSED' }]);
  expect(() => rpyc.connectSync('127.0.0.1', port, { retry: QUICK })).toThrow(`${said} (the last of 3 attempts)`);
});

test('an unresolvable host says its name, awaited and blocking', async () => {
  const error = await rpyc.connect('no-such-host.invalid', 18861, { retry: { ...QUICK, attempts: 2 } }).catch((e) => e);
  expect(error).toBeInstanceOf(rpyc.ConnectError);
  expect(error.message).toMatch(
    /^cannot connect to no-such-host\.invalid:18861: getaddrinfo \w+ no-such-host\.invalid/,
  );
  expect(error.message).toContain('(the last of 2 attempts)');
  expect(() => rpyc.connectSync('no-such-host.invalid', 18861)).toThrow(/no-such-host\.invalid:18861: getaddrinfo/);
});

test('a server that begins to listen between two attempts is reached', async () => {
  const port = await freePort();
  const opening = rpyc.connect('127.0.0.1', port, { retry: { attempts: 100, delay: 0.02, factor: 1 } });
  await Promise.race([opening.catch(() => {}), new Promise((resolve) => setTimeout(resolve, 60))]);
  const server = await new rpyc.Server(Adder, { port, logger: null }).start();
  onTestFinished(() => server.close());
  const conn = await opening;
  expect(await conn.root.add(5, 10)).toBe(15);
  await conn.close();
});

test('what accepts and then misbehaves is not tried again', async () => {
  const peer = await ScriptedPeer.listen();
  const opening = rpyc.connect('127.0.0.1', peer.port, { retry: QUICK }).catch((e) => e);
  const first = await peer.accept();
  await first.send(Buffer.from('HTTP/1.1 400 Bad Request\r\n'));
  const error = await opening;
  expect(error).toMatchObject({ name: 'ProtocolError', code: 'ERR_RPYC_PROTOCOL' });
  expect(error.message).toContain(`what 127.0.0.1:${peer.port} says is not RPyC`);
  expect(error.message).toContain('the peer began with "HTTP/1.1 400 Bad Request\\r\\n"');
});

test('an AbortSignal gives up while connecting, between attempts, and in the handshake', async () => {
  const reason = new Error('changed my mind');
  const port = await freePort();
  await expect(rpyc.connect('127.0.0.1', port, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);

  const between = new AbortController();
  const waiting = rpyc.connect('127.0.0.1', port, {
    retry: { attempts: 2, delay: 600, maxDelay: 600 },
    signal: between.signal,
  });
  setTimeout(() => between.abort(reason), 50);
  await expect(waiting).rejects.toBe(reason);

  const dialling = new AbortController();
  const silent = rpyc.connect('192.0.2.1', 18861, { signal: dialling.signal });
  setTimeout(() => dialling.abort(reason), 20);
  expect([reason, 'ERR_RPYC_CONNECT']).toContain(await silent.catch((e) => (e === reason ? e : e.code)));

  const peer = await ScriptedPeer.listen();
  const shaking = new AbortController();
  const opening = rpyc.connect('127.0.0.1', peer.port, { signal: shaking.signal });
  const accepted = await peer.accept();
  await accepted.nextFrame();
  shaking.abort(reason);
  await expect(opening).rejects.toBe(reason);
  expect(await accepted.untilEnd()).toBe('eof');
});

test('keepalive is set on the socket in the awaited and the blocking face', async () => {
  // In a process of its own: ss(8) shows the timers of the sockets by process.
  const server = await new rpyc.Server(Adder, { logger: null }).start();
  onTestFinished(() => server.close());
  const found = await run('keepalive', [server.port]);
  expect(found).toEqual({ on: ['keepalive', 'keepalive', 'keepalive'], off: '' });
});

test.each<[unknown, unknown]>([
  [undefined, undefined],
  [false, undefined],
  [true, { idle: 60, interval: 60, count: 5 }],
  [7, { idle: 7, interval: 7, count: 5 }],
  [
    { idle: 30, interval: 5, count: 3 },
    { idle: 30, interval: 5, count: 3 },
  ],
])('keepalive %j means %j', (given, expected) => {
  expect(keepAliveOf(given as boolean)).toEqual(expected);
});

test('numbers out of their range are refused before anything is dialled', async () => {
  const wrong: rpyc.ConnectOptions[] = [
    { keepalive: 0 },
    { keepalive: { count: 1000 } },
    { connectTimeout: 0 },
    { connectTimeout: Number.NaN },
    { retry: { attempts: 0 } },
    { retry: { attempts: 1.5 } },
    { retry: { delay: -1 } },
    { retry: { factor: 0 } },
    { retry: { maxDelay: 1e9 } },
  ];
  for (const options of wrong) {
    await expect(rpyc.connect('127.0.0.1', 1, options), JSON.stringify(options)).rejects.toThrow(RangeError);
    expect(() => rpyc.connectSync('127.0.0.1', 1, options)).toThrow(RangeError);
  }
});

test('options of a connection that cannot be leave nothing open: no socket, no child, no thread', async () => {
  const server = await new rpyc.Server(Adder, { logger: null }).start();
  onTestFinished(() => server.close());
  const program = ['sleep', '100'];
  const before = readdirSync('/proc/self/fd').length;
  const module = new URL('../support/peers/cli-service.mjs', import.meta.url);
  for (const options of [{ maxFrame: -1 }, { connectTimeout: -1 }]) {
    await expect(rpyc.connect('127.0.0.1', server.port, options)).rejects.toThrow(RangeError);
    expect(() => rpyc.connectSubprocSync(program, options)).toThrow(RangeError);
    await expect(rpyc.connectSubproc(program, options)).rejects.toThrow(RangeError);
    await expect(rpyc.connectThread(module, options)).rejects.toThrow(RangeError);
    expect(() => rpyc.connectThreadSync(module, options)).toThrow(RangeError);
  }
  // A thread ends a second after its connection, a child when it is told to.
  await expect.poll(() => readdirSync('/proc/self/fd').length, { timeout: 20_000 }).toBeLessThanOrEqual(before);
  await expect.poll(() => server.connections.size, { timeout: 20_000 }).toBe(0);
});

test('pauses grow by the factor up to the longest, each within a quarter of its length', () => {
  const backoff = new Backoff({ attempts: 9, delay: 0.1, factor: 2, maxDelay: 0.5 });
  for (const [failed, whole] of [
    [1, 100],
    [2, 200],
    [3, 400],
    [4, 500],
    [8, 500],
  ] as const) {
    const pause = backoff.pause(failed);
    expect(pause).toBeGreaterThanOrEqual(whole * 0.75);
    expect(pause).toBeLessThanOrEqual(whole * 1.25);
  }
});

test('true is RPyC’s six attempts; other errors end them', async () => {
  let attempts = 0;
  const refused = async () => {
    attempts++;
    throw new rpyc.ConnectError('refused', []);
  };
  await expect(retrying({ delay: 0.001 }, undefined, refused)).rejects.toThrow('(the last of 6 attempts)');
  expect(attempts).toBe(6);
  expect(new Backoff({}).attempts).toBe(6);
  attempts = 0;
  const broken = () => {
    attempts++;
    throw new rpyc.EOFError();
  };
  expect(() => retryingSync(true, broken)).toThrow(rpyc.EOFError);
  expect(attempts).toBe(1);
});
