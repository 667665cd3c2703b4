// A client of the soak that blocks: one connection that stays, others that come and go. `blocking PORT`.
import * as rpyc from '../../src/index.ts';
import { type Counts, check, collect, work } from './part.ts';

const port = Number(process.argv[2]);
const counts: Counts = { calls: 0, connections: 0 };

function open(): rpyc.SyncConnection {
  counts.connections++;
  return rpyc.connectSync('127.0.0.1', port);
}

function exercise(conn: rpyc.SyncConnection, n: number): void {
  const { root } = conn;
  for (let i = 0; i < 100; i++) check(root.add(n, i) === n + i, 'add');
  for (let i = 0; i < 20; i++) check(rpyc.len(root.make_list(i)) === i, 'make_list');
  check(root.make_row(n).twice() === 2 * n, 'make_row');
  check(root.call((value: number) => root.add(value, 1), n) === n + 1, 'call');
  for (let i = 0; i < 10; i++) root.hold([i]);
  let caught: unknown;
  try {
    root.raise('blocking');
  } catch (error) {
    caught = error;
  }
  check(caught instanceof rpyc.exceptions.ValueError, 'raise');
  check([...root.squares(4)].join() === '0,1,4,9', 'squares');
  counts.calls += 160;
  if (n % 20 === 0) check(root.echo(Buffer.alloc(3_000_000, 2)).length === 3_000_000, 'echo of 3 MB');
}

const stays = open();

await work(
  counts,
  (n) => {
    exercise(stays, n);
    if (n % 10 !== 0) return;
    const passing = open();
    exercise(passing, n);
    if (n % 20 === 0) passing.close();
    else passing.async.abort();
  },
  async () => {
    stays.root.drop();
    await collect();
    stays.ping();
  },
);
