// numpy arrays by value, against real numpy. Counterpart of tests/test_service_pickle.py and tests/test_numpy.py of RPyC: there arrays are
// pickled whole, here their numbers become typed arrays. What numpy pickles beyond numbers (objects, text, records) is refused by name.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pythonOf, WITH_NUMPY } from '../../scripts/setup.mjs';
import * as rpyc from '../../src/index.ts';
import { describePython } from '../support/python.ts';

const TYPES = ['f8', 'f4', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', '?', '>f8', '>i4', '>u2'];
const SHAPES = [
  (items: string) => `${items}.reshape(2, 3)`,
  (items: string) => `np.asfortranarray(${items}.reshape(2, 3))`,
  (items: string) => `${items}.reshape(3, 2)[::2, ::-1]`,
  (items: string) => `${items}[:0]`,
  (items: string) => `${items}[5:].reshape(())`,
];

describePython.each([['blocking'], ['awaiting']])('numpy, %s', (face) => {
  let conn: any;
  beforeAll(async () => {
    // Warnings are errors: a name that numpy is about to drop would be one.
    const options = { python: pythonOf(WITH_NUMPY), args: ['-u', '-W', 'error'] };
    conn = face === 'blocking' ? rpyc.classic.connectSubprocSync(options) : await rpyc.classic.connectSubproc(options);
    await conn.execute('import numpy as np, pickle');
  });
  afterAll(() => conn.close());

  test.each(TYPES)('arrays of %s in every shape and protocol become typed arrays and return equal', async (type) => {
    for (const shape of SHAPES) {
      const text = shape(`np.arange(6).astype('${type}')`);
      for (let protocol = 0; protocol <= 5; protocol++) {
        const array = rpyc.loads(await conn.eval(`pickle.dumps(${text}, ${protocol})`)) as rpyc.NdArray;
        expect([...array.shape]).toEqual([...(await conn.eval(`(${text}).shape`))]);
        await conn.namespace.__setitem__('back', await rpyc.classic.deliver(conn, array));
        expect(
          await conn.eval(`bool(np.array_equal(back, ${text})) and back.dtype == (${text}).dtype.newbyteorder('=')`),
          `${text}, protocol ${protocol}`,
        ).toBe(true);
      }
    }
  });

  test('arrays are obtained and delivered', async () => {
    const array = await rpyc.classic.obtain(await conn.eval('np.arange(6.0).reshape(2, 3)'));
    expect(array).toBeInstanceOf(Float64Array);
    expect([[...array], array.shape, array.dtype, array.fortran]).toEqual([[0, 1, 2, 3, 4, 5], [2, 3], 'f8', false]);
    const there = await rpyc.classic.deliver(conn, new Float32Array([1, 2.5]), { numpy: true });
    expect(await rpyc.repr(there)).toBe('array([1. , 2.5], dtype=float32)');
    expect(await rpyc.repr(await rpyc.classic.deliver(conn, new Float32Array([1, 2.5])))).toBe('[1.0, 2.5]');
  });

  test('scalars are numbers, and shared types are shared', async () => {
    const list = await conn.eval(
      '[np.float64(1.5), np.int64(7), np.bool_(True), np.int64(2**62), np.arange(2), np.arange(2)]',
    );
    expect(await rpyc.classic.obtain(list)).toEqual([
      1.5,
      7,
      true,
      2n ** 62n,
      BigInt64Array.of(0n, 1n),
      BigInt64Array.of(0n, 1n),
    ]);
  });

  test.each([
    "np.array(['a'])",
    'np.array([object()])',
    "np.array([(1, 2)], dtype='i4,i4')",
    "np.datetime64('2020')",
    'np.array([1j])',
  ])('%s is refused by name', async (text) => {
    const ref = await conn.eval(text);
    await expect((async () => await rpyc.classic.obtain(ref))()).rejects.toThrow(
      /refused: numpy|not pickle|cannot pickle/i,
    );
  });
});
