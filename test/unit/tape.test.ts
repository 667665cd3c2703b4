// The transmit tape by itself: what one message leaves on it, that it grows, and that an unfinished message leaves nothing.
import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Ctl } from '../../src/native/addon.ts';
import { flush, tx } from '../../src/native/engine.ts';
import { addon } from '../../src/native/load.ts';
import { MESSAGE_WORDS, Tag } from '../../src/native/tape.ts';
import { PushEndpoint } from '../support/push-endpoint.ts';

let endpoint: PushEndpoint;
beforeEach(() => {
  endpoint = new PushEndpoint({ variant: 6, bound: 0 });
});
afterEach(() => endpoint[Symbol.dispose]());

/** The words of a value. */
function wordsOf(write: () => void): number[] {
  tx.begin(endpoint.handle, 2, 0, 0, 0);
  try {
    write();
    return [...tx.words.subarray(MESSAGE_WORDS, tx.w)];
  } finally {
    tx.rollback();
  }
}

const received = (bytes: Uint8Array): unknown => {
  using peer = new PushEndpoint();
  return peer.receive(bytes).messages[0]?.value;
};

describe('the transmit tape', () => {
  test('an integer of 24 bits lies in its word, any other of 53 in the floats', () => {
    for (const value of [0, 1, -1, 0x7fffff, -0x800000])
      expect(wordsOf(() => tx.int(value))).toEqual([(value << 8) | Tag.INT]);
    for (const value of [0x800000, -0x800001, 2 ** 53 - 1, 1 - 2 ** 53])
      expect(wordsOf(() => tx.int(value))[0]).toBe(Tag.INT53);
  });

  test('a bigint that is safe is an int, and one of more than 4300 digits is refused', () => {
    expect(wordsOf(() => tx.bigint(5n))).toEqual([(5 << 8) | Tag.INT]);
    expect(wordsOf(() => tx.bigint(2n ** 53n))[0]).toBe(Tag.BIGINT);
    expect(wordsOf(() => tx.bigint(1n - 10n ** 4300n))[0]).toBe(Tag.BIGINT);
    for (const value of [10n ** 4300n, -(10n ** 4300n)])
      expect(() => wordsOf(() => tx.bigint(value))).toThrow(
        expect.objectContaining({ code: 'ERR_RPYC_INT_TOO_LARGE' }),
      );
  });

  test('a lone surrogate is refused at every length, a pair is not', () => {
    for (const length of [0, 10, 30, 20_000]) {
      for (const lone of ['\ud800', '\udc00', '\udc00\ud800']) {
        expect(() => wordsOf(() => tx.str('x'.repeat(length) + lone))).toThrow(
          expect.objectContaining({ code: 'ERR_RPYC_SURROGATE' }),
        );
        expect(() => wordsOf(() => tx.str(lone + 'x'.repeat(length)))).toThrow(
          expect.objectContaining({ code: 'ERR_RPYC_SURROGATE' }),
        );
      }
      const pair = `${'x'.repeat(length)}\u{1f600}`;
      expect(received(endpoint.box(2, 0, pair))).toBe(pair);
    }
  });

  test('it grows in words, floats and bytes', () => {
    const grown = [
      Object.freeze(Array.from({ length: 200_000 }, (_, i) => i + 0.5)),
      Object.freeze(Array.from({ length: 100_000 }, (_, i) => `text number ${i}`)),
      Object.freeze(Array.from({ length: 60 }, (_, i) => Buffer.alloc(16_000, i))),
    ];
    for (const sent of grown) expect(isDeepStrictEqual(received(endpoint.box(2, 0, sent)), sent)).toBe(true);
  });

  test('what a long message has grown is given back by the next flush', () => {
    const held = (): number => tx.words.byteLength + tx.floats.byteLength + tx.bytes.byteLength;
    const most = 2 * 1024 * 1024;
    const long = (): void => {
      tx.container(Tag.TUPLE, 600_000);
      for (let i = 0; i < 600_000; i++) tx.float(i + 0.5);
    };
    tx.begin(endpoint.handle, 2, 0, 0, 0);
    long();
    tx.commit(2 ** 30);
    expect(held()).toBeGreaterThan(most);
    flush();
    expect(held()).toBeLessThanOrEqual(most);
    expect((received(addon.takeOutput(endpoint.handle) as Uint8Array) as number[]).length).toBe(600_000);
    // Of a message that was given up, the next flush.
    tx.begin(endpoint.handle, 2, 0, 0, 0);
    long();
    tx.rollback();
    expect(held()).toBeGreaterThan(most);
    expect(isDeepStrictEqual(received(endpoint.box(2, 1, 'short')), 'short')).toBe(true);
    expect(held()).toBeLessThanOrEqual(most);
  });

  test('an unfinished message leaves nothing behind', () => {
    tx.begin(endpoint.handle, 2, 1, 0, 0);
    tx.str('forgotten');
    tx.data(Buffer.alloc(100_000));
    tx.float(1.5);
    tx.rollback();
    expect(received(endpoint.box(2, 2, 'sent'))).toBe('sent');
  });

  test('a message that is begun inside another one is refused, and the other one is not harmed', () => {
    tx.begin(endpoint.handle, 2, 1, 0, 0);
    tx.str('outer');
    expect(() => tx.begin(endpoint.handle, 2, 2, 0, 0)).toThrow(
      expect.objectContaining({ code: 'ERR_RPYC_OPERATION' }),
    );
    tx.commit(2 ** 30);
    flush();
    expect(received(addon.takeOutput(endpoint.handle) as Uint8Array)).toBe('outer');
  });

  test('a long message asks to be flushed at once', () => {
    const commit = (write: () => void): boolean => {
      tx.begin(endpoint.handle, 2, 0, 0, 0);
      write();
      tx.commit(2 ** 30);
      const atOnce = tx.urgent;
      flush();
      addon.takeOutput(endpoint.handle);
      return atOnce;
    };
    expect(commit(() => tx.str('short'))).toBe(false);
    expect(commit(() => tx.data(Buffer.alloc(16 * 1024)))).toBe(true);
    const parts = (): void => {
      tx.container(Tag.TUPLE, 10);
      for (let i = 0; i < 10; i++) tx.data(Buffer.alloc(8000));
    };
    expect(commit(parts)).toBe(true);
  });

  test('a flush empties it', () => {
    endpoint.box(2, 0, 'x');
    const ctl = (tx as unknown as { ctl: Int32Array }).ctl;
    expect([ctl[Ctl.TX_WORDS], ctl[Ctl.TX_FLOATS], ctl[Ctl.TX_BYTES]]).toEqual([0, 0, 0]);
  });
});
