// One RPyC connection as its user sees it, client or server side alike, in its two faces. Composes the parts and tells each when it is over:
// link.ts (state of the line), peer.ts (what we ask), inbox.ts (what arrives), dispatch.ts (what the peer asks), blocking.ts (waits).
// Owns the two roots. Answers to the class Connection of rpyc/core/protocol.py.
import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { getSystemErrorName } from 'node:util';
import { Exports } from '../boxing/exports.ts';
import { BoxReader } from '../boxing/reader.ts';
import { HANDLE_GETROOT } from '../constants.ts';
import { EOFError, ProtocolError } from '../errors.ts';
import { Status } from '../native/addon.ts';
import { detail, flush, nameId, tx } from '../native/engine.ts';
import { addon } from '../native/load.ts';
import { tlsFailure } from '../native/tls.ts';
import { linkError, type Transport } from '../native/transport.ts';
import { Access } from '../policy/access.ts';
import type { Config, ResolvedOptions } from '../policy/config.ts';
import type { Face } from '../refs/face.ts';
import { type Holder, holderOf, type Lineage, type Peer } from '../refs/holder.ts';
import type { NetrefMaker, RootSource } from '../refs/netrefs.ts';
import { Waiter } from '../refs/waiter.ts';
import { type Batches, Blocking, Deferred } from './blocking.ts';
import { droppedAll } from './chain.ts';
import { Dispatcher } from './dispatch.ts';
import { Flow } from './flow.ts';
import type { Serving } from './handlers.ts';
import { Inbox } from './inbox.ts';
import { Link } from './link.ts';
import { meetsItself } from './meeting.ts';
import { type Connected, connects, type Disconnected, disconnects } from './observe.ts';
import { RemotePeer } from './peer.ts';
import { PendingTable } from './pending.ts';
import { ping, pingSync } from './ping.ts';
import { pollAllSync, ServeWaits, serveAllSync } from './ported.ts';
import { type ConnectionStats, statisticsOf } from './statistics.ts';

/** Who answers on our side. Services implement it (service/service.ts). */
export interface LocalRoot {
  /** The object that GETROOT returns. */
  readonly object: object;
  /** Face of references that enter our handlers. */
  readonly face: Face;
  /** GETROOT waits for it. */
  connected(conn: Connection): void | Promise<void>;
  disconnected(conn: Connection): void | Promise<void>;
}

/** What a connection is made of. */
export interface ConnectionParts {
  transport: Transport;
  root: LocalRoot;
  config: Config;
  options: ResolvedOptions;
  netrefs: NetrefMaker;
  /** Servers: wire version to speak if we have to talk before the peer did. */
  speaks?: 5 | 6;
  /** Does its address say that the other end is a listener of this same thread? `meet` proves it. */
  ownListener?: boolean;
}

/** How long `close` waits for the peer to hang up, ms. */
const CLOSE_WAIT = 1000;
/** How often `finish` looks whether everything is written, ms. */
const FLUSH_POLL = 10;

/** Interned id of a type's name; when the table is full (65,536 classes), all further ones share a name. */
function typeNameId(name: string): number {
  return nameId(name) || nameId('js.object');
}

interface ConnectionEvents {
  close: [error: Error];
  error: [error: Error];
}

/** A connection, seen through its awaitable face; `sync` is the blocking one. Emits 'close' and, for a broken peer, 'error'. */
export class Connection extends EventEmitter<ConnectionEvents> implements RootSource {
  /** RPyC's configuration of this connection. */
  readonly config: Config;
  /** The same connection, blocking: `conn.sync.root.add(1, 2)` returns 3. */
  readonly sync: SyncConnection;

  private readonly link: Link;
  private readonly exports: Exports;
  private readonly pending = new PendingTable();
  private readonly flow: Flow;
  private readonly dispatcher: Dispatcher;
  private readonly peer: RemotePeer;
  private readonly inbox: Inbox;
  private readonly localRoot: LocalRoot;
  private readonly netrefs: NetrefMaker;
  private readonly waits = new ServeWaits();
  private readonly onDrain: (() => void)[] = [];
  private remoteRoot: Holder | undefined;
  /** Settles when the service's onConnect has; undefined when there is nothing to wait for. */
  private connecting: Promise<void> | undefined;

  /** @internal Made by `connect` and by servers. */
  constructor({ transport, root, config, options, netrefs, speaks, ownListener = false }: ConnectionParts) {
    super();
    this.config = config;
    this.localRoot = root;
    this.netrefs = netrefs;
    const { pending } = this;
    const exports = new Exports(typeNameId, options.maxReferences);
    this.exports = exports;

    const link = new Link(transport, config, options, speaks ?? 0, ownListener, {
      onEnd: (error) => this.onEnd(error),
      onFailure: (error) => this.onFailure(error),
    });
    const flow = new Flow(link, pending);
    const deferred = new Deferred();
    const batches: Batches = { onBatch: (code) => this.onBatch(code), drain: () => this.inbox.drain() };
    const blocking = new Blocking(link, batches, deferred);
    const peer = new RemotePeer(link, exports, tx, pending, blocking, netrefs);
    const reader = new BoxReader(options, exports, peer.remote);
    const serving: Serving = {
      peer,
      config,
      exports,
      root,
      access: new Access(config),
      connected: () => this.connecting,
      metItself: () => {
        link.sameThread = true;
      },
    };
    const dispatcher = new Dispatcher(link, reader, peer.outbox, deferred, flow, serving);
    this.link = link;
    this.flow = flow;
    this.dispatcher = dispatcher;
    this.peer = peer;
    this.inbox = new Inbox(pending, peer.oneway, reader, peer.remote, dispatcher);
    this.sync = new SyncConnection(this, peer);
  }

  /** Begins to serve, and tells the local service. */
  start(): void {
    const { pending } = this;
    this.link.start({
      onBatch: (code) => this.onBatch(code),
      onDrained: () => this.onDrained(),
      onCollected: () => this.onCollected(),
      get awaits() {
        return pending.size > 0;
      },
    });
    if (connects.hasSubscribers) {
      const { connid, endpoints } = this.config;
      connects.publish({ connid, endpoints, connection: this } satisfies Connected);
    }
    const connected = this.localRoot.connected(this);
    if (connected !== undefined) {
      this.connecting = connected.finally(() => {
        this.connecting = undefined;
      });
      this.connecting.catch((error: unknown) => this.fail(error as Error));
    }
  }

  // --- state -------------------------------------------------------------------------------------------------------

  /** Is the connection over, or being closed? */
  get closed(): boolean {
    return this.link.closed;
  }

  /** Wire version that the peer speaks (5 or 6), 0 before its first message. */
  get protocol(): number {
    return this.link.protocol;
  }

  /** Does the peer send thread ids (RPYC_BIND_THREADS)? */
  get bound(): boolean {
    return this.link.bound;
  }

  /** Did the peer say goodbye (CLOSE), rather than just vanish? */
  get closedByPeer(): boolean {
    return this.link.closedByPeer;
  }

  /**
   * Who the peer is, as its authenticator said: a certificate over TLS (null where it has none), a token's `{ identity }`, whatever a function
   * returned; a list where there were several. Null where nobody asked. RPyC's `config['credentials']`.
   */
  get credentials(): unknown {
    return this.config.credentials;
  }

  /** Traffic so far; after the end, what it was then. */
  get stats(): ConnectionStats {
    return statisticsOf(this.link, this.exports, this.pending, this.flow, this.dispatcher);
  }

  /** Lets the process end while this connection is open and idle. */
  unref(): this {
    this.link.ref(false);
    return this;
  }

  /** Undoes `unref`. */
  ref(): this {
    this.link.ref(true);
    return this;
  }

  // --- the peer's root ---------------------------------------------------------------------------------------------

  /** The peer's service. Awaitable: `await conn.root.add(5, 10)`. */
  // biome-ignore lint/suspicious/noExplicitAny: a remote object has whatever attributes it has
  get root(): any {
    const root = this.knownRoot;
    return root === undefined ? this.netrefs.rootPath(this) : this.netrefs.proxy(root, 'async');
  }

  /** The root's holder, once it was fetched and as long as it was not released. */
  private get knownRoot(): Holder | undefined {
    return this.remoteRoot?.released === true ? undefined : this.remoteRoot;
  }

  /** GETROOT, once. Also the probe for the peer's wire version. */
  async fetchRoot(): Promise<object> {
    if (this.knownRoot === undefined) this.keepRoot(await this.peer.ask('async', HANDLE_GETROOT, []));
    return this.root;
  }

  /**
   * `fetchRoot` that blocks; what it returns blocks as well.
   * @param timeoutMs instead of `sync_request_timeout`
   */
  fetchRootSync(timeoutMs?: number): object {
    const root = this.knownRoot ?? this.keepRoot(this.peer.askWithin('sync', HANDLE_GETROOT, [], timeoutMs));
    return this.netrefs.proxy(root, 'sync');
  }

  /** Has `lineage` follow how its objects are come by. @internal */
  keepLineage(lineage: Lineage): void {
    this.link.lineage = lineage;
  }

  /** Finds out whether the other end is served by this same thread, for both ends. Asks the peer. @internal */
  async meet(): Promise<void> {
    this.link.sameThread = await meetsItself(this.peer);
  }

  private keepRoot(root: unknown): Holder {
    const holder = holderOf(root);
    if (holder === undefined) throw new ProtocolError('the peer answered GETROOT with a value instead of an object');
    this.remoteRoot = holder;
    return holder;
  }

  // --- the end -----------------------------------------------------------------------------------------------------

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
    this.abort();
  }

  /** `close` that blocks. */
  closeSync(): void {
    if (!this.sayGoodbye()) return;
    this.peer.serveUntilEnd(CLOSE_WAIT);
    this.abort();
  }

  /** True: said, and the peer is still there. */
  private sayGoodbye(): boolean {
    const { link } = this;
    if (link.closed) return false;
    try {
      this.config.before_closed?.(this.root);
    } catch (error) {
      if (!this.config.close_catchall) throw error;
    } finally {
      if (!link.ended) {
        link.goodbye(() => this.peer.outbox.goodbye());
        this.flow.stop();
      }
    }
    return !link.ended;
  }

  /** `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The connection is broken: tell whoever waits, and whoever listens for 'error'. */
  fail(error: Error): void {
    this.link.fail(error);
  }

  /** Closes without a goodbye. */
  abort(): void {
    this.link.end(new EOFError());
  }

  private onEnd(error: Error): void {
    this.inbox.clear();
    this.flow.stop();
    droppedAll(this.peer);
    this.exports.clear();
    this.peer.oneway.clear();
    const waiting = this.pending.takeAll();
    for (const pending of waiting) if (!(pending instanceof Waiter)) pending.reject(error);
    for (const pending of waiting) if (pending instanceof Waiter) pending.reject(error);
    this.onDrained();
    this.waits.end();
    const unheard = (thrown: unknown): void =>
      this.config.logger?.error(`${this.config.connid}: onDisconnect failed:`, thrown);
    try {
      const done = this.localRoot.disconnected(this);
      if (done instanceof Promise) done.catch(unheard);
    } catch (thrown) {
      unheard(thrown);
    }
    if (disconnects.hasSubscribers) {
      const { config, closedByPeer, stats } = this;
      disconnects.publish({
        connid: config.connid,
        error,
        closedByPeer,
        stats,
        connection: this,
      } satisfies Disconnected);
    }
    this.tell('close', error);
  }

  /**
   * The orderly end: what is being served is answered, further requests are not begun, everything is written, then `close`.
   * @internal
   */
  async finish(): Promise<void> {
    await this.flow.drain();
    while (!this.link.closed && this.link.queued > 0) await sleep(FLUSH_POLL);
    await this.close();
  }

  private onFailure(error: Error): void {
    if (this.listenerCount('error') > 0) this.tell('error', error);
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

  // --- traffic -----------------------------------------------------------------------------------------------------

  /** A batch of records, or a Status, from the loop or a blocking wait. */
  private onBatch(code: number): void {
    const { link } = this;
    if (link.ended) return;
    if (code > 0) this.inbox.receive(code);
    else if (code === Status.BIG) this.inbox.receiveBig(link.handle);
    else if (code === Status.PROTOCOL) link.fail(new ProtocolError(addon.lastError(link.handle)));
    else if (code === Status.TLS) link.end(tlsFailure(addon.lastError(link.handle)));
    else if (code === Status.ERRNO) link.lost(linkError(getSystemErrorName(-detail())));
    else if (code < 0) link.lost(new EOFError());
    if (code !== 0) this.waits.served();
    if (!link.ended) this.peer.remote.sweepIfDue();
  }

  /** Garbage was collected: netref holders may have died. */
  private onCollected(): void {
    if (!this.link.ended) this.peer.remote.sweepAll();
  }

  /** The write queue fell below half the high-water mark. */
  private onDrained(): void {
    this.peer.outbox.drained();
    this.flow.unchoke();
    for (const resume of this.onDrain.splice(0)) resume();
  }

  /**
   * Resolves when no more than `highWater` is queued for the peer (once above, when half of it is), or the connection is closed:
   * the way to pace many unawaited calls.
   */
  async drained(): Promise<void> {
    flush();
    while (!this.link.ended && this.link.queued > this.link.options.highWater)
      await new Promise<void>((resume) => this.onDrain.push(resume));
  }

  /**
   * Any request by its handler number (rpyc/core/consts.py), for what has no name here: `conn.asyncRequest(13, ref)` is `dir(ref)`.
   * A promise of the answer, references in it awaitable. RPyC's `async_request`.
   */
  asyncRequest(handler: number, ...args: unknown[]): Promise<unknown> {
    return this.peer.ask('async', handler, args);
  }

  /**
   * Asks the peer to echo `data`.
   * @param timeout seconds, default 3
   * @throws {TimeoutError} when the answer takes longer, {ProtocolError} when it differs
   */
  ping(data?: string | Uint8Array, timeout = 3): Promise<void> {
    return ping(this.peer, data, timeout);
  }

  /**
   * RPyC's `serve` for ported code. The event loop serves this connection by itself; this resolves when something was served, or after
   * `timeout` seconds (default 1; null: no limit). True: something was.
   */
  serve(timeout: number | null = 1): Promise<boolean> {
    return this.waits.serve(timeout);
  }

  /** RPyC's `poll` for ported code: `serve` without waiting unless told to. */
  poll(timeout = 0): Promise<boolean> {
    return this.waits.serve(timeout);
  }

  /** RPyC's `poll_all` for ported code: resolves after `timeout` seconds, in which the event loop serves. True: something was served. */
  pollAll(timeout = 0): Promise<boolean> {
    return this.waits.pollAll(timeout);
  }

  /** RPyC's `serve_all` for ported code: resolves when the connection is closed. */
  serveAll(): Promise<void> {
    return this.waits.serveAll();
  }
}

/** A connection whose calls block this thread; `async` is the same connection, awaitable. Owns nothing. */
export class SyncConnection {
  /** The awaitable face. */
  readonly async: Connection;
  private readonly peer: Peer;

  /** @internal */
  constructor(connection: Connection, peer: Peer) {
    this.async = connection;
    this.peer = peer;
  }

  /** The peer's service. Blocking: `conn.root.add(5, 10)` returns 15. */
  // biome-ignore lint/suspicious/noExplicitAny: a remote object has whatever attributes it has
  get root(): any {
    return this.async.fetchRootSync();
  }

  /** Is the connection over, or being closed? */
  get closed(): boolean {
    return this.async.closed;
  }

  /** Who the peer is; see `Connection.credentials`. */
  get credentials(): unknown {
    return this.async.credentials;
  }

  /** Traffic so far; after the end, what it was then. */
  get stats(): ConnectionStats {
    return this.async.stats;
  }

  /** Any request by its handler number (rpyc/core/consts.py); its answer, references in it blocking. RPyC's `sync_request`. */
  syncRequest(handler: number, ...args: unknown[]): unknown {
    return this.peer.askSync('sync', handler, args);
  }

  /**
   * Asks the peer to echo `data`.
   * @throws {TimeoutError} after `sync_request_timeout`, {ProtocolError} when the echo differs
   */
  ping(data?: string | Uint8Array): void {
    pingSync(this.peer, data);
  }

  /** Says goodbye and closes. Waits a second at most for the peer to hang up. */
  close(): void {
    this.async.closeSync();
  }

  /** RPyC's `serve`: handles what arrives within `timeout` seconds (default 1), one batch at least. True: there was something. */
  serve(timeout = 1): boolean {
    return this.peer.serveSync(timeout * 1000);
  }

  /** RPyC's `poll`: handles what has arrived; never waits longer than `timeout` seconds (default 0). */
  poll(timeout = 0): boolean {
    return this.peer.serveSync(timeout * 1000);
  }

  /** RPyC's `poll_all`: handles everything that arrives within `timeout` seconds. */
  pollAll(timeout = 0): boolean {
    return pollAllSync(this.peer, timeout);
  }

  /** RPyC's `serve_all`: blocks this thread and serves until the connection is closed. The event loop does the same without blocking. */
  serveAll(): void {
    serveAllSync(this.peer);
  }

  /** Lets the process end while this connection is open and idle. */
  unref(): this {
    this.async.unref();
    return this;
  }

  /** `close`, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
