// The Node client of bench/macro: `client.mjs sync|await|inflight PORT COUNT [WINDOW]` calls add(5, 10) COUNT times after a warm-up,
// checks every answer, and prints one line of JSON: ns per call, p50, p99 (of single calls; of windows, divided, for inflight).
import { connect, connectSync } from '../../dist/index.js';

const [mode, port, countText, windowText = '64'] = process.argv.slice(2);
const count = Number(countText);
const window = Number(windowText);
setTimeout(() => process.exit(1), 60_000).unref();

const samples = new Float64Array(count);
/** ns; the cheapest clock that there is. */
const now = () => performance.now() * 1e6;
const check = (value) => {
  if (value !== 15) throw new Error(`add(5, 10) gives ${value}`);
};

function blocking(root, n) {
  for (let i = 0; i < n; i++) {
    const before = now();
    const value = root.add(5, 10);
    samples[i] = now() - before;
    check(value);
  }
}

async function awaited(root, n) {
  for (let i = 0; i < n; i++) {
    const before = now();
    const value = await root.add(5, 10);
    samples[i] = now() - before;
    check(value);
  }
}

/** A sliding window: each answer sends the next call. A sample is from one call to its answer. */
function inFlight(root, n) {
  return new Promise((resolve, reject) => {
    let sent = 0;
    let done = 0;
    const next = () => {
      const at = sent++;
      const before = now();
      root.add(5, 10).then((value) => {
        check(value);
        samples[at] = now() - before;
        if (sent < n) next();
        if (++done === n) resolve();
      }, reject);
    };
    while (sent < Math.min(window, n)) next();
  });
}

const conn = mode === 'sync' ? connectSync('127.0.0.1', Number(port)) : await connect('127.0.0.1', Number(port));
const run = { sync: blocking, await: awaited, inflight: inFlight }[mode];
const root = conn.root;
await run(root, Math.min(count, 20_000));
const cpu = process.cpuUsage();
const before = now();
await run(root, count);
const total = now() - before;
const { user, system } = process.cpuUsage(cpu);
samples.sort();
const result = {
  ns: total / count,
  p50: samples[count >> 1],
  p99: samples[Math.floor(count * 0.99)],
  cpu: ((user + system) * 1000) / count,
  user: (user * 1000) / count,
};
console.log(JSON.stringify(result));
await conn.close();
process.exit();
