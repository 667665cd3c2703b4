// A Python interpreter started for one connection. Owns the child's start and how it is reached; the connection owns the rest.
// The child inherits a listening Unix socket that lies in a directory of its own (mode 0700) and is unlinked before the child runs its first
// line, so nobody else can connect, and a child that dies is an end of file here at once. Works blocking, because nothing is waited for on
// the event loop. Answers to connect_subproc in rpyc/utils/factory.py and rpyc/utils/classic.py (there over stdio; here stdio stays free).
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConnectError, EOFError } from '../errors.ts';
import type { SocketPeer } from '../native/peer.ts';
import { dialSync } from '../native/socket.ts';
import type { Route } from './connect.ts';

/** How an interpreter is started for `connectSubproc`. */
export interface SubprocessOptions {
  /** The interpreter, in which `rpyc` can be imported. Default `python3`. */
  python?: string;
  /** Arguments of the interpreter, before the program. Default `['-u']`. */
  args?: readonly string[];
  /** Environment of the child. Default: ours. */
  env?: NodeJS.ProcessEnv;
  /** Working directory of the child. Default: ours. */
  cwd?: string;
  /** What the child's standard output and error are: 'inherit' (default), 'ignore', 'pipe' (read `conn.child.stdout`). */
  stdio?: 'inherit' | 'ignore' | 'pipe';
}

/** Connections made in advance: one for each dialect that may have to be tried. The child serves them one after the other, then ends. */
const SPARE = 3;

/** Bytes of a Unix socket's path, on the systems that allow least. */
const MAX_SOCKET_PATH = 103;

const PROGRAM = `
import socket
from rpyc.core.service import SlaveService
from rpyc.core.stream import SocketStream
from rpyc.utils.factory import connect_stream
listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, 3)
listener.setblocking(True)
with listener:
    for _ in range(${SPARE}):
        sock, _ = listener.accept()
        sock.setblocking(True)
        try:
            connect_stream(SocketStream(sock), SlaveService).serve_all()
        except Exception:
            pass
`;

/** A started interpreter, and the ways to it. */
class Subprocess {
  readonly child: ChildProcess;
  private readonly peers: SocketPeer[] = [];
  private readonly folder: string;
  private readonly listener = createServer();
  private readonly python: string;

  constructor(options: SubprocessOptions) {
    const { python = 'python3', args = ['-u'], env, cwd, stdio = 'inherit' } = options;
    this.python = python;
    // Node cuts a longer path short without a word.
    if (Buffer.byteLength(tmpdir()) > MAX_SOCKET_PATH - 30)
      throw new ConnectError(
        `${tmpdir()} is too long a path for a socket below it: set TMPDIR to another directory`,
        [],
      );
    this.folder = mkdtempSync(join(tmpdir(), 'rpyc-'));
    // A Unix socket is bound and listening when this returns. This process never accepts on it: it is closed before the loop turns.
    this.listener.listen(this.path);
    const how: SpawnOptions = { stdio: ['ignore', stdio, stdio, this.fd] };
    if (env !== undefined) how.env = env;
    if (cwd !== undefined) how.cwd = cwd;
    this.child = spawn(python, [...args, '-c', PROGRAM], how);
    this.child.once('error', () => undefined);
  }

  /** Descriptor of the listener. Handed over as a number: Node takes a server object for a stream to pause. */
  private get fd(): number {
    return (this.listener as unknown as { _handle: { fd: number } })._handle.fd;
  }

  private get path(): string {
    return join(this.folder, 'slave.sock');
  }

  /**
   * Connects, before the event loop could accept here: the kernel does it at once, whether or not the child accepts yet.
   * From then on only the child has the listener, and nobody has its path.
   */
  connect(timeoutMs: number): void {
    try {
      if (this.child.pid === undefined)
        throw new ConnectError(`cannot start ${this.python}: no such program, or not allowed`, []);
      for (let i = 0; i < SPARE; i++) this.peers.push(dialSync({ path: this.path }, timeoutMs));
    } catch (error) {
      this.child.kill();
      this.settle();
      throw error;
    } finally {
      this.listener.close();
      rmSync(this.folder, { recursive: true, force: true });
    }
  }

  private next(): SocketPeer {
    const peer = this.peers.shift();
    if (peer === undefined) throw new EOFError(`${this.python} ended, or speaks no version of RPyC that is known here`);
    return peer;
  }

  get route(): Route {
    return {
      endpoint: `${this.python} (subprocess ${this.child.pid})`,
      dial: async () => this.next(),
      dialSync: () => this.next(),
    };
  }

  /** Gives the connections up that were not needed. */
  settle(): void {
    for (const peer of this.peers.splice(0)) peer.close();
  }
}

/** Starts an interpreter and makes a connection to it with `open`. */
export async function withSubprocess<T>(
  options: SubprocessOptions,
  timeoutMs: number,
  open: (route: Route) => Promise<T>,
): Promise<{ made: T; child: ChildProcess }> {
  const started = new Subprocess(options);
  try {
    started.connect(timeoutMs);
    return { made: await open(started.route), child: started.child };
  } finally {
    started.settle();
  }
}

/** `withSubprocess`, blocking. */
export function withSubprocessSync<T>(
  options: SubprocessOptions,
  timeoutMs: number,
  open: (route: Route) => T,
): { made: T; child: ChildProcess } {
  const started = new Subprocess(options);
  try {
    started.connect(timeoutMs);
    return { made: open(started.route), child: started.child };
  } finally {
    started.settle();
  }
}
