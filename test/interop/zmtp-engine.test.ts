// src/zmtp, ZeroMQ through the engine, against libzmq: every pattern, either side listening, over tcp and ipc.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { ZmqOptions } from '../../src/zmtp/socket.ts';
import { describePython } from '../support/python.ts';
import { libzmqSocket, type SocketType, type ZmqSocket } from '../support/zmq.ts';
import { type TestSocket, toBytes, zmqSocket } from '../support/zmq-socket.ts';

/** Bodies at every boundary of a frame's length, and larger than what crosses at once. */
const BODIES = ['', 'x', 'a'.repeat(255), 'b'.repeat(256), '\0\xff'.repeat(40_000), 'c'.repeat(3_000_000)];
const WAYS = ['we listen', 'libzmq listens', 'we listen, ipc', 'libzmq connects first'] as const;

type Ours = Exclude<SocketType, 'XPUB'>;

/** Two sockets that have shaken hands. */
async function pair(
  [ours, theirs]: readonly [Ours, SocketType],
  way: (typeof WAYS)[number],
  { our, their = [] }: { our?: ZmqOptions; their?: string[] } = {},
): Promise<{ we: TestSocket; libzmq: ZmqSocket }> {
  const we = zmqSocket(ours, our);
  let libzmq: ZmqSocket;
  if (way === 'libzmq listens') {
    libzmq = await libzmqSocket(theirs, 'bind=tcp://127.0.0.1', ...their);
    we.socket.connect(`tcp://127.0.0.1:${libzmq.port}`);
  } else if (way === 'libzmq connects first') {
    // Whoever comes too early connects again.
    const early = zmqSocket('PULL');
    const endpoint = await early.socket.bind('tcp://127.0.0.1:*');
    early.socket.close();
    libzmq = await libzmqSocket(theirs, `connect=${endpoint}`, ...their);
    await libzmqEvent(libzmq, 'CONNECT_RETRIED');
    await we.socket.bind(endpoint);
  } else {
    const endpoint = way === 'we listen' ? 'tcp://127.0.0.1:*' : `ipc://${temporary()}/socket`;
    libzmq = await libzmqSocket(theirs, `connect=${await we.socket.bind(endpoint)}`, ...their);
  }
  await we.peers(1);
  await libzmqEvent(libzmq, 'HANDSHAKE_SUCCEEDED');
  return { we, libzmq };
}

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'zmtp-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function libzmqEvent(socket: ZmqSocket, name: string): Promise<void> {
  while ((await socket.next('event')) !== name);
}

describePython('ZeroMQ through the engine, and libzmq', () => {
  test.each(WAYS)('DEALER and DEALER exchange messages of any shape both ways (%s)', async (way) => {
    const { we, libzmq } = await pair(['DEALER', 'DEALER'], way);
    for (const parts of [...BODIES.map((body) => [body]), BODIES, Array(300).fill('part')]) {
      we.send(...parts);
      expect(await libzmq.receive()).toEqual(parts);
      libzmq.send(...parts);
      expect(await we.receive()).toEqual(parts);
    }
  });

  test.each(WAYS)('our ROUTER answers a DEALER by its identity, given or made (%s)', async (way) => {
    const named = await pair(['ROUTER', 'DEALER'], way, { their: ['IDENTITY=worker-1'] });
    named.libzmq.send('', 'question');
    expect(await named.we.receive()).toEqual(['worker-1', '', 'question']);
    named.we.send('nobody', '', 'lost');
    named.we.send('worker-1', '', 'answer');
    expect(await named.libzmq.receive()).toEqual(['', 'answer']);

    const unnamed = await pair(['ROUTER', 'DEALER'], way);
    unnamed.libzmq.send('', 'question');
    const [identity = '', ...rest] = await unnamed.we.receive();
    expect([identity.length, identity[0], rest]).toEqual([5, '\0', ['', 'question']]);
    unnamed.we.send(identity, '', 'answer');
    expect(await unnamed.libzmq.receive()).toEqual(['', 'answer']);
    expect(named.we.socket.stats().dropped).toBe(1);
  });

  test.each(WAYS)('our DEALER is known to a ROUTER by its identity (%s)', async (way) => {
    const { we, libzmq } = await pair(['DEALER', 'ROUTER'], way, { our: { identity: toBytes('me') } });
    we.send('', 'question');
    expect(await libzmq.receive()).toEqual(['me', '', 'question']);
    libzmq.send('me', '', 'answer');
    expect(await we.receive()).toEqual(['', 'answer']);
  });

  test.each(WAYS)('PUSH reaches PULL in order, whoever pushes (%s)', async (way) => {
    const tasks = Array.from({ length: 3000 }, (_, number) => [String(number), 'task']);
    const ours = await pair(['PUSH', 'PULL'], way);
    const theirs = await pair(['PULL', 'PUSH'], way);
    for (const parts of tasks) {
      ours.we.send(...parts);
      theirs.libzmq.send(...parts);
    }
    for (const parts of tasks) {
      expect(await ours.libzmq.receive()).toEqual(parts);
      expect(await theirs.we.receive()).toEqual(parts);
    }
  });

  test.each(WAYS)('our PUB serves the subscriptions of libzmq (%s)', async (way) => {
    const { we, libzmq } = await pair(['PUB', 'SUB'], way);
    const arrives = async (topic: string): Promise<void> => {
      // A PUB is not told of subscriptions: it publishes until one gets through.
      const publishing = setInterval(() => we.send(topic, 'sync'), 5);
      while ((await libzmq.receive())[0] !== topic);
      clearInterval(publishing);
    };
    libzmq.tell('subscribe', 'news');
    await arrives('newsflash');
    we.send('other', 'not this');
    we.send('newspaper', '1');
    let got = await libzmq.receive();
    while (got[1] === 'sync') got = await libzmq.receive();
    expect(got).toEqual(['newspaper', '1']);
    libzmq.tell('subscribe', 'ot');
    await arrives('other');
    libzmq.tell('cancel', 'news');
    libzmq.tell('subscribe', 'last');
    await arrives('last'); // so the cancel came as well
    we.send('newspaper', 'not this');
    we.send('last', '2');
    got = await libzmq.receive();
    while (got[1] === 'sync') got = await libzmq.receive();
    expect(got).toEqual(['last', '2']);
  });

  test.each(WAYS)('our SUB subscribes at libzmq (%s)', async (way) => {
    const { we, libzmq } = await pair(['SUB', 'XPUB'], way);
    we.socket.subscribe(toBytes('a'));
    expect(await libzmq.receive()).toEqual(['\x01a']); // an XPUB tells
    we.socket.subscribe(toBytes('ab'));
    expect(await libzmq.receive()).toEqual(['\x01ab']);
    libzmq.send('b', 'not this');
    libzmq.send('abc', '1');
    expect(await we.receive()).toEqual(['abc', '1']);
    we.socket.unsubscribe(toBytes('a'));
    expect(await libzmq.receive()).toEqual(['\0a']);
    libzmq.send('ac', 'not this');
    libzmq.send('ab', '2');
    expect(await we.receive()).toEqual(['ab', '2']);
  });

  test.each(WAYS)('REQ and REP take turns, whoever asks (%s)', async (way) => {
    const ours = await pair(['REQ', 'REP'], way);
    const theirs = await pair(['REP', 'REQ'], way);
    for (const body of BODIES) {
      for (const [asks, answers] of [
        [ours.we, ours.libzmq],
        [theirs.libzmq, theirs.we],
      ] as const) {
        asks.send('question', body);
        expect(await answers.receive()).toEqual(['question', body]);
        answers.send(body);
        expect(await asks.receive()).toEqual([body]);
      }
    }
    ours.we.send('once');
    expect(() => ours.we.send('twice')).toThrow('asks again after it received the answer');
    expect(() => theirs.we.send('unasked')).toThrow('answers a request that it received');
  });

  test('our DEALER deals to several ROUTERs in turn, and our PUSH to several PULLs', async () => {
    for (const [ours, theirs] of [
      ['DEALER', 'DEALER'],
      ['PUSH', 'PULL'],
    ] as const) {
      const we = zmqSocket(ours);
      const endpoint = await we.socket.bind('tcp://127.0.0.1:*');
      const others = [
        await libzmqSocket(theirs, `connect=${endpoint}`),
        await libzmqSocket(theirs, `connect=${endpoint}`),
      ];
      await we.peers(2);
      for (const task of ['1', '2', '3', '4']) we.send(task);
      const got = await Promise.all(others.map(async (one) => [await one.receive(), await one.receive()].flat()));
      expect(got.sort()).toEqual([
        ['1', '3'],
        ['2', '4'],
      ]);
    }
  });

  test('what is sent before anybody listens waits, and comes in order', async () => {
    const early = zmqSocket('PULL');
    const endpoint = await early.socket.bind('tcp://127.0.0.1:*');
    early.socket.close();
    const we = zmqSocket('PUSH', { reconnect: 10, reconnectMax: 50 });
    we.socket.connect(endpoint);
    for (let number = 0; number < 500; number++) we.send(String(number));
    await we.lost(2); // attempts in vain
    const late = zmqSocket('PULL');
    await late.socket.bind(endpoint);
    for (let number = 0; number < 500; number++) expect(await late.receive()).toEqual([String(number)]);
  });

  test('a peer that is killed is connected to again when it is back, and gets what was sent meanwhile', async () => {
    const first = await libzmqSocket('ROUTER', 'bind=tcp://127.0.0.1');
    const we = zmqSocket('DEALER', { identity: toBytes('me'), reconnect: 20, reconnectMax: 100 });
    we.socket.connect(`tcp://127.0.0.1:${first.port}`);
    we.send('one');
    expect(await first.receive()).toEqual(['me', 'one']);
    first.kill();
    await we.lost(1);
    await first.stop();
    we.send('two');
    const second = zmqSocket('ROUTER');
    await second.socket.bind(`tcp://127.0.0.1:${first.port}`);
    expect(await second.receive()).toEqual(['me', 'two']);
    second.send('me', 'back');
    expect(await we.receive()).toEqual(['back']);
  });

  test('a killed client is forgotten by our ROUTER, and the others go on', async () => {
    const we = zmqSocket('ROUTER');
    const endpoint = await we.socket.bind('tcp://127.0.0.1:*');
    const [victim, other] = [
      await libzmqSocket('DEALER', `connect=${endpoint}`, 'IDENTITY=victim'),
      await libzmqSocket('DEALER', `connect=${endpoint}`, 'IDENTITY=other'),
    ];
    await we.peers(2);
    victim.kill();
    await we.lost(1);
    expect(we.socket.stats()).toMatchObject({ peers: 1, ready: 1 });
    we.send('victim', 'nobody hears it');
    other.send('question');
    expect(await we.receive()).toEqual(['other', 'question']);
    we.send('other', 'answer');
    expect(await other.receive()).toEqual(['answer']);
    expect(we.socket.stats().dropped).toBe(1);
  });

  test('heartbeats keep a connection both ways, and notice a peer that was stopped', async () => {
    const their = ['HEARTBEAT_IVL=20', 'HEARTBEAT_TTL=30000', 'HEARTBEAT_TIMEOUT=20000'];
    const { we, libzmq } = await pair(['DEALER', 'DEALER'], 'we listen', { our: { heartbeat: 50 }, their });
    await new Promise((resolve) => setTimeout(resolve, 300));
    libzmq.send('still there');
    expect(await we.receive()).toEqual(['still there']);
    expect(we.reasons).toEqual([]);
    libzmq.stall();
    await we.lost(1);
    expect(we.reasons).toEqual(['the peer has been silent for too long']);
  });

  test('a second peer with the identity of a living one is sent away, and the first stays', async () => {
    const { we, libzmq } = await pair(['ROUTER', 'DEALER'], 'we listen', { their: ['IDENTITY=me'] });
    const endpoint = await we.socket.bind('tcp://127.0.0.1:*');
    await libzmqSocket('DEALER', `connect=${endpoint}`, 'IDENTITY=me', 'RECONNECT_IVL=-1');
    await we.lost(1);
    expect(we.reasons).toEqual(['another peer has the same identity']);
    libzmq.send('mine');
    expect(await we.receive()).toEqual(['me', 'mine']);
  });

  test('a socket that nobody drains makes its peer wait, and loses nothing', async () => {
    const { we, libzmq } = await pair(['PULL', 'PUSH'], 'we listen', { our: { highWater: 10 }, their: ['SNDHWM=10'] });
    we.socket.pause();
    const body = 'x'.repeat(20_000);
    for (let number = 0; number < 200; number++) libzmq.send(String(number), body);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(we.messages).toEqual([]);
    we.socket.resume();
    for (let number = 0; number < 200; number++) expect(await we.receive()).toEqual([String(number), body]);
  });
});
