// Question: how should a message leave JavaScript? Written to the transmit tape and encoded by Rust once per batch (ours), walked by Node-API in
// Rust, or written to a Buffer in plain JavaScript. 64 messages per flush (one where they are large), and one. All end in a buffer of
// bytes that a write could take: ours in the endpoint's queue, which is emptied now and then.

import { addon, flush, nameId, Tag, tx } from '../../src/internals.ts';
import { alternate, assertEqual, bulk } from '../lib/alternate.ts';
import { JsEncoder } from '../lib/js-codec.ts';
import { report } from '../lib/micro.ts';
import { loadNaive } from '../lib/naive.ts';
import { learnPeer, MESSAGES, type Message, makeWriter, openPush, PEER_PACK, peerFrame } from '../lib/seam.ts';

const naive = await loadNaive();
const input = Buffer.alloc(1 << 17);
const output = Buffer.alloc(1 << 18);
naive.init(input, output);
input.set(peerFrame());
const [, , , naiveRid] = naive.decode(0);

const handle = openPush();
const rid = learnPeer(handle);
const writer = makeWriter();
const NOTHING = new Uint8Array();

let flushes = 0;
/** Empties the queue after so many flushes; 1 = each. */
let takeEvery = 1;

function tape(message: Message, together: number): Uint8Array {
  for (let i = 0; i < together; i++) {
    if (message.kind === 1) {
      tx.begin(handle, 1, message.seq, 8, 0);
      tx.container(Tag.BOX, 4);
      tx.ref(rid);
      tx.name(nameId(message.name));
      writer.tuple(message.args, 1);
      writer.tuple(message.kwargs, 1);
    } else {
      tx.begin(handle, 2, message.seq, 0, 0);
      writer.box(message.value, 0);
    }
    tx.commit(2 ** 30);
  }
  flush();
  if (++flushes % takeEvery !== 0) return NOTHING;
  return addon.takeOutput(handle) as Uint8Array;
}

function napi(message: Message, together: number): Uint8Array {
  let end = 0;
  for (let i = 0; i < together; i++) {
    if (message.kind === 1)
      end = naive.encode(end, 1, message.seq, 8, naiveRid, [message.name, message.args, message.kwargs]);
    else end = naive.encode(end, 2, message.seq, 0, 0, message.value);
  }
  return output.subarray(0, end);
}

const encoder = new JsEncoder(1 << 18);
function plain(message: Message, together: number): Uint8Array {
  encoder.end = 0;
  for (let i = 0; i < together; i++) {
    if (message.kind === 1) encoder.call(message.seq, PEER_PACK, message.name, message.args, message.kwargs);
    else encoder.reply(message.seq, message.value);
  }
  return encoder.bytes.subarray(0, encoder.end);
}

const encoders = { 'records + tape': tape, 'Node-API walk': napi, 'plain JavaScript': plain };

await report('encode', async (add) => {
  for (const [name, message] of Object.entries(MESSAGES)) {
    const size = plain(message, 1).length;
    for (const together of size > 10_000 ? [1] : [64, 1]) {
      const variants = Object.entries(encoders);
      addon.takeOutput(handle);
      takeEvery = 1;
      await assertEqual(
        Object.fromEntries(
          variants.map(([name, encode]) => [name, () => Buffer.from(encode(message, together)).toString('hex')]),
        ),
      );
      takeEvery = Math.max(1, Math.floor(262_144 / (size * together)));
      const count = Math.ceil(2_000_000 / (size * together));
      const rounds = variants.map(
        ([name, encode]) => [name, () => bulk(count, () => encode(message, together)) / together] as const,
      );
      add(`${name}${together === 1 ? ', alone' : ''}`, size, await alternate(15, Object.fromEntries(rounds)));
    }
  }
});
