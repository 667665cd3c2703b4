// Requests of ours that wait for their answer. Answers to rpyc/core/async_.py.
import type { Face } from './refs.ts';

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
