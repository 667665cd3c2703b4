// Messages of those who share a secret: who sent it, that nobody changed it, and that it is not an old one. Hides nothing. Ours, not RPyC's.
//
//      0  "RPYC-MAC"
//      8  when it was signed: milliseconds since 1970, big-endian
//     16  nonce: 16 random bytes; an answer has those of its request
//     32  HMAC-SHA256, its key the secret, over 01 (a request) or 02 (an answer), bytes 0 to 32, and the body
//     64  body: the message as RPyC's
//
// To peers without the secret it begins with the int 2, where RPyC's has a tuple: they ignore it.
import { Buffer } from 'node:buffer';
import { createHmac, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import { ProtocolError } from '../errors.ts';

const MARK = Buffer.from('RPYC-MAC', 'latin1');
const TIME = 8;
const NONCE = 16;
const MAC = 32;
/** Bytes that signing adds. */
export const SIGNATURE = 64;
/** How far the clocks of both ends may differ, and how old a message may be, ms. */
export const WINDOW = 60_000;
/** Shortest secret, bytes. */
const MIN_SECRET = 16;
/** Requests within one window: more are refused, since they could not be told from old ones. */
const MAX_REMEMBERED = 100_000;

/** Which way a message goes. */
export type Direction = 1 | 2;
export const REQUEST: Direction = 1;
export const ANSWER: Direction = 2;

/** A secret that both ends share: a text, or bytes; at least 16 bytes. */
export type Secret = string | Uint8Array;

/** What a signed message says. */
export interface Opened {
  body: Uint8Array;
  nonce: Buffer;
  /** When it was signed, ms since 1970. */
  time: number;
}

/** Signs messages with one secret, and opens those signed with it. */
export class Signer {
  private readonly key: KeyObject;

  /** @throws {RangeError} for a secret that is too short, {TypeError} for what is none. Neither quotes it. */
  constructor(secret: Secret) {
    if (!(typeof secret === 'string' || secret instanceof Uint8Array))
      throw new TypeError(`secret is a string or a Uint8Array, not ${typeof secret}`);
    const bytes = typeof secret === 'string' ? Buffer.from(secret, 'utf8') : secret;
    if (bytes.byteLength < MIN_SECRET)
      throw new RangeError(`secret has at least ${MIN_SECRET} bytes, not ${bytes.byteLength}`);
    this.key = createSecretKey(bytes);
  }

  /** @param now ms since 1970 */
  sign(direction: Direction, body: Uint8Array, now: number, nonce: Uint8Array = randomBytes(16)): Buffer {
    const head = Buffer.alloc(MAC);
    MARK.copy(head);
    head.writeBigUInt64BE(BigInt(now), TIME);
    head.set(nonce, NONCE);
    return Buffer.concat([head, this.mac(direction, head, body), body]);
  }

  /**
   * The body of a message signed with this secret, this way, about now.
   * @param request for an answer: what it has to be the answer to
   * @throws {ProtocolError} for any other
   */
  open(direction: Direction, message: Uint8Array, now: number, request?: Uint8Array): Opened {
    const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
    if (bytes.length < SIGNATURE || !bytes.subarray(0, TIME).equals(MARK)) throw new ProtocolError('not signed');
    const head = bytes.subarray(0, MAC);
    const body = bytes.subarray(SIGNATURE);
    if (!timingSafeEqual(bytes.subarray(MAC, SIGNATURE), this.mac(direction, head, body)))
      throw new ProtocolError('signed with another secret, or changed on the way');
    const time = Number(bytes.readBigUInt64BE(TIME));
    if (Math.abs(now - time) > WINDOW)
      throw new ProtocolError(`signed ${Math.round((now - time) / 1000)} s ago: an old message, or the clocks differ`);
    const nonce = Buffer.from(bytes.subarray(NONCE, MAC));
    if (request !== undefined && !nonce.equals(request.subarray(NONCE, MAC)))
      throw new ProtocolError('signed, but the answer to another request');
    return { body, nonce, time };
  }

  private mac(direction: Direction, head: Uint8Array, body: Uint8Array): Buffer {
    return createHmac('sha256', this.key)
      .update(Buffer.of(direction))
      .update(head.subarray(0, MAC))
      .update(body)
      .digest();
  }
}

/** Nonces of requests that were answered, as long as their time would be accepted again. */
export class Replays {
  private readonly seen = new Map<string, number>();

  /** Notes a nonce. @throws {ProtocolError} for one that was there before, or when there are too many to tell */
  note(nonce: Buffer, time: number, now: number): void {
    const key = nonce.toString('latin1');
    if (this.seen.has(key)) throw new ProtocolError('a message that was received before');
    if (this.seen.size >= MAX_REMEMBERED) for (const [old, until] of this.seen) if (until < now) this.seen.delete(old);
    if (this.seen.size >= MAX_REMEMBERED) throw new ProtocolError('too many signed messages within a minute');
    this.seen.set(key, time + WINDOW);
  }
}
