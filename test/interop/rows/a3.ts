// Section A3: objects of Node, passed by reference, as Python sees them. The Python text runs in Python; `it` is the object.
import * as rpyc from '../../../src/index.ts';
import type { SeenRow } from '../matrix.ts';

const PUBLIC = { allow_public_attrs: true };

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
  exposed_self(): Point {
    return this;
  }
  toString(): string {
    return `(${this.x}|${this.y})`;
  }
}
class Point3 extends Point {}

/** Defines Python's special methods. */
class Money {
  readonly cents: number;
  constructor(cents: number) {
    this.cents = cents;
  }
  __repr__ = () => `Money(${this.cents})`;
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
  __neg__() {
    return new Money(-this.cents);
  }
  __bool__() {
    return this.cents !== 0;
  }
  __int__() {
    return this.cents;
  }
  __float__() {
    return rpyc.float(this.cents / 100);
  }
  __index__() {
    return this.cents;
  }
}
/** RPyC checks no policy before a call; here, `__call__` is offered like any other method. */
class Callable {
  exposed___call__(...args: unknown[]) {
    return rpyc.tuple(...args);
  }
}
class OnlyEqual {
  __eq__() {
    return true;
  }
}
class Bag {
  private readonly held = ['a', 'b'];
  get size() {
    return this.held.length;
  }
  has(item: string) {
    return this.held.includes(item);
  }
  [Symbol.iterator]() {
    return this.held[Symbol.iterator]();
  }
}
/** Iterable, with `get/set/delete/has`: like a Map, without being one. */
class Shelf {
  private readonly held = new Map<unknown, unknown>([['k', 1]]);
  [Symbol.iterator]() {
    return this.held.keys();
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
  has(key: unknown) {
    return this.held.has(key);
  }
}
class Countdown {
  n = 2;
  [Symbol.iterator]() {
    return this;
  }
  next() {
    return this.n-- > 0 ? { done: false, value: this.n } : { done: true, value: undefined };
  }
}
class Resource {
  closed = false;
  [Symbol.dispose]() {
    this.closed = true;
  }
  exposed_closed() {
    return this.closed;
  }
}
class Opened {
  readonly log: string[] = [];
  __enter__() {
    this.log.push('enter');
    return this;
  }
  __exit__(error: unknown) {
    this.log.push(error === null ? 'clean' : 'failed');
    return true;
  }
  exposed_log() {
    return this.log.join();
  }
}
class Owner {
  secret = 5;
  exposed_mine(...args: unknown[]) {
    return rpyc.tuple(this.secret, args.length);
  }
}

function* count(n: number) {
  for (let i = 0; i < n; i++) yield i;
}
async function* ticks(n: number) {
  for (let i = 0; i < n; i++) yield i * 10;
}
function* echoing(): Generator<unknown, void, unknown> {
  let sent: unknown = 'first';
  try {
    for (;;) sent = yield sent;
  } catch (error) {
    yield `caught ${(error as Error).message}`;
  }
}

export const A3: readonly SeenRow[] = [
  {
    id: 'A3.array',
    title: 'an Array is a list',
    it: () => [10, 20, 30],
    python: `
      a = it
      out["is"] = [isinstance(a, list), isinstance(a, dict), bool(a), callable(a)]
      out["read"] = [len(a), a[0], a[-1], list(a), sorted(a, reverse=True), sum(a), max(a), [*a]]
      out["slices"] = [list(a[0:2]), list(a[::-1]), list(a[5:]), a[0:1] is not a]
      out["in"] = [20 in a, 99 in a, None in a]
      out["text"] = [repr(a), str(a)]
      out["errors"] = [raised(lambda: a[5]), raised(lambda: a["x"])[0], raised(hash, a), raised(a.__setitem__, 9, 0), raised(a.__delitem__, 9)]
      out["eq"] = [a == [10, 20, 30], a == a, a != [1]]
      a[0] = 11; a[-1] = 33; del a[1]
      out["written"] = list(a)`,
    expected: {
      is: [true, false, true, true],
      read: [3, 10, 30, [10, 20, 30], [30, 20, 10], 60, 30, [10, 20, 30]],
      slices: [[10, 20], [30, 20, 10], [], true],
      in: [true, false, false],
      text: ['[10, 20, 30]', '[10, 20, 30]'],
      errors: [
        ['IndexError', 'list index out of range'],
        'TypeError',
        ['TypeError', "unhashable type: 'list'"],
        ['IndexError', 'list assignment index out of range'],
        ['IndexError', 'list assignment index out of range'],
      ],
      eq: [false, true, true],
      written: [11, 33],
    },
  },
  {
    id: 'A3.array.empty',
    title: 'an empty Array is false, as an empty list',
    it: () => [],
    python: 'out["empty"] = [bool(it), len(it), list(it), repr(it)]',
    expected: { empty: [false, 0, [], '[]'] },
  },
  {
    id: 'A3.array.methods',
    title: 'the methods of list have the semantics of Python, other names are those of JavaScript',
    config: PUBLIC,
    it: () => [3, 1, 2],
    python: `
      a = it
      a.append(5); a.extend([7, 8]); a.insert(0, 0); a.remove(8)
      out["popped"] = [a.pop(), a.pop(0), list(a)]
      a.sort(); out["sorted"] = list(a)
      a.sort(reverse=True); out["reversed"] = list(a)
      a.reverse()
      out["found"] = [a.index(3), a.count(5), list(a.copy()), raised(a.remove, 99)[0], raised(a.index, 99)[0]]
      a.clear()
      out["cleared"] = [len(a), raised(a.pop)]`,
    expected: {
      popped: [7, 0, [3, 1, 2, 5]],
      sorted: [1, 2, 3, 5],
      reversed: [5, 3, 2, 1],
      found: [2, 1, [1, 2, 3, 5], 'ValueError', 'ValueError'],
      cleared: [0, ['IndexError', 'pop from empty list']],
    },
  },
  {
    id: 'A3.typed-array',
    title: 'a typed array is a list of fixed length',
    config: PUBLIC,
    it: () => new Float64Array([1.5, 2.5]),
    python: `
      it[0] = 4.5
      out["typed"] = [isinstance(it, list), len(it), list(it), it[-1], raised(it.append, 1)[0], repr(it)]`,
    expected: { typed: [true, 2, [4.5, 2.5], 2.5, 'AttributeError', '[4.5, 2.5]'] },
  },
  {
    id: 'A3.map',
    title: 'a Map is a dict',
    it: () =>
      new Map<unknown, unknown>([
        ['a', 1],
        [2, 'two'],
      ]),
    python: `
      m = it
      out["is"] = [isinstance(m, dict), isinstance(m, list), len(m), bool(m), m["a"], m[2], list(m)]
      out["in"] = ["a" in m, 3 in m]
      out["text"] = [repr(m), raised(lambda: m["x"]), raised(hash, m)[0]]
      m["new"] = 5; del m["a"]
      out["written"] = list(m)`,
    expected: {
      is: [true, false, 2, true, 1, 'two', ['a', 2]],
      in: [true, false],
      text: ["{'a': 1, 2: 'two'}", ['KeyError', "'x'"], 'TypeError'],
      written: [2, 'new'],
    },
  },
  {
    id: 'A3.map.methods',
    title: 'the methods of dict on a Map',
    config: PUBLIC,
    it: () => new Map<unknown, unknown>([['a', 1]]),
    python: `
      m = it
      out["read"] = [list(m.keys()), list(m.values()), [tuple(i) for i in m.items()], m.get("zz"), m.get("zz", 1), list(m.copy()), dict(m)]
      out["pop"] = [m.pop("a"), m.pop("a", "gone"), raised(m.pop, "a")[0], m.setdefault("s", 3), m["s"]]
      m.clear(); out["cleared"] = [len(m), bool(m)]`,
    expected: {
      read: [['a'], [1], [['a', 1]], null, 1, ['a'], { a: 1 }],
      pop: [1, 'gone', 'KeyError', 3, 3],
      cleared: [0, false],
    },
  },
  {
    id: 'A3.map.update',
    title: 'dict.update takes what Python gives: a dict, pairs, keywords, another Map',
    config: PUBLIC,
    promises: true, // the items of a dict of Python are asked for
    it: () => rpyc.tuple(new Map<unknown, unknown>([['a', 1]]), new Map([['m', 9]])),
    python: `
      m, other = it
      m.update({"u": 1}); m.update([("p", 2)]); m.update(k=3); m.update(other)
      out["updated"] = [sorted(m), m["u"], m["p"], m["k"], m["m"]]`,
    expected: { updated: [['a', 'k', 'm', 'p', 'u'], 1, 2, 3, 9] },
  },
  {
    id: 'A3.object',
    title: 'a plain object is a dict of its own enumerable data and methods under string keys',
    it: () => ({ host: 'h', port: 80, method: () => 1, [Symbol.for('s')]: 1 }),
    python: `
      d = it
      out["is"] = [isinstance(d, dict), len(d), list(d), d["host"], repr(d), bool(d)]
      out["method"] = [d["method"](), d["method"] is d["method"], raised(d.__setitem__, "method", 1)[0], raised(d.__delitem__, "method")[0]]
      out["hidden"] = ["constructor" in d, raised(lambda: d["__proto__"])[0]]
      d["port"] = 81; d["extra"] = None; del d["host"]
      out["written"] = [list(d), d["port"]]
      out["denied"] = raised(lambda: d.port)[0]`,
    expected: {
      is: [true, 3, ['host', 'port', 'method'], 'h', "{'host': 'h', 'port': 80, 'method': <function method>}", true],
      method: [1, true, 'TypeError', 'TypeError'],
      hidden: [false, 'KeyError'],
      written: [['port', 'method', 'extra'], 81],
      denied: 'AttributeError',
    },
  },
  {
    id: 'A3.object.data',
    title: 'with literal_methods false, a plain object is a dict of its data alone',
    config: { literal_methods: false },
    it: () => ({ host: 'h', method: () => 1 }),
    python: `
      d = it
      out["is"] = [len(d), list(d), repr(d), "method" in d, raised(lambda: d["method"])[0], raised(d.__setitem__, "method", 1)[0]]`,
    expected: { is: [1, ['host'], "{'host': 'h'}", false, 'KeyError', 'TypeError'] },
  },
  {
    id: 'A3.object.public',
    title: 'with allow_public_attrs, a plain object can be splatted and its values read as attributes',
    config: PUBLIC,
    it: () => ({ host: 'h', port: 80 }),
    python: 'out["public"] = [it.host, dict(it), {**it}, sorted(it.keys()), it.pop("nope", "dflt")]',
    expected: {
      public: ['h', { host: 'h', port: 80 }, { host: 'h', port: 80 }, ['host', 'port'], 'dflt'],
    },
  },
  {
    id: 'A3.set',
    title: 'a Set is a set',
    config: PUBLIC,
    it: () => new Set([1, 2, 3]),
    python: `
      s = it
      out["set"] = [isinstance(s, set), len(s), sorted(s), 2 in s, 9 in s, repr(s), raised(hash, s)[0], bool(s)]
      s.add(4); s.discard(1); s.discard(77); s.remove(2)
      out["written"] = [sorted(s), raised(s.remove, 77)[0]]`,
    expected: {
      set: [true, 3, [1, 2, 3], true, false, '{1, 2, 3}', 'TypeError', true],
      written: [[3, 4], 'KeyError'],
    },
  },
  {
    id: 'A3.set.operators',
    title: 'operators of sets make new sets',
    it: () => rpyc.tuple(new Set([1, 2, 3]), new Set([2, 3, 4])),
    python: `
      a, b = it
      out["ops"] = [sorted(a | b), sorted(a & b), sorted(a - b), sorted(a ^ b), isinstance(a | b, set), sorted(a)]`,
    expected: { ops: [[1, 2, 3, 4], [2, 3], [1], [1, 4], true, [1, 2, 3]] },
  },
  {
    id: 'A3.date',
    title: 'a Date is an instance of js.Date',
    config: PUBLIC,
    it: () => new Date(86_400_000),
    python:
      'out["date"] = [it.____id_pack__[0], it.timestamp(), it.isoformat(), int(it), float(it), bool(it), it == it]',
    expected: { date: ['js.Date', 86_400, '1970-01-02T00:00:00.000+00:00', 86_400, 86_400, true, true] },
  },
  {
    id: 'A3.forwarded',
    title: 'a reference to an object of another connection works through us',
    promises: true,
    it: ({ theirs }) => rpyc.tuple(theirs.list, theirs.point, theirs.add),
    python: `
      l, p, add = it
      out["list"] = [len(l), l[0], l[-1], list(l), 2 in l, repr(l), isinstance(l, list)]
      out["point"] = [p.scale(2).z, repr(p), raised(lambda: p.nothing)[0], add(5, 10)]
      l[0] = "changed"
      out["changed"] = l[0]`,
    expected: {
      list: [4, 0, 3, [0, 1, 2, 3], true, '[0, 1, 2, 3]', true],
      point: [6, 'Point(1, 2)', 'AttributeError', 15],
      changed: 'changed',
    },
  },
  {
    id: 'A3.function',
    title: 'a function is a builtin function',
    it:
      () =>
      (...args: unknown[]) =>
        args.length,
    python: `
      import functools, threading
      f = it
      out["calls"] = [f(), f(1, 2, 3), callable(f), list(map(f, [1, 2])), sorted([3, 1], key=f), functools.partial(f, 1)(2)]
      out["cached"] = functools.lru_cache(maxsize=None)(f)(1)
      out["is"] = [hash(f) == hash(f), f == f, bool(f), len({f, f}), isinstance(f, list)]
      out["denied"] = [raised(getattr, f, name)[0] for name in ("length", "name", "prototype", "constructor", "call", "apply", "bind")]`,
    expected: {
      calls: [0, 3, true, [1, 1], [3, 1], 2],
      cached: 1,
      is: [true, true, true, 1, false],
      denied: Array(7).fill('AttributeError'),
    },
  },
  {
    id: 'A3.function.class-attribute',
    title: 'a function can be an attribute of a Python class',
    it:
      () =>
      (...args: unknown[]) =>
        args.length,
    python: `
      class Holder:
          f = it
      out["called"] = [Holder.f(1), Holder().f(1, 2)]`,
    expected: { called: [1, 2] },
  },
  {
    id: 'A3.bound-method',
    title: 'a bound method keeps its object, and is one object however often it is read',
    it: () => new Owner(),
    python: 'm = it.mine\nout["bound"] = [m(1, 2), it.mine is m, it.mine == m, callable(m)]',
    expected: { bound: [[5, 2], true, true, true] },
  },
  {
    id: 'A3.class',
    title: 'a class is constructed by a call, and its instances belong to it',
    it: () => rpyc.tuple(Point, new Point(3, 4), new Money(1)),
    python: `
      P, p, other = it
      made = P(6, 8)
      out["made"] = [made.norm(), p.norm(), callable(P), repr(P)]
      out["is"] = [isinstance(made, P), isinstance(p, P), isinstance(other, P)]`,
    expected: { made: [10, 5, true, "<class 'js.Point'>"], is: [true, true, false] },
  },
  {
    id: 'A3.class.subclass',
    title: 'an instance of a subclass belongs to the class: INSTANCECHECK answers as instanceof',
    it: () => rpyc.tuple(Point, Point3, new Point3(1, 2)),
    python: `
      P, P3, p3 = it
      out["is"] = [isinstance(p3, P3), isinstance(p3, P)]
      out["local"] = raised(isinstance, 5, P)[0]`,
    expected: { is: [true, true], local: 'AttributeError' },
  },
  {
    id: 'A3.iterator',
    title: 'an iterator or generator is a generator',
    it: () => rpyc.tuple(count(4), [7, 8][Symbol.iterator](), count(10 ** 9)),
    python: `
      g, i, endless = it
      out["iterated"] = [next(g), iter(g) is g, list(g), raised(next, g), next(g, "end"), list(i)]
      out["zipped"] = [x for x, _ in zip(endless, range(3))]
      out["is"] = g.____id_pack__[0]`,
    expected: {
      iterated: [0, true, [1, 2, 3], ['StopIteration', ''], 'end', [7, 8]],
      zipped: [0, 1, 2],
      is: 'builtins.generator',
    },
  },
  {
    id: 'A3.iterator.buffered',
    title: 'buffiter reads an iterator ahead',
    it: () => count(2500),
    python: 'out["buffered"] = list(rpyc.buffiter(it)) == list(range(2500))',
    expected: { buffered: true },
  },
  {
    id: 'A3.async-iterator',
    title: 'an async generator is iterated and buffered as any other',
    it: () => rpyc.tuple(ticks(3), ticks(3), ticks(30)),
    python: `
      a, b, c = it
      out["async"] = [list(a), list(zip(range(2), b)), list(rpyc.buffiter(c, 4))[-1]]`,
    expected: {
      async: [
        [0, 10, 20],
        [
          [0, 0],
          [1, 10],
        ],
        290,
      ],
    },
    promises: true,
  },
  {
    id: 'A3.generator.methods',
    title: 'send and close of a generator',
    config: PUBLIC,
    it: () => rpyc.tuple(echoing(), count(3)),
    python: `
      a, c = it
      out["sent"] = [next(a), a.send("x"), a.send(None)]
      next(c); c.close()
      out["closed"] = list(c)`,
    expected: { sent: ['first', 'x', null], closed: [] },
  },
  {
    id: 'A3.generator.throw',
    title: 'throw of a generator',
    config: PUBLIC,
    promises: true, // the exception of Python is asked what it is
    it: () => echoing(),
    python: 'out["thrown"] = [next(it), it.throw(ValueError("v"))]',
    expected: { thrown: ['first', 'caught v'] },
  },
  {
    id: 'A3.instance',
    title: 'an instance has the exposed methods of its class, under the name js.<class>',
    it: () => new Point(3, 4),
    python: `
      p = it
      out["p"] = [p.norm(), p.exposed_norm(), p.self() is p, type(p).__name__.split(".")[-1], p.____id_pack__[0], callable(p), bool(p)]
      out["denied"] = [raised(getattr, p, name)[0] for name in ("x", "toString", "constructor", "nothing")]`,
    expected: { p: [5, 5, true, 'Point', 'js.Point', false, true], denied: Array(4).fill('AttributeError') },
  },
  {
    id: 'A3.instance.attributes',
    title: 'with public attributes, what an instance holds is read, written and deleted',
    config: { allow_public_attrs: true, allow_setattr: true, allow_delattr: true },
    it: () => new Point(3, 4),
    python: `
      p = it
      p.x = 30; p.fresh = "new"
      out["p"] = [p.x, p.y, p.fresh, hasattr(p, "z")]
      del p.fresh
      out["gone"] = hasattr(p, "fresh")`,
    expected: { p: [30, 4, 'new', false], gone: false },
  },
  {
    id: 'A3.error',
    title: 'an Error in a container is an instance of js.Error',
    config: PUBLIC,
    it: () => rpyc.tuple(new Error('text')),
    python: 'e, = it\nout["e"] = [e.____id_pack__[0], e.message]',
    expected: { e: ['js.Error', 'text'] },
  },
  {
    id: 'A3.promise',
    title: 'a Promise as a result is awaited, one in a container is a js.Promise',
    it: () => rpyc.tuple(async () => 'settled', rpyc.tuple(Promise.resolve(1))),
    python: 'f, (p,) = it\nout["p"] = [f(), p.____id_pack__[0]]',
    expected: { p: ['settled', 'js.Promise'] },
    promises: true,
  },
  {
    id: 'A3.names',
    title: 'objects of builtin names answer isinstance without a message',
    it: () => [1],
    python: `
      asked, original = [], conn.sync_request
      conn.sync_request = lambda *request: (asked.append(request), original(*request))[1]
      out["is"] = [isinstance(it, list), len(asked), len(it), len(asked)]
      del conn.sync_request`,
    expected: { is: [true, 0, 1, 1] },
  },
  {
    id: 'A3.ids',
    title: 'ids are never used again, and that of a class has no instance',
    it: () => rpyc.tuple(Point, () => new Point(1, 2)),
    python: `
      P, make = it
      p = make(); first = p.____id_pack__; del p
      p = make(); second = p.____id_pack__
      out["ids"] = [P.____id_pack__[2], first[:2] == second[:2] == P.____id_pack__[:2], first[2] != second[2]]`,
    expected: { ids: [0, true, true] },
  },
  {
    id: 'A3.inspect.call',
    title: 'an object whose class offers __call__ is callable',
    it: () => rpyc.tuple(new Callable(), new Money(1)),
    python: 'out["call"] = [callable(it[0]), it[0](1, "x"), it[0](), callable(it[1])]',
    expected: { call: [true, [1, 'x'], [], false] },
  },
  {
    id: 'A3.inspect.iterable',
    title: 'an object with Symbol.iterator is iterable, with size has a length, with has() answers `in`',
    it: () => new Bag(),
    python:
      'out["bag"] = [len(it), list(it), sorted(it), bool(it), "a" in it, "z" in it, hasattr(type(it), "__next__")]',
    expected: { bag: [2, ['a', 'b'], ['a', 'b'], true, true, false, false] },
  },
  {
    id: 'A3.inspect.iterator',
    title: 'an object with next() is an iterator',
    it: () => new Countdown(),
    python: 'out["next"] = [next(it), list(it), next(it, "end")]',
    expected: { next: [1, [0], 'end'] },
  },
  {
    id: 'A3.inspect.items',
    title: 'an object like a Map has items',
    it: () => new Shelf(),
    python: `
      it["new"] = 2
      out["items"] = [it["k"], it["new"], "k" in it]
      del it["k"]
      out["gone"] = "k" in it`,
    expected: { items: [1, 2, true], gone: false },
  },
  {
    id: 'A3.inspect.operators',
    title: 'the special methods of a class are those of its instances',
    it: () => rpyc.tuple(new Money(100), new Money(250), new Money(0)),
    python: `
      a, b, zero = it
      out["ops"] = [repr(a + b), repr(-a), int(a), float(b), [0] * int(zero), bool(zero), bool(a), a < b, b > a, range(300)[a]]
      out["errors"] = [raised(lambda: a - b)[0], raised(len, a)[0], raised(lambda: a["k"])[0]]`,
    expected: {
      ops: ['Money(350)', 'Money(-100)', 100, 2.5, [], false, true, true, true, 100],
      errors: ['TypeError', 'TypeError', 'TypeError'],
    },
  },
  {
    id: 'A3.inspect.with',
    title: 'an object with Symbol.dispose is a context manager',
    it: () => new Resource(),
    python: `
      with it as r:
          inside = r.closed()
      out["with"] = [inside, it.closed()]`,
    expected: { with: [false, true] },
  },
  {
    id: 'A3.inspect.enter-exit',
    title: '__enter__ and __exit__ are those of Python; a true answer suppresses',
    it: () => new Opened(),
    python: `
      with it:
          pass
      with it:
          raise ValueError("suppressed")
      out["log"] = it.log()`,
    expected: { log: 'enter,clean,enter,failed' },
  },
  {
    id: 'A3.inspect.never-array',
    title: 'nothing pretends to be a numpy array',
    it: () => rpyc.tuple([1], new Point(1, 2), new Float64Array(2)),
    python: `
      names = ("__array__", "__array_interface__", "__array_struct__")
      out["array"] = [n for o in it[:2] for n in names if n != "__array__" and hasattr(o, n)]`,
    expected: { array: [] },
  },
  {
    id: 'A3.str',
    title: 'str() is __str__, else toString of the class, else repr()',
    it: () => rpyc.tuple(new Point(3, 4), new Money(5), new Owner(), { __str__: 1 }),
    python: 'out["str"] = [str(it[0]), str(it[1]), str(it[2]), str(it[3])]',
    expected: { str: ['(3|4)', 'Money(5)', expectText(/^<js\.Owner object.*>$/), "{'__str__': 1}"] },
  },
  {
    id: 'A3.repr',
    title: 'repr() of containers is the text of Python, with cycles and depth bounded',
    it: () => {
      const cycle: unknown[] = [1];
      cycle.push(cycle);
      return rpyc.tuple(
        cycle,
        ['x', null, true, 1.5, Buffer.from('b'), rpyc.tuple(1)],
        [[1], new Map([['k', new Set([2])]])],
        new Point(1, 2),
      );
    },
    python: 'out["repr"] = [repr(o) for o in it]',
    expected: {
      repr: [
        '[1, [...]]',
        "['x', None, True, 1.5, b'b', (1,)]",
        "[[1], {'k': {2}}]",
        expectText(/^<js\.Point object.*>$/),
      ],
    },
  },
  {
    id: 'A3.hash',
    title: 'hash() is __hash__, else the identity; containers and objects with __eq__ alone have none',
    it: () => rpyc.tuple(new Money(7), new Point(1, 2), [], new OnlyEqual()),
    python: `
      m, p, a, e = it
      out["hash"] = [hash(m), hash(p) == hash(p), len({p, p}), raised(hash, a)[0], raised(hash, e)[0]]`,
    expected: { hash: [7, true, 1, 'TypeError', 'TypeError'] },
  },
  {
    id: 'A3.compare',
    title: 'comparisons ask the special methods; != is the inverse of ==; identity where there is none',
    it: () => rpyc.tuple(new Money(1), new Money(1), new Money(2), new OnlyEqual(), new Point(1, 2), new Point(1, 2)),
    python: `
      a, same, b, e, p, q = it
      out["money"] = [a == same, a != same, a == b, a != b, a < b, raised(lambda: a <= b)[0]]
      out["only"] = [e == 5, e != 5]
      out["identity"] = [p == p, p == q, p != q, p == 5, raised(lambda: p < q)[0]]`,
    expected: {
      money: [true, false, false, true, true, 'TypeError'],
      only: [true, false],
      identity: [true, false, true, false, 'TypeError'],
    },
  },
  {
    id: 'A3.bool',
    title: 'truth is __bool__, else the length, else true',
    it: () => rpyc.tuple({}, [], new Map(), new Set(), new Money(0), new Point(0, 0), { a: 1 }, () => 0),
    python: 'out["bool"] = [bool(o) for o in it]',
    expected: { bool: [false, false, false, false, false, true, true, true] },
  },
  {
    id: 'A3.dir',
    title: 'dir() lists what the policy allows',
    it: () => new Point(1, 2),
    python: 'd = dir(it)\nout["dir"] = ["exposed_norm" in d, "constructor" in d, "__proto__" in d, "x" in d]',
    expected: { dir: [true, false, false, false] },
  },
  {
    id: 'A3.doc',
    title: '__doc__ is the doc text of the class, or None',
    it: () => rpyc.tuple(new Point(1, 2), new Owner()),
    python: 'out["doc"] = [it[0].__doc__, it[1].__doc__]',
    expected: { doc: ['A point.', null] },
  },
  {
    id: 'A3.isinstance-local',
    title: 'no object of Node is an instance of a class of Python',
    it: () => new Point(1, 2),
    python: 'class Local: pass\nout["is"] = [isinstance(it, Local), isinstance(it, dict)]',
    expected: { is: [false, false] },
  },
  {
    id: 'A3.call.kwargs',
    title: 'keyword arguments arrive as one trailing object, and only where there are some',
    it:
      () =>
      (...args: any[]) => {
        const named = args.at(-1);
        return typeof named === 'object' && named !== null
          ? rpyc.tuple(args.length, named.x, Object.getPrototypeOf(named) === null)
          : rpyc.tuple(args.length);
      },
    python: 'out["kw"] = [it(1, x=2), it(1), it(), it(x=None), it(**{"x": "é"})]',
    expected: { kw: [[2, 2, true], [1], [0], [1, null, true], [1, 'é', true]] },
  },
  {
    id: 'A3.values',
    title: 'what goes by value arrives as the very type of Python',
    it: () => (value: unknown) => value,
    python: `
      out["types"] = [type(it(v)).__name__ for v in (1, 1.5, "s", b"b", (1,), None, True, 2**70, frozenset([1]), slice(1), 1j, ...)]
      mine = object()
      out["mine"] = [it(mine) is mine, it((mine, 1))[0] is mine]`,
    expected: {
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
      mine: [true, true],
    },
  },
];

function expectText(pattern: RegExp): unknown {
  return {
    asymmetricMatch: (text: unknown) => typeof text === 'string' && pattern.test(text),
    toString: () => String(pattern),
  };
}
