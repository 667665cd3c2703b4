// The sniffer's decoder on captured conversations of real RPyC: every message in its order, whatever the pieces it comes in; nothing kept.
import { describe, expect, test } from 'vitest';
import { FrameSizes } from '../../../src/cli/frame-sizes.ts';
import { type Message, ObjectNames, Wiretap } from '../../../src/cli/wiretap.ts';
import { addon } from '../../../src/internals.ts';
import { frame } from '../../support/scripted-peer.ts';
import { type ConnectionVector, connections } from '../../support/vectors.ts';

/** Both directions of a captured connection, in pieces of so many bytes. */
function tapped(connection: ConnectionVector, piece: number) {
  const names = new ObjectNames();
  const passed: (Message & { fromClient: boolean })[] = [];
  const taps = [true, false].map(
    (fromClient) => [fromClient, new Wiretap(names, (message) => passed.push({ ...message, fromClient }))] as const,
  );
  for (const { bytes, fromClient } of connection.frames) {
    const tap = taps.find(([from]) => from === fromClient)?.[1];
    for (let at = 0; at < bytes.length; at += piece) tap?.feed(bytes.subarray(at, at + piece));
  }
  const broken = taps.map(([, tap]) => tap.broken).filter((why) => why !== undefined);
  const live = taps.map(([, tap]) => liveReferences(tap));
  for (const [, tap] of taps) tap.close();
  return { passed, broken, live };
}

function liveReferences(tap: Wiretap): number {
  const stats = new Float64Array(6);
  addon.stats((tap as unknown as { handle: number }).handle, stats);
  return stats[5] as number;
}

describe('a wiretap', () => {
  test.each(connections.map((connection) => [connection.id, connection] as const))(
    'tells every message of %s, and holds no reference',
    (_id, connection) => {
      const frames = connection.frames.filter(({ payload }) => payload.length > 0);
      const expected = frames.map(({ message, fromClient, bytes }) => ({
        kind: message.kind,
        seq: message.seq,
        handler: message.kind === 'request' ? message.handler.toLowerCase().replace('#', 'handler ') : undefined,
        bytes: bytes.length,
        fromClient,
      }));
      const { passed, broken, live } = tapped(connection, 1_000_000);
      expect({ broken, live }).toEqual({ broken: [], live: [0, 0] });
      expect(passed.map(({ text, ...rest }) => rest)).toEqual(expected);
      expect(tapped(connection, 7).passed).toEqual(passed);
    },
  );

  test('writes requests as one writes them', () => {
    const texts = connections.flatMap((connection) => tapped(connection, 1_000_000).passed.map(({ text }) => text));
    expect(texts).toEqual(
      expect.arrayContaining([expect.stringMatching(/^<services\.CapService 0x[0-9a-f]+>\.\w+\(.*\)$/)]),
    );
    expect(Math.max(...texts.map((text) => text.length))).toBeLessThan(400);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal would obey them
    expect(texts.filter((text) => /[\u0000-\u001f]/.test(text))).toEqual([]);
  });

  test('of a hundred thousand references holds none, with thread ids as well', () => {
    for (const bound of [false, true]) {
      const connection = connections.find((each) => each.bound === bound && each.version === 6) as ConnectionVector;
      const request = connection.frames.find(
        ({ fromClient, message }) => fromClient && message.kind === 'request' && message.handler === 'CALLATTR',
      );
      let count = 0;
      const tap = new Wiretap(new ObjectNames(), () => count++);
      for (let n = 0; n < 100_000; n++) tap.feed((request as { bytes: Buffer }).bytes);
      expect({ count, live: liveReferences(tap), broken: tap.broken }).toEqual({
        count: 100_000,
        live: 0,
        broken: undefined,
      });
      tap.close();
    }
  });

  test('says what is wrong with bytes that are not RPyC, and takes no more', () => {
    const told: Message[] = [];
    const tap = new Wiretap(new ObjectNames(), (message) => told.push(message));
    tap.feed(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    expect(tap.broken).toMatch(/exceeds maxFrame/);
    tap.feed(Buffer.from('more'));
    tap.close();
    tap.feed(Buffer.from('after the end'));
    expect(told).toEqual([]);
    const other = new Wiretap(new ObjectNames(), () => undefined);
    other.feed(frame('ff'));
    expect(other.broken).toBeTypeOf('string');
    other.close();
  });
});

test('frame sizes are told in the order of the frames, keep-alives left out', () => {
  const sizes = new FrameSizes();
  const bytes = Buffer.concat([frame('00'), frame(''), frame(Buffer.alloc(70_000)), frame('0102')]);
  for (const byte of bytes) sizes.feed(Uint8Array.of(byte));
  expect([sizes.take(), sizes.take(), sizes.take(), sizes.take()]).toEqual([7, 70_006, 8, 0]);
});
