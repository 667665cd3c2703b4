// A connection that comes back: notices that the line broke (its end, or a heartbeat without an answer), makes a new one after a pause, and
// finds again what had been reached by names from the root. RPyC has nothing like it.
import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { EOFError, StaleNetrefError, TimeoutError, VersionError } from '../errors.ts';
import { netrefs } from '../netref/maker.ts';
import type { Connection } from '../protocol/connection.ts';
import { holderOf } from '../refs/holder.ts';
import type { RootSource } from '../refs/netrefs.ts';
import { Lineages } from './lineage.ts';
import { Backoff, type RetryOptions, secondsOf } from './retry.ts';

/** How a connection comes back. The pauses are those of `retry`; `attempts` is Infinity by default, `maxDelay` 30. */
export interface ReconnectOptions extends RetryOptions {
  /** Seconds of silence after which the peer is asked whether it is there (PING); 0: never. Default 10. */
  heartbeat?: number;
  /** Seconds until such a question counts as unanswered. Default that of `heartbeat`. */
  heartbeatTimeout?: number;
  /** Seconds that what starts at `conn.root` waits for the line to be back; 0: not at all. Default 30. */
  wait?: number;
}

/** What is going on between two connections. */
export interface Reconnecting {
  /** Number of the attempt that follows, from 1. */
  readonly attempt: number;
  /** Seconds until then. */
  readonly delay: number;
  /** Why the line broke, or the attempt before failed. */
  readonly error: Error;
}

/** States of a {@link ReconnectingConnection}: `gone` when all attempts have failed, `closed` by us. */
export type ReconnectState = 'connected' | 'reconnecting' | 'gone' | 'closed';

interface ReconnectEvents {
  disconnect: [error: Error];
  reconnecting: [what: Reconnecting];
  reconnect: [conn: Connection];
  gone: [error: Error];
  close: [];
}

/** Makes a line; the first one without a signal. */
type Dial = (closing?: AbortSignal) => Promise<Connection>;

interface Resolved {
  readonly backoff: Backoff;
  /** ms; 0: none. */
  readonly heartbeat: number;
  /** s */
  readonly heartbeatTimeout: number;
  /** ms */
  readonly wait: number;
}

function resolve(given: true | ReconnectOptions): Resolved {
  const { heartbeat = 10, heartbeatTimeout = heartbeat || 10, wait = 30, ...retry } = given === true ? {} : given;
  return {
    backoff: new Backoff({ attempts: Number.POSITIVE_INFINITY, maxDelay: 30, ...retry }),
    heartbeat: heartbeat === 0 ? 0 : secondsOf('heartbeat', heartbeat),
    heartbeatTimeout: secondsOf('heartbeatTimeout', heartbeatTimeout) / 1000,
    wait: wait === 0 ? 0 : secondsOf('wait', wait),
  };
}

/**
 * A connection that is made anew when its line breaks: what `connect` returns with the option `reconnect`.
 *
 *     const conn = await rpyc.connect('localhost', 18861, { reconnect: true });
 *     const tools = await conn.root.math.tools;
 *     conn.on('reconnect', () => subscribeAgain(conn.root));
 *
 * `conn.root` and what was read from it by names alone (`conn.root.math.tools`, also when it was awaited) lead to the new server after a
 * reconnect. What a call returned does not: using it throws a {@link StaleNetrefError}. A call that was under way when the line broke rejects
 * with an {@link EOFError} and is never repeated, since it may have been done. What starts at `conn.root` meanwhile waits.
 *
 * Emits `disconnect` when the line broke, `reconnecting` before each attempt, `reconnect` when the line is back, `gone` when all attempts have
 * failed, and `close` at the end that `close()` makes. The service of this side, where it is a class, is made anew for each line.
 */
export class ReconnectingConnection extends EventEmitter<ReconnectEvents> {
  private readonly dial: Dial;
  private readonly options: Resolved;
  private readonly lineages = new Lineages((ending) => this.refusal(ending));
  private readonly closing = new AbortController();
  private now: ReconnectState = 'reconnecting';
  private line: Connection | undefined;
  private beat: NodeJS.Timeout | undefined;
  private referenced = true;
  /** Why there is no line, while there is none. */
  private ending: Error = new EOFError();
  private readonly waiting = new Set<{ resolve(): void; reject(error: Error): void }>();
  /** The peer's service, by whatever line there is. Awaitable: `await conn.root.add(5, 10)`. */
  // biome-ignore lint/suspicious/noExplicitAny: a remote object has whatever attributes it has
  readonly root: any = netrefs.rootPath(this.source());

  private constructor(dial: Dial, options: Resolved) {
    super();
    this.dial = dial;
    this.options = options;
  }

  /** The first line. @internal Made by `connect`. */
  static async open(dial: Dial, options: true | ReconnectOptions): Promise<ReconnectingConnection> {
    const made = new ReconnectingConnection(dial, resolve(options));
    await made.adopt(await dial());
    return made;
  }

  /** Connected, or why not. */
  get state(): ReconnectState {
    return this.now;
  }

  /** The connection of the moment; undefined while there is none. Another one after each `reconnect`. */
  get connection(): Connection | undefined {
    return this.now === 'connected' ? this.line : undefined;
  }

  /** Is it over for good: closed by us, or gone? */
  get closed(): boolean {
    return this.now === 'closed' || this.now === 'gone';
  }

  /** The service, once there is a line. @throws {EOFError} when there will be none, {TimeoutError} when there is none within `wait` */
  async fetchRoot(): Promise<object> {
    if (this.now !== 'connected') await this.untilConnected();
    return (this.line as Connection).fetchRoot();
  }

  /** Where paths from `root` start: at the line that there is when they are used. A blocking call cannot wait for one. */
  private source(): RootSource {
    const line = (): Connection => {
      if (this.line === undefined) throw this.refusal(this.ending);
      return this.line;
    };
    return {
      get root() {
        return line().root;
      },
      fetchRoot: () => this.fetchRoot(),
      fetchRootSync: () => line().fetchRootSync(),
    };
  }

  /** Asks the peer to echo; see `Connection.ping`. */
  async ping(data?: string | Uint8Array, timeout?: number): Promise<void> {
    if (this.now !== 'connected') await this.untilConnected();
    await (this.line as Connection).ping(data, timeout);
  }

  /** Says goodbye, closes, and never connects again. */
  async close(): Promise<void> {
    if (this.now === 'closed') return;
    this.now = 'closed';
    clearInterval(this.beat);
    this.closing.abort();
    this.release(new EOFError());
    await this.line?.close();
    this.emit('close');
  }

  /** `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Lets the process end while nothing is under way. */
  unref(): this {
    this.referenced = false;
    this.line?.unref();
    return this;
  }

  /** Undoes `unref`. */
  ref(): this {
    this.referenced = true;
    this.line?.ref();
    return this;
  }

  // --- the line ----------------------------------------------------------------------------------------------------

  /** Makes it the line of this connection. @throws what ended it meanwhile */
  private async adopt(conn: Connection): Promise<void> {
    try {
      const root = holderOf(await conn.fetchRoot());
      if (root !== undefined) {
        await this.lineages.renew(root);
        this.lineages.add(root);
      }
      if (conn.closed) throw new EOFError('the connection broke again at once');
    } catch (error) {
      conn.abort();
      throw error;
    }
    if (this.now === 'closed') {
      await conn.close();
      return;
    }
    conn.keepLineage(this.lineages);
    conn.once('close', (error) => this.lost(conn, error));
    if (!this.referenced) conn.unref();
    this.line = conn;
    this.now = 'connected';
    this.watch(conn);
    this.release();
  }

  /** Heartbeats: only in silence, and not while the peer works for us, since Python answers one request at a time. */
  private watch(conn: Connection): void {
    const { heartbeat, heartbeatTimeout } = this.options;
    if (heartbeat === 0) return;
    let seen = -1;
    let asking = false;
    this.beat = setInterval(() => {
      const { bytesIn, pending } = conn.stats;
      const isSilent = bytesIn === seen;
      seen = bytesIn;
      if (!isSilent || pending > 0 || asking || conn.closed) return;
      asking = true;
      conn
        .ping('beat', heartbeatTimeout)
        .catch((error: unknown) => {
          if (error instanceof TimeoutError)
            conn.fail(new EOFError(`no answer to a heartbeat within ${heartbeatTimeout} s`, { cause: error }));
        })
        .finally(() => {
          asking = false;
        });
    }, heartbeat);
    this.beat.unref();
  }

  private lost(conn: Connection, error: Error): void {
    clearInterval(this.beat);
    if (this.now !== 'connected' || this.line !== conn) return;
    this.now = 'reconnecting';
    this.line = undefined;
    this.ending = error;
    this.emit('disconnect', error);
    this.reconnect(error).catch((fault: unknown) => {
      // A listener threw: nobody else is to be told, and the process is.
      process.nextTick(() => {
        throw fault;
      });
    });
  }

  private async reconnect(why: Error): Promise<void> {
    const { backoff } = this.options;
    let error = why;
    for (let attempt = 1; attempt <= backoff.attempts && !this.closed; attempt++) {
      const pause = backoff.pause(attempt);
      this.emit('reconnecting', { attempt, delay: pause / 1000, error });
      try {
        await sleep(pause, undefined, { signal: this.closing.signal, ref: this.referenced });
        await this.adopt(await this.dial(this.closing.signal));
      } catch (failed) {
        if (this.closed) return;
        error = failed as Error;
        if (error instanceof VersionError) break;
        continue;
      }
      if (this.now === 'connected') this.emit('reconnect', this.line as unknown as Connection);
      return;
    }
    if (this.closed) return;
    this.now = 'gone';
    this.ending = error;
    this.release(this.refusal(error));
    this.emit('gone', error);
  }

  // --- whoever waits -----------------------------------------------------------------------------------------------

  private async untilConnected(): Promise<void> {
    const { wait } = this.options;
    if (this.closed || wait === 0) throw this.refusal(this.ending);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () =>
          settle(() => reject(new TimeoutError(`the line is not back after ${wait / 1000} s: ${this.ending.message}`))),
        wait,
      );
      const settle = (how: () => void): void => {
        clearTimeout(timer);
        this.waiting.delete(waiter);
        how();
      };
      const waiter = {
        resolve: () => settle(resolve),
        reject: (error: Error) => settle(() => reject(error)),
      };
      this.waiting.add(waiter);
    });
  }

  private release(error?: Error): void {
    for (const waiter of [...this.waiting]) {
      if (error === undefined) waiter.resolve();
      else waiter.reject(error);
    }
  }

  /** What is told to whoever uses an object of a line that has ended. */
  private refusal(ending: Error): Error {
    const cause = { cause: ending };
    if (this.now === 'closed') return new EOFError();
    if (this.now === 'gone') return new EOFError(`the peer is gone, and did not come back: ${ending.message}`, cause);
    if (this.now === 'reconnecting')
      return new EOFError(
        `the line broke and is being restored (${ending.message}): wait for the event 'reconnect'`,
        cause,
      );
    return new StaleNetrefError(
      'this object was of a line that broke, and could not be found again on the new one: ask for it anew, by names from conn.root or by the call that returned it',
      cause,
    );
  }
}
