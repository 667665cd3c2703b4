// Events: what ZeroRPC puts into a ZeroMQ message. `[header, name, args]` in msgpack, behind the sender's identity and an empty part
// where the socket is a DEALER or ROUTER. The codec is somebody else's. Answers to events.py.
import { EventError } from './errors.ts';

/** An id of an event: 32 ASCII bytes from Python, text from Node. It goes back in the type in which it came. */
export type Id = string | Uint8Array;

/** The header; further keys belong to middleware. */
export interface Header {
  readonly message_id?: Id;
  /** The protocol's version; absent: 1. */
  readonly v?: number;
  /** The id of the channel's first event; absent on that one itself. */
  readonly response_to?: Id;
  readonly [key: string]: unknown;
}

export interface Event {
  readonly header: Header;
  readonly name: string;
  /** Anything; a list of arguments in a request. */
  readonly args: unknown;
  /** The way back to the peer: the parts before the empty one. Empty where the socket knows its peer. */
  readonly identity: readonly Uint8Array[];
}

/** msgpack, or what a test puts in its place. Text is str, a Uint8Array is bin, a plain object is a map with str keys. */
export interface Codec {
  encode(value: unknown): Uint8Array;
  /** Throws where the bytes are no value, or more than one. */
  decode(bytes: Uint8Array): unknown;
}

/** Longest way back that is taken: a hop per part. */
const MAX_HOPS = 16;

const EMPTY = new Uint8Array(0);

/** The parts of the ZeroMQ message. `addressed`: the socket is a DEALER or ROUTER. */
export function toParts(event: Event, addressed: boolean, codec: Codec): Uint8Array[] {
  const payload = codec.encode([event.header, event.name, event.args]);
  return addressed ? [...event.identity, EMPTY, payload] : [payload];
}

/** The event in a ZeroMQ message. Throws an EventError: to be dropped. */
export function fromParts(parts: readonly Uint8Array[], codec: Codec): Event {
  const payload = parts.at(-1);
  if (payload === undefined) throw new EventError('an event needs a payload');
  if (parts.length > MAX_HOPS + 2) throw new EventError(`an event with ${parts.length} parts exceeds ${MAX_HOPS + 2}`);
  let value: unknown;
  try {
    value = codec.decode(payload);
  } catch (cause) {
    throw new EventError(`an event of ${payload.length} bytes cannot be decoded`, { cause });
  }
  if (!Array.isArray(value) || value.length !== 3)
    throw new EventError('an event is an array of header, name and args');
  const [header, name, args] = value as [unknown, unknown, unknown];
  if (typeof name !== 'string') throw new EventError('the name of an event is a str');
  return { header: isMap(header) ? header : {}, name, args, identity: wayBack(parts) };
}

/** A ROUTER's message is [identity…, "", payload], a DEALER's ["", payload]; two parts without an empty one come from an odd peer. */
function wayBack(parts: readonly Uint8Array[]): readonly Uint8Array[] {
  if (parts.length > 2) return parts.slice(0, -2);
  return parts.length === 2 && parts[0] !== undefined && parts[0].length > 0 ? [parts[0]] : [];
}

function isMap(value: unknown): value is Header {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

/** A key for a Map: ids of both types are kept apart. Undefined: no id that can be echoed. */
export function idKey(id: unknown): string | undefined {
  if (typeof id === 'string') return `s${id}`;
  if (id instanceof Uint8Array) return `b${Buffer.from(id.buffer, id.byteOffset, id.length).toString('latin1')}`;
  return undefined;
}
