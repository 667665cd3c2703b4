// One thread of a pool, seen from where it was started: its control channel, its end.
import { extname } from 'node:path';
import {
  MessageChannel,
  type MessagePort,
  type ResourceLimits,
  receiveMessageOnPort,
  type Transferable,
  Worker,
} from 'node:worker_threads';
import type { Logger } from '../../policy/logger.ts';
import { within } from '../../policy/within.ts';
import type { Board } from './board.ts';
import { receive } from './log.ts';
import type { LogLine, Task } from './messages.ts';

/** What a thread that has left gets for what it still has to do, ms. */
const EXIT_WAIT = 1000;
/** How long a thread may take to end after `terminate`, ms; afterwards nobody waits for it any more. */
const TERMINATE_WAIT = 1000;

/** How a thread ended. */
export interface Ended {
  readonly code: number;
  /** What it did not catch, if that was it. */
  readonly error: Error | undefined;
}

export interface ThreadOptions<Out> {
  /** Name of the file that it runs, without extension. */
  readonly entry: 'acceptor' | 'worker';
  /** What it is started with, beside its control channel. */
  readonly task: Omit<Task, 'control'>;
  readonly transfer: readonly Transferable[];
  readonly logger: Logger | null;
  readonly onMessage: (message: Exclude<Out, LogLine>) => void;
  readonly isReferenced: boolean;
  readonly resourceLimits?: ResourceLimits;
}

/** A thread that takes messages `In` and sends messages `Out`. */
export class Thread<In, Out extends { readonly is: string }> {
  readonly ended: Promise<Ended>;
  readonly board: Board;
  private readonly worker: Worker;
  private readonly control: MessagePort;
  private gone = false;

  /** @throws what cannot be cloned */
  constructor({ entry, task, transfer, logger, onMessage, isReferenced, resourceLimits }: ThreadOptions<Out>) {
    const { port1, port2 } = new MessageChannel();
    this.control = port1;
    this.board = task.board;
    const { href } = new URL(`./${entry}${extname(import.meta.url)}`, import.meta.url);
    // A program given as text (`node --input-type=module -e …`) hands that flag on, with which Node runs text alone.
    const isText = process.execArgv.some((flag) => flag.startsWith('--input-type'));
    this.worker = new Worker(isText ? `import(${JSON.stringify(href)})` : new URL(href), {
      eval: isText,
      name: `rpyc ${entry}`,
      workerData: { ...task, control: port2 },
      transferList: [port2, ...transfer],
      ...(resourceLimits === undefined ? {} : { resourceLimits }),
    });
    const heard = (message: Out | LogLine): void => {
      if (message.is === 'log') receive(message as LogLine, task.board, logger);
      else onMessage(message as Exclude<Out, LogLine>);
    };
    port1.on('message', heard);
    // The thread itself keeps the process alive.
    port1.unref();
    this.ref(isReferenced);
    this.ended = new Promise((resolve) => {
      let error: Error | undefined;
      this.worker.on('error', (uncaught) => {
        error = uncaught instanceof Error ? uncaught : new Error(String(uncaught));
      });
      this.worker.once('exit', (code) => {
        this.gone = true;
        for (let last = receiveMessageOnPort(port1); last !== undefined; last = receiveMessageOnPort(port1))
          heard(last.message);
        port1.close();
        resolve({ code, error });
      });
    });
  }

  tell(message: In, transfer: readonly Transferable[] = []): void {
    this.control.postMessage(message, transfer);
  }

  ref(on: boolean): void {
    if (on) this.worker.ref();
    else this.worker.unref();
  }

  /**
   * It has left: waits a second for what it has still running, then terminates it. (A thread that is terminated while it loads modules leaks
   * their files' descriptors: Node does not close them.)
   */
  async endSoon(): Promise<void> {
    if (!(await within(EXIT_WAIT, this.ended))) await this.terminate();
  }

  /** Resolves when it has ended, or after a second: a call into the system cannot be ended from outside. */
  async terminate(): Promise<void> {
    if (this.gone) return;
    void this.worker.terminate();
    if (!(await within(TERMINATE_WAIT, this.ended))) this.worker.unref();
  }
}
