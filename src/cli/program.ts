// A program of the package from its start to its end: signals, readers that left, the exit code.
import { exitCodeOf, exitOfSignal } from './exit.ts';

/** Somebody else answers to signals: `handleSignals`. */
let handler: ((signal: NodeJS.Signals) => void) | undefined;

/** SIGINT and SIGTERM go to `handle` from now on, instead of ending the process at once. */
export function handleSignals(handle: (signal: NodeJS.Signals) => void): void {
  handler = handle;
}

/** Runs the program, and ends the process with its exit code. */
export async function runProgram(name: string, run: () => Promise<number>): Promise<void> {
  // `| head` has seen enough: that is no failure, and nobody is left to be told of one.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  process.stderr.on('error', () => undefined);
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (handler === undefined) process.exit(exitOfSignal(signal));
      else handler(signal);
    });
  const code = await exitCodeOf(name, run);
  // What is written goes out before the process ends; connections and servers that are left do not keep it.
  await Promise.all([process.stdout, process.stderr].map((stream) => new Promise((done) => stream.write('', done))));
  process.exit(code);
}
