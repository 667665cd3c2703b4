// Child programs of the tests: TypeScript files beside this one, run by a Node of their own, because a blocking call would block the
// test's own thread, or because the process is what is tested. Each prints lines of JSON.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export interface Program {
  readonly child: ChildProcess;
  /** Exit status or signal. */
  readonly ended: Promise<number | string>;
  /** The next line of its stdout, parsed; rejects when it ends before it. */
  next<T = any>(): Promise<T>;
  stdout(): string;
  stderr(): string;
}

export interface ProgramOptions {
  /** Flags of Node, before the program. */
  flags?: readonly string[];
  env?: Record<string, string>;
  /** A command of the shell before it, such as `ulimit -n 64`. */
  shell?: string;
  /** The child is killed after so many milliseconds. Default 20,000. */
  timeoutMs?: number;
}

/** Starts `test/support/programs/<name>.ts`; it is killed when the test ends. */
export function start(name: string, args: readonly unknown[] = [], options: ProgramOptions = {}): Program {
  const program = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  const flags = ['--import', './scripts/ts.mjs', '--expose-gc', ...(options.flags ?? [])];
  const command = [process.execPath, ...flags, program, ...args.map(String)];
  const [file, ...rest] =
    options.shell === undefined ? command : ['sh', '-c', `${options.shell} && exec "$0" "$@"`, ...command];
  const child = spawn(file, rest, {
    cwd: ROOT,
    env: { ...process.env, NODE_OPTIONS: '', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let [out, err, read] = ['', '', 0];
  let exit: number | string | undefined;
  let wake = () => {};
  child.stdout.setEncoding('utf8').on('data', (text) => {
    out += text;
    wake();
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    err += text;
  });
  const killer = setTimeout(() => {
    err += '[killed: it hung]';
    child.kill('SIGKILL');
  }, options.timeoutMs ?? 20_000);
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (status, signal) => {
      clearTimeout(killer);
      exit = status ?? signal ?? 'unknown';
      resolve(exit);
      wake();
    });
  });
  onTestFinished(() => {
    if (exit === undefined) child.kill('SIGKILL');
  });
  async function next(): Promise<any> {
    for (;;) {
      const end = out.indexOf('\n', read);
      if (end >= 0) {
        const line = out.slice(read, end);
        read = end + 1;
        return JSON.parse(line);
      }
      if (exit !== undefined)
        throw new Error(`${name} ended with ${exit} before the line that was waited for\n${out}${err}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  return { child, ended, next, stdout: () => out, stderr: () => err };
}

/** Runs a program to its end and returns its last line; rejects unless it ends with status 0. */
export async function run<T = any>(
  name: string,
  args: readonly unknown[] = [],
  options: ProgramOptions = {},
): Promise<T> {
  const program = start(name, args, options);
  const exit = await program.ended;
  if (exit !== 0) throw new Error(`${name} ended with ${exit}\n${program.stdout()}${program.stderr()}`);
  return JSON.parse(program.stdout().trimEnd().split('\n').at(-1) ?? '') as T;
}
