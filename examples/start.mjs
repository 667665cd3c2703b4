// What `npm start` runs: the calculator and time services on one port, two snippets to paste, and a status line. Served by a worker pool with
// as many workers as there are cores; `--workers n` takes another number, and 1 serves on the event loop of this thread.
// Stops on Ctrl-C. PORT=n in the environment takes another port than 18861.
import { subscribe } from 'node:diagnostics_channel';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import * as rpyc from 'rpyc';
import DemoService from './demo-service.mjs';

const WANTED = Number(process.env.PORT ?? 18861);
const { values } = parseArgs({ options: { workers: { type: 'string', default: String(availableParallelism()) } } });
const workers = Number(values.workers);

const make = (port) =>
  workers === 1
    ? new rpyc.Server(DemoService, { port })
    : new rpyc.WorkerPoolServer(new URL('./demo-service.mjs', import.meta.url), { port, workers });

/** Listens on the first free port from WANTED on. */
async function listen() {
  for (let port = WANTED; port < WANTED + 100; port++) {
    try {
      return await make(port).start();
    } catch (error) {
      if (error.code !== 'EADDRINUSE') throw error;
      console.log(`port ${port} is taken, trying ${port + 1}`);
    }
  }
  throw new Error(`no free port between ${WANTED} and ${WANTED + 99}`);
}

const python = (port) => `import rpyc

conn = rpyc.connect("127.0.0.1", ${port})
print(conn.root.add(5, 10))
print(list(conn.root.map(lambda x: x * x, [1, 2, 3])))
print(conn.root.time.get_utc())
conn.close()
`;

const node = (port) => `import * as rpyc from 'rpyc';

const conn = await rpyc.connect('127.0.0.1', ${port});
console.log(await conn.root.add(5, 10));
await conn.root.time.ticks((n, utc) => console.log(n, utc), 3);
await conn.close();

const blocking = rpyc.connectSync('127.0.0.1', ${port});
console.log(blocking.root.add(5, 10));
blocking.close();
`;

const indent = (text) => text.replace(/^(?=.)/gm, '    ');

/** Asks what the server did; line() tells it since the last time. */
class Status {
  #server;
  /** Of calls that this thread served, ms. */
  #durations = [];
  #calls = 0;
  #since = performance.now();

  constructor(server) {
    this.#server = server;
    subscribe('rpyc:call', ({ duration }) => {
      if (this.#durations.length < 100_000) this.#durations.push(duration);
    });
  }

  line() {
    const seconds = (performance.now() - this.#since) / 1000;
    const { connections, requests, bytesIn, bytesOut } = this.#server.metrics();
    const calls = requests.served + requests.failed;
    const rate = Math.round((calls - this.#calls) / seconds);
    const text = `${connections.open} connections, ${rate} calls/s,${this.#latency()} ${bytesIn + bytesOut} bytes`;
    this.#calls = calls;
    this.#since = performance.now();
    return text;
  }

  #latency() {
    const sorted = this.#durations.sort((a, b) => a - b);
    this.#durations = [];
    const at = (part) => {
      const us = sorted[Math.floor(sorted.length * part)] * 1000;
      return `${us.toFixed(us < 10 ? 1 : 0)} us`;
    };
    return sorted.length === 0 ? '' : ` p50 ${at(0.5)}, p99 ${at(0.99)},`;
  }
}

const server = await listen();
console.log(`rpyc serves a calculator and a clock on 127.0.0.1:${server.port}, with ${workers === 1 ? 'one thread' : `${workers} workers`}

Python (pip install rpyc):

${indent(python(server.port))}
Node (in this folder, or wherever the package rpyc is installed; save as demo.mjs):

${indent(node(server.port))}
Ctrl-C stops it.`);

const status = new Status(server);
const onTerminal = process.stdout.isTTY;
let last = '';
const timer = setInterval(
  () => {
    const line = status.line();
    if (onTerminal) process.stdout.write(`\r\x1b[K${line.slice(0, (process.stdout.columns ?? 80) - 1)}`);
    else if (line !== last) console.log(line);
    last = line;
  },
  onTerminal ? 1000 : 5000,
);

let stopping = false;
async function stop(end) {
  if (stopping) return;
  stopping = true;
  clearInterval(timer);
  await end();
  console.log(`${onTerminal ? '\n' : ''}stopped`);
  process.exitCode = 0;
}
process.on('SIGINT', () => stop(() => server.close()));
// Calls that are being served end first.
process.on('SIGTERM', () => stop(() => server.drain({ timeout: 10 })));
