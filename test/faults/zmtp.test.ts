// Hostile bytes at a bound ZeroMQ socket: captured connections cut anywhere and with any one bit flipped. That peer goes; the others do not notice.
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { root } from '../../scripts/setup.mjs';
import { start } from '../support/programs/run.ts';
import { type TestSocket, toBytes, zmqSocket } from '../support/zmq-socket.ts';

const { zmtp } = JSON.parse(readFileSync(join(root, 'test/fixtures/zerorpc-vectors.json'), 'utf8'));
/** What a DEALER wrote: greeting, READY, two messages. */
const DEALER = Buffer.from(zmtp.rpc_ping_add.connecter, 'hex');
/** Greeting and READY. */
const SHAKEN = DEALER.subarray(0, 64 + 2 + 0x29);

/** Writes, ends, and resolves when the other side has closed. */
function visit(port: number, bytes: Uint8Array, { end = true } = {}): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.on('error', () => undefined); // a reset is an end as well
    socket.on('close', () => resolve());
    socket.resume();
    if (end) socket.end(bytes);
    else socket.write(bytes);
  });
}

async function router(options = {}): Promise<{ we: TestSocket; port: number; answers(): Promise<void> }> {
  const we = zmqSocket('ROUTER', { highWater: 100, ...options });
  const endpoint = await we.socket.bind('tcp://127.0.0.1:*');
  const friend = zmqSocket('DEALER', { identity: toBytes('friend') });
  friend.socket.connect(endpoint);
  await we.peers(1);
  let asked = 0;
  /** The peer that was there before is served as ever. */
  const answers = async () => {
    const question = `question ${asked++}`;
    friend.send(question);
    let got = await we.receive();
    while (got[0] !== 'friend') got = await we.receive();
    expect(got).toEqual(['friend', question]);
    we.send('friend', 'answer');
    expect(await friend.receive()).toEqual(['answer']);
    expect(friend.reasons).toEqual([]);
  };
  return { we, port: Number(endpoint.split(':')[2]), answers };
}

async function inTurns(inputs: readonly Uint8Array[], at: (bytes: Uint8Array) => Promise<void>): Promise<void> {
  const left = [...inputs];
  const one = async () => {
    for (let bytes = left.pop(); bytes !== undefined; bytes = left.pop()) await at(bytes);
  };
  await Promise.all(Array.from({ length: 32 }, one));
}

test('a connection that is cut anywhere costs nobody else anything', async () => {
  const { we, port, answers } = await router();
  const cuts = Array.from(DEALER.keys(), (length) => DEALER.subarray(0, length));
  await inTurns(cuts, (bytes) => visit(port, bytes));
  await we.lost(cuts.length);
  await answers();
  expect(we.socket.stats()).toMatchObject({ peers: 1, ready: 1 });
});

test('a connection with any one bit flipped costs nobody else anything', async () => {
  const { we, port, answers } = await router();
  const flips = Array.from({ length: DEALER.length * 8 }, (_, bit) => {
    const bytes = Buffer.from(DEALER);
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return bytes;
  });
  await inTurns(flips, (bytes) => visit(port, bytes));
  await we.lost(flips.length);
  await answers();
  expect(we.socket.stats()).toMatchObject({ peers: 1, ready: 1 });
  expect(new Set(we.reasons).size).toBeGreaterThan(10);
});

test('a server that answers with any one bit flipped is connected to again, until it behaves', async () => {
  const good = Buffer.from(zmtp.rpc_ping_add.binder, 'hex');
  const flips = good.length * 8;
  let connections = 0;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.resume();
    const bytes = Buffer.from(good);
    const bit = connections++;
    if (bit < flips) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    if (bit < flips) socket.end(bytes);
    else socket.write(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const we = zmqSocket('DEALER', { reconnect: 1, reconnectMax: 1 });
  we.socket.connect(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await we.lost(flips);
  we.messages.length = 0;
  expect((await we.receive())[0]).toBe('');
  expect(connections).toBe(flips + 1);
  expect(we.socket.stats()).toMatchObject({ peers: 1, ready: 1 });
});

test.each([
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(5)), /ZMTP|signature|greeting/],
  [
    'a part announced larger than any',
    Buffer.concat([SHAKEN, Buffer.from([2, 0x7f, ...Array(7).fill(255)])]),
    /exceeds|large/,
  ],
  ['endless parts', Buffer.concat([SHAKEN, Buffer.alloc(4000, Buffer.from([1, 0]))]), /parts/],
  ['a command that is none', Buffer.concat([SHAKEN, Buffer.from([4, 1, 9])]), /command/i],
])('the peer that sends %s is closed, and it is said why', async (_, bytes, reason) => {
  const { we, port, answers } = await router();
  await visit(port, bytes, { end: false });
  await we.lost(1);
  expect(we.reasons[0]).toMatch(reason);
  await answers();
});

test('a peer that does not shake hands in time is closed', async () => {
  const { we, port, answers } = await router({ handshakeTimeout: 100 });
  await visit(port, DEALER.subarray(0, 70), { end: false });
  await we.lost(1);
  expect(we.reasons).toEqual(['the peer did not shake hands in time']);
  await answers();
});

test('a peer that asks and does not read is read from no more, then cut off, and others are answered meanwhile', async () => {
  const { we, port, answers } = await router();
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  socket.pause();
  socket.write(DEALER);
  const [identity = ''] = await we.receive();
  const body = 'x'.repeat(1 << 20);
  for (let count = 0; count < 40; count++) we.send(identity, body);
  await answers();
  expect(we.socket.stats()).toMatchObject({ peers: 2, ready: 2 });
  // Beyond 64 MiB nothing is kept for it.
  for (let count = 0; count < 60; count++) we.send(identity, body);
  await we.lost(1);
  expect(we.reasons).toEqual(['the peer does not read what it is sent']);
  await answers();
  socket.destroy();
});

test('more peers than allowed are sent away', async () => {
  const { we, port, answers } = await router({ maxPeers: 2 });
  const guest = connect({ port, host: '127.0.0.1' });
  guest.on('error', () => undefined);
  guest.write(SHAKEN);
  await we.peers(2);
  await visit(port, SHAKEN, { end: false });
  expect(we.reasons).toEqual(['there are 2 peers already']);
  guest.destroy();
  await we.lost(2);
  await answers();
});

test.each(['idle', 'busy', 'exit'])(
  'worker threads with sockets end cleanly, and the process lives (%s)',
  async (what) => {
    const program = start('zmtp', [what]);
    expect(await program.next()).toEqual({ ended: 4 });
    expect([await program.ended, program.stderr()]).toEqual([0, '']);
  },
);

test('what a socket cannot send is refused before it is sent, and a closed one says so', async () => {
  const [pull, router, small] = [
    zmqSocket('PULL'),
    zmqSocket('ROUTER'),
    zmqSocket('PUSH', { maxMessage: 10, maxWaiting: 2 }),
  ];
  expect(() => pull.send('x')).toThrow('a PULL socket sends no messages');
  expect(() => router.send('identity')).toThrow('has 2 to 1024 parts, not 1');
  expect(() => small.send('12345678901')).toThrow('a message of 11 bytes exceeds maxMessage, 10');
  expect([small.send('1'), small.send('2')]).toEqual([true, true]); // nobody has looked yet
  expect(() => small.send('3')).toThrow(expect.objectContaining({ code: 'ERR_ZMTP_FULL' }));
  small.socket.close();
  expect(() => small.send('4')).toThrow(expect.objectContaining({ code: 'ERR_ZMTP_CLOSED' }));
  for (const endpoint of [
    'tcp://*:1',
    'tcp://host',
    'udp://a:1',
    'tcp://a:99999',
    'ipc://',
    'ipc://@abstract',
    'tcp://a:0',
  ])
    expect(() => pull.socket.connect(endpoint), endpoint).toThrow(
      expect.objectContaining({ code: 'ERR_ZMTP_ENDPOINT' }),
    );
});
