// Connections to a service in a worker thread of this process, over a socket pair: blocking and awaited, like to any server.
// Answers to connect_thread of rpyc/utils/factory.py. The worker runs thread-entry.ts.
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type AwaitedOptions, type ConnectOptions, openOver, openOverSync } from '../client/connect.ts';
import { EOFError } from '../errors.ts';
import type { OpenOptions } from '../native/addon.ts';
import { addon } from '../native/load.ts';
import { SocketPeer } from '../native/peer.ts';
import { closeDescriptor, socketPair } from '../native/socket.ts';
import { SocketTransport, type Transport } from '../native/transport.ts';
import type { Connection, SyncConnection } from '../protocol/connection.ts';
import { connectionOptions } from '../server/copied.ts';
import { urlOf } from '../server/module.ts';
import { checkServerOptions, type ServerOptions } from '../server/server.ts';
import { LastWords, type ThreadTask } from './last-words.ts';

/** How a service is put into a thread, and connected to. */
export interface ThreadOptions extends Omit<ConnectOptions, 'keepalive' | 'retry' | 'protocol' | 'bindThreads'> {
  /**
   * What the other side's `namespace` (of a slave) or `exposed_namespace` is given: copies, but SharedArrayBuffers, and typed arrays over
   * them, are the same memory on both sides.
   */
  args?: Record<string, unknown>;
  /** What the thread gets of a server's options; they are copied. */
  remote?: Omit<ServerOptions, 'port' | 'hostname' | 'socketPath'>;
}

/** A connection with the worker thread at its other end. */
export type ThreadConnection = Connection & {
  /** The thread that was started for this connection. */
  readonly worker: Worker;
};

/** {@link ThreadConnection}, blocking. */
export type SyncThreadConnection = SyncConnection & {
  /** The thread that was started for this connection. */
  readonly worker: Worker;
};

const ENTRY = new URL(`./thread-entry${extname(import.meta.url)}`, import.meta.url);

/** What a thread may still do after its connection, ms. */
const GRACE = 1000;

/** A thread that was started, and our end of the way to it. */
class Thread {
  readonly worker: Worker;
  readonly peer: SocketPeer;
  private readonly words = new LastWords();
  private isOver = false;

  constructor(module: URL | string, { args, remote = {} }: ThreadOptions) {
    checkServerOptions(remote);
    const { ours, theirs } = socketPair();
    const task: ThreadTask = {
      module: urlOf(module),
      options: connectionOptions(remote, 'the thread'),
      fd: theirs,
      words: this.words.memory,
      ...(args === undefined ? {} : { args }),
    };
    try {
      this.worker = new Worker(ENTRY, { workerData: task });
    } catch (error) {
      closeDescriptor(ours);
      closeDescriptor(theirs);
      throw error;
    }
    this.worker.on('error', () => undefined);
    this.worker.once('exit', () => {
      this.isOver = true;
      // It ended before it took its descriptor.
      if (!this.words.isTaken) closeDescriptor(theirs);
    });
    this.peer = new ThreadPeer(addon.adopt(ours), this);
  }

  explain(error: EOFError): EOFError {
    const said = this.words.read();
    return said === '' ? error : new EOFError(`the service thread ended: ${said}`, { cause: error });
  }

  end(): void {
    if (this.isOver) return;
    const timer = setTimeout(() => void this.worker.terminate(), GRACE);
    this.worker.once('exit', () => clearTimeout(timer));
  }
}

class ThreadPeer extends SocketPeer {
  private readonly thread: Thread;
  constructor(handle: number, thread: Thread) {
    super(handle);
    this.thread = thread;
  }
  override transport(options: OpenOptions): Transport {
    return new ThreadTransport(this.handle, options, this.thread);
  }
  override close(): void {
    super.close();
    this.thread.end();
  }
}

class ThreadTransport extends SocketTransport {
  private readonly thread: Thread;
  constructor(handle: number, options: OpenOptions, thread: Thread) {
    super(handle, options);
    this.thread = thread;
  }
  override ref(on: boolean): void {
    super.ref(on);
    if (on) this.thread.worker.ref();
    else this.thread.worker.unref();
  }
  explain(error: EOFError): EOFError {
    return this.thread.explain(error);
  }
  override close(): void {
    super.close();
    this.thread.end();
  }
}

function started(module: URL | string, options: ThreadOptions): Thread {
  try {
    return new Thread(module, options);
  } catch (error) {
    if ((error as Error).name !== 'DataCloneError') throw error;
    throw new TypeError(`args cannot be given to a thread: ${(error as Error).message}`, { cause: error });
  }
}

function withWorker(conn: Connection, { worker }: Thread): void {
  for (const face of [conn, conn.sync])
    Object.defineProperty(face, 'worker', { value: worker, configurable: true, enumerable: false });
}

/**
 * RPyC's `connect_thread`: serves a module in a worker thread of this process, and connects to it: work that would block the event loop, used
 * like any remote object. `conn.worker` is the thread; it ends with the connection.
 *
 *     const conn = await rpyc.connectThread(new URL('./service.js', import.meta.url));
 *
 * The module's default export is a Service class, an instance, or a function that returns one.
 * @throws {EOFError} that says why the module could not be loaded; {TypeError} for `args` or options that cannot be copied
 */
export async function connectThread(
  module: URL | string,
  options: ThreadOptions & AwaitedOptions = {},
): Promise<ThreadConnection> {
  options.signal?.throwIfAborted();
  let thread!: Thread;
  const conn = await openOver(() => {
    thread = started(module, options);
    return thread.peer;
  }, options);
  withWorker(conn, thread);
  return conn as ThreadConnection;
}

/** {@link connectThread} that blocks, with calls that block. @throws as {@link connectThread} */
export function connectThreadSync(module: URL | string, options: ThreadOptions = {}): SyncThreadConnection {
  let thread!: Thread;
  const conn = openOverSync(() => {
    thread = started(module, options);
    return thread.peer;
  }, options);
  withWorker(conn.async, thread);
  return conn as SyncThreadConnection;
}
