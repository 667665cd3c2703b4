// A blocking client of a scripted server that sends it damaged frames: `fuzzed-client PORT ROUNDS`. One connection per round, of version
// 6 and 5 in turns; a line about how each of its calls ended and what is left, and one more at the end.
import * as rpyc from '../../../src/index.ts';
import { say, told } from './say.ts';

const [port, rounds] = [Number(process.argv[2]), Number(process.argv[3])];
const unhandled: string[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(String(reason)));

/** Calls a method, where the peer says that it is one: calling a plain value is JavaScript's own TypeError. */
function call(root: any, name: string, ...args: unknown[]): unknown {
  const method = root[name];
  return typeof method === 'function' ? method(...args) : method;
}

const USES: readonly ((root: any) => unknown)[] = [
  (root) => call(root, 'add', 1, 2),
  (root) => call(root, 'call', (...args: unknown[]) => args.length, { key: 'value' }),
  (root) => rpyc.getattr(root, 'lst'),
  (root) => rpyc.toArray(root),
  (root) => rpyc.len(root),
  (root) => call(root, 'call', (each: unknown) => rpyc.str(each), [1, 2, 3]),
];

const isTyped = (error: any): boolean =>
  error instanceof rpyc.PythonError || (error instanceof Error && /^ERR_RPYC_/.test(told(error).code ?? ''));

for (let round = 0; round < rounds; round++) {
  const conn = rpyc.connectSync('127.0.0.1', port, {
    protocol: round % 2 === 0 ? 6 : 5,
    maxFrame: 1 << 20,
    maxInflated: 1 << 20,
    config: { sync_request_timeout: 10 },
  });
  const { root } = conn;
  const outcomes: unknown[] = [];
  // The first call is always made: the server waits for it. The rest goes on until the server's end of the stream.
  for (let n = 0; n < USES.length && !conn.closed; n++) {
    try {
      (USES[(round + n) % USES.length] as (root: any) => unknown)(root);
      outcomes.push({ value: true });
    } catch (error) {
      outcomes.push({ error: { typed: isTyped(error), ...told(error) } });
    }
  }
  if (!conn.closed) conn.close();
  say({ outcomes, closed: conn.closed, stats: conn.stats });
  await new Promise((resolve) => setImmediate(resolve));
}
say({ unhandled, rounds });
process.exit(0);
