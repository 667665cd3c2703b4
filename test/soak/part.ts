// What the programs of a soak have in common: orders come as lines on stdin, answers go as lines of JSON to stdout. A client works until
// it is told to pause; then it drops what it holds, tells its counts, and keeps its connections open until stdin ends.
import { createInterface } from 'node:readline';

/** One line for the conductor. */
export function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Calls `obey` for each order; the process ends when stdin does. */
export function onOrders(obey: (order: string) => void): void {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', obey);
  lines.on('close', () => process.exit(process.exitCode ?? 0));
}

/** Two collections, with a turn of the event loop in which finalizers run and what they release is sent. */
export async function collect(): Promise<void> {
  for (let i = 0; i < 2; i++) {
    (global.gc as () => void)();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`wrong answer: ${what}`);
}

/** What a client counts. */
export interface Counts {
  calls: number;
  connections: number;
}

/**
 * Runs `round` again and again until the order to pause, then `quiet`, and tells the counts. A failure ends the process with status 1.
 * Each round is followed by a turn of the event loop: orders arrive also where rounds block.
 */
export async function work(counts: Counts, round: (n: number) => unknown, quiet: () => unknown): Promise<void> {
  let paused = false;
  onOrders((order) => {
    paused ||= order === 'pause';
  });
  for (let n = 0; !paused; n++) {
    await round(n);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await quiet();
  say(counts);
}
