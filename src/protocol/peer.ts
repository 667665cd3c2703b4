// The other side of one connection, as we use it: what we ask of it, awaited or blocking, and its objects that we hold.
// Owns what is sent (outbox.ts) and what is held (refs/remote.ts); waits are blocking.ts, answers come in through inbox.ts.
// Answers to sync_request and async_request of rpyc/core/protocol.py.
import type { Exports } from '../boxing/exports.ts';
import { BoxWriter } from '../boxing/writer.ts';
import type { Transmit } from '../native/tape.ts';
import type { Kwargs } from '../python/values.ts';
import type { Face } from '../refs/face.ts';
import type { Holder, Lineage, Peer } from '../refs/holder.ts';
import type { Limits } from '../refs/limits.ts';
import type { NetrefMaker } from '../refs/netrefs.ts';
import { RemoteObjects } from '../refs/remote.ts';
import { LimitedPending, type Pending, PromisePending, Waiter } from '../refs/waiter.ts';
import { type Blocking, isBlocked } from './blocking.ts';
import { keepContext, PassingPending } from './callbacks.ts';
import type { Link } from './link.ts';
import { OnewayCalls } from './oneway.ts';
import { Outbox } from './outbox.ts';
import type { PendingTable } from './pending.ts';

export class RemotePeer implements Peer {
  readonly outbox: Outbox;
  readonly remote: RemoteObjects;
  readonly oneway: OnewayCalls;
  private readonly link: Link;
  private readonly pending: PendingTable;
  private readonly blocking: Blocking;
  private readonly netrefs: NetrefMaker;

  constructor(
    link: Link,
    exports: Exports,
    tape: Transmit,
    pending: PendingTable,
    blocking: Blocking,
    netrefs: NetrefMaker,
  ) {
    this.link = link;
    this.pending = pending;
    this.blocking = blocking;
    this.netrefs = netrefs;
    this.outbox = new Outbox(link, exports, tape, new BoxWriter(tape, exports, this));
    this.oneway = new OnewayCalls(link.config);
    this.remote = new RemoteObjects(this, link.handle, this.outbox, netrefs);
  }

  get closed(): boolean {
    return this.link.closed;
  }

  get blocked(): boolean {
    return isBlocked();
  }

  get canBlock(): boolean {
    return this.link.canBlock;
  }

  get lineage(): Lineage | undefined {
    return this.link.lineage;
  }

  // --- awaited -----------------------------------------------------------------------------------------------------

  call(
    holder: Holder,
    name: string | undefined,
    args: readonly unknown[],
    named: Kwargs | undefined,
    face: Face,
    limits?: Limits,
  ): Promise<unknown> {
    try {
      limits?.check();
      this.link.checkOpen();
      this.outbox.call(holder, name, args, named);
      return this.promise(face, limits);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  ask(face: Face, handler: number, args: readonly unknown[], limits?: Limits): Promise<unknown> {
    try {
      limits?.check();
      this.link.checkOpen();
      this.outbox.request(handler, args);
      return this.promise(face, limits);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  private promise(face: Face, limits: Limits | undefined): Promise<unknown> {
    const seq = this.outbox.lastSeq;
    return new Promise((resolve, reject) => {
      this.expect(
        seq,
        limits === undefined
          ? new PromisePending(face, resolve, reject)
          : new LimitedPending(face, resolve, reject, limits, () => this.forget(seq)),
      );
    });
  }

  /** Sends the request just written; `pending` is told the answer, or why it could not be sent. */
  private expect(seq: number, asked: Pending): void {
    // Requests to a peer with thread ids belong to the one that is being served: see nesting.ts.
    const lends = this.outbox.lent.length !== 0 && asked.face === 'async' && !this.link.bound;
    const pending = lends ? keepContext(asked, this.outbox.lent) : asked;
    this.pending.add(seq, pending);
    try {
      this.outbox.post();
    } catch (error) {
      this.pending.take(seq);
      pending.reject(error);
    }
  }

  callFor(
    pending: Pending,
    holder: Holder,
    name: string | undefined,
    args: readonly unknown[],
    named: Kwargs | undefined,
  ): number {
    this.link.checkOpen();
    this.outbox.call(holder, name, args, named);
    const seq = this.outbox.lastSeq;
    this.expect(seq, pending);
    return seq;
  }

  askFor(pending: Pending, handler: number, args: readonly unknown[]): number {
    this.link.checkOpen();
    this.outbox.request(handler, args);
    const seq = this.outbox.lastSeq;
    this.expect(seq, pending);
    return seq;
  }

  callOneway(holder: Holder, name: string | undefined, args: readonly unknown[], named: Kwargs | undefined): void {
    this.link.checkOpen();
    this.outbox.call(holder, name, args, named);
    this.oneway.sent(this.outbox.lastSeq, name ?? `a ${holder.cls.name}`);
    this.outbox.post();
  }

  unheard(name: string, error: unknown): void {
    this.oneway.raised(name, error);
  }

  forget(seq: number): void {
    const pending = this.pending.take(seq);
    if (pending instanceof PassingPending) pending.end();
  }

  // --- blocking ----------------------------------------------------------------------------------------------------

  callSync(
    holder: Holder,
    name: string | undefined,
    args: readonly unknown[],
    named: Kwargs | undefined,
    face: Face,
    limits?: Limits,
  ): unknown {
    limits?.check();
    this.link.checkOpen();
    this.blocking.check();
    this.outbox.call(holder, name, args, named);
    return this.waitFor(face, limits?.remaining);
  }

  askSync(face: Face, handler: number, args: readonly unknown[], limits?: Limits): unknown {
    limits?.check();
    return this.askWithin(face, handler, args, limits?.remaining);
  }

  /** `askSync` for `timeoutMs` at most; default `sync_request_timeout`. */
  askWithin(face: Face, handler: number, args: readonly unknown[], timeoutMs?: number): unknown {
    this.link.checkOpen();
    this.blocking.check();
    this.outbox.request(handler, args);
    return this.waitFor(face, timeoutMs);
  }

  /** Waits for the answer to the request just written. */
  private waitFor(face: Face, timeoutMs = this.syncTimeout): unknown {
    this.outbox.prepareWait();
    const seq = this.outbox.lastSeq;
    const waiter = new Waiter(face);
    this.pending.add(seq, waiter);
    try {
      this.blocking.until(waiter, timeoutMs);
    } catch (error) {
      this.pending.take(seq);
      throw error;
    }
    return waiter.result();
  }

  waitUntil(answer: { readonly done: boolean }, timeoutMs = this.syncTimeout): void {
    this.blocking.check();
    this.blocking.until(answer, timeoutMs);
  }

  serveSync(timeoutMs: number): boolean {
    return this.blocking.serve(timeoutMs);
  }

  /** Serves, blocking, until the peer has hung up, `timeoutMs` at most. */
  serveUntilEnd(timeoutMs: number): void {
    this.blocking.untilEnd(timeoutMs);
  }

  /** `sync_request_timeout` in ms. */
  private get syncTimeout(): number {
    const seconds = this.link.config.sync_request_timeout;
    return seconds === null ? Number.POSITIVE_INFINITY : seconds * 1000;
  }

  // --- its objects -------------------------------------------------------------------------------------------------

  release(holder: Holder): void {
    if (holder.released) return;
    if (this.link.ended) holder.released = true;
    else this.remote.release(holder);
  }

  idOf(holder: Holder): string {
    return this.remote.idOf(holder);
  }

  proxyOf(holder: Holder): object {
    return holder.asyncProxy ?? this.netrefs.proxy(holder, 'async');
  }
}
