// The server under soak. The order `look` is answered with its memory after a collection (bytes), the tables of its open connections, and
// what it has served; `stop` closes it first.
import { readdirSync } from 'node:fs';
import * as rpyc from '../../src/index.ts';
import { collect, onOrders, say } from './part.ts';

class Row {
  constructor(public n: number) {}
  exposed_twice() {
    return this.n * 2;
  }
}

class Soaked extends rpyc.Service {
  private readonly held: unknown[] = [];

  exposed_add(a: number, b: number) {
    return a + b;
  }
  exposed_echo(value: unknown) {
    return value;
  }
  exposed_make_list(length: number) {
    return Array.from({ length }, (_, i) => i);
  }
  exposed_make_row(n: number) {
    return new Row(n);
  }
  exposed_make_adder(n: number) {
    return (m: number) => n + m;
  }
  /** Keeps the last 50 things it was given. */
  exposed_hold(value: unknown) {
    this.held.push(value);
    if (this.held.length > 50) this.held.shift();
  }
  exposed_drop() {
    this.held.length = 0;
  }
  async exposed_call(callback: (value: unknown) => unknown, value: unknown) {
    return await callback(value);
  }
  async exposed_later(value: unknown) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return value;
  }
  exposed_large(size: number) {
    return Buffer.alloc(size, 7);
  }
  exposed_texts(count: number) {
    return rpyc.tuple(...Array.from({ length: count }, (_, i) => `text number ${i}`));
  }
  exposed_raise(text: string) {
    throw new rpyc.exceptions.ValueError(text);
  }
  *exposed_squares(count: number) {
    for (let i = 0; i < count; i++) yield i * i;
  }
}

/** What a look tells. Sizes in bytes. */
export interface Look {
  rss: number;
  heapUsed: number;
  external: number;
  /** Open connections. */
  open: number;
  /** Connections ever accepted. */
  accepted: number;
  /** Messages ever received. */
  messages: number;
  /** Sums over the open connections. */
  localObjects: number;
  remoteObjects: number;
  pending: number;
  queued: number;
  /** Descriptors of this process; -1 where /proc does not tell. */
  descriptors: number;
  unhandled: string[];
}

const unhandled: string[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(String(reason)));

const server = new rpyc.Server(Soaked, { logger: null, maxFrame: 32 << 20, maxInflated: 32 << 20 });
let [accepted, messages] = [0, 0];
server.on('connection', (conn) => {
  accepted++;
  conn.once('close', () => {
    messages += conn.stats.messagesIn;
  });
});
await server.start();

function descriptors(): number {
  try {
    return readdirSync(`/proc/${process.pid}/fd`).length - 1; // one of them reads the folder
  } catch {
    return -1;
  }
}

async function look(): Promise<Look> {
  await collect();
  const { rss, heapUsed, external } = process.memoryUsage();
  const all = [...server.connections].map((conn) => conn.stats);
  const sum = (key: keyof rpyc.ConnectionStats): number => all.reduce((total, stats) => total + Number(stats[key]), 0);
  return {
    rss,
    heapUsed,
    external,
    open: all.length,
    accepted,
    messages: messages + sum('messagesIn'),
    localObjects: sum('localObjects'),
    remoteObjects: sum('remoteObjects'),
    pending: sum('pending'),
    queued: sum('queued'),
    descriptors: descriptors(),
    unhandled,
  };
}

onOrders(async (order) => {
  if (order === 'stop') await server.close();
  say(await look());
});
say({ port: server.port });
