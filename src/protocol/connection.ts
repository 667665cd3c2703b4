// One RPyC connection, client or server side alike: what arrives is dispatched, what we ask is answered, blocking or awaited.
// Owns the pending calls, the exported objects, and the end of it all. What is sent is outbox.ts, blocking waits are blocking.ts, the peer's
// objects remote.ts, policy access.ts, handlers dispatch.ts. Answers to rpyc/core/protocol.py.
import { EventEmitter } from 'node:events';
import { performance } from 'node:perf_hooks';
import { getSystemErrorName } from 'node:util';
import { readValue, startReading } from '../boxing/boxing.ts';
import { Exports } from '../boxing/exports.ts';
import { HANDLE_GETROOT, HANDLE_PING, MSG_EXCEPTION, MSG_REQUEST } from '../constants.ts';
import { EOFError, ProtocolError, TimeoutError } from '../errors.ts';
import { loadException } from '../exceptions/vinegar.ts';
import { Status } from '../native/addon.ts';
import { detail, type Endpoint, enterBatch, flush, leaveBatch, nameId } from '../native/engine.ts';
import { addon } from '../native/load.ts';
import { Arena, RECORD_WORDS } from '../native/tape.ts';
import { linkError, type Transport } from '../native/transport.ts';
import { Access } from '../policy/access.ts';
import type { Config, ResolvedOptions } from '../policy/config.ts';
import type { Kwargs } from '../python/values.ts';
import { type Face, type Holder, holderOf } from '../refs/holder.ts';
import { RemoteObjects } from '../refs/remote.ts';
import { Blocking, isBlocked, type WaitingSide } from './blocking.ts';
import { droppedAll } from './chain.ts';
import { dispatch, nestedIn, type ServingSide } from './dispatch.ts';
import type { Limits } from './limits.ts';
import { Outbox, type SendingSide } from './outbox.ts';
import type { ConnectionParts, ConnectionStats, LocalRoot, NetrefMaker } from './parts.ts';
import { LimitedPending, type Pending, PendingTable, PromisePending, Waiter } from './pending.ts';
import { checkEcho, PING_DATA } from './ping.ts';
import { SyncConnection } from './sync.ts';

interface Batch {
  readonly arena: Arena;
  readonly count: number;
  next: number;
}

/** How long `close` waits for the peer to hang up, ms. */
const CLOSE_WAIT = 1000;
/** Interned id of a type's name; when the table is full (65,536 classes), all further ones share a name. */
function typeNameId(name: string): number {
  return nameId(name) || nameId('js.object');
}

interface ConnectionEvents {
  close: [error: Error];
  error: [error: Error];
}

/** A connection, seen through its awaitable face; `sync` is the blocking one. Emits 'close' and, for a broken peer, 'error'. */
export class Connection
  extends EventEmitter<ConnectionEvents>
  implements Endpoint, ServingSide, SendingSide, WaitingSide
{
  readonly config: Config;
  readonly options: ResolvedOptions;
  readonly exports = new Exports(typeNameId);
  readonly access: Access;
  readonly handle: number;
  /** The same connection, blocking: `conn.sync.root.add(1, 2)` returns 3. */
  readonly sync: SyncConnection = new SyncConnection(this);
  readonly localRoot: LocalRoot;

  private readonly transport: Transport;
  private readonly netrefs: NetrefMaker;
  private readonly pending = new PendingTable();
  private readonly batches: Batch[] = [];
  private readonly remote: RemoteObjects;
  private readonly outbox = new Outbox(this);
  private readonly blocking = new Blocking(this);
  /** As Addon.stats fills it. */
  private readonly counters = new Float64Array(6);
  private remoteRoot: Holder | undefined;
  /** References of the answer being read, if nobody waits for it. */
  private unclaimed: Holder[] | undefined;
  private ending: Error | undefined;
  private closing = false;
  private readonly onDrain: (() => void)[] = [];
  private readonly onServed = new Set<(served: boolean) => void>();
  private closeRequested = false;
  /** What the peer spoke; see `variant`. */
  private wire = 0;
  /** Servers follow their client; until it spoke, this is what a request of ours is written in. 0: told by the transport. */
  private speaks: 0 | 5 | 6;
  private ready: Promise<void> | undefined;

  constructor(parts: ConnectionParts) {
    super();
    this.transport = parts.transport;
    this.handle = parts.transport.handle;
    this.config = parts.config;
    this.options = parts.options;
    this.netrefs = parts.netrefs;
    this.localRoot = parts.root;
    this.access = new Access(parts.config);
    this.remote = new RemoteObjects(this, this.outbox);
    this.speaks = parts.speaks ?? 0;
  }

  /** Begins to serve, and tells the local service. */
  start(): void {
    this.transport.start(this);
    const connected = this.localRoot.connected(this);
    if (connected !== undefined) {
      this.ready = connected.finally(() => {
        this.ready = undefined;
      });
      this.ready.catch((error: unknown) => this.fail(error as Error));
    }
  }

  /** Settles when the service's onConnect has; undefined when there is nothing to wait for. */
  get connecting(): Promise<void> | undefined {
    return this.ready;
  }

  // --- state -------------------------------------------------------------------------------------------------------

  /** Is the connection over, or being closed? */
  get closed(): boolean {
    return this.closing || this.ending !== undefined;
  }

  /** Wire version that the peer speaks (5 or 6), 0 before its first message. */
  get protocol(): number {
    return this.variant & 0xff;
  }

  /** Does the peer send thread ids (RPYC_BIND_THREADS)? */
  get bound(): boolean {
    return this.variant > 0xff;
  }

  private get variant(): number {
    if (this.wire === 0 && this.ending === undefined) this.wire = addon.variant(this.handle);
    return this.wire;
  }

  /** Did the peer say goodbye (CLOSE), rather than just vanish? */
  get closedByPeer(): boolean {
    return this.closeRequested;
  }

  /** Traffic so far; after the end, what it was then. */
  get stats(): ConnectionStats {
    if (this.ending === undefined) addon.stats(this.handle, this.counters);
    const [bytesIn, bytesOut, messagesIn, messagesOut, queued, remoteObjects] = this.counters;
    return {
      bytesIn,
      bytesOut,
      messagesIn,
      messagesOut,
      queued,
      remoteObjects,
      localObjects: this.exports.size,
      pending: this.pending.size,
    };
  }

  /** Lets the process end while this connection is open and idle. */
  unref(): this {
    this.transport.ref(false);
    return this;
  }

  ref(): this {
    this.transport.ref(true);
    return this;
  }

  // --- roots and goodbyes ------------------------------------------------------------------------------------------
  /** The peer's service. Awaitable: `await conn.root.add(5, 10)`. */
  // biome-ignore lint/suspicious/noExplicitAny: a remote object has whatever attributes it has
  get root(): any {
    return this.remoteRoot === undefined ? this.netrefs.rootPath(this) : this.netrefs.proxy(this.remoteRoot, 'async');
  }

  /** GETROOT, once. Also the probe for the peer's wire version. */
  async fetchRoot(): Promise<object> {
    if (this.remoteRoot === undefined) this.keepRoot(await this.request('async', HANDLE_GETROOT));
    return this.root;
  }

  /** @param timeoutMs instead of `sync_request_timeout` */
  fetchRootSync(timeoutMs?: number): object {
    return this.netrefs.proxy(this.remoteRoot ?? this.askRootSync(timeoutMs), 'sync');
  }

  private askRootSync(timeoutMs: number | undefined): Holder {
    this.checkOpen();
    this.blocking.check();
    this.outbox.request(HANDLE_GETROOT, []);
    return this.keepRoot(this.waitFor('sync', timeoutMs));
  }

  private keepRoot(root: unknown): Holder {
    const holder = holderOf(root);
    if (holder === undefined) throw new ProtocolError('the peer answered GETROOT with a value instead of an object');
    this.remoteRoot = holder;
    return holder;
  }

  /**
   * Asks the peer to echo `data`.
   * @param timeout seconds, default 3
   * @throws {TimeoutError} when the answer takes longer, {ProtocolError} when it differs
   */
  async ping(data: string | Uint8Array = PING_DATA, timeout = 3): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new TimeoutError(`no answer to a ping within ${timeout} s`)), timeout * 1000);
    });
    try {
      checkEcho(data, await Promise.race([this.request('async', HANDLE_PING, data), late]));
    } finally {
      clearTimeout(timer);
    }
  }

  /** `ping` that blocks, for `sync_request_timeout` at most. */
  pingSync(data: string | Uint8Array = PING_DATA): void {
    checkEcho(data, this.requestSync('sync', HANDLE_PING, data));
  }

  /** Says goodbye and closes; pending calls reject with EOFError. Resolves when the peer hung up, or after a second. */
  async close(): Promise<void> {
    if (!this.sayGoodbye()) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, CLOSE_WAIT);
      this.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
    });
    this.end(new EOFError());
  }

  /** `close` that blocks. */
  closeSync(): void {
    if (!this.sayGoodbye()) return;
    this.blocking.untilEnd(CLOSE_WAIT);
    this.end(new EOFError());
  }

  private sayGoodbye(): boolean {
    if (this.closed) return false;
    try {
      this.config.before_closed?.(this.root);
    } catch (error) {
      if (!this.config.close_catchall) throw error;
    } finally {
      if (this.ending === undefined) this.writeGoodbye();
    }
    return this.ending === undefined;
  }

  private writeGoodbye(): void {
    if (this.speaks !== 0) this.speakFirst(this.speaks);
    this.outbox.goodbye();
    this.closing = true;
    this.transport.shutdown();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The peer said CLOSE: it waits for us to hang up. */
  closeForPeer(): void {
    this.closeRequested = true;
    this.end(new EOFError('the peer closed the connection'));
  }

  /** The connection is broken: tell whoever waits, and whoever listens for 'error'. */
  fail(error: Error): void {
    if (this.ending !== undefined) return;
    this.config.logger?.error(`${this.config.connid}: ${error.message}`);
    this.end(error);
    if (this.listenerCount('error') > 0) this.tell('error', error);
  }

  /** Closes without a goodbye. */
  abort(): void {
    this.end(new EOFError());
  }

  private end(error: Error): void {
    if (this.ending !== undefined) return;
    void this.variant;
    flush();
    addon.stats(this.handle, this.counters);
    this.counters.fill(0, 4);
    this.ending = error;
    this.batches.length = 0;
    this.transport.close();
    droppedAll(this.exports);
    this.exports.clear();
    const waiting = this.pending.takeAll();
    for (const pending of waiting) if (!(pending instanceof Waiter)) pending.reject(error);
    for (const pending of waiting) if (pending instanceof Waiter) pending.reject(error);
    for (const resume of this.onDrain.splice(0)) resume();
    for (const done of this.onServed) done(false);
    try {
      this.localRoot.disconnected(this);
    } catch (thrown) {
      this.config.logger?.error(`${this.config.connid}: onDisconnect failed`, thrown);
    }
    this.tell('close', error);
  }

  /** A listener that throws is the process's business (uncaughtException), not that of whoever waits on this stack. */
  private tell(event: 'close' | 'error', error: Error): void {
    try {
      this.emit(event, error);
    } catch (thrown) {
      process.nextTick(() => {
        throw thrown;
      });
    }
  }

  // --- requests ----------------------------------------------------------------------------------------------------

  /** Throws when nothing more can be sent. */
  private checkOpen(): void {
    if (this.ending !== undefined) throw new EOFError(this.ending.message, { cause: this.ending });
    if (this.closing) throw new EOFError();
    if (this.speaks !== 0) this.speakFirst(this.speaks);
  }

  private speakFirst(version: 5 | 6): void {
    this.speaks = 0;
    if (this.protocol === 0) addon.setVariant(this.handle, version, 2);
  }

  /**
   * Resolves when no more than `highWater` is queued for the peer (once above, when half of it is), or the connection is closed:
   * the way to pace many unawaited calls.
   */
  async drained(): Promise<void> {
    flush();
    while (this.ending === undefined && this.stats.queued > this.options.highWater)
      await new Promise<void>((resume) => this.onDrain.push(resume));
  }

  onDrained(): void {
    for (const resume of this.onDrain.splice(0)) resume();
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
  private expect(seq: number, pending: Pending): void {
    this.pending.add(seq, pending);
    try {
      this.outbox.post();
    } catch (error) {
      this.pending.take(seq);
      pending.reject(error);
    }
  }

  /** Nobody waits for this answer any more: the references in it will be given back. */
  forget(seq: number): void {
    this.pending.take(seq);
  }

  /**
   * Calls an attribute (CALLATTR) or, without a name, the object itself (CALL). Rejects with what remote code raised.
   * @param limits when to stop waiting; the remote work goes on
   */
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
      this.checkOpen();
      this.outbox.call(holder, name, args, named);
      return this.promise(face, limits);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** `call` that blocks, for `sync_request_timeout` or what `limits` say. */
  callSync(
    holder: Holder,
    name: string | undefined,
    args: readonly unknown[],
    named: Kwargs | undefined,
    face: Face,
    limits?: Limits,
  ): unknown {
    limits?.check();
    this.checkOpen();
    this.blocking.check();
    this.outbox.call(holder, name, args, named);
    return this.waitFor(face, limits?.remaining);
  }

  /**
   * `call` whose answer goes to `pending`. Returns its seq, for `forget`.
   * @throws where it cannot be sent
   */
  callFor(
    pending: Pending,
    holder: Holder,
    name: string | undefined,
    args: readonly unknown[],
    named: Kwargs | undefined,
  ): number {
    this.checkOpen();
    this.outbox.call(holder, name, args, named);
    const seq = this.outbox.lastSeq;
    this.expect(seq, pending);
    return seq;
  }

  /** `call` whose answer nobody waits for. @throws where it cannot be sent */
  callOneway(holder: Holder, name: string | undefined, args: readonly unknown[], named: Kwargs | undefined): void {
    this.checkOpen();
    this.outbox.call(holder, name, args, named);
    this.outbox.post();
  }

  /**
   * Serves, blocking, until `answer` is there.
   * @param timeoutMs default `sync_request_timeout`
   * @throws {TimeoutError}
   */
  waitUntil(answer: { readonly done: boolean }, timeoutMs = this.syncTimeout): void {
    this.blocking.check();
    this.blocking.until(answer, timeoutMs);
  }

  /** Any request; a Holder among `args` stands for the remote object. */
  request(face: Face, handler: number, ...args: unknown[]): Promise<unknown> {
    return this.ask(face, handler, args);
  }

  /** `request` that blocks. */
  requestSync(face: Face, handler: number, ...args: unknown[]): unknown {
    return this.askSync(face, handler, args);
  }

  /** `request` within limits. */
  ask(face: Face, handler: number, args: readonly unknown[], limits?: Limits): Promise<unknown> {
    try {
      limits?.check();
      this.checkOpen();
      this.outbox.request(handler, args);
      return this.promise(face, limits);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** `requestSync` within limits. */
  askSync(face: Face, handler: number, args: readonly unknown[], limits?: Limits): unknown {
    limits?.check();
    this.checkOpen();
    this.blocking.check();
    this.outbox.request(handler, args);
    return this.waitFor(face, limits?.remaining);
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

  /** `sync_request_timeout` in ms. */
  private get syncTimeout(): number {
    const seconds = this.config.sync_request_timeout;
    return seconds === null ? Number.POSITIVE_INFINITY : seconds * 1000;
  }

  // --- what the parts of a connection ask of it --------------------------------------------------------------------

  /** See WaitingSide. */
  get canBlock(): boolean {
    return this.transport.canBlock;
  }

  /** See WaitingSide. */
  get ended(): boolean {
    return this.ending !== undefined;
  }

  /** See SendingSide. */
  get nesting(): number {
    return this.variant > 0xff ? nestedIn(this) : 0;
  }

  /** See SendingSide. */
  get queued(): number {
    return this.stats.queued;
  }

  /** See ServingSide. */
  get blocked(): boolean {
    return isBlocked();
  }

  /** See ServingSide. */
  deferAnswer(seq: number, name: string): boolean {
    if (this.options.refuseAsyncDuringSync) return false;
    this.blocking.defer(seq, name);
    return true;
  }

  answered(seq: number): void {
    this.blocking.answered(seq);
  }

  /** REPLY to the peer's request `seq`. */
  reply(seq: number, value: unknown): void {
    if (this.ending === undefined) this.outbox.reply(seq, value);
  }

  /** EXCEPTION to the peer's request `seq`. */
  replyException(seq: number, thrown: unknown): void {
    if (this.ending === undefined) this.outbox.exception(seq, thrown);
  }

  // --- serving -----------------------------------------------------------------------------------------------------

  /** Serves whatever arrives within `timeoutMs`, blocking: at least one batch, or nothing. True: something was served. */
  serveSync(timeoutMs: number): boolean {
    return this.blocking.serve(timeoutMs);
  }

  /**
   * RPyC's `serve` for ported code. The event loop serves this connection by itself; this resolves when something was served, or after `timeout`
   * seconds (default 1; null: no limit). True: something was.
   */
  serve(timeout: number | null = 1): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = timeout === null ? undefined : setTimeout(() => done(false), timeout * 1000);
      const done = (served: boolean): void => {
        clearTimeout(timer);
        this.onServed.delete(done);
        resolve(served);
      };
      if (this.ending === undefined) this.onServed.add(done);
      else done(false);
    });
  }

  /** RPyC's `poll` for ported code: `serve` without waiting unless told to. */
  poll(timeout = 0): Promise<boolean> {
    return this.serve(timeout);
  }

  /** RPyC's `poll_all` for ported code: resolves after `timeout` seconds, in which the event loop serves. True: something was served. */
  async pollAll(timeout = 0): Promise<boolean> {
    const deadline = performance.now() + timeout * 1000;
    let served = false;
    do served = (await this.serve(Math.max(0, deadline - performance.now()) / 1000)) || served;
    while (performance.now() < deadline && !this.closed);
    return served;
  }

  /** RPyC's `serve_all` for ported code: resolves when the connection is closed. */
  async serveAll(): Promise<void> {
    while (!this.closed) await this.serve(null);
  }

  // --- inbound -----------------------------------------------------------------------------------------------------

  onBatch(code: number): void {
    if (this.ending !== undefined) return;
    if (code > 0) {
      this.batches.push({ arena: enterBatch(), count: code, next: 0 });
      try {
        this.drain();
      } finally {
        leaveBatch();
      }
    } else if (code === Status.BIG) {
      const [words, floats, bytes] = addon.takeBig(this.handle);
      this.batches.push({ arena: new Arena(words, floats, bytes, true), count: 1, next: 0 });
      this.drain();
    } else if (code < 0) this.onStatus(code);
    if (this.onServed.size !== 0 && code !== 0) for (const done of this.onServed) done(true);
    if (this.ending === undefined) this.remote.sweepIfDue();
  }

  /** Processes records in order, those of outer batches first: a nested wait may need one of them. */
  drain(): void {
    const { batches } = this;
    for (let batch = batches[0]; batch !== undefined; batch = batches[0]) {
      if (batch.next === batch.count) batches.shift();
      else this.onRecord(batch.arena, batch.next++ * RECORD_WORDS);
    }
  }

  private onRecord(arena: Arena, at: number): void {
    const { words } = arena;
    const kind = words[at];
    const high = words[at + 2];
    const seq = (words[at + 1] >>> 0) + high * 0x100000000;
    if (kind === MSG_REQUEST) dispatch(this, arena, at, seq);
    else this.onAnswer(arena, words[at + 6], seq, kind);
  }

  private onAnswer(arena: Arena, at: number, seq: number, kind: number): void {
    const pending = this.pending.take(seq);
    if (pending === undefined) {
      this.readUnclaimed(arena, at);
      return;
    }
    startReading(arena, at, this, pending.face);
    let value: unknown;
    try {
      value = readValue();
    } catch (error) {
      pending.reject(error);
      return;
    }
    if (kind === MSG_EXCEPTION) pending.reject(loadException(value));
    else pending.resolve(value);
  }

  /** An answer that nobody waits for (any more): its references are counted, and given back. */
  private readUnclaimed(arena: Arena, at: number): void {
    const arrived: Holder[] = [];
    this.unclaimed = arrived;
    try {
      startReading(arena, at, this, 'async');
      readValue();
    } catch {
      // It names an object of ours that is gone: nobody asks.
    } finally {
      this.unclaimed = undefined;
    }
    for (const holder of arrived) this.release(holder);
  }

  private onStatus(code: number): void {
    if (code === Status.PROTOCOL) this.fail(new ProtocolError(addon.lastError(this.handle)));
    else if (code === Status.ERRNO) this.end(linkError(getSystemErrorName(-detail())));
    else this.end(new EOFError());
  }

  // --- the peer's objects ------------------------------------------------------------------------------------------

  owns(holder: Holder): boolean {
    return holder.conn === this;
  }

  arrive(rid: number, cls: number, isClass: boolean, face: Face): object {
    const holder = this.remote.arrive(rid, cls, isClass);
    this.unclaimed?.push(holder);
    return this.netrefs.proxy(holder, face);
  }

  /** What stands for a holder as a value: its awaitable proxy. */
  proxyOf(holder: Holder): object {
    return holder.asyncProxy ?? this.netrefs.proxy(holder, 'async');
  }

  /** Takes back one acquisition of a reference; the last one frees the object there. */
  release(holder: Holder): void {
    if (holder.released) return;
    if (this.ending !== undefined) holder.released = true;
    else this.remote.release(holder);
    if (holder.released && this.remoteRoot === holder) this.remoteRoot = undefined;
  }

  onCollected(): void {
    if (this.ending === undefined) this.remote.sweepAll();
  }
}
