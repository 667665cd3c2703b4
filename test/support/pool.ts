// Worker pools under test: from dist/, since worker threads need built files, and in this process. Only test files that do not import src/ by
// value may use it: the engine is of one copy of the package per thread.
import { readdirSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { onTestFinished } from 'vitest';
import { root } from '../../scripts/setup.mjs';
import type * as source from '../../src/index.ts';
import { script } from '../interop/snippets.ts';

/** The package as built. */
export const rpyc: typeof source = await import(pathToFileURL(`${root}/dist/index.js`).href);

/** Int32 words of the shared memory of `SERVICE`. */
export const Shared = { GATE: 0, WAITING: 1, COUNT: 2 } as const;

/** What most pools of the tests serve. `block` stops its thread until `Shared.GATE` is raised. */
const SERVICE = `
import * as rpyc from 'rpyc';
const { worker, sharedState } = rpyc.workerContext();
const words = sharedState instanceof SharedArrayBuffer ? new Int32Array(sharedState) : new Int32Array(4);
let calls = 0;
export default class PoolService extends rpyc.Service {
  mine = 0;
  exposed_add(a, b) { return a + b; }
  exposed_worker() { return worker; }
  exposed_calls() { return ++calls; }
  exposed_next() { return ++this.mine; }
  exposed_count() { return Atomics.add(words, ${Shared.COUNT}, 1) + 1; }
  exposed_block() { Atomics.add(words, ${Shared.WAITING}, 1); Atomics.wait(words, ${Shared.GATE}, 0); return worker; }
  exposed_spin() { Atomics.add(words, ${Shared.WAITING}, 1); for (;;); }
  exposed_exit() { process.exit(3); }
  exposed_throw() { setImmediate(() => { throw new TypeError('thrown in a worker'); }); return new Promise(() => {}); }
  exposed_memory() { const all = []; for (;;) all.push(new Array(100_000).fill(all.length)); }
  exposed_never() { Atomics.add(words, ${Shared.WAITING}, 1); return new Promise(() => {}); }
  exposed_call_sync(f) { return rpyc.sync(f)(); }
  async exposed_call(f, x) { return await f(x); }
  exposed_connect_sync(port) { const conn = rpyc.connectSync('127.0.0.1', port, { connectTimeout: 20 }); try { return conn.root.worker(); } finally { conn.close(); } }
  exposed_connect_unix(path) { rpyc.unixConnectSync(path).close(); }
  async exposed_connect(port) {
    const conn = await rpyc.connect('127.0.0.1', port);
    const at = await conn.root.worker();
    try { return at + ': ' + conn.sync.root.add(1, 2); } catch (error) { return at + ': ' + error.code; } finally { await conn.close(); }
  }
}
`;

/** URL of a service module of this text; by default of `SERVICE`. */
export const serviceModule = (text = SERVICE, name = 'pool-service.mjs'): URL => pathToFileURL(script(name, text));

export interface Pool {
  readonly server: source.WorkerPoolServer;
  readonly port: number;
  readonly words: Int32Array;
  readonly log: string[];
  connect(): Promise<source.Connection>;
  /** So many connections, and which worker has each. */
  connectEach(count: number): Promise<{ conns: source.Connection[]; workers: number[] }>;
  /** Resolves when so many handlers block, spin or wait. */
  waiting(count: number): Promise<void>;
  /** Lets those that block go on. */
  release(): void;
  /** The next event of this worker and kind. */
  happened(state: source.WorkerEvent['state'], worker?: number): Promise<source.WorkerEvent>;
}

/** A started pool that ends with the test. */
export async function startPool(options: source.WorkerPoolOptions = {}, module = serviceModule()): Promise<Pool> {
  const memory = new SharedArrayBuffer(16);
  const words = new Int32Array(memory);
  const log: string[] = [];
  const line = (text: string, ...details: unknown[]): void => void log.push([text, ...details].join(' '));
  const logger = { debug: () => {}, info: line, warn: line, error: line };
  const server = new rpyc.WorkerPoolServer(module, { sharedState: memory, logger, workers: 2, ...options });
  const release = (): void => {
    Atomics.store(words, Shared.GATE, 1);
    Atomics.notify(words, Shared.GATE);
  };
  onTestFinished(async () => {
    release();
    await server.close();
  });
  await server.start();
  const { port } = server;
  const connect = async (): Promise<source.Connection> => {
    const conn = await rpyc.connect('127.0.0.1', port, { connectTimeout: 20 });
    onTestFinished(() => conn.close());
    return conn;
  };
  return {
    server,
    port,
    words,
    log,
    connect,
    async connectEach(count) {
      const conns: source.Connection[] = [];
      for (let n = 0; n < count; n++) conns.push(await connect());
      return { conns, workers: await Promise.all(conns.map((conn): Promise<number> => conn.root.worker())) };
    },
    waiting: (count) => until(() => Atomics.load(words, Shared.WAITING) >= count),
    release,
    happened: (state, worker) =>
      new Promise((resolve) => {
        const heard = (event: source.WorkerEvent): void => {
          if (event.state !== state || (worker !== undefined && event.worker !== worker)) return;
          server.off('worker', heard);
          resolve(event);
        };
        server.on('worker', heard);
      }),
  };
}

/** Resolves when `is` is true; looks every few ms, 20 s at most. */
export async function until(is: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!is()) {
    if (Date.now() > deadline) throw new Error(`it did not become true in 20 s: ${is}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Descriptors of this process. */
export const descriptors = (): number => readdirSync('/proc/self/fd').length;
