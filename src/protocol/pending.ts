// Requests of ours that wait for their answer, by seq. Owns the table; who is told is refs/waiter.ts. Answers to Connection._request_callbacks.
import type { Pending } from '../refs/waiter.ts';

/**
 * Pending requests by seq. A ring indexed by the low bits of seq: seqs count up, so two that are pending rarely collide, and where they do
 * the ring doubles. (A Map shrinks and grows with every blocking call.)
 */
export class PendingTable {
  // Eight at first: a server has thousands of connections, and most of them ask their clients nothing.
  private slots: (Pending | undefined)[] = new Array(8).fill(undefined);
  private seqs = new Float64Array(8);
  private count = 0;

  get size(): number {
    return this.count;
  }

  add(seq: number, pending: Pending): void {
    let at = seq & (this.slots.length - 1);
    while (this.slots[at] !== undefined) {
      this.grow();
      at = seq & (this.slots.length - 1);
    }
    this.slots[at] = pending;
    this.seqs[at] = seq;
    this.count++;
  }

  /** Removes and returns; undefined where nobody waits for this seq. */
  take(seq: number): Pending | undefined {
    const at = seq & (this.slots.length - 1);
    const pending = this.slots[at];
    if (pending === undefined || this.seqs[at] !== seq) return undefined;
    this.slots[at] = undefined;
    this.count--;
    return pending;
  }

  /** Removes and returns all, oldest first. */
  takeAll(): Pending[] {
    const taken = this.entries().map(([, pending]) => pending);
    this.slots.fill(undefined);
    this.count = 0;
    return taken;
  }

  private entries(): [number, Pending][] {
    const entries: [number, Pending][] = [];
    for (const [at, pending] of this.slots.entries()) if (pending !== undefined) entries.push([this.seqs[at], pending]);
    return entries.sort(([a], [b]) => a - b);
  }

  private grow(): void {
    const entries = this.entries();
    const size = this.slots.length * 2;
    this.slots = new Array(size).fill(undefined);
    this.seqs = new Float64Array(size);
    this.count = 0;
    for (const [seq, pending] of entries) this.add(seq, pending);
  }
}
