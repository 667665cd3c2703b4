// Every captured ZeroRPC scenario, in the place of its client and of its server: what we send is the same to the byte, in the same order.
import { describe, expect, test } from 'vitest';
import type { Channel } from '../../../src/zerorpc/channel.ts';
import { type Event, fromParts, type Header, toParts } from '../../../src/zerorpc/event.ts';
import { Multiplexer, type MultiplexerOptions } from '../../../src/zerorpc/multiplexer.ts';
import { SCENARIOS, type Scenario, type Seen, scenario, taped } from '../../support/zerorpc-vectors.ts';
import { StoppedClock, settled } from './clock.ts';

const CALLS = SCENARIOS.filter(({ name }) => !['push_pull', 'pub_sub', 'stream_250'].includes(name));
const WITH_CLIENT = CALLS.filter(({ messages }) => messages.some(({ at, dir }) => at === 'client' && dir === 'send'));
const WITH_SERVER = CALLS.filter(({ messages }) => messages.some(({ at, dir }) => at === 'server' && dir === 'send'));

/** The scenarios that were captured with a heartbeat each second. */
const frequencyOf = ({ name }: Scenario) => (/heartbeat|hb|lost/.test(name) ? 1000 : 5000);

const hex = (parts: readonly Uint8Array[]) => parts.map((part) => Buffer.from(part).toString('hex'));
const isControl = ({ event: [, name] }: Seen) => name.startsWith('_zpc_');

/** One end of a scenario: a multiplexer whose ids are those on the tape. */
class End {
  readonly clock = new StoppedClock();
  readonly sent: string[][] = [];
  readonly channels: Channel[] = [];
  readonly multiplexer: Multiplexer;
  readonly #codec;

  constructor(taking: Scenario, ours: readonly Seen[], options: Partial<MultiplexerOptions>) {
    this.#codec = taped([taking]);
    const ids = ours.map(({ event: [header] }) => header.message_id as Uint8Array);
    this.multiplexer = new Multiplexer({
      clock: this.clock,
      newId: () => ids.shift() ?? new Uint8Array(32),
      send: (event) => void this.sent.push(hex(toParts(event, true, this.#codec))),
      ...options,
    });
  }

  async hear(frames: readonly Buffer[]): Promise<void> {
    this.multiplexer.deliver(fromParts(frames, this.#codec));
    await settled();
  }
}

const contextOf = ({ message_id, v, response_to, ...context }: Record<string, unknown>): Header => context;

/** What a client does with its call: receives until there is no more. */
async function consume(channel: Channel): Promise<void> {
  channel.lastIf((event) => event.name === 'STREAM_DONE');
  for (let event = await channel.receive(); event.name === 'STREAM'; ) event = await channel.receive();
  channel.close();
}

test.each(WITH_CLIENT.map((each) => [each.name, each] as const))('the client of %s', async (_, taking) => {
  const ours = taking.messages.filter(({ at, dir }) => at === 'client' && dir === 'send');
  const end = new End(taking, ours, {});
  const heartbeat = { frequency: frequencyOf(taking), passive: taking.name.endsWith('passive') };
  const outcomes: Promise<unknown>[] = [];
  let expected = 0;
  for (const message of taking.messages) {
    if (message.dir !== 'send') continue; // seen by the other end before
    await end.clock.goTo(message.t * 1000);
    const [header, name, args] = message.event;
    if (message.at === 'server') {
      await end.hear(message.frames.slice(1)); // the ROUTER takes the identity off
      continue;
    }
    if (!isControl(message)) {
      const channel = end.multiplexer.open({ heartbeat });
      await channel.emit(name, args, contextOf(header));
      outcomes.push(consume(channel).catch((error: unknown) => error));
    }
    await settled();
    expected++;
    expect(end.sent.slice(0, expected)).toEqual(ours.slice(0, expected).map(({ frames }) => hex(frames)));
  }
  expect(end.sent).toHaveLength(ours.length);
  if (taking.name === 'lost_remote') {
    await end.clock.goTo(3500);
    expect(await Promise.all(outcomes)).toEqual([
      expect.objectContaining({ name: 'LostRemote', message: 'Lost remote after 2s heartbeat' }),
    ]);
    expect(end.sent).toHaveLength(ours.length);
  }
});

test.each(WITH_SERVER.map((each) => [each.name, each] as const))('the server of %s', async (_, taking) => {
  const ours = taking.messages.filter(({ at, dir }) => at === 'server' && dir === 'send');
  const identity = ours[0]?.frames[0] ?? Buffer.alloc(0);
  // The ROUTER's own view where it is on the tape, else the client's behind its identity.
  const view = taking.messages.some(({ at, dir }) => at === 'server' && dir === 'recv') ? 'server' : 'client';
  const end: End = new End(taking, ours, {
    accept: (channel) => void end.channels.push(channel),
    channelFor: ({ header }) => ({ heartbeat: { frequency: frequencyOf(taking), passive: header.v === undefined } }),
  });
  let expected = 0;
  for (const message of taking.messages) {
    await end.clock.goTo(message.t * 1000);
    const [header, name, args] = message.event;
    const comes = view === 'server' ? message.at === 'server' && message.dir === 'recv' : message.at === 'client';
    if (comes && (view === 'server' || message.dir === 'send')) {
      await end.hear(view === 'server' ? message.frames : [identity, ...message.frames]);
      if (!isControl(message)) await end.channels.at(-1)?.receive();
    } else if (message.at === 'server' && message.dir === 'send') {
      if (!isControl(message)) void end.channels.at(-1)?.emit(name, args, contextOf(header));
      await settled();
      expected++;
      expect(end.sent).toEqual(ours.slice(0, expected).map(({ frames }) => hex(frames)));
    }
  }
  expect(end.channels.length).toBeGreaterThan(0);
});

describe('stream_250', () => {
  const taking = scenario('stream_250');
  const grants = taking.messages.filter(({ event: [, name] }) => name === '_zpc_more');
  const stream = (name: string, args: unknown): Event => ({
    header: { message_id: 'x', v: 3, response_to: taking.messages[0]?.event[0].message_id as Uint8Array },
    name,
    args,
    identity: [],
  });

  test('the client grants 100, then 51 each time', async () => {
    const end = new End(
      taking,
      taking.messages.filter(({ at }) => at === 'client'),
      {},
    );
    const [request] = taking.messages;
    const channel = end.multiplexer.open();
    await channel.emit(request?.event[1] ?? '', request?.event[2]);
    const done = consume(channel);
    for (let at = 0; at < 250; at++) {
      end.multiplexer.deliver(stream('STREAM', at));
      await settled();
    }
    end.multiplexer.deliver(stream('STREAM_DONE', null));
    await done;
    expect(grants.map(({ event: [, , args] }) => args)).toEqual([[100], [51], [51], [51], [51]]);
    expect(end.sent.slice(1)).toEqual(grants.map(({ frames }) => hex(frames)));
    expect(end.clock.pending).toBe(0);
    expect(end.multiplexer.size).toBe(0);
  });

  test('the server sends what it was granted, and waits', async () => {
    const sent: unknown[] = [];
    const channels: Channel[] = [];
    const multiplexer = new Multiplexer({
      clock: new StoppedClock(),
      newId: () => 'x',
      send: ({ args }) => void sent.push(args),
      accept: (channel) => void channels.push(channel),
    });
    const request = { header: { message_id: 'r', v: 3 }, name: 'count', args: [250], identity: [] };
    multiplexer.deliver(request);
    const [channel] = channels;
    for (let at = 0; at < 250; at++) void channel?.emit('STREAM', at);
    const counts = [sent.length];
    for (const { event } of grants) {
      multiplexer.deliver({
        ...request,
        header: { ...request.header, response_to: 'r' },
        name: event[1],
        args: event[2],
      });
      counts.push(sent.length);
    }
    expect(counts).toEqual([1, 101, 152, 203, 250, 250]);
    expect(sent).toEqual(Array.from({ length: 250 }, (_, at) => at));
  });
});
