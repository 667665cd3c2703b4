// JavaScript's own ways with a reference: `in`, conversion, inspection, `using`, destructuring (mapping B, last rows and rules).
import { inspect } from 'node:util';
import { expect } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { items, raised, settled } from './faces.ts';
import { describeNetrefs, served } from './netrefs.ts';

describeNetrefs('Idioms', { allow_public_attrs: true, allow_setattr: true, allow_delattr: true }, (check) => {
  check('`in` asks on the blocking face and is false without traffic on the awaitable one', function* ({ root, face }) {
    const point = yield root.make_point(1, 2);
    const dict = yield root.make_dict(1);
    const list = yield root.make_list(2);
    const base = yield root.get_refs();
    yield* served(root);
    const found = [
      'x' in point,
      'norm' in point,
      'nope' in point,
      'k0' in dict,
      'k7' in dict,
      1 in list,
      2 in list,
      'then' in point,
      Symbol.dispose in point,
      Symbol.for('x') in point,
    ];
    if (face === 'awaiting') {
      expect(found).toEqual([false, false, false, false, false, false, false, false, true, false]);
      expect((yield* served(root)).requests).toEqual([]);
    } else expect(found).toEqual([true, true, false, true, false, true, false, false, true, false]);
    expect(yield rpyc.hasattr(point, 'norm')).toBe(true);
    expect(yield rpyc.contains(dict, 'k0')).toBe(true);
    expect(yield root.get_refs()).toBe(base); // what was looked for is given back
  });

  check('a blocking reference is a string and a number where one is needed', function* ({ root, face }) {
    const decimal = yield root.eval('__import__("decimal").Decimal("2.5")');
    const list = yield root.make_list(2);
    if (face === 'awaiting') {
      expect(`${list}`).toMatch(/^\[netref builtins\.list #\d+\]$/);
      return;
    }
    expect(`${decimal}`).toBe('2.5');
    expect(String(list)).toBe('[0, 1]');
    expect(decimal > 2).toBe(true);
    expect(decimal * 2).toBe(5);
    expect(Number(decimal)).toBe(2.5);
    expect(yield* raised(() => Number(list))).toBeInstanceOf(rpyc.exceptions.AttributeError);
  });

  check('nothing implicit asks: inspect, JSON, equality, spread of properties', function* ({ root, face }) {
    const point = yield root.make_point(1, 2);
    yield* served(root);
    expect(inspect(point)).toMatch(/^\[netref server\.Point #\d+\]$/);
    expect(inspect({ nested: [point] })).toContain('[netref server.Point #');
    expect(JSON.stringify([point])).toMatch(/^\["\[netref server\.Point #\d+\]"\]$/);
    expect({ ...point }).toEqual({});
    expect(Object.getOwnPropertyNames(point)).toEqual([]);
    expect(Object.getOwnPropertySymbols(point)).toEqual([]);
    expect(Object.hasOwn(point, 'x')).toBe(false);
    expect(point === point.valueOf?.()).toBe(false);
    expect(Object.isExtensible(point)).toBe(true);
    expect(() => Object.defineProperty(point, 'x', { value: 1 })).toThrow('cannot be defined');
    expect(Reflect.setPrototypeOf(point, null)).toBe(false);
    expect(Reflect.preventExtensions(point)).toBe(false);
    expect(yield settled(Promise.resolve(point))).toBe(point);
    if (face === 'awaiting') {
      expect(inspect(point.x.y)).toBe('[netref path server.Point.x.y]');
      expect(JSON.stringify({ path: point.x })).toBe('{"path":"[netref path server.Point.x]"}');
    } else expect(inspect(root.add)).toMatch(/^\[netref method add of /);
    expect((yield* served(root)).requests.filter((name) => name !== 'INSPECT')).toEqual([]);
  });

  check('a path is a promise of its object, and an argument', function* ({ root, face }) {
    if (face === 'blocking') {
      const { add, const: constant } = root;
      expect([add(1, 2), constant]).toEqual([3, 17]);
      expect(rpyc.str(root.make_list(1))).toBe('[0]');
      return;
    }
    expect(yield root.const.then((value: number) => value + 1)).toBe(18);
    expect(yield root.const.finally(() => undefined)).toBe(17);
    expect(yield root.nope.catch((error: Error) => error)).toBeInstanceOf(rpyc.exceptions.AttributeError);
    expect(yield root.add(root.const, root.nested.value)).toBe(40);
    expect(yield root.kw(rpyc.kwargs({ of: root.const }))).toEqual([['of', 17]]);
    expect(yield root.nested.double(root.const)).toBe(34);
    expect(yield rpyc.len(root.nested.list)).toBe(3);
    const found: unknown[] = [];
    const loop = async () => {
      for await (const item of root.nested.list) found.push(item);
    };
    yield loop();
    expect(found).toEqual([1, 2, 3]);
    expect(() => {
      root.nested.value = 1;
    }).toThrow('use await setattr');
    expect(() => delete root.nested.value).toThrow('use await delattr');
  });

  check('an index is an item, and a name of a dict a key', function* ({ root, face }) {
    const list = yield root.make_list(3);
    const dict = yield root.make_dict(1);
    expect([yield list[0], yield list[2], yield dict.k0, yield dict.missing]).toEqual([0, 2, 0, undefined]);
    if (face === 'blocking') {
      list[0] = 'set';
      dict.fresh = 1;
      delete dict.k0;
      delete list[1];
      expect([list[0], dict.fresh, rpyc.len(list)]).toEqual(['set', 1, 2]);
    } else {
      yield rpyc.setitem(list, 0, 'set');
      expect(yield list[0]).toBe('set');
    }
    expect(yield* raised(() => list[9])).toBeInstanceOf(rpyc.exceptions.IndexError);
  });

  check('loops end early, and give back what they held', function* (client) {
    const { root } = client;
    const list = yield root.make_items(30);
    const base = yield root.get_refs();
    expect(yield* items(client, list, 1)).toHaveLength(1);
    const held = yield root.get_refs();
    expect(held - base).toBeLessThanOrEqual(11); // the items of the first buffer; the iterator is gone
    const generator = yield root.generator(3);
    expect(yield* items(client, generator, 1)).toEqual([0]);
    expect(yield* items(client, generator)).toEqual([1, 2]);
    expect(yield generator.close()).toBe(null);
  });
});
