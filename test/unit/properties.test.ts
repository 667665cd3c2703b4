// Round trips of arbitrary values through the addon and the real boxing, between two push endpoints: mapping section A1 out, A2 in.
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Status } from '../../src/native/addon.ts';
import { nameId, tx } from '../../src/native/engine.ts';
import { addon } from '../../src/native/load.ts';
import { Tag } from '../../src/native/tape.ts';
import {
  Complex,
  Ellipsis,
  FrozenSet,
  float,
  int,
  kwargs,
  NotImplemented,
  PyFloat,
  PyInt,
  Slice,
} from '../../src/python/values.ts';
import { type Message, PushEndpoint } from '../support/push-endpoint.ts';

const double = fc.double();
const text = fc.string({ unit: 'binary', maxLength: 60 });
const blob = fc.uint8Array({ maxLength: 60 });
const leaf = fc.oneof(
  fc.constantFrom(null, undefined, true, false, Ellipsis, NotImplemented, '', -0, Number.NaN, Number.POSITIVE_INFINITY),
  fc.integer({ min: -60, max: 200 }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(2 ** 53 - 1, 1 - 2 ** 53, 2 ** 53, 0x7fffff, 0x800000, -0x800000, -0x800001),
  double,
  fc.bigInt(),
  fc.bigInt({ min: -(10n ** 300n), max: 10n ** 300n }),
  double.map(float),
  fc.maxSafeInteger().map(int),
  fc.tuple(double, double).map(([real, imag]) => new Complex(real, imag)),
  text,
  fc.string({ unit: 'grapheme', minLength: 10, maxLength: 300 }),
  blob,
  blob.map((bytes) => bytes.buffer.slice(0)),
  blob.map((bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
  blob.map((bytes) => new Uint8ClampedArray(bytes)),
);

/** Values that travel by value, in every form that JavaScript has for them. */
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'small', withCrossShrink: true },
    { arbitrary: leaf, weight: 3 },
    tie('container'),
  ),
  container: fc.oneof(
    fc.array(tie('value'), { maxLength: 8 }).map((items) => Object.freeze(items)),
    fc.array(tie('value'), { maxLength: 5 }).map((items) => new FrozenSet(items)),
    fc.tuple(tie('value'), tie('value'), tie('value')).map(([start, stop, step]) => new Slice(start, stop, step)),
  ),
}));

/** What a value is when it has been there and back: mapping sections A1 and A2. */
function received(value: unknown): unknown {
  if (value === undefined) return null;
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (value instanceof PyFloat) return value.value;
  if (value instanceof PyInt) return received(value.value);
  if (Array.isArray(value)) return Object.freeze(value.map(received));
  if (value instanceof FrozenSet) return new FrozenSet([...value].map(received));
  if (value instanceof Slice) return new Slice(received(value.start), received(value.stop), received(value.step));
  if (value instanceof ArrayBuffer) return Buffer.from(value);
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return value;
}

const forms = fc.record({
  variant: fc.constantFrom(5, 6),
  bound: fc.constantFrom(0, 1),
  compress: fc.constantFrom(0, 1, 2),
});
const seqs = fc.oneof(
  fc.nat(200),
  fc.maxSafeInteger().map(Math.abs),
  fc.constantFrom(2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1),
);

/** Cuts bytes at the given fractions of their length. */
function chunks(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...cuts.map((cut) => Math.floor(cut * bytes.length)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, i) => bytes.subarray(i === 0 ? 0 : ends[i - 1], end));
}

function only(messages: readonly Message[]): Message {
  expect(messages.length).toBe(1);
  return messages[0] as Message;
}

describe('round trips', () => {
  test('a value arrives as the mapping says, in every form of the wire', () => {
    fc.assert(
      fc.property(forms, seqs, value, (form, seq, sent) => {
        using here = new PushEndpoint(form);
        using there = new PushEndpoint();
        const { messages, status } = there.receive(here.box(2, seq, sent));
        expect(status).toBe(0);
        expect(only(messages)).toStrictEqual({ ...only(messages), kind: 2, seq, value: received(sent) });
        expect(addon.variant(there.handle)).toBe(form.variant + 256 * form.bound);
      }),
      { numRuns: 1000 },
    );
  });

  test('a value that was received once is sent and received again unchanged', () => {
    fc.assert(
      fc.property(value, (sent) => {
        using here = new PushEndpoint({ variant: 6 });
        using there = new PushEndpoint({ variant: 6 });
        const once = only(there.receive(here.box(2, 0, sent)).messages).value;
        const twice = only(here.receive(there.box(2, 0, once)).messages).value;
        expect(twice).toStrictEqual(once);
      }),
      { numRuns: 300 },
    );
  });

  test('a body on either side of every limit of the tape survives, compressed or not', () => {
    const lengths = fc.constantFrom(
      23,
      24,
      25,
      2999,
      3000,
      3001,
      16_383,
      16_384,
      16_385,
      65_529,
      65_530,
      65_536,
      131_072,
      400_000,
    );
    const bodies = fc.record({ length: lengths, unit: fc.constantFrom('x', 'é', '€', '😀'), binary: fc.boolean() });
    fc.assert(
      fc.property(forms, bodies, (form, { length, unit, binary }) => {
        using here = new PushEndpoint(form);
        using there = new PushEndpoint();
        const sent = binary ? Buffer.alloc(length, unit) : unit.repeat(length);
        const { value } = only(there.receive(here.box(2, 1, sent)).messages);
        expect(isDeepStrictEqual(value, sent)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  test('a call arrives with its name, arguments and keyword arguments', () => {
    const name = fc.oneof(fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 40 }), text);
    const named = fc.dictionary(fc.string({ unit: 'grapheme-ascii', maxLength: 12 }), value, { maxKeys: 4 });
    fc.assert(
      fc.property(forms, seqs, name, fc.array(value, { maxLength: 5 }), named, (form, seq, name, args, options) => {
        using here = new PushEndpoint(form);
        using there = new PushEndpoint();
        const bytes = here.encode(1, seq, 8, () => {
          tx.container(Tag.BOX, 4);
          here.writer.box(Object.freeze([1, 2]), 1);
          const id = nameId(name);
          if (id === 0) tx.str(name);
          else tx.name(id);
          here.writer.tuple(args, 1);
          here.writer.kwargs(kwargs(options));
        });
        const expected = [[1, 2], name, args, Object.entries(options)];
        expect(only(there.receive(bytes).messages)).toMatchObject({ kind: 1, seq, handler: 8 });
        using other = new PushEndpoint();
        expect(only(other.receive(bytes).messages).value).toStrictEqual(received(expected));
      }),
      { numRuns: 400 },
    );
  });
});

describe('the byte stream', () => {
  test('the same messages come out, however it is cut', () => {
    const stream = fc.array(fc.tuple(seqs, value), { minLength: 1, maxLength: 8 });
    const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });
    fc.assert(
      fc.property(forms, stream, cuts, (form, sent, cuts) => {
        using here = new PushEndpoint(form);
        using there = new PushEndpoint();
        const bytes = Buffer.concat(sent.map(([seq, value]) => here.box(2, seq, value)));
        const found = chunks(bytes, cuts).flatMap((chunk) => there.receive(chunk).messages);
        expect(found.map(({ seq, value }) => [seq, value])).toStrictEqual(
          sent.map(([seq, value]) => [seq, received(value)]),
        );
      }),
      { numRuns: 300 },
    );
  });

  test('byte by byte is a way to cut it', () => {
    using here = new PushEndpoint({ variant: 6, compress: 1 });
    using there = new PushEndpoint();
    const sent = ['é'.repeat(4000), null, Object.freeze([1, 2.5, 'x'])];
    const bytes = Buffer.concat(sent.map((value, seq) => here.box(2, seq, value)));
    const found = chunks(
      bytes,
      Array.from(bytes, (_, i) => i / bytes.length),
    ).flatMap((chunk) => there.receive(chunk).messages);
    expect(found.map(({ value }) => value)).toStrictEqual(sent);
  });

  test('anything else is waited for, refused, or a message: never a crash', () => {
    const noise = fc.uint8Array({ maxLength: 200 });
    // A length and a start that fit, so that the noise reaches the decoders behind them.
    const start = fc.constantFrom(
      '',
      '0111',
      '0211',
      '0311',
      '125150',
      '125250',
      '0211501151',
      '01115011581152',
      '0000000000000001000000000000000001115011',
    );
    const framed = fc.tuple(start, noise, fc.boolean()).map(([hex, noise, compressed]) => {
      const payload = Buffer.concat([Buffer.from(hex, 'hex'), noise]);
      const head = Buffer.alloc(5);
      head.writeUInt32BE(payload.length);
      head[4] = compressed ? 1 : 0;
      return Buffer.concat([head, payload, Buffer.from('\n')]);
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(noise, framed), { minLength: 1, maxLength: 4 }), (parts) => {
        using endpoint = new PushEndpoint({ maxFrame: 1 << 16, maxInflated: 1 << 16 });
        const { status } = endpoint.receive(Buffer.concat(parts));
        expect([0, Status.PROTOCOL]).toContain(status);
        if (status === Status.PROTOCOL) expect(addon.lastError(endpoint.handle)).not.toBe('');
        addon.feedEnd(endpoint.handle);
        expect([Status.EOF, Status.PROTOCOL]).toContain(endpoint.drain().status);
      }),
      { numRuns: 3000 },
    );
  });
});
