// A Node peer of its own process: a program of peers/, run from source. Stopped with the test that started it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { ServerOptions } from '../../src/index.ts';

export interface NodePeer extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  /** SIGKILL; resolves when it has ended. */
  stop(): Promise<void>;
}

/** Starts a Node server with the service of peers/node-server.ts, or of another program there, and waits until it listens. */
export async function startNode(
  options: ServerOptions = {},
  name = 'node-server.ts',
  env: Record<string, string> = {},
): Promise<NodePeer> {
  const url = (path: string) => new URL(path, import.meta.url);
  const program = fileURLToPath(url(`./peers/${name}`));
  const child = spawn(
    process.execPath,
    ['--import', url('../../scripts/ts.mjs').href, program, JSON.stringify(options)],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    },
  );
  const ended = once(child, 'close');
  const stop = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  try {
    onTestFinished(stop);
  } catch {
    // not inside a test: the caller stops it
  }
  for await (const line of createInterface(child.stdout)) {
    if (!line.startsWith('READY ')) continue;
    const { port } = JSON.parse(line.slice(6)) as { port: number };
    return { pid: child.pid ?? 0, port, stop, [Symbol.asyncDispose]: stop };
  }
  throw new Error('the Node peer ended before it listened');
}
