// The memory in which messages cross to and from the engine, one pair per thread: for each message `[number of parts, length of each]` in words,
// and the parts' bytes on end. Nothing in it outlives the crossing.
import { detail } from '../native/engine.ts';
import { addon } from '../native/load.ts';

/** More than the parts of one message (1024). */
const WORDS = 4096;
const BYTES = 256 * 1024;

const words = new Int32Array(WORDS);
const bytes = new Uint8Array(BYTES);

/** Takes messages from the front of `messages` as far as the socket takes them: how many. */
export function sendMessages(node: number, messages: readonly (readonly Uint8Array[])[]): number {
  let sent = 0;
  while (sent < messages.length) {
    const count = pack(messages, sent);
    const taken =
      count > 0 ? addon.zmqSend(node, words, bytes, count) : sendLarge(node, messages[sent] as readonly Uint8Array[]);
    sent += taken;
    if (taken < Math.max(count, 1)) break;
  }
  return sent;
}

/** Puts messages into the arena, from `start` on: how many fit. */
function pack(messages: readonly (readonly Uint8Array[])[], start: number): number {
  let [word, byte, at] = [0, 0, start];
  for (; at < messages.length; at++) {
    const parts = messages[at] as readonly Uint8Array[];
    const size = sizeOf(parts);
    if (word + 1 + parts.length > WORDS || byte + size > BYTES) break;
    words[word++] = parts.length;
    for (const part of parts) {
      words[word++] = part.length;
      bytes.set(part, byte);
      byte += part.length;
    }
  }
  return at - start;
}

function sendLarge(node: number, parts: readonly Uint8Array[]): number {
  return addon.zmqSend(node, Int32Array.of(parts.length, ...parts.map((part) => part.length)), Buffer.concat(parts), 1);
}

/** The next messages, some at a time; an empty list: there are none. Parts of one list share their memory, which is theirs alone. */
export function receiveMessages(node: number): Uint8Array[][] {
  const count = addon.zmqReceive(node, words, bytes);
  if (count > 0) return unpack(count, bytes.slice(0, total(count)));
  const needed = detail();
  if (needed === 0) return [];
  const own = new Uint8Array(needed);
  return unpack(addon.zmqReceive(node, words, own), own);
}

function total(count: number): number {
  let [word, sum] = [0, 0];
  for (let message = 0; message < count; message++) {
    for (let left = words[word++] as number; left > 0; left--) sum += words[word++] as number;
  }
  return sum;
}

function unpack(count: number, from: Uint8Array): Uint8Array[][] {
  const messages: Uint8Array[][] = [];
  let [word, byte] = [0, 0];
  for (let message = 0; message < count; message++) {
    const parts: Uint8Array[] = [];
    for (let left = words[word++] as number; left > 0; left--) {
      const length = words[word++] as number;
      parts.push(from.subarray(byte, byte + length));
      byte += length;
    }
    messages.push(parts);
  }
  return messages;
}

/** Bytes of all parts. */
export function sizeOf(parts: readonly Uint8Array[]): number {
  let size = 0;
  for (const part of parts) size += part.length;
  return size;
}
