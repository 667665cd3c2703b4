// One channel, with a clock that stands still: what it does with faults, and with time.
import { expect, test } from 'vitest';
import { Channel, type ChannelOptions } from '../../../src/zerorpc/channel.ts';
import type { Event } from '../../../src/zerorpc/event.ts';
import { StoppedClock, settled } from './clock.ts';

const event = (name: string, args: unknown = [], v: unknown = 3): Event => ({
  header: { message_id: 'm', ...(v === undefined ? {} : { v: v as number }) },
  name,
  args,
  identity: [],
});

function channelOf({ heartbeat = { frequency: null, passive: false }, slots = 100 }: Partial<ChannelOptions> = {}) {
  const clock = new StoppedClock();
  const sent: [string, unknown][] = [];
  const released: number[] = [];
  const line = {
    send: (name: string, args: unknown) => void sent.push([name, args]),
    release: () => void released.push(clock.now()),
  };
  return { channel: new Channel(line, clock, { heartbeat, slots }), clock, sent, released };
}

const BEATING = { frequency: 1000, passive: false };
const BEAT = ['_zpc_hb', [0]];

test('an answer that does not come in time is a TimeoutExpired, and a later one waits for the next', async () => {
  const { channel, clock } = channelOf();
  const answer = channel.receive({ ms: 300, when: 'calling remote method slow' });
  const failed = expect(answer).rejects.toMatchObject({
    name: 'TimeoutExpired',
    code: 'ERR_ZERORPC_TIMEOUT',
    message: 'timeout after 0.3s, when calling remote method slow',
  });
  await clock.goTo(300);
  await failed;
  channel.deliver(event('OK', ['late']));
  expect((await channel.receive()).args).toEqual(['late']);
});

test('an answer in time leaves no timer behind', async () => {
  const { channel, clock } = channelOf();
  const answer = channel.receive({ ms: 300 });
  channel.deliver(event('OK', [1]));
  expect((await answer).args).toEqual([1]);
  expect(clock.pending).toBe(0);
});

test('a peer that is never heard is lost after three intervals, with two beats sent', async () => {
  const { channel, clock, sent, released } = channelOf({ heartbeat: BEATING });
  const waiting = channel.receive().catch((error: unknown) => error);
  await clock.goTo(2999);
  expect(sent).toEqual([BEAT, BEAT]);
  expect(channel.signal.aborted).toBe(false);
  await clock.goTo(3000);
  expect(await waiting).toMatchObject({ code: 'ERR_ZERORPC_LOST_REMOTE', message: 'Lost remote after 2s heartbeat' });
  expect(channel.signal.reason).toBe(await waiting);
  await expect(channel.emit('OK', [1])).rejects.toBe(await waiting);
  expect(released).toEqual([3000]);
  expect(clock.pending).toBe(0);
});

test('only beats keep a peer alive, other events do not', async () => {
  const { channel, clock } = channelOf({ heartbeat: BEATING });
  for (const time of [900, 1900, 2900, 3900, 4900]) {
    await clock.goTo(time);
    channel.deliver(event('_zpc_hb', [0]));
  }
  for (const time of [5900, 6500]) {
    await clock.goTo(time);
    channel.deliver(event('STREAM', 1));
  }
  expect(channel.signal.aborted).toBe(false);
  await clock.goTo(7000);
  expect(channel.signal.aborted).toBe(true);
});

test('a passive channel beats after the first beat it hears', async () => {
  const { channel, clock, sent } = channelOf({ heartbeat: { frequency: 1000, passive: true } });
  await clock.goTo(10_000);
  expect([sent, clock.pending]).toEqual([[], 0]);
  channel.deliver(event('_zpc_hb', [0]));
  await clock.goTo(11_000);
  expect(sent).toEqual([BEAT]);
});

test('without heartbeats a beat of the peer is ignored', async () => {
  const { channel, clock, sent } = channelOf();
  channel.deliver(event('_zpc_hb', [0]));
  expect([clock.pending, sent]).toEqual([0, []]);
});

test('a closed channel sends nothing, not even a beat, and fails who waits', async () => {
  const { channel, clock, sent, released } = channelOf({ heartbeat: BEATING });
  await channel.emit('call', []);
  const sending = channel.emit('more', []).catch((error: unknown) => error);
  const receiving = channel.receive().catch((error: unknown) => error);
  channel.close();
  channel.close();
  expect(await sending).toMatchObject({ code: 'ERR_ZERORPC_CHANNEL' });
  expect(await receiving).toBe(await sending);
  await clock.goTo(10_000);
  expect(sent).toEqual([['call', []]]);
  expect(released).toEqual([0]);
  expect(channel.signal.aborted).toBe(false);
});

test('events wait for their slots in order', async () => {
  const { channel, sent } = channelOf();
  const done: number[] = [];
  for (const at of [0, 1, 2, 3]) void channel.emit('STREAM', at).then(() => done.push(at));
  await settled();
  expect(done).toEqual([0]);
  channel.deliver(event('_zpc_more', [2]));
  await settled();
  expect(done).toEqual([0, 1, 2]);
  channel.deliver(event('_zpc_more', [1]));
  await settled();
  expect(sent.map(([, at]) => at)).toEqual([0, 1, 2, 3]);
});

test.each([[[]], [null], [['x']], [[-5]], [[Number.NaN]], ['7'], [[0]]])('the grant %j gives nothing', async (args) => {
  const { channel, sent } = channelOf();
  await channel.emit('STREAM', 0);
  const waiting = channel.emit('STREAM', 1).catch((error: unknown) => error);
  channel.deliver(event('_zpc_more', args));
  await settled();
  expect(sent).toHaveLength(1);
  channel.close();
  expect(await waiting).toMatchObject({ code: 'ERR_ZERORPC_CHANNEL' });
});

test('a peer that sends more than it may ends its channel, and what it sent before is still there', async () => {
  const { channel, released } = channelOf({ slots: 3 });
  for (const at of [0, 1, 2, 3]) channel.deliver(event('STREAM', at));
  expect(channel.signal.reason).toMatchObject({
    code: 'ERR_ZERORPC_CHANNEL',
    message: 'the peer sent more than the 3 events it has room for',
  });
  expect(released).toEqual([0]);
  for (const at of [0, 1, 2]) expect((await channel.receive()).args).toBe(at);
  await expect(channel.receive()).rejects.toBe(channel.signal.reason);
});

test('a peer of protocol 2 grants by beats, and is granted by beats', async () => {
  const { channel, sent } = channelOf();
  await channel.emit('call', []);
  const waiting = channel.emit('more', []);
  channel.deliver(event('STREAM', 0, 2));
  channel.deliver(event('_zpc_hb', [1], 2));
  await waiting;
  await channel.receive();
  channel.deliver(event('STREAM', 1, 2));
  await channel.receive();
  expect(sent).toEqual([
    ['call', []],
    ['more', []],
    ['_zpc_hb', [100]],
  ]);
});

test('after its last event a stream is neither granted nor listened to', async () => {
  const { channel, sent, released } = channelOf();
  channel.lastIf(({ name }) => name === 'STREAM_DONE');
  channel.deliver(event('STREAM', 0));
  channel.deliver(event('STREAM_DONE', null));
  expect(released).toEqual([0]);
  expect((await channel.receive()).name).toBe('STREAM');
  expect((await channel.receive()).name).toBe('STREAM_DONE');
  await expect(channel.receive()).rejects.toMatchObject({ code: 'ERR_ZERORPC_CHANNEL' });
  await expect(channel.emit('x', [])).rejects.toMatchObject({ code: 'ERR_ZERORPC_CHANNEL' });
  expect(sent).toEqual([]);
});
