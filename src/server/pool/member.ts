// One place of a pool: its worker, and when that ends its successor. Owns the worker's thread, its restarts and its figures.
import { MessageChannel } from 'node:worker_threads';
import type { Address } from '../../native/peer.ts';
import type { Logger } from '../../policy/logger.ts';
import { within } from '../../policy/within.ts';
import type { ServerOptions } from '../server.ts';
import type { Accepting } from './accepting.ts';
import { addFigures, type Board, figure, newBoard, newFigures, Word } from './board.ts';
import { levelsOf } from './log.ts';
import { type FromWorker, type ToWorker, unpackError, type WorkerTask } from './messages.ts';
import type { PoolSettings } from './options.ts';
import { type Ended, Thread } from './thread.ts';

/** A worker that ends within so many ms of its start has crashed at once. */
const YOUNG = 5000;
/** Waits before a worker that crashed at once is started again: the second time so long, then twice as long each time, ms. */
const FIRST_WAIT = 100;
const LONGEST_WAIT = 30_000;
/** Wait of one that could not start for want of descriptors, ms: others hold them, so it is not given up for that. */
const SCARCE_WAIT = 1000;
const SCARCE = new Set<unknown>(['EMFILE', 'ENFILE', 'ERR_WORKER_INIT_FAILED']);
/** What a worker gets to close its connections, ms. */
const CLOSE_WAIT = 2000;
/** What a worker gets beyond the time-out of `drain` to say that it is over, ms. */
const LATE = 500;

/** What a worker does: it loads its service, serves, is to be started again after a crash, is not to be any more, has been closed. */
export type WorkerState = 'starting' | 'serving' | 'waiting' | 'given up' | 'closed';

/**
 * Why a worker ended: an error that nothing caught, memory included (`error`), `process.exit` (`exit`), no sign of life for `stuckAfter`
 * (`stuck`), a module that could not be loaded (`load`), the end of the pool (`closed`).
 */
export type WorkerExitReason = 'error' | 'exit' | 'stuck' | 'load' | 'closed';

/** What the event `worker` tells. */
export interface WorkerEvent {
  /** Index of the worker. */
  worker: number;
  /** It serves now, has ended, or has crashed too often and is not replaced. */
  state: 'online' | 'exit' | 'given up';
  /** Why it ended. */
  reason?: WorkerExitReason;
  /** What was thrown, if that was it. */
  error?: Error;
}

/** What a place has of its pool. */
export interface Crew {
  readonly settings: PoolSettings;
  readonly module: string;
  /** Of its connections. */
  readonly options: ServerOptions;
  readonly marks: Int32Array;
  readonly logger: Logger | null;
  readonly isReferenced: boolean;
  /** Hands descriptors over; undefined: the workers listen, `listening` tells where. */
  readonly accepting: Accepting | undefined;
  readonly listening: ServerOptions;
  readonly address: Address | undefined;
  /** A mark that no worker had. */
  nextMark(): number;
  happened(event: WorkerEvent): void;
}

export class Member {
  readonly index: number;
  state: WorkerState = 'starting';
  /** Workers that this place had before. */
  restarts = 0;
  /** Of its service, in registries. */
  names: readonly string[] = [];
  private readonly crew: Crew;
  private readonly past: Float64Array;
  private thread: Thread<ToWorker, FromWorker> | undefined;
  private mark = 0;
  /** Its end of the channel of offers, until the acceptor has it. */
  private join: (() => void) | undefined;
  private started = 0;
  private crashes = 0;
  private isEnding = false;
  private isStuck = false;
  private failure: Error | undefined;
  private timer: NodeJS.Timeout | undefined;
  private beat = 0;
  private quiet = 0;
  private onReady: (() => void) | undefined;
  private onListening: ((address: Address) => void) | undefined;
  private onOver: ((cut: number) => void) | undefined;

  constructor(index: number, crew: Crew) {
    this.index = index;
    this.crew = crew;
    this.past = newFigures();
  }

  // --- its beginning -----------------------------------------------------------------------------------------------

  /** Starts a thread. Resolves when it has loaded the service. @throws what the module threw, or how the thread ended */
  async load(): Promise<void> {
    const { crew } = this;
    const { state, transfer } = crew.settings.stateFor(this.index);
    const mark = crew.nextMark();
    const board = newBoard();
    const offers = crew.accepting === undefined ? undefined : new MessageChannel();
    const task: Omit<WorkerTask, 'control'> = {
      module: crew.module,
      options: crew.options,
      mark,
      marks: crew.marks,
      board,
      levels: levelsOf(crew.logger),
      offers: offers?.port2,
      context: { worker: this.index, workers: crew.settings.workers, sharedState: state },
      address: crew.accepting === undefined ? undefined : crew.address,
      beat:
        crew.settings.stuckAfter === Number.POSITIVE_INFINITY
          ? undefined
          : Math.min(1000, crew.settings.stuckAfter / 4),
    };
    const thread = new Thread<ToWorker, FromWorker>({
      entry: 'worker',
      task,
      transfer: [...(offers === undefined ? [] : [offers.port2]), ...transfer],
      logger: crew.logger,
      onMessage: (message) => this.heard(message),
      isReferenced: crew.isReferenced,
      ...(crew.settings.resourceLimits === undefined ? {} : { resourceLimits: crew.settings.resourceLimits }),
    });
    this.thread = thread;
    this.mark = mark;
    this.join = offers === undefined ? undefined : () => crew.accepting?.add(mark, offers.port1, board);
    this.started = performance.now();
    this.failure = undefined;
    this.isStuck = false;
    this.beat = this.quiet = 0;
    thread.ended.then((ended) => this.ended(thread, ended));
    const ready = new Promise<void>((resolve) => {
      this.onReady = resolve;
    });
    await this.until(thread, ready);
  }

  /** @throws how the thread ended, if it does before that */
  private async until<T>(thread: Thread<ToWorker, FromWorker>, promise: Promise<T>): Promise<T> {
    return await Promise.race([
      promise,
      thread.ended.then(({ code, error }): never => {
        throw this.failure ?? error ?? new Error(`its thread ended with status ${code}`);
      }),
    ]);
  }

  /** Takes part: from here on it gets connections. @throws a system error where it listens for itself */
  async serve(listening: ServerOptions = this.crew.listening): Promise<Address | undefined> {
    const { thread } = this;
    if (thread === undefined) throw new Error('its thread has ended');
    let address: Address | undefined;
    if (this.join !== undefined) this.join();
    else {
      const bound = new Promise<Address>((resolve) => {
        this.onListening = resolve;
      });
      thread.tell({ do: 'listen', options: listening });
      address = await this.until(thread, bound);
    }
    this.join = undefined;
    this.state = 'serving';
    this.crew.happened({ worker: this.index, state: 'online' });
    return address;
  }

  private heard(message: Exclude<FromWorker, { is: 'log' }>): void {
    switch (message.is) {
      case 'ready':
        this.names = message.names;
        this.onReady?.();
        break;
      case 'listening':
        this.onListening?.(message.address);
        break;
      case 'failed':
        this.failure = unpackError(message.error);
        void this.thread?.endSoon();
        break;
      case 'over':
        this.onOver?.(message.cut);
    }
  }

  // --- its end, and its successor ----------------------------------------------------------------------------------

  private ended({ board }: { readonly board: Board }, { code, error }: Ended): void {
    const { crew } = this;
    addFigures(this.past, board.figures, true);
    this.thread = undefined;
    this.join = undefined;
    crew.accepting?.remove(this.mark);
    const wasFirst = this.state === 'starting' && this.restarts === 0;
    const reason = this.reasonOf(error);
    const thrown = this.failure ?? error;
    // While the pool starts, `load` tells.
    if (wasFirst || this.isEnding) this.state = 'closed';
    else this.replace(reason, SCARCE.has((thrown as NodeJS.ErrnoException | undefined)?.code));
    if (this.state !== 'closed') this.log(reason, code, thrown);
    const event = { worker: this.index, reason, ...(thrown === undefined ? {} : { error: thrown }) };
    crew.happened({ ...event, state: 'exit' });
    if (this.state === 'given up') crew.happened({ ...event, state: 'given up' });
  }

  /** Starts its successor, at once or later, or never again. */
  private replace(reason: WorkerExitReason, isScarce: boolean): void {
    const isYoung = performance.now() - this.started < YOUNG;
    if (isScarce && isYoung) {
      this.restartIn(SCARCE_WAIT);
      return;
    }
    // One that is stuck again has served for `stuckAfter` at least: there is no hurry to slow down.
    this.crashes = reason === 'stuck' ? 0 : isYoung ? this.crashes + 1 : 1;
    if (this.crashes >= this.crew.settings.maxCrashes) {
      this.state = 'given up';
      return;
    }
    this.restartIn(this.crashes <= 1 ? 0 : Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (this.crashes - 2)));
  }

  private restartIn(wait: number): void {
    this.state = 'waiting';
    this.timer = setTimeout(() => void this.restart(), wait);
    if (!this.crew.isReferenced) this.timer.unref();
  }

  private log(reason: WorkerExitReason, code: number, thrown: Error | undefined): void {
    const { settings, logger } = this.crew;
    const why = {
      error: 'an error that nothing caught',
      exit: `process.exit, status ${code}`,
      stuck: `no sign of life for ${settings.stuckAfter / 1000} s`,
      load: 'its service could not be loaded',
      closed: 'closed',
    }[reason];
    const next =
      this.state === 'given up'
        ? `It crashed ${this.crashes} times in a row (maxCrashes), and is not replaced`
        : 'It is replaced';
    logger?.error(
      `rpyc server: worker ${this.index} ended (${why}): its connections are closed, and no others. ${next}`,
      ...(thrown === undefined ? [] : [thrown]),
    );
  }

  private reasonOf(error: Error | undefined): WorkerExitReason {
    if (this.isEnding) return 'closed';
    if (this.isStuck) return 'stuck';
    if (this.failure !== undefined) return 'load';
    return error === undefined ? 'exit' : 'error';
  }

  private async restart(): Promise<void> {
    this.state = 'starting';
    this.restarts++;
    try {
      await this.load();
      if (!this.isEnding) await this.serve();
    } catch (error) {
      // How a thread ended is told at its end; without one, `sharedState` threw.
      if (this.thread !== undefined || this.state !== 'starting') return;
      this.failure = error as Error;
      this.started = performance.now();
      this.ended({ board: newBoard() }, { code: 1, error: undefined });
    }
  }

  /** Looks for a sign of life. @param elapsed ms since the last time */
  check(elapsed: number): void {
    const { thread } = this;
    if (thread === undefined || this.state !== 'serving' || this.isStuck) return;
    const beat = Atomics.load(thread.board.words, Word.BEAT);
    this.quiet = beat === this.beat ? this.quiet + elapsed : 0;
    this.beat = beat;
    if (this.quiet < this.crew.settings.stuckAfter) return;
    this.isStuck = true;
    void thread.terminate();
  }

  ref(on: boolean): void {
    this.thread?.ref(on);
    if (on) this.timer?.ref();
    else this.timer?.unref();
  }

  /** Adds what its workers have done to `sum`. */
  count(sum: Float64Array): void {
    addFigures(sum, this.past);
    if (this.thread !== undefined) addFigures(sum, this.thread.board.figures);
  }

  /** Lets its connections end as `Server.drain` does. Resolves with the number of those that were cut, its thread being gone. */
  async drain(limitMs: number): Promise<number> {
    const { thread } = this;
    this.leave();
    if (thread === undefined) return 0;
    const timeout = limitMs === Number.POSITIVE_INFINITY ? null : limitMs / 1000;
    return await this.end(thread, { do: 'drain', timeout }, limitMs + LATE);
  }

  /** Closes its connections, and ends its thread; by force after two seconds. */
  async close(): Promise<void> {
    const { thread } = this;
    this.leave();
    if (thread !== undefined) await this.end(thread, { do: 'close' }, CLOSE_WAIT);
  }

  private leave(): void {
    this.isEnding = true;
    clearTimeout(this.timer);
    if (this.thread === undefined && this.state !== 'given up') this.state = 'closed';
  }

  private async end(thread: Thread<ToWorker, FromWorker>, message: ToWorker, waitMs: number): Promise<number> {
    // What is open when it does not answer.
    let cut: number | undefined;
    const over = new Promise<void>((resolve) => {
      const before = this.onOver;
      this.onOver = (count) => {
        before?.(count);
        cut = count;
        resolve();
      };
    });
    // One that still loads its service hears it afterwards.
    thread.tell(message);
    const isOver = await within(waitMs, Promise.race([over, thread.ended]));
    cut ??= figure(thread.board.figures, 'open');
    await (isOver ? thread.endSoon() : thread.terminate());
    return cut;
  }
}
