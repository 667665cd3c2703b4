// Blocking calls inside blocking calls, and async handlers among them: `nesting SCENARIO [PORT]`.
import * as rpyc from '../../../src/index.ts';
import { attempt, say, told } from './say.ts';

const [, , scenario, portText] = process.argv;
const port = Number(portText);

class Down extends rpyc.Service {
  static override readonly face = 'sync';
  deepest = 0;
  codes = new Set<string>();
  exposed_down(depth: number, callback: (depth: number) => unknown) {
    this.deepest = Math.max(this.deepest, depth);
    try {
      return callback(depth + 1);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code !== undefined) this.codes.add(code);
      throw error;
    }
  }
  exposed_seen() {
    return rpyc.tuple(this.deepest, [...this.codes].join());
  }
  exposed_add(a: number, b: number) {
    return a + b;
  }
}

const scenarios: Record<string, () => unknown> = {
  async server() {
    const server = await new rpyc.Server(Down, { logger: null }).start();
    say({ port: server.port });
  },
  async client() {
    const conn = rpyc.connectSync('127.0.0.1', port);
    const { root } = conn;
    const codes = new Set<string>();
    const step = (depth: number): unknown => {
      try {
        return root.down(depth, step);
      } catch (error) {
        const { code } = error as { code?: string };
        if (code !== undefined) codes.add(code);
        throw error;
      }
    };
    const limited = (depth: number): unknown => (depth < 40 ? root.down(depth, limited) : 'bottom');
    const outcome = attempt(() => root.down(0, step));
    const [deepest, theirs] = root.seen();
    const again = attempt(() => root.down(0, limited));
    const sum = await conn.async.root.add(1, 2);
    say({ outcome, deepest, codes: [...codes, theirs].join(), again, sum, closed: conn.closed });
    process.exit(0);
  },
  /** An async callback cannot finish while its thread blocks. */
  async deferred() {
    const warnings: string[] = [];
    process.on('warning', (warning) => warnings.push(`${(warning as { code?: string }).code}: ${warning.message}`));
    const conn = rpyc.connectSync('127.0.0.1', port, { config: { sync_request_timeout: 1.5 } });
    let finished = false;
    const root = conn.root;
    async function later(): Promise<string> {
      await null;
      finished = true;
      return 'late';
    }
    const outcome = attempt(() => root.call(later));
    const during = finished;
    conn.async.config.sync_request_timeout = 30;
    // The peer has its answer as soon as this thread turns; then it can serve again.
    const sum = await conn.async.root.add(1, 2);
    const counted = root.add(3, 4);
    say({ outcome, during, finished, sum, counted, warnings });
    process.exit(0);
  },
  refused() {
    const conn = rpyc.connectSync('127.0.0.1', port, { asyncHandlersDuringSync: 'error' });
    const { root } = conn;
    async function later(): Promise<string> {
      throw new Error('never told');
    }
    const caught = root.call_catching(later);
    say({ caught, sum: root.add(1, 2) });
    process.exit(0);
  },
  /** Replies of awaited calls that arrive during a blocking one. */
  async mixed() {
    const conn = await rpyc.connect('127.0.0.1', port);
    const root = await conn.root;
    const order: string[] = [];
    const awaited = [1, 2, 3].map((n) => root.add(n, n).then((sum: number) => order.push(`awaited ${sum}`)));
    order.push(`blocking ${rpyc.sync(root).add(10, 10)}`);
    await Promise.all(awaited);
    const inCallback = await root.call((n: number) => rpyc.sync(root).add(n, 1), 5);
    say({ order, inCallback });
    process.exit(0);
  },
};

try {
  await scenarios[scenario]();
} catch (error) {
  say({ failed: told(error) });
}
