// A process that was started for one connection: its start, what is said when it dies, and its end. The connection is its life: when that is
// over the process is told to end by the end of its input, then by SIGTERM, then by SIGKILL.
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { ConnectError, EOFError } from '../errors.ts';
import type { OpenOptions } from '../native/addon.ts';
import { endOf, Tail } from '../native/child.ts';
import { addon } from '../native/load.ts';
import { SocketPeer } from '../native/peer.ts';
import { closeDescriptor, socketPair } from '../native/socket.ts';
import { SocketTransport, type Transport } from '../native/transport.ts';

/** A program and its arguments. */
export type Command = readonly [program: string, ...args: string[]];

/** How a process is started, whatever it runs. */
export interface ProcessOptions {
  /** Environment of the child. Default: ours. */
  env?: NodeJS.ProcessEnv;
  /** Working directory of the child. Default: ours. */
  cwd?: string;
  /**
   * Its standard error: passed on to ours ('inherit', the default), or dropped ('ignore'); the last 4 KB of it stand in the error when the
   * child dies. 'pipe': read `conn.proc.stderr`.
   */
  stderr?: 'inherit' | 'ignore' | 'pipe';
  /** Seconds that it has to end by itself after the connection; then it is sent SIGTERM, and a second later SIGKILL. Default 2. */
  closeTimeout?: number;
}

/** How long a dead connection waits to see its process end, ms. A killed process closes its socket some µs before it can be waited for. */
const SEE_EXIT = 250;
/** After SIGTERM, ms. */
const LAST_GRACE = 1000;
/** Lines of its standard error that stand in an error. */
const LINES = 12;

/** Children that were told to end: this process does not leave them behind. */
const ending = new Set<ChildProcess>();
let watchesExit = false;

function mustEnd(child: ChildProcess): void {
  ending.add(child);
  if (watchesExit) return;
  watchesExit = true;
  process.on('exit', () => {
    for (const left of ending) left.kill('SIGKILL');
  });
}

export class Child {
  readonly process: ChildProcess;
  /** What the connection to it is: our end of a socket pair. */
  readonly peer: SocketPeer;
  /** For messages: program and pid. */
  readonly name: string;
  private readonly tail: Tail | undefined;
  private readonly closeMs: number;

  /**
   * @param stdio the child's descriptors but for standard error: `'connection'` is the other end of the socket pair, bytes are what it reads
   * @throws {ConnectError} when it cannot be started
   */
  constructor(
    [command, ...args]: Command,
    stdio: readonly ('connection' | 'inherit' | 'ignore' | 'pipe' | Buffer)[],
    { env, cwd, stderr = 'inherit', closeTimeout = 2 }: ProcessOptions,
  ) {
    if (!(closeTimeout >= 0)) throw new RangeError(`closeTimeout is a number of seconds, not ${String(closeTimeout)}`);
    this.closeMs = Math.min(closeTimeout * 1000, 2 ** 31 - 1);
    const { ours, theirs } = socketPair();
    this.tail = stderr === 'pipe' ? undefined : new Tail(stderr === 'inherit');
    const messages: Message[] = [];
    const given = stdio.map((what) => {
      if (what === 'connection') return theirs;
      if (typeof what === 'string') return what;
      messages.push(new Message(what));
      return messages.at(-1)?.fd;
    });
    const [input, output, ...others] = given;
    try {
      this.process = spawn(command, args, {
        stdio: [input, output, this.tail?.fd ?? 'pipe', ...others],
        ...(env === undefined ? {} : { env }),
        ...(cwd === undefined ? {} : { cwd }),
      });
    } catch (error) {
      closeDescriptor(ours);
      throw error;
    } finally {
      closeDescriptor(theirs);
      if (this.tail !== undefined) closeDescriptor(this.tail.fd);
      for (const message of messages) message.send();
    }
    const { pid } = this.process;
    this.name = `${basename(command)} (pid ${pid})`;
    let failed: Error | undefined;
    this.process.once('error', (error) => {
      failed = error;
    });
    if (pid === undefined) {
      closeDescriptor(ours);
      throw new ConnectError(
        `cannot start ${command}: no such program, not allowed, or no such working directory${cwd === undefined ? '' : ` (${cwd})`}`,
        failed === undefined ? [] : [failed],
      );
    }
    // Its last words are read while somebody can still ask for them; later they are only memory.
    this.process.once('exit', () => this.tail?.text(0));
    this.peer = new ChildPeer(addon.adopt(ours), this);
  }

  /** What became of it, when its end of the connection was closed. */
  explain(error: EOFError): EOFError {
    const { process: child, name } = this;
    const { exitCode, signalCode, pid = 0 } = child;
    const how =
      exitCode !== null
        ? `ended with status ${exitCode}`
        : signalCode !== null
          ? `was ended by ${signalCode}`
          : endOf(pid, SEE_EXIT);
    if (how === undefined) return new EOFError(`${name} closed the connection, and runs on`, { cause: error });
    const lines = this.tail?.text(SEE_EXIT).trimEnd().split('\n').slice(-LINES).join('\n') ?? '';
    return new EOFError(`${name} ${how}${lines === '' ? '' : `; it said last:\n${lines}`}`, { cause: error });
  }

  /** Its connection is over. */
  end(): void {
    const { process: child, closeMs } = this;
    if (child.exitCode !== null || child.signalCode !== null || ending.has(child)) return;
    mustEnd(child);
    let timer = setTimeout(() => {
      child.kill('SIGTERM');
      timer = setTimeout(() => child.kill('SIGKILL'), LAST_GRACE);
    }, closeMs);
    child.once('exit', () => {
      clearTimeout(timer);
      ending.delete(child);
    });
  }
}

/** Bytes that a child finds on one of its descriptors; written without the event loop, which may be blocked until the child answers. */
class Message {
  readonly fd: number;
  private readonly ours: number;
  private readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    ({ ours: this.ours, theirs: this.fd } = socketPair());
  }

  /** Once the child has its copy of `fd`. */
  send(): void {
    closeDescriptor(this.fd);
    try {
      writeFileSync(this.ours, this.bytes);
    } catch {
      // It was not started, or has ended: its exit tells.
    } finally {
      closeDescriptor(this.ours);
    }
  }
}

class ChildPeer extends SocketPeer {
  private readonly child: Child;
  constructor(handle: number, child: Child) {
    super(handle);
    this.child = child;
  }
  override transport(options: OpenOptions): Transport {
    return new ChildTransport(this.handle, options, this.child);
  }
  override close(): void {
    super.close();
    this.child.end();
  }
}

/** A socket whose end is a process's. */
class ChildTransport extends SocketTransport {
  private readonly child: Child;
  constructor(handle: number, options: OpenOptions, child: Child) {
    super(handle, options);
    this.child = child;
  }
  override ref(on: boolean): void {
    super.ref(on);
    if (on) this.child.process.ref();
    else this.child.process.unref();
  }
  explain(error: EOFError): EOFError {
    return this.child.explain(error);
  }
  override close(): void {
    super.close();
    this.child.end();
  }
}
