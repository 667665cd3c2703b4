// Requests of ours that wait for their answer. Answers to rpyc/core/async_.py.

import type { Face } from '../refs/holder.ts';
import type { Limits } from './limits.ts';

/** Who is told the answer of one request, exactly once. */
export interface Pending {
  /** How references in the answer are to be seen. */
  readonly face: Face;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** The pending side of a blocking call. */
export class Waiter implements Pending {
  readonly face: Face;
  done = false;
  private failed = false;
  private value: unknown = undefined;

  constructor(face: Face) {
    this.face = face;
  }

  resolve(value: unknown): void {
    this.done = true;
    this.value = value;
  }

  reject(error: unknown): void {
    this.done = true;
    this.failed = true;
    this.value = error;
  }

  /** The answer; only after `done`. @throws what the remote code raised */
  result(): unknown {
    if (this.failed) throw this.value;
    return this.value;
  }
}

/** The pending side of an awaited call. */
export class PromisePending implements Pending {
  readonly face: Face;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;

  constructor(face: Face, resolve: (value: unknown) => void, reject: (error: unknown) => void) {
    this.face = face;
    this.resolve = resolve;
    this.reject = reject;
  }
}

/** The pending side of an awaited call that may be given up before its answer. */
export class LimitedPending implements Pending {
  readonly face: Face;
  private readonly accept: (value: unknown) => void;
  private readonly refuse: (error: unknown) => void;
  private readonly stop: () => void;

  /** @param forget takes it out of the table: what is answered afterwards is given back */
  constructor(
    face: Face,
    accept: (value: unknown) => void,
    refuse: (error: unknown) => void,
    limits: Limits,
    forget: () => void,
  ) {
    this.face = face;
    this.accept = accept;
    this.refuse = refuse;
    this.stop = limits.watch((error) => {
      forget();
      refuse(error);
    });
  }

  resolve(value: unknown): void {
    this.stop();
    this.accept(value);
  }

  reject(error: unknown): void {
    this.stop();
    this.refuse(error);
  }
}

/**
 * Pending requests by seq. A ring indexed by the low bits of seq: seqs count up, so two that are pending rarely collide, and where they do
 * the ring doubles. (A Map shrinks and grows with every blocking call.)
 */
export class PendingTable {
  private slots: (Pending | undefined)[] = new Array(64).fill(undefined);
  private seqs = new Float64Array(64);
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
