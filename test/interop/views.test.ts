// `rpyc.map` and `rpyc.set`: Map-like and Set-like views of a Python peer's containers and of a Node peer's, in both faces, under RPyC's
// default policy and with public attributes. Mapping section G, JavaScript idioms, 3.
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { type NodePeer, startNode } from '../support/node.ts';
import { describePython, PYTHONS, type PythonPeer, peer, startPython } from '../support/python.ts';
import { connect, FACES, type FaceName, items, raised, rootOf, run, type Steps } from './faces.ts';
import { served } from './netrefs.ts';

const POLICIES = ['default', 'public'] as const;

interface Peer {
  face: FaceName;
  root: any;
  public: boolean;
}

/** What both kinds of peer offer: a dict {a: 1, 2: 'two', list: [1]}, an object {a: 1, b: 'two', list: [1]}, a set {1, 'x'}. */
function declareViews(check: (name: string, steps: (peer: Peer) => Steps) => void): void {
  check('a view reads and writes as a Map does', function* ({ root }) {
    const map = rpyc.map(yield root.keep('map'));
    expect([yield map.get('a'), yield map.get(2), yield map.get('none'), yield map.get(null)]).toEqual([
      1,
      'two',
      undefined,
      undefined,
    ]);
    expect([yield map.has('a'), yield map.has('none'), yield map.size]).toEqual([true, false, 3]);
    expect(yield map.set('new', null)).toBe(map);
    expect([yield map.get('new'), yield map.has('new'), yield map.size]).toEqual([null, true, 4]);
    expect([yield map.delete('new'), yield map.delete('new'), yield map.size]).toEqual([true, false, 3]);
    expect(yield rpyc.len(yield map.get('list'))).toBe(1);
    yield map.set(rpyc.tuple(1, 2), 'tuple');
    expect(yield map.get(rpyc.tuple(1, 2))).toBe('tuple');
    expect(yield* raised(() => map.set([], 1))).toBeInstanceOf(rpyc.exceptions.TypeError);
    expect(yield* raised(() => map.get(Symbol('s')))).toMatchObject({ code: 'ERR_RPYC_UNSENDABLE' });
  });

  check('a view is iterated as a Map is', function* (peer) {
    const map = rpyc.map(yield peer.root.sample('map'));
    const entries = yield* items(peer, map);
    expect(entries.slice(0, 2)).toEqual([
      ['a', 1],
      [2, 'two'],
    ]);
    expect([entries[2][0], rpyc.isRemote(entries[2][1])]).toEqual(['list', true]);
    expect(yield* items(peer, map.entries(), 1)).toEqual([['a', 1]]);
    expect(yield* items(peer, map.keys())).toEqual(['a', 2, 'list']);
    expect((yield* items(peer, map.values())).slice(0, 2)).toEqual([1, 'two']);
    const seen: unknown[] = [];
    yield map.forEach(function (this: unknown, value: unknown, key: unknown, of: unknown) {
      seen.push([key, typeof value, of === map, this]);
    }, 'this');
    expect(seen).toEqual([
      ['a', 'number', true, 'this'],
      [2, 'string', true, 'this'],
      ['list', 'object', true, 'this'],
    ]);
    const empty = rpyc.map(yield peer.root.sample('empty'));
    expect([yield* items(peer, empty), yield empty.size]).toEqual([[], 0]);
    if (peer.face === 'blocking') {
      expect(new Map([...map].slice(0, 1))).toEqual(new Map([['a', 1]]));
      expect(Object.fromEntries(rpyc.map(peer.root.sample('plain')))).toEqual({ a: 1, b: 'two' });
    }
  });

  check('entries may be deleted and set while a loop runs', function* (peer) {
    const map = rpyc.map(yield peer.root.sample('large'));
    let seen = 0;
    const walk = async () => {
      for await (const [key, value] of map) {
        seen++;
        expect(value).toBe(Number(key.slice(1)));
        if (value % 2 === 0) await map.delete(key);
        else await map.set(`${key}!`, 0);
      }
    };
    if (peer.face === 'awaiting') yield walk();
    else
      for (const [key, value] of map) {
        seen++;
        if (value % 2 === 0) map.delete(key);
        else map.set(`${key}!`, 0);
      }
    expect([seen, yield map.size, yield map.get('k0'), yield map.get('k1')]).toEqual([200, 200, undefined, 1]);
  });

  check('what is deleted before its turn is left out where values are read one by one', function* (peer) {
    const map = rpyc.map(yield peer.root.sample('large'));
    const loop = map.entries();
    expect((yield loop.next()).value).toEqual(['k0', 0]);
    yield map.delete('k199');
    const rest: unknown[] = [];
    for (let step = yield loop.next(); step.done !== true; step = yield loop.next()) rest.push(step.value[0]);
    expect(rest.length).toBe(peer.public ? 199 : 198);
  });

  check('a set is read and changed as a Set is', function* (peer) {
    const set = rpyc.set(yield peer.root.keep('set'));
    expect([yield set.has(1), yield set.has('none'), yield set.size]).toEqual([true, false, 2]);
    expect(yield set.add('new')).toBe(set);
    yield set.add('new');
    yield set.add(rpyc.tuple(1, 'x'));
    yield set.add(null);
    expect([yield set.has('new'), yield set.has(rpyc.tuple(1, 'x')), yield set.has(null), yield set.size]).toEqual([
      true,
      true,
      true,
      5,
    ]);
    expect([yield set.delete('new'), yield set.delete('new'), yield set.delete(null), yield set.size]).toEqual([
      true,
      false,
      true,
      3,
    ]);
    expect(new Set((yield* items(peer, set)).filter((item: unknown) => !Array.isArray(item)))).toEqual(
      new Set([1, 'x']),
    );
    expect((yield* items(peer, set.keys())).length).toBe(3);
    expect((yield* items(peer, set.values(), 1)).length).toBe(1);
    for (const [item, same] of yield* items(peer, set.entries())) expect(item).toBe(same);
    const seen: unknown[] = [];
    yield set.forEach((item: unknown, same: unknown, of: unknown) => void seen.push([item === same, of === set]));
    expect(seen).toEqual([
      [true, true],
      [true, true],
      [true, true],
    ]);
    if (peer.face === 'blocking') expect([...set].length).toBe(3);
  });

  check('a reference as an item needs the policy, and the error says so', function* (peer) {
    const set = rpyc.set(yield peer.root.sample('set'));
    const point = yield peer.root.sample('point');
    if (peer.public) {
      yield set.add(point);
      expect([yield set.has(point), yield set.size]).toEqual([true, 3]);
      expect(yield set.delete(point)).toBe(true);
      return;
    }
    expect(yield set.has(point)).toBe(false);
    const error = yield* raised(() => set.add(point));
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_RPYC_OPERATION' });
    expect(error.message).toContain(
      "builtins.set cannot be changed: it has no 'add', or its side would have to set allow_public_attrs",
    );
    expect(error.cause).toBeInstanceOf(rpyc.exceptions.AttributeError);
  });

  check('a view stands for its object: it is sent, copied, measured and released as that', function* (peer) {
    const ref = yield peer.root.sample('map');
    const map = rpyc.map(ref);
    expect(yield peer.root.echo(map)).toBe(ref);
    expect([yield rpyc.len(map), rpyc.isRemote(map), rpyc.same(map, ref)]).toEqual([3, true, true]);
    expect((yield rpyc.value(map)).get('a')).toBe(1);
    const name = peer.face === 'blocking' ? 'SyncRemoteMap' : 'RemoteMap';
    expect(inspect(map)).toMatch(new RegExp(`^${name} of \\[netref builtins\\.dict #\\d+\\]$`));
    expect(Object.prototype.toString.call(map)).toBe(`[object ${name}]`);
    expect(Object.keys(map)).toEqual([]);
    rpyc.release(map);
    rpyc.release(map); // the echo was another delivery
    expect(yield* raised(() => map.get('a'))).toMatchObject({ code: 'ERR_RPYC_RELEASED' });
  });

  check('what is no dict or set is refused', function* ({ root, face }) {
    const list = yield root.sample('list');
    const map = yield root.sample('map');
    const set = yield root.sample('set');
    const refused: [() => unknown, string][] = [
      [() => rpyc.map(list), 'rpyc.map() takes a dict, not builtins.list'],
      [() => rpyc.map(set), 'rpyc.map() takes a dict, not builtins.set'],
      [() => rpyc.set(map), 'rpyc.set() takes a set, not builtins.dict'],
    ];
    for (const [action, message] of refused) {
      expect(action).toThrow(message);
      expect(yield* raised(action)).toMatchObject({ name: 'TypeError', code: 'ERR_RPYC_OPERATION' });
    }
    for (const given of [new Map(), {}, null, 5]) {
      expect(yield* raised(() => rpyc.map(given as any))).toMatchObject({ code: 'ERR_RPYC_NOT_NETREF' });
      expect(yield* raised(() => rpyc.set(given as any))).toMatchObject({ code: 'ERR_RPYC_NOT_NETREF' });
    }
    if (face === 'blocking') return;
    expect(yield* raised(() => rpyc.map(root.const).size)).toMatchObject({ code: 'ERR_RPYC_NOT_NETREF' });
  });

  check('__proto__ and constructor are keys like any other, or none', function* (peer) {
    const map = rpyc.map(yield peer.root.sample('hostileMap'));
    expect(yield* items(peer, map.keys())).toEqual(['__proto__', 'constructor']);
    expect(yield map.get('constructor')).toBe(2);
    expect(yield map.has('prototype')).toBe(false);
    yield map.set('__proto__', 'data');
    expect([yield map.get('__proto__'), yield map.size]).toEqual(['data', 2]);
    expect(({} as { polluted?: unknown }).polluted).toBe(undefined);
  });

  check('limits of the reference hold for the view', function* ({ root }) {
    const ref = yield root.sample('map');
    const stopped = rpyc.map(rpyc.withOptions(ref, { signal: AbortSignal.abort() }));
    expect(yield* raised(() => stopped.size)).toMatchObject({ name: 'AbortError' });
    expect(yield rpyc.map(ref).size).toBe(3);
  });
}

describePython.each(PYTHONS)('Views of a Python peer of RPyC %s,', (version) => {
  describe.each(POLICIES)('%s policy,', (policy) => {
    let server: PythonPeer;
    beforeAll(async () => {
      server = await startPython(version, peer('values.py'), {
        args: [JSON.stringify({ allow_public_attrs: policy === 'public' })],
      });
    });
    afterAll(() => server.stop());

    describe.each(FACES)('%s:', (face) => {
      const check = (name: string, steps: (peer: Peer) => Steps) =>
        test(name, async () => {
          const conn = await connect(face, server.ready.port);
          try {
            await run(face, steps({ face, root: rootOf(face, conn), public: policy === 'public' }));
          } finally {
            await conn.close();
          }
        });
      declareViews(check);

      check('other mappings of Python are views too, and reading makes no entry', function* (peer) {
        const counted = rpyc.map(yield peer.root.make('collections.defaultdict(list, {"a": 1})'));
        expect([yield counted.get('a'), yield counted.get('b'), yield counted.size]).toEqual([1, undefined, 1]);
        expect([yield counted.delete('b'), yield counted.delete('a'), yield counted.size]).toEqual([false, true, 0]);
        const counter = rpyc.map(yield peer.root.make('collections.Counter("aab")'));
        expect([yield counter.get('a'), yield counter.get('z'), yield counter.delete('z')]).toEqual([
          2,
          undefined,
          false,
        ]);
        const ordered = rpyc.map(yield peer.root.make('collections.OrderedDict([("b", 1), ("a", 2)])'));
        expect(yield* items(peer, ordered)).toEqual([
          ['b', 1],
          ['a', 2],
        ]);
        const chain = rpyc.map(yield peer.root.make('collections.ChainMap({"a": 1}, {"b": 2})'));
        expect([yield chain.get('b'), yield chain.has('c'), yield chain.size]).toEqual([2, false, 2]);
        const proxy = rpyc.map(yield peer.root.make('__import__("types").MappingProxyType({"a": 1})'));
        expect(yield* items(peer, proxy)).toEqual([['a', 1]]);
        expect(yield* raised(() => proxy.set('a', 2))).toBeInstanceOf(rpyc.exceptions.AttributeError);
        const cls = yield peer.root.make('dict');
        expect(() => rpyc.map(cls)).toThrow('rpyc.map() takes a dict, not the class builtins.dict');
      });

      check('frozen sets and keys of dicts are sets that cannot be changed', function* (peer) {
        const frozen = rpyc.set(yield peer.root.make('frozenset([Plain(), 1])'));
        expect([yield frozen.has(1), yield frozen.size]).toEqual([true, 2]);
        const error = yield* raised(() => frozen.add(2));
        expect(error.message).toContain("builtins.frozenset cannot be changed: it has no 'add'");
        expect(yield* raised(() => frozen.delete(1))).toMatchObject({ code: 'ERR_RPYC_OPERATION' });
        expect(yield frozen.delete('none')).toBe(false);
        const keys = rpyc.set(yield peer.root.make('{"a": 1}.keys()'));
        expect(yield* items(peer, keys)).toEqual(['a']);
      });

      check('each operation is as few requests as it can be', function* (peer) {
        const { root } = peer;
        const map = rpyc.map(yield root.sample('map'));
        const set = rpyc.set(yield root.sample('set'));
        const counts: [() => unknown, number][] = [
          [() => map.get('a'), 1],
          [() => map.get('none'), 1],
          [() => map.set('a', 1), 1],
          [() => map.has('a'), 1],
          [() => map.delete('none'), 1],
          [() => map.size, 1],
          [() => set.add(5), 1],
          [() => set.has(5), 1],
          [() => set.delete(5), 2],
        ];
        yield* served(root);
        for (const [action, requests] of counts) {
          yield action();
          expect((yield* served(root)).requests.length).toBe(requests);
        }
        yield* items(peer, map);
        expect((yield* served(root)).requests.length).toBe(peer.public ? 2 : 2 + 3);
        yield* items(peer, map.keys());
        yield* items(peer, set);
        expect((yield* served(root)).requests.length).toBe(2);
      });

      check('a view of a path fetches it once', function* ({ root }) {
        if (face === 'blocking') return;
        const map = rpyc.map(root.table);
        expect(inspect(map)).toBe('RemoteMap of a path');
        expect(() => rpyc.isRemote(map)).toThrow('await the path first');
        expect([yield map.get('k'), yield map.size]).toEqual(['v', 1]);
        expect(rpyc.isRemote(map)).toBe(true);
      });
    });
  });
});

describe.each(FACES)('Views of a Node peer, %s:', (face) => {
  let open: NodePeer;
  let closed: NodePeer;
  beforeAll(async () => {
    open = await startNode({ config: { allow_public_attrs: true } });
    closed = await startNode();
  });
  afterAll(() => Promise.all([open.stop(), closed.stop()]));

  describe.each(POLICIES)('%s policy,', (policy) => {
    const check = (name: string, steps: (peer: Peer) => Steps) =>
      test(name, async () => {
        const conn = await connect(face, (policy === 'public' ? open : closed).port);
        try {
          await run(face, steps({ face, root: rootOf(face, conn), public: policy === 'public' }));
        } finally {
          await conn.close();
        }
      });
    declareViews(check);

    check('the Map and Set over there are what was changed', function* ({ root }) {
      const map = rpyc.map(yield root.keep('map'));
      yield map.set('b', 2);
      yield map.delete('list');
      expect(yield root.kept()).toEqual([
        ['a', 1],
        [2, 'two'],
        ['b', 2],
      ]);
      const set = rpyc.set(yield root.keep('set'));
      yield set.add('y');
      yield set.delete(1);
      expect([...(yield root.kept())]).toEqual(['x', 'y']);
    });

    check('a plain object is a map of strings', function* (peer) {
      const map = rpyc.map(yield peer.root.keep('object'));
      expect([yield map.get('a'), yield map.get('toString'), yield map.get('__proto__'), yield map.size]).toEqual([
        1,
        undefined,
        undefined,
        3,
      ]);
      yield map.set('c', true);
      expect(yield* items(peer, map.keys())).toEqual(['a', 'b', 'list', 'c']);
      expect((yield* raised(() => map.set(1, 2))).message).toContain('keys of a JavaScript object are str');
      expect(yield* raised(() => map.set('__proto__', {}))).toBeInstanceOf(rpyc.exceptions.KeyError);
      expect(yield* raised(() => map.set('constructor', 1))).toBeInstanceOf(rpyc.exceptions.KeyError);
      expect(yield map.delete('a')).toBe(true);
      expect(yield map.has('a')).toBe(false);
    });
  });
});
