// The hand-off of descriptors by itself: marks in shared memory, late workers, withdrawal, bounds. Workers are played by their ports.
import { openSync } from 'node:fs';
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { type Board, newBoard, Word } from '../../../src/server/pool/board.ts';
import { Offers } from '../../../src/server/pool/offers.ts';

interface Played {
  readonly mark: number;
  readonly board: Board;
  readonly port: MessagePort;
  /** The next offer that arrived: was it still ours? */
  take(): [fd: number, taken: boolean] | undefined;
  /** A connection of it is over. */
  end(): void;
}

function setUp(workers: number) {
  const marks = new Int32Array(new SharedArrayBuffer(4 * 4096));
  const full: boolean[] = [];
  const offers = new Offers(marks, (is) => full.push(is));
  onTestFinished(() => offers.close());
  const join = (mark: number): Played => {
    const { port1, port2 } = new MessageChannel();
    const board = newBoard();
    offers.add(mark, port1, board);
    return {
      mark,
      board,
      port: port2,
      take() {
        const message = receiveMessageOnPort(port2);
        if (message === undefined) return undefined;
        const taken = Atomics.compareExchange(marks, message.message, mark, 0) === mark;
        Atomics.add(board.words, Word.TURN, 1);
        return [message.message, taken];
      },
      end: () => void Atomics.add(board.words, Word.ENDED, 1),
    };
  };
  const all = Array.from({ length: workers }, (_, index) => join(index + 1));
  return { marks, offers, full, all: all as [Played, Played, Played], join };
}

/** A descriptor that may be closed. */
const descriptor = (): number => openSync('/dev/null', 'r');

const patience = () => new Promise((resolve) => setTimeout(resolve, 120));

test('offers go to the worker with the fewest connections, by turns where they are equal', () => {
  const { offers, all, marks } = setUp(3);
  for (let fd = 100; fd < 106; fd++) offers.offer(fd);
  expect([...marks.subarray(100, 106)].sort()).toEqual([1, 1, 2, 2, 3, 3]);
  for (const worker of all) while (worker.take() !== undefined);
  all[1].end();
  all[1].end();
  offers.offer(106);
  offers.offer(107);
  expect([marks[106], marks[107]]).toEqual([2, 2]);
  expect(offers.connections).toBe(6);
  while (all[1].take() !== undefined);
});

test('an offer that is not taken in time goes to another worker, and the first one finds it withdrawn', async () => {
  const { offers, all, marks } = setUp(2);
  const [late, other] = all;
  offers.offer(100);
  expect(marks[100]).toBe(late.mark);
  await patience();
  expect(marks[100]).toBe(other.mark);
  expect(other.take()).toEqual([100, true]);
  expect(late.take()).toEqual([100, false]);
  expect(offers.connections).toBe(1);
});

test('a late worker gets nothing until it has looked, and then takes its part again', async () => {
  const { offers, all, marks } = setUp(2);
  const [late, other] = all;
  offers.offer(100);
  while (marks[100] === late.mark) await new Promise((resolve) => setImmediate(resolve));
  for (const fd of [101, 102, 103]) offers.offer(fd);
  expect([...marks.subarray(100, 104)]).toEqual([2, 2, 2, 2]);
  while (other.take() !== undefined);
  late.take();
  for (const fd of [104, 105, 106]) offers.offer(fd);
  expect([...marks.subarray(104, 107)]).toEqual([1, 1, 1]);
  while (late.take() !== undefined);
  expect(offers.connections).toBe(7);
});

test('when all are late offers stay where they are, without a message more, and go to the first that has looked', async () => {
  const { offers, all, marks } = setUp(2);
  const [one, two] = all;
  for (const fd of [100, 101, 102, 103]) offers.offer(fd);
  await patience();
  await patience();
  expect([...marks.subarray(100, 104)].sort()).toEqual([1, 1, 2, 2]);
  expect([one.take()?.[1], one.take()?.[1], one.take()]).toEqual([true, true, undefined]);
  while (marks.subarray(100, 104).includes(two.mark)) await new Promise((resolve) => setImmediate(resolve));
  expect([one.take()?.[1], one.take()?.[1], one.take()]).toEqual([true, true, undefined]);
  expect(two.take()?.[1]).toBe(false);
  expect(offers.connections).toBe(4);
});

test('what a worker that is gone had not taken is offered to others; without any it waits for the next', () => {
  const { offers, all, marks, join } = setUp(2);
  for (const fd of [100, 101, 102, 103]) offers.offer(fd);
  offers.remove(1);
  expect([...marks.subarray(100, 104)]).toEqual([2, 2, 2, 2]);
  expect(all[1].take()?.[1]).toBe(true);
  offers.remove(2);
  expect([...marks.subarray(100, 104)]).toEqual([0, 0, 0, 0]);
  expect(offers.connections).toBe(3);
  const next = join(3);
  expect(Array.from({ length: 4 }, () => next.take()?.[1])).toEqual([true, true, true, undefined]);
});

test('a message of an older offer takes a newer one of the same descriptor, once', async () => {
  const { offers, all, marks } = setUp(2);
  const [one, two] = all;
  offers.offer(100);
  await patience();
  expect(two.take()).toEqual([100, true]);
  two.end();
  // The system gives the number again, before the first worker has looked; the second is gone.
  offers.remove(2);
  offers.offer(100);
  expect(marks[100]).toBe(one.mark);
  expect([one.take(), one.take(), one.take()]).toEqual([[100, true], [100, false], undefined]);
  expect(offers.connections).toBe(1);
});

test('1024 open offers are too many, until half of them are taken', async () => {
  const { offers, all, full } = setUp(1);
  for (let fd = 1000; fd < 2023; fd++) offers.offer(fd);
  expect(full).toEqual([]);
  offers.offer(2023);
  expect(full).toEqual([true]);
  for (let n = 0; n < 511; n++) all[0].take();
  await patience();
  expect(full).toEqual([true]);
  all[0].take();
  await patience();
  expect(full).toEqual([true, false]);
  while (all[0].take() !== undefined);
});

test('close closes what nobody has taken, and nothing else', () => {
  const { offers, all, marks } = setUp(1);
  const [mine, theirs] = [descriptor(), descriptor()];
  offers.offer(theirs);
  expect(all[0].take()).toEqual([theirs, true]);
  offers.offer(mine);
  offers.close();
  expect(marks[mine]).toBe(0);
  expect(descriptor()).toBe(mine);
});
