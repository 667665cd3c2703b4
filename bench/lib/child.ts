// Programs beside a benchmark: the C floor of bench/native, Python rivals, Node servers. Each is stopped by its handle.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../../scripts/setup.mjs';

/** Path of a program of bench/native. */
export function native(name: 'pingpong' | 'canned' | 'load' | 'pin'): string {
  return join(root, 'bench/native/build/Release', name);
}

/** The command line that runs a program on one core (Linux). */
export function pinned(core: number, command: string, args: readonly string[]): [string, string[]] {
  return [native('pin'), [String(core), command, ...args]];
}

/** Runs a program to its end and parses the last line of its stdout as JSON. */
export async function json<T = any>(command: string, args: readonly (string | number)[]): Promise<T> {
  const child = spawn(command, args.map(String), { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  const status = await ended(child);
  if (status !== 0) throw new Error(`${command} ended with ${status}`);
  return JSON.parse(text.trimEnd().split('\n').at(-1) ?? '') as T;
}

export interface Peer extends AsyncDisposable {
  /** What it printed after READY. */
  ready: any;
  stop(): Promise<void>;
}

/** Starts a program that prints `READY <json>` and ends when its stdin does. */
export async function start(command: string, args: readonly (string | number)[]): Promise<Peer> {
  const child = spawn(command, args.map(String), { stdio: ['pipe', 'pipe', 'inherit'] });
  const end = ended(child);
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  end.finally(() => process.off('exit', kill)).catch(() => {});
  const ready = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      const line = /^READY (.*)\n/m.exec(text)?.[1];
      if (line) resolve(line);
    });
    end.then((status) => reject(new Error(`${command} ended with ${status} before it was ready`)), reject);
  });
  const stop = async () => {
    child.stdin.end();
    child.kill('SIGTERM');
    await end;
  };
  return { ready: JSON.parse(ready), stop, [Symbol.asyncDispose]: stop };
}

function ended(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve(status ?? signal ?? 'unknown'));
  });
}
