// Node client, Python objects: containers, iteration, class instances, held callables, identity, release, operators and
// helpers, in both faces (mapping B).
import { inspect } from 'node:util';
import { expect } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describeClients, items, raised, raisedIn, settled } from './faces.ts';

const { AttributeError, IndexError, KeyError, TypeError: PyTypeError } = rpyc.exceptions;
const CONFIG = { allow_public_attrs: true, allow_setattr: true, allow_delattr: true };

describeClients('Containers', CONFIG, (check) => {
  check('a list has length, items, slices, membership and copies', function* ({ root }) {
    const list = yield root.make_list(5);
    expect(typeof list).toBe('object');
    expect(yield rpyc.len(list)).toBe(5);
    expect(yield list[1]).toBe(1);
    expect(yield rpyc.getitem(list, -1)).toBe(4);
    yield rpyc.setitem(list, 0, 'first');
    yield rpyc.delitem(list, -1);
    expect(yield rpyc.toArray(list)).toEqual(['first', 1, 2, 3]);
    const part = yield rpyc.getitem(list, rpyc.slice(1, 3));
    expect(yield rpyc.toArray(part)).toEqual([1, 2]);
    yield rpyc.setitem(list, rpyc.slice(0, 2), rpyc.tuple(9));
    yield rpyc.delitem(list, rpyc.slice(2, null));
    expect(yield rpyc.toArray(list)).toEqual([9, 2]);
    expect(yield rpyc.contains(list, 9)).toBe(true);
    expect(yield rpyc.contains(list, 'first')).toBe(false);
    yield list.append(null);
    expect(yield rpyc.repr(list)).toBe('[9, 2, None]');
    expect(yield* raised(() => rpyc.getitem(list, 3))).toBeInstanceOf(IndexError);
    expect(yield* raised(() => rpyc.getitem(list, 'x'))).toBeInstanceOf(PyTypeError);
    expect(yield* raised(() => rpyc.hash(list))).toBeInstanceOf(PyTypeError);
  });

  check('a dict has items under any key, and its names read as keys', function* ({ root }) {
    const dict = yield root.make_dict(2);
    expect(yield rpyc.getitem(dict, 'k0')).toBe(0);
    expect(yield dict.k1).toBe(1);
    expect(yield dict.missing).toBeUndefined();
    yield rpyc.setitem(dict, rpyc.tuple(1, 'x'), 2.5);
    expect(yield rpyc.getitem(dict, rpyc.tuple(1, 'x'))).toBe(2.5);
    yield rpyc.delitem(dict, 'k0');
    expect(yield rpyc.contains(dict, 'k0')).toBe(false);
    expect(yield rpyc.len(dict)).toBe(2);
    expect(yield dict.get('k0', 'none')).toBe('none');
    expect(yield rpyc.toArray(yield dict.items())).toEqual([
      ['k1', 1],
      [[1, 'x'], 2.5],
    ]);
    expect(yield rpyc.toArray(yield dict.keys())).toEqual(['k1', [1, 'x']]);
    const error = yield* raised(() => rpyc.getitem(dict, 'k0'));
    expect(error).toBeInstanceOf(KeyError);
    expect(error.args).toEqual(['k0']);
  });

  check('a set has length, membership and methods', function* ({ root }) {
    const set = yield root.make_set(3);
    yield set.add('more');
    expect(yield rpyc.len(set)).toBe(4);
    expect(yield rpyc.contains(set, 2)).toBe(true);
    yield set.discard(2);
    expect(yield rpyc.contains(set, 2)).toBe(false);
    expect(new Set(yield rpyc.toArray(set))).toEqual(new Set([0, 1, 'more']));
    yield set.clear();
    expect(yield rpyc.bool(set)).toBe(false);
  });

  check('lists, dicts, sets, views and ranges are iterated', function* (client) {
    const { root } = client;
    const numbers = Array.from({ length: 2500 }, (_, i) => i);
    expect(yield* items(client, yield root.make_list(2500))).toEqual(numbers);
    expect(yield* items(client, yield root.make_dict(3))).toEqual(['k0', 'k1', 'k2']);
    expect(new Set(yield* items(client, yield root.make_set(3)))).toEqual(new Set([0, 1, 2]));
    const dict = yield root.make_dict(2);
    expect(yield* items(client, yield dict.items())).toEqual([
      ['k0', 0],
      ['k1', 1],
    ]);
    expect(yield* items(client, yield root.eval('range(2500)'))).toEqual(numbers);
    expect(yield* items(client, yield root.make_list(0))).toEqual([]);
  });

  check('a generator is iterated item by item, and a break swallows nothing', function* (client) {
    const generator = yield client.root.generator(5);
    expect(yield* items(client, generator, 2)).toEqual([0, 1]);
    expect(yield* items(client, generator)).toEqual([2, 3, 4]);
    expect(yield* items(client, generator)).toEqual([]);
  });

  check('an error inside a generator ends the loop with it', function* (client) {
    const generator = yield client.root.eval('(1 // (2 - i) for i in range(5))');
    const error = yield* raisedIn(items(client, generator));
    expect(error).toBeInstanceOf(rpyc.exceptions.ZeroDivisionError);
  });

  check('an iteration that ends or breaks gives its iterator back', function* (client) {
    const { root } = client;
    const list = yield root.make_list(50);
    const generator = yield root.generator(3);
    const before = yield root.get_refs();
    expect((yield* items(client, list, 3)).length).toBe(3);
    expect((yield* items(client, list)).length).toBe(50);
    expect((yield* items(client, generator, 1)).length).toBe(1);
    expect(yield root.get_refs()).toBe(before);
  });

  check('buffiter reads ahead in growing chunks', function* (client) {
    const { root, conn } = client;
    const generator = yield root.generator(1000);
    const before = conn.stats.messagesOut;
    expect((yield* items(client, rpyc.buffiter(generator, { chunk: 100, maxChunk: 400 }))).length).toBe(1000);
    // 100 + 200 + 400 + 300, and the empty answer at the end; a generator is its own iterator
    expect(conn.stats.messagesOut - before).toBe(5);
    expect(yield rpyc.toArray(yield root.generator(2000))).toHaveLength(2000);
    const ahead = yield root.generator(10);
    expect(yield* items(client, rpyc.buffiter(ahead, { chunk: 4 }), 1)).toEqual([0]);
    expect(yield* items(client, ahead)).toEqual([4, 5, 6, 7, 8, 9]);
    expect(() => rpyc.buffiter(ahead, { chunk: 0 })).toThrow(RangeError);
  });
});

describeClients('Instances', CONFIG, (check) => {
  check('attributes are read, set and deleted', function* ({ root, face }) {
    const point = yield root.make_point(3, 4);
    expect(yield point.x).toBe(3);
    expect(yield point.z).toBe(7);
    expect(yield point.norm()).toBe(5);
    yield rpyc.setattr(point, 'x', 30);
    expect(yield rpyc.getattr(point, 'x')).toBe(30);
    yield rpyc.setattr(point, 'fresh', { ours: true });
    expect(yield point.fresh).toEqual({ ours: true });
    yield rpyc.delattr(point, 'fresh');
    expect(yield rpyc.hasattr(point, 'fresh')).toBe(false);
    expect(yield rpyc.hasattr(point, 'x')).toBe(true);
    expect(yield rpyc.getattr(point, 'fresh', 'otherwise')).toBe('otherwise');
    if (face === 'blocking') {
      point.more = 40;
      expect(point.more).toBe(40);
      expect('more' in point).toBe(true);
      delete point.more;
      expect('more' in point).toBe(false);
    } else {
      expect(() => {
        point.y = 40;
      }).toThrow('use await setattr');
      expect(() => delete point.y).toThrow('use await delattr');
      expect('y' in point).toBe(false);
    }
  });

  check('missing and denied attributes are AttributeErrors', function* ({ root }) {
    const point = yield root.make_point(1, 2);
    const missing = yield* raised(() => rpyc.getattr(point, 'nope'));
    expect(missing).toBeInstanceOf(AttributeError);
    expect(missing.message).toContain("'Point' object has no attribute 'nope'");
    expect(yield* raised(() => point.nope)).toBeInstanceOf(AttributeError);
    const denied = yield* raised(() => point._hidden);
    expect(denied).toBeInstanceOf(AttributeError);
    expect(denied.message).toContain("cannot access '_hidden'");
    expect(yield* raised(() => root.no_such_method(1))).toBeInstanceOf(AttributeError);
    expect(yield* raised(() => rpyc.setattr(root, 'const', 1))).toBeInstanceOf(AttributeError);
    expect(yield* raised(() => rpyc.delattr(root, 'const'))).toBeInstanceOf(AttributeError);
  });

  check('helpers answer as the Python builtins', function* ({ root }) {
    const point = yield root.make_point(1, 2);
    const equal = yield root.make_point(1, 2);
    expect(yield rpyc.len(point)).toBe(2);
    expect(yield rpyc.str(point)).toBe('<1,2>');
    expect(yield rpyc.repr(point)).toBe('Point(1, 2)');
    expect(yield rpyc.hash(point)).toBe(yield rpyc.hash(equal));
    expect(yield rpyc.dir(point)).toEqual(expect.arrayContaining(['x', 'y', 'norm', 'exposed_z']));
    expect(yield rpyc.bool(point)).toBe(true);
    expect(yield point[1]).toBe(2);
    expect(yield rpyc.isinstance(point, root.Point)).toBe(true);
    expect(yield rpyc.isinstance(yield root.make_list(1), root.Point)).toBe(false);
  });

  check('a blocking reference converts to text and number by asking', function* ({ root, face }) {
    const point = yield root.make_point(1, 2);
    const decimal = yield root.eval('__import__("decimal").Decimal("2.5")');
    if (face === 'blocking') {
      expect(`${point}`).toBe('<1,2>');
      expect(+decimal).toBe(2.5);
    } else expect(`${point}`).toMatch(/^\[netref server\.Point #\d+\]$/);
  });

  check('classes are constructed and called, and callables held', function* ({ root }) {
    const point = yield new root.Point(1, 2);
    expect(yield rpyc.repr(point)).toBe('Point(1, 2)');
    const Point = yield rpyc.getattr(root, 'Point');
    expect(yield rpyc.repr(yield new Point(3, 4))).toBe('Point(3, 4)');
    expect(yield rpyc.repr(yield Point(5, 6))).toBe('Point(5, 6)');
    expect(yield point(1, rpyc.kwargs({ k: 2 }))).toEqual([[1], [['k', 2]]]);
    const fn = yield root.make_function();
    expect(typeof fn).toBe('function');
    expect(yield fn(1, 'b', rpyc.kwargs({ y: null }))).toEqual([[1, 'b'], [['y', null]]]);
    const add = yield rpyc.getattr(root, 'add');
    expect(yield add(5, 10)).toBe(15);
    const scaled = yield point.scale(10);
    expect(yield rpyc.repr(scaled)).toBe('Point(10, 20)');
  });

  check('operators work as in Python', function* ({ root }) {
    const [a, b, c] = [yield root.make_point(1, 2), yield root.make_point(1, 2), yield root.make_point(3, 4)];
    expect(yield rpyc.op.eq(a, b)).toBe(true);
    expect(yield rpyc.op.eq(a, c)).toBe(false);
    expect(yield rpyc.op.ne(a, c)).toBe(true);
    expect(yield rpyc.op.eq(a, 5)).toBe(false);
    expect(yield* raised(() => rpyc.op.lt(a, c))).toBeInstanceOf(PyTypeError);
    const two = yield root.eval('__import__("decimal").Decimal("2")');
    expect(yield rpyc.str(yield rpyc.op.add(two, 3))).toBe('5');
    expect(yield rpyc.str(yield rpyc.op.mul(two, two))).toBe('4');
    expect(yield rpyc.str(yield rpyc.op.neg(two))).toBe('-2');
    expect(yield rpyc.op.ge(two, 2)).toBe(true);
    expect(yield rpyc.op.lt(two, two)).toBe(false);
    expect(yield* raised(() => rpyc.op.add(two, 'x'))).toBeInstanceOf(PyTypeError);
    const sum = yield rpyc.op.add(yield root.make_list(1), yield root.make_list(2));
    expect(yield rpyc.toArray(sum)).toEqual([0, 0, 1]);
  });
});

describeClients('References', CONFIG, (check) => {
  check('one object is one reference in a face, and the same across faces', function* ({ root }) {
    const point = yield root.make_point(1, 2);
    yield root.hold(point);
    expect(yield root.held()).toBe(point);
    expect(yield root.echo(point)).toBe(point);
    const [sync, awaitable] = [rpyc.sync(point), rpyc.awaitable(point)];
    expect(sync === awaitable).toBe(false);
    expect(point === sync || point === awaitable).toBe(true);
    expect(rpyc.same(sync, awaitable)).toBe(true);
    expect(rpyc.same(sync, yield root.make_point(1, 2))).toBe(false);
    yield root.drop();
  });

  check('our own objects come back as themselves', function* ({ root }) {
    class Own {}
    const callback = () => 1;
    for (const own of [{}, [], new Map(), new Set(), new Own(), Own, callback, new Date(0), new Float64Array(2)]) {
      expect(yield root.echo(own)).toBe(own);
      expect((yield root.echo(rpyc.tuple(own)))[0]).toBe(own);
    }
  });

  check('looking at a reference makes no traffic', function* ({ root, conn, face }) {
    const point = yield root.make_point(1, 2);
    const list = yield root.make_list(1);
    const before = conn.stats.messagesOut;
    for (const ref of [point, list, root]) {
      expect(inspect(ref)).toMatch(/^\[netref /);
      expect(JSON.stringify({ ref })).toMatch(/^\{"ref":"\[netref /);
      expect(Object.keys(ref)).toEqual([]);
      expect(Object.prototype.toString.call(ref)).toMatch(/^\[object /);
      expect(ref.then).toBeUndefined();
      expect(ref.constructor).toBeUndefined();
      expect(ref[Symbol.for('anything')]).toBeUndefined();
      expect(ref instanceof Promise).toBe(false);
      expect(yield settled(Promise.resolve(ref))).toBe(ref);
    }
    if (face === 'awaiting') expect(inspect(root.const)).toMatch(/^\[netref path/);
    expect(conn.stats.messagesOut - before).toBe(0);
  });

  check('counts are exact: what is released is gone at the peer', function* ({ root }) {
    const base = yield root.get_refs();
    const points = [];
    for (let i = 0; i < 100; i++) points.push(yield root.make_point(i, i));
    expect(yield root.get_refs()).toBe(base + 100);
    for (const point of points) rpyc.release(point);
    expect(yield root.get_refs()).toBe(base);
  });

  check('a reference that was received twice is given back twice', function* ({ root }) {
    const base = yield root.get_refs();
    const point = yield root.make_point(1, 2);
    yield root.hold(point);
    yield root.held();
    yield root.drop();
    rpyc.release(point);
    expect(yield root.get_refs()).toBe(base + 1);
    expect(yield point.x).toBe(1);
    point[Symbol.dispose]();
    expect(yield root.get_refs()).toBe(base);
  });

  check('using a released reference is an error with a code', function* ({ root, conn }) {
    const point = yield root.make_point(1, 2);
    rpyc.release(point);
    expect(inspect(point)).toBe('[netref server.Point, released]');
    for (const use of [
      () => point.norm(),
      () => rpyc.getattr(point, 'x'),
      () => root.echo(point),
      () => point(1),
      () => rpyc.str(point),
    ])
      expect(yield* raised(use)).toMatchObject({ code: 'ERR_RPYC_RELEASED' });
    rpyc.release(point);
    expect(yield root.add(1, 1)).toBe(2);
    expect(conn.closed).toBe(false);
  });

  check('a chain gives its intermediate objects back', function* ({ root, face }) {
    const base = yield root.get_refs();
    if (face === 'awaiting') {
      expect(yield root.nested.double(4)).toBe(8);
      expect(yield root.nested.value).toBe(23);
      expect(yield root.nested.list[1]).toBe(2);
    } else {
      // No path here: they are ordinary references, given back by the first request after they were collected.
      const chains = () => [root.nested.double(4), root.nested.value, root.nested.list[1]];
      expect(chains()).toEqual([8, 23, 2]);
      globalThis.gc?.();
      root.add(1, 1);
    }
    expect(yield root.get_refs()).toBe(base);
  });

  check('calls that are made in one tick are all answered', function* ({ root, face }) {
    const call = face === 'blocking' ? rpyc.async_(root.add) : (a: number, b: number) => root.add(a, b);
    const results = Array.from({ length: 200 }, (_, i) => call(i, 1));
    expect(yield root.add(0, 0)).toBe(0);
    expect(yield settled(Promise.all(results))).toEqual(results.map((_, i) => i + 1));
  });

  check('async_ gives results that are awaited, asked and called back', function* ({ root }) {
    const result = rpyc.async_(root.add)(5, 10);
    const seen: unknown[] = [];
    result.addCallback((r) => seen.push(r.value));
    expect(yield settled(result)).toBe(15);
    expect([result.ready, result.error, result.value, ...seen]).toEqual([true, false, 15, 15]);
    const failed = rpyc.async_(root.div)(1, 0);
    yield settled(failed.wait());
    expect([failed.ready, failed.error, failed.expired]).toEqual([true, true, false]);
    expect(() => failed.value).toThrow(rpyc.exceptions.ZeroDivisionError);
  });

  check('timed calls expire, and the connection goes on', function* ({ root }) {
    // Python waits in a call of ours that is answered only after the expiry.
    let open = (_value: number) => {};
    const gate = new Promise<number>((resolve) => {
      open = resolve;
    });
    const result = rpyc.timed(root.call, 0.01)(() => gate);
    expect(yield* raised(() => result.wait())).toBeInstanceOf(rpyc.TimeoutError);
    expect([result.expired, result.ready, result.error]).toEqual([true, false, false]);
    expect(() => result.value).toThrow(rpyc.TimeoutError);
    open(1);
    expect(yield root.add(5, 10)).toBe(15);
  });
});
