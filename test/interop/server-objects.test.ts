// Python clients of every release, a Node server: how JavaScript objects look and behave there (mapping A3).
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, PYTHONS, runClient } from '../support/python.ts';
import { serve } from './nodes.ts';

class Point {
  /** Shown as `__doc__`. */
  static doc = 'A point.';
  x: number;
  y: number;
  constructor(x: number, y: number) {
    this.x = x;
    this.y = y;
  }
  exposed_norm(): number {
    return Math.hypot(this.x, this.y);
  }
  exposed_scale(by: number): Point {
    return new Point(this.x * by, this.y * by);
  }
  toString(): string {
    return `(${this.x}|${this.y})`;
  }
}

class Point3 extends Point {}

class Money {
  cents: number;
  constructor(cents: number) {
    this.cents = cents;
  }
  __repr__() {
    return `Money(${this.cents})`;
  }
  __eq__(other: unknown) {
    return other instanceof Money && other.cents === this.cents;
  }
  __hash__() {
    return this.cents;
  }
  __lt__(other: Money) {
    return this.cents < other.cents;
  }
  __add__(other: Money) {
    return new Money(this.cents + other.cents);
  }
  __bool__() {
    return this.cents !== 0;
  }
  __float__() {
    return rpyc.float(this.cents / 100);
  }
  exposed___call__(...args: unknown[]) {
    return rpyc.tuple(...args);
  }
  __getitem__(key: unknown) {
    return `item ${String(key)}`;
  }
}

class Bag {
  private readonly held = ['a', 'b'];
  get length() {
    return this.held.length;
  }
  [Symbol.iterator]() {
    return this.held[Symbol.iterator]();
  }
}

class Zoo extends rpyc.Service {
  exposed_list = (...items: unknown[]) => [...items];
  exposed_map = () =>
    new Map<unknown, unknown>([
      ['a', 1],
      [2, 'two'],
    ]);
  exposed_dict = () => ({ host: 'h', port: 80, method: () => 1 });
  exposed_set = () => new Set([1, 2, 3]);
  exposed_function =
    () =>
    (...args: unknown[]) =>
      args.length;
  exposed_kwargs = () => (first: unknown, named: any) => rpyc.tuple(first, named.x, named.y);
  exposed_Point = Point;
  exposed_Point3 = Point3;
  exposed_point = (x: number, y: number) => new Point(x, y);
  exposed_point3 = () => new Point3(1, 2);
  exposed_money = (cents: number) => new Money(cents);
  exposed_bag = () => new Bag();
  exposed_typed = () => new Float64Array([1.5, 2.5]);
  exposed_nested = () => [[1], new Map([['k', [2]]]), { a: null, b: true }, 'text', new Set()];
  exposed_date = () => new Date(0);
  *exposed_count(n: number) {
    for (let i = 0; i < n; i++) yield i;
  }
  async *exposed_ticks(n: number) {
    for (let i = 0; i < n; i++) yield i * 10;
  }
  exposed_echo = (value: unknown) => value;
}

/** Runs checks in Python; `out` is compared with what is expected. */
async function check(
  version: (typeof PYTHONS)[number],
  config: Record<string, unknown>,
  python: string,
  expected: unknown,
) {
  const { port } = await serve(Zoo, config);
  expect(await runClient(version, port, python)).toEqual(expected);
}

describePython.each(PYTHONS)('To a Python client of RPyC %s', (version) => {
  test('an Array is a list', () =>
    check(
      version,
      {},
      `
      a = root.list(10, 20, 30)
      out["is"] = [isinstance(a, list), isinstance(a, dict), type(a).__name__, bool(a), bool(root.list())]
      out["read"] = [len(a), a[0], a[-1], list(a[0:2]), list(a[::-1]), list(a), sorted(a, reverse=True), sum(a), max(a)]
      out["in"] = [20 in a, 99 in a, None in a]
      out["text"] = [repr(a), str(a), repr(root.list("x", None, True, 1.5, b"b", (1,)))]
      a[0] = 11
      a[-1] = 33
      del a[1]
      out["written"] = list(a)
      out["star"] = (lambda *x: x)(*a)
      out["errors"] = [raised(lambda: a[5]), raised(lambda: a["x"]), raised(hash, a), raised(a.__setitem__, 9, 0), raised(a.__delitem__, 9)]
      out["eq"] = [a == [11, 33], a == a, a != [1]]
      out["slices"] = list(root.list(*range(10))[2:9:3])
      `,
      {
        is: [true, false, expect.any(String), true, false],
        read: [3, 10, 30, [10, 20], [30, 20, 10], [10, 20, 30], [30, 20, 10], 60, 30],
        in: [true, false, false],
        text: ['[10, 20, 30]', '[10, 20, 30]', "['x', None, True, 1.5, b'b', (1,)]"],
        written: [11, 33],
        star: [11, 33],
        errors: [
          ['IndexError', expect.stringContaining('list index out of range')],
          ['TypeError', expect.stringContaining('list indices must be integers or slices, not str')],
          ['TypeError', expect.stringContaining("unhashable type: 'list'")],
          ['IndexError', expect.stringContaining('list assignment index out of range')],
          ['IndexError', expect.stringContaining('list assignment index out of range')],
        ],
        eq: [false, true, true],
        slices: [2, 5, 8],
      },
    ));

  test('the methods of list have the semantics of Python', () =>
    check(
      version,
      { allow_public_attrs: true },
      `
      a = root.list(3, 1, 2)
      a.append(5); a.extend([7, 8]); a.insert(0, 0); a.remove(8)
      out["popped"] = [a.pop(), a.pop(0), list(a)]
      a.sort(); out["sorted"] = list(a)
      a.sort(reverse=True); out["reversed"] = list(a)
      a.reverse()
      out["found"] = [a.index(3), a.count(5), list(a.copy()), raised(a.remove, 99)[0], raised(a.index, 99)[0]]
      a.clear()
      out["cleared"] = [len(a), raised(a.pop)]
      out["js"] = raised(lambda: root.list(1, 2).push(9))[0]
      `,
      {
        popped: [7, 0, [3, 1, 2, 5]],
        sorted: [1, 2, 3, 5],
        reversed: [5, 3, 2, 1],
        found: [2, 1, [1, 2, 3, 5], 'ValueError', 'ValueError'],
        cleared: [0, ['IndexError', expect.stringContaining('pop from empty list')]],
        js: 'AttributeError',
      },
    ));

  test('a Map and a plain object are dicts', () =>
    check(
      version,
      { allow_public_attrs: true },
      `
      m, d = root.map(), root.dict()
      out["is"] = [isinstance(m, dict), isinstance(d, dict), isinstance(d, list), len(m), len(d), bool(d)]
      out["read"] = [m["a"], m[2], d["host"], d["port"], d.host]
      out["keys"] = [list(m), list(d), sorted(d.keys()), list(d.values())[:2], [tuple(i) for i in m.items()]]
      out["in"] = ["a" in m, 3 in m, "port" in d, "method" in d, "constructor" in d, d["method"]()]
      out["text"] = [repr(m), str(d)]
      out["errors"] = [raised(lambda: m["x"]), raised(lambda: d["x"]), raised(d.__setitem__, "method", 1)[0], raised(lambda: d["__proto__"])[0], raised(hash, m)[0]]
      m["new"] = 5; del m["a"]; d["port"] = 81; d["extra"] = None; del d["host"]
      out["written"] = [dict(m) == {2: "two", "new": 5}, {k: v for k, v in dict(d).items() if k != "method"}]
      out["methods"] = [m.get("zz"), m.get("zz", 1), m.pop("new"), m.setdefault("s", 3), d.pop("nope", "dflt"), list(m.copy())]
      m.update({"u": 1})
      m.clear()
      out["cleared"] = len(m)
      out["splat"] = sorted({**d})
      `,
      {
        is: [true, true, false, 2, 3, true],
        read: [1, 'two', 'h', 80, 'h'],
        keys: [
          ['a', 2],
          ['host', 'port', 'method'],
          ['host', 'method', 'port'],
          ['h', 80],
          [
            ['a', 1],
            [2, 'two'],
          ],
        ],
        in: [true, false, true, true, false, 1],
        text: ["{'a': 1, 2: 'two'}", "{'host': 'h', 'port': 80, 'method': <function method>}"],
        errors: [
          ['KeyError', expect.stringContaining("'x'")],
          ['KeyError', expect.stringContaining("'x'")],
          'TypeError',
          'KeyError',
          'TypeError',
        ],
        written: [true, { port: 81, extra: null }],
        methods: [null, 1, 5, 3, 'dflt', [2, 's']],
        cleared: 0,
        splat: ['extra', 'method', 'port'],
      },
    ));

  test('a Set is a set, and a typed array a list of fixed length', () =>
    check(
      version,
      { allow_public_attrs: true },
      `
      s, t = root.set(), root.typed()
      out["set"] = [isinstance(s, set), len(s), sorted(s), 2 in s, 9 in s, repr(s), raised(hash, s)[0]]
      s.add(4); s.discard(1); s.discard(77)
      out["written"] = [sorted(s), raised(s.remove, 77)[0]]
      out["typed"] = [isinstance(t, list), len(t), list(t), t[-1], raised(t.append, 1)[0]]
      `,
      {
        set: [true, 3, [1, 2, 3], true, false, '{1, 2, 3}', 'TypeError'],
        written: [[2, 3, 4], 'KeyError'],
        typed: [true, 2, [1.5, 2.5], 2.5, 'AttributeError'],
      },
    ));

  test('a function is a builtin function', () =>
    check(
      version,
      {},
      `
      import functools, threading
      f, g = root.function(), root.kwargs()
      out["calls"] = [f(), f(1, 2, 3), callable(f), f(x=1), g("p", x=1, y=[2][0]), g(0, **{"x": None, "y": "é"})]
      out["passed"] = [list(map(f, [1, 2])), sorted([3, 1], key=f), functools.partial(f, 1)(2)]
      out["is"] = [hash(f) == hash(f), f == f, f == g, bool(f), len({f, f, g}), isinstance(f, list)]
      out["method"] = [callable(root.list), root.list == root.list]
      out["denied"] = [raised(lambda: f.length)[0], raised(lambda: f.prototype)[0], raised(lambda: f.constructor)[0], raised(lambda: f.call)[0]]
      `,
      {
        calls: [0, 3, true, 1, ['p', 1, 2], [0, null, 'é']],
        passed: [[1, 1], [3, 1], 2],
        is: [true, true, false, true, 2, false],
        method: [true, true],
        denied: ['AttributeError', 'AttributeError', 'AttributeError', 'AttributeError'],
      },
    ));

  test('a class is constructed, and its instances belong to it', () =>
    check(
      version,
      {},
      `
      P, p = root.Point, root.point(3, 4)
      made = P(6, 8)
      out["made"] = [made.norm(), p.norm(), p.scale(2).norm(), callable(P)]
      out["is"] = [isinstance(p, P), isinstance(root.point3(), root.Point3), isinstance(root.money(1), P), isinstance(made, P)]
      out["sub"] = isinstance(root.point3(), P)
      out["text"] = [str(p), repr(root.money(5)), repr(P)]
      out["hash"] = [hash(p) == hash(p), p == p, p == root.point(3, 4), len({p, p})]
      out["dir"] = ["exposed_norm" in dir(p), "constructor" in dir(p), "__proto__" in dir(p)]
      out["doc"] = p.__doc__
      out["name"] = type(p).__name__
      `,
      {
        made: [10, 5, 10, true],
        is: [true, true, false, true],
        sub: true,
        text: ['(3|4)', 'Money(5)', "<class 'js.Point'>"],
        hash: [true, true, false, 1],
        dir: [true, false, false],
        doc: 'A point.',
        name: expect.stringContaining('js.Point'),
      },
    ));

  test('the special methods that a class defines are those of its instances', () =>
    check(
      version,
      {},
      `
      a, b, c = root.money(100), root.money(250), root.money(100)
      out["cmp"] = [a == c, a == b, a != b, a != c, a < b, b > a, hash(a) == hash(c), len({a, c})]
      out["ops"] = [repr(a + b), bool(root.money(0)), bool(a), float(b), a(1, "x"), a["k"]]
      bag = root.bag()
      out["bag"] = [len(bag), list(bag), sorted(bag), bool(bag)]
      out["errors"] = [raised(lambda: a - b)[0], raised(lambda: a <= b)[0], raised(len, a)[0]]
      `,
      {
        cmp: [true, false, true, false, true, true, true, 1],
        ops: ['Money(350)', false, true, 2.5, [1, 'x'], 'item k'],
        bag: [2, ['a', 'b'], ['a', 'b'], true],
        errors: ['TypeError', 'TypeError', 'TypeError'],
      },
    ));

  test('generators, of either kind, are iterated', () =>
    check(
      version,
      {},
      `
      out["sync"] = [list(root.count(4)), sum(root.count(101)), list(zip(root.count(3), root.ticks(3)))]
      out["async"] = list(root.ticks(4))
      g = root.count(2)
      out["next"] = [next(g), next(g), raised(next, g)[0], next(root.count(0), "end"), iter(g) is g]
      out["buffered"] = [list(rpyc.buffiter(root.count(2500))) == list(range(2500)), list(rpyc.buffiter(root.ticks(30), 4))[-1]]
      out["broken"] = [x for x, _ in zip(root.count(10**9), range(3))]
      `,
      {
        sync: [
          [0, 1, 2, 3],
          5050,
          [
            [0, 0],
            [1, 10],
            [2, 20],
          ],
        ],
        async: [0, 10, 20, 30],
        next: [0, 1, 'StopIteration', 'end', true],
        buffered: [true, 290],
        broken: [0, 1, 2],
      },
    ));

  test('values arrive by value, and containers inside each other by reference', () =>
    check(
      version,
      {},
      `
      n = root.nested()
      out["nested"] = [repr(n), n[0][0], n[1]["k"][0], n[2]["b"], n[2]["a"], len(n[4])]
      mine = object()
      out["echo"] = [root.echo(mine) is mine, root.echo((mine, 1))[0] is mine, root.echo(None), root.echo(2**70), root.echo(b"b"), root.echo(1.5)]
      out["types"] = [type(root.echo(v)).__name__ for v in (1, 1.5, "s", b"b", (1,), None, True, 2**70, frozenset([1]), slice(1), 1j, ...)]
      out["same"] = [root.echo(n) is n, root.Point is root.Point]
      `,
      {
        nested: ["[[1], {'k': [2]}, {'a': None, 'b': True}, 'text', set()]", 1, 2, true, null, 0],
        echo: [true, true, null, 2 ** 70, "b'b'", 1.5],
        types: [
          'int',
          'float',
          'str',
          'bytes',
          'tuple',
          'NoneType',
          'bool',
          'int',
          'frozenset',
          'slice',
          'complex',
          'ellipsis',
        ],
        same: [true, true],
      },
    ));
});
