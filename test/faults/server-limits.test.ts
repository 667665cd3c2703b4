// One server under pressure: clients that begin and do not finish, that do not read, that say nothing, that are too many; a process without
// descriptors. Each has its bound, and nobody else notices.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { start } from '../support/programs/run.ts';
import { ScriptedPeer } from '../support/scripted-peer.ts';
import * as b from './bytes.ts';

class Plain extends rpyc.Service {
  exposed_add(x: number, y: number) {
    return x + y;
  }
  exposed_give(size: number) {
    return Buffer.alloc(size, 1);
  }
  exposed_take(data: Uint8Array) {
    return data.length;
  }
  exposed_slow(ms: number) {
    return sleep(ms, 'slept');
  }
}

const MiB = 1024 * 1024;

const closed = (conn: rpyc.Connection) => once(conn, 'close') as Promise<[Error & { code: string }]>;

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setImmediate(resolve));
}

/** The next connection of a server. */
const nextOf = async (server: rpyc.Server): Promise<rpyc.Connection> => (await once(server, 'connection'))[0];

describe('handshakeTimeout', () => {
  test('cuts who begins its first message and does not end it, and leaves who says nothing alone', async () => {
    const log = new b.Log();
    const server = await b.serve(Plain, { handshakeTimeout: 0.2, logger: log });
    const silent = await ScriptedPeer.connect(server.port);
    const coming = nextOf(server);
    const loris = await ScriptedPeer.connect(server.port);
    const end = closed(await coming);
    const drip = setInterval(() => loris.send('00').catch(() => {}), 20);
    onTestFinished(() => clearInterval(drip));
    const [error] = await end;
    expect(error).toMatchObject({ name: 'TimeoutError', code: 'ERR_RPYC_TIMEOUT' });
    expect(error.message).toContain('(handshakeTimeout is 0.2 s)');
    await loris.untilEnd();
    expect(server.metrics().connections.cut).toMatchObject({ handshake: 1, frame: 0, idle: 0 });
    expect(log.errors).toHaveLength(1);
    // As a client that was connected early and is used late.
    await silent.sendFrame(b.request(1, b.GETROOT));
    expect(b.readMessage(await silent.nextPayload()).kind).toBe(2);
  });
});

describe('frameTimeout', () => {
  test('cuts who begins a later message and does not end it, whatever the pace of its bytes', async () => {
    const server = await b.serve(Plain, { frameTimeout: 0.2 });
    const client = await b.Client.connect(server.port);
    const [conn] = server.connections;
    const end = closed(conn);
    await client.link.send('00 00 10 00 00');
    const drip = setInterval(() => client.link.send('00').catch(() => {}), 20);
    onTestFinished(() => clearInterval(drip));
    const [error] = await end;
    expect(error.message).toContain('a message was begun and is not complete');
    expect(error.message).toContain('(frameTimeout is 0.2 s)');
    expect(server.metrics().connections.cut.frame).toBe(1);
  });

  test('bears a long message that comes at 16 KiB a second or faster', async () => {
    const server = await b.serve(Plain, { frameTimeout: 0.1 });
    const client = await b.Client.connect(server.port);
    const body = b.value(b.tuple(b.data(Buffer.alloc(200_000, 3))));
    const whole = b.frame(b.request(50, b.CALLATTR, [client.rootBox, b.value(b.str('take')), body]));
    // Five times the time-out; what has come is worth six seconds.
    for (let at = 0; at < whole.length; at += 40_000) {
      await client.link.send(whole.subarray(at, at + 40_000));
      await sleep(100);
    }
    expect((await client.answer(50)).body).toEqual([1, 200_000]);
  });

  test('does not count while reading is paused by us', async () => {
    const server = await b.serve(Plain, { frameTimeout: 0.1, maxInFlight: 1 });
    const client = await b.Client.connect(server.port);
    const slow = (seq: number) =>
      b.frame(b.request(seq, b.CALLATTR, [client.rootBox, b.value(b.str('slow')), b.value(b.tuple(b.int(400)))]));
    const third = slow(52);
    await client.link.send(Buffer.concat([slow(50), slow(51), third.subarray(0, 20)]));
    const [conn] = server.connections;
    await until(() => conn.stats.paused);
    expect((await client.answer(50)).body).toEqual([1, 'slept']);
    await client.link.send(third.subarray(20));
    expect((await client.answer(51)).body).toEqual([1, 'slept']);
    expect((await client.answer(52)).body).toEqual([1, 'slept']);
  });
});

describe('sendTimeout', () => {
  test('cuts who reads nothing of what waits for it, and nobody who reads slowly', async () => {
    const server = await b.serve(Plain, { sendTimeout: 0.3, compress: false, highWater: MiB });
    const deaf = await b.Client.connect(server.port);
    const [side] = server.connections;
    const end = closed(side);
    const slow = await b.Client.connect(server.port);
    const ask = (client: b.Client) =>
      client.link.sendFrame(
        b.request(9, b.CALLATTR, [client.rootBox, b.value(b.str('give')), b.value(b.tuple(b.int(16 * MiB)))]),
      );
    deaf.link.socket.pause();
    slow.link.socket.pause();
    await Promise.all([ask(deaf), ask(slow)]);
    // It lets the kernel's buffer empty now and then.
    const sip = setInterval(() => {
      slow.link.socket.resume();
      setImmediate(() => slow.link.socket.pause());
    }, 20);
    const [error] = await end;
    clearInterval(sip);
    await new Promise((resolve) => setImmediate(resolve));
    expect(error).toMatchObject({
      code: 'ERR_RPYC_TIMEOUT',
      message: expect.stringContaining('(sendTimeout is 0.3 s)'),
    });
    slow.link.socket.resume();
    expect((await slow.answer(9)).body[1].length).toBe(16 * MiB);
    expect(server.metrics().connections.cut.send).toBe(1);
  });
});

describe('idleTimeout', () => {
  test('says goodbye to who asks nothing, and not to who is being served', async () => {
    const log = new b.Log();
    const server = await b.serve(Plain, { idleTimeout: 0.2, logger: log });
    const busy = await b.Client.connect(server.port);
    const idle = await b.Client.connect(server.port);
    const [, side] = server.connections;
    const started = performance.now();
    const answer = busy.call('slow', b.value(b.int(600)));
    const goodbye = b.readMessage(await idle.link.nextPayload());
    expect(goodbye.body[0]).toBe(b.CLOSE);
    const end = closed(side);
    await idle.link.close();
    await end;
    expect((await answer).body).toEqual([1, 'slept']);
    expect(performance.now() - started).toBeGreaterThan(590);
    expect(server.metrics().connections.cut.idle).toBe(1);
    expect(log.errors).toEqual([]);
  });
});

test('the time that a handler blocked the thread counts for nobody', async () => {
  class Blocking extends Plain {
    exposed_block(ms: number) {
      const end = performance.now() + ms;
      while (performance.now() < end);
      return 'done';
    }
  }
  const server = await b.serve(Blocking, { idleTimeout: 0.4, handshakeTimeout: 0.4 });
  const idle = await b.Client.connect(server.port);
  const busy = await b.Client.connect(server.port);
  const late = await ScriptedPeer.connect(server.port);
  const getroot = b.frame(b.request(1, b.GETROOT));
  await late.send(getroot.subarray(0, 4));
  await until(() => [...server.connections].some((conn) => conn.stats.undecoded > 0));
  expect((await busy.call('block', b.value(b.int(1500)))).body).toEqual([1, 'done']);
  await late.send(getroot.subarray(4));
  expect(b.readMessage(await late.nextPayload()).kind).toBe(2);
  expect(await idle.isAlive()).toBe(true);
});

describe('maxConnections', () => {
  test('connections beyond it see the end at once, one line is logged, and room is used again', async () => {
    const log = new b.Log();
    const server = await b.serve(Plain, { maxConnections: 2, logger: log });
    const first = await b.Client.connect(server.port);
    await b.Client.connect(server.port);
    for (let i = 0; i < 20; i++) {
      const link = await ScriptedPeer.connect(server.port);
      await link.untilEnd();
    }
    await expect(rpyc.connect('127.0.0.1', server.port)).rejects.toMatchObject({ code: 'ERR_RPYC_CLOSED' });
    expect(log.errors.map(([line]) => line)).toEqual([
      'rpyc server: a connection is refused: 2 are open (maxConnections is 2)',
    ]);
    expect(server.metrics().connections).toMatchObject({ open: 2, accepted: 2, refused: 21 });
    const [side] = server.connections;
    const end = closed(side);
    await first.link.close();
    await end;
    const again = await rpyc.connect('127.0.0.1', server.port);
    expect(await again.root.add(1, 2)).toBe(3);
    await again.close();
  });
});

describe('acceptRate', () => {
  test('lets in so many a second, and the rest waits in the backlog', async () => {
    const server = await b.serve(Plain, { acceptRate: 20 });
    const times: number[] = [];
    server.on('connection', () => times.push(performance.now()));
    await Promise.all(Array.from({ length: 40 }, () => b.Client.connect(server.port)));
    expect(times).toHaveLength(40);
    // 20 at once; the others at 20 a second.
    expect((times.at(-1) as number) - times[19]).toBeGreaterThan(900);
    expect(times[19] - times[0]).toBeLessThan((times.at(-1) as number) - times[19]);
    expect(server.metrics().connections.refused).toBe(0);
  });

  test('a server that waits for the next portion can be closed', async () => {
    const server = await b.serve(Plain, { acceptRate: 0.1 });
    await b.Client.connect(server.port);
    await server.close();
    expect(server.connections.size).toBe(0);
  });
});

test('a process without descriptors pauses accepting, serves whom it has, logs one line, and goes on when there are some', async () => {
  const program = start('scarce-server', [], { shell: 'ulimit -n 64' });
  const { port } = await program.next();
  const early = await rpyc.connect('127.0.0.1', port);
  const links = await Promise.all(Array.from({ length: 80 }, () => ScriptedPeer.connect(port)));
  // Those that got in are served; each pause refuses one of the others, with the spare descriptor.
  expect(await early.root.add(1, 2)).toBe(3);
  let failures = 0;
  while (failures < 3) ({ acceptFailures: failures } = await rpyc.value(early.root.metrics()));
  for (const link of links) link.socket.destroy();
  for (;;) {
    const late = await rpyc.connect('127.0.0.1', port).catch(() => undefined);
    if (late === undefined) continue;
    expect(await late.root.add(3, 4)).toBe(7);
    await late.close();
    break;
  }
  await early.root.stop();
  await early.close();
  expect(await program.ended).toBe(0);
  const lines = program
    .stderr()
    .split('\n')
    .filter((line) => line.includes('rpyc server:'));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/accepting failed, and pauses 100 ms: accept EMFILE/);
});

describe('options that cannot be are refused when the server is made', () => {
  const cases: [rpyc.ServerOptions, string][] = [
    [{ maxConnections: 0 }, 'maxConnections is a whole number between 1 and 10000000, not 0'],
    [{ maxConnections: 1.5 }, 'maxConnections is a whole number between 1 and 10000000, not 1.5'],
    [{ acceptRate: 0 }, 'acceptRate is a number of connections per second up to 1000000, or null, not 0'],
    [{ idleTimeout: -1 }, 'idleTimeout is a number of seconds above 0, or null for no bound, not -1'],
    [{ sendTimeout: 0 }, 'sendTimeout is a number of seconds above 0, or null for no bound, not 0'],
    [
      { handshakeTimeout: Number.NaN },
      'handshakeTimeout is a number of seconds above 0, or null for no bound, not NaN',
    ],
    [{ frameTimeout: 1e12 }, 'frameTimeout is a number of seconds above 0, or null for no bound, not 1000000000000'],
    [{ config: {}, protocolConfig: {} }, 'config and protocolConfig are the same option: give one of them'],
    [{ ipv6: true, hostname: '127.0.0.1' }, 'ipv6 is true, and hostname is the IPv4 address 127.0.0.1'],
    [{ port: 70_000 }, 'port is between 0 and 65535, not 70000'],
  ];
  test.each(cases)('%j', (options, message) => {
    expect(() => new rpyc.Server(Plain, options)).toThrow(message);
  });

  test('a time-out of drain as well', () => {
    expect(() => new rpyc.Server(Plain).drain({ timeout: -1 })).toThrow('timeout is a number of seconds above 0');
  });
});
