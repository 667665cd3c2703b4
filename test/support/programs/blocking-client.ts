// A blocking client for peers that live in the test's process: `blocking-client PORT SCENARIO`.
import * as rpyc from '../../../src/index.ts';
import { attempt, say } from './say.ts';

const [port, scenario] = [Number(process.argv[2]), process.argv[3]];
const config = { sync_request_timeout: 0.3 };

const scenarios: Record<string, () => unknown> = {
  /** A call that is not answered in time, then one that is. */
  timeout() {
    const conn = rpyc.connectSync('127.0.0.1', port, { config });
    const root = conn.root;
    const first = attempt(() => rpyc.getattr(root, 'slow'));
    say(first);
    say({ second: attempt(() => rpyc.getattr(root, 'quick')) });
    global.gc?.();
    const rest = [1, 2, 3].map(() => rpyc.getattr(root, 'again'));
    return { rest, pending: conn.stats.pending, closed: conn.closed };
  },
  /** A call whose peer keeps calling back instead of answering. */
  busy() {
    const conn = rpyc.connectSync('127.0.0.1', port, { config });
    return { outcome: attempt(() => rpyc.getattr(conn.root, 'busy')) };
  },
  /** The peer goes away while a call waits. */
  gone() {
    const conn = rpyc.connectSync('127.0.0.1', port);
    const outcome = attempt(() => rpyc.getattr(conn.root, 'x'));
    const after = attempt(() => rpyc.getattr(conn.root, 'x'));
    return { outcome, after, closed: conn.closed };
  },
  /** Connecting to a peer that does not answer the handshake. */
  handshake() {
    return attempt(() =>
      rpyc.connectSync('127.0.0.1', port, { connectTimeout: 0.3, config: { sync_request_timeout: null } }),
    );
  },
  refused() {
    return attempt(() => rpyc.connectSync('127.0.0.1', port));
  },
  close() {
    const conn = rpyc.connectSync('127.0.0.1', port);
    conn.close();
    return { closed: conn.closed, after: attempt(() => conn.ping()), again: attempt(() => conn.close()) };
  },
};

say(scenarios[scenario]());
process.exit(0);
