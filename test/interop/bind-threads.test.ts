// Peers with RPYC_BIND_THREADS=true put thread ids before every message: found out, spoken, and nested callbacks run in
// the thread that waits for them. 5.3.1 is the first release where it works, 4.1.5 does not know it.
import { describe, expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, runClient, startServer } from '../support/python.ts';
import { connect, FACES, rootOf, run } from './faces.ts';
import { serve } from './nodes.ts';

const BOUND = { env: { RPYC_BIND_THREADS: 'true' } };

class Caller extends rpyc.Service {
  exposed_add = (a: number, b: number) => a + b;
  async exposed_awaited(f: any, ...args: unknown[]) {
    return await f(...args);
  }
  exposed_blocking(f: any, ...args: unknown[]) {
    return rpyc.sync(f)(...args);
  }
}

describePython.each(['5.3.1', '6.0.1'] as const)('With RPYC_BIND_THREADS, RPyC %s', (version) => {
  test('is a client of a Node server, callbacks nested both ways', async () => {
    const { port, server } = await serve(Caller);
    const bound = new Promise((resolve) =>
      server.once('connection', (conn) => conn.once('close', () => resolve(conn.bound))),
    );
    const out = await runClient(
      version,
      port,
      `
      import threading
      out["add"] = root.add(5, 10)
      here = threading.get_ident()
      out["thread"] = [root.awaited(lambda: threading.get_ident() == here), root.blocking(lambda: threading.get_ident() == here)]
      awaited = lambda n: n if n == 0 else 1 + root.awaited(awaited, n - 1)
      blocking = lambda n: n if n == 0 else 1 + root.blocking(blocking, n - 1)
      out["nested"] = [root.awaited(awaited, 5), root.blocking(blocking, 5)]
      sums, lock = [], threading.Lock()
      def work(i):
          s = root.awaited(lambda: root.add(i, 1))
          with lock:
              sums.append(s)
      threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
      for t in threads: t.start()
      for t in threads: t.join()
      out["threads"] = sorted(sums)
      `,
      {},
      BOUND,
    );
    expect(out).toEqual({ add: 15, thread: [true, true], nested: [5, 5], threads: [1, 2, 3, 4, 5, 6, 7, 8] });
    expect(await bound).toBe(true);
  });

  describe.each(FACES)('%s', (face) => {
    test('is a server that is found out to be bound, callbacks nested both ways', async () => {
      const server = await startServer(version, {}, BOUND);
      const conn = await connect(face, server.ready.port);
      expect([conn.protocol, conn.bound]).toEqual([version.startsWith('6') ? 6 : 5, true]);
      await run(
        face,
        (function* (root: any): Generator<unknown, void, any> {
          expect(yield root.add(5, 10)).toBe(15);
          const down = (n: number): unknown => {
            if (n === 0) return 0;
            return face === 'blocking' ? 1 + root.call(down, n - 1) : root.call(down, n - 1).then((m: number) => m + 1);
          };
          expect(yield root.call(down, 5)).toBe(5);
          expect(yield root.call_many((i: number) => i * 2, 10)).toBe(90);
        })(rootOf(face, conn)),
      );
      await conn.close();
    });

    test('is remembered to be bound', async () => {
      const server = await startServer(version, {}, BOUND);
      const counts: unknown[] = [];
      for (let i = 0; i < 2; i++) {
        const conn = await connect(face, server.ready.port);
        counts.push(new Map(await conn.root.counters()).get('connected'));
        await conn.close();
      }
      expect((counts[1] as number) - (counts[0] as number)).toBe(1);
    });

    test('calls a function of ours from another of its threads', async () => {
      const server = await startServer(version, {}, BOUND);
      const conn = await connect(face, server.ready.port);
      const value = new Promise((resolve) => void conn.root.call_later(resolve, 0.01, 'later'));
      expect(await value).toBe('later');
      await conn.close();
    });
  });
});
