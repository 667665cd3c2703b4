// Every captured byte of real RPyC through the addon: decoded to what the capture describes, and said again byte for byte.
// (crates/wire/tests does the same without Node, and sweeps every prefix and bit flip; here is a sample of those.)

import { isDeepStrictEqual } from 'node:util';
import { inflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { Status } from '../../src/native/addon.ts';
import { enterBatch, leaveBatch, nameOf, tx } from '../../src/native/engine.ts';
import { addon } from '../../src/native/load.ts';
import { Tag } from '../../src/native/tape.ts';
import { Local, PushEndpoint, Remote } from '../support/push-endpoint.ts';
import {
  type ConnectionVector,
  connections,
  type Described,
  type DescribedBox,
  type DescribedMessage,
  type FrameVector,
  floatOf,
  handlerNumber,
  jsOf,
  repeated,
  values,
} from '../support/vectors.ts';

const KINDS = { request: 1, reply: 2, exception: 3 };
const OVERHEAD = 6;
/** A peer's id_pack, sent as our own object: for relays and tests, so src/ has no word for it. */
const RELAY = 25;

/** A frame around a payload. */
function framed(payload: Uint8Array): Buffer {
  const frame = Buffer.alloc(payload.length + OVERHEAD);
  frame.writeUInt32BE(payload.length);
  frame.set(payload, 5);
  frame[frame.length - 1] = 0x0a;
  return frame;
}

/** A 6.x reply to seq 0 whose result is this brine. */
const replyWith = (brine: Uint8Array): Buffer => framed(Buffer.concat([Buffer.from('0211501151', 'hex'), brine]));

function jsOfBox(box: DescribedBox): unknown {
  switch (box.box) {
    case 'value':
      return jsOf(box.value);
    case 'tuple':
      return Object.freeze(box.items.map(jsOfBox));
    case 'remote_ref':
      return new Remote(box.id);
    case 'local_ref':
      // Python's ids are addresses: nothing that we ever sent.
      return new Local(0);
  }
}

function described(message: DescribedMessage): unknown {
  switch (message.kind) {
    case 'request':
      return jsOfBox(message.args);
    case 'reply':
      return jsOfBox(message.result);
    case 'exception':
      return jsOf(message.exception);
  }
}

function equal(found: unknown, expected: unknown, name: string): void {
  if (!isDeepStrictEqual(found, expected)) expect(found, name).toStrictEqual(expected);
}

// --- a description onto the tape ---------------------------------------------------------------------------------------

function putValue(value: Described): void {
  if (value === null) tx.word(Tag.NONE);
  else if (typeof value === 'boolean') tx.word(value ? Tag.TRUE : Tag.FALSE);
  else if (typeof value === 'string') tx.str(value);
  else putTagged(value);
}

function putTagged(value: { readonly [tag: string]: any }): void {
  const [tag, body] = Object.entries(value)[0] as [string, any];
  const items = (): void => body.forEach(putValue);
  if (tag === 'int') tx.bigint(BigInt(body));
  else if (tag === 'float') tx.float(floatOf(body));
  else if (tag === 'complex') tx.complex(floatOf(body[0]), floatOf(body[1]));
  else if (tag === 'bytes') tx.data(jsOf(value) as Uint8Array);
  else if (tag === 'repeat') putValue(repeated(body));
  else if (tag === 'ellipsis') tx.word(Tag.ELLIPSIS);
  else if (tag === 'notimplemented') tx.word(Tag.NOT_IMPLEMENTED);
  else if (tag === 'slice') {
    tx.word(Tag.SLICE);
    items();
  } else {
    tx.container(tag === 'tuple' ? Tag.TUPLE : Tag.FROZENSET, body.length);
    items();
  }
}

function putBox(box: DescribedBox, rids: ReadonlyMap<string, number>): void {
  if (box.box === 'value') putValue(box.value);
  else if (box.box === 'tuple') {
    tx.container(Tag.BOX, box.items.length);
    for (const item of box.items) putBox(item, rids);
  } else {
    const rid = rids.get(box.id.join());
    if (rid === undefined) throw new Error(`id_pack ${box.id.join()} was never sent`);
    if (box.box === 'local_ref') tx.ref(rid);
    else {
      tx.word(RELAY);
      tx.word(rid);
    }
  }
}

function encoded(endpoint: PushEndpoint, message: DescribedMessage): Uint8Array {
  const handler = message.kind === 'request' ? handlerNumber(message.handler) : 0;
  return endpoint.encode(KINDS[message.kind], message.seq, handler, () => {
    if (message.kind === 'exception') putValue(message.exception);
    else putBox(message.kind === 'request' ? message.args : message.result, endpoint.rids);
  });
}

function payloadOf(frame: Uint8Array): Uint8Array {
  const payload = frame.subarray(5, -1);
  return frame[4] === 0 ? payload : inflateSync(payload);
}

const open = ({ version, bound }: ConnectionVector, compress = 0): PushEndpoint =>
  new PushEndpoint({ variant: version, bound: bound ? 1 : 0, compress });

describe('captured values', () => {
  test('every value is decoded to what its description is in JavaScript', () => {
    for (const { name, bytes, value } of values) {
      using endpoint = new PushEndpoint();
      const { messages, status } = endpoint.receive(replyWith(bytes));
      expect(status, name).toBe(0);
      expect(messages.length, name).toBe(1);
      equal(messages[0]?.value, jsOf(value), name);
    }
    expect(values.length).toBe(213);
  });

  test('every value that JavaScript can tell is sent back byte for byte', () => {
    const changed: string[] = [];
    using endpoint = new PushEndpoint({ variant: 6, bound: 0 });
    for (const { name, bytes } of values) {
      const frame = replyWith(bytes);
      const value = endpoint.receive(frame).messages[0]?.value;
      const again = Buffer.from(endpoint.box(KINDS.reply, 0, value));
      if (Number.isNaN(value)) equal(endpoint.receive(again).messages[0]?.value, Number.NaN, name);
      if (!again.equals(frame) || NAN_PAYLOADS.includes(name)) changed.push(name);
    }
    expect(changed).toEqual([...WHOLE_FLOATS, ...NAN_PAYLOADS]);
  });
});

/** A number with an integral value goes back as an int: JavaScript has one type for both. `float(1)` forces the other. */
const WHOLE_FLOATS = ['float 0.0', 'float 1.0', 'float -1.0', 'float 1000000000000000.0'];
/** JavaScript may change the bits of a NaN whenever it copies one; that it stays a NaN is all there is. */
const NAN_PAYLOADS = [
  'float nan, negative',
  'float nan, quiet with payload',
  'float nan, signalling',
  'float nan, all bits set',
];

describe('captured connections', () => {
  test('every frame of every connection gives one record with what its description says', () => {
    let frames = 0;
    for (const connection of connections) {
      // The latched variant is checked for a peer that was not announced; references need one endpoint per direction.
      using client = new PushEndpoint();
      using server = new PushEndpoint();
      for (const { name, fromClient, bytes, message } of connection.frames) {
        const endpoint = fromClient ? client : server;
        const { messages, status } = endpoint.receive(bytes);
        expect(status, name).toBe(0);
        expect(messages.length, name).toBe(1);
        const [found] = messages;
        expect([found.kind, found.seq], name).toEqual([KINDS[message.kind], message.seq]);
        if (message.kind === 'request') expect(found.handler, name).toBe(handlerNumber(message.handler));
        expect(addon.variant(endpoint.handle), name).toBe(connection.version + (connection.bound ? 256 : 0));
        equal(found.value, described(message), name);
        frames++;
      }
    }
    expect(connections.length).toBe(46);
    expect(frames).toBe(6365);
  });

  test('every frame is written again byte for byte, from its description', () => {
    const exceptions: Record<string, number> = {};
    const count = (reason: string): void => {
      exceptions[reason] = (exceptions[reason] ?? 0) + 1;
    };
    for (const connection of connections) {
      // One observer of both directions knows every id_pack, whoever owns the object.
      using observer = open(connection, 1);
      for (const { name, bytes, compressed, payload, message } of connection.frames) {
        expect(observer.receive(bytes).messages.length, name).toBe(1);
        const again = encoded(observer, message);
        if (Buffer.compare(again, bytes) === 0 && !compressed) continue;
        const skip = connection.bound ? 16 : 0;
        const [found, expected] = [payloadOf(again).subarray(skip), payload.subarray(skip)];
        if (Buffer.compare(found, expected) !== 0)
          expect(Buffer.from(found).toString('hex'), name).toBe(expected.toString('hex'));
        if (skip !== 0) count('bound: the thread ids are ours');
        if (compressed && again[4] !== 0) count('compressed: another deflater, same content');
        else if (compressed) count('compressed by RPyC although it grew: sent as it is');
        else if (again[4] !== 0) count('compressed by us alone');
      }
    }
    expect(exceptions).toEqual({
      'bound: the thread ids are ours': 1458,
      'compressed: another deflater, same content': 26,
      'compressed by RPyC although it grew: sent as it is': 1,
    });
  });

  test('the record of an attribute call tells object and name, and where the arguments are', () => {
    using endpoint = new PushEndpoint({ variant: 6, bound: 0 });
    // CALLATTR(our object (js.Thing, 1, 2), 'add', (5, 10), ()), seq 7.
    const call = '011157115811521311531208'.concat(
      '0e08',
      Buffer.from('js.Thing').toString('hex'),
      '5152',
      '1151080c616464',
      '1151',
      '11555a',
      '115102',
    );
    addon.feed(endpoint.handle, framed(Buffer.from(call, 'hex')));
    expect(addon.next(endpoint.handle)).toBe(1);
    const { words } = enterBatch();
    leaveBatch();
    const [kind, low, high, handler, object, name, pos, rest] = words;
    expect([kind, low, high, handler, object]).toEqual([1, 7, 0, 8, 2]);
    expect(nameOf(name)).toBe('add');
    expect([...words.subarray(pos, pos + 2)]).toEqual([Tag.BOX, 4]);
    expect([...words.subarray(rest, rest + 6)]).toEqual([
      Tag.TUPLE,
      2,
      (5 << 8) | Tag.INT,
      (10 << 8) | Tag.INT,
      Tag.TUPLE,
      0,
    ]);
  });
});

// --- damage ------------------------------------------------------------------------------------------------------------

/** Feeds damaged bytes and then the end: whatever it is, the answer is messages that can be read, then a status that ends it. */
function survives(damaged: Uint8Array, name: string): void {
  using endpoint = new PushEndpoint({ maxFrame: 1 << 20, maxInflated: 1 << 20 });
  const { status } = endpoint.receive(damaged);
  if (status === Status.PROTOCOL) expect(addon.lastError(endpoint.handle), name).not.toBe('');
  else expect(status, name).toBe(0);
  addon.feedEnd(endpoint.handle);
  expect([Status.EOF, Status.PROTOCOL], name).toContain(endpoint.drain().status);
}

/** Every 23rd frame: all kinds, versions and handlers, in a second. */
const sample: FrameVector[] = connections.flatMap((connection) => connection.frames).filter((_, i) => i % 23 === 0);

describe('damaged frames', () => {
  test('a frame that ends anywhere waits for its rest, and says so at the end', () => {
    for (const { name, bytes } of sample) {
      for (let cut = 0; cut < 12; cut++) {
        const length = Math.floor((bytes.length * cut) / 12);
        using endpoint = new PushEndpoint();
        // The length on the wire leaves the flusher out: without it the frame is not complete either.
        expect(endpoint.receive(bytes.subarray(0, length)), `${name}, ${length} bytes`).toEqual({
          messages: [],
          status: 0,
        });
        addon.feedEnd(endpoint.handle);
        expect(endpoint.drain().status).toBe(Status.EOF);
      }
    }
  });

  test('a payload cut short inside a whole frame is a protocol error or a message', () => {
    for (const { name, payload } of sample)
      for (let cut = 1; cut < 12; cut++)
        survives(framed(payload.subarray(0, Math.floor((payload.length * cut) / 12))), name);
  });

  test('a flipped bit anywhere is an error, a message or a wait', () => {
    for (const { name, bytes } of sample) {
      const step = Math.max(1, Math.floor((bytes.length * 8) / 40));
      for (let bit = 3; bit < bytes.length * 8; bit += step) {
        const damaged = Buffer.from(bytes);
        damaged[bit >> 3] ^= 1 << (bit & 7);
        survives(damaged, `${name}, bit ${bit}`);
      }
    }
  });
});
