// Peers that do not read: what we send them is bounded, the caller can wait for room, and a server stops reading who never reads.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { PYTHONS, startPython } from '../support/python.ts';
import { type ScriptedConnection, ScriptedPeer } from '../support/scripted-peer.ts';
import * as b from './bytes.ts';

/** A connection to a peer that stops reading once it has answered the handshake. */
async function toDeafPeer(options: rpyc.ConnectOptions): Promise<{ conn: rpyc.Connection; link: ScriptedConnection }> {
  const peer = await ScriptedPeer.listen();
  const opening = rpyc.connect('127.0.0.1', peer.port, options);
  const link = await peer.accept();
  await link.nextFrame();
  await link.sendFrame(b.reply(0, b.remote(b.idPack('srv.Service', 140, 280))));
  const conn = await opening;
  onTestFinished(() => conn.abort());
  await conn.root;
  link.socket.pause();
  return { conn, link };
}

const MiB = 1024 * 1024;

const ECHO = `
import json
import rpyc
from rpyc.utils.server import ThreadedServer

class Echo(rpyc.Service):
    def exposed_echo(self, value):
        return value

server = ThreadedServer(Echo, hostname="127.0.0.1", port=0)
server.listener.listen(5)
print("READY", json.dumps({"port": server.port}), flush=True)
server.start()
`;
const body = Buffer.alloc(64 * 1024, 7);

/** Calls without awaiting until one is refused for want of room. */
async function fill(conn: rpyc.Connection): Promise<{ calls: Promise<unknown>[]; refused: unknown }> {
  const calls: Promise<unknown>[] = [];
  let refused: unknown;
  for (let i = 0; i < 2000 && refused === undefined; i++) {
    const call = conn.root.take(body);
    const settled = call.catch((error: unknown) => {
      if ((error as { code?: string }).code === 'ERR_RPYC_BACKPRESSURE') refused = error;
    });
    calls.push(call);
    if (i % 16 === 0) await Promise.race([settled, new Promise((resolve) => setImmediate(resolve))]);
  }
  return { calls, refused };
}

test('unawaited calls end in ERR_RPYC_BACKPRESSURE, drained() resolves when the peer reads, and calls go on', async () => {
  const { conn, link } = await toDeafPeer({ maxQueued: 4 * MiB, compress: false });
  const { refused } = await fill(conn);
  expect(refused).toMatchObject({
    name: 'BackpressureError',
    code: 'ERR_RPYC_BACKPRESSURE',
    message: expect.stringContaining('maxQueued is 4194304'),
  });
  expect(conn.stats.queued).toBeGreaterThan(4 * MiB);
  expect(conn.stats.queued).toBeLessThan(8 * MiB);
  const { messagesOut, pending } = conn.stats;
  await expect(conn.root.take(1)).rejects.toMatchObject({ code: 'ERR_RPYC_BACKPRESSURE' });
  expect(conn.stats.messagesOut).toBe(messagesOut);
  expect(conn.stats.pending).toBe(pending);
  let drained = false;
  const draining = conn.drained().then(() => {
    drained = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(drained).toBe(false);
  link.socket.resume();
  await draining;
  expect(conn.stats.queued).toBeLessThanOrEqual(MiB);
  const call = conn.root.take(2);
  let last = b.readMessage(await link.nextPayload());
  while (last.seq < pending + 1) last = b.readMessage(await link.nextPayload());
  await link.sendFrame(b.reply(last.seq, b.value(b.int(5))));
  expect(await call).toBe(5);
});

test('drained() resolves at once when little is queued, also for a peer that reads nothing', async () => {
  const { conn } = await toDeafPeer({ highWater: 256 * MiB, compress: false });
  for (let i = 0; i < 160; i++) conn.root.take(body).catch(() => {});
  expect(conn.stats.queued).toBeGreaterThan(0);
  await conn.drained();
});

test('drained() resolves when the connection ends', async () => {
  const { conn, link } = await toDeafPeer({ maxQueued: 4 * MiB, compress: false });
  const { calls } = await fill(conn);
  const draining = conn.drained();
  await link.reset();
  await draining;
  for (const outcome of await Promise.allSettled(calls)) expect(outcome.status).toBe('rejected');
  expect(conn.closed).toBe(true);
});

test('a connection whose peer reads nothing can be closed', async () => {
  const { conn, link } = await toDeafPeer({ maxQueued: 4 * MiB, compress: false });
  const { calls } = await fill(conn);
  await conn.close();
  expect(conn.closed).toBe(true);
  for (const outcome of await Promise.allSettled(calls)) expect(outcome.status).toBe('rejected');
  link.socket.resume();
  await link.untilEnd();
});

class Generous extends rpyc.Service {
  static answered = 0;
  exposed_one() {
    return 1;
  }
  exposed_give() {
    Generous.answered++;
    return Buffer.alloc(16 * 1024);
  }
  async exposed_give_later() {
    Generous.answered++;
    return Buffer.alloc(16 * 1024);
  }
}

test.each(['give', 'give_later'])(
  'a client that asks and never reads is no longer read, and others are served meanwhile (%s)',
  async (method) => {
    Generous.answered = 0;
    const server = await b.serve(Generous, { compress: false });
    const flood = await b.Client.connect(server.port);
    const [side] = server.connections;
    flood.link.socket.pause();
    const requests = Buffer.concat(
      Array.from({ length: 20_000 }, (_, i) =>
        b.frame(b.request(i + 1, b.CALLATTR, [flood.rootBox, b.value(b.str(method)), b.value(b.tuple())])),
      ),
    );
    // Never completes while the server does not read: the kernel's buffers are full long before.
    flood.link.send(requests).catch(() => {});
    const other = await rpyc.connect('127.0.0.1', server.port, { compress: false });
    for (let quiet = 0, last = -1; quiet < 100; last = Generous.answered) {
      quiet = Generous.answered === last ? quiet + 1 : 0;
      expect(await other.root.one()).toBe(1);
    }
    expect(Generous.answered).toBeGreaterThan(10);
    expect(Generous.answered).toBeLessThan(20_000);
    expect(side.stats.queued).toBeGreaterThan(MiB / 2);
    expect(side.stats.queued).toBeLessThan(64 * MiB);
    // Once it reads, everything is answered after all.
    flood.link.socket.resume();
    for (let i = 1; i <= 2000; i++) expect(b.readMessage(await flood.link.nextPayload()).kind).toBe(2);
    await other.close();
  },
);

describe('answers that are not read', () => {
  class Later extends rpyc.Service {
    release: (() => void)[] = [];
    given = 0;
    exposed_give_when_told(size: number) {
      return new Promise<Buffer>((resolve) => this.release.push(() => resolve(Buffer.alloc(size, 1))));
    }
    exposed_give(size: number) {
      this.given++;
      return Buffer.alloc(size, 2);
    }
  }

  async function asking(options: rpyc.ServerOptions, method: string, size: number, count: number) {
    const service = new Later();
    const log = new b.Log();
    const server = await b.serve(service, { compress: false, logger: log, ...options });
    const client = await b.Client.connect(server.port);
    const [conn] = server.connections;
    const args = [client.rootBox, b.value(b.str(method)), b.value(b.tuple(b.int(size)))];
    const requests = Array.from({ length: count }, (_, i) => b.frame(b.request(i + 1, b.CALLATTR, args)));
    return { service, log, server, client, conn, requests: Buffer.concat(requests) };
  }

  test('beyond maxQueued close that connection with ERR_RPYC_BACKPRESSURE, and no other', async () => {
    const { service, log, server, client, conn, requests } = await asking(
      { maxQueued: 8 * MiB },
      'give_when_told',
      256 * 1024,
      200,
    );
    const other = await rpyc.connect('127.0.0.1', server.port);
    client.link.socket.pause();
    await client.link.send(requests);
    while (service.release.length < 200) await other.ping();
    const ended = new Promise<Error>((resolve) => conn.once('close', resolve));
    for (const release of service.release) release();
    const error = await ended;
    expect(error).toMatchObject({
      code: 'ERR_RPYC_BACKPRESSURE',
      message: expect.stringContaining('maxQueued is 8388608'),
    });
    expect(log.errors.map(([line]) => line)).toContainEqual(expect.stringContaining(error.message));
    expect(conn.stats.bytesOut).toBeLessThan(16 * MiB);
    expect((await other.root.give(10)).length).toBe(10);
    await other.close();
  });

  test('of one request may be as large as a frame', async () => {
    const { client, conn, requests } = await asking({ maxQueued: MiB, highWater: MiB / 4 }, 'give', 20 * MiB, 2);
    await client.link.send(requests);
    for (let i = 1; i <= 2; i++) expect(b.readMessage(await client.link.nextPayload()).body[1].length).toBe(20 * MiB);
    expect(conn.closed).toBe(false);
  });

  test('of many requests in one batch are made as they are read, and a client that reads gets all of them', async () => {
    const { service, client, conn, requests } = await asking({ maxQueued: 2 * MiB }, 'give', MiB, 100);
    client.link.socket.pause();
    await client.link.send(requests);
    while (conn.stats.queued < MiB) await new Promise((resolve) => setImmediate(resolve));
    await conn.ping().catch(() => {});
    expect(service.given).toBeLessThan(12);
    client.link.socket.resume();
    let answers = 0;
    while (answers < 100) if (b.readMessage(await client.link.nextPayload()).kind === 2) answers++;
    expect(service.given).toBe(100);
    expect(conn.closed).toBe(false);
  });
});

describe('large values both ways at once: each end reads answers, whatever it still has to write itself', () => {
  const large = randomBytes(10 * MiB);
  const CALLS = 5;

  class Echo extends rpyc.Service {
    exposed_echo(value: unknown) {
      return value;
    }
  }

  async function echoed(conn: rpyc.Connection): Promise<void> {
    onTestFinished(() => conn.abort());
    const calls = Array.from({ length: CALLS }, () => conn.root.echo(large) as Promise<Buffer>);
    for (const answer of await Promise.all(calls)) expect(answer.equals(large)).toBe(true);
  }

  test('over sockets', async () => {
    const server = await b.serve(Echo, {});
    await echoed(await rpyc.connect('127.0.0.1', server.port, { compress: false }));
  });

  test('over a Node stream', async () => {
    const server = await b.serve(Echo, {});
    const socket = net.connect(server.port, '127.0.0.1');
    await once(socket, 'connect');
    await echoed(await rpyc.connectStream(socket, { compress: false }));
  });

  test.each(PYTHONS)('with a stock server of RPyC %s, which writes each answer before it reads on', async (version) => {
    const server = await startPython(version, ECHO);
    await echoed(await rpyc.connect('127.0.0.1', server.ready.port, { compress: false }));
  });
});
