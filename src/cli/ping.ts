// `rpyc ping`: how long the peer takes to echo.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '../protocol/connection.ts';
import type { Arguments, Command } from './command.ts';
import { EXIT, exitOfSignal } from './exit.ts';
import { print } from './output.ts';
import { handleSignals } from './program.ts';
import { CLIENT_OPTIONS, connect, describe, parseTarget, timeoutOf } from './target.ts';

const MAX_SIZE = 16 * 1024 * 1024;

export const PING: Command = {
  name: 'rpyc ping',
  usage: '[options] ADDRESS',
  about:
    'Asks a peer to echo some bytes, several times, and prints how long it took. Exit code 1 when an answer is missing.',
  positionals: [1, 1],
  options: {
    count: { short: 'c', value: 'N', help: 'how often (default 4; 0: until Ctrl-C)' },
    interval: { short: 'i', value: 'SECONDS', help: 'between two of them (default 1)' },
    size: { short: 's', value: 'BYTES', help: 'to be echoed (default 56)' },
    json: { help: 'print one JSON object at the end, times in ms' },
    ...CLIENT_OPTIONS,
  },
  run,
};

/** Sums, not samples: an endless ping takes no memory. */
class Times {
  sent = 0;
  answered = 0;
  private min = Number.POSITIVE_INFINITY;
  private max = 0;
  private sum = 0;

  add(ms: number): void {
    this.answered++;
    this.min = Math.min(this.min, ms);
    this.max = Math.max(this.max, ms);
    this.sum += ms;
  }

  get figures(): { sent: number; answered: number; min: number | null; avg: number | null; max: number | null } {
    const { sent, answered } = this;
    if (answered === 0) return { sent, answered, min: null, avg: null, max: null };
    const [min, avg, max] = [this.min, this.sum / answered, this.max].map((ms) => Number(ms.toFixed(3)));
    return { sent, answered, min, avg, max };
  }
}

async function run(args: Arguments): Promise<number> {
  const target = parseTarget(args.positionals[0]);
  const count = args.integer('count', 0, 2 ** 31) ?? 4;
  const interval = (args.number('interval', 0, 86_400) ?? 1) * 1000;
  const size = args.integer('size', 0, MAX_SIZE) ?? 56;
  const timeout = timeoutOf(args);
  const json = args.has('json');
  const times = new Times();
  const stop = new AbortController();
  let stopped: NodeJS.Signals | undefined;
  handleSignals((signal) => {
    stopped = signal;
    stop.abort();
  });
  const conn = await Promise.race([connect(target, args), aborted(stop.signal)]);
  if (conn !== undefined) {
    const say = json ? () => undefined : print;
    await Promise.race([echo(conn, { count, interval, size, timeout }, times, stop.signal, say), aborted(stop.signal)]);
  }
  const { figures } = times;
  if (json) print(JSON.stringify({ address: describe(target), bytes: size, ...figures }));
  else {
    const times = figures.answered === 0 ? '' : `, min/avg/max = ${figures.min}/${figures.avg}/${figures.max} ms`;
    print(`${describe(target)}: ${figures.sent} sent, ${figures.answered} answered${times}`);
  }
  if (stopped !== undefined) return exitOfSignal(stopped);
  return figures.answered === figures.sent && figures.sent > 0 ? EXIT.OK : EXIT.FAILURE;
}

const aborted = (signal: AbortSignal): Promise<undefined> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });

interface How {
  count: number;
  interval: number;
  size: number;
  timeout: number;
}

/** An answer that does not come in time is missing, and the next is asked for; a connection that is over is the end. */
async function echo(
  conn: Connection,
  { count, interval, size, timeout }: How,
  times: Times,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<void> {
  const data = Buffer.alloc(size, 'abcdefghijklmnopqrstuvwxyz');
  for (let n = 1; (count === 0 || n <= count) && !signal.aborted; n++) {
    if (n > 1) await sleep(interval);
    times.sent++;
    const began = performance.now();
    try {
      await conn.ping(data, timeout);
      const ms = performance.now() - began;
      times.add(ms);
      say(`${size} bytes: seq=${n} time=${ms.toFixed(3)} ms`);
    } catch (error) {
      say(`seq=${n}: ${(error as Error).message}`);
      if (conn.closed) return;
    }
  }
}
