// The acceptor of a pool, seen from where it was started.
import type { MessagePort } from 'node:worker_threads';
import type { Address } from '../../native/peer.ts';
import type { Where } from '../../native/socket.ts';
import type { Logger } from '../../policy/logger.ts';
import { within } from '../../policy/within.ts';
import type { ResolvedLimits } from '../limits.ts';
import { type Board, newBoard } from './board.ts';
import { levelsOf } from './log.ts';
import { type AcceptorTask, type FromAcceptor, type ToAcceptor, unpackError } from './messages.ts';
import { Thread } from './thread.ts';

/** How long it may take to stop, ms. */
const CLOSE_WAIT = 1000;

export class Accepting {
  /** Settles with its address when it is bound; rejects with a system error, EADDRINUSE for a taken port. */
  readonly bound: Promise<Address>;
  /** Resolves when its thread is over. */
  readonly ended: Promise<unknown>;
  readonly board: Board = newBoard();
  private readonly thread: Thread<ToAcceptor, FromAcceptor>;
  private readonly closed: Promise<void>;

  constructor(where: Where, limits: ResolvedLimits, marks: Int32Array, logger: Logger | null, isReferenced: boolean) {
    const address = deferred<Address>();
    const closed = deferred<void>();
    const task: Omit<AcceptorTask, 'control'> = { where, limits, marks, board: this.board, levels: levelsOf(logger) };
    this.thread = new Thread<ToAcceptor, FromAcceptor>({
      entry: 'acceptor',
      task,
      transfer: [],
      logger,
      isReferenced,
      onMessage: (message) => {
        if (message.is === 'listening') address.resolve(message.address);
        else if (message.is === 'failed') address.reject(unpackError(message.error));
        else closed.resolve();
      },
    });
    this.bound = address.promise;
    this.closed = closed.promise;
    this.ended = this.thread.ended.then(({ error }) => {
      closed.resolve();
      address.reject(error ?? new Error('the acceptor of the pool has ended'));
    });
  }

  /** A worker takes descriptors from here on. */
  add(mark: number, port: MessagePort, board: Board): void {
    this.thread.tell({ do: 'add', mark, port, board }, [port]);
  }

  remove(mark: number): void {
    this.thread.tell({ do: 'remove', mark });
  }

  /** Begins to accept. */
  open(): void {
    this.thread.tell({ do: 'open' });
  }

  ref(on: boolean): void {
    this.thread.ref(on);
  }

  /** Stops listening, and closes what nobody has taken. */
  async close(): Promise<void> {
    this.thread.tell({ do: 'close' });
    await within(CLOSE_WAIT, this.closed);
    if (!(await within(CLOSE_WAIT, this.ended))) await this.thread.terminate();
  }
}

function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((ok, no) => {
    resolve = ok;
    reject = no;
  });
  return { promise, resolve, reject };
}
