// Counterpart of RPyC's test_numpy.py: arrays of numbers. Different: RPyC's test makes a numpy array of a remote list, through pickle; here
// typed arrays are lists to Python, and nothing of Node's answers __array__ (CVE-2024-27758). The three environments have no numpy, so the
// arrays of Python are those of its `array` module; classic-numpy.test.ts copies real numpy arrays in both directions.
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { PYTHONS, runClient } from '../support/python.ts';
import { describeClients } from './faces.ts';
import { serve } from './nodes.ts';

class Numbers extends rpyc.Service {
  exposed_floats = () => new Float64Array([1.5, -2.5, Number.POSITIVE_INFINITY]);
  exposed_bigs = () => new BigInt64Array([2n ** 62n, -1n]);
  exposed_list = () => [1, 2, 3];
}

test.for(PYTHONS)('a client of RPyC %s makes arrays of typed arrays', async (version) => {
  const { port } = await serve(Numbers);
  const out = await runClient(
    version,
    port,
    `
      import array
      f, b = root.floats(), root.bigs()
      out["made"] = [list(array.array("d", f)) == [1.5, -2.5, float("inf")], list(array.array("q", b)) == [2**62, -1]]
      out["read"] = [len(f), f[0], f[-2], [type(x).__name__ for x in f], sum(root.list())]
      f[0] = 7.25
      out["written"] = [f[0], raised(f.__setitem__, 5, 1.0)[0], raised(f.__delitem__, 0)[0]]
      out["array"] = [raised(lambda: o.__array__())[0] for o in (f, root.list())]
      `,
  );
  expect(out.made).toEqual([true, true]);
  expect(out.read).toEqual([3, 1.5, -2.5, ['float', 'float', 'float'], 6]);
  expect(out.written).toEqual([7.25, 'IndexError', expect.any(String)]);
  expect(out.array.every((name: string) => ['ValueError', 'AttributeError'].includes(name))).toBe(true);
});

describeClients('Arrays of Python', { allow_public_attrs: true }, (check) => {
  check('are read in one request, written item by item', function* ({ root }) {
    const array = yield root.eval('__import__("array").array("d", range(1000))');
    const copy = Float64Array.from((yield rpyc.toArray(array)) as number[]);
    expect([copy.length, copy[999]]).toEqual([1000, 999]);
    yield rpyc.setitem(array, 0, 2.5);
    expect([yield rpyc.getitem(array, 0), yield rpyc.len(array)]).toEqual([2.5, 1000]);
    const bytes = Buffer.from(new Float64Array([1, 2, 3]).buffer);
    const made = yield root.eval('__import__("array").array("d", b)', rpyc.kwargs({ b: bytes }));
    expect(yield rpyc.toArray(made)).toEqual([1, 2, 3]);
  });
});
