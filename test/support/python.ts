// Real Python peers: interpreters with RPyC 4.1.5, 5.3.1 and 6.0.1 (made by scripts/setup.mjs under .venv/), programs
// started with them, and their end. Every child is stopped by its own process handle, at the latest when the test
// process ends or its lifetime is over; its stderr is kept and shown when something goes wrong.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, onTestFinished } from 'vitest';
import { pythonOf, RPYC_VERSIONS } from '../../scripts/setup.mjs';

/** The RPyC releases under test, oldest first. */
export const PYTHONS = ['4.1.5', '5.3.1', '6.0.1'] as const;
export type RpycVersion = (typeof PYTHONS)[number];
if (PYTHONS.join() !== RPYC_VERSIONS.join()) throw new Error('PYTHONS and scripts/setup.mjs name different releases');

/** `describe` for tests with real Python: skipped where RPYC_TEST_PYTHON=skip (which CI never sets). */
export const describePython: typeof describe | typeof describe.skip =
  process.env.RPYC_TEST_PYTHON === 'skip' ? describe.skip : describe;

/** Path of the interpreter whose environment holds this RPyC release. */
export function python(version: RpycVersion): string {
  return pythonOf(version);
}

/** Path of a program in test/support/peers/. */
export function peer(name: string): string {
  return fileURLToPath(new URL(`./peers/${name}`, import.meta.url));
}

export interface PythonOptions {
  /** Arguments of the program. */
  args?: readonly string[];
  /** Added to the environment. */
  env?: Record<string, string>;
  /** The child is killed after this many milliseconds. Default 60,000. */
  timeoutMs?: number;
}

export interface PythonResult {
  stdout: string;
  stderr: string;
  /** Exit status, or the signal's name. */
  exit: number | string;
}

/** Runs inline code or a program (a path that ends in `.py`) to its end. Never rejects because of the exit status. */
export async function runPython(
  version: RpycVersion,
  code: string,
  options: PythonOptions = {},
): Promise<PythonResult> {
  const child = launch(version, code, options);
  return { exit: await child.ended, stdout: child.stdout(), stderr: child.stderr() };
}

/** Like {@link runPython}, for a program that prints one JSON value as its last line; rejects when it fails. */
export async function pythonJson<T = any>(version: RpycVersion, code: string, options: PythonOptions = {}): Promise<T> {
  const { exit, stdout, stderr } = await runPython(version, code, options);
  if (exit !== 0) throw new Error(`Python (rpyc ${version}) ended with ${exit}\n${stdout}${stderr}`);
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as T;
}

/** A running Python program that has said `READY <json>`. */
export interface PythonPeer extends AsyncDisposable {
  readonly pid: number;
  /** What it said after READY, for instance `{port}`. */
  readonly ready: any;
  /** Resolves with the exit status or signal. */
  readonly ended: Promise<number | string>;
  /** The next line of its stdout that nobody has read yet; rejects when the program ends before it. */
  nextLine(): Promise<string>;
  /** Writes a line to its stdin. */
  writeLine(line: string): void;
  stderr(): string;
  /** SIGTERM, then SIGKILL after 2 s. Resolves when it has ended. */
  stop(): Promise<void>;
}

/**
 * Starts inline code or a program (a path that ends in `.py`) and waits for its line `READY <json>`.
 * Inside a test it is stopped when the test ends; elsewhere (`beforeAll`) call `stop()`.
 */
export async function startPython(
  version: RpycVersion,
  code: string,
  options: PythonOptions = {},
): Promise<PythonPeer> {
  return whenReady(launch(version, code, options));
}

/** Like {@link startPython}, for any program that says `READY <json>`. */
export function startProgram(command: string, { args = [], ...options }: PythonOptions = {}): Promise<PythonPeer> {
  return whenReady(start(command, command, args, options));
}

async function whenReady(child: ReturnType<typeof start>): Promise<PythonPeer> {
  try {
    onTestFinished(child.stop);
  } catch {
    // not inside a test: the caller stops it
  }
  for (;;) {
    const line = await child.nextLine();
    if (line.startsWith('READY')) {
      const ready = JSON.parse(line.slice(5).trim() || 'null');
      return { ...child, ready, [Symbol.asyncDispose]: child.stop };
    }
  }
}

/** A `ThreadedServer` of this RPyC release with peers/server.py's service, on 127.0.0.1; `ready.port` is its port. */
export function startServer(version: RpycVersion, config: Record<string, unknown> = {}, options: PythonOptions = {}) {
  return startPython(version, peer('server.py'), {
    ...options,
    args: [JSON.stringify(config), ...(options.args ?? [])],
  });
}

/**
 * Connects a Python client of this release to a port of ours and runs `checks` with `conn`, `rpyc` and `out` (a dict)
 * in reach; resolves with `out`. `config` is the client's protocol configuration.
 */
export function runClient<T = any>(
  version: RpycVersion,
  port: number,
  checks: string,
  config: Record<string, unknown> = {},
  options: PythonOptions = {},
): Promise<T> {
  const args = [String(port), checks, JSON.stringify(config), ...(options.args ?? [])];
  return pythonJson<T>(version, peer('client.py'), { ...options, args });
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

function launch(version: RpycVersion, code: string, { args = [], ...options }: PythonOptions) {
  const program = code.endsWith('.py') && !code.includes('\n') ? [code] : ['-c', code];
  return start(`Python (rpyc ${version})`, python(version), [...program, ...args], options);
}

/** Starts a program; `name` is for errors. */
function start(
  name: string,
  command: string,
  args: readonly string[],
  { env = {}, timeoutMs = 60_000 }: Omit<PythonOptions, 'args'>,
) {
  const python = { PYTHONPATH: '', PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '1', PYTHONIOENCODING: 'utf-8' };
  const child = spawn(command, args, { env: { ...process.env, ...python, ...env } });
  let stdout = '';
  let stderr = '';
  let read = 0; // stdout before it was given out by nextLine
  let exit: number | string | undefined;
  let wake = () => {}; // called whenever stdout grows or the child ends
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    stdout += chunk;
    wake();
  });
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    stderr += chunk;
  });
  child.stdin.on('error', () => {}); // it ended before it read everything: `ended` tells
  running.add(child);
  const lifetime = setTimeout(() => {
    stderr += `\n[killed after ${timeoutMs} ms]\n`;
    child.kill('SIGKILL');
  }, timeoutMs);
  lifetime.unref();
  const ended = new Promise<number | string>((resolve) => {
    const finish = (result: number | string) => {
      clearTimeout(lifetime);
      running.delete(child);
      exit = result;
      resolve(result);
      wake();
    };
    child.once('error', (error) => {
      stderr += `${error.message} (npm run setup makes the Python environments)\n`;
      finish('not started');
    });
    child.once('close', (status, signal) => finish(status ?? signal ?? 'unknown'));
  });

  async function nextLine(): Promise<string> {
    for (;;) {
      const end = stdout.indexOf('\n', read);
      if (end >= 0) {
        const line = stdout.slice(read, end);
        read = end + 1;
        return line;
      }
      if (exit !== undefined) {
        throw new Error(`${name} ended with ${exit} before the line that was waited for\n${stdout}${stderr}`);
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }

  async function stop(): Promise<void> {
    if (exit !== undefined) return;
    child.kill('SIGTERM');
    const hard = setTimeout(() => child.kill('SIGKILL'), 2000);
    await ended;
    clearTimeout(hard);
  }

  return {
    pid: child.pid ?? 0,
    ended,
    nextLine,
    writeLine: (line: string) => void child.stdin.write(`${line}\n`),
    stdout: () => stdout,
    stderr: () => stderr,
    stop,
  };
}
