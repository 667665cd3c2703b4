// Counterpart of RPyC's test_refcount.py: objects live as long as the peer holds them. Different: `release` stands for Python's `del`; what Python
// drops is gone for Node at once, as Python counts references.
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { PYTHONS, runClient } from '../support/python.ts';
import { define } from './define.ts';
import { describeClients } from './faces.ts';
import { serve } from './nodes.ts';

class Counting extends rpyc.Service {
  private conn!: rpyc.Connection;
  override onConnect(conn: rpyc.Connection) {
    this.conn = conn;
  }
  exposed_new = () => ({});
  exposed_held = () => this.conn.stats.localObjects;
}

test.for(PYTHONS)('what a client of RPyC %s drops is gone in Node', async (version) => {
  const { port } = await serve(Counting);
  const out = await runClient(
    version,
    port,
    `
      held = root.held
      base = held()
      objects = [root.new() for _ in range(10)]
      new = root.new  # the bound method itself is one more
      full = held() - base
      again = list(objects)
      del objects[:5]
      still = held() - base
      del objects, again
      out["counts"] = [full, still, held() - base]
      `,
  );
  expect(out).toEqual({ counts: [11, 11, 1] });
});

describeClients('What Node releases', { allow_public_attrs: true }, (check) => {
  check('is deleted in Python, at the last of its acquisitions', function* ({ root }) {
    const CODE = `
      deleted = []
      class Counted:
          def __init__(self, name):
              self.name = name
          def __del__(self):
              deleted.append(self.name)
      pair = (Counted, lambda: tuple(deleted))
      `;
    const [Counted, deleted] = yield define(root, CODE, 'pair');
    const [a, b] = [yield Counted('a'), yield Counted('b')];
    yield root.hold(b);
    const echoed = yield root.held();
    yield root.drop();
    expect(echoed).toBe(b);
    rpyc.release(a);
    rpyc.release(b);
    expect(yield deleted()).toEqual(['a']);
    rpyc.release(b);
    expect(yield deleted()).toEqual(['a', 'b']);
  });
});
