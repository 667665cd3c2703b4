// The relay between real peers of every version, Python and Node, and against hostile bytes from either side.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { deflateSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { startNode } from '../support/node.ts';
import {
  describePython,
  PYTHONS,
  pythonJson,
  type RpycVersion,
  runClient,
  startPython,
  startServer,
} from '../support/python.ts';
import { frame, payloadOf, ScriptedPeer } from '../support/scripted-peer.ts';

async function relayTo(target: rpyc.RelayTarget, options: rpyc.RelayOptions = {}): Promise<rpyc.Relay> {
  const relay = new rpyc.Relay({ logger: null, ...options }, target);
  await relay.start();
  onTestFinished(() => relay.close());
  return relay;
}

const ROOT_5 = '12 51 50 11 53 02';
const ROOT_6 = '01 11 50 11 53 02';

const local = (port: number) => ({ host: '127.0.0.1', port });

/** Everything that a Python client does with peers/server.py's service. */
const CHECKS = `
root = conn.root
out["add"] = root.add(5, 10)
big = bytes(range(256)) * 20000
out["big"] = root.echo(big) == big
out["long"] = len(root.echo("x" * 200000))
seen = []
def callback(x):
    seen.append(x)
    return x * 2
out["callback"] = root.call(callback, 21)
out["seen"] = seen
try:
    root.div(1, 0)
except ZeroDivisionError as error:
    out["error"] = str(error)
out["list"] = list(root.make_list(5))
add = rpyc.async_(root.add)
out["async"] = [r.value for r in [add(i, i) for i in range(200)]] == [2 * i for i in range(200)]
out["generator"] = list(root.generator(3))
conn.ping()
`;
const DONE = {
  add: 15,
  big: true,
  long: 200_000,
  callback: 42,
  seen: [21],
  error: expect.stringMatching(/division/),
  list: [0, 1, 2, 3, 4],
  async: true,
  generator: [0, 1, 2],
};

describePython('Python clients and Python servers', () => {
  const pairs = PYTHONS.flatMap((client) => PYTHONS.map((server) => [client, server] as const));

  test.each(pairs)('%s through the relay to %s: calls, large values, callbacks, exceptions', async (client, server) => {
    const { ready } = await startServer(server);
    const relay = await relayTo(local(ready.port));
    expect(await runClient(client, relay.port, CHECKS)).toEqual(DONE);
    // The second client finds what the server speaks already known.
    expect(await runClient(client, relay.port, 'out["sum"] = conn.root.add(1, 2)')).toEqual({ sum: 3 });
    await expect.poll(() => relay.metrics()).toEqual({ open: 0, accepted: 2, refused: 0, failed: 0 });
  });

  test.each([
    ['5.3.1', '6.0.1'],
    ['6.0.1', '5.3.1'],
  ] as const)('%s to %s, told beforehand', async (client, server) => {
    const { ready } = await startServer(server);
    const relay = await relayTo(
      { ...local(ready.port), protocol: server === '6.0.1' ? 6 : 5 },
      { protocol: client === '6.0.1' ? 6 : 5 },
    );
    expect(await runClient(client, relay.port, CHECKS)).toEqual(DONE);
  });

  test.each([
    ['5.3.1', '6.0.1'],
    ['6.0.1', '5.3.1'],
  ] as const)('classic mode in both directions, where the server talks first: %s to %s', async (client, server) => {
    const { port } = await classicServer(server);
    const relay = await relayTo(local(port));
    const out = await pythonJson(
      client,
      `
import json, sys
import rpyc
conn = rpyc.classic.connect("127.0.0.1", ${relay.port})
conn.execute("def twice(f, x): return f(f(x))")
print(json.dumps([conn.namespace["twice"](lambda x: x * 3, 2), conn.modules.os.path.join("a", "b"), conn.eval("1 + 1")]))
`,
    );
    expect(out).toEqual([18, 'a/b', 2]);
  });

  test('a client that sends thread ids is told why it is refused', async () => {
    const { ready } = await startServer('5.3.1');
    const relay = await relayTo(local(ready.port));
    const env = { RPYC_BIND_THREADS: 'true' };
    const out = await pythonJson<string>('6.0.1', ASKING.replace('PORT', String(relay.port)), { env });
    expect(out).toMatch(/ConnectionError.*rpyc relay: the client sends thread ids \(RPYC_BIND_THREADS\)/s);
  });

  test('a server that sends thread ids is refused, and the client told why', async () => {
    const { ready } = await startServer('6.0.1', {}, { env: { RPYC_BIND_THREADS: 'true' } });
    const relay = await relayTo(local(ready.port));
    const out = await pythonJson<string>('5.3.1', ASKING.replace('PORT', String(relay.port)));
    expect(out).toMatch(/ConnectionError.*rpyc relay: the server sends thread ids \(RPYC_BIND_THREADS\)/s);
  });

  test.each(['6.0.1', '5.3.1', '4.1.5'] as const)(
    'Python %s is told which target cannot be reached',
    async (version) => {
      const gone = await ScriptedPeer.listen();
      const { port } = gone;
      await gone.close();
      const relay = await relayTo(local(port));
      const out = await pythonJson<string>(version, ASKING.replace('PORT', String(relay.port)));
      expect(out).toMatch(
        new RegExp(`ConnectionError.*rpyc relay: cannot connect to 127.0.0.1:${port}: .*ECONNREFUSED`, 's'),
      );
      expect(relay.metrics().failed).toBe(1);
    },
  );

  test('a server that comes back with another version is found out again', async () => {
    const path = join(tmpdir(), `rpyc-relay-${process.pid}.sock`);
    const relay = await relayTo({ socketPath: path });
    for (const version of ['5.3.1', '6.0.1', '4.1.5', '6.0.1'] as const) {
      const server = await startServer(version, {}, { args: [path] });
      expect(await runClient('6.0.1', relay.port, 'out["sum"] = conn.root.add(1, 2)')).toEqual({ sum: 3 });
      await server.stop();
      rmSync(path);
    }
    expect(relay.metrics()).toMatchObject({ accepted: 4, failed: 0 });
  });
});

const ASKING = `
import json
import rpyc
conn = rpyc.connect("127.0.0.1", PORT)
try:
    conn.root
    print(json.dumps("no error"))
except Exception as error:
    print(json.dumps(type(error).__name__ + ": " + str(error)))
`;

async function classicServer(version: RpycVersion): Promise<{ port: number }> {
  const { ready } = await startPython(
    version,
    `
from rpyc import ClassicService
from rpyc.utils.server import ThreadedServer
server = ThreadedServer(ClassicService, hostname="127.0.0.1", port=0)
print('READY {"port": %d}' % server.port)
server.start()
`,
  );
  return ready;
}

describePython('damaged frames', () => {
  test.each(['5.3.1', '6.0.1'] as const)(
    '200 connections of them leave relay and server %s working',
    async (version) => {
      const { ready } = await startServer(version);
      const relay = await relayTo(local(ready.port), { handshakeTimeout: 1, maxInflated: 1_000_000 });
      const good = Buffer.concat([
        frame(ROOT_5),
        frame(deflateSync(Buffer.concat([Buffer.from('125151', 'hex'), Buffer.alloc(4000, 0x50)])), 1),
        frame('12 51 52 11 51 10 08 0d 70 69 6e 67'),
      ]);
      const seed = Math.floor(Math.random() * 2 ** 31);
      let state = seed;
      const random = (below: number): number => {
        state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
        return (state >>> 8) % below;
      };
      const one = async (): Promise<void> => {
        const bytes = Buffer.from(good);
        for (let flips = random(4); flips >= 0; flips--) bytes[random(bytes.length)] ^= 1 << random(8);
        const client = await ScriptedPeer.connect(relay.port);
        await client.send(bytes.subarray(0, 1 + random(bytes.length))).catch(() => undefined);
        await client.end();
        await client.untilEnd();
      };
      for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 10 }, one));
      await expect.poll(() => relay.metrics().open, { message: `seed ${seed}` }).toBe(0);
      expect(await runClient('5.3.1', relay.port, 'out["sum"] = conn.root.add(1, 2)'), `seed ${seed}`).toEqual({
        sum: 3,
      });
    },
  );
});

describePython('Node on either side', () => {
  test.each(PYTHONS)('a Node client, awaited and blocking, through the relay to Python %s', async (version) => {
    const { ready } = await startServer(version);
    // A thread that blocks cannot relay: this one runs in a process of its own.
    const relay = await startRelayProcess(ready.port);
    for (const protocol of [5, 6] as const) {
      await using conn = await rpyc.connect('127.0.0.1', relay, { protocol });
      expect(await conn.root.add(5, 10)).toBe(15);
      expect(await conn.root.call((x: number) => x + 1, 1)).toBe(2);
      const blocking = rpyc.connectSync('127.0.0.1', relay, { protocol });
      expect(blocking.root.call((x: number) => x * 2, 4)).toBe(8);
      expect(() => blocking.root.div(1, 0)).toThrow(rpyc.exceptions.ZeroDivisionError);
      blocking.close();
    }
  });

  test.each(PYTHONS)(
    'a client of Python %s through the relay to a Node server that was told another version',
    async (version) => {
      const { port } = await startNode();
      for (const protocol of [5, 6] as const) {
        // A Node server follows its client, so the relay's choice decides.
        const relay = await relayTo({ ...local(port), protocol });
        const out = await runClient(version, relay.port, 'out["sum"] = conn.root.add(1, 2)');
        expect(out).toEqual({ sum: 3 });
      }
    },
  );

  test('10 MB that do not compress arrive whole, both ways', async () => {
    class Echo extends rpyc.Service {
      exposed_echo(value: unknown) {
        return value;
      }
    }
    const server = new rpyc.Server(Echo);
    await server.start();
    onTestFinished(() => server.close());
    const relay = await relayTo({ ...local(server.port), protocol: 6 });
    await using conn = await rpyc.connect('127.0.0.1', relay.port, { protocol: 5 });
    const bytes = Buffer.alloc(10_000_000);
    for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 2654435761) >>> 13;
    for (let i = 0; i < 3; i++) expect(bytes.equals(await conn.root.echo(bytes))).toBe(true);
  });
});

async function startRelayProcess(target: number): Promise<number> {
  const url = (path: string): string => new URL(path, import.meta.url).href;
  const code = `
const { Relay } = await import(${JSON.stringify(url('../../src/index.ts'))});
const relay = await new Relay({}, { host: '127.0.0.1', port: ${target} }).start();
console.log(relay.port);
`;
  const child = spawn(process.execPath, ['--import', url('../../scripts/ts.mjs'), '--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await once(child, 'close');
  });
  for await (const line of createInterface(child.stdout)) return Number(line);
  throw new Error('the relay ended before it listened');
}

// --- bytes -----------------------------------------------------------------------------------------------------------

/** A relay between two scripted ends. */
async function scripted(options: rpyc.RelayOptions = {}, protocol?: 5 | 6) {
  const target = await ScriptedPeer.listen();
  onTestFinished(() => target.close());
  const relay = await relayTo({ ...local(target.port), ...(protocol === undefined ? {} : { protocol }) }, options);
  const client = await ScriptedPeer.connect(relay.port);
  return { relay, client, target, server: await target.accept() };
}

test('5.x becomes 6.x and back by two bytes; everything behind them is what it was', async () => {
  const { client, server } = await scripted();
  await client.sendFrame(ROOT_5);
  expect((await server.nextPayload()).toString('hex')).toBe('011150115302');
  await server.sendFrame('02 11 50 11 51 7a', 0);
  expect((await client.nextPayload()).toString('hex')).toBe('12525011517a');
  // 0x07 is a tag that RPyC refuses: what is behind the head is the ends' own business.
  await client.sendFrame('12 53 51 07');
  expect((await server.nextPayload()).toString('hex')).toBe('03115107');
});

test('a server that answers in its own version is called again with it, and gets the first message then', async () => {
  const { client, target, server } = await scripted();
  await client.sendFrame(ROOT_6);
  expect((await server.nextPayload()).toString('hex')).toBe('011150115302');
  await server.sendFrame('12 51 50 11 52 02');
  const again = await target.accept();
  expect((await again.nextPayload()).toString('hex')).toBe('125150115302');
  await again.sendFrame('12 52 50 11 51 7a');
  expect((await client.nextPayload()).toString('hex')).toBe('02115011517a');
});

test('frames in pieces of one byte, many in one piece, empty ones and odd flushers pass', async () => {
  const { client, server } = await scripted({}, 6);
  const odd = Buffer.concat([frame(ROOT_5).subarray(0, -1), Buffer.from([0xff])]);
  for (const byte of odd) await client.send(Buffer.from([byte]));
  expect((await server.nextFrame()).toString('hex')).toBe(`0000000600011150115302ff`);
  await client.send(Buffer.concat([frame(''), frame('12 52 51 50'), frame(''), frame('12 53 52 51')]));
  const got = [await server.nextFrame(), await server.nextFrame(), await server.nextFrame(), await server.nextFrame()];
  expect(got.map((each) => each.toString('hex'))).toEqual([
    '00000000000a',
    '0000000400021151500a',
    '00000000000a',
    '0000000400031152510a',
  ]);
});

test('a compressed frame is translated, whatever its size, and passes as it is between equals', async () => {
  const payload = Buffer.concat([Buffer.from('125251', 'hex'), Buffer.alloc(50_000, 'abc')]);
  const sent = deflateSync(payload, { level: 9 });
  const mixed = await scripted({}, 6);
  await mixed.client.sendFrame(ROOT_5);
  await mixed.server.nextFrame();
  await mixed.client.sendFrame(sent, 1);
  const got = await mixed.server.nextFrame();
  expect(got[4]).toBe(1);
  expect(payloadOf(got).equals(Buffer.concat([Buffer.from('021151', 'hex'), payload.subarray(3)]))).toBe(true);
  const equal = await scripted({}, 5);
  await equal.client.sendFrame(ROOT_5);
  await equal.server.nextFrame();
  await equal.client.sendFrame(sent, 1);
  expect((await equal.server.nextFrame()).equals(frame(sent, 1))).toBe(true);
});

test.each([
  ['text of another protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ['a frame beyond maxFrame', Buffer.from('7fffffff00', 'hex')],
  ['a message that is none', frame('99 99 99 99')],
  ['a payload of one byte', frame('12')],
  ['damaged zlib', frame('12 34 56 78', 1)],
  ['zlib that inflates to too much', frame(deflateSync(Buffer.alloc(4_000_000)), 1)],
  ['a version that changes', Buffer.concat([frame(ROOT_5), frame(ROOT_6)])],
  ['a message that is none, later', Buffer.concat([frame(ROOT_5), frame('99 99 99 99')])],
  ['damaged zlib, later', Buffer.concat([frame(ROOT_5), frame('12 34 56 78', 1)])],
  [
    'zlib that inflates to too much, later',
    Buffer.concat([frame(ROOT_5), frame(deflateSync(Buffer.alloc(4_000_000)), 1)]),
  ],
])('%s from a client ends its connection and no other', async (_name, bytes) => {
  const { relay, client, server, target } = await scripted({ maxFrame: 1_000_000, maxInflated: 1_000_000 }, 6);
  const other = await ScriptedPeer.connect(relay.port);
  const otherServer = await target.accept();
  await client.send(bytes);
  await client.untilEnd();
  await server.untilEnd();
  expect(relay.metrics()).toMatchObject({ open: 1, failed: 1 });
  await other.sendFrame(ROOT_5);
  expect((await otherServer.nextPayload()).toString('hex')).toBe('011150115302');
});

test.each([
  ['text of another protocol', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n')],
  ['a message that is none', frame('99 99 99 99')],
  ['damaged zlib', frame('12 34 56 78', 1)],
])('%s from the server is told to the client that waits', async (_name, bytes) => {
  const { relay, client, server } = await scripted();
  await client.sendFrame(ROOT_5);
  await server.nextFrame();
  await server.send(bytes);
  const answer = await client.nextPayload();
  expect(answer.subarray(0, 3).toString('hex')).toBe('125350');
  expect(answer.toString('latin1')).toMatch(
    /ConnectionError.*rpyc relay: a (frame of|compressed frame)|rpyc relay: no message of RPyC/s,
  );
  await client.untilEnd();
  expect(relay.metrics().failed).toBe(1);
});

test('a server that mixes versions, later, ends the connection', async () => {
  const { client, server } = await scripted();
  await client.sendFrame(ROOT_5);
  await server.nextFrame();
  await server.send(Buffer.concat([frame('02 11 50 50'), frame('12 52 51 50')]));
  expect((await client.nextPayload()).toString('hex')).toBe('12525050');
  await client.untilEnd();
  await server.untilEnd();
});

test('a first message that is begun and not ended is cut after handshakeTimeout; silence is legal', async () => {
  const { relay, client, server } = await scripted({ handshakeTimeout: 0.2 });
  const silent = await ScriptedPeer.connect(relay.port);
  await client.send('00 00 00 06 00 12');
  await client.untilEnd();
  await server.untilEnd();
  await expect.poll(() => relay.metrics()).toMatchObject({ open: 1, failed: 1 });
  await silent.close();
});

test('the end of either side is the end of the other, after what was said before it', async () => {
  const first = await scripted({}, 6);
  await first.client.sendFrame(ROOT_5);
  await first.client.end();
  expect((await first.server.nextPayload()).toString('hex')).toBe('011150115302');
  expect(await first.server.untilEnd()).toBe('eof');
  const second = await scripted({}, 6);
  await second.client.sendFrame(ROOT_5);
  await second.server.nextFrame();
  await second.server.sendFrame('02 11 50 50');
  await second.server.close();
  expect((await second.client.nextPayload()).toString('hex')).toBe('12525050');
  expect(await second.client.untilEnd()).toBe('eof');
  const third = await scripted({}, 6);
  await third.client.reset();
  await third.server.untilEnd();
  await expect.poll(() => third.relay.metrics().open).toBe(0);
});

test('an end that does not read stops the other: what lies in the relay is bounded', async () => {
  const { relay, client, server } = await scripted({}, 6);
  await client.sendFrame(ROOT_5);
  await server.nextFrame();
  let got = 0;
  server.socket.pause();
  server.socket.removeAllListeners('data').on('data', (bytes: Buffer) => (got += bytes.length));
  server.socket.pause();
  const payload = Buffer.alloc(1_000_000, 1);
  Buffer.from('125251', 'hex').copy(payload);
  const sent = 80 * frame(payload).length;
  for (let i = 0; i < 80; i++) client.socket.write(frame(payload));
  // Until everything between is full: Node keeps what does not leave.
  let before = sent;
  const stands = () => {
    const left = client.socket.writableLength;
    const stood = left === before;
    before = left;
    return stood;
  };
  await expect.poll(stands, { interval: 300, timeout: 10_000 }).toBe(true);
  // What is neither here nor there lies in the kernel's buffers of two connections, and in the relay.
  expect(sent - client.socket.writableLength - got).toBeLessThan(30_000_000);
  server.socket.resume();
  await expect.poll(() => got, { timeout: 20_000 }).toBe(sent);
  await relay.close();
});

test('more connections than maxConnections are closed at once', async () => {
  const target = await ScriptedPeer.listen();
  onTestFinished(() => target.close());
  const relay = await relayTo(local(target.port), { maxConnections: 2 });
  const sockets: Socket[] = [];
  for (let i = 0; i < 2; i++) sockets.push(connect(relay.port, '127.0.0.1'));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  await expect.poll(() => relay.metrics().open).toBe(2);
  const third = connect(relay.port, '127.0.0.1');
  third.on('error', () => undefined);
  await once(third, 'close');
  expect(relay.metrics()).toMatchObject({ open: 2, refused: 1 });
  for (const socket of sockets) socket.destroy();
});

test('close ends every connection, listening or not', async () => {
  const { relay, client, server } = await scripted();
  await relay.close();
  await client.untilEnd();
  await server.untilEnd();
  expect(relay.metrics().open).toBe(0);
  expect(() => relay.port).toThrow('does not listen');
});

test.each([
  [{ port: 70_000 }, { host: 'a', port: 1 }],
  [{}, { host: 'a', port: 0 }],
  [{ maxConnections: 0 }, { host: 'a', port: 1 }],
  [{ connectTimeout: -1 }, { host: 'a', port: 1 }],
  [{ maxFrame: 1 }, { host: 'a', port: 1 }],
  [{ handshakeTimeout: 0 }, { host: 'a', port: 1 }],
  [{ protocol: 7 as 6 }, { host: 'a', port: 1 }],
  [{}, { host: 'a', port: 1, protocol: 4 as 5 }],
])('the options %j %j are refused', (options, target) => {
  expect(() => new rpyc.Relay(options, target)).toThrow(RangeError);
});
