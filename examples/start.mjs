// What `npm start` runs: the calculator and time services on one port, two snippets to paste, and a status line.
// Stops on Ctrl-C. PORT=n in the environment takes another port than 18861.
import { subscribe } from 'node:diagnostics_channel';
import * as rpyc from 'rpyc';
import { CalculatorService } from './calculator.mjs';
import { TimeService } from './time.mjs';

/** The calculator is the root, the time service hangs below it: `conn.root.time.get_utc()`. */
class DemoService extends CalculatorService {
  exposed_time = new TimeService();
}

const WANTED = Number(process.env.PORT ?? 18861);

/** Listens on the first free port from WANTED on. */
async function listen() {
  for (let port = WANTED; port < WANTED + 100; port++) {
    try {
      return await new rpyc.Server(DemoService, { port }).start();
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

const bytesOf = ({ stats }) => stats.bytesIn + stats.bytesOut;

/** Counts what the server does; line() tells it since the last time. */
class Status {
  #server;
  #durations = [];
  #calls = 0;
  #since = performance.now();
  /** Bytes of connections that are closed. */
  #closedBytes = 0;

  constructor(server) {
    this.#server = server;
    server.on('connection', (conn) => conn.on('close', () => (this.#closedBytes += bytesOf(conn))));
    subscribe('rpyc:call', ({ duration }) => {
      this.#calls++;
      if (this.#durations.length < 100_000) this.#durations.push(duration);
    });
  }

  line() {
    const seconds = (performance.now() - this.#since) / 1000;
    const sorted = this.#durations.sort((a, b) => a - b);
    const at = (part) => {
      if (sorted.length === 0) return '-';
      const us = sorted[Math.floor(sorted.length * part)] * 1000;
      return `${us.toFixed(us < 10 ? 1 : 0)} us`;
    };
    let bytes = this.#closedBytes;
    for (const conn of this.#server.connections) bytes += bytesOf(conn);
    const rate = Math.round(this.#calls / seconds);
    const text = `${this.#server.connections.size} connections, ${rate} calls/s, p50 ${at(0.5)}, p99 ${at(0.99)}, ${bytes} bytes`;
    this.#durations = [];
    this.#calls = 0;
    this.#since = performance.now();
    return text;
  }
}

const server = await listen();
console.log(`rpyc serves a calculator and a clock on 127.0.0.1:${server.port}

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
