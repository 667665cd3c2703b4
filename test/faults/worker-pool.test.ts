// A worker pool under pressure: a process without descriptors, clients that send and do not read.
import { describe, expect, test } from 'vitest';
import type * as source from '../../src/index.ts';
import { script, start } from '../interop/snippets.ts';
import { rpyc, Shared, serviceModule, startPool, until } from '../support/pool.ts';
import { describePython, startPython } from '../support/python.ts';
import { ScriptedPeer } from '../support/scripted-peer.ts';

/** A pool in a process of its own: prints its port; `stop()` drains it. */
const SCARCE = `
import { once } from 'node:events';
import * as rpyc from 'rpyc';

export default function scarce({ worker, sharedState }) {
  return class Scarce extends rpyc.Service {
    exposed_add(x, y) { return x + y; }
    exposed_worker() { return worker; }
    exposed_exit() { process.exit(3); }
    async exposed_figures() {
      sharedState.postMessage('figures');
      return rpyc.tuple(...(await once(sharedState, 'message'))[0]);
    }
    exposed_stop() { sharedState.postMessage('stop'); }
  };
}

if (rpyc.workerContext() === undefined) {
  const sharedState = () => {
    const { port1, port2 } = new MessageChannel();
    port1.on('message', (what) => {
      if (what === 'stop') void server.drain({ timeout: 5 });
      else {
        const { acceptFailures, workers } = server.metrics();
        port1.postMessage([acceptFailures, workers[0].restarts]);
      }
    });
    port1.unref();
    return port2;
  };
  const server = new rpyc.WorkerPoolServer(new URL(import.meta.url), { workers: 2, maxCrashes: 2, sharedState });
  await server.start();
  console.log(server.port);
}
`;

/** With so many descriptors; its port. */
async function scarce(descriptors: number) {
  const program = script('pool-scarce.mjs', SCARCE);
  const shell = `ulimit -n ${descriptors} && exec "$0" "$@"`;
  const started = start('sh', ['-c', shell, process.execPath, program]);
  await until(() => started.stdout().includes('\n'));
  return { ...started, port: Number(started.stdout()) };
}

/** A connection as soon as there is room for one. */
async function connectAgain(port: number) {
  for (;;) {
    const conn = await rpyc.connect('127.0.0.1', port).catch(() => undefined);
    if (conn !== undefined) return conn;
  }
}

describe('a pool without descriptors', () => {
  test('pauses accepting, serves whom it has in every worker, logs one line, and goes on when there are some', async () => {
    const { port, ended } = await scarce(128);
    const early = [await rpyc.connect('127.0.0.1', port), await rpyc.connect('127.0.0.1', port)] as const;
    expect(await Promise.all(early.map(({ root }) => root.worker()))).toEqual([0, 1]);
    const links = await Promise.all(Array.from({ length: 150 }, () => ScriptedPeer.connect(port)));
    for (let failures = 0; failures < 3; ) [failures] = await early[0].root.figures();
    expect(await Promise.all(early.map(({ root }) => root.add(1, 2)))).toEqual([3, 3]);
    for (const link of links) link.socket.destroy();
    const late = [await connectAgain(port), await connectAgain(port)];
    expect(await Promise.all(late.map(({ root }) => root.add(3, 4)))).toEqual([7, 7]);
    await early[0].root.stop();
    await Promise.all([...early, ...late].map((conn) => conn.close()));
    const { status, stderr } = await ended;
    expect(status).toBe(0);
    const lines = stderr.split('\n').filter((line) => line.includes('rpyc server:'));
    expect(lines).toEqual([expect.stringMatching(/accepting failed, and pauses 100 ms: accept EMFILE/)]);
  });

  test('replaces a worker that ends then as soon as there are some, and the other one does not notice', async () => {
    const { port, ended } = await scarce(128);
    const [victim, other] = [await rpyc.connect('127.0.0.1', port), await rpyc.connect('127.0.0.1', port)];
    const links = await Promise.all(Array.from({ length: 400 }, () => ScriptedPeer.connect(port)));
    for (let failures = 0; failures < 1; ) [failures] = await other.root.figures();
    await expect(victim.root.exit()).rejects.toMatchObject({ code: 'ERR_RPYC_CLOSED' });
    // Clients of the backlog take the descriptors that became free: the successors cannot start.
    for (let restarts = 0; restarts < 3; ) [, restarts] = await other.root.figures();
    expect(await other.root.add(1, 2)).toBe(3);
    for (const link of links) link.socket.destroy();
    for (let worker = 1; worker !== 0; ) {
      const late = await connectAgain(port);
      worker = await late.root.worker();
      await late.close();
    }
    expect(await other.root.add(1, 2)).toBe(3);
    await other.root.stop();
    await other.close();
    expect((await ended).status).toBe(0);
  });
});

const GIVING = `
import * as rpyc from 'rpyc';
const words = new Int32Array(rpyc.workerContext().sharedState);
export default class Giving extends rpyc.Service {
  exposed_give(size) { Atomics.add(words, ${Shared.COUNT}, 1); return Buffer.alloc(size, 2); }
  async exposed_take() { Atomics.add(words, ${Shared.COUNT}, 1); await Atomics.waitAsync(words, ${Shared.GATE}, 0).value; }
  exposed_add(a, b) { return a + b; }
}
`;

/** Calls without end, and reads no answer: each call waits for the socket alone. Says how many calls have left. */
const FLOODING = `
import sys, rpyc
conn = rpyc.connect("127.0.0.1", int(sys.argv[1]), config={"sync_request_timeout": None})
call = rpyc.async_(getattr(conn.root, sys.argv[2]))
print("READY null", flush=True)
try:
    while True:
        call(eval(sys.argv[3]))
except Exception as error:
    print(type(error).__name__, flush=True)
`;

describePython.each(['6.0.1', '5.3.1'] as const)('a client of RPyC %s that sends and does not read', (version) => {
  async function flooded(options: source.WorkerPoolOptions, method: string, argument: string) {
    const pool = await startPool({ workers: 1, compress: false, ...options }, serviceModule(GIVING, 'pool-giving.mjs'));
    const neighbour = await pool.connect();
    const python = await startPython(version, FLOODING, { args: [String(pool.port), method, argument] });
    const begun = (): number => Atomics.load(pool.words, Shared.COUNT);
    const serves = async () => {
      for (let n = 0; n < 200; n++) expect(await neighbour.root.add(n, 1)).toBe(n + 1);
    };
    return { pool, python, begun, serves };
  }

  test('answers: few are made, and it is cut when it takes none for sendTimeout; nobody else notices', async () => {
    const { pool, python, begun, serves } = await flooded({ sendTimeout: 1, maxQueued: 4 << 20 }, 'give', '256 * 1024');
    await serves();
    expect(['EOFError', 'ConnectionResetError', 'BrokenPipeError']).toContain(await python.nextLine());
    await until(() => pool.server.metrics().connections.cut.send === 1);
    expect(pool.server.metrics().connections.open).toBe(1);
    // What the kernel and the queue hold, of calls without end.
    expect(begun()).toBeLessThan(200);
    await serves();
  });

  test('large calls that take long: maxInFlight are begun, few are read, and nobody else notices', async () => {
    const { pool, python, begun, serves } = await flooded({ maxInFlight: 16 }, 'take', 'bytes(64 * 1024)');
    await until(() => begun() === 16);
    await serves();
    await until(() => pool.server.metrics().requests.inFlight === 16);
    expect(pool.server.metrics().bytesIn).toBeLessThan(16 << 20);
    expect(begun()).toBe(16);
    // Its end lies behind what it has sent, and is seen when that is read.
    await python.stop();
    pool.release();
    await until(() => pool.server.metrics().connections.open === 1);
    await serves();
  });
});
