// Python clients of every release, a Node server: the kinds of mapping A3 that are no container, the special methods, and what is not callable.
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, PYTHONS, runClient } from '../support/python.ts';
import { serve } from './nodes.ts';

const events: string[] = [];

class Resource {
  exposed_name = 'r';
  [Symbol.dispose]() {
    events.push('disposed');
  }
}
class AsyncResource {
  async [Symbol.asyncDispose]() {
    await null;
    events.push('async disposed');
  }
}
class Guard {
  __enter__() {
    return 'entered';
  }
  __exit__(raised: unknown) {
    events.push(raised === null ? 'clean' : 'raised');
    return raised !== null;
  }
}
class Vector {
  static doc = 'A vector.';
  readonly items: number[];
  constructor(...items: number[]) {
    this.items = items;
  }
  __len__ = undefined;
  __bool__() {
    return this.items.some((n) => n !== 0);
  }
  __int__() {
    return rpyc.int(this.items[0]);
  }
  __float__() {
    return rpyc.float(this.items[0]);
  }
  __index__() {
    return this.items[0];
  }
  __neg__() {
    return new Vector(...this.items.map((n) => -n));
  }
  __abs__() {
    return Math.hypot(...this.items);
  }
  __add__(other: unknown) {
    return other instanceof Vector ? new Vector(...this.items.map((n, i) => n + other.items[i])) : rpyc.NotImplemented;
  }
  __radd__(other: number) {
    return new Vector(...this.items.map((n) => n + other));
  }
  __iadd__(other: number) {
    for (const i of this.items.keys()) this.items[i] += other;
    return this;
  }
  __matmul__() {
    return 'matmul';
  }
  __contains__(n: unknown) {
    return this.items.includes(n as number);
  }
  __getitem__(at: number | rpyc.Slice) {
    return at instanceof rpyc.Slice ? 'slice' : this.items[at];
  }
  __setitem__(at: number, value: number) {
    this.items[at] = value;
  }
  __delitem__(at: number) {
    this.items.splice(at, 1);
  }
  *__iter__() {
    yield* this.items;
  }
  __eq__(other: unknown) {
    return other instanceof Vector && String(other.items) === String(this.items);
  }
  __str__() {
    return `<${this.items.join(' ')}>`;
  }
}
class Plain {
  static rpycPlain = true;
  exposed_x = 5;
  exposed_twice(n: number) {
    return n * 2;
  }
}
class Lookup {
  private readonly held = new Map<unknown, unknown>([['a', 1]]);
  has(key: unknown) {
    return this.held.has(key);
  }
  get(key: unknown) {
    return this.held.get(key);
  }
  set(key: unknown, value: unknown) {
    this.held.set(key, value);
  }
  delete(key: unknown) {
    return this.held.delete(key);
  }
  get size() {
    return this.held.size;
  }
  [Symbol.iterator]() {
    return this.held.keys();
  }
}
class Animal {}
class Dog extends Animal {}
class Callable {
  __call__() {
    return 'called';
  }
}
class Exposed {
  exposed___call__(...args: unknown[]) {
    return rpyc.tuple(...args);
  }
}

class Kinds extends rpyc.Service {
  exposed_resource = () => new Resource();
  exposed_async_resource = () => new AsyncResource();
  exposed_guard = () => new Guard();
  exposed_vector = (...items: number[]) => new Vector(...items);
  exposed_plain = () => new Plain();
  exposed_Plain = Plain;
  exposed_lookup = () => new Lookup();
  exposed_params = () => new URLSearchParams('a=1&b=2');
  exposed_date = (ms: number) => new Date(ms);
  exposed_regexp = () => /ab+c/gi;
  exposed_error = () => new RangeError('out of it');
  exposed_promise = () => {
    const refused = Promise.reject(new TypeError('refused'));
    refused.catch(() => {});
    return rpyc.tuple(Promise.resolve(7), refused, [Promise.resolve(8)]);
  };
  exposed_animal = Animal;
  exposed_dog = () => new Dog();
  exposed_ints = () => new Int16Array([3, -1, 2]);
  exposed_bigs = () => new BigInt64Array([2n ** 60n, 1n]);
  exposed_callable = () => new Callable();
  exposed_called = () => new Exposed();
  // biome-ignore lint/security/noGlobalEval: to see it refused
  exposed_eval = eval;
  exposed_Function = Function;
  exposed_object = () => ({ host: 'h', port: 1, nested: { a: [1] }, method: () => 1 });
  exposed_events = () => rpyc.tuple(...events.splice(0));
}

async function check(
  version: (typeof PYTHONS)[number],
  config: Record<string, unknown>,
  python: string,
  expected: unknown,
) {
  const { port } = await serve(Kinds, config);
  expect(await runClient(version, port, python, config)).toEqual(expected);
}

describePython.each(PYTHONS)('To a Python client of RPyC %s', (version) => {
  test('what can be disposed is a context manager', () =>
    check(
      version,
      {},
      `
      with root.resource() as r:
          out["name"] = r.name
      out["one"] = root.events()
      with root.async_resource():
          pass
      out["two"] = root.events()
      def failing(manager):
          with manager as entered:
              out["entered"] = repr(entered)
              raise KeyError("inside")
      out["raised"] = [raised(failing, root.resource())[0], root.events(), raised(failing, root.guard()), root.events()]
      with root.guard() as g:
          out["guard"] = g
      out["clean"] = root.events()
      `,
      {
        name: 'r',
        one: ['disposed'],
        two: ['async disposed'],
        entered: "'entered'",
        raised: ['KeyError', ['disposed'], null, ['raised']],
        guard: 'entered',
        clean: ['clean'],
      },
    ));

  test('the special methods of a class are operators', () =>
    check(
      version,
      {},
      `
      v, w = root.vector(3, 4), root.vector(1, 1)
      out["num"] = [bool(v), bool(root.vector(0)), int(v), float(v), [10, 20, 30, 40][v], abs(v), str(-v), hex(v)]
      out["ops"] = [str(v + w), str(5 + v), raised(lambda: v + 5)[0], raised(lambda: v - w)[0], raised(lambda: v @ w)]
      v += 10
      out["in place"] = str(v)
      v[0] = 1
      del v[1]
      out["items"] = [str(v), v[0], v[0:1], 1 in v, 9 in v, list(w), [x for x in w]]
      out["eq"] = [w == root.vector(1, 1), w != root.vector(1, 1), w == root.vector(2), w != 5, raised(hash, w)[0], raised(lambda: w < w)[0]]
      out["doc"] = [w.__doc__, root.dog().__doc__]
      out["dir"] = [n in dir(w) for n in ("__add__", "__bool__", "items", "constructor", "hasOwnProperty")]
      out["len"] = raised(len, w)[0]
      out["format"] = [f"{w}", "{}".format(w), "%s" % w]
      `,
      {
        num: [true, false, 3, 3, 40, 5, '<-3 -4>', '0x3'],
        ops: ['<4 5>', '<8 9>', 'TypeError', 'TypeError', ['TypeError', expect.stringContaining('@')]],
        'in place': '<13 14>',
        items: ['<1>', 1, 'slice', true, false, [1, 1], [1, 1]],
        eq: [true, false, false, true, 'TypeError', 'TypeError'],
        doc: ['A vector.', null],
        dir: [true, true, false, false, false],
        len: 'TypeError',
        format: ['<1 1>', '<1 1>', '<1 1>'],
      },
    ));

  test('a Map-like class is looked up in, as URLSearchParams is', () =>
    check(
      version,
      {},
      `
      m, p = root.lookup(), root.params()
      m["b"] = 2
      out["m"] = [len(m), m["a"], "a" in m, "z" in m, list(m), raised(lambda: m["z"])[0], bool(m)]
      del m["a"]
      out["after"] = [list(m), raised(m.__delitem__, "a")[0], raised(lambda: m.get)[0]]
      out["p"] = [p["a"], "b" in p, "c" in p, len(p), str(p), [tuple(i) for i in p]]
      `,
      {
        m: [2, 1, true, false, ['a', 'b'], 'KeyError', true],
        after: [['b'], 'KeyError', 'AttributeError'],
        p: [
          '1',
          true,
          false,
          2,
          expect.any(String),
          [
            ['a', '1'],
            ['b', '2'],
          ],
        ],
      },
    ));

  test('a Date has an order, a hash, a timestamp and ISO text', () =>
    check(
      version,
      {},
      `
      import datetime
      a, b = root.date(0), root.date(86400000)
      out["text"] = [str(a), repr(a).startswith("<js.Date object"), a.isoformat(), b.timestamp(), float(b), int(b)]
      out["cmp"] = [a < b, a > b, a == root.date(0), a != root.date(0), hash(a) == hash(root.date(0)), a == 5]
      out["python"] = str(datetime.datetime.fromisoformat(a.isoformat()))
      out["denied"] = [raised(lambda: a.getTime)[0], raised(lambda: a.constructor)[0], raised(setattr, a, "x", 1)[0]]
      `,
      {
        text: ['1970-01-01T00:00:00.000Z', true, '1970-01-01T00:00:00.000+00:00', 86400, 86400, 86400],
        cmp: [true, false, true, false, true, false],
        python: '1970-01-01 00:00:00+00:00',
        denied: ['AttributeError', 'AttributeError', 'AttributeError'],
      },
    ));

  test('RegExp, Error and Promise are objects of js', () =>
    check(
      version,
      {},
      `
      r, e = root.regexp(), root.error()
      out["text"] = [str(r), repr(r), str(e), repr(e), type(e).__name__.split(".")[-1]]
      good, bad, within = root.promise()
      out["promise"] = [good.result(), raised(bad.result)[0], within[0], raised(lambda: good.then)[0], type(good).__name__.split(".")[-1]]
      `,
      {
        text: ['/ab+c/gi', '/ab+c/gi', 'out of it', "RangeError('out of it')", 'RangeError'],
        promise: [7, 'TypeError', 8, 'AttributeError', 'Promise'],
      },
    ));

  test('a class is asked for its instances, subclasses included', () =>
    check(
      version,
      {},
      `
      A, d = root.animal, root.dog()
      out["is"] = [isinstance(d, A), isinstance(A(), A), isinstance(root.lookup(), A), callable(A), repr(A), A == root.animal, hash(A) == hash(root.animal)]
      p = root.plain()
      out["plain"] = [p.x, p.twice(4), isinstance(p, root.Plain), repr(p).startswith("<js.Plain object")]
      `,
      {
        is: [true, true, false, true, "<class 'js.Animal'>", true, true],
        plain: [5, 8, true, true],
      },
    ));

  test('typed arrays keep their type and their length', () =>
    check(
      version,
      { allow_public_attrs: true },
      `
      t, b = root.ints(), root.bigs()
      t[0] = 7
      out["items"] = [list(t), t[-1], list(t[1:]), sorted(t), sum(t), t.index(2), 7 in t, repr(t), t == root.ints(), b[0] == 2 ** 60]
      out["errors"] = [raised(t.__setitem__, 0, "x"), raised(t.__setitem__, 0, 70000)[0], raised(t.__setitem__, 0, 1.5)[0], raised(t.append, 1)[0], raised(t.__delitem__, 0)[0], raised(t.pop)[0], list(t)]
      t.sort(); b[1] = 5; t.reverse()
      out["sorted"] = [list(t), list(b)[1]]
      `,
      {
        items: [[7, -1, 2], 2, [-1, 2], [-1, 2, 7], 8, 2, true, '[7, -1, 2]', false, true],
        errors: [
          ['TypeError', expect.stringContaining('must be real number, not str')],
          'OverflowError',
          'OverflowError',
          'AttributeError',
          'AttributeError',
          'AttributeError',
          [7, -1, 2],
        ],
        sorted: [[7, 2, -1], 5],
      },
    ));

  test('only what exposes __call__ is called, and never what makes code of text', () =>
    check(
      version,
      {},
      `
      c, e = root.callable(), root.called()
      out["c"] = [callable(c), raised(lambda: conn.sync_request(7, c, ()))]
      out["e"] = [callable(e), e(1, "x")]
      out["code"] = [raised(lambda: root.eval("1"))[0], raised(lambda: root.Function("return 1"))[0]]
      out["none"] = raised(lambda: conn.sync_request(7, root.dog(), ()))
      `,
      {
        c: [false, ['AttributeError', expect.stringContaining("cannot access '__call__'")]],
        e: [true, [1, 'x']],
        code: ['AttributeError', 'AttributeError'],
        none: ['TypeError', expect.stringContaining("'Dog' object is not callable")],
      },
    ));

  const ALL = ['host', 'method', 'nested', 'port'];
  test('a plain object is unpacked where public attributes are allowed', () =>
    check(
      version,
      { allow_public_attrs: true },
      `
      o = root.object()
      out["dict"] = [sorted(dict(o)), sorted({**o}), (lambda **k: sorted(k))(**o), dict(o)["nested"]["a"][0], "%(host)s:%(port)d" % o, dict(o)["method"]()]
      `,
      {
        dict: [ALL, ALL, ALL, 1, 'h:1', 1],
      },
    ));
});
