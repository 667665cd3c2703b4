// Registries and their clients under hostile bytes: whatever arrives, the next good question is answered.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { registry as vectors } from '../support/vectors.ts';
import { Dice } from './mutations.ts';

const HOST = '127.0.0.1';
const SECRET = 'a secret of sixteen bytes';

/** A registry that remembers what it was told to log as errors. */
async function started(kind: 'UDP' | 'TCP', options: rpyc.TCPRegistryServerOptions = {}) {
  const lines: { warn: string[]; error: string[]; debug: string[] } = { warn: [], error: [], debug: [] };
  const logger: rpyc.Logger = {
    debug: (line) => void lines.debug.push(line),
    info() {},
    warn: (line) => void lines.warn.push(line),
    error: (line) => void lines.error.push(line),
  };
  const made = { UDP: rpyc.UDPRegistryServer, TCP: rpyc.TCPRegistryServer }[kind];
  const server = await new made({ port: 0, logger, ...options }).start();
  onTestFinished(() => server.close());
  const client = (more: rpyc.RegistryClientOptions = {}) =>
    new ({ UDP: rpyc.UDPRegistryClient, TCP: rpyc.TCPRegistryClient })[kind](HOST, {
      port: server.port,
      logger: null,
      ...more,
    });
  return { server, lines, client };
}

/** Good requests (of which some unregister port 18861), damaged: each prefix, each flipped bit, and noise. */
function* damaged(): Generator<Buffer> {
  const requests = new Map(
    vectors.filter(({ from }) => from === 'client').map(({ bytes }) => [bytes.toString('hex'), bytes]),
  );
  const dice = new Dice(1);
  for (const bytes of requests.values()) {
    for (let length = 0; length < bytes.length; length++) yield bytes.subarray(0, length);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      yield flipped;
    }
    yield Buffer.concat([bytes, dice.bytes(2000)]);
  }
  for (let n = 0; n < 500; n++) yield dice.bytes(dice.below(1600));
  // Nested to the bound and beyond it.
  for (const depth of [15, 17, 1400]) yield Buffer.alloc(depth, 0x10);
}

async function sendAll(port: number, messages: Iterable<Buffer>): Promise<number> {
  const socket = createSocket('udp4');
  let count = 0;
  for (const message of messages) {
    await new Promise<void>((resolve, reject) =>
      socket.send(message, port, HOST, (error) => (error === null ? resolve() : reject(error))),
    );
    // The registry of this thread reads between: what overflows its buffer, the kernel drops.
    if (++count % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  socket.close();
  return count;
}

describe('hostile bytes', () => {
  test('as datagrams: nothing is harmed, nothing throws, and the registry answers on', async () => {
    const { server, lines, client } = await started('UDP', { allowListing: true });
    expect(await client().register(['adder'], 4242)).toBe(true);
    expect(await sendAll(server.port, damaged())).toBeGreaterThan(1500);
    expect((await client().discover('adder')).map(([, port]) => port)).toContain(4242);
    expect(lines.error).toEqual([]);
    expect(lines.debug.some((line) => line.startsWith('rpyc registry: dropped'))).toBe(true);
  });

  test('over TCP: every connection ends, and the registry answers on', async () => {
    const { server, lines, client } = await started('TCP', { messageTimeout: 0.2 });
    expect(await client().register(['adder'], 4242)).toBe(true);
    const sample = [...damaged()].filter((_, at) => at % 9 === 0);
    for (let at = 0; at < sample.length; at += 50)
      await Promise.all(
        sample.slice(at, at + 50).map(async (bytes) => {
          const socket = connect(server.port, HOST);
          socket.on('error', () => undefined).resume();
          socket.write(bytes);
          await once(socket, 'close');
        }),
      );
    expect((await client().discover('adder')).map(([, port]) => port)).toContain(4242);
    expect(lines.error).toEqual([]);
  });

  test('a message that comes byte by byte is read; one that does not end is cut, and so is a client that says nothing', async () => {
    const { server } = await started('TCP', { messageTimeout: 0.5 });
    const query = vectors.find(({ name, from }) => name === 'udp query' && from === 'client')?.bytes as Buffer;
    const slow = connect({ port: server.port, host: HOST, noDelay: true });
    for (const byte of query) {
      slow.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await once(slow, 'data'))[0]).toEqual(Buffer.of(2));
    for (const begun of [query.subarray(0, 10), Buffer.alloc(0)]) {
      const socket = connect(server.port, HOST);
      socket.on('error', () => undefined).resume();
      socket.write(begun);
      await once(socket, 'close');
    }
    const half = connect({ port: server.port, host: HOST });
    half.end(query);
    expect((await once(half, 'data'))[0]).toEqual(Buffer.of(2));
  });

  test('more than 256 connections at a time are closed at once', async () => {
    const { server, client } = await started('TCP');
    const idle: Socket[] = [];
    for (let n = 0; n < 256; n++) {
      const socket = connect(server.port, HOST);
      idle.push(socket.on('error', () => undefined));
      await once(socket, 'connect');
    }
    const late = connect(server.port, HOST);
    late.on('error', () => undefined).resume();
    await once(late, 'close');
    idle[0]?.destroy();
    await expect
      .poll(
        () =>
          client({ timeout: 1 })
            .discover('nobody')
            .catch(() => 'not yet'),
        { timeout: 5000 },
      )
      .toEqual([]);
    for (const socket of idle) socket.destroy();
  });

  test('a registry that is full says so once, keeps what it has, and takes no more', async () => {
    const { lines, client } = await started('UDP', { maxServices: 2, maxServers: 3 });
    const quick = client({ timeout: 0.2 });
    expect(await quick.register(['a', 'b'], 1)).toBe(true);
    expect(await quick.register(['c'], 1)).toBe(false);
    expect(await quick.register(['a', 'b'], 2)).toBe(false);
    expect(await quick.register(['a'], 2)).toBe(true);
    expect(await quick.discover('a')).toEqual([
      [HOST, 1],
      [HOST, 2],
    ]);
    expect(lines.warn).toHaveLength(1);
    expect(lines.warn[0]).toBe(`rpyc registry: full, so ${HOST}:1 is not registered: see maxServices and maxServers`);
  });

  test('an answer never exceeds what RPyC reads, however many servers there are', async () => {
    const { server, client } = await started('UDP');
    for (let port = 1; port <= 300; port++) await client().register(['adder'], port);
    expect(server.services.get('ADDER')).toHaveLength(300);
    const found = await client().discover('adder');
    expect(found.length).toBeGreaterThan(50);
    expect(found.at(-1)).toEqual([HOST, 300]);
  });
});

describe('a secret', () => {
  test.each(['UDP', 'TCP'] as const)('%s: good ones are answered, none and another are not', async (kind) => {
    const { server, lines, client } = await started(kind, { secret: SECRET });
    const good = client({ secret: Buffer.from(SECRET) });
    expect(await good.register(['adder'], 18861)).toBe(true);
    expect(await rpyc.discover('adder', { registrar: good })).toEqual([[HOST, 18861]]);
    await good.unregister(18861);
    for (const bad of [client({ timeout: 0.2 }), client({ timeout: 0.2, secret: 'another one of 16 bytes' })]) {
      expect(await bad.register(['adder'], 18861)).toBe(false);
      await expect(bad.discover('adder')).rejects.toMatchObject({ code: 'ERR_RPYC_DISCOVERY' });
    }
    expect(server.services.size).toBe(0);
    for (const shown of [lines, server, good])
      expect(inspect(shown, { depth: 9, showHidden: true })).not.toContain(SECRET);
    expect(lines.error).toEqual([]);
  });

  test('a client with a secret believes no registry without it', async () => {
    const { client } = await started('UDP');
    expect(await client().register(['adder'], 18861)).toBe(true);
    await expect(client({ secret: SECRET, timeout: 0.2 }).discover('adder')).rejects.toThrow('or not with our secret');
  });

  test('a message that was recorded and is sent again is not answered', async () => {
    const { server, lines, client } = await started('UDP', { secret: SECRET });
    // Whoever stands between them.
    const relay = createSocket('udp4');
    relay.bind(0, HOST);
    await once(relay, 'listening');
    onTestFinished(() => void relay.close());
    const recorded: Buffer[] = [];
    relay.on('message', (message, { port }) => {
      if (port === server.port) return;
      recorded.push(message);
      relay.send(message, server.port, HOST);
    });
    const victim = client({ secret: SECRET, port: relay.address().port, timeout: 0.2 });
    await victim.unregister(18861);
    await victim.register(['adder'], 18861);
    await expect.poll(() => server.services.size).toBe(1);
    await client({ secret: SECRET }).unregister(18861);
    await expect.poll(() => server.services.size).toBe(0);
    await sendAll(server.port, recorded);
    await expect.poll(() => lines.debug.filter((line) => line.includes('received before')).length).toBe(2);
    expect(server.services.size).toBe(0);
  });
});

describe('a hostile registry', () => {
  /** Answers every question over TCP with these bytes. */
  async function answering(bytes: Buffer): Promise<rpyc.TCPRegistryClient> {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(bytes));
    });
    server.listen(0, HOST);
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    return new rpyc.TCPRegistryClient(HOST, { port, timeout: 0.5, logger: null });
  }

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['noise', Buffer.alloc(500, 0xff)],
    ['a value of another type', Buffer.from('0803414243', 'hex')],
    ['100 KB', Buffer.alloc(100_000, 0x10)],
  ])('that answers %s is none that answers', async (_, bytes) => {
    const registrar = await answering(bytes);
    await expect(registrar.discover('adder')).rejects.toMatchObject({ code: 'ERR_RPYC_DISCOVERY' });
    await expect(registrar.list()).rejects.toMatchObject({ code: 'ERR_RPYC_DISCOVERY' });
    expect(await registrar.register(['adder'], 1)).toBe(false);
  });

  test('datagrams from another port than the registry’s are no answers', async () => {
    const socket = createSocket('udp4');
    const other = createSocket('udp4');
    socket.bind(0, HOST);
    other.bind(0, HOST);
    await Promise.all([once(socket, 'listening'), once(other, 'listening')]);
    onTestFinished(() => {
      socket.close();
      other.close();
    });
    const forged = Buffer.from('1011080e093132372e302e302e3116053138383631', 'hex');
    socket.on('message', (_, { port }) => other.send(forged, port, HOST));
    const registrar = new rpyc.UDPRegistryClient(HOST, { port: socket.address().port, timeout: 0.2 });
    await expect(registrar.discover('adder')).rejects.toMatchObject({ code: 'ERR_RPYC_DISCOVERY' });
  });
});
