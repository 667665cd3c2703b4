// Blocking waits: this thread serves one connection until its answer is there, without the event loop. Mapping section B, "Sync wait".
// Promises do not settle meanwhile, so async handlers called during a wait answer after it: this file knows and names them.
import { performance } from 'node:perf_hooks';
import { codedError, DeadlockError, EOFError, InterruptedError, TimeoutError } from '../errors.ts';
import { Status } from '../native/addon.ts';
import { checkDepth, detail, wait } from '../native/engine.ts';
import type { Link } from './link.ts';

/** Longest slice of a wait, ms; see Addon.wait. */
const SLICE = 50;
/** How long without traffic, with an async handler unanswered, is worth a warning, ms. */
const DEADLOCK_WARNING = 1000;

/** Blocking waits on this thread's stack. */
let waits = 0;

/** Is this thread inside a blocking call? Then promises cannot settle before it returns. */
export const isBlocked = (): boolean => waits > 0;

/** What a wait makes progress by. */
export interface Batches {
  /** A batch (or a Status) that `wait` brought. */
  onBatch(code: number): void;
  /** Processes what outer waits have received and not processed. */
  drain(): void;
}

/** Async handlers whose answer waits for a blocking call to end, by seq. */
export class Deferred {
  private readonly names = new Map<number, string>();
  private warned = false;

  /** An async handler was called during a wait: its answer comes later. */
  add(seq: number, name: string): void {
    this.names.set(seq, name);
  }

  answered(seq: number): void {
    if (this.names.size !== 0) this.names.delete(seq);
  }

  /** Their names, for messages; '' for none. */
  get text(): string {
    return [...this.names.values()].join(', ');
  }

  /** Names them once, in a process warning. */
  warn(): void {
    if (this.warned || this.names.size === 0) return;
    this.warned = true;
    process.emitWarning(
      `a blocking call waits while ${this.text}, an async handler of the same thread, cannot finish before it returns: await the call, or make the handler synchronous`,
      { code: 'RPYC_DEADLOCK' },
    );
  }
}

export class Blocking {
  private readonly link: Link;
  private readonly batches: Batches;
  private readonly deferred: Deferred;

  constructor(link: Link, batches: Batches, deferred: Deferred) {
    this.link = link;
    this.batches = batches;
    this.deferred = deferred;
  }

  /** @throws where a blocking call is impossible or could never be answered, before anything is written */
  check(): void {
    if (this.link.sameThread)
      throw new DeadlockError(
        `${this.link.config.connid} is served by this same thread, which a blocking call would stop: it could never be answered. Await the call, or serve in a worker thread`,
      );
    this.checkPossible();
  }

  private checkPossible(): void {
    if (!this.link.canBlock)
      throw codedError(
        new TypeError(
          'this connection runs over a Node stream: blocking calls need a socket of the engine (connect, connectSync); await the call instead',
        ),
        'ERR_RPYC_BLOCKING_UNSUPPORTED',
      );
    checkDepth();
  }

  /**
   * Serves the connection until `waiter` is done.
   * @param timeoutMs Infinity for no limit; kept in slices of 50 ms
   * @throws {TimeoutError} the answer may still come: it is unboxed then, and its references are released
   * @throws {InterruptedError} a signal that has a listener arrived
   */
  until(waiter: { readonly done: boolean }, timeoutMs: number): void {
    let started = 0;
    let quiet = 0;
    waits++;
    try {
      this.batches.drain();
      while (!waiter.done) {
        const code = wait(this.link.handle, timeoutMs === Number.POSITIVE_INFINITY ? -1 : timeoutMs);
        if (code === Status.INTERRUPTED) throw new InterruptedError(detail());
        if (code !== 0) {
          this.batches.onBatch(code);
          if (waiter.done) break;
        }
        // Traffic that is not the answer does not stop the clock.
        const now = performance.now();
        if (started === 0) started = code === 0 ? now - Math.min(SLICE, timeoutMs) : now;
        if (code !== 0 || quiet === 0) quiet = code === 0 ? started : now;
        if (now - started >= timeoutMs) throw this.expired(timeoutMs);
        if (now - quiet > DEADLOCK_WARNING) this.deferred.warn();
      }
    } finally {
      waits--;
    }
  }

  private expired(timeoutMs: number): TimeoutError {
    const names = this.deferred.text;
    const why =
      names === ''
        ? ''
        : `; ${names} cannot answer before this blocking call ends (async handlers need the event loop)`;
    return new TimeoutError(`result expired: no answer within ${timeoutMs / 1000} s${why}`);
  }

  /** Serves whatever arrives within `timeoutMs`: one batch, or nothing. True: there was something. */
  serve(timeoutMs: number): boolean {
    this.checkPossible();
    if (this.link.ended) throw new EOFError();
    const deadline = performance.now() + timeoutMs;
    waits++;
    try {
      for (;;) {
        const code = wait(this.link.handle, Math.max(0, deadline - performance.now()));
        if (code === Status.INTERRUPTED) throw new InterruptedError(detail());
        if (code !== 0) {
          this.batches.onBatch(code);
          return true;
        }
        if (performance.now() >= deadline) return false;
      }
    } finally {
      waits--;
    }
  }

  /** Serves until the peer has hung up, `timeoutMs` at most. */
  untilEnd(timeoutMs: number): void {
    const deadline = performance.now() + timeoutMs;
    // This thread cannot wait for itself to hang up.
    while (!this.link.sameThread && this.link.canBlock && !this.link.ended && performance.now() < deadline) {
      const code = wait(this.link.handle, timeoutMs);
      if (code === Status.INTERRUPTED) break;
      this.batches.onBatch(code);
    }
  }
}
