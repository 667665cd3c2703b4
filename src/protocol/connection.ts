// One RPyC connection, client or server side alike: requests out, replies and requests in, blocking and awaitable.
// Owns the sequence numbers, the pending calls, the exported objects, the counts of the peer's objects, and the end of it all.
// Policy is access.ts, handlers are dispatch.ts, values are boxing.ts. Answers to rpyc/core/protocol.py.
import { EventEmitter } from 'node:events';
import { performance } from 'node:perf_hooks';
import { getSystemErrorName } from 'node:util';
import { BackpressureError, codedError, EOFError, InterruptedError, ProtocolError, TimeoutError } from '../errors.ts';
import { Status } from '../native/addon.ts';
import { checkDepth, detail, type Endpoint, enterBatch, flush, leaveBatch, nameId, send, tx, wait } from '../native/engine.ts';
import { addon } from '../native/load.ts';
import { Arena, KIND_DEL, RECORD_WORDS, Tag } from '../native/tape.ts';
import { linkError, type Transport } from '../native/transport.ts';
import type { Kwargs } from '../python/values.ts';
import { Access } from './access.ts';
import { type BoxingSide, readValue, released, startReading, writeBox, writeKwargs, writeTuple } from './boxing.ts';
import type { Config, ResolvedOptions } from './config.ts';
import { HANDLE_CALL, HANDLE_CALLATTR, HANDLE_CLOSE, HANDLE_GETROOT, HANDLE_PING, MSG_EXCEPTION, MSG_REPLY, MSG_REQUEST } from './constants.ts';
import { dispatch, nestedIn, type ServingSide } from './dispatch.ts';
import { Exports } from './exports.ts';
import { PendingTable, PromisePending, Waiter } from './pending.ts';
import { type Face, Holder, holderOf, IdPackOf, type MakeProxy } from './refs.ts';
import { RemoteObjects } from './remote.ts';
import { SyncConnection } from './sync.ts';
import { loadException, writeException } from './vinegar.ts';

/** Who answers on our side. Services implement it (service/service.ts). */
export interface LocalRoot {
  /** The object that GETROOT returns. */
  readonly object: object;
  /** Face of references that enter our handlers. */
  readonly face: Face;
  /** GETROOT waits for it. */
  connected(conn: Connection): void | Promise<void>;
  disconnected(conn: Connection): void;
}

/** How netrefs are made; see netref/. */
export interface NetrefMaker {
  proxy: MakeProxy;
  /** `conn.root` before it was fetched. */
  rootPath(conn: Connection): object;
}

export interface ConnectionParts {
  transport: Transport;
  root: LocalRoot;
  config: Config;
  options: ResolvedOptions;
  netrefs: NetrefMaker;
  /** Servers: wire version to speak if we have to talk before the peer did. */
  speaks?: 5 | 6;
}

interface Batch {
  readonly arena: Arena;
  readonly count: number;
  next: number;
}

/** Traffic of one connection. */
export interface ConnectionStats {
  bytesIn: number;
  bytesOut: number;
  messagesIn: number;
  messagesOut: number;
  /** Bytes waiting to be written. */
  queued: number;
  /** Objects of the peer that we hold. */
  remoteObjects: number;
  /** Objects of ours that the peer holds. */
  localObjects: number;
  /** Calls of ours without an answer yet. */
  pending: number;
}

const PING_DATA = 'abcdefghijklmnopqrstuvwxyz'.repeat(20);
/** Bytes put on the tape between two looks at the write queue. */
const QUEUE_CHECK = 256 * 1024;
/** How long `close` waits for the peer to hang up, ms. */
const CLOSE_WAIT = 1000;
/** A blocking wait without traffic for so long, with an async handler unanswered, is worth a warning, ms. */
const DEADLOCK_WARNING = 1000;

/** Blocking waits on this thread's stack: while there is one, promises do not settle. */
let blockingWaits = 0;

/** Longest slice of a blocking wait, ms; see Addon.wait. */
const SLICE = 50;

/** Interned id of a type's name; when the table is full (65,536 classes), all further ones share a name. */
function typeNameId(name: string): number {
  return nameId(name) || nameId('js.object');
}

function writeName(name: string): void {
  const id = nameId(name);
  if (id === 0) tx.str(name);
  else tx.name(id);
}

const tooLarge = (message: string): Error => codedError(new RangeError(message), 'ERR_RPYC_FRAME_TOO_LARGE');

function checkEcho(sent: string | Uint8Array, echoed: unknown): void {
  const same = typeof sent === 'string' ? echoed === sent : echoed instanceof Uint8Array && Buffer.compare(sent, echoed) === 0;
  if (!same) throw new ProtocolError('echo mismatches sent data');
}

interface ConnectionEvents {
  close: [error: Error];
  error: [error: Error];
}

/** A connection, seen through its awaitable face; `sync` is the blocking one. Emits 'close' and, for a broken peer, 'error'. */
export class Connection extends EventEmitter<ConnectionEvents> implements Endpoint, BoxingSide, ServingSide {
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
  /** As Addon.stats fills it. */
  private readonly counters = new Float64Array(6);
  private seq = 0;
  private remoteRoot: Holder | undefined;
  private ending: Error | undefined;
  private closing = false;
  private unchecked = 0;
  private readonly onDrain: (() => void)[] = [];
  private readonly onServed = new Set<(served: boolean) => void>();
  private closeRequested = false;
  /** Async handlers whose answer waits for a blocking call to end. */
  private readonly deferred = new Map<number, string>();
  private warned = false;
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
    this.remote = new RemoteObjects(this, (rid, count) => {
      tx.begin(this.handle, KIND_DEL, this.seq++, rid, count);
      tx.commit();
    });
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
    return { bytesIn, bytesOut, messagesIn, messagesOut, queued, remoteObjects, localObjects: this.exports.size, pending: this.pending.size };
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
    if (this.remoteRoot === undefined) {
      this.checkBlocking();
      this.sendNow(this.writeRequest(HANDLE_GETROOT, []));
      this.keepRoot(this.waitFor('sync', timeoutMs));
    }
    return this.netrefs.proxy(this.remoteRoot as unknown as Holder, 'sync');
  }

  private keepRoot(root: unknown): void {
    const holder = holderOf(root);
    if (holder === undefined) throw new ProtocolError('the peer answered GETROOT with a value instead of an object');
    this.remoteRoot = holder;
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
    const deadline = performance.now() + CLOSE_WAIT;
    while (this.transport.canBlock && this.ending === undefined && performance.now() < deadline) {
      const code = wait(this.handle, CLOSE_WAIT);
      if (code === Status.INTERRUPTED) break;
      this.onBatch(code);
    }
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

  /** Whatever is queued: back-pressure must not keep a connection open. */
  private writeGoodbye(): void {
    if (this.speaks !== 0) this.speakFirst(this.speaks);
    tx.begin(this.handle, MSG_REQUEST, this.seq++, HANDLE_CLOSE, 0);
    tx.container(Tag.TUPLE, 0);
    tx.commit();
    this.closing = true;
    flush();
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
    this.exports.clear();
    const waiting = this.pending.takeAll();
    for (const { reject } of waiting.filter((p) => p instanceof PromisePending)) reject(error);
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
    if (this.unchecked > QUEUE_CHECK) this.checkQueue();
    if (this.speaks !== 0) this.speakFirst(this.speaks);
  }

  private speakFirst(version: 5 | 6): void {
    this.speaks = 0;
    if (this.protocol === 0) addon.setVariant(this.handle, version, 2);
  }

  private checkQueue(): void {
    this.unchecked = 0;
    flush();
    const { queued } = this.stats;
    if (queued <= this.options.maxQueued) return;
    this.unchecked = QUEUE_CHECK + 1;
    throw new BackpressureError(
      `${queued} bytes are queued for a peer that does not read them (maxQueued is ${this.options.maxQueued}): wait with \`await conn.drained()\``,
    );
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

  private beginRequest(handler: number): void {
    this.checkOpen();
    this.exports.begin();
    tx.begin(this.handle, MSG_REQUEST, this.seq, handler, this.variant > 0xff ? nestedIn(this) : 0);
  }

  /** Ends the message; true: it must be flushed at once. */
  private commitRequest(): boolean {
    const mayNotFit = this.checkSize();
    this.seq++;
    return tx.commit() || mayNotFit;
  }

  /** True: only encoding it tells whether the message fits a frame. @throws RangeError where it does not for sure */
  private checkSize(): boolean {
    const size = tx.messageBytes;
    this.unchecked += size;
    const { maxFrame } = this.options;
    if (size > maxFrame) throw tooLarge(`message of about ${size} bytes exceeds maxFrame ${maxFrame}`);
    return tx.mostBytes > maxFrame;
  }

  /** Sends the message just committed; `atOnce` is what its commit said. @throws RangeError where it turned out larger than a frame */
  private sendNow(atOnce: boolean): void {
    if (!atOnce) {
      send(false);
      return;
    }
    try {
      flush();
    } catch (error) {
      this.exports.rollback();
      throw (error as { code?: unknown }).code === 'ERR_RPYC_FRAME_TOO_LARGE' ? tooLarge((error as Error).message) : error;
    }
  }

  private abandon(error: unknown): never {
    tx.rollback();
    this.exports.rollback();
    throw error;
  }

  private writeTarget(holder: Holder): void {
    if (holder.released) throw released(holder);
    tx.ref(holder.rid);
  }

  private writeCall(holder: Holder, name: string | undefined, args: readonly unknown[], named: Kwargs | undefined): boolean {
    this.beginRequest(name === undefined ? HANDLE_CALL : HANDLE_CALLATTR);
    try {
      tx.container(Tag.BOX, name === undefined ? 3 : 4);
      this.writeTarget(holder);
      if (name !== undefined) writeName(name);
      writeTuple(this, args, 1);
      writeKwargs(this, named);
      return this.commitRequest();
    } catch (error) {
      return this.abandon(error);
    }
  }

  /** Writes any request. A Holder among `args` is the remote object itself. */
  private writeRequest(handler: number, args: readonly unknown[]): boolean {
    this.beginRequest(handler);
    try {
      tx.container(Tag.BOX, args.length);
      for (const arg of args) {
        if (arg instanceof Holder) this.writeTarget(arg);
        else if (arg instanceof IdPackOf) {
          if (arg.holder.released) throw released(arg.holder);
          tx.idPack(arg.holder.rid);
        } else writeBox(this, arg, 1);
      }
      return this.commitRequest();
    } catch (error) {
      return this.abandon(error);
    }
  }

  private promise(face: Face, atOnce: boolean): Promise<unknown> {
    const seq = this.seq - 1;
    return new Promise((resolve, reject) => {
      this.pending.add(seq, new PromisePending(face, resolve, reject));
      try {
        this.sendNow(atOnce);
      } catch (error) {
        this.pending.take(seq);
        reject(error);
      }
    });
  }

  /** Calls an attribute (CALLATTR) or, without a name, the object itself (CALL). Rejects with what remote code raised. */
  call(holder: Holder, name: string | undefined, args: readonly unknown[], named: Kwargs | undefined, face: Face): Promise<unknown> {
    try {
      return this.promise(face, this.writeCall(holder, name, args, named));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** `call` that blocks for `sync_request_timeout` at most. */
  callSync(holder: Holder, name: string | undefined, args: readonly unknown[], named: Kwargs | undefined, face: Face): unknown {
    this.checkBlocking();
    if (this.writeCall(holder, name, args, named)) this.sendNow(true);
    return this.waitFor(face);
  }

  /** Any request; a Holder among `args` stands for the remote object. */
  request(face: Face, handler: number, ...args: unknown[]): Promise<unknown> {
    try {
      return this.promise(face, this.writeRequest(handler, args));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** `request` that blocks. */
  requestSync(face: Face, handler: number, ...args: unknown[]): unknown {
    this.checkBlocking();
    if (this.writeRequest(handler, args)) this.sendNow(true);
    return this.waitFor(face);
  }

  // --- waiting -----------------------------------------------------------------------------------------------------

  private checkBlocking(): void {
    if (!this.transport.canBlock)
      throw codedError(
        new TypeError('this connection runs over a Node stream: blocking calls need a socket of the engine (connect, connectSync); await the call instead'),
        'ERR_RPYC_BLOCKING_UNSUPPORTED',
      );
    checkDepth();
  }

  /** Waits for the request just written. */
  private waitFor(face: Face, timeoutMs?: number): unknown {
    const seconds = this.config.sync_request_timeout;
    const waiter = new Waiter(face);
    this.pending.add(this.seq - 1, waiter);
    this.block(waiter, this.seq - 1, timeoutMs ?? (seconds === null ? Number.POSITIVE_INFINITY : seconds * 1000));
    return waiter.result();
  }

  private block(waiter: Waiter, seq: number, timeoutMs: number): void {
    let started = 0;
    let quiet = 0;
    blockingWaits++;
    try {
      if (this.batches.length !== 0) this.drain();
      while (!waiter.done) {
        const code = wait(this.handle, timeoutMs === Number.POSITIVE_INFINITY ? -1 : timeoutMs);
        if (code === Status.INTERRUPTED) throw this.interrupted(seq);
        if (code !== 0) {
          this.onBatch(code);
          if (waiter.done) break;
        }
        // Traffic that is not the answer does not stop the clock.
        const now = performance.now();
        if (started === 0) started = code === 0 ? now - Math.min(SLICE, timeoutMs) : now;
        if (code !== 0 || quiet === 0) quiet = code === 0 ? started : now;
        if (now - started >= timeoutMs) throw this.expired(seq, timeoutMs);
        if (now - quiet > DEADLOCK_WARNING) this.warnDeadlock();
      }
    } finally {
      blockingWaits--;
    }
  }

  /** The answer may still come: it is unboxed then, and its references are released. */
  private expired(seq: number, timeoutMs: number): TimeoutError {
    this.pending.take(seq);
    const names = [...this.deferred.values()];
    const why = names.length === 0 ? '' : `; ${names.join(', ')} cannot answer before this blocking call ends (async handlers need the event loop)`;
    return new TimeoutError(`result expired: no answer within ${timeoutMs / 1000} s${why}`);
  }

  private interrupted(seq: number): InterruptedError {
    this.pending.take(seq);
    return new InterruptedError(detail());
  }

  private warnDeadlock(): void {
    if (this.warned || this.deferred.size === 0) return;
    this.warned = true;
    const names = [...this.deferred.values()].join(', ');
    process.emitWarning(
      `a blocking call waits while ${names}, an async handler of the same thread, cannot finish before it returns: await the call, or make the handler synchronous`,
      { code: 'RPYC_DEADLOCK' },
    );
  }

  /** An async handler was called during a blocking wait. False: it is to be refused. */
  deferAnswer(seq: number, name: string): boolean {
    if (this.options.refuseAsyncDuringSync) return false;
    this.deferred.set(seq, name);
    return true;
  }

  get blocked(): boolean {
    return blockingWaits > 0;
  }

  answered(seq: number): void {
    if (this.deferred.size !== 0) this.deferred.delete(seq);
  }

  /**
   * Serves whatever arrives within `timeoutMs`, blocking: at least one batch, or nothing. True: something was served.
   */
  serveSync(timeoutMs: number): boolean {
    this.checkBlocking();
    if (this.ending !== undefined) throw new EOFError();
    const deadline = performance.now() + timeoutMs;
    blockingWaits++;
    try {
      for (;;) {
        const code = wait(this.handle, Math.max(0, deadline - performance.now()));
        if (code === Status.INTERRUPTED) throw new InterruptedError(detail());
        if (code !== 0) {
          this.onBatch(code);
          return true;
        }
        if (performance.now() >= deadline) return false;
      }
    } finally {
      blockingWaits--;
    }
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
  private drain(): void {
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
    startReading(arena, at, this, pending === undefined ? 'async' : pending.face);
    let value: unknown;
    try {
      value = readValue();
    } catch (error) {
      pending?.reject(error);
      return;
    }
    if (pending === undefined) return;
    if (kind === MSG_EXCEPTION) pending.reject(loadException(value));
    else pending.resolve(value);
  }

  private onStatus(code: number): void {
    if (code === Status.PROTOCOL) this.fail(new ProtocolError(addon.lastError(this.handle)));
    else if (code === Status.ERRNO) this.end(linkError(getSystemErrorName(-detail())));
    else this.end(new EOFError());
  }

  // --- answers -----------------------------------------------------------------------------------------------------

  /** REPLY; a value that cannot be sent is answered as the exception that says so. */
  reply(seq: number, value: unknown): void {
    if (this.ending !== undefined) return;
    this.exports.begin();
    tx.begin(this.handle, MSG_REPLY, seq, 0, 0);
    let mayNotFit: boolean;
    try {
      writeBox(this, value, 0);
      mayNotFit = this.checkSize();
    } catch (error) {
      tx.rollback();
      this.exports.rollback();
      this.replyException(seq, error);
      return;
    }
    try {
      this.sendNow(tx.commit() || mayNotFit);
    } catch (error) {
      this.replyException(seq, error);
    }
  }

  /** EXCEPTION; one that is larger than a frame is told by its class alone. */
  replyException(seq: number, thrown: unknown): void {
    for (const brief of [false, true]) {
      if (this.ending !== undefined) return;
      this.exports.begin();
      tx.begin(this.handle, MSG_EXCEPTION, seq, 0, 0);
      writeException(thrown, this.config, this.protocol === 5 ? '5.3.1+node' : '6.0.1+node', brief);
      const mayNotFit = tx.mostBytes > this.options.maxFrame;
      try {
        this.sendNow(tx.commit() || mayNotFit);
        return;
      } catch (error) {
        if ((error as { code?: unknown }).code !== 'ERR_RPYC_FRAME_TOO_LARGE') throw error;
      }
    }
  }

  // --- the peer's objects ------------------------------------------------------------------------------------------

  owns(holder: Holder): boolean {
    return holder.conn === this;
  }

  arrive(rid: number, cls: number, isClass: boolean, face: Face): object {
    return this.netrefs.proxy(this.remote.arrive(rid, cls, isClass), face);
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
