// Frames of RPyC and which version wrote them. 5.x (4.1 to 5.3) says `12 5m seq args` where 6.x says `0m 11 seq args`: the same value, two other
// bytes in front of it. Owns nothing. Answers to rpyc/core/channel.py and `_send` of rpyc/core/protocol.py; see docs/relay.md.
import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';
import { ProtocolError, VersionError } from '../errors.ts';

/** Wire version. */
export type Version = 5 | 6;

/** Most bytes of a frame, and of what it inflates to. */
export interface FrameLimits {
  readonly maxFrame: number;
  readonly maxInflated: number;
}

/** Bytes before the payload: its length, and whether it is zlib. */
export const HEADER = 5;
/** Bytes around the payload: the header, and the flusher behind it. */
export const OVERHEAD = HEADER + 1;
const FLUSHER = 0x0a;

/** Bytes that tell the version of a payload. */
export const TAG = 2;
const TUP2 = 0x11;
const TUP3 = 0x12;
/** What a small int adds to its value. */
const IMMEDIATE = 0x50;
/** Sender and recipient thread id, before the message where RPYC_BIND_THREADS is set. */
const THREAD_IDS = 16;

const zip = promisify(deflate) as (bytes: Buffer, options: object) => Promise<Buffer>;
const unzip = promisify(inflate) as (bytes: Buffer, options: object) => Promise<Buffer>;

/** Length of the payload whose frame begins at `at`. @throws {ProtocolError} where it is too long */
export function lengthAt(bytes: Buffer, at: number, { maxFrame }: FrameLimits): number {
  const length = bytes.readUInt32BE(at);
  if (length > maxFrame) throw new ProtocolError(`a frame of ${length} bytes: the limit (maxFrame) is ${maxFrame}`);
  return length;
}

function versionAt(bytes: Buffer, at: number): Version | undefined {
  const first = bytes[at] as number;
  const second = bytes[at + 1] as number;
  if (first >= 1 && first <= 3 && second === TUP2) return 6;
  if (first === TUP3 && second > IMMEDIATE && second <= IMMEDIATE + 3) return 5;
  return undefined;
}

const hex = (bytes: Buffer, at: number): string => bytes.toString('hex', at, Math.min(bytes.length, at + 4));

/** Turns the start of a message at `at` from one version's into the other's, in place. @throws {ProtocolError} where it is not `from`'s */
export function retag(bytes: Buffer, at: number, from: Version, to: Version): void {
  const found = versionAt(bytes, at);
  if (found === undefined) throw new ProtocolError(`no message of RPyC: it begins with ${hex(bytes, at)}`);
  if (found !== from) throw new VersionError(`a message of RPyC ${found}.x where RPyC ${from}.x was spoken before`);
  if (from === to) return;
  if (to === 6) {
    bytes[at] = (bytes[at + 1] as number) - IMMEDIATE;
    bytes[at + 1] = TUP2;
  } else {
    bytes[at + 1] = (bytes[at] as number) + IMMEDIATE;
    bytes[at] = TUP3;
  }
}

/** The frame of a payload. */
export function frameOf(payload: Buffer, compressed: boolean): Buffer {
  const frame = Buffer.allocUnsafe(payload.length + OVERHEAD);
  frame.writeUInt32BE(payload.length, 0);
  frame[HEADER - 1] = compressed ? 1 : 0;
  payload.copy(frame, HEADER);
  frame[frame.length - 1] = FLUSHER;
  return frame;
}

/** What a whole frame carries. @throws {ProtocolError} for damaged zlib, and beyond `maxInflated` */
async function payloadOf(frame: Buffer, { maxInflated }: FrameLimits): Promise<Buffer> {
  const payload = frame.subarray(HEADER, -1);
  if (frame[HEADER - 1] === 0) return payload;
  try {
    return await unzip(payload, { maxOutputLength: maxInflated });
  } catch (cause) {
    const why =
      (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
        ? `it inflates to more than ${maxInflated} bytes (maxInflated)`
        : (cause as Error).message;
    throw new ProtocolError(`a compressed frame that cannot be read: ${why}`, { cause });
  }
}

/** A whole frame in the other version: its own bytes, changed in place, where it is not compressed. @throws as `retag` and `payloadOf` */
export async function retagged(frame: Buffer, from: Version, to: Version, limits: FrameLimits): Promise<Buffer> {
  const payload = await payloadOf(frame, limits);
  if (payload.length < TAG) throw new ProtocolError(`no message of RPyC: ${payload.length} bytes`);
  retag(payload, 0, from, to);
  return frame[HEADER - 1] === 0 || from === to ? frame : frameOf(await zip(payload, { level: 1 }), true);
}

/** The first frame of a peer, and what it tells. */
export interface First {
  readonly frame: Buffer;
  readonly payload: Buffer;
  readonly version: Version;
  /** Does it have thread ids? */
  readonly bound: boolean;
}

/** @throws {ProtocolError} where it is no message of RPyC */
export async function readFirst(frame: Buffer, limits: FrameLimits): Promise<First> {
  const payload = await payloadOf(frame, limits);
  for (const start of [0, THREAD_IDS]) {
    const version = versionAt(payload, start);
    if (version !== undefined) return { frame, payload, version, bound: start !== 0 };
  }
  throw new ProtocolError(`no message of RPyC: it begins with ${hex(payload, 0)}`);
}

// --- answers of our own ----------------------------------------------------------------------------------------------

const EMPTY_TUPLE = 0x02;
const UNICODE = 0x08;
const BYTES_L4 = 0x0f;
const TUP1 = 0x10;
const TUP4 = 0x13;
const INT_L1 = 0x16;
const REQUEST = 1;
const EXCEPTION = 3;

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const head = Buffer.from([UNICODE, BYTES_L4, 0, 0, 0, 0]);
  head.writeUInt32BE(bytes.length, 2);
  return Buffer.concat([head, bytes]);
}

/** The brine of a message's number, as it stands there; undefined where it is none. */
function sequenceAt(payload: Buffer, at: number): Buffer | undefined {
  const tag = payload[at] ?? 0;
  const length = tag >= 0x20 && tag <= 0xef ? 1 : tag === INT_L1 ? 2 + (payload[at + 1] ?? 0) : 0;
  return length === 0 || at + length > payload.length ? undefined : payload.subarray(at, at + length);
}

/** The answer that raises ConnectionError in whoever sent this request; undefined where it is no request. */
export function refusalOf({ payload, version, bound }: First, why: string): Buffer | undefined {
  const start = bound ? THREAD_IDS : 0;
  const message = version === 6 ? payload[start] : (payload[start + 1] as number) - IMMEDIATE;
  const sequence = sequenceAt(payload, start + TAG);
  if (message !== REQUEST || sequence === undefined) return undefined;
  // Our thread, which is any, and theirs that waits.
  const threads = bound ? [Buffer.from([0, 0, 0, 0, 0, 0, 0, 1]), payload.subarray(0, 8)] : [];
  const head = version === 6 ? [EXCEPTION, TUP2] : [TUP3, IMMEDIATE + EXCEPTION];
  const exception = [
    Buffer.from([TUP4, TUP2]),
    text('builtins'),
    text('ConnectionError'),
    Buffer.from([TUP1]),
    text(why),
    Buffer.from([EMPTY_TUPLE]),
    text(`ConnectionError: ${why}\n`),
  ];
  return frameOf(Buffer.concat([...threads, Buffer.from(head), sequence, ...exception]), false);
}
