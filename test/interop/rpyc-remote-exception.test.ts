// Counterpart of RPyC's test_remote_exception.py: class, arguments, attributes and traceback of exceptions. Different: custom classes of Python are
// registered by hand, nothing is imported; those of Node are `js.<name>`.
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { PYTHONS, runClient } from '../support/python.ts';
import { describeClients, raised } from './faces.ts';
import { serve } from './nodes.ts';

class CustomError extends Error {
  override name = 'CustomError';
  code = 42;
}
class Raising extends rpyc.Service {
  exposed_key() {
    throw new rpyc.exceptions.KeyError('missing');
  }
  exposed_custom() {
    throw new CustomError('of ours');
  }
  async exposed_call(f: any) {
    return await f();
  }
}

test.for(PYTHONS)('a client of RPyC %s catches what Node throws', async (version) => {
  const { port } = await serve(Raising);
  const out = await runClient(
    version,
    port,
    `
      try:
          root.key()
      except KeyError as error:
          out["key"] = [error.args[0], "Remote Traceback" in str(error)]
      try:
          root.custom()
      except Exception as error:
          out["custom"] = ["CustomError" in type(error).__name__, error.args[0], error.code]
      def failing():
          raise ZeroDivisionError("python's own")
      try:
          root.call(failing)
      except ZeroDivisionError as error:
          out["nested"] = [error.args[0], "in failing" in str(error)]
      `,
  );
  expect(out).toEqual({
    key: ['missing', true],
    custom: [true, 'of ours', 42],
    nested: ["python's own", true],
  });
});

describeClients('What Python raises', {}, (check) => {
  check('is caught by its class, with arguments and traceback', function* ({ root }) {
    const zero = yield* raised(() => root.div(1, 0));
    expect(zero).toBeInstanceOf(rpyc.exceptions.ZeroDivisionError);
    expect(zero.remoteTraceback).toContain('exposed_div');
    const custom = yield* raised(() => root.raise_custom('text'));
    expect([custom.pyModule, custom.pyName, custom.args, custom.attrs.code]).toEqual([
      'server',
      'CustomError',
      ['text'],
      42,
    ]);
  });

  check('passes through a callback of ours and back', function* ({ root, face }) {
    const failing = () => {
      throw new rpyc.exceptions.LookupError('ours');
    };
    expect(yield root.call_catching(failing)).toEqual(['LookupError', expect.stringContaining('ours')]);
    const relay = face === 'blocking' ? () => root.div(1, 0) : async () => await root.div(1, 0);
    expect(yield* raised(() => root.call(relay))).toBeInstanceOf(rpyc.exceptions.ZeroDivisionError);
  });
});
