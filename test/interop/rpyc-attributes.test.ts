// Counterpart of RPyC's test_attributes.py: properties. Different: the getter and setter of Node's side are those of JavaScript.
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { PYTHONS, runClient } from '../support/python.ts';
import { define } from './define.ts';
import { describeClients, raised } from './faces.ts';
import { serve } from './nodes.ts';

const OPEN = { allow_public_attrs: true, allow_setattr: true, allow_delattr: true };

describeClients('Properties', OPEN, (check) => {
  check('are computed, set, and raise, over there', function* ({ root }) {
    const Counter = yield define(
      root,
      `
      class Counter:
          def __init__(self):
              self.n = 0
          @property
          def counter(self):
              self.n += 1
              return self.n
          @counter.setter
          def counter(self, value):
              if value < 0:
                  raise ValueError("negative")
              self.n = value
          @property
          def failing(self):
              raise KeyError("failing")
      `,
      'Counter',
    );
    const counter = yield Counter();
    expect([yield counter.counter, yield counter.counter]).toEqual([1, 2]);
    yield rpyc.setattr(counter, 'counter', 10);
    expect(yield counter.counter).toBe(11);
    expect(yield* raised(() => rpyc.setattr(counter, 'counter', -1))).toBeInstanceOf(rpyc.exceptions.ValueError);
    expect(yield* raised(() => counter.failing)).toBeInstanceOf(rpyc.exceptions.KeyError);
  });
});

class Counted extends rpyc.Service {
  private n = 0;
  get exposed_counter() {
    return ++this.n;
  }
  exposed_object() {
    let n = 0;
    class Own {
      get counter() {
        return ++n;
      }
      set counter(value: number) {
        n = value;
      }
    }
    return new Own();
  }
}

test.for(PYTHONS)('a Python client of RPyC %s reads and writes getters and setters of Node', async (version) => {
  const { port } = await serve(Counted, OPEN);
  const python = `
      out["root"] = [root.counter, root.counter]
      o = root.object()
      out["object"] = [o.counter, o.counter]
      o.counter = 10
      out["set"] = o.counter
      `;
  expect(await runClient(version, port, python)).toEqual({ root: [1, 2], object: [1, 2], set: 11 });
});
