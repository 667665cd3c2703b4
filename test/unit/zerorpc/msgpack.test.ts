// Values to and from msgpack: the captured payloads, the traps between JavaScript and Python, and bytes that are no value.
import { expect, test } from 'vitest';
import { msgpack } from '../../../src/zerorpc/msgpack.ts';
import { SCENARIOS } from '../../support/zerorpc-vectors.ts';

const PAYLOADS = SCENARIOS.flatMap(({ name, messages }) =>
  messages.map(({ frames, event }) => ({ name, payload: frames.at(-1) as Buffer, event })),
);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const encoded = (value: unknown) => hex(msgpack.encode(value));
const decoded = (text: string) => msgpack.decode(Buffer.from(text, 'hex'));

test('every captured payload is read, and written again as it was, but for forms that JavaScript cannot tell apart', () => {
  const other = new Set<string>();
  let same = 0;
  for (const { name, payload } of PAYLOADS) {
    let value: unknown;
    try {
      value = msgpack.decode(payload);
    } catch {
      other.add(`${name}: not read`);
      continue;
    }
    if (hex(msgpack.encode(value)) === hex(payload)) same++;
    else other.add(name);
  }
  expect(same).toBeGreaterThan(PAYLOADS.length - 20);
  expect([...other].sort()).toMatchInlineSnapshot(`
    [
      "echo_dict_bytes_key: not read",
      "echo_dict_int_key",
      "echo_ext: not read",
      "echo_float_1_0",
      "echo_int_2p32",
      "echo_int_2p53p1",
      "echo_int_i64max",
      "echo_timestamp",
    ]
  `);
});

test('integers of any size up to 64 bits reach Python as integers, and come back exactly', () => {
  for (const value of [0, -1, 127, 128, -33, 65536, 2 ** 31, 2 ** 32 - 1, -(2 ** 31)])
    expect(msgpack.decode(msgpack.encode(value))).toBe(value);
  expect(encoded(1e10)).toBe('d300000002540be400');
  expect(encoded([{ at: Date.UTC(2026, 0, 1) }])).toBe('9181a26174d30000019b76daa800');
  expect(decoded('d300000002540be400')).toBe(1e10);
  expect(decoded('cfffffffffffffffff')).toBe(2n ** 64n - 1n);
  expect(encoded(2n ** 64n - 1n)).toBe('cfffffffffffffffff');
  expect(encoded(1.5)).toBe('cb3ff8000000000000');
  expect(encoded(2 ** 53)).toBe('cb4340000000000000'); // no safe integer: who knows what it was
});

test('what was given is not changed by being sent', () => {
  const value = { list: [1, 1e10, [1e11]], inner: { at: 1e12, none: undefined } };
  msgpack.encode(value);
  expect(value).toEqual({ list: [1, 1e10, [1e11]], inner: { at: 1e12, none: undefined } });
});

test.each([
  [2n ** 64n, '18446744073709551616 is beyond 64 bits'],
  [new Map([[1, 'x']]), "a map's key is a number: Python drops the whole message"],
  [new Float64Array([1.5]), 'a Float64Array has no form in msgpack'],
  [new Float32Array([1.5]), 'a Float32Array has no form'],
  [new Uint32Array(1), 'an Uint32Array has no form'],
  [new DataView(new ArrayBuffer(8)), 'a DataView has no form'],
  [new ArrayBuffer(8), 'an ArrayBuffer has no form'],
  [new Set([1]), 'a Set has no form'],
  [Promise.resolve(1), 'a Promise cannot be sent: await it'],
  [() => 1, 'a function cannot be sent'],
  [Symbol('x'), 'a symbol cannot be sent'],
])('what Python would misread is refused by name (%#)', (value, text) => {
  expect(() => msgpack.encode([{ deep: [value] }])).toThrow(
    expect.objectContaining({
      name: 'EncodeError',
      code: 'ERR_ZERORPC_ENCODE',
      message: expect.stringContaining(text),
    }),
  );
});

test('a circle is refused, and so is what is nested too deep', () => {
  const circle: unknown[] = [];
  circle.push(circle);
  expect(() => msgpack.encode(circle)).toThrow('nested more than 256 deep, or in a circle');
});

test('objects with other prototypes are maps of their own properties, and toJSON is not asked', () => {
  class Point {
    x = 1e10;
    toJSON() {
      return new Float64Array(4);
    }
  }
  expect(msgpack.decode(msgpack.encode(new Point()))).toEqual({ x: 1e10 });
  expect(encoded(Object.assign(Object.create(null), { a: 1 }))).toBe('81a16101');
  expect(encoded({ toJSON: 1 })).toBe('81a6746f4a534f4e01');
  expect(encoded(new Map([['a', 1e10]]))).toBe('81a161d300000002540be400');
  expect(encoded([undefined, null])).toBe('92c0c0');
  expect(encoded(new Uint8Array([1, 2]))).toBe('c4020102');
});

test('bytes that were decoded do not share memory with what they came from', () => {
  const bytes = Buffer.from('c403010203', 'hex');
  const value = msgpack.decode(bytes);
  bytes.fill(0);
  expect([...(value as Uint8Array)]).toEqual([1, 2, 3]);
});

test.each([
  ['', 'end inside'],
  ['c1', 'c1 has no meaning'],
  ['0101', '1 bytes follow'],
  ['ddffffffff', 'end inside'],
  ['dfffffffff00', 'end inside'],
  ['c6ffffffff', 'end inside'],
  ['91'.repeat(300) + '01', 'nested more than 256'],
  ['d40000', 'extension of type 0 with 1 bytes is not read'],
  ['d47301', 'extension of type 115'], // a Set of msgpackr's
  ['c7027801ff', 'extension of type 120'], // its RegExp
  ['d4ff00', 'extension of type -1 with 1 bytes'],
])('%s is no value', (bytes, text) => {
  expect(() => decoded(bytes)).toThrow(
    expect.objectContaining({ code: 'ERR_ZERORPC_EVENT', message: expect.stringContaining(text) }),
  );
});

test('every captured payload cut anywhere is refused; with any one bit flipped it is a value or refused, and nothing else', () => {
  for (const { payload } of PAYLOADS.slice(0, 60)) {
    const bytes = payload.subarray(0, 400);
    if (bytes.length === payload.length)
      for (let length = 0; length < bytes.length; length++)
        expect(() => msgpack.decode(bytes.subarray(0, length))).toThrow('end inside a value');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = Buffer.from(payload);
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      try {
        msgpack.decode(damaged);
      } catch (error) {
        expect((error as { code?: string }).code).toBe('ERR_ZERORPC_EVENT');
      }
    }
  }
});
