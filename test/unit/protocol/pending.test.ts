// The table of pending requests: what waits long costs no more than what waits short.
import { expect, test } from 'vitest';
import { PendingTable } from '../../../src/protocol/pending.ts';
import { Waiter } from '../../../src/refs/waiter.ts';

const waiters = (count: number): Waiter[] => Array.from({ length: count }, () => new Waiter('sync'));

test('a call that is never answered does not make the table grow with the calls that pass it', () => {
  const table = new PendingTable();
  const [first, second] = waiters(2) as [Waiter, Waiter];
  table.add(0, first);
  table.add(1, second);
  for (let seq = 2; seq < 100_000; seq++) {
    const waiter = new Waiter('sync');
    table.add(seq, waiter);
    expect(table.take(seq)).toBe(waiter);
  }
  expect(table.room).toBe(8);
  expect(table.size).toBe(2);
  expect(table.take(1)).toBe(second);
  expect(table.take(1)).toBeUndefined();
  expect(table.takeAll()).toEqual([first]);
  expect(table.size).toBe(0);
});

test('calls that are pending together are found, in whatever order they are answered, and all end oldest first', () => {
  const table = new PendingTable();
  const all = waiters(3000);
  for (const [seq, waiter] of all.entries()) table.add(seq * 7, waiter);
  expect(table.size).toBe(3000);
  for (let i = 2999; i > 0; i -= 3) expect(table.take(i * 7)).toBe(all[i]);
  expect(table.size).toBe(2000);
  expect(table.takeAll()).toEqual(all.filter((_, i) => i % 3 !== 2));
});

test('a seq that nobody waits for is nobody, though its slot is taken', () => {
  const table = new PendingTable();
  const waiter = new Waiter('sync');
  table.add(3, waiter);
  expect(table.take(11)).toBeUndefined();
  expect(table.take(3)).toBe(waiter);
});
