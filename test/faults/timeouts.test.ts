// Peers that are slow, silent or gone: what the caller is told, and what becomes of answers that come too late.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { run, start } from '../support/programs/run.ts';
import { type ScriptedConnection, ScriptedPeer } from '../support/scripted-peer.ts';
import * as b from './bytes.ts';

const ROOT = b.remote(b.idPack('srv.Service', 140, 280));

async function accepted(peer: ScriptedPeer): Promise<ScriptedConnection> {
  const link = await peer.accept();
  await link.nextFrame();
  await link.sendFrame(b.reply(0, ROOT));
  return link;
}

async function connected(
  options: rpyc.ConnectOptions = {},
): Promise<{ conn: rpyc.Connection; link: ScriptedConnection }> {
  const peer = await ScriptedPeer.listen();
  const opening = rpyc.connect('127.0.0.1', peer.port, options);
  const link = await accepted(peer);
  const conn = await opening;
  onTestFinished(() => conn.abort());
  return { conn, link };
}

test('a blocking call ends with TimeoutError, and its late answer is released', async () => {
  const peer = await ScriptedPeer.listen();
  const program = start('blocking-client', [peer.port, 'timeout']);
  const link = await accepted(peer);
  const slow = await link.nextPayload();
  expect(b.readBrine(slow, 1).value[1][0]).toBe(b.GETATTR);
  const first = await program.next();
  expect(first.error).toMatchObject({
    name: 'TimeoutError',
    code: 'ERR_RPYC_TIMEOUT',
    message: expect.stringContaining('no answer within 0.3 s'),
  });
  await link.nextFrame();
  await link.sendFrame(b.reply(1, b.remote(b.idPack('srv.Late', 7, 4711))));
  await link.sendFrame(b.reply(2, b.value(b.int(2))));
  expect((await program.next()).second).toEqual({ value: 2 });
  // It collects garbage and goes on calling: the late object's release comes between the calls.
  const released: unknown[] = [];
  for (let calls = 0; calls < 3; ) {
    const { seq, body } = b.readMessage(await link.nextPayload());
    if (body[0] === b.DEL) released.push(body[1][1][0][1][2]);
    else {
      calls++;
      await link.sendFrame(b.reply(seq, b.value(b.int(calls))));
    }
  }
  expect(released).toEqual([4711]);
  expect(await program.next()).toEqual({ rest: [1, 2, 3], pending: 0, closed: false });
});

test('traffic that is not the answer does not keep a blocking call alive', async () => {
  const peer = await ScriptedPeer.listen();
  const program = start('blocking-client', [peer.port, 'busy']);
  const link = await accepted(peer);
  await link.nextFrame();
  try {
    for (let seq = 0; ; seq++) {
      await link.sendFrame(b.request(seq, b.PING, [b.value(b.str('busy'))]));
      await link.nextFrame();
    }
  } catch {
    // The program gave up, and is gone.
  }
  expect(await program.next()).toMatchObject({ outcome: { error: { code: 'ERR_RPYC_TIMEOUT' } } });
});

test('a timed call of a path expires', async () => {
  const { conn, link } = await connected();
  const call = rpyc.timed(conn.root.slow, 0.05)();
  await link.nextFrame();
  await expect(Promise.resolve(call)).rejects.toMatchObject({ name: 'TimeoutError', code: 'ERR_RPYC_TIMEOUT' });
  expect(call.expired).toBe(true);
});

test('a timed call expires, and its late answer is released', async () => {
  const { conn, link } = await connected();
  const root = await conn.root;
  const call = rpyc.timed(root, 0.05)();
  await link.nextFrame();
  await expect(Promise.resolve(call)).rejects.toMatchObject({ code: 'ERR_RPYC_TIMEOUT' });
  await link.sendFrame(b.reply(1, b.remote(b.idPack('srv.Late', 7, 4711))));
  const del = b.readMessage(await link.nextPayload());
  expect(del.body[0]).toBe(b.DEL);
  expect(JSON.stringify(del.body)).toContain('4711');
  expect(conn.stats.remoteObjects).toBe(1);
});

test('a ping that is not answered ends with TimeoutError', async () => {
  const { conn } = await connected();
  await expect(conn.ping('hello', 0.05)).rejects.toMatchObject({
    code: 'ERR_RPYC_TIMEOUT',
    message: expect.stringContaining('0.05 s'),
  });
});

test('an echo that differs is a ProtocolError', async () => {
  const { conn, link } = await connected();
  const ping = conn.ping('hello');
  await link.nextFrame();
  await link.sendFrame(b.reply(1, b.value(b.str('HELLO'))));
  await expect(ping).rejects.toMatchObject({ code: 'ERR_RPYC_PROTOCOL' });
});

async function freePort(): Promise<number> {
  const peer = await ScriptedPeer.listen();
  const { port } = peer;
  await peer.close();
  return port;
}

test('nobody listens: ConnectError with the system error as its cause', async () => {
  const port = await freePort();
  const error = await rpyc.connect('127.0.0.1', port).catch((e) => e);
  expect(error).toBeInstanceOf(rpyc.ConnectError);
  expect(error).toMatchObject({ code: 'ERR_RPYC_CONNECT', cause: { code: 'ECONNREFUSED' } });
  expect(error.message).toContain(`127.0.0.1:${port}`);
  expect(await run('blocking-client', [port, 'refused'])).toMatchObject({
    error: { code: 'ERR_RPYC_CONNECT', cause: 'ECONNREFUSED' },
  });
});

test('every address of a name is tried and reported', async () => {
  const port = await freePort();
  const error = await rpyc.connect('localhost', port).catch((e) => e);
  expect(error.code).toBe('ERR_RPYC_CONNECT');
  expect(error.errors.length).toBeGreaterThanOrEqual(1);
  for (const each of error.errors) expect(['ECONNREFUSED', 'EADDRNOTAVAIL', 'ENETUNREACH']).toContain(each.code);
});

test('a name that nobody knows: ConnectError with the resolver’s error as its cause', async () => {
  const error = await rpyc.connect('no-such-host.invalid', 18861).catch((e) => e);
  expect(error).toMatchObject({
    code: 'ERR_RPYC_CONNECT',
    cause: { code: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/) },
  });
  expect(() => rpyc.connectSync('no-such-host.invalid', 18861)).toThrow(
    expect.objectContaining({
      code: 'ERR_RPYC_CONNECT',
      cause: expect.objectContaining({ code: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/) }),
    }),
  );
});

test('a Unix socket that is not there: ConnectError', async () => {
  await expect(rpyc.unixConnect('/nonexistent/rpyc.sock')).rejects.toMatchObject({
    code: 'ERR_RPYC_CONNECT',
    cause: { code: 'ENOENT' },
  });
  expect(() => rpyc.unixConnectSync('/nonexistent/rpyc.sock')).toThrow(
    expect.objectContaining({ code: 'ERR_RPYC_CONNECT' }),
  );
});

test('an address that swallows everything ends with the connect timeout', async () => {
  // TEST-NET-1 is routed nowhere; where the network refuses it at once, that is a ConnectError all the same.
  const started = performance.now();
  const error = await rpyc.connect('192.0.2.1', 18861, { connectTimeout: 0.2 }).catch((e) => e);
  expect(error.code).toBe('ERR_RPYC_CONNECT');
  expect(() => rpyc.connectSync('192.0.2.1', 18861, { connectTimeout: 0.2 })).toThrow(
    expect.objectContaining({ code: 'ERR_RPYC_CONNECT' }),
  );
  expect(performance.now() - started).toBeLessThan(10_000);
});

test('a server that closes during the handshake says so', async () => {
  const peer = await ScriptedPeer.listen();
  const opening = rpyc.connect('127.0.0.1', peer.port);
  opening.catch(() => {});
  const link = await peer.accept();
  await link.nextFrame();
  await link.close();
  await expect(opening).rejects.toMatchObject({
    code: 'ERR_RPYC_CLOSED',
    message: expect.stringContaining('closed the connection during the handshake'),
  });
});

test('a handshake without an answer ends with TimeoutError after connectTimeout, blocking or not', async () => {
  const peer = await ScriptedPeer.listen();
  const opening = rpyc.connect('127.0.0.1', peer.port, { connectTimeout: 0.2 });
  await expect(opening).rejects.toMatchObject({
    name: 'TimeoutError',
    code: 'ERR_RPYC_TIMEOUT',
    message: expect.stringContaining(`127.0.0.1:${peer.port}`),
  });
  const link = await peer.accept();
  await link.untilEnd();
  expect(await run('blocking-client', [peer.port, 'handshake'])).toMatchObject({
    error: { name: 'TimeoutError', code: 'ERR_RPYC_TIMEOUT' },
  });
});

test('a server whose onConnect never settles lets a client time out, and serves others after it', async () => {
  let late: () => void = () => {};
  class Slow extends rpyc.Service {
    override onConnect() {
      return new Promise<void>((resolve) => {
        late = resolve;
      });
    }
    exposed_add(x: number, y: number) {
      return x + y;
    }
  }
  const server = await b.serve(Slow);
  await expect(rpyc.connect('127.0.0.1', server.port, { connectTimeout: 0.1 })).rejects.toMatchObject({
    code: 'ERR_RPYC_TIMEOUT',
  });
  const opening = rpyc.connect('127.0.0.1', server.port);
  server.once('connection', () => setImmediate(() => late()));
  const conn = await opening;
  expect(await conn.root.add(1, 2)).toBe(3);
  await conn.close();
});

test.each([
  [
    'throws',
    () => {
      throw new Error('not today');
    },
  ],
  ['rejects', () => Promise.reject(new Error('not today'))],
])('a service whose onConnect %s closes that connection and leaves the server in order', async (_how, onConnect) => {
  let refuse = true;
  class Picky extends rpyc.Service {
    override onConnect(): void | Promise<void> {
      if (refuse) return onConnect();
    }
  }
  const log = new b.Log();
  const server = await b.serve(Picky, { logger: log });
  await expect(rpyc.connect('127.0.0.1', server.port)).rejects.toMatchObject({ code: 'ERR_RPYC_CLOSED' });
  expect(log.errors).toHaveLength(1);
  expect(server.connections.size).toBe(0);
  refuse = false;
  const conn = await rpyc.connect('127.0.0.1', server.port);
  await conn.ping();
  await conn.close();
  await server.close();
});

test('a peer that closes rejects every pending call with EOFError, and later calls too', async () => {
  const { conn, link } = await connected();
  const calls = [conn.root.a(), conn.root.b(), conn.ping()];
  for (const call of calls) call.catch(() => {});
  for (const _ of calls) await link.nextFrame();
  await link.close();
  for (const call of calls) await expect(call).rejects.toMatchObject({ name: 'EOFError', code: 'ERR_RPYC_CLOSED' });
  await expect(conn.root.a()).rejects.toMatchObject({ name: 'EOFError', code: 'ERR_RPYC_CLOSED' });
  await expect(conn.ping()).rejects.toMatchObject({ code: 'ERR_RPYC_CLOSED' });
  expect(() => conn.sync.ping()).toThrow(expect.objectContaining({ code: 'ERR_RPYC_CLOSED' }));
  expect(conn.stats.pending).toBe(0);
  await conn.close();
});

test('clients that hang up before they are accepted leave the server running, nothing behind, and no line in its log', async () => {
  const log = new b.Log();
  const server = await b.serve(rpyc.VoidService, { logger: log });
  let connections = 0;
  server.on('connection', () => connections++);
  // While this thread is blocked the kernel connects them, and takes their resets.
  const hangUp = `
    const { connect } = require('node:net');
    for (let i = 0; i < 20; i++) {
      const socket = connect(${server.port}, '127.0.0.1', () => (i % 2 ? socket.resetAndDestroy() : socket.destroy()));
    }`;
  const descriptors = (): number => (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0);
  const before = descriptors();
  expect(spawnSync(process.execPath, ['-e', hangUp]).status).toBe(0);
  const conn = await rpyc.connect('127.0.0.1', server.port);
  await conn.ping();
  // Those that only closed were connections for a moment; those that were reset never were.
  expect(connections).toBe(11);
  expect(server.connections.size).toBe(1);
  expect(log.errors).toEqual([]);
  expect(descriptors()).toBeLessThanOrEqual(before + 2); // both ends of `conn`
  await conn.close();
});

test('a connection reset says which', async () => {
  const { conn, link } = await connected();
  const call = conn.root.a();
  call.catch(() => {});
  await link.nextFrame();
  await link.reset();
  await expect(call).rejects.toMatchObject({
    code: 'ERR_RPYC_CLOSED',
    message: 'stream has been closed (ECONNRESET)',
    cause: { code: 'ECONNRESET' },
  });
});

test.each(['close', 'reset'] as const)('a %s while a blocking call waits throws EOFError there', async (how) => {
  const peer = await ScriptedPeer.listen();
  const program = start('blocking-client', [peer.port, 'gone']);
  const link = await accepted(peer);
  await link.nextFrame();
  await link[how]();
  expect(await program.next()).toMatchObject({
    outcome: {
      error: { name: 'EOFError', code: 'ERR_RPYC_CLOSED', ...(how === 'reset' ? { cause: 'ECONNRESET' } : {}) },
    },
    after: { error: { code: 'ERR_RPYC_CLOSED' } },
    closed: true,
  });
});

test('our own close rejects pending calls, sends CLOSE, and may be repeated', async () => {
  const { conn, link } = await connected();
  const call = conn.root.a();
  call.catch(() => {});
  const closed: Error[] = [];
  conn.on('close', (error) => closed.push(error));
  const closing = conn.close();
  await expect(conn.root.b()).rejects.toMatchObject({ code: 'ERR_RPYC_CLOSED' });
  await link.nextFrame();
  expect(b.readMessage(await link.nextPayload()).body[0]).toBe(b.CLOSE);
  await link.close();
  await closing;
  await conn.close();
  conn.abort();
  await expect(call).rejects.toMatchObject({ code: 'ERR_RPYC_CLOSED' });
  expect(closed).toHaveLength(1);
  expect(conn.closed).toBe(true);
});

test('a peer that never hangs up cannot hold up a close', async () => {
  const { conn, link } = await connected();
  await conn.close();
  expect(conn.closed).toBe(true);
  expect(b.readMessage(await link.nextPayload()).body[0]).toBe(b.CLOSE);
  expect(await link.untilEnd()).toBe('eof');
});

test('a blocking close against a peer that never hangs up', async () => {
  const peer = await ScriptedPeer.listen();
  const program = start('blocking-client', [peer.port, 'close']);
  await accepted(peer);
  const { closed, after, again } = await program.next();
  expect(closed).toBe(true);
  expect(after.error.code).toBe('ERR_RPYC_CLOSED');
  expect(again).toEqual({});
});

test('connectSync to a server of the same thread is refused at once', async () => {
  const server = await b.serve(rpyc.VoidService);
  expect(() => rpyc.connectSync('127.0.0.1', server.port)).toThrow(
    expect.objectContaining({ name: 'DeadlockError', code: 'ERR_RPYC_DEADLOCK' }),
  );
  const conn = await rpyc.connect('127.0.0.1', server.port);
  await conn.ping();
  await conn.close();
});
