// Bytes that are not RPyC, in both directions: the connection that sent them ends with a ProtocolError that names the value, pending
// calls reject once, and a connection beside it notices nothing.
import { deflateSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { type Connection, type ConnectOptions, connect, ProtocolError, Service } from '../../src/index.ts';
import { ScriptedPeer } from '../support/scripted-peer.ts';
import * as b from './bytes.ts';

class Echo extends Service {
  exposed_echo(value: unknown) {
    return value;
  }
  exposed_never() {
    return new Promise(() => {});
  }
}

const LIMITS = { maxFrame: 64 * 1024, maxInflated: 32 * 1024 };

const call = (seq: number, ...args: b.Brine[]): Buffer => b.request(seq, b.PING, args);
const nested = (depth: number): Buffer => Buffer.concat([Buffer.alloc(depth - 1, 0x10), b.raw('02')]);
/** A PING of one value; with the tuple of its arguments it is nested `depth` deep. */
const deep = (depth: number): Buffer => b.requestWith(0, b.PING, b.value(b.tuple(nested(depth - 1))));
const frameOf = (length: number, body: Buffer): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(length);
  return Buffer.concat([head, body]);
};

/** Each name is a kind of bad bytes; the message of the error must match. */
const BAD: readonly [name: string, bytes: Buffer, message: RegExp][] = [
  ['a frame of 4 GiB', frameOf(0xffff_ffff, Buffer.alloc(100)), /frame of 4294967295 bytes exceeds maxFrame 64 KiB/],
  [
    'a frame one byte over maxFrame',
    frameOf(64 * 1024 + 1, Buffer.alloc(0)),
    /frame of 65537 bytes exceeds maxFrame 64 KiB/,
  ],
  ['a zip bomb', b.frame(deflateSync(Buffer.alloc(8 << 20)), 1), /inflates to more than maxInflated 32 KiB/],
  ['invalid zlib', b.frame('00 01 02 03 04', 1), /not a valid zlib stream/],
  ['zlib with a wrong checksum', b.frame(brokenChecksum(), 1), /not a valid zlib stream/],
  ['zlib that ends early', b.frame(deflateSync(call(0)).subarray(0, -6), 1), /ends inside its zlib stream/],
  ['an empty compressed payload', b.frame('', 1), /zlib/],
  ['a brine tag that nobody writes', b.frame(call(0, b.value(b.raw('07')))), /unknown brine tag 0x07 at byte/],
  ['another one', b.frame(call(0, b.value(b.raw('ff')))), /unknown brine tag 0xff at byte/],
  [
    'a container longer than the payload',
    b.frame(call(0, b.value(b.raw('15 7fffffff 02')))),
    /container of 2147483647 items in 1 remaining bytes/,
  ],
  ['a value that ends early', b.frame(call(0, b.value(b.raw('0e 50 41')))), /payload ends inside a value at byte/],
  ['401 levels', b.frame(deep(401)), /nested deeper than maxDepth 400/],
  ['a hundred thousand levels', b.frame(nested(60_000)), /not an RPyC message|nested deeper/],
  ['label 9', b.frame(call(0, b.tuple(b.int(9), b.NONE))), /invalid label 9/],
  ['label 0', b.frame(call(0, b.tuple(b.int(0), b.NONE))), /invalid label 0/],
  ['a box that is no pair', b.frame(call(0, b.NONE)), /is not a box/],
  [
    'an id_pack of two',
    b.frame(call(0, b.remote(b.tuple(b.str('x'), b.int(1))))),
    /id_pack at byte \d+ is not \(str, int, int\)/,
  ],
  [
    'an id_pack of 4.0',
    b.frame(call(0, b.remote(b.tuple(b.int(1), b.str('x'), b.str('m'))))),
    /speaks RPyC 4\.0 or older/,
  ],
  ['a LOCAL_REF of 4.0', b.frame(call(0, b.local(b.int(140_000)))), /speaks RPyC 4\.0 or older|id_pack/],
  ['a sequence number that is text', b.frame(b.request(b.str('one'), b.PING)), /sequence number/],
  ['a negative sequence number', b.frame(b.request(b.int(-1), b.PING)), /sequence number/],
  ['a sequence number over 2^53', b.frame(b.request(b.int(2n ** 60n), b.PING)), /sequence number/],
  [
    'message number 0',
    b.frame(Buffer.concat([b.raw('00'), b.tuple(b.int(0), b.NONE)])),
    /not an RPyC message, it starts with 00 11/,
  ],
  [
    'message number 4',
    b.frame(Buffer.concat([b.raw('04'), b.tuple(b.int(0), b.NONE)])),
    /not an RPyC message, it starts with 04 11/,
  ],
  ['invalid UTF-8', b.frame(call(0, b.value(b.str(Buffer.from([0x61, 0xff]))))), /is not valid UTF-8/],
  ['a surrogate in UTF-8', b.frame(call(0, b.value(b.str(Buffer.from([0xed, 0xa0, 0x80]))))), /is not valid UTF-8/],
  ['an int of 4301 digits', b.frame(call(0, b.value(b.int(10n ** 4300n)))), /int of 4301 digits exceeds 4300 digits/],
  ['an int that is no int', b.frame(call(0, b.value(b.raw('16 03 31 5f 30')))), /int text at byte \d+ is not/],
  [
    'a frozenset that is no tuple',
    b.frame(call(0, b.value(b.raw('1a 50')))),
    /brine \w+ with a content of another kind/,
  ],
  ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), /frame of 1195725856 bytes exceeds/],
  // Named as what it is where it comes first, as a server hears it.
  [
    'a TLS hello',
    b.raw('16 03 01 00 c8 01 00 00 c4 03 03'),
    /the peer speaks TLS, and this end does not|frame of 369295616 bytes exceeds/,
  ],
  ['text in a frame', b.frame(Buffer.from('hello there')), /not an RPyC message, it starts with 68 65 6c 6c/],
];

function brokenChecksum(): Buffer {
  const bytes = deflateSync(call(0, b.value(b.str('abc'))));
  bytes[bytes.length - 1] ^= 1;
  return bytes;
}

describe('a client that is hostile to a Node server', () => {
  test.each(BAD)('%s ends its connection with a ProtocolError, and no other', async (_name, bytes, message) => {
    const log = new b.Log();
    const server = await b.serve(Echo, { ...LIMITS, logger: log });
    const bystander = await b.Client.connect(server.port);
    const told: Error[] = [];
    const closed: Error[] = [];
    server.once('connection', (conn) => {
      conn.on('error', (error) => told.push(error));
      conn.on('close', (error) => closed.push(error));
    });
    const client = await ScriptedPeer.connect(server.port);
    await client.send(bytes);
    await client.untilEnd();
    expect(told).toHaveLength(1);
    expect(told[0]).toBeInstanceOf(ProtocolError);
    expect(told[0]).toMatchObject({ code: 'ERR_RPYC_PROTOCOL', name: 'ProtocolError' });
    expect(told[0].message).toMatch(message);
    expect(closed).toEqual(told);
    expect(log.errors).toHaveLength(1);
    expect(String(log.errors[0][0])).toContain(told[0].message);
    expect(client.received).toHaveLength(0);
    expect(await bystander.isAlive()).toBe(true);
    expect(server.connections.size).toBe(1);
  });

  test('a mix of wire versions ends the connection', async () => {
    const server = await b.serve(Echo);
    const failed = nextError(server);
    const client = await b.Client.connect(server.port);
    await client.link.sendFrame(b.request(7, b.PING, [b.value(b.str('x'))], 5));
    expect((await failed).message).toBe('message of RPyC 5.x on a connection of RPyC 6.x');
    await client.link.untilEnd();
  });

  test.each([
    ['inside a header', '0000'],
    ['inside a payload', '00000010 00 0111'],
    ['before the flusher', '0000000a 00 0111501153115102 5050'],
  ])('a stream that ends %s is the end of the connection, and an orderly one', async (_where, hex) => {
    const log = new b.Log();
    const server = await b.serve(Echo, { logger: log });
    const client = await b.Client.connect(server.port);
    const [conn] = server.connections;
    const closed = new Promise<Error>((resolve) => conn.once('close', resolve));
    await client.link.send(hex);
    await client.link.end();
    expect(await closed).toMatchObject({ code: 'ERR_RPYC_CLOSED' });
    expect(await client.link.untilEnd()).toBe('eof');
    expect(log.errors).toEqual([]);
  });

  test('messages before the bad one are answered, those after it are not', async () => {
    const server = await b.serve(Echo);
    const client = await b.Client.connect(server.port);
    const good = b.frame(b.request(1, b.PING, [b.value(b.str('a'))]));
    const late = b.frame(b.request(2, b.PING, [b.value(b.str('b'))]));
    await client.link.send(Buffer.concat([good, b.frame('ff'), late]));
    await client.link.untilEnd();
    const heard = b.readMessage(await client.link.nextPayload());
    expect(heard).toEqual({ kind: 2, seq: 1, body: [1, 'a'] });
    expect(client.link.received).toHaveLength(0);
  });

  test('400 levels are fine', async () => {
    const server = await b.serve(Echo);
    const client = await b.Client.connect(server.port);
    await client.link.sendFrame(deep(400));
    // Read without complaint; but nothing that deep is sent back, for Python's sake.
    expect(b.raisedBy(await client.answer(0))).toEqual(['ValueError', expect.stringContaining('deeper than 300')]);
    expect(await client.isAlive()).toBe(true);
  });

  test('one byte at a time is as good as all at once', async () => {
    const server = await b.serve(Echo);
    const client = await b.Client.connect(server.port);
    const bytes = Buffer.concat([
      b.frame(b.request(1, b.PING, [b.value(b.str('drop by drop'))])),
      b.frame(deflateSync(b.request(2, b.PING, [b.value(b.str('compressed'))])), 1),
    ]);
    for (const byte of bytes) await client.link.send(Buffer.from([byte]));
    expect((await client.answer(1)).body).toEqual([1, 'drop by drop']);
    expect((await client.answer(2)).body).toEqual([1, 'compressed']);
  });

  test('many frames in one segment are all answered, in order', async () => {
    const server = await b.serve(Echo);
    const client = await b.Client.connect(server.port);
    const seqs = Array.from({ length: 5000 }, (_, i) => i + 1);
    await client.link.send(Buffer.concat(seqs.map((seq) => b.frame(b.request(seq, b.PING, [b.value(b.int(seq))])))));
    for (const seq of seqs)
      expect(await client.link.nextPayload().then(b.readMessage)).toEqual({ kind: 2, seq, body: [1, seq] });
  });

  test('an empty payload is ignored', async () => {
    const server = await b.serve(Echo);
    const client = await b.Client.connect(server.port);
    await client.link.send(Buffer.concat([b.frame(''), b.frame(''), b.frame('')]));
    expect(await client.isAlive()).toBe(true);
  });

  test('any flusher byte, and any non-zero flag, will do', async () => {
    const server = await b.serve(Echo);
    const client = await b.Client.connect(server.port);
    const odd = b.frame(deflateSync(b.request(1, b.PING, [b.value(b.str('odd'))])), 0x77);
    odd[odd.length - 1] = 0xee;
    await client.link.send(odd);
    expect((await client.answer(1)).body).toEqual([1, 'odd']);
  });
});

function nextError(server: {
  once(event: 'connection', listener: (conn: Connection) => void): unknown;
}): Promise<Error> {
  return new Promise((resolve) => server.once('connection', (conn) => conn.once('error', resolve)));
}

/** A connection of ours to a scripted server. */
async function toScripted(options: ConnectOptions = {}) {
  const peer = await ScriptedPeer.listen();
  const opening = connect('127.0.0.1', peer.port, options);
  const link = await peer.accept();
  await link.nextFrame();
  await link.sendFrame(b.reply(0, b.remote(b.idPack('srv.Service', 140, 280))));
  const conn = await opening;
  onTestFinished(() => conn.abort());
  return { conn, link };
}

describe('a server that is hostile to a Node client', () => {
  const asServer = BAD.filter(([name]) => name !== 'a mix of wire versions');

  test.each(asServer)('%s rejects every pending call once with a ProtocolError', async (_name, bytes, message) => {
    const { conn, link } = await toScripted(LIMITS);
    const events: [string, Error][] = [];
    conn.on('error', (error) => events.push(['error', error]));
    conn.on('close', (error) => events.push(['close', error]));
    const calls = [conn.root.a(), conn.root.b(), conn.ping()];
    const outcomes: unknown[] = [];
    for (const c of calls)
      c.then(
        (v: unknown) => outcomes.push(v),
        (e: unknown) => outcomes.push(e),
      );
    await link.nextFrame();
    await link.nextFrame();
    await link.nextFrame();
    await link.send(bytes);
    await Promise.allSettled(calls);
    expect(outcomes).toHaveLength(3);
    expect(new Set(outcomes).size).toBe(1);
    expect(outcomes[0]).toBeInstanceOf(ProtocolError);
    expect(outcomes[0]).toMatchObject({ code: 'ERR_RPYC_PROTOCOL', message: expect.stringMatching(message) });
    expect(events.map(([event]) => event)).toEqual(['close', 'error']);
    expect(events[0][1]).toBe(outcomes[0]);
    expect(conn.closed).toBe(true);
    await expect(conn.root.a()).rejects.toMatchObject({ code: 'ERR_RPYC_CLOSED', cause: outcomes[0] });
    await link.untilEnd();
  });

  test('a stream that ends inside a reply rejects the call with EOFError', async () => {
    const { conn, link } = await toScripted();
    const call = conn.root.a();
    await link.nextFrame();
    await link.send(b.frame(b.reply(1, b.value(b.int(1)))).subarray(0, 9));
    await link.end();
    await expect(call).rejects.toMatchObject({ name: 'EOFError', code: 'ERR_RPYC_CLOSED' });
  });

  test('a reply before the bad frame still settles its call', async () => {
    const { conn, link } = await toScripted();
    const [first, second] = [conn.root.a(), conn.root.b()];
    second.catch(() => {});
    await link.nextFrame();
    await link.nextFrame();
    await link.send(Buffer.concat([b.frame(b.reply(1, b.value(b.int(1)))), b.frame('ff')]));
    expect(await first).toBe(1);
    await expect(second).rejects.toBeInstanceOf(ProtocolError);
  });

  test('replies byte by byte, and many in one segment', async () => {
    const { conn, link } = await toScripted();
    const calls = Array.from({ length: 500 }, () => conn.root.a());
    for (let i = 0; i < 500; i++) await link.nextFrame();
    for (const byte of b.frame(b.reply(1, b.value(b.int(1))))) await link.send(Buffer.from([byte]));
    await link.send(
      Buffer.concat(Array.from({ length: 499 }, (_, i) => b.frame(b.reply(i + 2, b.value(b.int(i + 2)))))),
    );
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
  });

  test('a reference of RPyC 4.0 is refused by name', async () => {
    const peer = await ScriptedPeer.listen();
    const opening = connect('127.0.0.1', peer.port);
    opening.catch(() => {});
    const link = await peer.accept();
    await link.nextFrame();
    await link.sendFrame(b.reply(0, b.remote(b.tuple(b.int(140), b.str('Service'), b.str('srv')))));
    await expect(opening).rejects.toMatchObject({
      code: 'ERR_RPYC_PROTOCOL',
      message: expect.stringContaining('RPyC 4.0'),
    });
  });

  test.each([
    ['text', b.value(b.str('abc'))],
    ['a number', b.value(b.int(3))],
    ['None', b.value(b.NONE)],
  ])(
    'items (BUFFITER) that are %s are a ProtocolError of that call, and the connection lives',
    async (_what, answer) => {
      const { conn, link } = await toScripted();
      const root = await conn.root;
      const list = root.list();
      await link.nextFrame();
      await link.sendFrame(b.reply(1, b.remote(b.idPack('builtins.list', 7, 8))));
      const items = [await list, await list, await list] as const;
      const calls = [
        rpyc.toArray(items[0]),
        rpyc.value(items[1]),
        (async () => {
          for await (const item of items[2]) return item;
        })(),
      ];
      for (const [i, call] of calls.entries()) {
        (call as Promise<unknown>).catch(() => {});
        await link.nextFrame();
        await link.sendFrame(b.reply(i + 2, i === 2 ? b.remote(b.idPack('builtins.list_iterator', 9, 10)) : answer));
      }
      await link.nextFrame();
      await link.sendFrame(b.reply(5, answer));
      for (const call of calls)
        await expect(call).rejects.toMatchObject({
          code: 'ERR_RPYC_PROTOCOL',
          message: expect.stringMatching(/answered BUFFITER of builtins\.list\w* with a \w+, not with a tuple/),
        });
      expect(conn.closed).toBe(false);
    },
  );

  test('an exception payload of any shape becomes an error, and the connection lives', async () => {
    const { conn, link } = await toScripted();
    const payloads = [
      b.NONE,
      b.int(2),
      b.str('text'),
      b.tuple(),
      b.tuple(b.int(1), b.int(2), b.int(3), b.int(4)),
      b.tuple(b.tuple(), b.NONE, b.NONE, b.NONE),
    ];
    for (const [i, payload] of payloads.entries()) {
      const call = conn.root.a();
      await link.nextFrame();
      await link.sendFrame(b.exception(i + 1, payload));
      await expect(call).rejects.toBeInstanceOf(Error);
    }
    expect(conn.closed).toBe(false);
  });
});
