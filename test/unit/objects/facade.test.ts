// Python's semantics of list, dict and set on JavaScript containers, against what CPython answers (in the comments' place: the expected values).
import { expect, test } from 'vitest';
import {
  DATA_FACADE,
  DICT_FACADE,
  type Facade,
  LIST_FACADE,
  OBJECT_FACADE,
  SET_FACADE,
} from '../../../src/objects/facade.ts';
import { exceptions } from '../../../src/python/exceptions.ts';
import { kwargs, slice } from '../../../src/python/values.ts';

const call = (facade: Facade, self: unknown, name: string, ...args: unknown[]): any =>
  (facade[name] as any)(self, ...args);
const on =
  (facade: Facade, self: unknown) =>
  (name: string, ...args: unknown[]) =>
    call(facade, self, name, ...args);

test('facade tables have no prototype, so that no inherited name is in them', () => {
  for (const facade of [LIST_FACADE, DICT_FACADE, OBJECT_FACADE, DATA_FACADE, SET_FACADE]) {
    expect(Object.getPrototypeOf(facade)).toBe(null);
    for (const name of ['constructor', 'hasOwnProperty', '__proto__', 'toString']) expect(name in facade).toBe(false);
  }
});

test('a list is indexed from both ends and complains as Python does', () => {
  const list = on(LIST_FACADE, [10, 20, 30]);
  expect([list('__getitem__', 0), list('__getitem__', -1), list('__getitem__', 2n), list('__getitem__', true)]).toEqual(
    [10, 30, 30, 20],
  );
  expect(() => list('__getitem__', 3)).toThrow(new exceptions.IndexError('list index out of range'));
  expect(() => list('__getitem__', -4)).toThrow(exceptions.IndexError);
  expect(() => list('__setitem__', 3, 0)).toThrow('list assignment index out of range');
  expect(() => list('__getitem__', 'x')).toThrow('list indices must be integers or slices, not str');
  expect(() => list('__getitem__', 1.5)).toThrow('not float');
});

test.each([
  [slice(1, 3), [1, 2]],
  [slice(null, null, -1), [4, 3, 2, 1, 0]],
  [slice(-2, null), [3, 4]],
  [slice(10, 20), []],
  [slice(null, null, 2), [0, 2, 4]],
  [slice(3, 0, -2), [3, 1]],
  [slice(-100, 100), [0, 1, 2, 3, 4]],
  [slice(4, 1), []],
])('slices read as in Python: %o', (bounds, expected) => {
  expect(call(LIST_FACADE, [0, 1, 2, 3, 4], '__getitem__', bounds)).toEqual(expected);
});

test('slices write and delete as in Python', () => {
  const list = [0, 1, 2, 3, 4];
  call(LIST_FACADE, list, '__setitem__', slice(1, 3), ['a', 'b', 'c']);
  expect(list).toEqual([0, 'a', 'b', 'c', 3, 4]);
  call(LIST_FACADE, list, '__setitem__', slice(2, 2), ['x']);
  expect(list).toEqual([0, 'a', 'x', 'b', 'c', 3, 4]);
  expect(() => call(LIST_FACADE, list, '__setitem__', slice(null, null, 2), [1])).toThrow(
    'attempt to assign sequence of size 1 to extended slice of size 4',
  );
  call(LIST_FACADE, list, '__delitem__', slice(null, null, 2));
  expect(list).toEqual(['a', 'b', 3]);
  call(LIST_FACADE, list, '__delitem__', -1);
  expect(list).toEqual(['a', 'b']);
  expect(() => call(LIST_FACADE, list, '__getitem__', slice(null, null, 0))).toThrow('slice step cannot be zero');
});

test('list methods have the semantics of Python', async () => {
  const items: unknown[] = [3, 1, 2];
  const list = on(LIST_FACADE, items);
  list('append', 5);
  list('extend', new Set([4]));
  list('insert', -100, 0);
  list('insert', 100, 9);
  expect(items).toEqual([0, 3, 1, 2, 5, 4, 9]);
  expect([list('pop'), list('pop', 0), list('index', 5), list('count', 1), list('__contains__', 2n)]).toEqual([
    9,
    0,
    3,
    1,
    true,
  ]);
  list('remove', 5);
  expect(() => list('remove', 77)).toThrow('list.remove(x): x not in list');
  list('sort', kwargs({ reverse: true }));
  expect(items).toEqual([4, 3, 2, 1]);
  await list('sort', kwargs({ key: async (n: number) => n % 3 }));
  expect(items).toEqual([3, 4, 1, 2]);
  expect(() => on(LIST_FACADE, [1, 'a'])('sort')).toThrow("'<' not supported between instances of 'str' and 'int'");
  expect(list('__add__', [7])).toEqual([...items, 7]);
  list('clear');
  expect(items).toEqual([]);
  expect(() => list('pop')).toThrow('pop from empty list');
});

test('a typed array is a list of fixed length', () => {
  const array = on(LIST_FACADE, new Int16Array([1, 2]));
  expect([array('__len__'), array('__getitem__', -1)]).toEqual([2, 2]);
  expect(() => array('append', 3)).toThrow('fixed length');
});

test.each([
  ['a Map', DICT_FACADE, () => new Map<unknown, unknown>([['a', 1]])],
  ['a plain object', OBJECT_FACADE, () => ({ a: 1 })],
  ['the data of a plain object', DATA_FACADE, () => ({ a: 1 })],
])('%s is a dict', (_name, facade, make) => {
  const dict = on(facade, make());
  dict('__setitem__', 'b', 2);
  expect([dict('__len__'), dict('__getitem__', 'a'), dict('__contains__', 'b'), dict('__contains__', 'c')]).toEqual([
    2,
    1,
    true,
    false,
  ]);
  expect([...dict('__iter__')]).toEqual(['a', 'b']);
  expect([dict('keys'), dict('values'), dict('items')]).toEqual([
    ['a', 'b'],
    [1, 2],
    [
      ['a', 1],
      ['b', 2],
    ],
  ]);
  expect(dict('items').every(Object.isFrozen)).toBe(true);
  expect([
    dict('get', 'c'),
    dict('get', 'c', 5),
    dict('pop', 'b'),
    dict('pop', 'b', 'none'),
    dict('setdefault', 'd', 4),
  ]).toEqual([null, 5, 2, 'none', 4]);
  expect(() => dict('__getitem__', 'zz')).toThrow(new exceptions.KeyError('zz'));
  expect(() => dict('__delitem__', 'zz')).toThrow(exceptions.KeyError);
  dict('update', new Map([['e', 5]]), kwargs({ f: 6 }));
  expect(dict('keys')).toEqual(['a', 'd', 'e', 'f']);
  const copy = dict('copy');
  dict('clear');
  expect([dict('__len__'), call(facade, copy, '__len__')]).toEqual([0, 4]);
});

test('without methods, functions, accessors and forbidden names of a plain object are neither seen nor replaced', () => {
  const object = {
    f: () => 1,
    get g() {
      throw new Error('the getter ran');
    },
    x: 1,
  };
  const dict = on(DATA_FACADE, object);
  expect(dict('keys')).toEqual(['x']);
  expect([dict('__contains__', 'f'), dict('__contains__', 'g'), dict('__contains__', 'toString')]).toEqual([
    false,
    false,
    false,
  ]);
  for (const name of ['f', 'g']) expect(() => dict('__setitem__', name, 2)).toThrow('cannot be replaced');
  for (const name of ['__proto__', 'constructor', 'prototype']) {
    expect(() => dict('__setitem__', name, {})).toThrow(exceptions.KeyError);
    expect(() => dict('__getitem__', name)).toThrow(exceptions.KeyError);
  }
  expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
  expect(() => dict('__setitem__', 5, 2)).toThrow('keys of a JavaScript object are str, not int');
  expect(() => on(OBJECT_FACADE, Object.freeze({ a: 1 }))('__setitem__', 'a', 2)).toThrow('read-only');
});

test('with methods, functions of a plain object are items bound to it, which stay; accessors and forbidden names are neither seen nor replaced', () => {
  class Point {}
  const object = {
    f() {
      return this.x;
    },
    get g() {
      throw new Error('the getter ran');
    },
    code: Reflect.get(globalThis, 'eval'),
    Make: Function,
    Point,
    x: 1,
  };
  Object.defineProperty(object, 'constructor', { value: () => 1, enumerable: true });
  Object.defineProperty(object, 'then', { value: () => 1, enumerable: true });
  const dict = on(OBJECT_FACADE, object);
  expect(dict('keys')).toEqual(['f', 'Point', 'x']);
  expect(dict('__getitem__', 'f')()).toBe(1);
  expect(dict('__getitem__', 'f')).toBe(dict('get', 'f'));
  expect(dict('values')[0]).toBe(dict('__getitem__', 'f'));
  expect(dict('__getitem__', 'Point')).toBe(Point);
  for (const name of ['f', 'Point']) {
    const text = `'${name}' is a method of this object: it cannot be `;
    expect(() => dict('__setitem__', name, 2)).toThrow(`${text}replaced`);
    expect(() => dict('__delitem__', name)).toThrow(`${text}deleted`);
    expect(() => dict('pop', name)).toThrow(`${text}deleted`);
  }
  expect(() => dict('clear')).toThrow("'f' is a method of this object: it cannot be deleted");
  for (const name of ['g', 'code', 'Make', 'then'])
    expect(() => dict('__setitem__', name, 2)).toThrow('cannot be replaced');
  for (const name of ['g', 'code', 'Make', 'then', 'constructor'])
    expect(() => dict('__getitem__', name)).toThrow(exceptions.KeyError);
  expect(object.x).toBe(1);
  const other = { f: object.f, x: 1 };
  expect(call(OBJECT_FACADE, { f: object.f }, '__eq__', { f: object.f })).toBe(false);
  expect(call(OBJECT_FACADE, other, '__eq__', { x: 1 })).toBe(false);
  expect(call(OBJECT_FACADE, other, '__eq__', other)).toBe(true);
  object.f = () => 7;
  expect(dict('__getitem__', 'f')()).toBe(7);
});

test('a function that was written to a plain object is read back as itself, and can be replaced', () => {
  const dict = on(OBJECT_FACADE, { x: 1 });
  const mine = () => 'mine';
  dict('__setitem__', 'f', mine);
  expect(dict('__getitem__', 'f')).toBe(mine);
  dict('__setitem__', 'f', 3);
  expect(dict('__getitem__', 'f')).toBe(3);
  dict('update', { f: mine });
  dict('__delitem__', 'f');
  expect(dict('keys')).toEqual(['x']);
  expect(() => dict('__setitem__', 'then', mine)).toThrow("a function cannot be set as 'then'");
});

test('a Set is a set', () => {
  const values = new Set<unknown>([1]);
  const set = on(SET_FACADE, values);
  set('add', 2);
  set('discard', 7);
  expect([set('__len__'), set('__contains__', 2), [...set('__iter__')]]).toEqual([2, true, [1, 2]]);
  set('remove', 1);
  expect(() => set('remove', 1)).toThrow(exceptions.KeyError);
});
