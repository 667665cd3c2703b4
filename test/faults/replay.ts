// Captured conversations of real RPyC, said again to a live peer: in their dialect, with the ids of the captured objects replaced by
// those of objects that the peer really has, and renumbered so that answers find their requests.
import { connections, type FrameVector } from '../support/vectors.ts';
import * as b from './bytes.ts';

/** How messages of one captured connection are written. */
export interface Dialect {
  readonly version: 5 | 6;
  /** What every payload begins with: empty, or two thread ids (bind_threads). */
  readonly threads: Buffer;
}

/** One captured connection, from one side. */
export interface Conversation {
  readonly id: string;
  readonly dialect: Dialect;
  readonly frames: readonly FrameVector[];
}

/** Longer payloads are left out: they say nothing new and take the time of many rounds. */
const MAX_PAYLOAD = 8192;

/** What the captured clients or servers said. */
export function conversations(from: 'client' | 'server'): Conversation[] {
  return connections
    .map(({ id, version, bound, frames }) => ({
      id,
      dialect: { version, threads: bound ? Buffer.from('00007f340328db800000000000000000', 'hex') : Buffer.alloc(0) },
      frames: frames.filter(
        ({ fromClient, payload }) => fromClient === (from === 'client') && payload.length <= MAX_PAYLOAD,
      ),
    }))
    .filter(({ frames }) => frames.length > 0);
}

/** The payload of a message in a dialect, from what bytes.ts makes. */
export const inDialect = ({ threads }: Dialect, message: Buffer): Buffer => Buffer.concat([threads, message]);

/** A message in a dialect. @throws where it is no well-formed message to its last byte */
export function readIn({ version, threads }: Dialect, payload: Buffer): b.Heard {
  const start = threads.length;
  const read = b.readBrine(payload, version === 6 ? start + 1 : start);
  if (read.end !== payload.length) throw new Error(`${payload.length - read.end} bytes after the message`);
  const [kind, seq, body] = version === 6 ? [payload[start], ...read.value] : read.value;
  if (![1, 2, 3].includes(kind)) throw new Error(`message kind ${kind}`);
  return { kind, seq, body };
}

/** Every object of its sender's that a message names. */
export function packsIn(body: unknown): b.Pack[] {
  if (!Array.isArray(body)) return [];
  const [label, pack] = body;
  if (label === 4 && Array.isArray(pack) && pack.length === 3 && typeof pack[0] === 'string')
    return [{ name: pack[0], cls: pack[1], instance: pack[2] }];
  return body.flatMap(packsIn);
}

/** Ids of the receiver's objects in a described message: references, and id_packs as values (INSPECT). */
function idsIn(described: unknown): [name: string, cls: string, instance: string][] {
  if (typeof described !== 'object' || described === null) return [];
  const form = described as Record<string, any>;
  if (form['box'] === 'local_ref') return [form['id']];
  const [name, cls, instance] = Array.isArray(form['tuple']) ? form['tuple'] : [];
  if (typeof name === 'string' && typeof cls?.int === 'string' && typeof instance?.int === 'string')
    return [[name, cls.int, instance.int]];
  return Object.values(form).flatMap(idsIn);
}

/** The payload of a captured frame in which every id of the receiver's is one that `choose` names. */
export function retargeted(vector: FrameVector, choose: (id: string, name: string) => b.Pack | undefined): Buffer {
  let { payload } = vector;
  for (const [name, cls, instance] of idsIn(vector.message)) {
    const old = b.idPack(name, BigInt(cls), BigInt(instance));
    const at = payload.indexOf(old);
    const pack = choose(instance, name);
    if (at < 0 || pack === undefined) continue;
    payload = Buffer.concat([payload.subarray(0, at), b.packOf(pack), payload.subarray(at + old.length)]);
  }
  return payload;
}

const KINDS = { request: 1, reply: 2, exception: 3 } as const;

/** A captured payload with another number. */
export function renumbered({ version, threads }: Dialect, vector: FrameVector, payload: Buffer, seq: number): Buffer {
  const kind = KINDS[vector.message.kind];
  const head = version === 6 ? Buffer.from([kind, 0x11]) : Buffer.concat([b.raw('12'), b.int(kind)]);
  const from = threads.length + head.length;
  const body = payload.subarray(from + b.int(vector.message.seq).length);
  return Buffer.concat([payload.subarray(0, from), b.int(seq), body]);
}
