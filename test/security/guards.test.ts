// Each guard between a name of the wire and JavaScript's own, by itself: where escape.test.ts shows that nothing is reached, several guards stand
// behind each other, and one that is lost would not be missed. README.md tells which test holds which guard.
import { expect, onTestFinished, test } from 'vitest';
import { kwargsFromPairs } from '../../src/boxing/reader.ts';
import * as H from '../../src/constants.ts';
import * as rpyc from '../../src/index.ts';
import { shapeOf } from '../../src/netref/shapes.ts';
import { bind } from '../../src/objects/bound.ts';
import { DATA_FACADE, type Facade, LIST_FACADE, OBJECT_FACADE } from '../../src/objects/facade.ts';
import { kindOf } from '../../src/objects/kinds.ts';
import { memberOf, noteWritten } from '../../src/objects/literal.ts';
import { INTRINSICS, lookup } from '../../src/objects/lookup.ts';
import { compare, hashOf, reprOf, type Subject, strOf } from '../../src/objects/operations.ts';
import { Access, attributeName } from '../../src/policy/access.ts';
import { type Config, makeConfig } from '../../src/policy/config.ts';
import { markExposed } from '../../src/policy/exposure.ts';
import { exceptions } from '../../src/python/exceptions.ts';
import { kwargs } from '../../src/python/values.ts';
import { Holder, holderOf, IdPackOf, type Peer } from '../../src/refs/holder.ts';
import * as b from '../faults/bytes.ts';
import { FORBIDDEN_NAMES } from './names.ts';

const access = (config: Partial<Config> = {}): Access => new Access(makeConfig(config));
const OPEN: Partial<Config> = { allow_all_attrs: true, allow_setattr: true, allow_delattr: true };
const PUBLIC: Partial<Config> = { ...OPEN, allow_all_attrs: false, allow_public_attrs: true };
const denied = (name: string): Error => new exceptions.AttributeError(`cannot access '${name}'`);
const on =
  (facade: Facade, self: unknown) =>
  (name: string, ...args: unknown[]): any =>
    facade[name](self, ...args);

const MAKERS: readonly [string, object][] = [
  ['Function', Function],
  ['eval', Reflect.get(globalThis, 'eval')],
  ['AsyncFunction', (async () => {}).constructor],
  ['GeneratorFunction', function* () {}.constructor],
  ['AsyncGeneratorFunction', async function* () {}.constructor],
];

class Point {
  x = 1;
  exposed_y = 2;
  secret() {
    return 'secret';
  }
  exposed_move() {
    return 'moved';
  }
}

/** A service that gives what it is asked for, and a client of it. */
async function serving(given: Record<string, unknown>, config: Partial<Config> = {}) {
  class Giver extends rpyc.Service {
    exposed_give(name: string) {
      return given[name];
    }
  }
  const server = new rpyc.Server(new Giver(), { config: { ...config, log_exceptions: false } });
  await server.start();
  onTestFinished(() => server.close());
  const conn = await rpyc.connect('127.0.0.1', server.port);
  onTestFinished(() => conn.abort());
  return { server, conn };
}

/** As {@link serving}: sends a request about an object that is given by its name. */
async function client(given: Record<string, unknown>, config: Partial<Config> = {}) {
  const { conn } = await serving(given, config);
  return async (name: string, handler: number, ...args: unknown[]): Promise<unknown> =>
    conn.asyncRequest(handler, await conn.root.give(name), ...args);
}
const t = rpyc.tuple;

// --- functions that make code --------------------------------------------------------------------------------------

test.each(MAKERS)(
  '%s is neither read, called, constructed nor told, however it was handed out',
  async (_name, maker) => {
    const box = Object.assign(new Point(), { exposed_make: maker });
    for (const a of [access(), access(OPEN)]) {
      expect(() => a.getattr(box, 'make')).toThrow(denied('exposed_make'));
      expect(() => a.method(box, 'make')).toThrow(exceptions.AttributeError);
      expect(() => a.callee(maker)).toThrow(denied('__call__'));
      expect(a.methods(maker)).not.toContain('__call__');
    }
    expect(memberOf({ make: maker }, 'make')).toBeUndefined();
    class Hook {
      _rpyc_getattr() {
        return maker;
      }
    }
    // A class that answers for itself, and a service that returns it: what was handed out is still not called.
    const ask = await client({ hook: new Hook(), maker });
    for (const request of [
      ask('hook', H.HANDLE_CALLATTR, 'any', t('return 1'), t()),
      ask('hook', H.HANDLE_OLDSLICING, 'any', 'any', 'return 1', null, t()),
      ask('hook', H.HANDLE_CTXEXIT, 'return 1'),
      ask('maker', H.HANDLE_CALL, t('return 1'), t()),
      ask('maker', H.HANDLE_CALLATTR, 'call', t(null, 'return 1'), t()),
    ])
      await expect(request).rejects.toBeInstanceOf(exceptions.AttributeError);
  },
);

// --- what JavaScript defines ---------------------------------------------------------------------------------------

test('every prototype that JavaScript itself makes objects of ends a look-up', () => {
  const samples: [string, object][] = [
    ['generator function', function* () {}],
    ['async generator function', async function* () {}],
    ['async function', async () => {}],
    ['array iterator', [][Symbol.iterator]()],
    ['map iterator', new Map().entries()],
    ['set iterator', new Set().values()],
    ['string iterator', ''[Symbol.iterator]()],
    ['matches', 'x'.matchAll(/x/g)],
    ['typed array', new Uint8Array()],
    ['date', new Date()],
    ['error', new RangeError('e')],
    ['promise', Promise.resolve()],
    ['function', () => 1],
    ['proxy', new Proxy({}, {})],
  ];
  for (const [kind, sample] of samples)
    for (let at = Object.getPrototypeOf(sample); at !== null; at = Object.getPrototypeOf(at))
      expect([kind, INTRINSICS.has(at)]).toEqual([kind, true]);
  // Their own prototype is an object of the program's, and empty.
  for (const generator of [(function* () {})(), (async function* () {})()])
    for (let at = Object.getPrototypeOf(Object.getPrototypeOf(generator)); at !== null; at = Object.getPrototypeOf(at))
      expect(INTRINSICS.has(at)).toBe(true);
});

test('a look-up finds no forbidden name, not even where an object has it itself', () => {
  for (const name of FORBIDDEN_NAMES) {
    const object = Object.defineProperty({}, name, { value: 'own', enumerable: true });
    expect(lookup(object, name)).toBeUndefined();
    expect(memberOf(object, name)).toBeUndefined();
    expect(() => on(OBJECT_FACADE, {})('__setitem__', name, 1)).toThrow(exceptions.KeyError);
  }
});

test('nothing inherited from JavaScript is run for str, repr, hash or a comparison', () => {
  class Plain {}
  const entry = (object: object): Subject => ({ object, kind: kindOf(object), id: 7 });
  expect([strOf(entry(new Plain())), reprOf(entry(new Plain()))]).toEqual([
    '<js.Plain object #7>',
    '<js.Plain object #7>',
  ]);
  expect(hashOf(entry(new Plain()))).toBe(7);
  for (const name of [...FORBIDDEN_NAMES, 'isPrototypeOf', 'hasOwnProperty', 'toString', 'valueOf'])
    expect(compare(() => expect.unreachable(name), entry(new Plain()), 1, name)).toBe(rpyc.NotImplemented);
});

test('an instance check runs no Symbol.hasInstance of the program', async () => {
  let ran = 0;
  class Sly {
    static [Symbol.hasInstance]() {
      ran++;
      return true;
    }
  }
  const { conn } = await serving({ Sly, Point, point: new Point() });
  const id = new IdPackOf(holderOf(await conn.root.give('point')) as Holder);
  expect(await conn.asyncRequest(H.HANDLE_INSTANCECHECK, await conn.root.give('Point'), id)).toBe(true);
  expect(await conn.asyncRequest(H.HANDLE_INSTANCECHECK, await conn.root.give('Sly'), id)).toBe(false);
  expect(ran).toBe(0);
});

test("the class of an object is no object in the peer's hands: its id names it in questions, never as a value", async () => {
  const made: unknown[] = [];
  class Secret {
    constructor(...args: unknown[]) {
      made.push(args);
    }
  }
  const list: unknown[] = [0];
  class Hands extends rpyc.Service {
    exposed_list = () => list;
    exposed_secret = () => new Secret();
    exposed_cls = () => Secret;
    exposed_apply = (f: any) => f('evil');
  }
  const server = await b.serve(Hands, { config: { log_exceptions: false } });
  const peer = await b.Client.connect(server.port);
  const { cls } = b.asPack(await peer.call('secret'));
  const bare = b.local(b.idPack('js.Secret', cls, 0));
  const ours = b.local(b.packOf(b.asPack(await peer.call('list'))));
  const name = (text: string) => b.value(b.str(text));
  for (const heard of [
    await peer.ask(b.CALLATTR, [ours, name('__setitem__'), b.boxes(b.value(b.int(0)), bare)]),
    await peer.ask(b.CALLATTR, [peer.rootBox, name('apply'), b.boxes(bare)]),
    await peer.ask(b.CALL, [bare, b.value(b.tuple(b.str('evil')))]),
    await peer.ask(b.GETATTR, [bare, name('name')]),
  ])
    expect(b.raisedBy(heard)?.[0]).toBe('KeyError');
  expect([list, made]).toEqual([[0], [[]]]);
  expect((await peer.ask(b.INSPECT, [b.value(b.idPack('js.Secret', cls, 0))])).kind).toBe(2);
  // The class itself was handed out: now it is one.
  b.asPack(await peer.call('cls'));
  await peer.ask(b.CALLATTR, [ours, name('__setitem__'), b.boxes(b.value(b.int(0)), bare)]);
  expect(list).toEqual([Secret]);
});

// --- the policy ----------------------------------------------------------------------------------------------------

test('hooks of a class are asked for no forbidden name', () => {
  const asked: string[] = [];
  class Hooks {
    _rpyc_getattr(name: string) {
      asked.push(name);
    }
    _rpyc_setattr(name: string) {
      asked.push(name);
    }
    _rpyc_delattr(name: string) {
      asked.push(name);
    }
  }
  const a = access(OPEN);
  for (const name of FORBIDDEN_NAMES) {
    expect(() => a.getattr(new Hooks(), name)).toThrow(denied(name));
    expect(() => a.method(new Hooks(), name)).toThrow(denied(name));
    expect(() => a.setattr(new Hooks(), name, 1)).toThrow(denied(name));
    expect(() => a.delattr(new Hooks(), name)).toThrow(denied(name));
  }
  expect(asked).toEqual([]);
  a.method(new Hooks(), 'read');
  a.setattr(new Hooks(), 'written', 1);
  a.delattr(new Hooks(), 'deleted');
  expect(asked).toEqual(['read', 'written', 'deleted']);
});

test('a class that answers for itself is asked for its own methods too, whether they are read or called', () => {
  class Closed {
    _rpyc_getattr(name: string): unknown {
      throw new exceptions.AttributeError(`closed to ${name}`);
    }
    exposed_open() {
      return 'reached';
    }
  }
  for (const config of [{}, OPEN])
    for (const name of ['open', 'exposed_open']) {
      expect(() => access(config).getattr(new Closed(), name)).toThrow(`closed to ${name}`);
      expect(() => access(config).method(new Closed(), name)).toThrow(`closed to ${name}`);
    }
});

test('a result that its class sends by value leaves as one, whether the method is read or called', () => {
  class Rows {
    static byValue = ['rows', 'now'];
    exposed_now = [1];
    exposed_rows() {
      return [{ id: 1, secret: () => 1 }];
    }
  }
  const a = access();
  expect((a.getattr(new Rows(), 'rows') as any)()).toEqual([[['id', 1]]]);
  expect((a.method(new Rows(), 'rows').fn as any)()).toEqual([[['id', 1]]]);
  expect(Object.isFrozen(a.getattr(new Rows(), 'now'))).toBe(true);
});

test('hooks are not attributes, where a class has one of them and every name is allowed', () => {
  class Read {
    _rpyc_setattr() {}
    _rpyc_delattr() {}
  }
  class Written {
    _rpyc_getattr() {}
  }
  const a = access(OPEN);
  for (const name of ['_rpyc_getattr', '_rpyc_setattr', '_rpyc_delattr']) {
    expect(() => a.getattr(new Read(), name)).toThrow(denied(name));
    expect(() => a.method(new Read(), name)).toThrow(denied(name));
    expect(() => a.setattr(new Written(), name, 1)).toThrow(denied(name));
    expect(() => a.delattr(new Written(), name)).toThrow(denied(name));
    expect(a.dir(new Read())).not.toContain(name);
    expect(memberOf({ [name]: () => 1 }, name)).toBeUndefined();
  }
});

test('every way to a name is shut by the configuration that shuts it', () => {
  class Safe extends Point {
    result() {
      return 'a method like others';
    }
    marked() {
      return 'marked';
    }
    __len__() {
      return 3;
    }
  }
  markExposed(Safe.prototype.marked);
  const shut: [Partial<Config>, string][] = [
    [{}, 'result'],
    [{}, 'secret'],
    [{}, 'exposed_secret'],
    [{}, '__call__'],
    [{ allow_exposed_attrs: false }, 'y'],
    [{ allow_exposed_attrs: false }, 'exposed_y'],
    [{ allow_exposed_attrs: false }, 'marked'],
    [{ allow_exposed_attrs: false }, 'exposed_marked'],
    [{ allow_safe_attrs: false }, '__len__'],
    [{ allow_public_attrs: true }, '_x'],
    [{ ...OPEN, allow_getattr: false }, 'x'],
  ];
  for (const [config, name] of shut) {
    expect(() => access(config).getattr(Object.assign(new Safe(), { _x: 1 }), name)).toThrow(exceptions.AttributeError);
    expect(() => access(config).method(new Safe(), name)).toThrow(exceptions.AttributeError);
  }
  const read: [Partial<Config>, string][] = [
    [{}, 'marked'],
    [{}, '__len__'],
    [{ allow_public_attrs: true }, 'result'],
  ];
  for (const [config, name] of read) expect(access(config).method(new Safe(), name).fn).toBeTypeOf('function');
  expect(() => access({ allow_public_attrs: true }).setattr(new Safe(), 'x', 2)).toThrow(denied('x'));
  expect(() => access({ allow_public_attrs: true, allow_setattr: true }).delattr(new Safe(), 'x')).toThrow(denied('x'));
  expect(() => access({ allow_public_attrs: true, allow_delattr: true }).setattr(new Safe(), 'x', 2)).toThrow(
    denied('x'),
  );
});

test('no prefix makes a forbidden or inherited name of two harmless halves', () => {
  const own = (name: string) => Object.defineProperty({}, name, { value: () => 'own' });
  for (const name of [...FORBIDDEN_NAMES, 'toString', 'hasOwnProperty', 'valueOf'])
    for (const length of [1, 3, name.length - 1]) {
      const [prefix, rest] = [name.slice(0, length), name.slice(length)];
      const objects = [new Point(), Point, [1], () => 1, ...(FORBIDDEN_NAMES.includes(name) ? [own(name)] : [])];
      for (const config of [{}, OPEN])
        for (const object of objects) {
          const a = access({ ...config, exposed_prefix: prefix });
          expect(() => a.getattr(object, rest), `${prefix} ${rest}`).toThrow(exceptions.AttributeError);
          expect(() => a.method(object, rest), `${prefix} ${rest}`).toThrow(exceptions.AttributeError);
          expect(a.dir(object)).not.toContain(name);
        }
    }
});

test('snake_case names what is exposed, and nothing else', () => {
  class Snake {
    static snakeCase = true;
    getSecret() {
      return 'secret';
    }
    exposed_getOpen() {
      return 'open';
    }
  }
  for (const config of [{}, { allow_public_attrs: true }]) {
    expect(() => access(config).getattr(new Snake(), 'get_secret')).toThrow(exceptions.AttributeError);
    expect((access(config).getattr(new Snake(), 'get_open') as any)()).toBe('open');
  }
});

test('an object that is called has a __call__ that the policy lets the peer read', async () => {
  class Hidden {
    __call__() {
      return 'reached';
    }
  }
  class Exposed {
    exposed___call__() {
      return 'called';
    }
  }
  const box = Object.assign(new Point(), { exposed_hidden: new Hidden(), exposed_open: new Exposed() });
  const a = access();
  expect(() => a.callee(new Hidden())).toThrow(denied('__call__'));
  expect(() => a.method(box, 'hidden')).toThrow(denied('__call__'));
  expect(a.methods(new Hidden())).not.toContain('__call__');
  expect((a.method(box, 'open').fn as any)()).toBe('called');
  expect((access({ allow_all_attrs: true }).callee(new Hidden()) as any)()).toBe('reached');
  expect(() => a.callee(new Point())).toThrow(new exceptions.TypeError("'Point' object is not callable"));
  const ask = await client({ hidden: new Hidden(), open: new Exposed(), box });
  await expect(ask('hidden', H.HANDLE_CALL, t(), t())).rejects.toThrow("cannot access '__call__'");
  await expect(ask('box', H.HANDLE_CALLATTR, 'hidden', t(), t())).rejects.toThrow("cannot access '__call__'");
  expect(await ask('open', H.HANDLE_CALL, t(), t())).toBe('called');
});

test('nothing is written to or deleted from a function, a class or an array by name', () => {
  class Counted {
    static count = 1;
  }
  const fn = Object.assign(() => 1, { count: 1 });
  const list = [1, 2];
  const floats = new Float64Array(2);
  for (const config of [OPEN, PUBLIC]) {
    const a = access(config);
    for (const [object, name] of [
      [Counted, 'count'],
      [Counted, 'added'],
      [fn, 'count'],
      [fn, 'added'],
      [list, 'length'],
      [list, '0'],
      [list, 'added'],
      [floats, '0'],
      [floats, 'added'],
    ] as const) {
      expect(() => a.setattr(object, name, 9)).toThrow(exceptions.AttributeError);
      expect(() => a.delattr(object, name)).toThrow(exceptions.AttributeError);
    }
  }
  expect([Counted.count, fn.count, list, [...floats]]).toEqual([1, 1, [1, 2], [0, 0]]);
  expect([...Object.keys(Counted), ...Object.keys(fn), ...Object.keys(list), ...Object.keys(floats)]).not.toContain(
    'added',
  );
});

test('what a container answers as Python is not written over', () => {
  for (const config of [OPEN, PUBLIC])
    for (const object of [new Map(), new Set(), {}, [], new Int8Array(1)])
      for (const name of Object.keys(kindOf(object).facade))
        expect(() => access(config).setattr(object, name, 9), name).toThrow(exceptions.AttributeError);
});

test('only own data and setters are written, and what is inherited is not deleted', () => {
  const set: unknown[] = [];
  class Guarded {
    x = 1;
    method() {}
    get readable() {
      return 1;
    }
    set settable(value: unknown) {
      set.push(value);
    }
  }
  for (const config of [OPEN, PUBLIC]) {
    const a = access(config);
    const object = new Guarded();
    for (const name of ['method', 'readable', 'toString', 'hasOwnProperty', 'valueOf'])
      expect(() => a.setattr(object, name, 9)).toThrow(exceptions.AttributeError);
    for (const name of ['method', 'readable', 'settable', 'toString'])
      expect(() => a.delattr(object, name)).toThrow(exceptions.AttributeError);
    expect(Object.keys(object)).toEqual(['x']);
    a.setattr(object, 'settable', 9);
    expect(() => a.setattr(object, 'then', () => 1)).toThrow("a function cannot be set as 'then'");
    a.setattr(object, 'then', 'text');
    a.delattr(object, 'x');
    expect(Object.keys(object)).toEqual(['then']);
  }
  expect(set).toEqual([9, 9]);
});

test('INSPECT and DIR tell no name that the policy would deny, nor one that Python must not ask for', () => {
  class Arrays {
    __array__() {}
    __class__() {}
    __reduce__() {}
    secret() {}
    exposed_open() {}
  }
  for (const name of ['__array__', '__class__', '__reduce__'])
    expect(access(OPEN).methods(new Arrays())).not.toContain(name);
  expect(access().methods(new Arrays())).toEqual(['exposed_open']);
  expect(access().dir(new Arrays())).toEqual(['exposed_open']);
  for (const name of [...FORBIDDEN_NAMES, 'toString', 'hasOwnProperty']) {
    const own = Object.defineProperty(new Arrays(), name, { value: () => 1, enumerable: true });
    for (const config of [{}, OPEN]) {
      const told = [...access(config).methods(own), ...access(config).dir(own)];
      if (FORBIDDEN_NAMES.includes(name)) expect(told).not.toContain(name);
      expect([...access(config).methods(new Arrays()), ...access(config).dir(new Arrays())]).not.toContain(name);
    }
  }
});

test('what is told as __doc__ is text of the program, found without what JavaScript inherits', () => {
  class Documented {
    static doc = 'of the class';
  }
  let ran = 0;
  class Sly {
    static get doc() {
      ran++;
      return 'a getter';
    }
  }
  const a = access();
  expect([a.getattr(new Documented(), '__doc__'), a.getattr(new Sly(), '__doc__'), a.getattr([1], '__doc__')]).toEqual([
    'of the class',
    null,
    null,
  ]);
  expect(ran).toBe(0);
});

test('a name is text, or the bytes of text', () => {
  expect([attributeName('x'), attributeName(Buffer.from('é'))]).toEqual(['x', 'é']);
  for (const name of [5, null, ['constructor'], { toString: () => 'constructor' }, Symbol.iterator])
    expect(() => attributeName(name)).toThrow(new exceptions.TypeError('name must be a string'));
  // Lenient decoding would let two byte strings be one name.
  expect(() => attributeName(Buffer.from([0x63, 0xff]))).toThrow();
});

test('no class is asked what it exposes that JavaScript defines', () => {
  // Of a class that no other test asks: what it says is remembered.
  const object = Object.assign(new WeakSet(), { secret: 1, exposed_getOpen: 2 });
  try {
    Object.assign(WeakSet, { exposed: ['secret'], snakeCase: true });
    expect(() => access().getattr(object, 'secret')).toThrow(denied('secret'));
    expect(() => access().getattr(object, 'get_open')).toThrow(denied('get_open'));
    expect(access().getattr(object, 'getOpen')).toBe(2);
  } finally {
    for (const key of ['exposed', 'snakeCase']) Reflect.deleteProperty(WeakSet, key);
  }
});

test('no getter runs while the policy finds out whether a name is exposed', () => {
  let ran = 0;
  class Lazy {
    get secret() {
      return ++ran;
    }
  }
  const a = access();
  expect(() => a.getattr(new Lazy(), 'secret')).toThrow(denied('secret'));
  expect(() => a.method(new Lazy(), 'secret')).toThrow(denied('secret'));
  expect(() => access(PUBLIC).setattr(new Lazy(), 'secret', 1)).toThrow('read-only');
  expect([a.dir(new Lazy()), a.methods(new Lazy()), access(OPEN).dir(new Lazy()).includes('secret')]).toEqual([
    [],
    [],
    true,
  ]);
  expect(ran).toBe(0);
});

// --- literals, lists, bound functions ------------------------------------------------------------------------------

test('a key that is no str reaches no member of a plain object, whatever its text would be', () => {
  const object = { f: () => 1, x: 1 };
  for (const facade of [OBJECT_FACADE, DATA_FACADE]) {
    const dict = on(facade, object);
    for (const key of [
      Object.freeze(['f']),
      Object.freeze(['x']),
      Object.freeze(['constructor']),
      Object.freeze(['__proto__']),
      1,
      null,
    ]) {
      expect(() => dict('__getitem__', key)).toThrow(exceptions.KeyError);
      expect(() => dict('__delitem__', key)).toThrow(exceptions.KeyError);
      expect(dict('__contains__', key)).toBe(false);
      expect(dict('get', key)).toBe(null);
      expect(() => dict('__setitem__', key, {})).toThrow(exceptions.TypeError);
      expect(() => dict('setdefault', key, {})).toThrow(exceptions.TypeError);
    }
  }
  expect([Object.keys(object), Object.getPrototypeOf(object)]).toEqual([['f', 'x'], Object.prototype]);
});

test('what a plain object does not enumerate, an accessor, and a symbol are no members', () => {
  const object = Object.defineProperties(
    { x: 1, [Symbol.for('s')]: 2 },
    {
      quiet: { value: () => 'reached' },
      data: { value: 1 },
      accessor: { get: () => expect.unreachable('the getter ran'), enumerable: true },
    },
  );
  for (const facade of [OBJECT_FACADE, DATA_FACADE]) {
    const dict = on(facade, object);
    expect(dict('keys')).toEqual(['x']);
    for (const name of ['quiet', 'data', 'accessor', 's', 'Symbol(s)']) {
      expect(() => dict('__getitem__', name)).toThrow(exceptions.KeyError);
      expect(dict('pop', name, null)).toBe(null);
    }
    for (const name of ['quiet', 'data', 'accessor'])
      expect(() => dict('__setitem__', name, 1)).toThrow('cannot be replaced');
  }
  expect(() => access().method(object, 'quiet')).toThrow(denied('quiet'));
  expect([
    reprOf({ object, kind: kindOf(object), id: 1 }),
    reprOf({ object, kind: kindOf(object), id: 1 }, true),
  ]).toEqual(["{'x': 1}", "{'x': 1}"]);
  const list: unknown[] = [];
  on(LIST_FACADE, list)('extend', object);
  expect(list).toEqual(['x']);
  expect(rpyc.asValue(object)).toEqual([['x', 1]]);
});

test('a plain object without its methods is its data, where it is shown, compared and copied', () => {
  const object = { f: () => 1, x: 1 };
  expect(reprOf({ object, kind: kindOf(object), id: 1 })).toBe("{'x': 1}");
  expect(on(DATA_FACADE, object)('__or__', { f: () => 2, y: 2 })).toEqual({ x: 1, y: 2 });
  const list: unknown[] = [];
  on(LIST_FACADE, list)('extend', object);
  expect(list).toEqual(['x']);
  expect(rpyc.asValue(object)).toEqual([['x', 1]]);
});

test('a function is data as long as it is the one that a peer wrote', () => {
  const theirs = () => 'theirs';
  const object: Record<string, unknown> = {};
  const dict = on(OBJECT_FACADE, object);
  dict('__setitem__', 'f', theirs);
  object.f = () => 'ours';
  expect(() => dict('__setitem__', 'f', 1)).toThrow('is a method of this object');
  dict('__setitem__', 'g', theirs);
  dict('__setitem__', 'g', 1);
  object.g = theirs;
  expect(memberOf(object, 'g')?.kind).toBe('method');
  noteWritten(object, 'h', theirs);
  object.h = theirs;
  expect(memberOf(object, 'h')).toEqual({ kind: 'data', value: theirs });
});

test('clear takes the data of a plain object and leaves its methods', () => {
  const object = { f: () => 1, x: 1 };
  expect(() => on(OBJECT_FACADE, object)('clear')).toThrow("'f' is a method of this object: it cannot be deleted");
  expect(Object.keys(object)).toEqual(['f', 'x']);
  on(DATA_FACADE, object)('clear');
  expect(Object.keys(object)).toEqual(['f']);
});

test('a list is reached by its indices, and grows by its methods alone', () => {
  const items: unknown[] = [1, 2];
  const list = on(LIST_FACADE, items);
  for (const key of ['length', 'constructor', '0', 0.5, [0], null])
    for (const run of [
      () => list('__getitem__', key),
      () => list('__setitem__', key, 9),
      () => list('__delitem__', key),
      () => list('pop', key),
      () => list('insert', key, 9),
    ])
      expect(run).toThrow(exceptions.TypeError);
  for (const index of [2, 2 ** 32 - 1, 2 ** 32, -3]) {
    expect(() => list('__getitem__', index)).toThrow(exceptions.IndexError);
    expect(() => list('__setitem__', index, 9)).toThrow(exceptions.IndexError);
  }
  expect(() => list('append', kwargs({ x: 1 }))).toThrow('list.append() takes no keyword arguments');
  expect(() => list('append')).toThrow('list.append() takes exactly one argument (0 given)');
  expect(() => list('sort', kwargs({ __proto__: null, cmp: 1 }))).toThrow(
    "'cmp' is an invalid keyword argument for sort()",
  );
  expect(items).toEqual([1, 2]);
  const sealed = Object.seal([1]);
  for (const args of [['append', 2], ['clear'], ['__delitem__', 0]])
    expect(() => on(LIST_FACADE, sealed)(...(args as [string]))).toThrow('this list has a fixed length');
  expect(() => on(LIST_FACADE, new Int8Array(1))('__setitem__', 0, 300)).toThrow(exceptions.OverflowError);
});

test('a bound function is of the method that is there now', () => {
  const object = {};
  const [first, second] = [() => 1, () => 2];
  const bound = (fn: () => number) => bind(object, 'f', fn, () => () => fn());
  expect(bound(first)).toBe(bound(first));
  expect(bound(second)()).toBe(2);
});

// --- requests ------------------------------------------------------------------------------------------------------

test('every request that reads an attribute on the way asks the policy for it', async () => {
  class Machine {
    secret() {
      return 'secret';
    }
    exposed_open() {
      return 'open';
    }
    __eq__() {
      return true;
    }
    __exit__() {
      return 'left';
    }
    __iter__() {
      return [1, 2][Symbol.iterator]();
    }
  }
  const given = { machine: new Machine(), iterator: [1, 2][Symbol.iterator](), list: [1, 2] };
  const open = await client(given);
  const shut = await client(given, { allow_safe_attrs: false });
  const requests: [keyof typeof given, number, ...unknown[]][] = [
    ['machine', H.HANDLE_GETATTR, '__eq__'],
    ['machine', H.HANDLE_CALLATTR, '__eq__', t(1), t()],
    ['machine', H.HANDLE_CMP, 1, '__eq__'],
    ['machine', H.HANDLE_CMP, 1, '__ne__'],
    ['machine', H.HANDLE_CTXEXIT, null],
    ['machine', H.HANDLE_BUFFITER, 2],
    ['iterator', H.HANDLE_BUFFITER, 2],
    ['list', H.HANDLE_BUFFITER, 2],
    ['list', H.HANDLE_CMP, 1, '__eq__'],
    ['list', H.HANDLE_CMP, 1, '__ne__'],
    ['list', H.HANDLE_CALLATTR, '__len__', t(), t()],
    ['list', H.HANDLE_OLDSLICING, '__getitem__', '__getitem__', 0, 1, t()],
  ];
  for (const [name, handler, ...args] of requests) {
    const what = [name, H.HANDLER_NAMES[handler], ...args];
    expect([...what, await open(name, handler, ...args).then(() => 'answered')]).toEqual([...what, 'answered']);
    const answer = await shut(name, handler, ...args).catch((error) => error.name);
    expect([...what, answer]).toEqual([...what, 'AttributeError']);
  }
  for (const [handler, ...args] of [
    [H.HANDLE_CMP, 1, 'secret'],
    [H.HANDLE_OLDSLICING, 'secret', 'secret', 0, 1, t()],
    [H.HANDLE_OLDSLICING, 'absent', 'secret', 0, 1, t()],
    [H.HANDLE_OLDSLICING, 'secret', 'absent', 0, 1, t()],
  ] as [number, ...unknown[]][])
    await expect(open('machine', handler, ...args)).rejects.toBeInstanceOf(exceptions.AttributeError);
  expect(await open('machine', H.HANDLE_OLDSLICING, 'absent', 'open', 0, 1, t())).toBe('open');
});

test('what is no object of ours, or no function, is not called', async () => {
  const { conn } = await serving({ box: Object.assign(new Point(), { exposed_n: 5 }) });
  const box = await conn.root.give('box');
  for (const handler of [H.HANDLE_GETATTR, H.HANDLE_CALL, H.HANDLE_STR, H.HANDLE_DIR])
    await expect(conn.asyncRequest(handler, 5, 'x')).rejects.toThrow(
      'not a reference to an object of this side: number',
    );
  await expect(conn.asyncRequest(H.HANDLE_CALLATTR, box, 'n', t(), t())).rejects.toThrow('this number is not callable');
});

test('of an endless iterator a peer gets 65536 items in one answer, whatever it asks for', async () => {
  const ask = await client({
    endless: (function* () {
      for (;;) yield 1;
    })(),
  });
  expect(await ask('endless', H.HANDLE_BUFFITER, 2 ** 17)).toHaveLength(65_536);
});

test('a view shows and takes the names that it lists, and no forbidden one that it lists', () => {
  class Account {
    balance = 1;
    pin = 2;
    pay() {
      return 'paid';
    }
  }
  const account = new Account();
  const view = rpyc.restricted(account, ['balance', 'pay', ...FORBIDDEN_NAMES], ['balance', ...FORBIDDEN_NAMES]);
  for (const config of [{}, OPEN]) {
    const a = access(config);
    expect([a.getattr(view, 'balance'), (a.getattr(view, 'pay') as any)()]).toEqual([1, 'paid']);
    expect(() => a.getattr(view, 'pin')).toThrow(exceptions.AttributeError);
    expect(() => a.method(view, 'pin')).toThrow(exceptions.AttributeError);
    for (const name of ['pin', 'pay']) expect(() => a.setattr(view, name, 9)).toThrow(exceptions.AttributeError);
    for (const name of ['balance', 'pin']) expect(() => a.delattr(view, name)).toThrow(exceptions.AttributeError);
    for (const name of FORBIDDEN_NAMES) {
      expect(() => a.getattr(view, name)).toThrow(denied(name));
      expect(() => a.setattr(view, name, {})).toThrow(denied(name));
    }
  }
  access().setattr(view, 'balance', 5);
  expect(account).toEqual(Object.assign(new Account(), { balance: 5 }));
});

test('a configuration that says nothing lets nobody write, delete, pickle, or read what is not exposed', () => {
  const { safe_attrs, ...rest } = makeConfig();
  expect(rest).toMatchObject({
    allow_public_attrs: false,
    allow_all_attrs: false,
    allow_setattr: false,
    allow_delattr: false,
    allow_pickle: false,
  });
  for (const name of [
    '__call__',
    '__class__',
    '__dict__',
    '__init__',
    '__reduce__',
    '__getattribute__',
    '__setattr__',
    '__delattr__',
  ])
    expect([name, safe_attrs.has(name)]).toEqual([name, false]);
  for (const name of safe_attrs) expect(name).toMatch(/^(?:__[a-z_]+__|next)$/);
});

test('keywords have names that are str and not forbidden, and no prototype', () => {
  for (const name of [...FORBIDDEN_NAMES, 5, null, ['x'], { toString: () => '__proto__' }, undefined])
    expect(() => kwargsFromPairs([[name, { polluted: true }]])).toThrow('bad keyword argument name');
  for (const odd of [5, null, 'ab', {}]) expect(() => kwargsFromPairs([odd])).toThrow('bad keyword argument name');
  for (const named of [kwargsFromPairs([['toString', 1]]), kwargs({ toString: 1 })])
    expect([Object.getPrototypeOf(named), Object.entries(named)]).toEqual([null, [['toString', 1]]]);
});

// --- the peer's names on our side ----------------------------------------------------------------------------------

test("a copy of a peer's dict is an object without a prototype, in which __proto__ is a key", async () => {
  const given = new Map(FORBIDDEN_NAMES.map((name) => [name, new Map([['polluted', true]])]));
  const { conn } = await serving({ given });
  const copy = await rpyc.value<any>(await conn.root.give('given'), { dicts: 'object' });
  expect([Object.getPrototypeOf(copy), Object.keys(copy)]).toEqual([null, FORBIDDEN_NAMES]);
  expect(copy.polluted).toBeUndefined();
  expect(({} as any).polluted).toBeUndefined();
});

test("a copy of a peer's namedtuple has fields of any name, and no prototype", async () => {
  class Named {
    static rpycModule = 'elsewhere';
    _fields = t('__proto__', 'constructor', 'fine');
    _asdict() {}
    *[Symbol.iterator]() {
      yield t(1);
      yield t(2);
      yield t(3);
    }
  }
  const { conn } = await serving({ given: new Named() }, { allow_all_attrs: true });
  const copy = await rpyc.value<any>(await conn.root.give('given'));
  expect(Object.entries(copy)).toEqual([
    ['__proto__', [1]],
    ['constructor', [2]],
    ['fine', [3]],
  ]);
  expect(Object.getPrototypeOf(copy)).toBe(null);
});

test('a class of a peer that is called like a member of Object has no shape of its own', () => {
  for (const name of [...FORBIDDEN_NAMES, 'toString', 'hasOwnProperty', 'valueOf'])
    expect(shapeOf(new Holder({} as Partial<Peer> as Peer, 1, { name, methods: undefined }, false))).toBeUndefined();
});

test('names that await, JSON and test runners ask for are never asked of a peer', async () => {
  const { conn } = await serving({ point: new Point() });
  const remote: any = await conn.root.give('point');
  const before = conn.stats.messagesOut;
  for (const name of [
    'then',
    'catch',
    'finally',
    'toJSON',
    'constructor',
    'prototype',
    '__proto__',
    'asymmetricMatch',
    '$$typeof',
  ])
    expect([name, holderOf(remote[name])]).toEqual([name, undefined]);
  expect(await remote).toBe(remote);
  expect(JSON.stringify({ remote: 1, constructor: remote.constructor?.name })).toBeTypeOf('string');
  await new Promise((resolve) => setImmediate(resolve));
  expect(conn.stats.messagesOut).toBe(before);
});

test('a method that was called before is looked up again when it is no longer there', async () => {
  const object = Object.assign(new Point(), { exposed_go: (): string => 'first' });
  const { conn } = await serving({ object });
  const remote: any = await conn.root.give('object');
  expect([await remote.go(), await remote.go()]).toEqual(['first', 'first']);
  object.exposed_go = () => 'second';
  expect(await remote.go()).toBe('second');
  Reflect.deleteProperty(object, 'exposed_go');
  await expect(remote.go()).rejects.toBeInstanceOf(exceptions.AttributeError);
  Object.assign(object, { exposed_go: Function });
  for (let i = 0; i < 2; i++) await expect(remote.go('return 1')).rejects.toBeInstanceOf(exceptions.AttributeError);
});

test('a peer that names three hundred methods makes us remember no more than 256', async () => {
  const object = new Proxy(new Point(), {
    getOwnPropertyDescriptor: (target, key) =>
      /^exposed_n\d+$/.test(String(key))
        ? { value: () => key, configurable: true, enumerable: true, writable: true }
        : Reflect.getOwnPropertyDescriptor(target, key),
    get: (target, key) => (/^exposed_n\d+$/.test(String(key)) ? () => key : Reflect.get(target, key)),
  });
  const { server, conn } = await serving({ object });
  const remote: any = await conn.root.give('object');
  for (let n = 0; n < 300; n++) expect(await remote[`n${n}`]()).toBe(`exposed_n${n}`);
  const [side] = server.connections;
  const { exports } = side as unknown as { exports: { byObject: Map<object, { methods?: Map<string, unknown> }> } };
  expect(exports.byObject.get(object)?.methods?.size).toBe(256);
});
