// Starts peers/node-slave.ts and waits until it listens.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface NodeSlave {
  readonly port: number;
  /** SIGKILL; resolves when it has ended. */
  stop(): Promise<void>;
}

export async function startNodeSlave(): Promise<NodeSlave> {
  const url = (path: string) => new URL(path, import.meta.url);
  const args = ['--import', url('../../scripts/ts.mjs').href, fileURLToPath(url('./peers/node-slave.ts'))];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  for await (const line of createInterface(child.stdout))
    if (line.startsWith('READY ')) return { port: (JSON.parse(line.slice(6)) as { port: number }).port, stop };
  throw new Error('the Node slave ended before it listened');
}
