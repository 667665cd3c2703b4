// What an exception of the peer's may be made of, and what of ours is told: every name that could stand for something on an error, by every way
// that a payload has. That the peer's class names reach the fixed tables alone is test/unit/exceptions/load.test.ts.
import { expect, onTestFinished, test } from 'vitest';
import { describe, usableAttr } from '../../src/exceptions/describe.ts';
import { jsErrorOf } from '../../src/exceptions/js-error.ts';
import { loadException } from '../../src/exceptions/load.ts';
import * as rpyc from '../../src/index.ts';
import { exceptionClass, registerException } from '../../src/python/exceptions.ts';
import { FORBIDDEN_NAMES } from './names.ts';

/** What our code, or anybody's, reads or calls on an error. */
const MEMBERS: readonly string[] = [
  ...'name message stack cause args attrs pyModule pyName remoteTraceback remoteVersion hint toString valueOf then toJSON'.split(
    ' ',
  ),
  ...'hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString'.split(' '),
];

const set: unknown[] = [];
class Registered extends Error {
  status = 'made';
  constructor(message: string) {
    super(message);
    const accessor = { get: () => 'own', set: (value: unknown) => void set.push(value) };
    Object.defineProperty(this, 'watched', { ...accessor, configurable: true });
  }
  set settable(value: unknown) {
    set.push(value);
  }
  describe() {
    return 'the class speaks';
  }
}
registerException('guards.Registered', Registered);
class Picky extends Error {
  constructor() {
    super('picky');
    throw new RangeError('takes nothing that a peer has');
  }
}
registerException('guards.Picky', Picky);

const record = (cls: string | null, data: unknown[]): unknown[] => [cls, null, null, null, null, data];
const payload = (module: string, name: string, attrs: unknown[], js?: unknown[]): unknown[] => [
  [module, name],
  ['m'],
  js === undefined ? attrs : [...attrs, ['js_error', js]],
  'tb',
];
const CLASSES = [
  ['builtins', 'ValueError', 'RangeError'],
  ['builtins', 'ValueError', 'DOMException'],
  ['builtins', 'OSError', 'Error'],
  ['other', 'Unknown', 'AggregateError'],
  ['other', 'Unknown', null],
  ['guards', 'Registered', null],
] as const;
const WAYS: readonly [string, (cls: (typeof CLASSES)[number], name: string) => unknown[]][] = [
  ['an attribute of Python', ([module, name], key) => payload(module, name, [[key, 'evil']])],
  [
    'an attribute of JavaScript',
    ([module, name, cls], key) => payload(module, name, [[key, 'evil']], [record(cls, [])]),
  ],
  ['data', ([module, name, cls], key) => payload(module, name, [], [record(cls, [[key, 0, 'evil']])])],
  ['data in JSON', ([module, name, cls], key) => payload(module, name, [], [record(cls, [[key, 1, '"evil"']])])],
];

test.each(WAYS)('no member of an error is replaced, nor a forbidden name given to it, by %s', (_way, make) => {
  for (const cls of CLASSES)
    for (const name of [...FORBIDDEN_NAMES, ...MEMBERS, 'js_error']) {
      const sent = make(cls, name);
      // Without a traceback of the peer's, its stack is what it was made with.
      if (name === 'stack') sent[3] = '';
      const error = loadException(sent) as any;
      expect(error).toBeInstanceOf(Error);
      expect([cls, name, error[name]]).not.toEqual([cls, name, 'evil']);
      expect(Object.keys(error)).not.toContain(name);
      if (FORBIDDEN_NAMES.includes(name) || !(name in new Error('plain'))) {
        const own = Object.getOwnPropertyDescriptor(error, name);
        expect([cls, name, own?.value]).not.toEqual([cls, name, 'evil']);
      }
      expect(Object.hasOwn(error.attrs ?? {}, name) && FORBIDDEN_NAMES.includes(name)).toBe(false);
      expect(Object.getPrototypeOf(error.attrs ?? Object.create(null))).toBe(null);
    }
});

test.each(WAYS)('any other name becomes a property, by %s', (_way, make) => {
  for (const cls of CLASSES) expect((loadException(make(cls, 'details')) as any).details).toBe('evil');
});

test('a registered class keeps its methods and setters, whatever data a peer sends', () => {
  const names = ['describe', 'settable', 'watched', 'status', 'fine'];
  const attrs = names.map((name) => [name, 'evil']);
  const data = names.map((name) => [name, 0, 'evil']);
  for (const js of [undefined, [record(null, [])], [record(null, data)]]) {
    const error = loadException(payload('guards', 'Registered', attrs, js)) as any;
    expect(error).toBeInstanceOf(Registered);
    expect([error.describe(), error.fine]).toEqual(['the class speaks', 'evil']);
    expect(Object.hasOwn(error, 'describe') || Object.hasOwn(error, 'settable')).toBe(false);
    // What its constructor put there was made of the args, which are all that Python throws; JavaScript's data say more.
    expect([error.status, error.watched]).toEqual(js === undefined ? ['made', 'own'] : ['evil', 'evil']);
  }
  expect(set).toEqual([]);
});

test('a registered class whose constructor throws leaves a PythonError of its name', () => {
  for (const js of [undefined, [record('RangeError', [])]]) {
    const error = loadException(payload('guards', 'Picky', [], js));
    expect(error).toBeInstanceOf(rpyc.PythonError);
    expect(String(error)).toContain('guards.Picky');
  }
});

test('a class is looked up in the tables alone, not in what they inherit', () => {
  for (const name of [...FORBIDDEN_NAMES, 'toString', 'hasOwnProperty', 'valueOf'])
    for (const module of ['builtins', '', 'Object', '__proto__']) expect(exceptionClass(module, name)).toBeUndefined();
});

test('records, properties and JSON of a peer are bounded', () => {
  const many = (count: number) => Array.from({ length: count }, () => record('RangeError', []));
  expect(loadException(payload('builtins', 'ValueError', [], many(32)))).toBeInstanceOf(RangeError);
  expect(loadException(payload('builtins', 'ValueError', [], many(33)))).not.toBeInstanceOf(RangeError);
  const data = Array.from({ length: 70 }, (_, n) => [`p${n}`, 0, n]);
  expect(Object.keys(loadException(payload('builtins', 'ValueError', [], [record('RangeError', data)])))).toHaveLength(
    64,
  );
  const text = (length: number) =>
    loadException(
      payload('builtins', 'ValueError', [], [record('RangeError', [['p', 1, `"${'x'.repeat(length - 2)}"`]])]),
    );
  expect([Object.keys(text(65_536)), Object.keys(text(65_537))]).toEqual([['p'], []]);
});

test('forms that no peer of ours sends are no exception to anything', () => {
  for (const odd of [
    null,
    5,
    {},
    [],
    [['builtins', 'ValueError']],
    ['builtins', [], [], ''],
    [{}, [], [], ''],
    [[{ toString: () => expect.unreachable() }, {}], {}, {}, {}],
    payload('builtins', 'ValueError', [
      [Object.freeze(['caller']), 'evil'],
      [{ toString: () => 'caller' }, 'evil'],
      5,
      null,
    ]),
    payload(
      'builtins',
      'ValueError',
      [],
      [
        record('RangeError', [
          [['caller'], 0, 'evil'],
          [{ toString: () => 'caller' }, 0, 'evil'],
          [5, 0, 'evil'],
        ]),
      ],
    ),
  ]) {
    const error = loadException(odd);
    expect(error).toBeInstanceOf(Error);
    expect(Object.keys(error)).toEqual([]);
  }
});

// --- what we tell --------------------------------------------------------------------------------------------------

const told = (thrown: Error): { attrs: string[]; data: string[] } => {
  const found = describe(thrown);
  found.attrs = found.attrs.filter(([name, value]) => usableAttr(found, name, value));
  const records = jsErrorOf(thrown, found, true, () => expect.unreachable()) as readonly (readonly unknown[])[];
  return {
    attrs: found.attrs.map(([name]) => name),
    data: (records[0][5] as unknown[][]).map(([name]) => String(name)),
  };
};

test('an error of ours tells no property under a name that means something to an error', () => {
  for (const name of [...FORBIDDEN_NAMES, 'name', 'message', 'stack', 'cause', 'errors', 'js_error'])
    for (const value of name === 'message' ? ['text'] : ['text', { a: 1 }]) {
      const thrown = new RangeError('m');
      Object.defineProperty(thrown, name, { value, enumerable: true, configurable: true, writable: true });
      Object.assign(thrown, { fine: 'text', detail: { a: 1 } });
      expect([name, told(thrown)]).toEqual([name, { attrs: ['fine', 'detail'], data: ['detail'] }]);
    }
});

test('no getter runs and no function is told when the data of an error are copied', () => {
  const detail = {
    a: 1,
    get sly() {
      return expect.unreachable('the getter ran');
    },
  };
  const thrown = Object.assign(new RangeError('m'), {
    method: () => 1,
    detail,
    toJSON: () => expect.unreachable('toJSON ran'),
  });
  expect(told(thrown).data).not.toContain('method');
});

test('a code that is named as a member of Object is no system error of Python', () => {
  for (const code of ['constructor', 'toString', '__proto__', 'hasOwnProperty'])
    expect(describe(Object.assign(new Error('m'), { code, errno: -2, syscall: 'open' })).name).toBe('OSError');
});

test('what was thrown is told by its text where it cannot be read, and without stack or version where the configuration says so', async () => {
  const trap = () => {
    throw new Error('the trap of a Proxy');
  };
  class Thrower extends rpyc.Service {
    exposed_odd() {
      throw new Proxy(new Error('odd'), {
        get: trap,
        getPrototypeOf: trap,
        ownKeys: trap,
        getOwnPropertyDescriptor: trap,
      });
    }
    exposed_fail() {
      throw new RangeError('told');
    }
  }
  for (const [include_local_traceback, include_local_version] of [
    [true, true],
    [false, false],
  ]) {
    const config = { include_local_traceback, include_local_version, log_exceptions: false };
    const server = new rpyc.Server(Thrower, { config });
    await server.start();
    onTestFinished(() => server.close());
    const conn = await rpyc.connect('127.0.0.1', server.port);
    onTestFinished(() => conn.abort());
    await expect(conn.root.odd()).rejects.toThrow('cannot be read');
    const error = await conn.root.fail().then(
      () => expect.unreachable(),
      (caught: unknown) => caught as any,
    );
    expect(error.message).toBe('told');
    expect(error.remoteVersion).toMatch(include_local_version ? /\+node$/ : /^<version denied>$/);
    expect([error.remoteTraceback.includes('exceptions.test.ts'), error.remoteTraceback.includes('denied')]).toEqual(
      include_local_traceback ? [true, false] : [false, true],
    );
  }
});
