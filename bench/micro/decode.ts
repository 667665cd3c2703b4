// Question: how should a received message become JavaScript, ready to dispatch? Records + tape (ours), values built by Node-API in Rust, or
// plain JavaScript from the first byte on. 64 messages arrive together (one where they are large), and alone.

import { addon, enterBatch, leaveBatch, nameOf, RECORD_WORDS } from '../../src/internals.ts';
import { alternate, assertEqual, bulk } from '../lib/alternate.ts';
import { JsDecoder } from '../lib/js-codec.ts';
import { report } from '../lib/micro.ts';
import { loadNaive } from '../lib/naive.ts';
import { frameOf, MESSAGES, OUR_PACK, openPush, readerOf } from '../lib/seam.ts';

/** What dispatch works with. One object per decoder, overwritten by each message. */
class Decoded {
  kind = 0;
  seq = 0;
  object = 0;
  name = '';
  args: any = null;
  kwargs: any = null;
}

const naive = await loadNaive();
const input = Buffer.alloc(1 << 17);
naive.init(input, Buffer.alloc(1 << 17));
const handle = openPush();
const reader = readerOf(false);

function tape(chunk: Buffer, out: Decoded): void {
  addon.feed(handle, chunk);
  const count = addon.next(handle);
  const arena = enterBatch();
  const { words } = arena;
  for (let i = 0; i < count; i++) {
    const at = i * RECORD_WORDS;
    out.kind = words[at];
    out.seq = (words[at + 1] >>> 0) + words[at + 2] * 0x100000000;
    if (out.kind === 1) {
      out.object = words[at + 4];
      out.name = nameOf(words[at + 5]);
      out.args = reader.start(arena, words[at + 7], 'async').tuple();
      out.kwargs = reader.tuple();
    } else {
      out.args = reader.start(arena, words[at + 6], 'async').value();
    }
  }
  leaveBatch();
}

function napi(chunk: Buffer, out: Decoded): void {
  input.set(chunk);
  for (let at = 0; at < chunk.length; ) {
    const [kind, seq, , value, size] = naive.decode(at);
    out.kind = kind;
    out.seq = seq;
    if (kind === 1) {
      out.object = value[0];
      out.name = value[1];
      out.args = value[2];
      out.kwargs = value[3];
    } else out.args = value;
    at += size;
  }
}

const decoder = new JsDecoder(input);
function plain(chunk: Buffer, out: Decoded): void {
  input.set(chunk);
  for (let at = 0; at < chunk.length; at = decoder.end) {
    decoder.next(at);
    out.kind = decoder.kind;
    out.seq = decoder.seq;
    if (decoder.kind === 1) {
      out.object = decoder.object;
      out.name = decoder.name;
      out.args = decoder.box();
      out.kwargs = decoder.box();
    } else out.args = decoder.box();
  }
}

const decoders = { 'records + tape': tape, 'Node-API values': napi, 'plain JavaScript': plain };

await report('decode', async (add) => {
  for (const [name, message] of Object.entries(MESSAGES)) {
    const frame = frameOf(message, OUR_PACK);
    for (const together of frame.length > 10_000 ? [1] : [64, 1]) {
      const chunk = Buffer.concat(Array<Buffer>(together).fill(frame));
      const outs = Object.entries(decoders).map(([name, decode]) => ({ name, decode, out: new Decoded() }));
      await assertEqual(
        Object.fromEntries(outs.map(({ name, decode, out }) => [name, () => (decode(chunk, out), { ...out })])),
      );
      const count = Math.ceil(2_000_000 / (frame.length * together));
      const rounds = outs.map(
        ({ name, decode, out }) => [name, () => bulk(count, () => decode(chunk, out)) / together] as const,
      );
      add(`${name}${together === 1 ? ', alone' : ''}`, frame.length, await alternate(15, Object.fromEntries(rounds)));
    }
  }
});
