// Ends of processes: `lifecycle SCENARIO [PORT]`. Each scenario says what it saw and leaves the ending to the engine.
import { AsyncLocalStorage } from 'node:async_hooks';
import { Worker } from 'node:worker_threads';
import * as rpyc from '../../../src/index.ts';
import { attempt, say, told } from './say.ts';

const [, , scenario, portText] = process.argv;
const port = Number(portText);

class Sum extends rpyc.Service {
  exposed_add(a: number, b: number) {
    return a + b;
  }
  exposed_exit(): never {
    process.exit(42);
  }
  exposed_never() {
    return new Promise(() => {});
  }
}

const worker = (what: string): Worker =>
  new Worker(new URL('./lifecycle-worker.ts', import.meta.url), { workerData: { what, port } });
const message = (from: Worker): Promise<any> =>
  new Promise((resolve, reject) => {
    from.once('message', resolve);
    from.once('error', reject);
  });
const exit = (of: Worker): Promise<number> => new Promise((resolve) => of.once('exit', resolve));

const scenarios: Record<string, () => unknown> = {
  async closed() {
    const conn = await rpyc.connect('127.0.0.1', port);
    await conn.root.add(1, 2);
    await conn.close();
    say('closed');
  },
  closedSync() {
    const conn = rpyc.connectSync('127.0.0.1', port);
    conn.root.add(1, 2);
    conn.close();
    say('closed');
  },
  async unref() {
    const conn = await rpyc.connect('127.0.0.1', port);
    await conn.root.add(1, 2);
    conn.unref();
    say('idle');
  },
  /** Ref'd: stays until the test ends it. */
  async idle() {
    const conn = await rpyc.connect('127.0.0.1', port);
    conn.unref();
    conn.ref();
    say('idle');
  },
  async server() {
    const server = await new rpyc.Server(Sum).start();
    process.once('SIGUSR2', () => void server.close().then(() => say('closed')));
    say({ port: server.port });
  },
  async unrefServer() {
    const server = await new rpyc.Server(Sum).start();
    server.unref();
    say({ port: server.port });
  },
  async exitInHandler() {
    const server = await new rpyc.Server(Sum).start();
    say({ port: server.port });
  },
  exitInCallback() {
    const conn = rpyc.connectSync('127.0.0.1', port);
    conn.root.call(() => process.exit(43));
  },
  async exitInAwaitedCallback() {
    const conn = await rpyc.connect('127.0.0.1', port);
    await conn.root.call(() => process.exit(44));
  },
  exitInSocketEvent() {
    void rpyc.connect('127.0.0.1', port).then((conn) => {
      conn.on('close', () => process.exit(45));
      conn.abort();
    });
  },
  /** Blocks until a signal; without a listener nothing is said any more. */
  wait() {
    const conn = rpyc.connectSync('127.0.0.1', port, { config: { sync_request_timeout: null } });
    const { root } = conn;
    say('waiting');
    say(attempt(() => root.sleep(60)));
    process.exit(0);
  },
  waitWithListeners() {
    const heard: string[] = [];
    for (const name of ['SIGINT', 'SIGTERM', 'SIGCHLD', 'SIGWINCH'] as const) process.on(name, () => heard.push(name));
    const conn = rpyc.connectSync('127.0.0.1', port, { config: { sync_request_timeout: null } });
    const { root } = conn;
    setImmediate(() => {
      say('waiting');
      const outcome = attempt(() => root.sleep(60));
      const during = [...heard];
      setTimeout(() => {
        conn.async.abort();
        say({ outcome, during, heard });
        process.exit(0);
      }, 50);
    });
  },
  /** Nobody listens there: UDP is silent about it. */
  discoverWithListeners() {
    const heard: string[] = [];
    process.on('SIGINT', () => heard.push('SIGINT'));
    const registrar = new rpyc.UDPRegistryClient('127.0.0.1', { port, timeout: 60 });
    const impatient = new rpyc.UDPRegistryClient('127.0.0.1', { port, timeout: 0.01 });
    setImmediate(() => {
      // From the first wait on signals are noticed: this one must not begin after the signal.
      attempt(() => impatient.discoverSync('adder'));
      say('waiting');
      const outcome = attempt(() => registrar.discoverSync('adder'));
      setTimeout(() => {
        say({ outcome, heard });
        process.exit(0);
      }, 50);
    });
  },
  /** Signals that are no reason to end a wait. */
  waitUndisturbed() {
    for (const name of ['SIGCHLD', 'SIGWINCH'] as const) process.on(name, () => {});
    const conn = rpyc.connectSync('127.0.0.1', port);
    const { root } = conn;
    setImmediate(() => {
      say('waiting');
      say(attempt(() => root.sleep(1)));
      process.exit(0);
    });
  },
  async closeListenerThrows() {
    const uncaught: string[] = [];
    process.on('uncaughtException', (error) => uncaught.push(error.message));
    const first = await rpyc.connect('127.0.0.1', port);
    const second = rpyc.connectSync('127.0.0.1', port);
    first.on('close', () => {
      throw new Error('from a close listener');
    });
    const pending = first.root.sleep(60).catch(told);
    const { root } = second;
    first.abort();
    const sum = root.add(1, 2);
    second.async.on('close', () => {
      throw new Error('from another');
    });
    const third = await rpyc.connect('127.0.0.1', port);
    second.close();
    const rejected = await pending;
    const answer = await third.root.add(3, 4);
    await third.close();
    await new Promise((resolve) => setImmediate(resolve));
    say({ uncaught, sum, answer, rejected, closed: [first.closed, second.closed] });
  },
  async peerEndListenerThrows() {
    const uncaught: string[] = [];
    process.on('uncaughtException', (error) => uncaught.push(error.message));
    const conn = await rpyc.connect('127.0.0.1', port);
    conn.on('close', () => {
      throw new Error('from a close listener');
    });
    const outcome = await conn.root.exit().catch(told);
    await new Promise((resolve) => setImmediate(resolve));
    const server = await new rpyc.Server(Sum).start();
    const again = await rpyc.connect('127.0.0.1', server.port);
    const answer = await again.root.add(3, 4);
    await again.close();
    await server.close();
    say({ uncaught, outcome, answer });
  },
  async workers() {
    const all = Array.from({ length: 8 }, () => worker('calls'));
    const answers = await Promise.all(
      all.map(async (w) => (await Promise.all([message(w), exit(w)])) as [unknown, number]),
    );
    say(answers);
  },
  /** Workers that end with everything open. */
  async openWorkers() {
    const all = Array.from({ length: 4 }, () => worker('leaves'));
    const answers = await Promise.all(all.map((w) => Promise.all([message(w), exit(w)])));
    say(answers);
  },
  async terminate() {
    const w = worker('blocks');
    await message(w);
    const started = performance.now();
    const [code] = await Promise.all([exit(w), w.terminate()]);
    say({ code, ms: performance.now() - started });
  },
  async storage() {
    const store = new AsyncLocalStorage<string>();
    const conn = await rpyc.connect('127.0.0.1', port);
    const seen = await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        store.run(name, async () => {
          const before = await conn.root.add(1, 2);
          const callback = await conn.root.call((x: number) => x, before);
          return [store.getStore(), callback];
        }),
      ),
    );
    await conn.close();
    say(seen);
  },
};

await scenarios[scenario]();
