// Section B: objects of Python, as Node uses them, in both faces. Python's side is the service of matrix_peer.py.
import { inspect } from 'node:util';
import { expect } from 'vitest';
import * as rpyc from '../../../src/index.ts';
import { items, raised, raisedIn, settled } from '../faces.ts';
import type { UsedRow, User } from '../matrix.ts';

const { AttributeError, IndexError, KeyError, TypeError: PyTypeError } = rpyc.exceptions;

/** Messages that an action sends: the fewest of some runs, as the garbage of other rows is given back now and then. */
function* sent(user: User, action: () => unknown): Generator<unknown, number, any> {
  let fewest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    const before = user.conn.stats.messagesOut;
    yield action();
    fewest = Math.min(fewest, user.conn.stats.messagesOut - before);
  }
  return fewest;
}

/** Everything that nobody holds is given back. */
function* collected({ root }: User): Generator<unknown, void, any> {
  for (let i = 0; i < 3; i++) {
    yield settled(new Promise(setImmediate));
    globalThis.gc?.();
  }
  yield settled(new Promise(setImmediate));
  yield root.add(1, 1);
}

/** Our references that the peer counts. A peer with threads may answer before it has served the releases sent earlier: it is asked again. */
function* refs({ root }: User, wanted?: number): Generator<unknown, number, any> {
  let found = yield root.get_refs();
  for (let i = 0, same = 0; i < 500 && (wanted === undefined ? same < 5 : found !== wanted); i++) {
    const next = yield root.get_refs();
    same = next === found ? same + 1 : 0;
    found = next;
  }
  return found;
}

export const B: readonly UsedRow[] = [
  {
    id: 'B.read',
    title: 'reading an attribute is one GETATTR',
    *steps(user) {
      const { root } = user;
      const point = yield root.make_point(3, 4);
      expect([yield root.const, yield point.x, yield point.z]).toEqual([17, 3, 7]);
      expect(yield* sent(user, () => point.x)).toBe(1);
      expect(yield* sent(user, () => rpyc.getattr(point, 'x'))).toBe(1);
    },
  },
  {
    id: 'B.path',
    title: 'a path sends nothing until it is awaited, and each await asks again',
    *steps({ root, conn, face }) {
      const point = yield root.make_point(1, 2);
      yield point.norm(); // a blocking reference asks once for the methods of its class
      const before = conn.stats.messagesOut;
      const norm = face === 'awaiting' ? point.norm : Reflect.get(point, 'norm');
      expect(conn.stats.messagesOut - before).toBe(0);
      yield rpyc.setattr(point, 'x', 0);
      expect(yield norm()).toBe(2);
      if (face === 'blocking') return;
      const path = point.x;
      expect(yield path).toBe(0);
      yield rpyc.setattr(point, 'x', 9);
      expect(yield path).toBe(9);
    },
  },
  {
    id: 'B.path.argument',
    title: 'a path or method stub given as an argument is fetched first',
    *steps({ root }) {
      const point = yield root.make_point(3, 4);
      expect(yield root.call(point.norm)).toBe(5);
      expect(yield root.echo(root.const)).toBe(17);
    },
  },
  {
    id: 'B.call',
    title: 'calling a method is one CALLATTR',
    *steps(user) {
      expect(yield user.root.add(5, 10)).toBe(15);
      expect(yield* sent(user, () => user.root.add(5, 10))).toBe(1);
    },
  },
  {
    id: 'B.chain',
    title: 'a chain asks for each link, and gives the links back',
    *steps(user) {
      const { root, face } = user;
      expect(yield root.nested.double(4)).toBe(8);
      expect(yield root.nested.list[1]).toBe(2);
      // GETATTR, CALLATTR, and a DEL as soon as an awaitable chain is done with its link
      const messages = yield* sent(user, () => root.nested.double(4));
      expect(messages).toBe(face === 'awaiting' ? 3 : 2);
    },
  },
  {
    id: 'B.held-callable',
    title: 'a callable that is held is called with CALL',
    *steps(user) {
      const { root } = user;
      const add = yield rpyc.getattr(root, 'add');
      expect(yield add(5, 10)).toBe(15);
      expect(yield* sent(user, () => add(1, 2))).toBe(1);
      const fn = yield root.make_function();
      expect(yield fn(1, 'b')).toEqual([[1, 'b'], []]);
    },
  },
  {
    id: 'B.new',
    title: 'classes are constructed, with and without new',
    *steps({ root }) {
      const Point = yield rpyc.getattr(root, 'Point');
      expect(yield rpyc.repr(yield new Point(1, 2))).toBe('Point(1, 2)');
      expect(yield rpyc.repr(yield Point(3, 4))).toBe('Point(3, 4)');
      expect(yield rpyc.repr(yield new root.Point(5, 6))).toBe('Point(5, 6)');
    },
  },
  {
    id: 'B.kwargs',
    title: 'keyword arguments are sent, received and forwarded',
    *steps({ root }) {
      expect(yield root.kw(1, rpyc.kwargs({ y: 2, x: null }))).toEqual([1, ['x', null], ['y', 2]]);
      expect(yield root.kw(rpyc.kwargs({}))).toEqual([]);
      let received: unknown[] = [];
      const forward = (...args: unknown[]) => {
        received = args;
        return root.kw(...args);
      };
      expect(yield root.call(forward, 'p', rpyc.kwargs({ k: 1 }))).toEqual(['p', ['k', 1]]);
      expect([received[0], { ...(received[1] as object) }]).toEqual(['p', { k: 1 }]);
    },
  },
  {
    id: 'B.write',
    title: 'attributes are set: by assignment where a failure can be thrown, else by setattr',
    *steps({ root, face }) {
      const point = yield root.make_point(1, 2);
      yield rpyc.setattr(point, 'x', 30);
      expect(yield point.x).toBe(30);
      if (face === 'blocking') {
        point.y = 40;
        expect(point.y).toBe(40);
      } else {
        expect(() => {
          point.y = 40;
        }).toThrow('use await setattr');
        expect(yield point.y).toBe(2);
      }
    },
  },
  {
    id: 'B.delete',
    title: 'attributes are deleted: by delete where a failure can be thrown, else by delattr',
    *steps({ root, face }) {
      const point = yield root.make_point(1, 2);
      yield rpyc.setattr(point, 'a', 1);
      yield rpyc.setattr(point, 'b', 2);
      yield rpyc.delattr(point, 'a');
      expect(yield rpyc.hasattr(point, 'a')).toBe(false);
      if (face === 'blocking') {
        delete point.b;
        expect('b' in point).toBe(false);
      } else expect(() => delete point.b).toThrow('use await delattr');
    },
  },
  {
    id: 'B.in',
    title: '`in` asks on a blocking reference and is false without traffic on an awaitable one',
    *steps(user) {
      const { root, face } = user;
      const point = yield root.make_point(1, 2);
      expect(['x' in point, 'nope' in point]).toEqual(face === 'blocking' ? [true, false] : [false, false]);
      expect(yield* sent(user, () => 'x' in point)).toBe(face === 'blocking' ? 1 : 0);
      expect([yield rpyc.hasattr(point, 'x'), yield rpyc.hasattr(point, 'nope')]).toEqual([true, false]);
    },
  },
  {
    id: 'B.missing',
    title: 'a missing or denied attribute is an AttributeError; getattr takes a default',
    *steps({ root }) {
      const point = yield root.make_point(1, 2);
      expect((yield* raised(() => point.nope)).message).toContain("'Point' object has no attribute 'nope'");
      expect((yield* raised(() => point._hidden)).message).toContain("cannot access '_hidden'");
      expect(yield* raised(() => root.nope(1))).toBeInstanceOf(AttributeError);
      expect(yield rpyc.getattr(point, 'nope', 'otherwise')).toBe('otherwise');
      expect(yield* raised(() => rpyc.setattr(root, 'const', 1))).toBeInstanceOf(AttributeError);
    },
  },
  {
    id: 'B.index',
    title: 'an index reads an item',
    *steps({ root }) {
      const list = yield root.make_list(3);
      expect([yield list[0], yield list[2]]).toEqual([0, 2]);
      expect(yield* raised(() => list[3])).toBeInstanceOf(IndexError);
      const point = yield root.make_point(7, 8);
      expect(yield point[1]).toBe(8);
    },
  },
  {
    id: 'B.index.write',
    title: 'an index is assigned and deleted on a blocking reference',
    *steps({ root, face }) {
      const list = yield root.make_list(3);
      if (face === 'blocking') {
        list[0] = 'x';
        delete list[1];
        expect(rpyc.toArray(list)).toEqual(['x', 2]);
      } else {
        expect(() => {
          list[0] = 'x';
        }).toThrow('setattr');
        expect(yield rpyc.toArray(list)).toEqual([0, 1, 2]);
      }
    },
  },
  {
    id: 'B.dict-names',
    title: 'the names of a dict are its keys, and a missing one is undefined',
    *steps({ root, face }) {
      const dict = yield root.make_dict(2);
      expect([yield dict.k0, yield dict.k1, yield dict.missing]).toEqual([0, 1, undefined]);
      expect(yield dict.get('k9', 'none')).toBe('none');
      expect(yield rpyc.toArray(yield dict.keys())).toEqual(['k0', 'k1']);
      if (face === 'blocking') {
        dict.k0 = 'set';
        expect(rpyc.getitem(dict, 'k0')).toBe('set');
      }
    },
  },
  {
    id: 'B.items',
    title: 'items under any key are read, set, deleted and looked for',
    *steps({ root }) {
      const dict = yield root.make_dict(1);
      for (const key of [rpyc.tuple(1, 'x'), 2.5, null, true, Buffer.from('b'), 10n ** 20n]) {
        yield rpyc.setitem(dict, key, 'value');
        expect(yield rpyc.contains(dict, key)).toBe(true);
        expect(yield rpyc.getitem(dict, key)).toBe('value');
        yield rpyc.delitem(dict, key);
        expect(yield rpyc.contains(dict, key)).toBe(false);
      }
      const error = yield* raised(() => rpyc.getitem(dict, 'gone'));
      expect(error).toBeInstanceOf(KeyError);
      expect(error.args).toEqual(['gone']);
    },
  },
  {
    id: 'B.slices',
    title: 'slices are read, set and deleted',
    *steps({ root }) {
      const list = yield root.make_list(6);
      expect(yield rpyc.toArray(yield rpyc.getitem(list, rpyc.slice(1, 3)))).toEqual([1, 2]);
      expect(yield rpyc.toArray(yield rpyc.getitem(list, rpyc.slice(null, null, -2)))).toEqual([5, 3, 1]);
      yield rpyc.setitem(list, rpyc.slice(0, 4), rpyc.tuple(9));
      yield rpyc.delitem(list, rpyc.slice(2, null));
      expect(yield rpyc.toArray(list)).toEqual([9, 4]);
      expect(yield rpyc.getitem(list, -1)).toBe(4);
    },
  },
  {
    id: 'B.iterate.containers',
    title: 'lists, dicts, sets, ranges and views are iterated, in few requests',
    *steps(user) {
      const { root, conn } = user;
      const numbers = Array.from({ length: 2500 }, (_, i) => i);
      const list = yield root.make_list(2500);
      const messages = [];
      for (let i = 0; i < 3; i++) {
        const before = conn.stats.messagesOut;
        expect(yield* items(user, list)).toEqual(numbers);
        messages.push(conn.stats.messagesOut - before);
      }
      // __iter__, 10 + 20 + 40 … 640 + 1000 + …, and the DEL of the iterator
      expect(Math.min(...messages)).toBeLessThan(15);
      expect(yield* items(user, yield root.make_dict(3))).toEqual(['k0', 'k1', 'k2']);
      expect(new Set(yield* items(user, yield root.make_set(3)))).toEqual(new Set([0, 1, 2]));
      expect(yield* items(user, yield root.eval('range(2500)'))).toEqual(numbers);
      const dict = yield root.make_dict(1);
      expect(yield* items(user, yield dict.items())).toEqual([['k0', 0]]);
    },
  },
  {
    id: 'B.iterate.generator',
    title: 'a generator is iterated item by item, and a break swallows nothing',
    *steps(user) {
      const generator = yield user.root.generator(5);
      expect(yield* items(user, generator, 2)).toEqual([0, 1]);
      expect(yield* items(user, generator)).toEqual([2, 3, 4]);
      const failing = yield user.root.eval('(1 // (2 - i) for i in range(5))');
      expect(yield* raisedIn(items(user, failing))).toBeInstanceOf(rpyc.exceptions.ZeroDivisionError);
    },
  },
  {
    id: 'B.iterate.released',
    title: 'an iteration that ends or breaks gives its iterator back',
    *steps(user) {
      const { root } = user;
      const list = yield root.make_list(50);
      const generator = yield root.generator(3);
      yield* collected(user);
      const before = yield* refs(user);
      yield* items(user, list, 3);
      yield* items(user, list);
      yield* items(user, generator, 1);
      // Garbage of earlier rows may go meanwhile as well.
      expect(yield* refs(user, before)).toBeLessThanOrEqual(before);
    },
  },
  {
    id: 'B.buffiter',
    title: 'buffiter reads any iterator ahead, in growing chunks',
    *steps(user) {
      const { root, conn } = user;
      const messages = [];
      for (let i = 0; i < 3; i++) {
        const generator = yield root.generator(1000);
        const before = conn.stats.messagesOut;
        expect((yield* items(user, rpyc.buffiter(generator, { chunk: 100, maxChunk: 400 }))).length).toBe(1000);
        messages.push(conn.stats.messagesOut - before);
      }
      // __iter__, 100 + 200 + 400 + 300, and the end
      expect(Math.min(...messages)).toBeLessThanOrEqual(6);
    },
  },
  {
    id: 'B.to-array',
    title: 'toArray copies everything in one round trip',
    *steps(user) {
      const { root } = user;
      const list = yield root.make_list(2000);
      expect(yield* sent(user, () => rpyc.toArray(list))).toBe(1);
      expect(yield rpyc.toArray(list)).toHaveLength(2000);
      for (const text of ['{1: 2}', '{1}', 'range(1, 2)', '(i for i in [1])', '{1: 2}.keys()', '[1]'])
        expect(yield rpyc.toArray(yield root.eval(text))).toEqual([1]);
    },
  },
  {
    id: 'B.builtins',
    title: 'len, str, repr, hash, dir and bool are those of Python',
    *steps({ root }) {
      const [point, equal] = [yield root.make_point(1, 2), yield root.make_point(1, 2)];
      expect(yield rpyc.len(point)).toBe(2);
      expect(yield rpyc.str(point)).toBe('<1,2>');
      expect(yield rpyc.repr(point)).toBe('Point(1, 2)');
      expect(yield rpyc.hash(point)).toBe(yield rpyc.hash(equal));
      expect(yield rpyc.dir(point)).toEqual(expect.arrayContaining(['x', 'norm', 'exposed_z']));
      const empty = yield root.make_list(0);
      expect([yield rpyc.bool(point), yield rpyc.bool(empty)]).toEqual([true, false]);
      expect(yield rpyc.bool(yield root.eval('object()'))).toBe(true);
      expect(yield* raised(() => rpyc.hash(empty))).toBeInstanceOf(PyTypeError);
      expect(yield* raised(() => rpyc.len(root))).toBeInstanceOf(Error);
    },
  },
  {
    id: 'B.operators.compare',
    title: 'comparisons go by CMP, reflected where the first operand does not know, else identity or TypeError',
    *steps({ root }) {
      const [a, b, c] = [yield root.make_point(1, 2), yield root.make_point(1, 2), yield root.make_point(3, 4)];
      expect([yield rpyc.op.eq(a, b), yield rpyc.op.eq(a, c), yield rpyc.op.ne(a, c), yield rpyc.op.eq(a, 5)]).toEqual([
        true,
        false,
        true,
        false,
      ]);
      expect(yield* raised(() => rpyc.op.lt(a, c))).toBeInstanceOf(PyTypeError);
      const two = yield root.eval('__import__("decimal").Decimal("2")');
      const three = yield root.eval('__import__("decimal").Decimal("3")');
      expect([
        yield rpyc.op.lt(two, three),
        yield rpyc.op.le(two, two),
        yield rpyc.op.gt(two, 1),
        yield rpyc.op.ge(two, 3),
      ]).toEqual([true, true, true, false]);
    },
  },
  {
    id: 'B.operators.arithmetic',
    title: 'arithmetic goes by the special methods',
    *steps({ root }) {
      const two = yield root.eval('__import__("decimal").Decimal("2")');
      const text = function* (value: unknown): Generator<unknown, string, any> {
        return yield rpyc.str(yield value);
      };
      const { op } = rpyc;
      const found = [];
      for (const value of [
        op.add(two, 3),
        op.sub(two, 3),
        op.mul(two, two),
        op.truediv(two, 4),
        op.floordiv(two, 2),
        op.mod(two, 2),
        op.pow(two, 3),
        op.neg(two),
        op.abs(two),
        op.pos(two),
      ])
        found.push(yield* text(value));
      expect(found).toEqual(['5', '-1', '4', '0.5', '1', '0', '8', '-2', '2', '2']);
      const sum = yield op.add(yield root.make_list(1), yield root.make_list(2));
      expect(yield rpyc.toArray(sum)).toEqual([0, 0, 1]);
      const union = yield op.or(yield root.make_set(1), yield root.make_set(2));
      expect(yield rpyc.len(union)).toBe(2);
      expect(yield* raised(() => op.add(two, 'x'))).toBeInstanceOf(PyTypeError);
    },
  },
  {
    id: 'B.to-primitive',
    title: 'a blocking reference converts to text and number by asking, an awaitable one never asks',
    *steps({ root, face }) {
      const point = yield root.make_point(1, 2);
      const decimal = yield root.eval('__import__("decimal").Decimal("2.5")');
      if (face === 'blocking') {
        expect(`${point}`).toBe('<1,2>');
        expect([+decimal, decimal > 2, decimal < 2]).toEqual([2.5, true, false]);
      } else expect(`${point}`).toMatch(/^\[netref server\.Point #\d+\]$/);
    },
  },
  {
    id: 'B.release',
    title: 'release and Symbol.dispose give one acquisition back; the last frees the object',
    *steps(user) {
      const { root, conn } = user;
      yield* collected(user);
      const base = yield* refs(user);
      const point = yield root.make_point(1, 2);
      yield root.hold(point);
      yield root.held();
      yield root.drop();
      rpyc.release(point);
      expect(yield* refs(user, base + 1)).toBe(base + 1);
      point[Symbol.dispose]();
      expect(yield* refs(user, base)).toBe(base);
      expect(inspect(point)).toBe('[netref server.Point, released]');
      expect(yield* raised(() => point.norm())).toMatchObject({ code: 'ERR_RPYC_RELEASED' });
      expect(conn.closed).toBe(false);
    },
  },
  {
    id: 'B.refcount',
    title: 'counts are exact: what is released is gone at the peer',
    *steps(user) {
      const { root } = user;
      yield* collected(user);
      const base = yield* refs(user);
      const points = [];
      for (let i = 0; i < 20; i++) points.push(yield root.make_point(i, i));
      expect(yield* refs(user, base + 20)).toBe(base + 20);
      for (const point of points) rpyc.release(point);
      expect(yield* refs(user, base)).toBe(base);
    },
  },
  {
    id: 'B.collected',
    title: 'a reference that nobody holds is released by the garbage collector',
    *steps(user) {
      const { root } = user;
      yield* collected(user);
      const base = yield* refs(user);
      const make = function* (): Generator<unknown, void, any> {
        for (let i = 0; i < 20; i++) yield root.make_point(i, i);
      };
      yield* make();
      yield* collected(user);
      // the last one may still be on the stack of this very check
      expect(yield* refs(user, base)).toBeLessThanOrEqual(base + 1);
    },
  },
  {
    id: 'B.typeof',
    title: "typeof is 'object' for builtins that cannot be called, else 'function'",
    *steps({ root }) {
      const kinds: Record<string, string> = {};
      for (const text of ['[1]', '{}', '{1}', '(i for i in [])', 'len', 'dict', 'Point(1, 2)', 'lambda: 1'])
        kinds[text] = typeof (yield root.eval(text));
      expect(kinds).toEqual({
        '[1]': 'object',
        '{}': 'object',
        '{1}': 'object',
        '(i for i in [])': 'object',
        len: 'function',
        dict: 'function',
        'Point(1, 2)': 'function',
        'lambda: 1': 'function',
      });
    },
  },
  {
    id: 'B.isinstance',
    title: 'isinstance asks the class of the peer',
    *steps({ root }) {
      const point = yield root.make_point(1, 2);
      const list = yield root.make_list(1);
      expect(yield rpyc.isinstance(point, root.Point)).toBe(true);
      expect(yield rpyc.isinstance(list, root.Point)).toBe(false);
      expect(point instanceof Promise).toBe(false);
    },
  },
  {
    id: 'B.look',
    title: 'util.inspect, JSON, keys, await and test runners make no traffic',
    *steps({ root, conn }) {
      const point = yield root.make_point(1, 2);
      const before = conn.stats.messagesOut;
      expect(inspect(point)).toMatch(/^\[netref server\.Point #\d+\]$/);
      expect(JSON.stringify({ point })).toMatch(/^\{"point":"\[netref /);
      expect(Object.keys(point)).toEqual([]);
      expect(yield settled(Promise.resolve(point))).toBe(point);
      for (const name of ['then', 'catch', 'finally', 'constructor', 'prototype', 'asymmetricMatch', '$$typeof'])
        expect(point[name]).toBeUndefined();
      expect(point[Symbol.for('anything')]).toBeUndefined();
      expect(conn.stats.messagesOut - before).toBe(0);
    },
  },
  {
    id: 'B.forwarded-names',
    title: 'inspect, nodeType and tagName are attributes like any other',
    *steps({ root }) {
      const point = yield root.make_point(1, 2);
      for (const name of ['inspect', 'nodeType', 'tagName']) {
        yield rpyc.setattr(point, name, `remote ${name}`);
        expect(yield point[name]).toBe(`remote ${name}`);
      }
      yield rpyc.setattr(point, 'then', 'remote then');
      expect(point.then).toBeUndefined();
      expect(yield rpyc.getattr(point, 'then')).toBe('remote then');
    },
  },
  {
    id: 'B.identity',
    title: 'one object is one reference in a face, and the same across faces',
    *steps({ root }) {
      const point = yield root.make_point(1, 2);
      yield root.hold(point);
      expect(yield root.held()).toBe(point);
      expect(yield root.echo(point)).toBe(point);
      expect((yield root.echo(rpyc.tuple(point, 1)))[0]).toBe(point);
      expect(rpyc.same(point, yield root.make_point(1, 2))).toBe(false);
      yield root.drop();
    },
  },
  {
    id: 'B.faces',
    title: 'sync and awaitable switch a reference; results keep the face they were asked through',
    *steps({ root, face }) {
      const point = yield root.make_point(3, 4);
      const [sync, awaitable] = [rpyc.sync(point), rpyc.awaitable(point)];
      expect([
        sync === awaitable,
        rpyc.same(sync, awaitable),
        point === (face === 'blocking' ? sync : awaitable),
      ]).toEqual([false, true, true]);
      expect(yield settled(awaitable.norm())).toBe(5);
      expect(sync.norm()).toBe(5);
      expect(sync.scale(2).x).toBe(6);
    },
  },
  {
    id: 'B.ours-return',
    title: 'our own objects come back as themselves',
    *steps({ root }) {
      class Own {}
      for (const own of [{}, [], new Map(), new Set(), new Own(), Own, () => 1, new Date(0), new Float64Array(2)])
        expect(yield root.echo(own)).toBe(own);
    },
  },
  {
    id: 'B.async',
    title: 'async_ answers with an AsyncResult; timed with an expiry',
    *steps({ root }) {
      const result = rpyc.async_(rpyc.awaitable(root).add)(5, 10);
      expect(result).toBeInstanceOf(rpyc.AsyncResult);
      expect(yield settled(result)).toBe(15);
      expect([result.ready, result.error, result.expired, result.value]).toEqual([true, false, false, 15]);
      const failed = rpyc.async_(rpyc.awaitable(root).div)(1, 0);
      yield settled(failed.wait());
      expect([failed.ready, failed.error]).toEqual([true, true]);
      expect(() => failed.value).toThrow(rpyc.exceptions.ZeroDivisionError);
    },
  },
  {
    id: 'B.callbacks',
    title: 'Python calls back while we wait, nested as deep as you like',
    *steps({ root, face }) {
      const down = (n: number): unknown => {
        if (n === 0) return 0;
        return face === 'blocking' ? 1 + root.call(down, n - 1) : root.call(down, n - 1).then((m: number) => m + 1);
      };
      expect(yield root.call(down, 10)).toBe(10);
      expect(yield root.call_many((i: number) => i * 2, 20)).toBe(380);
    },
  },
  {
    id: 'B.same-tick',
    title: 'calls that are made in one tick are all answered, and errors stay with their call',
    *steps({ root, face }) {
      if (face === 'blocking') {
        expect([root.add(1, 1), root.add(2, 2)]).toEqual([2, 4]);
        return;
      }
      const calls = Array.from({ length: 50 }, (_, i) => root.add(i, 1));
      const failing = root.div(1, 0).catch((error: Error) => error);
      expect(yield Promise.all(calls)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
      expect(yield failing).toBeInstanceOf(rpyc.exceptions.ZeroDivisionError);
    },
  },
  {
    id: 'B.values',
    title: 'values of Python arrive as values of JavaScript',
    *steps({ root }) {
      const values: [string, unknown][] = [
        ['None', null],
        ['True', true],
        ['2 ** 53 - 1', 2 ** 53 - 1],
        ['2 ** 53', 2n ** 53n],
        ['-(2 ** 70)', -(2n ** 70n)],
        ['1.5', 1.5],
        ['float("-inf")', Number.NEGATIVE_INFINITY],
        ['"é\\U0001f600"', 'é😀'],
        ['b"\\x00\\xff"', Buffer.from([0, 255])],
        ['(1, (2,))', [1, [2]]],
        ['...', rpyc.Ellipsis],
        ['NotImplemented', rpyc.NotImplemented],
        ['slice(1, None, 2)', rpyc.slice(1, null, 2)],
        ['1+2j', new rpyc.Complex(1, 2)],
        ['frozenset([1])', new rpyc.FrozenSet([1])],
      ];
      for (const [text, value] of values) {
        const found = yield root.eval(text);
        expect(found).toEqual(value);
        expect(yield root.eval(`it == ${text} and type(it) is type(${text})`, rpyc.kwargs({ it: found }))).toBe(true);
      }
      expect(Object.isFrozen(yield root.eval('(1,)'))).toBe(true);
    },
  },
  {
    id: 'B.references',
    title: 'what is no plain value arrives as a reference',
    *steps({ root }) {
      const texts = [
        '[]',
        '{}',
        'set()',
        'bytearray()',
        '__import__("datetime").date(2020, 1, 2)',
        'type("I", (int,), {})(5)',
        'ValueError("v")',
        'frozenset([Point(1, 2)])',
        'slice([])',
      ];
      for (const text of texts) expect([text, rpyc.isRemote(yield root.eval(text))]).toEqual([text, true]);
    },
  },
  {
    id: 'B.enter',
    title: '`using` on enter() is a context of Python: __enter__ now, __exit__ at the end',
    *steps({ root, face }) {
      const gate = yield root.gate();
      if (face === 'blocking') {
        const entered = rpyc.enter(gate);
        expect(entered.value.value()).toBe(7);
        entered[Symbol.dispose]();
      } else {
        const entered = rpyc.enter(gate);
        expect(yield (yield entered.value).value()).toBe(7);
        yield entered[Symbol.asyncDispose]();
      }
      expect(yield gate.log).toEqual(['enter', 'clean']);
    },
  },
  {
    id: 'B.with-context',
    title: 'withContext tells __exit__ of an error, and throws it unless it is suppressed',
    *steps({ root, face }) {
      const gate = yield root.gate();
      const fine =
        face === 'blocking' ? (entered: any) => entered.value() : async (entered: any) => await entered.value();
      expect(yield rpyc.withContext(gate, fine)).toBe(7);
      const failing = face === 'blocking' ? () => fail() : async () => fail();
      expect((yield* raised(() => rpyc.withContext(gate, failing))).message).toBe('of ours');
      expect(yield gate.log).toEqual(['enter', 'clean', 'enter', 'failed']);
      const silent = yield root.gate(true);
      yield rpyc.withContext(silent, failing);
      expect(yield silent.log).toEqual(['enter', 'failed']);
    },
  },
  {
    id: 'B.coroutine',
    title: 'a coroutine of Python is run to its result',
    *steps({ root }) {
      expect(yield rpyc.coroutine(yield root.coroutine('settled'))).toBe('settled');
    },
  },
  {
    id: 'B.value',
    title: 'value() is a deep copy',
    *steps({ root }) {
      expect(yield rpyc.value(yield root.eval('[1, {"k": (2, [3])}, {4}]'))).toEqual([
        1,
        new Map([['k', [2, [3]]]]),
        new Set([4]),
      ]);
    },
  },
  {
    id: 'B.oneway',
    title: 'oneway sends a call and forgets it',
    *steps({ root }) {
      const list = yield root.make_list(0);
      expect(rpyc.oneway(yield rpyc.getattr(list, 'append'))(5)).toBeUndefined();
      let found: unknown[] = [];
      for (let i = 0; i < 500 && found.length === 0; i++) found = yield rpyc.toArray(list);
      expect(found).toEqual([5]);
    },
  },
];

function fail(): never {
  throw new Error('of ours');
}
