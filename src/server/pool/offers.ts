// Accepted descriptors, offered to the workers. Owns each from its accept until a worker has taken it. A word of shared memory per descriptor
// holds the mark of the worker that it is offered to; whoever exchanges that for 0 has it: the worker takes it, or we withdraw it.
import type { MessagePort } from 'node:worker_threads';
import { closeDescriptor } from '../../native/socket.ts';
import { type Board, Word } from './board.ts';

/** Descriptors that can be offered: the largest number of one. Memory is used by those alone that occur. */
export const DESCRIPTORS = 1 << 20;

/** An offer that is not taken for so long is withdrawn and made to another worker, ms. */
const PATIENCE = 50;
/** How often the offers are looked at while there are any, ms. */
const LOOK = 25;
/** Offers at a time: with more, nothing is accepted until half of them are taken. */
const MOST = 1024;

interface Taker {
  readonly mark: number;
  readonly port: MessagePort;
  readonly words: Int32Array;
  /** Connections that it was given, less those that were withdrawn. */
  given: number;
  /** Its TURN when it had not looked at an offer in time. Until that changes it is late. */
  late: number | undefined;
}

interface Offer {
  readonly taker: Taker;
  readonly at: number;
}

export class Offers {
  private readonly marks: Int32Array;
  private readonly onFull: (full: boolean) => void;
  private readonly takers = new Map<number, Taker>();
  /** By descriptor, oldest first. */
  private readonly open = new Map<number, Offer>();
  /** There is no worker to offer them to, while all are being replaced. */
  private waiting: number[] = [];
  private timer: NodeJS.Timeout | undefined;
  private full = false;
  private next = 0;

  /** @param onFull there are too many offers; there are few again */
  constructor(marks: Int32Array, onFull: (full: boolean) => void) {
    this.marks = marks;
    this.onFull = onFull;
  }

  add(mark: number, port: MessagePort, { words }: Board): void {
    this.takers.set(mark, { mark, port, words, given: 0, late: undefined });
    const { waiting } = this;
    this.waiting = [];
    for (const fd of waiting) this.offer(fd);
  }

  /** A worker is gone. What it had not taken is offered to others. */
  remove(mark: number): void {
    const taker = this.takers.get(mark);
    if (taker === undefined) return;
    this.takers.delete(mark);
    taker.port.close();
    for (const [fd, offer] of [...this.open]) if (offer.taker === taker && this.withdraw(fd, taker)) this.offer(fd);
  }

  /** Connections that are served or offered. */
  get connections(): number {
    let sum = this.waiting.length;
    for (const taker of this.takers.values()) sum += loadOf(taker);
    return sum;
  }

  offer(fd: number): void {
    const taker = this.leastLoaded(isPunctual) ?? this.leastLoaded(isAny);
    if (taker === undefined) this.waiting.push(fd);
    else this.give(fd, taker);
    if (!this.full && this.open.size + this.waiting.length >= MOST) this.look();
    this.weigh();
  }

  private give(fd: number, taker: Taker): void {
    taker.given = (taker.given + 1) | 0;
    // An older offer of the same number was taken, or it could not be accepted again.
    this.open.delete(fd);
    this.open.set(fd, { taker, at: performance.now() });
    Atomics.store(this.marks, fd, taker.mark);
    taker.port.postMessage(fd);
    this.timer ??= setInterval(() => this.look(), LOOK);
  }

  /** True: it is ours again. */
  private withdraw(fd: number, taker: Taker): boolean {
    this.open.delete(fd);
    if (Atomics.compareExchange(this.marks, fd, taker.mark, 0) !== taker.mark) return false;
    taker.given = (taker.given - 1) | 0;
    return true;
  }

  /** The next of those with the fewest connections. */
  private leastLoaded(may: (taker: Taker) => boolean, not?: Taker): Taker | undefined {
    const takers = [...this.takers.values()];
    let found: Taker | undefined;
    let least = 0;
    for (let step = 0; step < takers.length; step++) {
      const taker = takers[(this.next + step) % takers.length];
      if (taker === not || !may(taker)) continue;
      const load = loadOf(taker);
      if (found !== undefined && load >= least) continue;
      found = taker;
      least = load;
    }
    this.next++;
    return found;
  }

  private look(): void {
    const due = performance.now() - PATIENCE;
    const overdue: [number, Taker][] = [];
    for (const [fd, { taker, at }] of [...this.open]) {
      // Read before the mark: a worker that looks at the offer after that raises it.
      const turn = Atomics.load(taker.words, Word.TURN);
      if (Atomics.load(this.marks, fd) !== taker.mark) this.open.delete(fd);
      else if (at <= due) {
        taker.late = turn;
        overdue.push([fd, taker]);
      }
    }
    // By now it is known who all are late.
    for (const [fd, taker] of overdue) {
      const other = this.leastLoaded(isPunctual, taker);
      if (other !== undefined && this.withdraw(fd, taker)) this.give(fd, other);
    }
    this.weigh();
    if (this.open.size !== 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private weigh(): void {
    const count = this.open.size + this.waiting.length;
    const full = this.full ? count > MOST / 2 : count >= MOST;
    if (full === this.full) return;
    this.full = full;
    this.onFull(full);
  }

  /** Withdraws what is not taken, and closes it. */
  close(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    for (const [fd, { taker }] of [...this.open]) if (this.withdraw(fd, taker)) closeDescriptor(fd);
    for (const fd of this.waiting) closeDescriptor(fd);
    this.waiting = [];
    for (const { port } of this.takers.values()) port.close();
    this.takers.clear();
  }
}

const loadOf = ({ given, words }: Taker): number => (given - Atomics.load(words, Word.ENDED)) | 0;

const isAny = (): boolean => true;

const isPunctual = ({ late, words }: Taker): boolean => late === undefined || late !== Atomics.load(words, Word.TURN);
