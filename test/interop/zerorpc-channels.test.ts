// src/zerorpc and crates/zmtp together against real zerorpc 0.6.3, both ways: calls, errors, streams with credit, heartbeats.
import { beforeAll, expect, test } from 'vitest';
import type { Channel } from '../../src/zerorpc/channel.ts';
import { type Event, fromParts, toParts } from '../../src/zerorpc/event.ts';
import type { Clock } from '../../src/zerorpc/heartbeat.ts';
import { Multiplexer, type MultiplexerOptions } from '../../src/zerorpc/multiplexer.ts';
import { MSGPACK } from '../support/msgpack.ts';
import { describePython } from '../support/python.ts';
import { buildPeer, ourSocket, type ZmqSocket, zerorpcProgram } from '../support/zmq.ts';

let program: string;
beforeAll(async () => {
  program = await buildPeer();
}, 240_000);

const clock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** A multiplexer on a socket of crates/zmtp; `sent` has the names and arguments of what it wrote. */
function onSocket(socket: ZmqSocket, options: Partial<MultiplexerOptions> = {}) {
  const sent: [string, unknown][] = [];
  let ids = 0;
  const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
  const multiplexer = new Multiplexer({
    clock,
    newId: () => new Uint8Array(Buffer.from(String(++ids).padStart(32, '0'))),
    send: (event) => {
      sent.push([event.name, event.args]);
      socket.send(...toParts(event, true, MSGPACK).map(latin1));
    },
    ...options,
  });
  const hear = async (): Promise<void> => {
    for (;;) {
      const parts = (await socket.receive()).map((part) => Buffer.from(part, 'latin1'));
      multiplexer.deliver(fromParts(parts, MSGPACK));
    }
  };
  hear().catch(() => multiplexer.close()); // the test is over
  return { multiplexer, sent };
}

const BEATING = { heartbeat: { frequency: 500, passive: false } };

/** Calls; resolves with all events of the answer. */
async function call(multiplexer: Multiplexer, name: string, ...args: unknown[]): Promise<Event[]> {
  const channel = multiplexer.open(BEATING);
  channel.lastIf((event) => event.name === 'STREAM_DONE');
  await channel.emit(name, args);
  const events: Event[] = [];
  do events.push(await channel.receive());
  while (events.at(-1)?.name === 'STREAM');
  channel.close();
  return events;
}

describePython('ZeroRPC with zerorpc 0.6.3', () => {
  test('our client calls a real server', async () => {
    const server = await zerorpcProgram('zerorpc_server.py', '0.5');
    const socket = await ourSocket(program, 'DEALER', `connect=127.0.0.1:${server.ready.port}`);
    await socket.next('peer');
    const { multiplexer, sent } = onSocket(socket);
    const answer = async (name: string, ...args: unknown[]) =>
      (await call(multiplexer, name, ...args)).map((event) => [event.name, event.args]);

    expect(await answer('add', 5, 10)).toEqual([['OK', [15]]]);
    expect(await answer('echo', { text: 'café', bin: new Uint8Array([0, 255]), list: [1.5, -1, 1e10, null] })).toEqual([
      ['OK', [{ text: 'café', bin: new Uint8Array([0, 255]), list: [1.5, -1, 1e10, null] }]],
    ]);
    expect(await answer('_zerorpc_ping')).toEqual([['OK', [['pong', 'Service']]]]);
    expect(await answer('fail')).toEqual([
      ['ERR', ['ValueError', 'bad value: café', expect.stringContaining('Traceback')]],
    ]);
    expect(await answer('nosuch')).toEqual([['ERR', ['NameError', 'nosuch', expect.stringContaining('Traceback')]]]);

    sent.length = 0;
    const stream = await answer('count', 250);
    expect(stream).toEqual([...Array.from({ length: 250 }, (_, at) => ['STREAM', at]), ['STREAM_DONE', null]]);
    const grants = sent.filter(([name]) => name === '_zpc_more').map(([, args]) => args);
    expect(grants).toEqual([[100], [51], [51], [51], [51]]);
    const failing = await answer('count_fail', 3);
    expect(failing.slice(0, 3)).toEqual([0, 1, 2].map((at) => ['STREAM', at]));
    expect(failing[3]).toEqual(['ERR', ['RuntimeError', 'after 3', expect.stringContaining('Traceback')]]);

    // Longer than three intervals, so that each side lives by the other's beats.
    expect(await answer('slow', 1.8)).toEqual([['OK', ['done']]]);
    expect(sent.filter(([name]) => name === '_zpc_hb').length).toBeGreaterThan(2);
    const many = Array.from({ length: 50 }, (_, at) => call(multiplexer, 'add', at, 1));
    expect((await Promise.all(many)).map(([event]) => event?.args)).toEqual(many.map((_, at) => [at + 1]));
    expect(multiplexer.size).toBe(0);
  });

  test('a real client calls our server', async () => {
    const serve: Record<string, (channel: Channel, args: any) => Promise<void>> = {
      add: (channel, [a, b]) => channel.emit('OK', [a + b]),
      echo: (channel, args) => channel.emit('OK', [args]),
      fail: (channel) => channel.emit('ERR', ['ValueError', 'bad value: café', 'Traceback']),
      slow: async (channel) => {
        await new Promise((resolve) => clock.after(1800, () => resolve(undefined)));
        await channel.emit('OK', ['done']);
      },
      count: async (channel, [n]) => {
        for (let at = 0; at < n; at++) await channel.emit('STREAM', at);
        await channel.emit('STREAM_DONE', null);
      },
      count_fail: async (channel, [n]) => {
        for (let at = 0; at < n; at++) await channel.emit('STREAM', at);
        await channel.emit('ERR', ['RuntimeError', `after ${n}`, 'Traceback']);
      },
    };
    const failures: unknown[] = [];
    const accept = async (channel: Channel) => {
      const { name, args } = await channel.receive();
      await serve[name]?.(channel, args);
      channel.close();
    };
    const socket = await ourSocket(program, 'ROUTER', 'bind=127.0.0.1:0');
    const { multiplexer } = onSocket(socket, {
      accept: (channel) => void accept(channel).catch((error: unknown) => failures.push(error)),
      channelFor: () => BEATING,
    });
    const client = await zerorpcProgram('zerorpc_client.py', String(socket.port), '0.5');
    expect(JSON.parse(await client.nextLine())).toEqual({
      add: 15,
      echo: ['café', [1, { a: null }]],
      fail: ['ValueError', 'bad value: café'],
      slow: 'done',
      count: Array.from({ length: 300 }, (_, at) => at),
      count_fail: ['RuntimeError', 'after 150'],
    });
    expect(failures).toEqual([]);
    expect(multiplexer.size).toBe(0);
  });
});
