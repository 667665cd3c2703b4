// What tests of printed and written examples share: programs made of text, started as a reader would start them, and their ports.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { root } from '../../scripts/setup.mjs';

/** Where the programs lie: in this checkout, so that Node finds `rpyc` by its name, as an installed package would be found. */
const scratch = `${root}/build/snippets/`;

export interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface Started {
  child: ChildProcess;
  stdout: () => string;
  ended: Promise<Ended>;
  /** SIGTERM. Resolves when it has ended. */
  stop: () => Promise<Ended>;
}

/** Starts a program. Inside a test it is stopped when the test ends; elsewhere (`beforeAll`) call `stop()`. */
export function start(
  command: string,
  args: string[],
  env: Record<string, string> = {},
  lifetimeMs = 25_000,
  stdin: 'ignore' | 'pipe' = 'ignore',
): Started {
  const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env }, stdio: [stdin, 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => (stdout += chunk));
  child.stderr?.on('data', (chunk) => (stderr += chunk));
  const timer = setTimeout(() => child.kill('SIGKILL'), lifetimeMs);
  const ended = once(child, 'close').then(([status]) => {
    clearTimeout(timer);
    return { status, stdout, stderr };
  });
  const stop = () => {
    child.kill('SIGTERM');
    return ended;
  };
  try {
    onTestFinished(async () => void (await stop()));
  } catch {
    // not inside a test: the caller stops it
  }
  return { child, stdout: () => stdout, ended, stop };
}

/** Writes a program; returns its path. */
export function script(name: string, text: string): string {
  mkdirSync(scratch, { recursive: true });
  writeFileSync(scratch + name, text);
  return scratch + name;
}

export async function runNode(name: string, text: string): Promise<Ended> {
  return start(process.execPath, [script(name, text)]).ended;
}

/** Resolves when something listens on the port. */
export async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const socket = connect(port, '127.0.0.1');
    const open = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (open) return;
    await sleep(50);
  }
  throw new Error(`nothing listens on port ${port}`);
}

async function isFree(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const free = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(false));
    socket.once('error', () => resolve(true));
  });
  socket.destroy();
  return free;
}

/** The text with its port, or with a free one where that is taken. */
export async function withFreePort(port: number, ...texts: string[]): Promise<{ port: number; texts: string[] }> {
  for (let candidate = port; ; candidate += 100)
    if (await isFree(candidate))
      return { port: candidate, texts: texts.map((text) => text.replaceAll(String(port), String(candidate))) };
}
