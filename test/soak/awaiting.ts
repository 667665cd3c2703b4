// A client of the soak that awaits: two connections that stay, many that come and go, calls in flight together. `awaiting PORT`.
import * as rpyc from '../../src/index.ts';
import { type Counts, check, collect, work } from './part.ts';

const port = Number(process.argv[2]);
const counts: Counts = { calls: 0, connections: 0 };

async function open(): Promise<rpyc.Connection> {
  counts.connections++;
  return rpyc.connect('127.0.0.1', port);
}

/** One of everything, on one connection. */
async function exercise(conn: rpyc.Connection, n: number): Promise<void> {
  const root = await conn.root;
  const sums = await Promise.all(Array.from({ length: 64 }, (_, i) => root.add(n, i)));
  check(sums[63] === n + 63, 'add');
  const lists = await Promise.all(Array.from({ length: 16 }, (_, i) => root.make_list(i)));
  check((await rpyc.len(lists[7])) === 7, 'make_list');
  check((await rpyc.toArray(lists[5])).join() === '0,1,2,3,4', 'toArray');
  const row = await root.make_row(n);
  check((await row.twice()) === 2 * n, 'make_row');
  check((await (await root.make_adder(n))(1)) === n + 1, 'make_adder');
  check((await root.call(async (value: number) => (await root.add(value, 1)) * 2, n)) === (n + 1) * 2, 'call');
  await Promise.all(Array.from({ length: 20 }, (_, i) => root.hold({ i })));
  check((await root.later('text')) === 'text', 'later');
  const failed = await root.raise(`round ${n}`).catch((error: unknown) => error);
  check(failed instanceof rpyc.exceptions.ValueError && failed.message.includes(`round ${n}`), 'raise');
  let total = 0;
  for await (const square of await root.squares(5)) total += square as number;
  check(total === 30, 'squares');
  counts.calls += 64 + 16 + 30;
  if (n % 10 === 0) {
    check((await root.echo(Buffer.alloc(1_000_000, 1))).length === 1_000_000, 'echo of a megabyte');
    check((await root.large(2_000_000)).length === 2_000_000, 'large');
    check((await root.texts(5000)).length === 5000, 'texts');
    check((await root.echo('ä'.repeat(300_000))).length === 300_000, 'echo of text');
    counts.calls += 4;
  }
}

const [first, second] = [await open(), await open()];

await work(
  counts,
  async (n) => {
    await Promise.all([exercise(first, n), exercise(second, n)]);
    if (n % 5 !== 0) return;
    const passing = await Promise.all([open(), open(), open()]);
    await Promise.all(passing.map((conn) => exercise(conn, n)));
    // In order, without a goodbye, and with calls that are never answered.
    await passing[0].close();
    passing[1].abort();
    const lost = passing[2].root.later(1).catch((error: unknown) => error);
    passing[2].abort();
    check((await lost) instanceof rpyc.EOFError, 'a call of an aborted connection');
  },
  async () => {
    for (const conn of [first, second]) await conn.root.drop();
    await collect();
    await Promise.all([first.ping(), second.ping()]);
  },
);
