// Damage to frames, by dice that fall the same way for the same seed: flipped bits, cuts, splices, lies about lengths, counts and
// compression, and nests. Each takes the payload of a good frame and gives bytes for the wire.
import { deflateSync } from 'node:zlib';
import { frame } from '../support/scripted-peer.ts';

/** Seeded randomness (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to under 1. */
  roll(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to under `n`. */
  below(n: number): number {
    return Math.floor(this.roll() * n);
  }

  chance(p: number): boolean {
    return this.roll() < p;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  bytes(n: number): Buffer {
    return Buffer.from(Array.from({ length: n }, () => this.below(256)));
  }
}

/** Bytes for the wire from the payload of a good frame; `other` is another payload of the same conversation. */
export type Mutation = (payload: Buffer, dice: Dice, other: Buffer) => Buffer;

const HUGE = [0xffff_ffff, 0x8000_0000, 0x7fff_ffff, 0x00ff_ffff, 0x0010_0000, 0x0000_ffff];
const BOMB = deflateSync(Buffer.alloc(8 << 20));

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};

function replaced(payload: Buffer, from: number, to: number, ...by: Buffer[]): Buffer {
  return Buffer.concat([payload.subarray(0, from), ...by, payload.subarray(to)]);
}

/** Two places of a payload, in order and not far apart. */
function stretch(payload: Buffer, dice: Dice): [from: number, to: number] {
  const from = dice.below(payload.length + 1);
  return [from, Math.min(payload.length, from + dice.below(40))];
}

function flipped(bytes: Buffer, dice: Dice): Buffer {
  const copy = Buffer.from(bytes);
  for (let n = 1 + dice.below(8); n > 0 && copy.length > 0; n--) {
    const at = dice.below(copy.length);
    copy[at] = (copy[at] as number) ^ (1 << dice.below(8));
  }
  return copy;
}

/** Places where the head of a tuple, string, bytes or int may stand. */
function heads(payload: Buffer): number[] {
  return [...payload.keys()].filter((at) => (payload[at] as number) >= 0x0a && (payload[at] as number) <= 0x1b);
}

function withLength(payload: Buffer, length: number): Buffer {
  const bytes = frame(payload);
  bytes.writeUInt32BE(length >>> 0);
  return bytes;
}

/** Every kind of damage, by its name. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'bits flipped': (payload, dice) => frame(flipped(payload, dice)),
  'a byte that is another tag': (payload, dice) => {
    const at = dice.below(payload.length);
    return frame(replaced(payload, at, at + 1, Buffer.from([dice.chance(0.9) ? dice.below(0x1c) : 0xff])));
  },
  'payload cut off': (payload, dice) => frame(payload.subarray(0, dice.below(payload.length))),
  'a piece cut out': (payload, dice) => frame(replaced(payload, ...stretch(payload, dice))),
  'a piece twice': (payload, dice) => {
    const [from, to] = stretch(payload, dice);
    return frame(replaced(payload, to, to, payload.subarray(from, to)));
  },
  'bytes put in': (payload, dice) => {
    const [at] = stretch(payload, dice);
    return frame(replaced(payload, at, at, dice.bytes(1 + dice.below(12))));
  },
  'spliced with another': (payload, dice, other) =>
    frame(Buffer.concat([payload.subarray(0, dice.below(payload.length)), other.subarray(dice.below(other.length))])),
  'a huge count': (payload, dice) => {
    const at = dice.pick(heads(payload)) ?? 0;
    const tag = dice.pick([0x15, 0x15, 0x0f, 0x17]);
    return frame(replaced(payload, at, at + 1, Buffer.from([tag]), u32(dice.pick(HUGE))));
  },
  'a deep nest': (payload, dice) => {
    const at = dice.pick(heads(payload)) ?? 0;
    const nest = Buffer.alloc(dice.pick([20, 390, 401, 5000]), dice.pick([0x10, 0x11, 0x1a]));
    return frame(replaced(payload, at, at + dice.below(2), nest, Buffer.from([2])));
  },
  'a length that lies': (payload, dice) => {
    const n = payload.length;
    return withLength(payload, dice.pick([n - 1, n + 1, n + dice.below(64), n - dice.below(n), 0, 2 * n, ...HUGE]));
  },
  'a flag that lies': (payload, dice) => frame(payload, 1 + dice.below(255)),
  'honest compression': (payload) => frame(deflateSync(payload), 1),
  'broken compression': (payload, dice) => {
    const whole = deflateSync(payload);
    return frame(dice.chance(0.5) ? flipped(whole, dice) : whole.subarray(0, dice.below(whole.length)), 1);
  },
  'compression not told': (payload) => frame(deflateSync(payload), 0),
  'a zip bomb': () => frame(BOMB, 1),
  'another flusher': (payload, dice) => {
    const bytes = frame(payload);
    bytes[bytes.length - 1] = dice.below(256);
    return bytes;
  },
  'a frame cut off': (payload, dice) => frame(payload).subarray(0, dice.below(payload.length + 6)),
  'a frame twice': (payload) => Buffer.concat([frame(payload), frame(payload)]),
  'an empty frame': () => frame(''),
  noise: (_payload, dice) => dice.bytes(1 + dice.below(64)),
};

const NAMES = Object.keys(MUTATIONS);

/** One of the mutations. */
export function mutate(payload: Buffer, dice: Dice, other: Buffer): Buffer {
  return (MUTATIONS[dice.pick(NAMES)] as Mutation)(payload, dice, other);
}
