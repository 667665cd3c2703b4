// Object literals with methods in a peer's hands (mapping G1): a Node client in both faces, and Python clients of every release.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { type NodePeer, startNode } from '../support/node.ts';
import { Owner } from '../support/owner.ts';
import { describePython, PYTHONS, runClient } from '../support/python.ts';
import { connect, FACES, items, raised, rootOf, run, type Steps } from './faces.ts';
import { serve } from './nodes.ts';

const { exceptions } = rpyc;

/** Items of `literal()` in owner.ts that a peer sees, in order. */
const SHOWN = ['x', 'hi', 'arrow', 'later', 'count', 'fail', 'failLater', 'named', 'Point', 'inner', 'get', 'items'];

describe.each(FACES)('A literal of a Node server, to a Node client, %s,', (face) => {
  let server: NodePeer;
  let old: NodePeer;
  beforeAll(async () => {
    server = await startNode({}, 'owner-server.ts');
    old = await startNode({ config: { literal_methods: false } }, 'owner-server.ts');
  });
  afterAll(async () => {
    await server.stop();
    await old.stop();
  });

  const check = (name: string, steps: (root: any, conn: rpyc.Connection) => Steps, of = () => server) =>
    test(name, async () => {
      const conn = await connect(face, of().port);
      try {
        await run(face, steps(rootOf(face, conn), conn));
      } finally {
        await conn.close();
      }
    });

  check('has its methods, which see the object as `this`', function* (root) {
    const obj = yield root.obj();
    expect(yield obj.hi()).toBe(1);
    const hi = yield obj.hi;
    expect(yield hi()).toBe(1);
    expect(yield obj.arrow(2, 3)).toBe(5);
    expect(yield obj.later(4)).toBe(5);
    expect(yield obj.named(rpyc.kwargs({ by: 7 }))).toBe(7);
    const inner = yield obj.inner;
    expect(yield inner.deep()).toBe('deep');
    const bare = yield root.bare();
    expect(yield bare.hi()).toBe('bare');
  });

  check('has generators and classes among them', function* (root) {
    const obj = yield root.obj();
    expect(yield* items({ face }, yield obj.count(3))).toEqual([0, 1, 2]);
    const point = yield obj.Point(4);
    expect(yield point.x).toBe(4);
  });

  check('throws what its methods throw or reject with', function* (root) {
    const obj = yield root.obj();
    expect(yield* raised(() => obj.fail())).toMatchObject({ message: 'the method threw' });
    expect(yield* raised(() => obj.failLater())).toMatchObject({ message: 'the method rejected' });
  });

  check('has a method named like one of a dict', function* (root) {
    const obj = yield root.obj();
    expect(yield obj.get('k')).toBe('got k');
    const get = yield obj.get;
    expect(yield get('k')).toBe('got k');
    for (const name of ['keys', 'items'])
      expect(yield* raised(() => rpyc.getattr(obj, name)), name).toBeInstanceOf(exceptions.AttributeError);
    const own = yield rpyc.getitem(obj, 'items');
    expect(yield own()).toBe('own items');
  });

  check('hands out one function a method, counted exactly', function* (root) {
    const obj = yield root.obj();
    const base = yield root.refs();
    const first = yield obj.hi;
    const second = yield obj.hi;
    expect(first).toBe(second);
    expect(yield root.refs()).toBe(base + 1);
    rpyc.release(first);
    rpyc.release(second);
    expect(yield root.refs()).toBe(base);
    expect(yield obj.hi()).toBe(1);
  });

  check('counts its methods among its items', function* (root) {
    const obj = yield root.obj();
    expect(yield rpyc.len(obj)).toBe(SHOWN.length);
    expect(yield* items({ face }, obj)).toEqual(SHOWN);
    expect(yield rpyc.contains(obj, 'hi')).toBe(true);
    for (const name of ['accessor', 'code', 'Make', 'toString', 'constructor'])
      expect(yield rpyc.contains(obj, name), name).toBe(false);
    const text: string = yield rpyc.repr(obj);
    expect(text).toContain("'hi': <function hi>");
    expect(text).not.toMatch(/accessor|eval|Make/);
  });

  check('keeps its methods when the peer would replace or delete them', function* (root) {
    const obj = yield root.shared();
    const cannot = {
      message: expect.stringMatching(/'hi' is a method of this object: it cannot be (replaced|deleted)/),
    };
    expect(yield* raised(() => rpyc.setitem(obj, 'hi', 5))).toMatchObject(cannot);
    expect(yield* raised(() => rpyc.setitem(obj, 'hi', () => 6))).toMatchObject(cannot);
    expect(yield* raised(() => rpyc.delitem(obj, 'hi'))).toMatchObject(cannot);
    expect(yield obj.hi()).toBe(1);
    yield rpyc.setitem(obj, 'x', 2);
    expect(yield obj.hi()).toBe(2);
    yield rpyc.setitem(obj, 'x', 1);
  });

  check('gives back as itself a function that the peer put there, and lets it go', function* (root) {
    const obj = yield root.obj();
    const mine = () => 'mine';
    yield rpyc.setitem(obj, 'cb', mine);
    expect(yield obj.cb).toBe(mine);
    yield rpyc.setitem(obj, 'cb', 5);
    expect(yield obj.cb).toBe(5);
    const theirs = yield root.ours();
    yield rpyc.setitem(obj, 'again', theirs);
    expect(yield obj.again).toBe(theirs);
    expect(yield obj.again()).toBe('ours');
    yield rpyc.delitem(obj, 'again');
    expect(yield rpyc.contains(obj, 'again')).toBe(false);
    expect(yield* raised(() => rpyc.setitem(obj, 'then', mine))).toMatchObject({
      message: expect.stringContaining('then'),
    });
  });

  check('shows nothing under a forbidden name, nor a method named then', function* (root) {
    const [obj] = yield root.forbidden();
    expect(yield rpyc.len(obj)).toBe(0);
    expect(yield* items({ face }, obj)).toEqual([]);
    for (const name of ['__proto__', 'constructor', 'prototype', 'caller', '_rpyc_getattr', 'then']) {
      expect(yield* raised(() => rpyc.getitem(obj, name)), name).toBeInstanceOf(exceptions.KeyError);
      expect(yield* raised(() => rpyc.getattr(obj, name)), name).toBeInstanceOf(exceptions.AttributeError);
      expect(yield* raised(() => rpyc.setitem(obj, name, () => 1)), name).toBeInstanceOf(Error);
    }
  });

  check('is copied without its methods', function* (root) {
    const copy = yield rpyc.value(yield root.obj());
    expect(copy).toEqual(
      new Map<string, unknown>([
        ['x', 1],
        ['inner', new Map()],
      ]),
    );
    const kept = yield rpyc.value(yield root.bare(), { others: 'keep' });
    expect(yield kept.get('hi')()).toBe('bare');
    expect(yield root.by_value()).toEqual([['a', 1]]);
  });

  check(
    'hides its methods where literal_methods is false',
    function* (root) {
      const obj = yield root.obj();
      expect(yield* items({ face }, obj)).toEqual(['x', 'inner']);
      expect(yield rpyc.repr(obj)).toBe("{'x': 1, 'inner': {}}");
      expect(yield obj.hi).toBeUndefined();
      expect(yield* raised(() => rpyc.getattr(obj, 'hi'))).toBeInstanceOf(exceptions.AttributeError);
      expect(yield* raised(() => obj.get('k'))).toBeInstanceOf(exceptions.AttributeError);
      expect(yield* raised(() => rpyc.setitem(obj, 'hi', 5))).toMatchObject({
        message: expect.stringContaining("'hi' cannot be replaced"),
      });
      const mine = () => 'mine';
      yield rpyc.setitem(obj, 'cb', mine);
      expect(yield obj.cb).toBe(mine);
    },
    () => old,
  );
});

describePython.each(PYTHONS)('A literal of a Node server, to a Python client of RPyC %s,', (version) => {
  test('has methods as items, which are called, count, and stay', async () => {
    const { port } = await serve(Owner);
    const out = await runClient(
      version,
      port,
      `
      obj = root.obj()
      out["called"] = [obj["hi"](), obj["arrow"](2, 3), obj["later"](4), list(obj["count"](3)), obj["named"](by=7), obj["inner"]["deep"]()]
      out["attribute"] = [obj.hi(), obj.later(4)]
      out["class"] = obj["Point"](4).x
      out["same"] = [obj["hi"] is obj["hi"], obj.hi is obj["hi"]]
      out["items"] = [len(obj), list(obj), "hi" in obj, "accessor" in obj, "code" in obj, callable(obj["hi"])]
      out["repr"] = "'hi': <function hi>" in repr(obj)
      out["threw"] = [raised(obj["fail"])[0].split(".")[-1], "the method threw" in raised(obj["fail"])[1], "the method rejected" in raised(obj["failLater"])[1]]
      out["kept"] = [raised(obj.__setitem__, "hi", 5)[1].split("\\n")[0], raised(obj.__delitem__, "hi")[1].split("\\n")[0]]
      f = lambda: "mine"
      obj["cb"] = f
      out["mine"] = [obj["cb"] is f, obj["cb"]()]
      del obj["cb"]
      out["gone"] = "cb" in obj
      out["missing"] = raised(lambda: obj["nothing"])[0]
      (bad,) = root.forbidden()
      out["forbidden"] = [len(bad), raised(lambda: bad["constructor"])[0], raised(lambda: bad["then"])[0], raised(lambda: bad.constructor)[0]]
      out["by value"] = dict(root.by_value())
      `,
    );
    expect(out).toEqual({
      called: [1, 5, 5, [0, 1, 2], 7, 'deep'],
      attribute: [1, 5],
      class: 4,
      same: [true, true],
      items: [SHOWN.length, SHOWN, true, false, false, true],
      repr: true,
      threw: ['ValueError', true, true],
      kept: [
        "'hi' is a method of this object: it cannot be replaced",
        "'hi' is a method of this object: it cannot be deleted",
      ],
      mine: [true, 'mine'],
      gone: false,
      missing: 'KeyError',
      forbidden: [0, 'KeyError', 'KeyError', 'AttributeError'],
      'by value': { a: 1 },
    });
  });

  test('has the methods of a dict with public attributes, over which its own win; a copy has all items', async () => {
    const { port } = await serve(Owner, { allow_public_attrs: true, allow_setattr: true, allow_delattr: true });
    const out = await runClient(
      version,
      port,
      `
      obj = root.obj()
      out["keys"] = [list(obj.keys()), dict(list(obj.items()))["x"], obj["items"]()]
      out["own"] = obj.get("k")
      d = dict(obj)
      out["dict"] = [list(d), d["hi"]()]
      c = obj.copy()
      out["copy"] = [list(c), c["hi"](), c["hi"] is obj["hi"]]
      c.update(root.obj())
      out["update"] = c["hi"]()
      shared = root.shared()
      said = "is a method of this object"
      out["refused"] = [said in raised(f, *a)[1] for f, a in (
          (setattr, (shared, "hi", 1)), (delattr, (shared, "hi")), (shared.pop, ("hi",)), (shared.clear, ()), (shared.popitem, ()),
          (shared.update, ({"hi": 1},)), (shared.update, ([("hi", 1)],)))]
      out["setdefault"] = shared.setdefault("hi", 1)()
      out["whole"] = len(shared)
      `,
    );
    expect(out).toEqual({
      keys: [SHOWN, 1, 'own items'],
      own: 'got k',
      dict: [SHOWN, 1],
      copy: [SHOWN, 1, true],
      update: 1,
      refused: [true, true, true, true, true, true, true],
      setdefault: 1,
      whole: SHOWN.length,
    });
  });

  test('hides them where literal_methods is false', async () => {
    const { port } = await serve(Owner, { literal_methods: false, allow_public_attrs: true });
    const out = await runClient(
      version,
      port,
      `
      obj = root.obj()
      out["r"] = [len(obj), list(obj), "hi" in obj, raised(lambda: obj["hi"])[0], repr(obj), list(obj.copy()), obj.get("x")]
      empty = root.list()
      target = root.obj()
      target.update(obj)
      out["update"] = list(target)
      `,
    );
    expect(out).toEqual({
      r: [2, ['x', 'inner'], false, 'KeyError', "{'x': 1, 'inner': {}}", ['x', 'inner'], 1],
      update: ['x', 'inner'],
    });
  });
});
