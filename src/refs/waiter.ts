// Who is told the answer of one request: a blocked caller, a promise, a promise that may be given up. Which request it was is the
// pending table's business (protocol/pending.ts). Answers to rpyc/core/async_.py.
import type { Face } from './face.ts';
import type { Limits } from './limits.ts';

/** Is told the answer of one request, exactly once. */
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
