// Events in ZeroMQ messages, and which channel they belong to.
import { expect, test } from 'vitest';
import type { Channel } from '../../../src/zerorpc/channel.ts';
import { type Codec, type Event, fromParts, type Id, idKey, toParts } from '../../../src/zerorpc/event.ts';
import { Multiplexer, type MultiplexerOptions } from '../../../src/zerorpc/multiplexer.ts';
import { SCENARIOS, taped } from '../../support/zerorpc-vectors.ts';
import { StoppedClock } from './clock.ts';

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const JSON_CODEC: Codec = {
  encode: (value) => bytes(JSON.stringify(value)),
  decode: (each) => JSON.parse(Buffer.from(each).toString()),
};
const parts = (...each: string[]) => each.map(bytes);

test('every captured message is read, and written again as it was', () => {
  let count = 0;
  for (const scenario of SCENARIOS) {
    const codec = taped([scenario]);
    for (const { frames, event } of scenario.messages) {
      const read = fromParts(frames, codec);
      expect([read.header, read.name, read.args]).toEqual(event);
      expect(read.identity).toHaveLength(Math.max(0, frames.length - 2));
      expect(toParts(read, frames.length > 1, codec).map((part) => Buffer.from(part))).toEqual(frames);
      count++;
    }
  }
  expect(count).toBeGreaterThan(100);
});

test.each([
  [parts(), 'an event needs a payload'],
  [parts('', '{'), 'an event of 1 bytes cannot be decoded'],
  [parts('', '{}'), 'an event is an array of header, name and args'],
  [parts('', '[{}, "x"]'), 'an event is an array of header, name and args'],
  [parts('', '[{}, 7, []]'), 'the name of an event is a str'],
  [parts(...Array(19).fill('x')), 'an event with 19 parts exceeds 18'],
])('bytes that are no event are an EventError (%#)', (message, text) => {
  expect(() => fromParts(message, JSON_CODEC)).toThrow(
    expect.objectContaining({ code: 'ERR_ZERORPC_EVENT', message: text }),
  );
});

test('a header that is no map counts as empty', () => {
  for (const header of ['7', 'null', '"text"', '[1]'])
    expect(fromParts(parts('', `[${header}, "x", []]`), JSON_CODEC).header).toEqual({});
});

test('the way back is all before the empty part, however many hops', () => {
  const payload = '[{}, "x", []]';
  const hops = (...each: string[]) => fromParts(parts(...each, payload), JSON_CODEC).identity;
  expect(hops()).toEqual([]);
  expect(hops('')).toEqual([]);
  expect(hops('a')).toEqual(parts('a'));
  expect(hops('a', '')).toEqual(parts('a'));
  expect(hops('a', 'b', '')).toEqual(parts('a', 'b'));
});

test('ids of text and of bytes are kept apart, and nothing else is an id', () => {
  const keys = ['a', bytes('a'), bytes('\xff'), new Uint8Array([255])].map(idKey);
  expect(new Set(keys).size).toBe(4);
  expect([7, null, undefined, [1], {}, ['a']].map(idKey)).toEqual(Array(6).fill(undefined));
});

function serverOf({ client = false, ...options }: { client?: boolean } & Partial<MultiplexerOptions> = {}) {
  const channels: Channel[] = [];
  const sent: Event[] = [];
  const dropped: string[] = [];
  let ids = 0;
  const multiplexer = new Multiplexer({
    clock: new StoppedClock(),
    newId: () => `id ${++ids}`,
    send: (event) => void sent.push(event),
    ...(client ? {} : { accept: (channel: Channel) => void channels.push(channel) }),
    dropped: (_event, why) => void dropped.push(why),
    ...options,
  });
  return { multiplexer, channels, sent, dropped };
}

const request = (id: unknown, from = 'peer', more: object = {}): Event => ({
  header: { message_id: id as Id, v: 3, ...more },
  name: 'call',
  args: [],
  identity: parts(from),
});

test('an answer goes the way that the request came, with its id in its type', async () => {
  const { multiplexer, channels, sent } = serverOf();
  for (const id of ['text', bytes('text')]) multiplexer.deliver(request(id, 'me'));
  expect(channels).toHaveLength(2);
  for (const channel of channels) await channel.emit('OK', [1]);
  expect(sent.map(({ header, identity }) => [header.response_to, identity])).toEqual([
    ['text', parts('me')],
    [bytes('text'), parts('me')],
  ]);
  multiplexer.close();
  expect(multiplexer.size).toBe(0);
});

test("nobody reaches another peer's channel by its id", async () => {
  const { multiplexer, channels, sent, dropped } = serverOf();
  multiplexer.deliver(request('r', 'victim'));
  await channels[0]?.emit('STREAM', 0);
  void channels[0]?.emit('STREAM', 1).catch(() => {});
  const grant = { ...request('g', 'other', { response_to: 'r' }), name: '_zpc_more', args: [100] };
  multiplexer.deliver(grant);
  expect([sent.length, dropped]).toEqual([1, ['it belongs to no channel that is open']]);
  multiplexer.deliver(request('r', 'other')); // an id of its own
  multiplexer.deliver({ ...grant, identity: parts('victim') });
  expect([sent.length, channels.length]).toEqual([2, 2]);
  multiplexer.close();
});

test('events that open nothing are dropped, with the reason', () => {
  const { multiplexer, dropped } = serverOf({ maxChannels: 1 });
  multiplexer.deliver(request(undefined));
  multiplexer.deliver(request([1]));
  multiplexer.deliver(request('a'));
  multiplexer.deliver(request('a'));
  multiplexer.deliver(request('b'));
  multiplexer.deliver(request('c', 'peer', { response_to: {} }));
  expect(dropped).toEqual([
    'it has no message_id',
    'it has no message_id',
    'its channel is open already',
    'there are 1 channels already',
    'it belongs to no channel that is open',
  ]);
  multiplexer.close();
  multiplexer.deliver(request('b'));
  expect(multiplexer.size).toBe(1);
  multiplexer.close();
});

test('a client accepts nothing, and forgets a channel that is closed', async () => {
  const { multiplexer, dropped } = serverOf({ client: true });
  multiplexer.deliver(request('a'));
  const channel = multiplexer.open({ heartbeat: { frequency: null, passive: false } });
  expect(multiplexer.size).toBe(0); // it has no id yet
  await channel.emit('call', []);
  expect(multiplexer.size).toBe(1);
  channel.close();
  multiplexer.deliver(request('late', '', { response_to: 'id 1' }));
  expect(dropped).toEqual(['nobody opens channels here', 'it belongs to no channel that is open']);
});
