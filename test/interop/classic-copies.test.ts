// obtain and deliver against real Python: what its pickle writes is read here, what is written here its pickle reads. Counterpart of
// tests/test_service_pickle.py and of the obtain and deliver parts of tests/test_classic.py of RPyC.
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, PYTHONS, runClient, startServer } from '../support/python.ts';
import { describeClassic } from './classic-faces.ts';
import { raised } from './faces.ts';
import { serve } from './nodes.ts';

/** Python expressions and what they are here. */
const VALUES: [string, unknown][] = [
  ['[None, True, False, 1, -1, 2**31, -2**31, 2**63, -2**200, 1.5, float("inf"), "é€😀", ""]',
    [null, true, false, 1, -1, 2 ** 31, -(2 ** 31), 2n ** 63n, -(2n ** 200n), 1.5, Number.POSITIVE_INFINITY, 'é€😀', '']],
  ['[b"", b"ab" * 200, bytearray(b"xy"), (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)]',
    [Buffer.alloc(0), Buffer.from('ab'.repeat(200)), Uint8Array.from(Buffer.from('xy')), [], [1], [1, 2], [1, 2, 3], [1, 2, 3, 4]]],
  ['{"a": [1], 2: {"b": ()}}', new Map<unknown, unknown>([['a', [1]], [2, new Map([['b', []]])]])],
  ['[{1, 2}, frozenset([3]), set()]', [new Set([1, 2]), new rpyc.FrozenSet([3]), new Set()]],
  ['[complex(1, 2)]', [new rpyc.Complex(1, 2)]],
  ['list(range(3000))', Array.from({ length: 3000 }, (_, i) => i)],
  ['[__import__("decimal").Decimal("1.50")]', [new rpyc.PyDecimal('1.50')]],
  ['__import__("collections").OrderedDict(a=1)', new Map([['a', 1]])],
  ['[__import__("datetime").date(2024, 2, 29), __import__("datetime").time(1, 2, 3, 4), __import__("datetime").timedelta(-1, 2, 3)]',
    [new rpyc.PyDate(2024, 2, 29), new rpyc.PyTime(1, 2, 3, 4), new rpyc.PyTimedelta(-1, 2, 3)]],
  ['[__import__("datetime").datetime(2024, 2, 29, 1, 2, 3, 456789, __import__("datetime").timezone.utc)]',
    [new rpyc.PyDateTime(Date.UTC(2024, 1, 29, 1, 2, 3, 456), 456_789, 0)]],
]; // biome-ignore format: rows

const shown: [unknown, string][] = [
  [[null, true, 1, -(2 ** 40), 2n ** 70n, 1.5, rpyc.float(1), 'é'], "[None, True, 1, -1099511627776, 1180591620717411303424, 1.5, 1.0, 'é']"],
  [{ a: Object.freeze([1, Buffer.from('x')]), b: new Map([[1, 2]]) }, "{'a': (1, b'x'), 'b': {1: 2}}"],
  [[new Set([1]), new rpyc.FrozenSet([2]), new rpyc.Complex(0, 1), rpyc.slice(1, 2)], '[{1}, frozenset({2}), 1j, slice(1, 2, None)]'],
  [[new rpyc.PyDecimal('1.50'), new rpyc.PyDate(2024, 2, 29), new rpyc.PyTime(1), new rpyc.PyTimedelta(1)],
    "[Decimal('1.50'), datetime.date(2024, 2, 29), datetime.time(1, 0), datetime.timedelta(days=1)]"],
  [[new Date(Date.UTC(2024, 1, 29, 1, 2, 3, 456))], '[datetime.datetime(2024, 2, 29, 1, 2, 3, 456000, tzinfo=datetime.timezone.utc)]'],
  [['x'.repeat(100_000)], `['${'x'.repeat(100_000)}']`],
]; // biome-ignore format: rows

describeClassic('copies: a slave', 'slave', (check) => {
  check('gives its objects by value', function* ({ conn }) {
    for (const [text, value] of VALUES) expect(yield rpyc.classic.obtain(yield conn.eval(text)), text).toEqual(value);
    expect(rpyc.classic.obtain(5)).toBe(5);
    expect(yield rpyc.classic.obtain(yield conn.eval('{"a": {"b": 1}}'), { dicts: 'object' })).toEqual(
      Object.assign(Object.create(null), { a: Object.assign(Object.create(null), { b: 1 }) }),
    );
  });

  check('in every protocol of pickle', function* ({ conn }) {
    yield conn.execute('import pickle, datetime, decimal');
    for (const [text, value] of VALUES)
      for (let protocol = 0; protocol <= 5; protocol++)
        expect(rpyc.loads(yield conn.eval(`pickle.dumps(${text}, ${protocol})`)), `${text}, ${protocol}`).toEqual(
          value,
        );
  });

  check('and nothing that executes', function* ({ conn }) {
    yield conn.execute('import os\nclass Evil:\n    def __reduce__(self): return os.system, ("echo pwned",)');
    for (const [text, name] of [
      ['[Evil()]', 'posix.system'],
      ['[os.getcwd]', 'posix.getcwd'],
      ['[object()]', 'refused: '],
      ['[Evil]', 'refused: '],
    ]) {
      const ref = yield conn.eval(text);
      const error = yield* raised(() => rpyc.classic.obtain(ref));
      if (error instanceof rpyc.UnpicklingError) expect(error.message).toContain(name);
      else expect(error).toBeInstanceOf(rpyc.PythonError); // its own pickle refuses a class of `exec`
    }
  });

  check('takes ours by value', function* ({ conn }) {
    for (const [value, repr] of shown) {
      const ref = yield rpyc.classic.deliver(conn, value);
      expect(yield rpyc.repr(ref)).toBe(repr);
    }
    expect(yield rpyc.classic.deliver(conn, 5)).toBe(5);
    expect((yield* raised(() => rpyc.classic.deliver(conn, [() => 1]))).message).toContain('a function');
    const remote = yield conn.eval('[]');
    expect((yield* raised(() => rpyc.classic.deliver(conn, [remote]))).message).toContain('remote object');
  });

  check('and gives them back equal', function* ({ conn }) {
    for (const [, value] of VALUES) {
      const ref = yield rpyc.classic.deliver(conn, value);
      expect(yield rpyc.classic.obtain(ref)).toEqual(rpyc.loads(rpyc.dumps(value)));
    }
  });
});

describePython.each(PYTHONS)('RPyC %s', (version) => {
  test('obtains our objects where allow_pickle is set, and only there', async () => {
    class Data extends rpyc.Service {
      exposed_data = { list: [1, 2.5, 'é'], map: new Map([[1, new Set([2])]]), when: new Date(0) };
      exposed_code = [() => 1];
    }
    const checks = `
from rpyc.utils.classic import obtain
def attempt(get):
    try:
        return repr(get())
    except Exception as e:
        return type(e).__name__ + ": " + str(e).split(chr(10))[0]
conn._config["allow_pickle"] = True
out["data"] = attempt(lambda: obtain(conn.root.data))
out["code"] = attempt(lambda: obtain(conn.root.code))
`;
    const open = await serve(Data, { allow_pickle: true });
    expect(await runClient(version, open.port, checks)).toEqual({
      data: "{'list': [1, 2.5, 'é'], 'map': {1: {2}}, 'when': datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)}",
      code: 'TypeError: cannot be pickled as plain data: a function',
    });
    const closed = await serve(Data);
    expect((await runClient(version, closed.port, checks)).data).toBe('ValueError: pickling is disabled');
  });

  test('refuses to be obtained from where pickling is disabled', async () => {
    const { ready } = await startServer(version);
    const conn = await rpyc.connect('127.0.0.1', ready.port);
    await expect(rpyc.classic.obtain(await conn.root.make_list(3))).rejects.toThrow('pickling is disabled');
    await conn.close();
  });
});
