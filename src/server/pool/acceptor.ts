// The thread of a pool that accepts, so that nothing any other thread does can stop it. Started by accepting.ts; exports nothing.
import { workerData } from 'node:worker_threads';
import { closeDescriptor, type Listener, listenForOthers } from '../../native/socket.ts';
import { Gate } from '../gate.ts';
import { setFigure } from './board.ts';
import { sender } from './log.ts';
import { type AcceptorTask, type FromAcceptor, packError, type ToAcceptor } from './messages.ts';
import { DESCRIPTORS, Offers } from './offers.ts';

const { control, board, marks, levels, where, limits } = workerData as AcceptorTask;
const tell = (message: FromAcceptor): void => control.postMessage(message);
const logger = sender(control, board, levels);
const gate = new Gate(limits, () => logger);

/** The gate pauses the listener, too many offers do, and it waits for the workers at first. */
class Valve implements Listener {
  private readonly listener: Listener;
  private wanted = true;
  private held = true;
  constructor(listener: Listener) {
    this.listener = listener;
    listener.watch(false);
  }
  get address(): Listener['address'] {
    return this.listener.address;
  }
  ref(on: boolean): void {
    this.listener.ref(on);
  }
  watch(on: boolean): void {
    this.wanted = on;
    this.listener.watch(on && !this.held);
  }
  hold(on: boolean): void {
    this.held = on;
    this.listener.watch(this.wanted && !on);
  }
  close(): void {
    this.listener.close();
  }
}

let valve: Valve | undefined;
const offers = new Offers(marks, (full) => valve?.hold(full));

function knock(fd: number): void {
  gate.passed();
  if (fd >= DESCRIPTORS) {
    closeDescriptor(fd);
    logger?.error(
      `rpyc server: a connection is refused: its descriptor is ${fd} (a pool takes those below ${DESCRIPTORS})`,
    );
  } else if (gate.admits(offers.connections)) offers.offer(fd);
  else {
    // Before the client sees its end.
    setFigure(board.figures, 'refused', gate.refused);
    closeDescriptor(fd);
  }
}

function failed(error: Error): void {
  gate.failed(error);
  setFigure(board.figures, 'acceptFailures', gate.failures);
}

function obey(message: ToAcceptor): void {
  switch (message.do) {
    case 'add':
      offers.add(message.mark, message.port, message.board);
      // It is gone before the thread that started it knows.
      message.port.once('close', () => offers.remove(message.mark));
      break;
    case 'remove':
      offers.remove(message.mark);
      break;
    case 'open':
      valve?.hold(false);
      break;
    case 'close':
      gate.close();
      offers.close();
      tell({ is: 'closed' });
      control.close();
  }
}

try {
  valve = new Valve(listenForOthers(where, knock, failed));
  gate.guard(valve);
  control.on('message', obey);
  tell({ is: 'listening', address: valve.address });
} catch (error) {
  tell({ is: 'failed', error: packError(error) });
  control.close();
}
