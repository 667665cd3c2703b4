// crates/zmtp against libzmq: every pattern, either side listening, as ZMTP 3.1 and as 3.0.
import { beforeAll, expect, test } from 'vitest';
import { describePython } from '../support/python.ts';
import { buildPeer, libzmqSocket, ourSocket, type SocketType, toHex, type ZmqSocket } from '../support/zmq.ts';

/** Bodies at every boundary of a frame's length, and a large one. */
const BODIES = ['', 'x', 'a'.repeat(255), 'b'.repeat(256), '\0\xff'.repeat(40_000), 'c'.repeat(300_000)];

const WAYS = ['we listen', 'libzmq listens'].flatMap((way) => [1, 0].map((minor) => [way, minor] as const));

let program: string;
beforeAll(async () => {
  program = await buildPeer();
}, 240_000);

/** Two sockets that have shaken hands. */
async function pair(
  [ours, theirs]: readonly [SocketType, SocketType],
  [way, minor]: readonly [string, number],
  { our = [], their = [] }: { our?: string[]; their?: string[] } = {},
): Promise<{ we: ZmqSocket; libzmq: ZmqSocket }> {
  const args = [...our, `minor=${minor}`];
  let we: ZmqSocket;
  let libzmq: ZmqSocket;
  if (way === 'we listen') {
    we = await ourSocket(program, ours, 'bind=127.0.0.1:0', ...args);
    libzmq = await libzmqSocket(theirs, `connect=tcp://127.0.0.1:${we.port}`, ...their);
  } else {
    libzmq = await libzmqSocket(theirs, 'bind=tcp://127.0.0.1', ...their);
    we = await ourSocket(program, ours, `connect=127.0.0.1:${libzmq.port}`, ...args);
  }
  expect((await we.next('peer')).split(' ')[0]).toBe(theirs);
  await libzmqEvent(libzmq, 'HANDSHAKE_SUCCEEDED');
  return { we, libzmq };
}

async function libzmqEvent(socket: ZmqSocket, name: string): Promise<void> {
  while ((await socket.next('event')) !== name);
}

describePython('crates/zmtp and libzmq', () => {
  test.each(WAYS)('DEALER and DEALER exchange messages of any shape both ways (%s, ZMTP 3.%i)', async (...way) => {
    const { we, libzmq } = await pair(['DEALER', 'DEALER'], way);
    for (const parts of [...BODIES.map((body) => [body]), BODIES, Array(300).fill('part')]) {
      we.send(...parts);
      expect(await libzmq.receive()).toEqual(parts);
      libzmq.send(...parts);
      expect(await we.receive()).toEqual(parts);
    }
  });

  test.each(WAYS)('our ROUTER answers a DEALER by its identity (%s, ZMTP 3.%i)', async (...way) => {
    const { we, libzmq } = await pair(['ROUTER', 'DEALER'], way, { their: ['IDENTITY=worker-1'] });
    libzmq.send('', 'question');
    expect(await we.receive()).toEqual(['worker-1', '', 'question']);
    we.send('nobody', '', 'lost');
    we.send('worker-1', '', 'answer');
    expect(await libzmq.receive()).toEqual(['', 'answer']);
  });

  test.each(WAYS)('our ROUTER makes identities for peers without one (%s, ZMTP 3.%i)', async (...way) => {
    const { we, libzmq } = await pair(['ROUTER', 'DEALER'], way);
    libzmq.send('', 'question');
    const [identity = '', ...rest] = await we.receive();
    expect([identity.length, identity[0], rest]).toEqual([5, '\0', ['', 'question']]);
    we.send(identity, '', 'answer');
    expect(await libzmq.receive()).toEqual(['', 'answer']);
  });

  test.each(WAYS)('our DEALER is known to a ROUTER by its identity (%s, ZMTP 3.%i)', async (...way) => {
    const { we, libzmq } = await pair(['DEALER', 'ROUTER'], way, { our: [`identity=${toHex('me')}`] });
    we.send('', 'question');
    expect(await libzmq.receive()).toEqual(['me', '', 'question']);
    libzmq.send('me', '', 'answer');
    expect(await we.receive()).toEqual(['', 'answer']);
  });

  test.each(WAYS)('PUSH reaches PULL in order, whoever pushes (%s, ZMTP 3.%i)', async (...way) => {
    const tasks = Array.from({ length: 200 }, (_, number) => [String(number), 'task']);
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

  test.each(WAYS)('our PUB serves the subscriptions of libzmq (%s, ZMTP 3.%i)', async (...way) => {
    const { we, libzmq } = await pair(['PUB', 'SUB'], way);
    libzmq.tell('subscribe', 'news');
    expect(await we.next('subscribed')).toBe(toHex('news'));
    we.send('other', 'not this');
    we.send('newspaper', '1');
    expect(await libzmq.receive()).toEqual(['newspaper', '1']);
    libzmq.tell('subscribe', '');
    expect(await we.next('subscribed')).toBe('');
    libzmq.tell('cancel', 'news');
    expect(await we.next('cancelled')).toBe(toHex('news'));
    we.send('other', '2');
    expect(await libzmq.receive()).toEqual(['other', '2']);
  });

  test.each(WAYS)('our SUB subscribes at libzmq (%s, ZMTP 3.%i)', async (...way) => {
    const { we, libzmq } = await pair(['SUB', 'XPUB'], way);
    we.tell('subscribe', 'a');
    expect(await libzmq.receive()).toEqual(['\x01a']); // an XPUB tells
    we.tell('subscribe', 'ab');
    expect(await libzmq.receive()).toEqual(['\x01ab']);
    libzmq.send('b', 'not this');
    libzmq.send('abc', '1');
    expect(await we.receive()).toEqual(['abc', '1']);
    we.tell('cancel', 'a');
    expect(await libzmq.receive()).toEqual(['\0a']);
    libzmq.send('ac', 'not this');
    libzmq.send('ab', '2');
    expect(await we.receive()).toEqual(['ab', '2']);
  });

  test.each(WAYS)('REQ and REP take turns, whoever asks (%s, ZMTP 3.%i)', async (...way) => {
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
  });

  test.each(WAYS)("our REP answers through libzmq's envelope, and our REQ a ROUTER (%s, ZMTP 3.%i)", async (...way) => {
    const rep = await pair(['REP', 'DEALER'], way);
    rep.libzmq.send('hop', 'other hop', '', 'question');
    expect(await rep.we.receive()).toEqual(['question']);
    rep.we.send('answer');
    expect(await rep.libzmq.receive()).toEqual(['hop', 'other hop', '', 'answer']);

    const req = await pair(['REQ', 'ROUTER'], way, { our: [`identity=${toHex('asker')}`] });
    req.we.send('question');
    expect(await req.libzmq.receive()).toEqual(['asker', '', 'question']);
    req.libzmq.send('asker', '', 'answer');
    expect(await req.we.receive()).toEqual(['answer']);
  });

  test('our PUSH deals to two PULLs in turn', async () => {
    const we = await ourSocket(program, 'PUSH', 'bind=127.0.0.1:0');
    const connect = `connect=tcp://127.0.0.1:${we.port}`;
    const pulls = [await libzmqSocket('PULL', connect), await libzmqSocket('PULL', connect)];
    await we.next('peer');
    await we.next('peer');
    for (const task of ['1', '2', '3', '4']) we.send(task);
    const got = await Promise.all(pulls.map(async (pull) => [await pull.receive(), await pull.receive()].flat()));
    expect(got.sort()).toEqual([
      ['1', '3'],
      ['2', '4'],
    ]);
  });

  test.each(WAYS)('heartbeats are answered both ways (%s, ZMTP 3.%i)', async (...way) => {
    const their = ['HEARTBEAT_IVL=20', 'HEARTBEAT_TTL=30000', 'HEARTBEAT_TIMEOUT=20000'];
    const { we, libzmq } = await pair(['DEALER', 'DEALER'], way, { our: ['ping=20'], their });
    we.tell('ping', 'context of 16 by');
    for (const _ of [1, 2, 3]) expect(await we.next('pinged')).toBe('300');
    let pongs = '';
    while (!pongs.includes(toHex('context of 16 by')) || !pongs.includes(toHex('tick'))) pongs += await we.next('pong');
    we.send('still there');
    expect(await libzmq.receive()).toEqual(['still there']);
  });

  test('sockets that do not fit refuse each other', async () => {
    const we = await ourSocket(program, 'PUSH', 'bind=127.0.0.1:0');
    await libzmqSocket('REP', `connect=tcp://127.0.0.1:${we.port}`);
    expect(await we.next('gone')).toMatch(/a PUSH socket cannot talk to the peer's REP|closed by the peer/);
  });

  test('a second peer with the identity of a living one is sent away, and the first stays', async () => {
    const { we, libzmq } = await pair(['ROUTER', 'DEALER'], ['we listen', 1], { their: ['IDENTITY=me'] });
    await libzmqSocket('DEALER', `connect=tcp://127.0.0.1:${we.port}`, 'IDENTITY=me', 'RECONNECT_IVL=-1');
    expect(await we.next('gone')).toBe('another peer has the same identity');
    libzmq.send('mine');
    expect(await we.receive()).toEqual(['me', 'mine']);
  });
});
