// `rpyc_classic -m stdio`: a slave behind this process's standard streams. The slave runs in a child, on a socket of its own; this process
// carries bytes and runs nothing of the peer's. So whatever the slave prints, by whatever way and from whatever process, the wire has none of
// it; and the slave can make blocking calls, which need a socket. Answers to _serve_stdio of rpyc/cli/rpyc_classic.py.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fstatSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { writeTask } from '../server/child.ts';
import type { ServerOptions } from '../server/server.ts';
import { EXIT, exitOfSignal, UsageError } from './exit.ts';
import { handleSignals } from './program.ts';

/** Compiled beside this file's room; as a source it is TypeScript, like this file. */
const ENTRY = fileURLToPath(new URL('../server/forked.js', import.meta.url));
const SLAVE = new URL('./slave.js', import.meta.url).href;

/** Under inetd all three are the same socket. */
function isWire(fd: number): boolean {
  const [one, two] = [fstatSync(fd), fstatSync(1)];
  return one.dev === two.dev && one.ino === two.ino;
}

/** Serves whoever holds the other ends of stdin and stdout, until they are closed; the exit code. */
export async function serveStdio(options: ServerOptions): Promise<number> {
  if (process.stdin.isTTY || process.stdout.isTTY)
    throw new UsageError(
      '-m stdio speaks RPyC on its standard streams, and these are a terminal: start it from a client',
    );
  const child = spawn(process.execPath, [ENTRY], {
    stdio: ['pipe', 'ignore', isWire(2) ? 'ignore' : 'inherit', 'pipe'],
  });
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  handleSignals((signal) => child.kill(signal));
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(writeTask({ module: SLAVE, options }));
  const wire = child.stdio[3] as unknown as Duplex;
  // Either end may be gone at any time: then the other one is told by an end of file, and what is left is not an error.
  const quietly = (carried: Promise<void>): Promise<void> => carried.catch(() => undefined);
  void quietly(pipeline(process.stdin, wire, { end: true }));
  const out = quietly(pipeline(wire, process.stdout, { end: false }));
  const [status, signal] = await ended;
  await out;
  return signal === null ? (status ?? EXIT.FAILURE) : exitOfSignal(signal);
}
