// Connections with and without keepalive, as the kernel shows them: `keepalive PORT`. /proc/net/tcp tells which timer of a socket runs.
import { readFileSync } from 'node:fs';
import * as rpyc from '../../../src/index.ts';
import { say } from './say.ts';

const port = Number(process.argv[2]);
const hex = port.toString(16).toUpperCase().padStart(4, '0');

/** Local ports of our side of established connections whose timer is that of keepalive (2). */
function timers(): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)) {
    const [, local, remote, state, , timer] = line.trim().split(/\s+/);
    if (remote?.endsWith(`:${hex}`) && state === '01')
      found.set(local as string, timer?.startsWith('02') ? 'keepalive' : '');
  }
  return found;
}

async function timerOf(connect: () => unknown): Promise<string> {
  const before = timers();
  await connect();
  const [made] = [...timers()].filter(([local]) => !before.has(local));
  return made?.[1] ?? 'not found';
}

const off = await timerOf(() => rpyc.connect('127.0.0.1', port));
const on = [
  await timerOf(() => rpyc.connect('127.0.0.1', port, { keepalive: true })),
  await timerOf(() => rpyc.connect('127.0.0.1', port, { keepalive: { idle: 30, interval: 5, count: 3 } })),
  await timerOf(() => rpyc.connectSync('127.0.0.1', port, { keepalive: 90 })),
];
say({ on, off });
process.exit(0);
