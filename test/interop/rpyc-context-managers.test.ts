// Counterpart of RPyC's test_context_managers.py. Different: `enter` and `withContext` stand for the with statement; as in RPyC, the remote
// `__exit__` only learns that there was an error (RPyC issue 564).
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { PYTHONS, runClient } from '../support/python.ts';
import { define } from './define.ts';
import { describeClients, raised } from './faces.ts';
import { serve } from './nodes.ts';

const GATE = `
      class Gate:
          def __init__(self, suppress=False):
              self.suppress, self.log = suppress, ()
          def __enter__(self):
              self.log += ("enter",)
              return "value"
          def __exit__(self, kind, value, traceback):
              self.log += ("clean" if kind is None else "failed",)
              return self.suppress
      `;
const fail = () => {
  throw new Error('of ours');
};

describeClients('Context managers of Python', { allow_public_attrs: true }, (check) => {
  check('are entered and left', function* ({ root }) {
    const gate = yield (yield define(root, GATE, 'Gate'))();
    expect(yield rpyc.withContext(gate, (value: unknown) => value)).toBe('value');
    expect(yield gate.log).toEqual(['enter', 'clean']);
  });

  check('learn of an error, and suppress it if they want to', function* ({ root, face }) {
    const Gate = yield define(root, GATE, 'Gate');
    const failing = face === 'blocking' ? fail : async () => fail();
    const [gate, silent] = [yield Gate(), yield Gate(true)];
    expect((yield* raised(() => rpyc.withContext(gate, failing))).message).toBe('of ours');
    expect(yield gate.log).toEqual(['enter', 'failed']);
    yield rpyc.withContext(silent, failing);
    expect(yield silent.log).toEqual(['enter', 'failed']);
  });
});

class Gates extends rpyc.Service {
  readonly log: string[] = [];
  exposed_log = () => rpyc.tuple(...this.log);
  exposed_dispose() {
    const { log } = this;
    return new (class Disposable {
      [Symbol.dispose]() {
        log.push('disposed');
      }
    })();
  }
  exposed_gate(suppress: boolean) {
    const { log } = this;
    return new (class Gate {
      __enter__() {
        log.push('enter');
        return 'value';
      }
      __exit__(error: unknown) {
        log.push(error === null ? 'clean' : 'failed');
        return suppress;
      }
    })();
  }
}

test.for(PYTHONS)('those of Node are entered by a client of RPyC %s', async (version) => {
  const { port } = await serve(Gates);
  const out = await runClient(
    version,
    port,
    `
      with root.dispose():
          pass
      with root.gate(False) as value:
          out["value"] = value
      def failing(suppress):
          with root.gate(suppress):
              raise KeyError("inside")
      out["raised"] = [(raised(failing, False) or [None])[0], raised(failing, True)]
      out["log"] = root.log()
      `,
  );
  expect(out).toEqual({
    value: 'value',
    raised: ['KeyError', null],
    log: ['disposed', 'enter', 'clean', 'enter', 'failed', 'enter', 'failed'],
  });
});
