// Zero-deploy: a server on a machine that has only ssh, and Python or Node. Owns the session in which it lives: whatever ends the session ends
// the server and removes its folder. Answers to rpyc/utils/zerodeploy.py.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type ClassicProcessConnection, of, type SyncClassicProcessConnection } from '../client/classic.ts';
import type { ConnectOptions } from '../client/connect.ts';
import type { ProcessConnection, SyncProcessConnection } from '../client/process.ts';
import { openThroughSsh, openThroughSshSync } from '../client/ssh.ts';
import { bridgeTo, quote } from '../client/ssh-bridge.ts';
import {
  argumentsFor,
  type Errand,
  lastWords,
  nameOf,
  type SshDestination,
  type SshTarget,
  targetOf,
} from '../client/ssh-target.ts';
import { ConnectError, TimeoutError } from '../errors.ts';
import { within } from '../policy/within.ts';
import { milliseconds } from '../server/limits.ts';
import { ClassicClient } from '../service/classic.ts';
import { type DeployContents, type Upload, uploadOf } from './contents.ts';
import { READY, SESSION } from './programs.ts';

/** What `deploy` takes. */
export interface DeployOptions extends DeployContents {
  /** Seconds until the server must listen. Default 60. */
  timeout?: number;
  /** What the server prints: `'inherit'` (default) on our standard output and error, `'ignore'` nowhere. */
  stdio?: 'inherit' | 'ignore';
}

/** Bytes of what the target says that are kept, for errors. */
const MAX_WORDS = 16 * 1024;
/** Longest first line of a server. */
const MAX_LINE = 4096;

/** A running server: its session, the interpreter that was found, and the path of its socket there. */
interface Session {
  readonly child: ChildProcess;
  readonly socket: string;
  readonly interpreter: string;
  readonly protocol: 5 | 6;
}

/** The session's command; every word of it is quoted, for whatever shell. */
const commandOf = ({ bytes, program, interpreters }: Upload): string =>
  ['exec sh -c', ...[SESSION, 'sh', String(bytes.length), program, ...interpreters].map(quote)].join(' ');

/** @throws {ConnectError} with what the target said; {TimeoutError} */
async function startSession(
  target: SshTarget,
  upload: Upload,
  timeoutMs: number,
  stdio: 'inherit' | 'ignore',
): Promise<Session> {
  const { program = 'ssh' } = target;
  const errand: Errand = { name: 'deploy', options: [], command: commandOf(upload) };
  const child = spawn(program, argumentsFor(target, timeoutMs, errand), {
    stdio: ['pipe', 'pipe', 'pipe'],
    // Ctrl-C is ours: the session ends when its standard input does.
    detached: target.batchMode ?? true,
  });
  const said = wordsOf(child, stdio);
  const failed = (why: string): ConnectError => new ConnectError(`cannot deploy to ${nameOf(target)}: ${why}`, []);
  let timer: NodeJS.Timeout | undefined;
  try {
    const line = await new Promise<string>((resolve, reject) => {
      timer = setTimeout(
        () =>
          reject(
            new TimeoutError(`deploying to ${nameOf(target)}: no server within ${timeoutMs} ms; ${lastWords(said())}`),
          ),
        timeoutMs,
      );
      child.once('error', (error) => reject(failed(`${program} does not start: ${error.message}`)));
      // 'close' comes when all that it said has been read.
      child.once('close', (status, signal) => reject(failed(lastWords(said()) || `ssh ended (${signal ?? status})`)));
      onFirstLine(child, stdio, (line) => {
        if (line.startsWith(READY)) resolve(line.slice(READY.length));
        else reject(failed(`the session began with ${JSON.stringify(line.slice(0, 200))} instead of our server`));
      });
      // What is not taken is told by the end of the session.
      child.stdin?.on('error', () => undefined);
      child.stdin?.write(upload.bytes);
    });
    const [socket, interpreter, wire] = line.split('\t') as [string, string, string];
    return { child, socket, interpreter, protocol: wire === '5' ? 5 : 6 };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Keeps the end of what the session says on stderr. */
function wordsOf(child: ChildProcess, stdio: 'inherit' | 'ignore'): () => string {
  let said = '';
  let started = false;
  child.stdout?.once('data', () => {
    started = true;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-MAX_WORDS);
    // Until the server runs, it is in the error instead.
    if (started && stdio === 'inherit') process.stderr.write(text);
  });
  return () => said;
}

/** The first line of its stdout; what follows is the service's. */
function onFirstLine(child: ChildProcess, stdio: 'inherit' | 'ignore', told: (line: string) => void): void {
  let line: string | undefined = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    let rest = text;
    if (line !== undefined) {
      line += text;
      const end = line.indexOf('\n');
      if (end < 0 && line.length < MAX_LINE) return;
      const first = line.slice(0, end < 0 ? MAX_LINE : end);
      rest = end < 0 ? '' : line.slice(end + 1);
      line = undefined;
      told(first);
    }
    if (rest !== '' && stdio === 'inherit') process.stdout.write(rest);
  });
}

/** Does the session keep our process alive? */
function hold(child: ChildProcess, on: boolean): void {
  for (const each of [child, child.stdin, child.stdout, child.stderr] as (ChildProcess | Socket)[])
    if (on) each.ref();
    else each.unref();
}

/**
 * A server on another machine, put there by {@link deploy}. It listens on a Unix socket in a folder that only its user can enter, and goes with
 * its session: when this is closed, when this process ends or is killed, when `ssh` or the network is lost. Answers to `DeployedServer` of
 * rpyc/utils/zerodeploy.py.
 */
export class DeployedServer {
  /** Where it runs. */
  readonly target: SshTarget;
  /** The `ssh` process of its session. */
  readonly proc: ChildProcess;
  /** Path of its socket there. */
  readonly socket: string;
  private readonly errand: Errand;
  /** Its version is known, and need not be found out. */
  private readonly protocol: 5 | 6;
  private closing: Promise<void> | undefined;

  /** @internal Made by `deploy`. */
  constructor(target: SshTarget, kind: Upload['kind'], session: Session) {
    const { child, socket, interpreter, protocol } = session;
    this.target = target;
    this.proc = child;
    this.socket = socket;
    this.protocol = protocol;
    this.errand = { name: socket, options: [], command: bridgeTo(socket, { kind, path: interpreter }) };
    hold(child, false);
  }

  /** Is it over, or being closed? */
  get closed(): boolean {
    return this.closing !== undefined || this.proc.exitCode !== null || this.proc.signalCode !== null;
  }

  private checkOpen(): void {
    if (this.closed) throw new ConnectError(`the server deployed to ${nameOf(this.target)} is over`, []);
  }

  /** A new connection to it; each is an `ssh` session of its own. @throws as {@link sshConnect} */
  async connect(options: ConnectOptions = {}): Promise<ProcessConnection> {
    this.checkOpen();
    return openThroughSsh(this.target, this.errand, { protocol: this.protocol, ...options });
  }

  /** {@link DeployedServer.connect} that blocks, with calls that block. */
  connectSync(options: ConnectOptions = {}): SyncProcessConnection {
    this.checkOpen();
    return openThroughSshSync(this.target, this.errand, { protocol: this.protocol, ...options });
  }

  /** A new connection to its SlaveService: RPyC's `classic_connect`. */
  async classicConnect(options: ConnectOptions = {}): Promise<ClassicProcessConnection> {
    return of(await this.connect({ service: ClassicClient, ...options }));
  }

  /** {@link DeployedServer.classicConnect} that blocks. */
  classicConnectSync(options: ConnectOptions = {}): SyncClassicProcessConnection {
    return of(this.connectSync({ service: ClassicClient, ...options }));
  }

  /**
   * Ends the server and its connections, and removes its folder. Resolves when that is done.
   * @param options timeout: seconds, default 10; null: no limit
   * @throws {TimeoutError} when it takes longer: the session is cut, and the target cleans up when it notices
   */
  close({ timeout = 10 }: { timeout?: number | null } = {}): Promise<void> {
    this.closing ??= this.end(timeout);
    return this.closing;
  }

  private async end(timeout: number | null): Promise<void> {
    const { proc } = this;
    if (proc.exitCode !== null || proc.signalCode !== null) return;
    hold(proc, true);
    const exited = once(proc, 'exit');
    proc.stdin?.end();
    if (await within(timeout === null ? Number.POSITIVE_INFINITY : timeout * 1000, exited)) return;
    proc.kill('SIGKILL');
    throw new TimeoutError(
      `the server deployed to ${nameOf(this.target)} did not end within ${timeout} s; its session was cut`,
    );
  }

  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Puts a server on a machine that has only ssh and either Python or Node, and starts it; nothing stays there. To a Python that has `rpyc` a
 * program and the service module are uploaded, to one that has not also `rpycPath`; to a Node this package, which must be for the same
 * platform.
 *
 *     await using server = await rpyc.deploy('me@build-box');
 *     await using conn = await server.classicConnect();
 *     await conn.modules.os.uname();
 *
 * Answers to `DeployedServer` of rpyc/utils/zerodeploy.py.
 * @throws {ConnectError} with what `ssh` or the target said: no access, no interpreter, no rpyc, a full disk, a service that throws;
 * {TimeoutError}; {TypeError} for options that do not fit together
 */
export async function deploy(destination: SshDestination, options: DeployOptions = {}): Promise<DeployedServer> {
  const { stdio = 'inherit' } = options;
  const timeoutMs = Math.min(milliseconds('timeout', options.timeout, 60), 2 ** 31 - 1);
  const target = targetOf(destination);
  const upload = uploadOf(options);
  return new DeployedServer(target, upload.kind, await startSession(target, upload, timeoutMs, stdio));
}
