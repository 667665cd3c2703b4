// Connections through the system's `ssh -W`: no port is opened on this side. The engine owns one end of a socket pair, ssh has the other as
// its standard input and output, so that calls over it may block. Answers to ssh_connect in rpyc/utils/factory.py.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConnectError, EOFError, TimeoutError } from '../errors.ts';
import { type RawPeer, servesHere } from '../native/peer.ts';
import { adopt, closeDescriptor, socketPair } from '../native/socket.ts';
import type { Connection } from '../protocol/connection.ts';
import { type ConnectOptions, open, openSync as openBlocking, type Route } from './connect.ts';
import { type ProcessConnection, type SyncProcessConnection, withProcess } from './process.ts';
import {
  argumentsFor,
  type Errand,
  errandTo,
  lastWords,
  nameOf,
  type SshDestination,
  type SshRemote,
  type SshTarget,
  targetOf,
} from './ssh-target.ts';

/** How long ssh may take to write what is left and end, once its connection is closed, ms. */
const LINGER = 2000;

/** Bytes of ssh's messages that are read. */
const MAX_WORDS = 16 * 1024;

/** A file that has no name. ssh may say what it wants without ever waiting for us, and we can read it without the event loop. */
function namelessFile(): number {
  const folder = mkdtempSync(join(tmpdir(), 'rpyc-ssh-'));
  try {
    return openSync(join(folder, 'stderr'), 'wx+', 0o600);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function tailOf(file: number): string {
  const { size } = fstatSync(file);
  const bytes = Buffer.alloc(Math.min(size, MAX_WORDS));
  return bytes.toString('utf8', 0, readSync(file, bytes, 0, bytes.length, size - bytes.length));
}

/** The ways through ssh to one server: one process for each dialect that has to be tried. */
class Tunnel {
  private readonly target: SshTarget;
  private readonly errand: Errand;
  private readonly words = namelessFile();
  private child: ChildProcess | undefined;

  constructor(target: SshTarget, errand: Errand) {
    this.target = target;
    this.errand = errand;
  }

  get route(): Route {
    return {
      endpoint: `${this.errand.name} by ssh to ${nameOf(this.target)}`,
      dial: async (timeoutMs) => this.start(timeoutMs),
      dialSync: (timeoutMs) => this.start(timeoutMs),
    };
  }

  private start(timeoutMs: number): RawPeer {
    if (this.child !== undefined) endSoon(this.child);
    const { program = 'ssh', batchMode = true, host, port = 22 } = this.target;
    const { ours, theirs } = socketPair();
    try {
      this.child = spawn(program, argumentsFor(this.target, timeoutMs, this.errand), {
        stdio: [theirs, theirs, this.words],
        // Ctrl-C in a terminal interrupts a blocking call, not its connection. To ask on the terminal ssh must belong to it.
        detached: batchMode,
      });
    } catch (error) {
      closeDescriptor(ours);
      throw error;
    } finally {
      closeDescriptor(theirs);
    }
    this.child.once('error', () => undefined);
    // What it is started for keeps the process alive, or does not.
    this.child.unref();
    if (this.child.pid === undefined) {
      closeDescriptor(ours);
      throw new ConnectError(`cannot start ${program}: is OpenSSH's client installed, and on the PATH?`, []);
    }
    const peer = adopt(ours);
    return {
      localAddress: peer.localAddress,
      peerAddress: [host, port],
      isOwnListener: false,
      // Nothing tells where it leads; where this thread listens, it may lead back here.
      mayMeetItself: servesHere(),
      keepAlive: () => undefined,
      channel: () => peer.channel(),
      transport: (options) => peer.transport(options),
      close: () => peer.close(),
    };
  }

  /** The process now belongs to the connection. */
  keep(conn: Connection): ChildProcess {
    closeSync(this.words);
    const child = this.child as ChildProcess;
    if (conn.closed) endSoon(child);
    else conn.once('close', () => endSoon(child));
    return child;
  }

  /** Nothing came of it. Returns the error, with ssh's own words where it had some. */
  giveUp(error: unknown): unknown {
    const said = lastWords(tailOf(this.words));
    closeSync(this.words);
    if (this.child !== undefined) endSoon(this.child);
    if (said === '' || !(error instanceof EOFError || error instanceof TimeoutError)) return error;
    return new ConnectError(`ssh to ${nameOf(this.target)}, for ${this.errand.name}: ${said}`, [error]);
  }
}

/** Its end of the socket pair is closed: it ends by itself, unless something on the way hangs. */
function endSoon(child: ChildProcess): void {
  const timer = setTimeout(() => child.kill('SIGKILL'), LINGER);
  timer.unref();
  child.once('exit', () => clearTimeout(timer));
}

/** A connection by an errand of ssh. @internal */
export async function openThroughSsh(
  target: SshTarget,
  errand: Errand,
  options: ConnectOptions,
): Promise<ProcessConnection> {
  const tunnel = new Tunnel(target, errand);
  try {
    const made = await open(tunnel.route, options);
    return withProcess(made, tunnel.keep(made));
  } catch (error) {
    throw tunnel.giveUp(error);
  }
}

/** {@link openThroughSsh} that blocks. @internal */
export function openThroughSshSync(target: SshTarget, errand: Errand, options: ConnectOptions): SyncProcessConnection {
  const tunnel = new Tunnel(target, errand);
  try {
    const made = openBlocking(tunnel.route, options);
    return withProcess(made, tunnel.keep(made.async));
  } catch (error) {
    throw tunnel.giveUp(error);
  }
}

/**
 * RPyC's `ssh_connect`: to a server that listens on another machine for that machine alone, through the system's `ssh`. The server is not
 * asked who we are: `ssh` was. No port is opened here, and nothing is ever asked on a terminal (see `batchMode`).
 *
 *     const conn = await rpyc.sshConnect('me@build-box', 18861);
 *     const conn = await rpyc.sshConnect({ host: 'build-box', user: 'me', identityFile }, { remoteSocket: '/run/calc.sock' });
 *
 * `conn.proc` is the process; it ends with the connection, and the connection with it. On POSIX systems only.
 * Answers to `ssh_connect` in rpyc/utils/factory.py.
 * @throws {ConnectError} with what `ssh` said: no such host, permission denied, an unknown host key, a port there that refuses;
 * {TypeError} or {RangeError} for a target that is none; else as {@link connect}
 */
export async function sshConnect(
  target: SshDestination,
  remote: SshRemote,
  options: ConnectOptions = {},
): Promise<ProcessConnection> {
  return openThroughSsh(targetOf(target), errandTo(remote), options);
}

/** {@link sshConnect} that blocks, with calls that block. @throws as {@link sshConnect} */
export function sshConnectSync(
  target: SshDestination,
  remote: SshRemote,
  options: ConnectOptions = {},
): SyncProcessConnection {
  return openThroughSshSync(targetOf(target), errandTo(remote), options);
}
