// `npm run bench:first`: a call's price, in one run, in turns: the C floor, our blocking and awaited add(5, 10), 64 in flight, and Python
// against Python. Blocking and its floor run with both ends on one core, where no wake-up crosses; the rest runs as the system likes.
// One row each with the C server and the C client of bench/native in our places tells whose share of the gap is whose.
// Options: --rounds N (default 5), --seconds S per sample (default 0.6).
import { join } from 'node:path';
import { root } from '../../scripts/setup.mjs';
import { percentile, time } from '../lib/alternate.ts';
import { json, native, pinned, start } from '../lib/child.ts';
import { machineLine } from '../lib/machine.ts';
import { python } from '../lib/python.ts';
import { writeResults } from '../lib/results.ts';

/** What every child reports: ns per call over the run, and of single calls; CPU of the client where it knows. */
interface Sample {
  ns: number;
  p50: number;
  p99: number;
  cpu?: number;
}

interface Line extends Sample {
  name: string;
  samples: number[];
}

const option = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const rounds = option('rounds', 5);
const seconds = option('seconds', 0.6);
const CORE = 0;
const WINDOW = 64;
/** Targets: blocking within this of the floor, and in-flight at least so many times Python's rate. */
const FLOOR_RATIO = 2;
const PYTHON_RATIO = 10;

const folder = join(root, 'bench/macro');
const node = process.execPath;
const py = python('6.0.1');
const times = (expectedNs: number): number => Math.max(200, Math.round((seconds * 1e9) / expectedNs));

await using nodePinned = await start(...pinned(CORE, node, [join(folder, 'server.mjs')]));
await using nodeFree = await start(node, [join(folder, 'server.mjs')]);
await using pyPinned = await start(...pinned(CORE, py, [join(folder, 'rival.py'), 'server']));
await using pyFree = await start(py, [join(folder, 'rival.py'), 'server']);

await using canned = await start(native('canned'), ['--core', CORE]);

const client = (mode: string, port: number, expectedNs: number): [string, (string | number)[]] => [
  node,
  [join(folder, 'client.mjs'), mode, port, times(expectedNs), WINDOW],
];
const rival = (mode: string, port: number, expectedNs: number): [string, (string | number)[]] => [
  py,
  [join(folder, 'rival.py'), mode, port, times(expectedNs), WINDOW],
];
const run = ([command, args]: [string, (string | number)[]]): Promise<Sample> => json(command, args);
const runPinned = ([command, args]: [string, (string | number)[]]): Promise<Sample> =>
  json(...pinned(CORE, command, args.map(String)));
const floor = async (...args: string[]): Promise<Sample> => {
  const result = await json(native('pingpong'), ['--request', 64, '--reply', 64, '--count', times(5500), ...args]);
  return { ns: result.ns_per_round_trip, p50: result.p50_ns, p99: result.p99_ns };
};
const load = async (
  port: number,
  inflight: number,
  expectedNs: number,
  ...args: (string | number)[]
): Promise<Sample> => {
  const counts = ['--inflight', inflight, '--count', times(expectedNs)];
  const result = await json(native('load'), ['--port', port, ...counts, ...args]);
  return { ns: result.ns_per_call, p50: result.p50_ns, p99: result.p99_ns };
};

const FLOOR = 'C ping-pong, 64 bytes, one core';
const BLOCKING = 'ours, blocking, one core';
const AWAITED = 'ours, awaited, one core';
const C_TO_C = 'C client, C server, one core';
const BLOCKING_TO_C = 'ours, blocking, C server, one core';
const C_TO_OURS = 'C client, our server, one core';
const INFLIGHT = `ours, ${WINDOW} in flight`;
const PYTHON_SYNC = 'Python to Python, sequential';
const PYTHON_INFLIGHT = `Python to Python, ${WINDOW} in flight`;

const variants: Record<string, () => Promise<Sample>> = {
  [FLOOR]: () => floor('--core', String(CORE)),
  [BLOCKING]: () => runPinned(client('sync', nodePinned.ready.port, 10_000)),
  [C_TO_C]: () => load(canned.ready.port, 1, 6_000, '--core', CORE),
  [BLOCKING_TO_C]: () => runPinned(client('sync', canned.ready.port, 8_000)),
  [C_TO_OURS]: () => load(nodePinned.ready.port, 1, 8_000, '--core', CORE),
  [AWAITED]: () => runPinned(client('await', nodePinned.ready.port, 15_000)),
  'Python to Python, one core': () => runPinned(rival('sync', pyPinned.ready.port, 300_000)),
  'C ping-pong, two cores': () => floor(),
  'ours, blocking, two cores': () => run(client('sync', nodeFree.ready.port, 30_000)),
  'ours, awaited, two cores': () => run(client('await', nodeFree.ready.port, 60_000)),
  [INFLIGHT]: () => run(client('inflight', nodeFree.ready.port, 2_000)),
  [`C load, our server, ${WINDOW} in flight`]: () => load(nodeFree.ready.port, WINDOW, 1_000),
  [PYTHON_SYNC]: () => run(rival('sync', pyFree.ready.port, 500_000)),
  [PYTHON_INFLIGHT]: () => run(rival('inflight', pyFree.ready.port, 90_000)),
};

console.log(
  `# add(5, 10)\n${machineLine()}\n${rounds} rounds in turns, every other one backwards, ${seconds} s each\n`,
);
const measured = new Map<string, Sample[]>(Object.keys(variants).map((name) => [name, []]));
for (let round = 0; round < rounds; round++) {
  const entries = Object.entries(variants);
  for (const [name, measure] of round % 2 ? entries.toReversed() : entries) measured.get(name)?.push(await measure());
}

const middle = (samples: readonly Sample[], key: keyof Sample): number =>
  percentile(
    samples.map((s) => s[key] ?? Number.NaN),
    0.5,
  );
const lines: Line[] = [...measured].map(([name, all]) => ({
  name,
  ns: middle(all, 'ns'),
  p50: middle(all, 'p50'),
  p99: middle(all, 'p99'),
  cpu: middle(all, 'cpu'),
  samples: all.map((s) => Math.round(s.ns)),
}));
const of = (name: string): Line => lines.find((line) => line.name === name) as Line;

console.log(
  `${''.padEnd(38)}${['per call', 'p50', 'p99', 'client CPU', 'calls/s', 'to floor'].map((head) => head.padStart(12)).join('')}`,
);
for (const line of lines) {
  const cpu = Number.isNaN(line.cpu) ? '' : time(line.cpu as number);
  const cells = [
    time(line.ns),
    time(line.p50),
    time(line.p99),
    cpu,
    Math.round(1e9 / line.ns).toLocaleString('en'),
    `${(line.ns / of(FLOOR).ns).toFixed(2)}x`,
  ];
  console.log(line.name.padEnd(38) + cells.map((cell) => cell.padStart(12)).join(''));
}

const blocking = of(BLOCKING).ns / of(FLOOR).ns;
const inFlight = of(PYTHON_INFLIGHT).ns / of(INFLIGHT).ns;
const verdict = (holds: boolean): string => (holds ? 'holds' : 'MISSED');
console.log(`
blocking add / C floor, one core: ${blocking.toFixed(2)}x, target ${FLOOR_RATIO}x: ${verdict(blocking <= FLOOR_RATIO)}
${WINDOW} in flight, our rate / Python's: ${inFlight.toFixed(1)}x, target ${PYTHON_RATIO}x: ${verdict(inFlight >= PYTHON_RATIO)}`);

// What each part adds to the floor, in medians of single calls.
const p50 = (name: string): number => of(name).p50;
const gap = p50(BLOCKING) - p50(FLOOR);
const shares = {
  'RPyC frames instead of 64 bytes (C at both ends)': p50(C_TO_C) - p50(FLOOR),
  'our client instead of the C client': p50(BLOCKING_TO_C) - p50(C_TO_C),
  'our server instead of the C server': p50(C_TO_OURS) - p50(C_TO_C),
};
const rest = gap - Object.values(shares).reduce((sum, share) => sum + share, 0);
console.log(`\nblocking add is ${time(gap)} above the floor (p50):`);
for (const [name, share] of [
  ...Object.entries(shares),
  ['two Node processes that alternate on one core', rest] as const,
])
  console.log(`  ${`${((100 * share) / gap).toFixed(0)} %`.padStart(5)}  ${(share / 1000).toFixed(2)} µs  ${name}`);
const targets = {
  blockingToFloor: { ratio: Number(blocking.toFixed(2)), target: FLOOR_RATIO, holds: blocking <= FLOOR_RATIO },
  inFlightToPython: { ratio: Number(inFlight.toFixed(1)), target: PYTHON_RATIO, holds: inFlight >= PYTHON_RATIO },
};
console.log(`written to ${writeResults('first', { lines, targets, gap: { ns: gap, ...shares, rest } })}`);
