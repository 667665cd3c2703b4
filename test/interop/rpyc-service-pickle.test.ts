// Counterpart of RPyC's test_service_pickle.py: pickling across a service, where its configuration allows it. Different: Node's pickles hold plain
// data only; RPyC's test dumps pandas frames, which need a pickle that executes.
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { PYTHONS, runClient } from '../support/python.ts';
import { describeClients, raised } from './faces.ts';
import { serve } from './nodes.ts';

class Data extends rpyc.Service {
  exposed_data = () => [1, new Map([['k', [true, null]]])];
}

test.for(PYTHONS)('a client of RPyC %s obtains from Node with allow_pickle only', async (version) => {
  const python =
    'out["copy"] = raised(rpyc.classic.obtain, root.data()) or [repr(rpyc.classic.obtain(root.data())), type(rpyc.classic.obtain(root.data())).__name__]';
  const closed = await serve(Data);
  expect((await runClient(version, closed.port, python, { allow_pickle: true })).copy[0]).toBe('ValueError');
  const open = await serve(Data, { allow_pickle: true });
  expect(await runClient(version, open.port, python, { allow_pickle: true })).toEqual({
    copy: ["[1, {'k': [True, None]}]", 'list'],
  });
});

describeClients('A service that allows pickling', { allow_pickle: true, allow_public_attrs: true }, (check) => {
  check('gives copies of plain data, and of nothing that executes', function* ({ root }) {
    expect(yield rpyc.classic.obtain(yield root.make_list(3))).toEqual([0, 1, 2]);
    expect(yield rpyc.classic.obtain(yield root.make_dict(1))).toEqual(new Map([['k0', 0]]));
    const point = yield root.make_point(1, 2);
    expect(yield* raised(() => rpyc.classic.obtain(point))).toMatchObject({
      message: expect.stringContaining('Point'),
    });
  });
});

describeClients('A service that does not', {}, (check) => {
  check('refuses', function* ({ root }) {
    const list = yield root.make_list(1);
    expect((yield* raised(() => rpyc.classic.obtain(list))).message).toContain('pickling is disabled');
  });
});
