// A server on all cores: an acceptor thread hands each connection to one of several worker threads, which serve it to its end. This file is the
// pool as its user sees it; member.ts is one worker and its successors, acceptor.ts and offers.ts the hand-off, worker.ts what a worker runs.
import { EventEmitter } from 'node:events';
import { codedError } from '../../errors.ts';
import { type Address, OWNS_SOCKETS } from '../../native/peer.ts';
import { CONSOLE } from '../../policy/logger.ts';
import type { Registration } from '../../registry/registration.ts';
import { addressOf, type ListeningAddress, whereOf } from '../address.ts';
import { connectionOptions } from '../copied.ts';
import { milliseconds, type ResolvedLimits } from '../limits.ts';
import type { ServerMetrics } from '../metrics.ts';
import { urlOf } from '../module.ts';
import { isRegistering, register } from '../registering.ts';
import { checkServerOptions, type DrainOptions, type ServerOptions } from '../server.ts';
import { Accepting } from './accepting.ts';
import { addFigures, metricsOf, newFigures } from './board.ts';
import { type Crew, Member, type WorkerEvent, type WorkerState } from './member.ts';
import { DESCRIPTORS } from './offers.ts';
import { type PoolSettings, poolSettings, type WorkerPoolOptions } from './options.ts';

/** What one worker of a pool, and those before it in its place, have done. */
export interface WorkerMetrics extends ServerMetrics {
  /** What it does now. */
  state: WorkerState;
  /** Workers that had its place before. */
  restarts: number;
}

/** What a {@link WorkerPoolServer} has done since it was made: sums over its workers, those that are gone included; and each of them. */
export interface PoolMetrics extends ServerMetrics {
  /** By index. What was refused, the pool knows, and no worker. */
  workers: WorkerMetrics[];
}

interface PoolEvents {
  worker: [event: WorkerEvent];
  error: [error: Error];
  close: [];
}

/**
 * Serves a service on all cores, from one process: an acceptor thread hands each new connection to the worker thread with the fewest. A handler
 * that blocks or computes holds up the clients of its own worker, and nobody else; a worker that crashes, or shows no sign of life for
 * `stuckAfter` seconds, is replaced, and its clients see the end of their connections.
 *
 *     const server = new rpyc.WorkerPoolServer(new URL('./service.js', import.meta.url), { port: 18861, workers: 4 });
 *     await server.start();
 *     process.once('SIGTERM', () => server.drain({ timeout: 10 }));
 *
 * The module's default export is a Service class, an instance, or a function that makes one of its {@link WorkerContext}. It is loaded in every
 * worker: what it keeps in variables, each worker has for itself (`sharedState` for what all share). A connection stays in its worker, so its
 * calls keep their order.
 *
 * Emits `worker` when one begins to serve or ends ({@link WorkerEvent}), `close`, and `error` when every worker has crashed too often: the pool
 * is closed then. Events of connections, diagnostics_channel's included, stay in the workers.
 */
export class WorkerPoolServer extends EventEmitter<PoolEvents> {
  private readonly options: WorkerPoolOptions;
  private readonly settings: PoolSettings;
  private readonly limits: ResolvedLimits;
  private readonly members: readonly Member[];
  private readonly since = performance.now();
  private readonly crew: { -readonly [K in keyof Crew]: Crew[K] };
  private state: 'new' | 'starting' | 'open' | 'ending' | 'closed' = 'new';
  private where: Address | undefined;
  private watch: NodeJS.Timeout | undefined;
  private marks = 0;
  private registration: Registration | undefined;
  private draining: Promise<number> | undefined;
  private closing: Promise<void> | undefined;

  /**
   * @param module URL or path of the service module
   * @throws {TypeError} for an option that cannot be given to another thread, {RangeError} for one out of its range
   */
  constructor(module: URL | string, options: WorkerPoolOptions = {}) {
    super();
    if (!OWNS_SOCKETS || process.platform === 'win32')
      throw codedError(
        new TypeError('a WorkerPoolServer needs Node on a POSIX system, where threads share descriptors: use Server'),
        'ERR_RPYC_BLOCKING_UNSUPPORTED',
      );
    if (options.reusePort === true && options.socketPath !== undefined)
      throw new TypeError('reusePort is for TCP: leave it or socketPath out');
    this.limits = checkServerOptions(options);
    this.settings = poolSettings(options);
    this.options = options;
    const { workers, sharedState, stuckAfter, maxCrashes, resourceLimits, ...serverOptions } = options;
    this.crew = {
      settings: this.settings,
      module: urlOf(module),
      options: connectionOptions(serverOptions, 'the workers of a WorkerPoolServer'),
      marks: new Int32Array(new SharedArrayBuffer(options.reusePort === true ? 4 : 4 * DESCRIPTORS)),
      logger: options.logger === undefined ? CONSOLE : options.logger,
      isReferenced: true,
      accepting: undefined,
      listening: {},
      address: undefined,
      nextMark: () => ++this.marks,
      happened: (event) => this.happened(event),
    };
    this.members = Array.from({ length: this.settings.workers }, (_, index) => new Member(index, this.crew));
  }

  /**
   * Resolves when every worker has loaded the service, and the pool listens.
   * @throws a system error, EADDRINUSE for a taken port; ERR_RPYC_WORKER for a module that a worker cannot load, `cause` being what it threw
   */
  async start(): Promise<this> {
    if (this.state !== 'new') throw new Error('the server was started or closed before: make a new one');
    this.state = 'starting';
    try {
      await (this.options.reusePort === true ? this.listenEach() : this.listenOnce());
    } catch (error) {
      this.checkStarting();
      await this.close();
      throw error;
    }
    this.checkStarting();
    this.state = 'open';
    this.watchBeats();
    const { where, options, crew } = this;
    const [{ names }] = this.members;
    if (where !== undefined && isRegistering(options)) this.registration = register(names, where, options, crew.logger);
    return this;
  }

  /** It may be closed while it starts. */
  private checkStarting(): void {
    if (this.state !== 'starting') throw new Error('the server was closed: make a new one');
  }

  /** Binds before any worker is started, and accepts when all are there. */
  private async listenOnce(): Promise<void> {
    const { crew } = this;
    const where = await whereOf(this.options);
    this.checkStarting();
    const accepting = new Accepting(where, this.limits, crew.marks, crew.logger, crew.isReferenced);
    crew.accepting = accepting;
    crew.address = this.where = await accepting.bound;
    void accepting.ended.then(() => {
      if (this.state === 'open') this.fail(new Error('the acceptor of the pool has ended'));
    });
    await this.load();
    this.checkStarting();
    await Promise.all(this.members.map((member) => member.serve()));
    accepting.open();
  }

  /** SO_REUSEPORT: each worker has a listener of its own, and its share of what bounds the pool. */
  private async listenEach(): Promise<void> {
    const { crew, settings, limits } = this;
    await this.load();
    const { address } = (await whereOf(this.options)) as { address: string };
    const { port, backlog, reuseAddr, acceptRate } = this.options;
    const share: ServerOptions = {
      hostname: address,
      reusePort: true,
      maxConnections: Math.ceil(limits.maxConnections / settings.workers),
    };
    if (backlog !== undefined) share.backlog = backlog;
    if (reuseAddr !== undefined) share.reuseAddr = reuseAddr;
    if (acceptRate !== undefined && acceptRate !== null) share.acceptRate = acceptRate / settings.workers;
    const [first, ...others] = this.members;
    this.where = await first.serve({ ...share, port: port ?? 0 });
    crew.listening = { ...share, port: this.port };
    await Promise.all(others.map((member) => member.serve()));
  }

  private async load(): Promise<void> {
    this.checkStarting();
    try {
      await Promise.all(this.members.map((member) => member.load()));
    } catch (cause) {
      throw codedError(
        new Error(`a worker could not load ${this.crew.module}: ${(cause as Error).message}`, { cause }),
        'ERR_RPYC_WORKER',
      );
    }
  }

  private watchBeats(): void {
    const { stuckAfter } = this.settings;
    if (stuckAfter === Number.POSITIVE_INFINITY) return;
    const interval = Math.min(1000, stuckAfter / 4);
    let last = performance.now();
    this.watch = setInterval(() => {
      // What this thread did not look at, no worker is to blame for.
      const elapsed = Math.min(performance.now() - last, 2 * interval);
      last = performance.now();
      for (const member of this.members) member.check(elapsed);
    }, interval).unref();
  }

  private happened(event: WorkerEvent): void {
    // What a listener throws is nothing to whom it happened.
    queueMicrotask(() => this.emit('worker', event));
    if (event.state === 'given up' && this.members.every(({ state }) => state === 'given up'))
      this.fail(
        codedError(
          new Error('every worker of the pool has crashed too often: the pool is closed', { cause: event.error }),
          'ERR_RPYC_WORKER',
        ),
      );
  }

  private fail(error: Error): void {
    void this.close().then(() => this.emit('error', error));
  }

  /** The TCP port that the server listens on. */
  get port(): number {
    return this.address.port;
  }

  /** Where the server listens: host and port, or the path of its socket (port 0). */
  get address(): ListeningAddress {
    return addressOf(this.where);
  }

  /**
   * What the server has done so far. Read from memory that the workers share: connections are of now, requests and bytes up to a quarter of a
   * second old, or older in a worker whose handler does not return.
   */
  metrics(): PoolMetrics {
    const uptime = (performance.now() - this.since) / 1000;
    const sum = newFigures();
    const workers = this.members.map((member): WorkerMetrics => {
      const own = newFigures();
      member.count(own);
      addFigures(sum, own);
      return { ...metricsOf(own, uptime), state: member.state, restarts: member.restarts };
    });
    if (this.crew.accepting !== undefined) addFigures(sum, this.crew.accepting.board.figures);
    return { ...metricsOf(sum, uptime), workers };
  }

  /** Lets the process end while the server only waits for connections. (Those that are open do not keep it alive then, either.) */
  unref(): this {
    return this.hold(false);
  }

  /** Undoes `unref`. */
  ref(): this {
    return this.hold(true);
  }

  private hold(on: boolean): this {
    this.crew.isReferenced = on;
    this.crew.accepting?.ref(on);
    for (const member of this.members) member.ref(on);
    return this;
  }

  /**
   * The orderly end: stops accepting, lets the calls that are being served end and their answers leave, then says goodbye to each client; in each
   * worker as `Server.drain` does. Resolves with the number of connections that were cut because they took longer than `timeout`.
   * @throws {RangeError} for a time-out that is none
   */
  drain({ timeout }: DrainOptions = {}): Promise<number> {
    const limit = milliseconds('timeout', timeout, 30);
    this.draining ??= this.finish(limit);
    return this.draining;
  }

  private async finish(limitMs: number): Promise<number> {
    if (this.state === 'closed') return 0;
    await this.stopAccepting();
    const cut = await Promise.all(this.members.map((member) => member.drain(limitMs)));
    await this.end();
    return cut.reduce((sum, count) => sum + count, 0);
  }

  private async stopAccepting(): Promise<void> {
    this.state = 'ending';
    void this.registration?.stop();
    await this.crew.accepting?.close();
  }

  /** Stops listening and closes every connection, whatever it does; workers that do not answer are terminated after two seconds. */
  close(): Promise<void> {
    this.closing ??= this.shut();
    return this.closing;
  }

  private async shut(): Promise<void> {
    if (this.state !== 'closed') {
      await this.stopAccepting();
      await Promise.all(this.members.map((member) => member.close()));
    }
    await this.end();
  }

  private async end(): Promise<void> {
    await this.registration?.stop();
    if (this.state === 'closed') return;
    this.state = 'closed';
    clearInterval(this.watch);
    this.emit('close');
  }

  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
