// A server with a process per connection: accepts, and hands each descriptor to a child of its own. Answers to ForkingServer of
// rpyc/utils/server.py. The child is forked.ts. Owns the children, and each descriptor from its accept until its child has it.
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { codedError } from '../errors.ts';
import { OWNS_SOCKETS } from '../native/peer.ts';
import { closeDescriptor, listenForOthers } from '../native/socket.ts';
import { CONSOLE, type Logger } from '../policy/logger.ts';
import type { Registration } from '../registry/registration.ts';
import { addressOf, type ListeningAddress, whereOf } from './address.ts';
import { FORKED, nodeFlags, writeTask } from './child.ts';
import { connectionOptions } from './copied.ts';
import { Gate } from './gate.ts';
import { milliseconds } from './limits.ts';
import { loadService, urlOf } from './module.ts';
import { isRegistering, namesOf, register } from './registering.ts';
import { checkServerOptions, type DrainOptions, type ServerOptions } from './server.ts';

/** Children at a time, unless told otherwise: each is a process of some 40 MB. */
const MAX_CHILDREN = 100;
/** What `close` gives the children, seconds. */
const CLOSE_WAIT = 1;

/** What a {@link ForkingServer} has done since it was made. */
export interface ForkingMetrics {
  /** Children that serve a connection now. */
  children: number;
  /** Connections accepted so far, each with its child. */
  accepted: number;
  /** Connections that were accepted and closed at once: more than `maxConnections`. */
  refused: number;
  /** Children that ended with a status other than 0, or by a signal that was not ours. */
  crashed: number;
  /** Children that were killed because they took longer than the time-out of `drain`. */
  cut: number;
  /** Times that accepting a connection, or starting its child, failed. */
  acceptFailures: number;
  /** Seconds since the server was made. */
  uptime: number;
}

interface ForkingEvents {
  child: [pid: number];
  close: [];
}

/**
 * RPyC's `ForkingServer`: each connection is served by a process of its own, so that nothing one client does, a crash included, is felt by
 * another. It costs some 40 MB and the start of a Node for each, and processes share nothing: of a service that keeps state between clients,
 * each gets its own. POSIX only.
 *
 *     const server = new rpyc.ForkingServer(new URL('./service.js', import.meta.url), { port: 18861, maxConnections: 50 });
 *     await server.start();
 *
 * The module's default export is a Service class, an instance, or a function that returns one; `authenticator`, if it exports that as well,
 * decides who is let in. Options are a {@link Server}'s; they are copied to the children, so they hold no functions (but for `registrar`,
 * which stays here). `maxConnections` is 100 by default.
 * With `autoRegister` the module is loaded in this process as well, for the names of its service. Emits `child` with the pid of each child, and `close`.
 */
export class ForkingServer extends EventEmitter<ForkingEvents> {
  private readonly module: string;
  private readonly options: ServerOptions;
  private readonly gate: Gate;
  private readonly children = new Set<ChildProcess>();
  private readonly task: Buffer;
  private readonly since = performance.now();
  private accepted = 0;
  private crashed = 0;
  private cut = 0;
  private failures = 0;
  private where: readonly [string, number] | undefined;
  private state: 'open' | 'ending' | 'closed' = 'open';
  private draining: Promise<number> | undefined;
  private allGone: (() => void) | undefined;
  private registration: Registration | undefined;

  /**
   * @param module URL or path of the service module
   * @throws {TypeError} for an option that cannot be copied to another process, {RangeError} for one out of its range
   */
  constructor(module: URL | string, options: ServerOptions = {}) {
    super();
    if (!OWNS_SOCKETS || process.platform === 'win32')
      throw codedError(
        new TypeError('a ForkingServer needs Node on a POSIX system, where processes inherit sockets: use Server'),
        'ERR_RPYC_BLOCKING_UNSUPPORTED',
      );
    const limits = checkServerOptions({ ...options, maxConnections: options.maxConnections ?? MAX_CHILDREN });
    this.module = urlOf(module);
    this.options = options;
    this.task = writeTask({
      module: this.module,
      options: connectionOptions(options, 'the children of a ForkingServer'),
    });
    this.gate = new Gate(limits, () => this.logger);
  }

  private get logger(): Logger | null {
    return this.options.logger === undefined ? CONSOLE : this.options.logger;
  }

  /** Resolves when the server listens. @throws a system error, EADDRINUSE for a taken port */
  async start(): Promise<this> {
    if (this.where !== undefined) throw new Error('the server was started before: make a new one');
    const where = await whereOf(this.options);
    // Only for its names: the children serve.
    const service = isRegistering(this.options) ? await loadService(this.module) : undefined;
    if (this.state !== 'open') throw new Error('the server was closed: make a new one');
    const listener = listenForOthers(
      where,
      (fd) => this.knock(fd),
      (error) => this.gate.failed(error),
    );
    this.where = [...listener.address];
    this.gate.guard(listener);
    if (service !== undefined) this.registration = register(namesOf(service), this.where, this.options, this.logger);
    return this;
  }

  private knock(fd: number): void {
    this.gate.passed();
    try {
      if (this.gate.admits(this.children.size)) this.serve(fd);
    } catch (error) {
      this.failed(error as Error);
    } finally {
      // The child has its own copy: `spawn` returns when it runs.
      closeDescriptor(fd);
    }
  }

  private serve(fd: number): void {
    // The descriptor is its CONNECTION_FD.
    const child = spawn(process.execPath, [...nodeFlags(process.execArgv), FORKED], {
      stdio: ['pipe', 'inherit', 'inherit', fd],
    });
    child.once('error', (error) => this.failed(error));
    if (child.pid === undefined || child.stdin === null) return;
    this.accepted++;
    this.children.add(child);
    // It ends before it has read its task: its exit tells.
    child.stdin.on('error', () => undefined);
    child.stdin.end(this.task);
    child.once('exit', (status, signal) => this.ended(child, status, signal));
    this.emit('child', child.pid);
  }

  private failed(error: Error): void {
    this.failures++;
    this.logger?.error(
      `rpyc server: a connection could not be served, its process did not start: ${error.message}`,
      error,
    );
  }

  private ended(child: ChildProcess, status: number | null, signal: string | null): void {
    this.children.delete(child);
    const isOurs = this.state !== 'open' && (signal === 'SIGTERM' || signal === 'SIGKILL');
    if (status !== 0 && !isOurs) {
      this.crashed++;
      const how = status === null ? `by ${signal}` : `with status ${status}`;
      this.logger?.error(`rpyc server: child ${child.pid} ended ${how}; its connection is closed, and no other`);
    }
    if (this.children.size === 0) this.allGone?.();
  }

  /** The TCP port that the server listens on. */
  get port(): number {
    return this.address.port;
  }

  /** Where the server listens: host and port, or the path of its socket (port 0). */
  get address(): ListeningAddress {
    return addressOf(this.where);
  }

  /** What the server has done so far. What its children do, they know alone. */
  metrics(): ForkingMetrics {
    return {
      children: this.children.size,
      accepted: this.accepted,
      refused: this.gate.refused,
      crashed: this.crashed,
      cut: this.cut,
      acceptFailures: this.gate.failures + this.failures,
      uptime: (performance.now() - this.since) / 1000,
    };
  }

  /** Lets the process end while the server only waits for connections. */
  unref(): this {
    this.gate.ref(false);
    return this;
  }

  /** Undoes `unref`. */
  ref(): this {
    this.gate.ref(true);
    return this;
  }

  /**
   * The orderly end: stops accepting, and tells each child to drain (SIGTERM). Resolves with the number of those that were killed because they
   * took longer than `timeout`.
   * @throws {RangeError} for a time-out that is none
   */
  drain({ timeout }: DrainOptions = {}): Promise<number> {
    const limit = milliseconds('timeout', timeout, 30);
    this.draining ??= this.finish(limit);
    return this.draining;
  }

  private async finish(limitMs: number): Promise<number> {
    this.state = 'ending';
    this.gate.close();
    const unregistered = this.registration?.stop();
    const gone = new Promise<void>((resolve) => {
      this.allGone = resolve;
    });
    for (const child of this.children) child.kill('SIGTERM');
    let timer: NodeJS.Timeout | undefined;
    if (limitMs !== Number.POSITIVE_INFINITY) timer = setTimeout(() => this.kill(), Math.min(limitMs, 2 ** 31 - 1));
    if (this.children.size !== 0) await gone;
    clearTimeout(timer);
    await unregistered;
    this.state = 'closed';
    this.emit('close');
    return this.cut;
  }

  private kill(): void {
    for (const child of this.children) if (child.kill('SIGKILL')) this.cut++;
  }

  /** Stops listening and ends every child, those that are in a call after a second. Resolves when all are gone. */
  async close(): Promise<void> {
    if (this.draining === undefined) {
      await this.drain({ timeout: CLOSE_WAIT });
      return;
    }
    this.kill();
    await this.draining;
  }

  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
