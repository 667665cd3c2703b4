// `npm run bench -- pool`: 32 stock Python clients (4 processes of 8 threads) against a WorkerPoolServer with 1 to n workers, and against a Server
// on one thread: a handler that computes, a cheap one; and the other clients' latency while one worker is blocked.
// Options: --rounds N (default 2), --seconds S per sample (default 1.5).
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { root } from '../../scripts/setup.mjs';
import { percentile, time } from '../lib/alternate.ts';
import { json, start } from '../lib/child.ts';
import { machineLine } from '../lib/machine.ts';
import { python } from '../lib/python.ts';
import { writeResults } from '../lib/results.ts';

/** ns per call of all clients together; of single calls. */
interface Sample {
  calls: number;
  ns: number;
  p50: number;
  p99: number;
}

const option = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const rounds = option('rounds', 2);
const seconds = option('seconds', 1.5);
const PROCESSES = 4;
const THREADS = 8;
/** Of burn: some 3 ms. */
const BURN = 3_000_000;
/** Targets: throughput with as many workers as cores against one worker's; p99 while a worker is blocked against before. */
const SCALES = 1.6;
const UNCHANGED = 1.5;

const folder = join(root, 'bench/macro');
const cores = availableParallelism();
const serve = (workers: number) => start(process.execPath, [join(folder, 'pool-server.mjs'), workers]);

let burnt = 1;
for (let n = 0; n < BURN; n++) burnt = (Math.imul(burnt, 1103515245) + 12345) >>> 0;
const METHODS = { burn: [[BURN], burnt], add: [[5, 10], 15] } as const;

async function load(port: number, method: keyof typeof METHODS, ...block: number[]): Promise<Sample> {
  const [args, answer] = METHODS[method];
  const rest = [seconds, PROCESSES, THREADS, ...block];
  return json(python('6.0.1'), [join(folder, 'pool-load.py'), port, method, JSON.stringify(args), answer, ...rest]);
}

const counts = [...new Set([0, 1, 2, cores, 2 * cores])].sort((a, b) => a - b);
const name = (workers: number): string => (workers === 0 ? 'Server, one thread' : `pool of ${workers}`);

const variants: Record<string, () => Promise<Sample>> = {};
for (const method of ['burn', 'add'] as const)
  for (const workers of counts)
    variants[`${method}, ${name(workers)}`] = async () => {
      await using server = await serve(workers);
      return await load(server.ready.port, method);
    };
const FREE = 'add, pool of 4, worker 0 idle';
const BLOCKED = 'add, pool of 4, worker 0 blocked';
for (const [variant, ms] of [
  [FREE, 0],
  [BLOCKED, seconds * 1000 + 500],
] as const)
  variants[variant] = async () => {
    await using server = await serve(4);
    return await load(server.ready.port, 'add', ms);
  };

console.log(
  `# ${PROCESSES * THREADS} Python clients\n${machineLine()}\n${rounds} rounds in turns, every other one backwards, ${seconds} s each\n`,
);
const measured = new Map<string, Sample[]>(Object.keys(variants).map((variant) => [variant, []]));
for (let round = 0; round < rounds; round++) {
  const entries = Object.entries(variants);
  for (const [variant, measure] of round % 2 ? entries.toReversed() : entries)
    measured.get(variant)?.push(await measure());
}

const middle = (samples: readonly Sample[], key: keyof Sample): number =>
  percentile(
    samples.map((sample) => sample[key]),
    0.5,
  );
const lines = [...measured].map(([variant, all]) => ({
  name: variant,
  perSecond: Math.round(1e9 / middle(all, 'ns')),
  p50: middle(all, 'p50'),
  p99: middle(all, 'p99'),
}));
console.log(`${''.padEnd(36)}${['calls/s', 'p50', 'p99'].map((head) => head.padStart(12)).join('')}`);
for (const line of lines) {
  const cells = [line.perSecond.toLocaleString('en'), time(line.p50), time(line.p99)];
  console.log(line.name.padEnd(36) + cells.map((cell) => cell.padStart(12)).join(''));
}

const of = (variant: string) => lines.find((line) => line.name === variant) as (typeof lines)[number];
const scaling = of(`burn, ${name(cores)}`).perSecond / of(`burn, ${name(1)}`).perSecond;
const p99 = of(BLOCKED).p99 / of(FREE).p99;
const verdict = (holds: boolean): string => (holds ? 'holds' : 'MISSED');
console.log(`
burn, ${cores} workers / 1 worker on ${cores} cores: ${scaling.toFixed(2)}x, target ${SCALES}x: ${verdict(scaling >= SCALES)}
p99 of the others, a worker blocked / not: ${p99.toFixed(2)}x, target ${UNCHANGED}x at most: ${verdict(p99 <= UNCHANGED)}`);
const targets = {
  scaling: { ratio: Number(scaling.toFixed(2)), target: SCALES, holds: scaling >= SCALES },
  blockedP99: { ratio: Number(p99.toFixed(2)), target: UNCHANGED, holds: p99 <= UNCHANGED },
};
console.log(`written to ${writeResults('pool', { lines, targets })}`);
