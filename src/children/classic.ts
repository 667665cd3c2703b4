// Classic mode whole, as `rpyc.classic`: what client/classic.ts has, and a Python interpreter that is started for its connection. Answers to
// connect_subproc in rpyc/utils/classic.py; there over standard streams, which here stay the interpreter's.
import {
  type ClassicOptions,
  type ClassicProcessConnection,
  of,
  type SyncClassicProcessConnection,
} from '../client/classic.ts';
import type { AwaitedOptions } from '../client/connect.ts';
import { ClassicClient } from '../service/classic.ts';
import { Child, type ProcessOptions } from './child.ts';
import { connected, connectedSync, ProcessRoute } from './subproc.ts';

export * from '../client/classic.ts';

/** How an interpreter is started for `connectSubproc`. */
export interface SubprocessOptions extends Omit<ProcessOptions, 'stderr'> {
  /** The interpreter, in which `rpyc` can be imported. Default `python3`. */
  python?: string;
  /** Arguments of the interpreter, before the program. Default `['-u']`. */
  args?: readonly string[];
  /**
   * What the child's standard output and error are: ours ('inherit', the default), nobody's ('ignore'), or yours to read ('pipe':
   * `conn.proc.stdout`). Unless it is 'pipe', the last lines of standard error stand in the error when the child dies.
   */
  stdio?: 'inherit' | 'ignore' | 'pipe';
}

/** What `connectSubproc` takes: how to start the interpreter, and how to connect. */
export type SubprocOptions = Omit<ClassicOptions, 'keepalive' | 'retry'> & SubprocessOptions;

/** Serves the connection that it has as descriptor 3, which is kept from processes that the slave starts. */
const PROGRAM = `
import os, socket
from rpyc.core.service import SlaveService
from rpyc.core.stream import SocketStream
from rpyc.utils.factory import connect_stream
sock = socket.fromfd(3, socket.AF_UNIX, socket.SOCK_STREAM)
os.close(3)
sock.setblocking(True)
try:
    connect_stream(SocketStream(sock), SlaveService).serve_all()
except Exception:
    pass # the other end is gone, or speaks another version
`;

function slaveRoute({ python = 'python3', args = ['-u'], stdio = 'inherit', ...how }: SubprocOptions): ProcessRoute {
  const start = (): Child =>
    new Child([python, ...args, '-c', PROGRAM], ['ignore', stdio, 'connection'], { ...how, stderr: stdio });
  return new ProcessRoute(python, start);
}

/**
 * RPyC's `classic.connect_subproc`: starts a Python interpreter and connects to a slave in it. `conn.proc` is the process. It ends with the
 * connection, and the connection with it: an EOFError then tells its exit status and its last lines of standard error. Unless `protocol`
 * tells the version, an interpreter whose RPyC is 5.x is started a second time. On POSIX systems only.
 * @throws {ConnectError} where it cannot be started, {EOFError} where it ends before it answers (no `rpyc` in it)
 */
export async function connectSubproc(options: SubprocOptions & AwaitedOptions = {}): Promise<ClassicProcessConnection> {
  return of(await connected(slaveRoute(options), { service: ClassicClient, ...options }));
}

/** {@link connectSubproc} that blocks. @throws as {@link connectSubproc} */
export function connectSubprocSync(options: SubprocOptions = {}): SyncClassicProcessConnection {
  return of(connectedSync(slaveRoute(options), { service: ClassicClient, ...options }));
}
