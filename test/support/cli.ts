// The programs of dist/cli as child processes. Each is ended with the test that started it, by its handle.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { root } from '../../scripts/setup.mjs';

export type Program = 'rpyc' | 'rpyc_classic' | 'rpyc_registry';

export const programPath = (program: Program): string => join(root, 'dist/cli', `${program}.js`);

export interface Ended {
  /** Exit status, or the signal's name. */
  exit: number | string;
  stdout: string;
  stderr: string;
}

export interface Cli {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  /** The first line of stdout or stderr that matches; rejects when the program ends before. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Starts a program. Killed after a minute. */
export function startCli(program: Program, args: readonly string[], env: Record<string, string> = {}): Cli {
  const child = spawn(process.execPath, [programPath(program), ...args], {
    env: { ...process.env, RPYC_DEBUG: '', NO_COLOR: '', ...env },
  });
  const said = { stdout: '', stderr: '' };
  let exit: number | string | undefined;
  let wake = (): void => {};
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
      wake();
    });
  child.stdin.on('error', () => {}); // it ended before it read everything: `ended` tells
  const lifetime = setTimeout(() => child.kill('SIGKILL'), 60_000);
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (status, signal) => {
      clearTimeout(lifetime);
      exit = status ?? signal ?? 'unknown';
      resolve({ exit, ...said });
      wake();
    });
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  async function line(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      for (const text of `${said.stdout}\n${said.stderr}`.split('\n')) {
        const found = pattern.exec(text);
        if (found !== null) return found;
      }
      if (exit !== undefined)
        throw new Error(`${program} ended with ${exit} before ${pattern}\n${said.stdout}${said.stderr}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  return { child, ended, line };
}

/** Runs a program to its end, with this on its stdin. */
export function runCli(
  program: Program,
  args: readonly string[],
  { stdin = '', env = {} }: { stdin?: string; env?: Record<string, string> } = {},
): Promise<Ended> {
  const { child, ended } = startCli(program, args, env);
  child.stdin.end(stdin);
  return ended;
}

/** `rpyc call …` and its relatives. */
export const rpyc = (...args: readonly string[]): Promise<Ended> => runCli('rpyc', args);
