// Counterpart of RPyC's test_race.py: many things at once on one connection. Different: Node has one thread, so the threads are Python's, and the
// calls in flight Node's.
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { PYTHONS, runClient } from '../support/python.ts';
import { describeClients } from './faces.ts';
import { serve } from './nodes.ts';

class Racing extends rpyc.Service {
  exposed_add = (a: number, b: number) => a + b;
  async exposed_later(value: unknown) {
    await new Promise(setImmediate);
    return value;
  }
  exposed_list = (n: number) => Array.from({ length: n }, (_, i) => i);
}

test.for(PYTHONS)('threads of a client of RPyC %s share one connection', async (version) => {
  const { port } = await serve(Racing);
  const out = await runClient(
    version,
    port,
    `
      import threading
      wrong = []
      def work(i):
          for n in range(30):
              try:
                  found = (root.add(i, n), root.later((i, n)), sum(root.list(4)))
                  if found != (i + n, (i, n), 6):
                      wrong.append(found)
              except Exception as error:
                  wrong.append(repr(error))
      threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
      for t in threads: t.start()
      for t in threads: t.join()
      out["wrong"] = wrong
      `,
  );
  expect(out).toEqual({ wrong: [] });
});

describeClients('Many calls', {}, (check) => {
  check('and callbacks of one connection find their own answers', function* ({ root, face }) {
    if (face === 'blocking') {
      for (let i = 0; i < 100; i++) expect(root.call((x: number) => root.add(x, 1), i)).toBe(i + 1);
      return;
    }
    // A Python server serves what comes in while it waits on one stack: a hundred at once would overflow it.
    const calls = Array.from({ length: 10 }, (_, i) => root.call(async (x: number) => await root.add(x, 1), i));
    expect(yield Promise.all(calls)).toEqual(calls.map((_, i) => i + 1));
  });
});
