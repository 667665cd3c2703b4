// The attribute policy: RPyC's rules, and what is out of reach under every configuration.
import { expect, test } from 'vitest';
import { FORBIDDEN } from '../../../src/objects/facade.ts';
import { lookup } from '../../../src/objects/lookup.ts';
import { Access } from '../../../src/policy/access.ts';
import { type Config, makeConfig } from '../../../src/policy/config.ts';
import { markExposed } from '../../../src/policy/exposure.ts';
import { exceptions } from '../../../src/python/exceptions.ts';
import { Service } from '../../../src/service/service.ts';

const access = (config: Partial<Config> = {}): Access => new Access(makeConfig(config));
const OPEN: Partial<Config> = { allow_all_attrs: true, allow_setattr: true, allow_delattr: true };
const CONFIGS: Partial<Config>[] = [
  {},
  { allow_public_attrs: true },
  { allow_public_attrs: true, allow_setattr: true, allow_delattr: true },
  OPEN,
];

class Point {
  x = 1;
  _hidden = 2;
  exposed_y = 3;
  exposed_move(by: number) {
    return (this.x += by);
  }
  area() {
    return 0;
  }
  get now() {
    return 'getter';
  }
}

test('by default only exposed and safe names are readable', () => {
  const { getattr } = Object.assign(Object.create(null), { getattr: (o: object, n: string) => access().getattr(o, n) });
  const point = new Point();
  expect(getattr(point, 'y')).toBe(3);
  expect(getattr(point, 'exposed_y')).toBe(3);
  expect(getattr(point, 'move')(4)).toBe(5);
  for (const name of ['x', '_hidden', 'area', 'now'])
    expect(() => getattr(point, name)).toThrow(new exceptions.AttributeError(`cannot access '${name}'`));
  expect(() => getattr(point, '__len__')).toThrow("'Point' object has no attribute '__len__'");
});

test('public attributes are readable when allowed, private ones only with all attributes', () => {
  const point = new Point();
  const open = access({ allow_public_attrs: true });
  expect([open.getattr(point, 'x'), open.getattr(point, 'now')]).toEqual([1, 'getter']);
  expect(() => open.getattr(point, '_hidden')).toThrow("cannot access '_hidden'");
  expect(access({ allow_all_attrs: true }).getattr(point, '_hidden')).toBe(2);
});

test('writing and deleting need their own permission and never touch methods, functions or array lengths', () => {
  const point = new Point();
  expect(() => access({ allow_public_attrs: true }).setattr(point, 'x', 5)).toThrow("cannot access 'x'");
  const open = access(OPEN);
  open.setattr(point, 'x', 5);
  open.setattr(point, 'added', 6);
  expect(point).toMatchObject({ x: 5, added: 6 });
  open.delattr(point, 'added');
  expect(point).not.toHaveProperty('added');
  const list = [1, 2];
  for (const [object, name] of [
    [point, 'area'],
    [point, 'now'],
    [point, 'toString'],
    [list, 'length'],
    [list, 'append'],
    [() => 1, 'name'],
  ] as const)
    expect(() => open.setattr(object, name, 0)).toThrow(exceptions.AttributeError);
  expect(list).toHaveLength(2);
});

test('a bound method is the same object every time', () => {
  const point = new Point();
  const a = access();
  expect(a.getattr(point, 'move')).toBe(a.getattr(point, 'move'));
  expect(a.getattr([1], '__len__')).not.toBe(a.getattr([1], '__len__'));
});

test('a service is never written, whatever the configuration', () => {
  class Calc extends Service {
    exposed_pi = 3;
  }
  for (const config of CONFIGS) {
    expect(() => access(config).setattr(new Calc(), 'pi', 4)).toThrow(/access denied/);
    expect(() => access(config).delattr(new Calc(), 'pi')).toThrow(/access denied/);
  }
});

test('static exposed and marked members act as if both names existed', () => {
  class Calc extends Service {
    static override readonly exposed = ['mul'];
    mul(a: number, b: number) {
      return a * b;
    }
    marked() {
      return 'marked';
    }
    plain() {
      return 'plain';
    }
  }
  class Derived extends Calc {}
  markExposed(Calc.prototype.marked);
  const a = access();
  for (const calc of [new Calc(), new Derived()]) {
    for (const name of ['mul', 'exposed_mul']) expect((a.getattr(calc, name) as any)(3, 4)).toBe(12);
    for (const name of ['marked', 'exposed_marked']) expect((a.getattr(calc, name) as any)()).toBe('marked');
    expect(() => a.getattr(calc, 'plain')).toThrow("cannot access 'plain'");
  }
});

test('a method of a literal is read and called by whoever holds the object, and stays', () => {
  const object = {
    x: 1,
    hi() {
      return this.x;
    },
    keys: () => 'own keys',
    __len__: () => 'own length',
    get: () => 'own get',
  };
  const a = access();
  expect((a.getattr(object, 'hi') as any)()).toBe(1);
  expect(a.getattr(object, 'hi')).toBe(a.getattr(object, 'hi'));
  expect(a.method(object, 'hi')).toEqual({ fn: object.hi, self: object, key: 'hi' });
  expect((a.getattr(object, 'get') as any)()).toBe('own get');
  expect((a.getattr(object, '__len__') as any)()).toBe(5);
  for (const name of ['x', 'keys']) expect(() => a.getattr(object, name)).toThrow(`cannot access '${name}'`);
  expect(a.dir(object)).toEqual(expect.arrayContaining(['hi', 'get', '__len__']));
  expect(a.methods(object)).not.toContain('hi');
  expect(() => access({ allow_getattr: false }).getattr(object, 'hi')).toThrow("cannot access 'hi'");
  for (const config of [OPEN, { ...OPEN, allow_all_attrs: false, allow_public_attrs: true }]) {
    expect(() => access(config).setattr(object, 'hi', 1)).toThrow(
      "'hi' is a method of this object: it cannot be replaced",
    );
    expect(() => access(config).delattr(object, 'hi')).toThrow("'hi' is a method of this object: it cannot be deleted");
  }
  const mine = () => 'mine';
  access(OPEN).setattr(object, 'cb', mine);
  expect(access(OPEN).getattr(object, 'cb')).toBe(mine);
  access(OPEN).delattr(object, 'cb');
  expect('cb' in object).toBe(false);
});

test('a literal without literal_methods is a dict of its data', () => {
  const object = { x: 1, hi: () => 1 };
  const old = access({ literal_methods: false });
  expect(() => old.getattr(object, 'hi')).toThrow("cannot access 'hi'");
  expect((old.getattr(object, '__len__') as any)()).toBe(1);
  expect((access({ literal_methods: false, allow_public_attrs: true }).getattr(object, 'hi') as any)()).toBe(1);
});

test('what an instance says about itself exposes nothing: a peer could have written it', () => {
  const point = Object.assign(new Point(), { exposed: ['area'] });
  expect(() => access().getattr(point, 'area')).toThrow("cannot access 'area'");
});

test('_rpyc_getattr on the class decides alone; on the instance it means nothing', () => {
  class Own {
    _rpyc_getattr(name: string) {
      return `own ${name}`;
    }
  }
  expect(access({ allow_getattr: false }).getattr(new Own(), 'anything')).toBe('own anything');
  const instance = Object.assign(new Point(), { _rpyc_getattr: () => 'leaked' });
  expect(() => access().getattr(instance, 'area')).toThrow("cannot access 'area'");
});

class Callable {
  static helper() {}
}
const TARGETS: [string, () => object][] = [
  ['function', () => function f() {}],
  ['arrow function', () => () => 1],
  ['class', () => Callable],
  ['instance', () => new Point()],
  ['service', () => new (class extends Service {})()],
  ['array', () => [1]],
  ['map', () => new Map()],
  ['set', () => new Set()],
  ['plain object', () => ({ a: 1 })],
  ['null-prototype object', () => Object.create(null)],
  ['literal with methods', () => ({ f: () => 1, code: Reflect.get(globalThis, 'eval'), Make: Function })],
  ['generator', () => (function* () {})()],
  ['date', () => new Date()],
  ['error', () => new Error('x')],
  ['promise', () => Promise.resolve(1)],
  ['buffer view', () => new Int32Array(2)],
];
const INHERITED = [
  'hasOwnProperty',
  'toString',
  'valueOf',
  'isPrototypeOf',
  'propertyIsEnumerable',
  'toLocaleString',
  'call',
  'apply',
  'bind',
  'push',
  'map',
  'then',
  'forEach',
];

test.each(TARGETS)(
  'no path leads from a %s to a forbidden or inherited name under any configuration',
  (_name, make) => {
    for (const config of CONFIGS) {
      const a = access(config);
      const object = make();
      for (const name of [...FORBIDDEN, ...INHERITED, 'exposed_constructor']) {
        expect(() => a.getattr(object, name), name).toThrow();
        expect(() => a.method(object, name), name).toThrow();
        if (FORBIDDEN.has(name)) {
          expect(() => a.setattr(object, name, 1), name).toThrow(exceptions.AttributeError);
          expect(() => a.delattr(object, name), name).toThrow(exceptions.AttributeError);
        }
        expect(a.dir(object)).not.toContain(name);
        expect(a.methods(object)).not.toContain(name);
      }
      expect(lookup(object, 'constructor')).toBeUndefined();
    }
  },
);
