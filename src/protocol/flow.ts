// How many requests of one peer are served at a time: counts the handlers whose promise has not settled, lets further requests wait in their
// order of arrival, and stops reading from a peer that has more waiting than room. Owns the waiting requests; what each is, dispatch.ts knows.
// RPyC has no such bound: its servers have a thread per connection, which serves one request after the other.
import { isBlocked } from './blocking.ts';
import type { Link } from './link.ts';
import type { PendingTable } from './pending.ts';

/** So many times `maxInFlight` run, or wait where reading cannot stop, at most. */
const STRETCH = 16;
/** …and no fewer than this: a small `maxInFlight` must not break a deep recursion between the two sides. */
const LEAST = 1024;

/**
 * Invariant: `full` is true where a request that arrives cannot simply be served. Deadlocks are avoided by two rules. While we wait for answers
 * of this peer, reading goes on (an answer could not be read otherwise); and each of our calls that waits lends its handler's place, since
 * what arrives may be nested in it, and the call would never be answered if that waited for the handler.
 */
export class Flow {
  /** Must the next request `enter`? The one look that a request costs. */
  full = false;

  private readonly link: Link;
  private readonly pending: PendingTable;
  private readonly max: number;
  /** Most that run, and most that wait where reading cannot stop. */
  private readonly most: number;
  private running = 0;
  private queue: (() => void)[] = [];
  /** Where the queue begins; what lies before has been served. */
  private head = 0;
  /** Does the peer not read its answers? */
  private choked = false;
  private draining = false;
  private stopped = false;
  /** Who waits for the last handler. */
  private idle: (() => void)[] | undefined;

  constructor(link: Link, pending: PendingTable) {
    this.link = link;
    this.pending = pending;
    this.max = link.options.maxInFlight;
    this.most = Math.max(this.max * STRETCH, LEAST);
  }

  /** Handlers that have not answered yet. */
  get inFlight(): number {
    return this.running;
  }

  /** Requests that wait for one of them to answer. */
  get waiting(): number {
    return this.queue.length - this.head;
  }

  // --- one request -------------------------------------------------------------------------------------------------

  /** A handler answers later. */
  began(): void {
    if (++this.running >= this.max) this.full = true;
  }

  /** It has answered. */
  settled(): void {
    this.running--;
    if (this.full || this.link.paused) this.proceed();
  }

  /**
   * A request came while `full`: serves it after all that wait, now or later.
   * @returns false: it will not be served; too many wait already, and reading cannot stop
   */
  enter(serve: () => void): boolean {
    if (this.stopped) return true;
    if (!this.canPause && this.waiting >= this.most) return false;
    this.queue.push(serve);
    this.proceed();
    return true;
  }

  /** Why `enter` did not serve. */
  get refusal(): string {
    return `${this.waiting} requests wait for ${this.running} that are not answered yet (maxInFlight is ${this.max}): this one is refused`;
  }

  // --- the connection's states -------------------------------------------------------------------------------------

  /** More is queued for the peer than it reads: nothing more is served until `unchoke`. */
  choke(): void {
    this.choked = true;
    this.full = true;
  }

  unchoke(): void {
    if (!this.choked) return;
    this.choked = false;
    this.proceed();
  }

  /** Begins no request any more but what may be nested in a call of ours. Resolves when all that were begun have answered. */
  drain(): Promise<void> {
    this.draining = true;
    this.proceed();
    if (this.running === 0 || this.stopped) return Promise.resolve();
    this.idle ??= [];
    const { idle } = this;
    return new Promise((resolve) => idle.push(resolve));
  }

  /** Nothing can be answered any more: what waits is dropped, as is what still comes. */
  stop(): void {
    this.stopped = true;
    this.full = true;
    this.queue = [];
    this.head = 0;
    this.tellIdle();
  }

  // --- how far -----------------------------------------------------------------------------------------------------

  /** Can we do without what this peer sends? Not while it owes us an answer. */
  private get canPause(): boolean {
    return this.pending.size === 0 && !isBlocked();
  }

  /** Handlers that may run now. In a blocking call none of those that run can end, and only what is nested in it arrives. */
  private get room(): number {
    if (isBlocked()) return this.most;
    if (this.choked) return 0;
    const { size } = this.pending;
    return this.draining && size === 0 ? 0 : Math.min(this.max + size, this.most);
  }

  private proceed(): void {
    while (this.waiting > 0 && this.running < this.room) this.next()();
    const { waiting } = this;
    this.full = waiting > 0 || this.running >= this.max || this.choked || this.draining || this.stopped;
    if (this.running === 0) this.tellIdle();
    if (this.stopped) return;
    if (waiting > 0 && this.canPause) this.link.pause();
    else if (waiting === 0 && this.running <= this.max / 2 && !this.choked) this.link.resume();
  }

  private next(): () => void {
    const serve = this.queue[this.head];
    if (++this.head === this.queue.length) {
      this.queue = [];
      this.head = 0;
    } else if (this.head > 1024 && this.head > this.queue.length / 2) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
    return serve;
  }

  private tellIdle(): void {
    const { idle = [] } = this;
    this.idle = undefined;
    for (const resolve of idle) resolve();
  }
}
