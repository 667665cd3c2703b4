// A worker of a pool: loads the service module, and serves the connections that it takes. Started by member.ts; exports nothing.
import { workerData } from 'node:worker_threads';
import { beat, beatAt } from '../../native/engine.ts';
import { joinPool, type RawPeer } from '../../native/peer.ts';
import { takeOffered } from '../../native/socket.ts';
import type { ServiceSource } from '../../service/service.ts';
import { loadAuthenticator, loadService } from '../module.ts';
import { namesOf } from '../registering.ts';
import { Server, type ServerOptions } from '../server.ts';
import { putMetrics, setFigure, Word } from './board.ts';
import { setContext } from './context.ts';
import { sender } from './log.ts';
import { type FromWorker, packError, type ToWorker, type WorkerTask } from './messages.ts';

/** How old the figures of requests and bytes may be, ms. Those of connections are always new. */
const FIGURES_AGE = 250;

const task = workerData as WorkerTask;
const { control, offers, board, context } = task;
const logger = sender(control, board, task.levels);

/** The server of this worker, and what the others see of it. */
class Serving {
  readonly server: Server;
  /** Descriptors taken so far. */
  private taken = 0;
  private accepted = 0;
  /** Tells the figures as long as there are connections; of a worker that listens always: whom it refuses shows in nothing else. */
  private timer: NodeJS.Timeout | undefined;
  private listens = false;

  constructor(service: ServiceSource, options: ServerOptions) {
    this.server = new Server(service, { ...options, logger });
    this.server.decided = () => this.count();
    this.server.on('connection', (conn) => {
      this.accepted++;
      conn.once('close', () => this.count());
      this.run();
      this.count();
    });
  }

  /** Listens by itself, instead of taking what is offered. */
  async listen(): Promise<readonly [string, number]> {
    await this.server.start();
    this.listens = true;
    this.run();
    return [this.server.address.host, this.server.address.port];
  }

  private run(): void {
    this.timer ??= setInterval(() => this.publish(), FIGURES_AGE).unref();
  }

  /** A descriptor is offered; by now it may be somebody else's. */
  take(fd: number): void {
    try {
      const peer = takeOffered(task.marks, fd, task.mark);
      if (peer !== undefined) this.accept(peer);
    } catch (error) {
      this.taken++;
      // One that is gone again is nobody's error.
      if ((error as NodeJS.ErrnoException).code !== 'ENOTCONN')
        logger?.error('rpyc server: a connection could not be served', error);
    }
    this.count();
    Atomics.add(board.words, Word.TURN, 1);
  }

  private accept(peer: RawPeer): void {
    this.taken++;
    this.server.accept(peer);
  }

  private count(): void {
    const open = this.server.connections.size;
    const held = open + this.server.entering;
    Atomics.store(board.words, Word.ENDED, (this.taken - held) | 0);
    setFigure(board.figures, 'open', open);
    setFigure(board.figures, 'accepted', this.accepted);
    if (held === 0) this.publish();
  }

  publish(): void {
    putMetrics(board.figures, this.server.metrics());
    if (this.listens || this.server.connections.size !== 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }
}

let serving: Serving | undefined;
let hasLeft = false;

/** What the service has left running may go on until the pool ends this thread. */
function leave(last: FromWorker): void {
  if (hasLeft) return;
  hasLeft = true;
  serving?.publish();
  control.postMessage(last);
  control.close();
  offers?.close();
}

const fail = (error: unknown): void => leave({ is: 'failed', error: packError(error) });

const over = (cut: number): void => leave({ is: 'over', cut });

async function obey(service: ServiceSource, guard: ServerOptions, message: ToWorker): Promise<void> {
  switch (message.do) {
    case 'listen':
      serving = new Serving(service, { ...task.options, ...message.options, ...guard });
      control.postMessage({ is: 'listening', address: await serving.listen() } satisfies FromWorker);
      break;
    case 'drain':
      over((await serving?.server.drain({ timeout: message.timeout })) ?? 0);
      break;
    case 'close':
      await serving?.server.close();
      over(0);
  }
}

if (task.beat !== undefined) {
  beatAt(board.words);
  setInterval(beat, task.beat).unref();
}
setContext(context);
if (task.address !== undefined) joinPool({ address: task.address, alone: context.workers === 1 });
try {
  const service = await loadService(task.module, context);
  const guard = await loadAuthenticator(task.module);
  if (offers !== undefined) {
    // The pool as a whole has bounds for these.
    const handed = new Serving(service, { ...task.options, ...guard, maxConnections: 10_000_000 });
    offers.on('message', (fd: number) => handed.take(fd));
    serving = handed;
  }
  control.on('message', (message: ToWorker) => void obey(service, guard, message).catch(fail));
  control.postMessage({ is: 'ready', names: namesOf(service) } satisfies FromWorker);
} catch (error) {
  fail(error);
}
