// test/fixtures/zerorpc-vectors.json: what real ZeroRPC sockets sent and received; and a codec that knows the payloads in there.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/setup.mjs';
import type { Codec } from '../../src/zerorpc/event.ts';

/** A ZeroMQ message, as the socket of one end saw it. */
export interface Seen {
  /** Seconds since the scenario began. */
  t: number;
  at: 'client' | 'server';
  dir: 'send' | 'recv';
  /** At a ROUTER with the identity in front. */
  frames: Buffer[];
  /** The payload, decoded; bin values are Uint8Arrays. */
  event: [header: Record<string, unknown>, name: string, args: unknown];
}

export interface Scenario {
  name: string;
  note: string;
  /** What the Python client got; `{$raised: [class, message, …]}`. */
  clientSaw: any;
  messages: Seen[];
}

const document: any = JSON.parse(
  readFileSync(join(root, 'test/fixtures/zerorpc-vectors.json'), 'utf8'),
  (_key, value) => (typeof value?.$bin === 'string' ? new Uint8Array(Buffer.from(value.$bin, 'hex')) : value),
);

export const SCENARIOS: readonly Scenario[] = Object.entries<any>(document.zerorpc).map(([name, scenario]) => ({
  name,
  note: scenario.note,
  clientSaw: scenario.client_saw,
  messages: scenario.messages.map((message: any) => ({
    ...message,
    frames: message.frames.map((hex: string) => Buffer.from(hex, 'hex')),
  })),
}));

export function scenario(name: string): Scenario {
  const found = SCENARIOS.find((each) => each.name === name);
  if (!found) throw new Error(`no scenario ${name}`);
  return found;
}

/** Values as text, the order of keys included. */
const textOf = (value: unknown) =>
  JSON.stringify(value, (_key, each) =>
    each instanceof Uint8Array ? { $bin: Buffer.from(each).toString('hex') } : (each as unknown),
  );

/** msgpack by heart: exactly the captured events and their bytes. */
export function taped(scenarios: readonly Scenario[]): Codec {
  const payloads = new Map<string, Uint8Array>();
  const events = new Map<string, unknown>();
  for (const { frames, event } of scenarios.flatMap(({ messages }) => messages)) {
    const payload = frames.at(-1) ?? Buffer.alloc(0);
    payloads.set(textOf(event), payload);
    events.set(payload.toString('hex'), event);
  }
  const known = <T>(found: T | undefined, what: string): T => {
    if (found === undefined) throw new Error(`not on the tape: ${what}`);
    return found;
  };
  return {
    encode: (value) => known(payloads.get(textOf(value)), textOf(value)),
    decode: (bytes) => {
      const hex = Buffer.from(bytes).toString('hex');
      return known(events.get(hex), hex);
    },
  };
}
