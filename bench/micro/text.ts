// Question: up to which length does a loop beat the call into Buffer, for short ASCII texts read from an arena (SHORT_TEXT of
// boxing/boxing.ts) and written to the transmit tape (SHORT_STRING of native/tape.ts)?
import { alternate, assertEqual, bulk } from '../lib/alternate.ts';
import { report } from '../lib/micro.ts';

interface RawBuffer extends Buffer {
  latin1Slice(start: number, end: number): string;
  utf8Write(text: string, offset: number): number;
}

const bytes = Buffer.alloc(4096) as RawBuffer;
const MANY = 64;
let offset = 0;

/** Used, so that no text is built in vain. */
let sink = 0;

function readLoop(length: number): string {
  let text = '';
  for (let i = offset; i < offset + length; i++) text += String.fromCharCode(bytes[i]);
  return text;
}

const readSlice = (length: number): string => bytes.latin1Slice(offset, offset + length);

function writeLoop(text: string): number {
  const { length } = text;
  for (let i = 0; i < length; i++) {
    const c = text.charCodeAt(i);
    if (c > 127) return 0;
    bytes[offset + i] = c;
  }
  return length;
}

const writeCall = (text: string): number => bytes.utf8Write(text, offset);

await report('text', async (add) => {
  for (const length of [2, 4, 8, 10, 12, 16, 24, 32, 48]) {
    // Different texts, as on a wire: V8 knows one-character strings only.
    const texts = Array.from({ length: MANY }, (_, i) =>
      `${i}abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ`.slice(0, length),
    );
    const reading = (read: (length: number) => string) => () =>
      bulk(2000, () => {
        for (offset = 0; offset < MANY; offset++) sink += read(length).charCodeAt(length - 1);
      }) / MANY;
    const writing = (write: (text: string) => number) => () =>
      bulk(2000, () => {
        for (offset = 0; offset < MANY; offset++) sink += write(texts[offset]);
      }) / MANY;
    bytes.write(texts.join(''), 0, 'latin1');
    offset = 0;
    await assertEqual({ loop: () => readLoop(length), call: () => readSlice(length) });
    await assertEqual({ loop: () => writeLoop(texts[5]), call: () => writeCall(texts[5]) });
    add(`read ${length}`, length, await alternate(11, { latin1Slice: reading(readSlice), loop: reading(readLoop) }));
    add(`write ${length}`, length, await alternate(11, { utf8Write: writing(writeCall), loop: writing(writeLoop) }));
  }
  if (sink === 0) console.log('nothing was read');
});
