// The messages of the seam comparison, and one push endpoint of the engine to read and write them as protocol/ does.

import { addon, BoxReader, BoxWriter, Exports, nameId, tx } from '../../src/internals.ts';
import { JsEncoder } from './js-codec.ts';

/** What of a message is put into, or comes out of, a codec. */
export type Message =
  | { kind: 1; seq: number; object: number; name: string; args: readonly unknown[]; kwargs: readonly unknown[] }
  | { kind: 2; seq: number; value: unknown };

const row = (i: number): readonly unknown[] =>
  Object.freeze([
    i * 37,
    `customer number ${i}`,
    i * 1.25 + 0.1,
    i % 3 === 0 ? null : i % 3 === 1,
    `2024-0${(i % 9) + 1}-11T09:${10 + (i % 50)}`,
  ]);

/** The table's rows, by name. Tuples are frozen, as whatever is sent by value. */
export const MESSAGES: Readonly<Record<string, Message>> = {
  'call add(5, 10)': call('add', [5, 10], []),
  'reply with an int': { kind: 2, seq: 100, value: 15 },
  'call with text and kwargs': call(
    'greet',
    ['a text of 32 characters, no more'],
    [Object.freeze(['count', 3]), Object.freeze(['loud', true])],
  ),
  'reply with 100 ints': {
    kind: 2,
    seq: 100,
    value: Object.freeze(Array.from({ length: 100 }, (_, i) => i * 97 - 500)),
  },
  'reply with 57 KB of rows': {
    kind: 2,
    seq: 100,
    value: Object.freeze(Array.from({ length: 960 }, (_, i) => row(i))),
  },
};

function call(name: string, args: readonly unknown[], kwargs: readonly unknown[]): Message {
  return { kind: 1, seq: 100, object: 2, name, args, kwargs };
}

/** A text in brine. */
const text = (value: string): Buffer => Buffer.concat([Buffer.from([0x08, 0x0e, value.length]), Buffer.from(value)]);

/** id_pack of an object of ours with small ids, as our peers send it back. */
export const OUR_PACK = Buffer.concat([
  Buffer.from([0x12]),
  text('js.services.CalculatorService012345'),
  Buffer.from([0x51, 0x52]),
]);
/** id_pack of a Python object: two addresses. */
export const PEER_PACK = Buffer.concat([
  Buffer.from([0x12]),
  text('app.CalculatorService'),
  ...['140072184706192', '94727955255280'].map((id) =>
    Buffer.concat([Buffer.from([0x16, id.length]), Buffer.from(id)]),
  ),
]);

/** One frame of a message. */
export function frameOf(message: Message, idPack: Uint8Array): Buffer {
  const encoder = new JsEncoder(1 << 17);
  if (message.kind === 1) encoder.call(message.seq, idPack, message.name, message.args, message.kwargs);
  else encoder.reply(message.seq, message.value);
  return Buffer.from(encoder.bytes.subarray(0, encoder.end));
}

/** A reader as connections have one; references are plain objects. */
export const readerOf = (freezeTuples: boolean): BoxReader =>
  new BoxReader({ bigint: 'auto', freezeTuples }, { get: () => undefined }, { arrive: (rid: number) => ({ rid }) });

/** A writer as connections have one. */
export const makeWriter = (): BoxWriter => new BoxWriter(tx, new Exports(nameId), undefined);

/** A push endpoint that speaks 6.x, uncompressed. */
export function openPush(): number {
  return addon.openPush(1 << 28, 1 << 28, 400, 0, 6, 0, 1 << 20);
}

/** The rid of PEER_PACK on an endpoint: it comes as the result of a reply. */
export function learnPeer(handle: number): number {
  addon.feed(handle, peerFrame());
  if (addon.next(handle) !== 1) throw new Error('the reference did not arrive');
  return 1;
}

/** A reply whose result is the peer's object. */
export function peerFrame(): Buffer {
  const payload = Buffer.concat([Buffer.from('0211501154', 'hex'), PEER_PACK]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(payload.length);
  return Buffer.concat([head, payload, Buffer.from('\n')]);
}
