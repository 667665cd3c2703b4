// Node client, Python service: our functions called by Python, while a call runs and later, and nested both ways; and
// exceptions in both directions. Both faces.
import { expect } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describeClients, raised, settled } from './faces.ts';

const { exceptions, PythonError } = rpyc;
const CONFIG = { allow_public_attrs: true };

describeClients('Callbacks', CONFIG, (check) => {
  check('a function is called while the call runs', function* ({ root }) {
    const seen: unknown[] = [];
    const answer = yield root.call((...args: unknown[]) => seen.push(args), 1, 'b', null);
    expect(answer).toBe(1);
    expect(seen).toEqual([[1, 'b', null]]);
    expect(yield root.call_many((i: number) => i * i, 100)).toBe(328350);
  });

  check('keyword arguments of Python arrive as one trailing object without a prototype', function* ({ root }) {
    const seen: any[] = [];
    yield root.call((...args: unknown[]) => void seen.push(...args), 1, rpyc.kwargs({ x: 2, y: 'z' }));
    expect(seen[0]).toBe(1);
    expect({ ...seen[1] }).toEqual({ x: 2, y: 'z' });
    expect(Object.getPrototypeOf(seen[1])).toBe(null);
    const forwarded = yield root.call((named: unknown) => root.kw(named), rpyc.kwargs({ x: 2 }));
    expect(forwarded).toEqual([['x', 2]]);
  });

  check('a method keeps its object, and a class is constructed', function* ({ root }) {
    class Counter {
      n: number;
      constructor(n: number) {
        this.n = n;
      }
      exposed_up(by: number) {
        this.n += by;
        return this.n;
      }
    }
    const counter = new Counter(5);
    expect(yield root.eval('counter.up(2)', rpyc.kwargs({ counter }))).toBe(7);
    expect(counter.n).toBe(7);
    const made = yield root.call(Counter, 9);
    expect(made).toBeInstanceOf(Counter);
    expect(made.n).toBe(9);
  });

  check('a callback calls back, several levels deep both ways', function* ({ root, face }) {
    const down = (n: number): unknown => {
      if (n === 0) return 'bottom';
      return face === 'blocking'
        ? `${root.call(down, n - 1)}${n}`
        : root.call(down, n - 1).then((s: string) => `${s}${n}`);
    };
    expect(yield root.call(down, 8)).toBe('bottom12345678');
  });

  check('a callback blocks while the call that led to it is of either face', function* ({ root, conn }) {
    const sync = conn.sync.root;
    const down = (n: number): number => (n === 0 ? 0 : 1 + sync.call(down, n - 1));
    expect(yield root.call(down, 5)).toBe(5);
    expect(yield root.call_many((i: number) => sync.add(i, 1), 10)).toBe(55);
  });

  check('a reference that is passed to a callback is the one that we sent or hold', function* ({ root }) {
    const ours = { id: 1 };
    const point = yield root.make_point(1, 2);
    const seen: any[] = [];
    yield root.call((a: unknown, b: unknown) => void seen.push(a, b), ours, point);
    expect(seen[0]).toBe(ours);
    expect(rpyc.same(seen[1], point)).toBe(true);
  });

  check('a Python thread calls a function when the call that took it has returned', function* ({ root, face, conn }) {
    let called = (_value: unknown) => {};
    const arrived = new Promise((resolve) => {
      called = resolve;
    });
    expect(yield root.call_later(called, 0.01, 'later')).toBe(null);
    expect(yield settled(arrived)).toBe('later');
    if (face === 'awaiting') return;
    // Once more without the event loop: the connection is served by hand.
    const seen: unknown[] = [];
    root.call_later((value: unknown) => void seen.push(value), 0.01, 'by hand');
    while (seen.length === 0) expect(conn.sync.serve(10)).toBe(true);
    expect(seen).toEqual(['by hand']);
  });

  check('a function called from a Python thread may itself call Python', function* ({ root, conn }) {
    const sums = new Promise((resolve, reject) => {
      const callback = async (value: number) => {
        const awaited = await conn.root.add(value, 1);
        return conn.sync.root.add(awaited, 1);
      };
      root.call_later((value: number) => callback(value).then(resolve, reject), 0.01, 40);
    });
    expect(yield settled(sums)).toBe(42);
  });

  check('functions that Python dropped are dropped here', function* ({ root, conn }) {
    const base = conn.stats.localObjects;
    for (let i = 0; i < 50; i++) yield root.call((n: number) => n, i);
    yield root.eval('__import__("gc").collect() and None');
    yield root.add(1, 1);
    expect(conn.stats.localObjects).toBeLessThanOrEqual(base + 1);
    yield root.hold(() => 1);
    expect(conn.stats.localObjects).toBeGreaterThan(base);
    yield root.drop();
    yield root.add(1, 1);
    expect(conn.stats.localObjects).toBeLessThanOrEqual(base + 1);
  });
});

/** Python expressions that raise, the class that arrives, and its args. */
const RAISING: readonly (readonly [expression: string, name: keyof typeof exceptions, args: unknown[]])[] = [
  ['{}["k"]', 'KeyError', ['k']],
  ['[][5]', 'IndexError', ['list index out of range']],
  ['1 / 0', 'ZeroDivisionError', ['division by zero']],
  ['int("x")', 'ValueError', ["invalid literal for int() with base 10: 'x'"]],
  ['None + 1', 'TypeError', ["unsupported operand type(s) for +: 'NoneType' and 'int'"]],
  ['missing', 'NameError', ["name 'missing' is not defined"]],
  ['open("/nonexistent")', 'FileNotFoundError', [2, 'No such file or directory']],
  ['__import__("nonexistent")', 'ModuleNotFoundError', ["No module named 'nonexistent'"]],
  ['next(iter(()))', 'StopIteration', []],
  ['1 +', 'SyntaxError', []],
];

describeClients('Exceptions', CONFIG, (check) => {
  check('builtin exceptions arrive as their classes, within the hierarchy of Python', function* ({ root }) {
    for (const [expression, name, args] of RAISING) {
      const error = yield* raised(() => root.eval(expression));
      expect(error, expression).toBeInstanceOf(exceptions[name]);
      expect(error).toBeInstanceOf(PythonError);
      expect(error).toBeInstanceOf(Error);
      expect([error.name, error.pyModule, error.pyName]).toEqual([name, 'builtins', name]);
      if (args.length > 0) expect(error.args).toEqual(args);
    }
    const division = yield* raised(() => root.div(1, 0));
    expect(division).toBeInstanceOf(exceptions.ArithmeticError);
    expect(division).not.toBeInstanceOf(exceptions.LookupError);
    expect(yield* raised(() => root.eval('{}[1]'))).toBeInstanceOf(exceptions.LookupError);
    expect(yield* raised(() => root.eval('open("/nonexistent")'))).toMatchObject({
      errno: 2,
      filename: '/nonexistent',
    });
    expect(yield* raised(() => root.eval('None + 1'))).toBeInstanceOf(TypeError);
    expect(yield* raised(() => root.eval('1 +'))).toBeInstanceOf(SyntaxError);
  });

  check(
    'a custom class arrives as a PythonError with its name, args, attributes and traceback',
    function* ({ root, version }) {
      const error = yield* raised(() => root.raise_custom('why'));
      expect(error).toBeInstanceOf(PythonError);
      expect(error).not.toBeInstanceOf(exceptions.Exception);
      expect(error).toMatchObject({
        pyModule: 'server',
        pyName: 'CustomError',
        args: ['why'],
        message: 'why',
        name: 'server.CustomError',
      });
      expect(error.attrs.code).toBe(42);
      expect(error.code).toBeUndefined();
      expect(error.remoteVersion).toBe(version);
      expect(error.remoteTraceback).toContain('in exposed_raise_custom');
      expect(error.stack).toContain('========= Remote Traceback (1) =========');
      expect(error.stack).toContain('in exposed_raise_custom');
    },
  );

  check('a chain of exceptions is in the traceback text', function* ({ root }) {
    const error = yield* raised(() => root.raise_from());
    expect(error).toBeInstanceOf(exceptions.RuntimeError);
    expect(error.message).toBe('wrapped');
    expect(error.stack).toContain("KeyError: 'missing'");
    expect(error.stack).toContain('The above exception was the direct cause');
  });

  check('a registered class stands for its Python class', function* ({ root, conn }) {
    class Absent extends Error {
      detail: unknown;
      constructor(detail: unknown) {
        super(`absent: ${String(detail)}`);
        this.detail = detail;
      }
    }
    const name = 'pkg.mod.Absent';
    rpyc.registerException(name, Absent);
    const error = yield* raised(() =>
      root.eval(`(_ for _ in ()).throw(type("Absent", (Exception,), {"__module__": "pkg.mod", "level": 3})("key"))`),
    );
    expect(error).toBeInstanceOf(Absent);
    expect(error).toMatchObject({ message: 'absent: key', detail: 'key', level: 3 });
    expect(error.stack).toContain('Remote Traceback (1)');
    expect(conn.closed).toBe(false);
  });

  check('Python sees what a callback of ours threw', function* ({ root }) {
    class NotFound extends Error {}
    const thrown: readonly (readonly [unknown, string, string])[] = [
      [new Error('plain'), 'Exception', 'plain'],
      [new TypeError('bad type'), 'TypeError', 'bad type'],
      [new RangeError('bad range'), 'ValueError', 'bad range'],
      [new exceptions.KeyError('k'), 'KeyError', "'k'"],
      [new exceptions.PermissionError(13, 'no'), 'PermissionError', '[Errno 13] no'],
      [new exceptions.FileNotFoundError(2, 'gone', '/x'), 'FileNotFoundError', "[Errno 2] gone: '/x'"],
      [new exceptions.SyntaxError('odd'), 'SyntaxError', 'odd'],
      [new NotFound('custom'), 'js.NotFound', 'custom'],
      ['a string', 'Exception', 'a string'],
      [undefined, 'Exception', 'None'],
    ];
    for (const [error, name, message] of thrown) {
      const [pyName, text] = yield root.call_catching(() => {
        throw error;
      });
      expect(pyName).toBe(name);
      expect(text.split('\n')[0]).toBe(message);
    }
  });

  check('an exception travels through both sides and back', function* ({ root }) {
    const error = yield* raised(() => root.call(() => root.div(1, 0)));
    if (!(error instanceof exceptions.ZeroDivisionError)) throw error;
    expect(error.args).toEqual(['division by zero']);
    const ours = yield* raised(() =>
      root.call(() => {
        throw new exceptions.KeyError('mine');
      }),
    );
    expect(ours).toBeInstanceOf(exceptions.KeyError);
    expect(ours.args).toEqual(['mine']);
    expect(ours.stack).toContain('client-callbacks.test.ts');
  });
});
