// Requests of ours that wait for their answer, by seq. Owns the table; who is told is refs/waiter.ts. Answers to Connection._request_callbacks.
import type { Pending } from '../refs/waiter.ts';

/**
 * Pending requests by seq. A ring indexed by the low bits of seq: seqs count up, so two that are pending rarely collide. Where they do, the
 * ring doubles if it is half full; else the older one is a straggler, which waits for long while others come and go, and is moved to a Map.
 * (A Map alone shrinks and grows with every blocking call; a ring alone would grow with the calls that pass a straggler.)
 */
export class PendingTable {
  // Eight at first: a server has thousands of connections, and most of them ask their clients nothing.
  private slots: (Pending | undefined)[] = new Array(8).fill(undefined);
  private seqs = new Float64Array(8);
  /** Of the ring. */
  private count = 0;
  private readonly stragglers = new Map<number, Pending>();

  get size(): number {
    return this.count + this.stragglers.size;
  }

  /** Entries that the ring has room for; grows with the calls that are pending together, not with those that were made. */
  get room(): number {
    return this.slots.length;
  }

  add(seq: number, pending: Pending): void {
    let at = seq & (this.slots.length - 1);
    while (this.slots[at] !== undefined) {
      if (this.count * 2 < this.slots.length) this.setAside(at);
      else this.grow();
      at = seq & (this.slots.length - 1);
    }
    this.slots[at] = pending;
    this.seqs[at] = seq;
    this.count++;
  }

  private setAside(at: number): void {
    this.stragglers.set(this.seqs[at], this.slots[at] as Pending);
    this.slots[at] = undefined;
    this.count--;
  }

  /** Removes and returns; undefined where nobody waits for this seq. */
  take(seq: number): Pending | undefined {
    const at = seq & (this.slots.length - 1);
    const pending = this.slots[at];
    if (pending === undefined || this.seqs[at] !== seq) return this.takeStraggler(seq);
    this.slots[at] = undefined;
    this.count--;
    return pending;
  }

  private takeStraggler(seq: number): Pending | undefined {
    if (this.stragglers.size === 0) return undefined;
    const pending = this.stragglers.get(seq);
    this.stragglers.delete(seq);
    return pending;
  }

  /** Removes and returns all, oldest first. */
  takeAll(): Pending[] {
    const taken = [...this.stragglers, ...this.entries()].sort(([a], [b]) => a - b).map(([, pending]) => pending);
    this.slots.fill(undefined);
    this.stragglers.clear();
    this.count = 0;
    return taken;
  }

  private entries(): [number, Pending][] {
    const entries: [number, Pending][] = [];
    for (const [at, pending] of this.slots.entries()) if (pending !== undefined) entries.push([this.seqs[at], pending]);
    return entries;
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
