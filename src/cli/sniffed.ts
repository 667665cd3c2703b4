// What a sniffer makes of one connection: messages of both directions, joined to request and answer; and the counts of all of them.
import { type Message, ObjectNames, Wiretap } from './wiretap.ts';

/** One message, as it is printed. */
export interface Passed {
  /** Seconds since the sniffer started. */
  readonly t: number;
  readonly connection: number;
  readonly from: 'client' | 'server';
  readonly kind: Message['kind'];
  readonly seq: number;
  readonly handler: string | null;
  readonly text: string;
  readonly bytes: number;
  /** Of an answer: since its request. */
  readonly ms: number | null;
  /** Of an answer: what was asked. */
  readonly asked: string | null;
}

/** Requests without an answer that are remembered, for each side. */
const MAX_PENDING = 65_536;

interface Asked {
  readonly handler: string;
  readonly at: number;
}

const OTHER = { client: 'server', server: 'client' } as const;

export class Conversation {
  readonly number: number;
  private readonly say: (passed: Passed) => void;
  private readonly complain: (why: string) => void;
  private readonly taps: { client: Wiretap; server: Wiretap };
  private readonly pending = { client: new Map<number, Asked>(), server: new Map<number, Asked>() };
  private complained = false;

  constructor(number: number, say: (passed: Passed) => void, complain: (why: string) => void) {
    this.number = number;
    this.say = say;
    this.complain = complain;
    const names = new ObjectNames();
    this.taps = {
      client: new Wiretap(names, (message) => this.told('client', message)),
      server: new Wiretap(names, (message) => this.told('server', message)),
    };
  }

  pass(from: 'client' | 'server', chunk: Uint8Array): void {
    const tap = this.taps[from];
    tap.feed(chunk);
    if (tap.broken === undefined || this.complained) return;
    this.complained = true;
    this.complain(`what the ${from} says is not RPyC (${tap.broken})`);
  }

  close(): void {
    this.taps.client.close();
    this.taps.server.close();
  }

  private told(from: 'client' | 'server', { kind, seq, handler, text, bytes }: Message): void {
    const now = performance.now();
    let asked: Asked | undefined;
    if (handler !== undefined) {
      const pending = this.pending[from];
      if (pending.size >= MAX_PENDING) pending.delete(pending.keys().next().value as number);
      pending.set(seq, { handler, at: now });
    } else {
      const pending = this.pending[OTHER[from]];
      asked = pending.get(seq);
      pending.delete(seq);
    }
    this.say({
      t: rounded(now / 1000),
      connection: this.number,
      from,
      kind,
      seq,
      handler: handler ?? null,
      text,
      bytes,
      ms: asked === undefined ? null : rounded(now - asked.at),
      asked: asked?.handler ?? null,
    });
  }
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000;

interface Row {
  requests: number;
  answered: number;
  exceptions: number;
  ms: number;
  max: number;
}

/** Handlers counted by themselves; a peer may invent numbers. */
const MAX_ROWS = 64;

export class Tally {
  private readonly rows = new Map<string, Row>();
  private readonly traffic = { client: { messages: 0, bytes: 0 }, server: { messages: 0, bytes: 0 } };

  add({ from, kind, handler, asked, bytes, ms }: Passed): void {
    this.traffic[from].messages++;
    this.traffic[from].bytes += bytes;
    if (handler !== null) this.row(handler).requests++;
    else if (asked !== null) {
      const row = this.row(asked);
      row.answered++;
      if (kind === 'exception') row.exceptions++;
      row.ms += ms ?? 0;
      row.max = Math.max(row.max, ms ?? 0);
    }
  }

  private row(handler: string): Row {
    const key = this.rows.has(handler) || this.rows.size < MAX_ROWS ? handler : 'others';
    let row = this.rows.get(key);
    if (row === undefined) this.rows.set(key, (row = { requests: 0, answered: 0, exceptions: 0, ms: 0, max: 0 }));
    return row;
  }

  /** For programs; times in ms. */
  get summary(): object {
    const handlers = [...this.rows].map(([handler, { requests, answered, exceptions, ms, max }]) => ({
      handler,
      requests,
      answered,
      exceptions,
      avg: answered === 0 ? null : rounded(ms / answered),
      max: answered === 0 ? null : max,
    }));
    return { from: this.traffic, handlers };
  }

  text(): string {
    const { client, server } = this.traffic;
    const lines = [
      `from clients ${client.messages} messages, ${client.bytes} B; from servers ${server.messages} messages, ${server.bytes} B`,
    ];
    for (const [handler, { requests, answered, exceptions, ms, max }] of this.rows) {
      const times = answered === 0 ? '' : `, avg/max = ${rounded(ms / answered)}/${max} ms`;
      lines.push(`  ${handler}: ${requests} requests, ${answered} answered, ${exceptions} exceptions${times}`);
    }
    return lines.join('\n');
  }
}
