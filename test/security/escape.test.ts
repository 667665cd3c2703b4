// The escape table: every name of names.ts, by every request that takes a name, on every kind of object, under four configurations, in both
// directions. An attempt may be refused or change the attacked object's own data; it never yields or changes anything of JavaScript's own.
import { expect, onTestFinished, test } from 'vitest';
import * as H from '../../src/constants.ts';
import * as rpyc from '../../src/index.ts';
import { type Holder, holderOf } from '../../src/refs/holder.ts';
import { forbidden } from '../support/owner.ts';
import { ATTACKS, FORBIDDEN_NAMES } from './names.ts';

const CONFIGS: readonly [string, Record<string, unknown>][] = [
  ['the default', {}],
  ['public attributes', { allow_public_attrs: true }],
  ['public attributes, written and deleted', { allow_public_attrs: true, allow_setattr: true, allow_delattr: true }],
  ['all attributes, written and deleted', { allow_all_attrs: true, allow_setattr: true, allow_delattr: true }],
];

// A hundred thousand refusals: their stacks would take most of the time.
Error.stackTraceLimit = 0;

class Point {
  x = 1;
  exposed_y = 2;
  exposed_move() {
    return 'moved';
  }
}

/** Functions under forbidden names that somebody called. */
const called: string[] = [];

const TARGETS: Record<string, () => object> = {
  function: () => function named() {},
  'arrow function': () => () => 1,
  'bound function': () => function named() {}.bind(null),
  'async function': () => async () => 1,
  class: () => class Fresh {},
  instance: () => new Point(),
  array: () => [1, 2],
  map: () => new Map([['k', 1]]),
  set: () => new Set([1]),
  'plain object': () => ({ a: 1, f: () => 1 }),
  'null-prototype object': () => Object.assign(Object.create(null), { a: 1 }),
  'literal with methods': () => ({
    a: 1,
    f() {
      return 1;
    },
    later: async () => 1,
    get accessor() {
      called.push('accessor');
      return 1;
    },
    Point,
    code: Reflect.get(globalThis, 'eval'),
    Make: Function,
    MakeLater: (async () => {}).constructor,
    [Symbol.iterator]: () => called.push('Symbol.iterator'),
  }),
  // In a tuple, as a promise is: a literal with `then` is one.
  'literal with forbidden names': () => rpyc.tuple(forbidden((name) => String(called.push(name)))) as unknown as object,
  generator: () => (function* () {})(),
  'async generator': () => (async function* () {})(),
  date: () => new Date(0),
  regexp: () => /x/,
  error: () => new Error('e'),
  promise: () => rpyc.tuple(Promise.resolve(1)) as unknown as object,
  'typed array': () => new Int32Array(2),
  'weak map': () => new WeakMap(),
};

/** Everything that JavaScript itself defines: reachable from the global object and from syntax. */
const INTRINSIC = new Set<unknown>();
function learn(value: unknown): void {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || INTRINSIC.has(value)) return;
  if (value === process || value === globalThis || value === console) return;
  INTRINSIC.add(value);
  for (const key of Reflect.ownKeys(value)) {
    const descriptor = Object.getOwnPropertyDescriptor(value, key);
    for (const part of [descriptor?.value, descriptor?.get, descriptor?.set]) learn(part);
  }
}
for (const name of 'Object Function Array Map Set WeakMap WeakSet Promise Date RegExp Error TypeError RangeError Symbol Reflect Proxy JSON Math Number String Boolean BigInt ArrayBuffer DataView Int8Array Int32Array eval'.split(
  ' ',
))
  learn((globalThis as Record<string, unknown>)[name]);
for (const value of [async () => {}, function* () {}, async function* () {}, [].values(), new Map().entries()])
  for (let p = Object.getPrototypeOf(value); p !== null; p = Object.getPrototypeOf(p)) learn(p);

/** A picture of all of it: keys and values. */
function picture(): Map<unknown, string[]> {
  const seen = new Map<unknown, string[]>();
  for (const value of INTRINSIC) {
    const parts: unknown[] = [Object.getPrototypeOf(value)];
    for (const key of Reflect.ownKeys(value as object)) {
      const d = Object.getOwnPropertyDescriptor(value as object, key);
      parts.push(key, d?.value, d?.get, d?.set, d?.writable);
    }
    seen.set(value, parts.map(identity));
  }
  return seen;
}
const ids = new Map<unknown, number>();
function identity(value: unknown): string {
  const number = ids.get(value) ?? ids.size;
  ids.set(value, number);
  return String(number);
}

/** Objects that `conn` handed to its peer. */
const handedOut = (conn: rpyc.Connection): object[] => [
  ...(conn as unknown as { exports: { byObject: Map<object, unknown> } }).exports.byObject.keys(),
];

type Attempt = [
  path: string,
  ask: (conn: rpyc.Connection, on: Holder, name: string) => Promise<unknown>,
  reads: boolean,
];
const t = rpyc.tuple;
const request =
  (handler: number, ...args: (string | null | readonly unknown[])[]) =>
  (conn: rpyc.Connection, on: Holder, name: string): Promise<unknown> =>
    conn.asyncRequest(
      handler,
      on,
      ...args.map((arg) =>
        arg === NAME ? name : Array.isArray(arg) ? t(...arg.map((a) => (a === NAME ? name : a))) : arg,
      ),
    );
const NAME = '\u0001name';
const ATTEMPTS: Attempt[] = [
  ['GETATTR', request(H.HANDLE_GETATTR, NAME), true],
  ['GETATTR by bytes', (conn, on, name) => conn.asyncRequest(H.HANDLE_GETATTR, on, Buffer.from(name)), true],
  ['SETATTR', request(H.HANDLE_SETATTR, NAME, 'evil'), false],
  ['DELATTR', request(H.HANDLE_DELATTR, NAME), false],
  ['CALLATTR', request(H.HANDLE_CALLATTR, NAME, ['return 1'], []), true],
  ['CMP', request(H.HANDLE_CMP, null, NAME), true],
  ['OLDSLICING, attempt', request(H.HANDLE_OLDSLICING, NAME, NAME, null, null, []), true],
  ['OLDSLICING, fallback', request(H.HANDLE_OLDSLICING, '__absent__', NAME, null, null, []), true],
  ['__getitem__', request(H.HANDLE_CALLATTR, '__getitem__', [NAME], []), true],
  ['get', request(H.HANDLE_CALLATTR, 'get', [NAME, null], []), true],
  ['pop', request(H.HANDLE_CALLATTR, 'pop', [NAME, null], []), true],
  ['__setitem__', request(H.HANDLE_CALLATTR, '__setitem__', [NAME, 'evil'], []), false],
  [
    '__setitem__ of a function',
    (conn, on, name) =>
      conn.asyncRequest(
        H.HANDLE_CALLATTR,
        on,
        '__setitem__',
        t(name, () => 'evil'),
        t(),
      ),
    false,
  ],
  ['setdefault', request(H.HANDLE_CALLATTR, 'setdefault', [NAME, 'evil'], []), false],
  ['update', (conn, on, name) => conn.asyncRequest(H.HANDLE_CALLATTR, on, 'update', t(t(t(name, 'evil'))), t()), false],
  ['__delitem__', request(H.HANDLE_CALLATTR, '__delitem__', [NAME], []), false],
  [
    'kwargs of CALLATTR',
    (conn, on, name) => conn.asyncRequest(H.HANDLE_CALLATTR, on, 'update', t(), t(t(name, 'evil'))),
    false,
  ],
  ['kwargs of CALL', (conn, on, name) => conn.asyncRequest(H.HANDLE_CALL, on, t(), t(t(name, 'evil'))), false],
  ['CTXEXIT', request(H.HANDLE_CTXEXIT, NAME), false],
  ['PICKLE', request(H.HANDLE_PICKLE, NAME), true],
];

/** A key that was written is read back: what the attacker put there itself, or an item of a Set. */
const harmless = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  value === rpyc.NotImplemented ||
  value === 'evil' ||
  typeof value === 'boolean';

async function attack(
  conn: rpyc.Connection,
  on: Holder,
  target: object,
): Promise<{ attempts: number; escapes: string[] }> {
  const escapes: string[] = [];
  const prototype = Object.getPrototypeOf(target);
  const own = FORBIDDEN_NAMES.filter((name) => Object.hasOwn(target, name));
  // Reads first: afterwards some names are the attacker's own data.
  for (const [path, ask, reads] of [...ATTEMPTS].sort((a, b) => Number(b[2]) - Number(a[2]))) {
    const answers = await Promise.allSettled(ATTACKS.map((name) => ask(conn, on, name)));
    for (const [n, answer] of answers.entries()) {
      const name = ATTACKS[n];
      if (answer.status === 'fulfilled' && reads && !harmless(answer.value) && !isOwnData(target, name, answer.value))
        escapes.push(`${path} of ${JSON.stringify(name)} answered ${String(typeof answer.value)}`);
      if (answer.status === 'fulfilled' && FORBIDDEN_NAMES.includes(name) && path.endsWith('ATTR'))
        escapes.push(`${path} of ${name} was allowed`);
    }
  }
  if (Object.getPrototypeOf(target) !== prototype) escapes.push('the prototype was replaced');
  for (const name of FORBIDDEN_NAMES)
    if (Object.hasOwn(target, name) !== own.includes(name) && typeof target !== 'function')
      escapes.push(`own ${name} was made or deleted`);
  const told = [
    ...((await conn.asyncRequest(H.HANDLE_DIR, on)) as string[]),
    ...(on.isClass ? [] : ((await conn.asyncRequest(H.HANDLE_DIR, on)) as string[])),
  ];
  for (const name of told) if (FORBIDDEN_NAMES.includes(name)) escapes.push(`DIR told ${name}`);
  return { attempts: ATTEMPTS.length * ATTACKS.length, escapes };
}

/** A facade's answer with the object's own data: an index of a list, the attribute of an instance with public attributes. */
const isOwnData = (target: object, name: string, value: unknown): boolean =>
  (Array.isArray(target) || ArrayBuffer.isView(target) || target instanceof Map || target instanceof Set) &&
  typeof value !== 'object' &&
  typeof value !== 'function'
    ? true
    : Object.hasOwn(target, name) && !FORBIDDEN_NAMES.includes(name);

/** What is made in a tuple is the tuple's item. */
const within = (made: object): object => (Array.isArray(made) && Object.isFrozen(made) ? made[0] : made);

/** The getter of a literal never runs; with public attributes `then` is a method like others. */
const misused = (): string[] => called.filter((name) => name !== 'then');

class Desk extends rpyc.Service {
  static readonly made = new Map<string, object>();
  taken: unknown;
  exposed_make(kind: string) {
    return Desk.made.get(kind);
  }
  exposed_take(object: unknown) {
    this.taken = object;
  }
}

async function pair(serverConfig: Record<string, unknown>, clientConfig: Record<string, unknown>) {
  const service = new Desk();
  const server = new rpyc.Server(service, { config: { ...serverConfig, log_exceptions: false } });
  await server.start();
  onTestFinished(() => server.close());
  const conn = await rpyc.connect('127.0.0.1', server.port, { config: { ...clientConfig, log_exceptions: false } });
  onTestFinished(() => conn.abort());
  await conn.root.take(null);
  const [serverSide] = server.connections;
  return { service, conn, serverSide };
}

test('the table has more than 117 names', () => {
  expect(new Set(ATTACKS).size).toBe(ATTACKS.length);
  expect(ATTACKS.length).toBeGreaterThanOrEqual(117);
});

test.each(CONFIGS)('no request of a client escapes a server with %s', async (_name, config) => {
  const before = picture();
  const { conn, serverSide } = await pair(config, {});
  let attempts = 0;
  for (const [kind, make] of Object.entries(TARGETS)) {
    const made = make();
    Desk.made.set(kind, made);
    const got = await conn.root.make(kind);
    const ref = holderOf(got) ?? holderOf((got as unknown[])[0]);
    const target = within(made);
    const found = await attack(conn, ref as Holder, target);
    attempts += found.attempts;
    expect({ kind, escapes: found.escapes }).toEqual({ kind, escapes: [] });
    expect(handedOut(serverSide).filter((object) => INTRINSIC.has(object) && object !== target)).toEqual([]);
    if (ref?.isClass === false)
      for (const [method] of (await inspected(conn, ref)) as [string][]) expect(FORBIDDEN_NAMES).not.toContain(method);
  }
  const root = await attack(
    conn,
    holderOf(await rpyc.getattr(conn.root, 'make').then(() => conn.asyncRequest(H.HANDLE_GETROOT))) as Holder,
    serviceOf(serverSide),
  );
  expect(root.escapes).toEqual([]);
  expect(misused()).toEqual([]);
  expect(attempts).toBe(Object.keys(TARGETS).length * ATTEMPTS.length * ATTACKS.length);
  expect(picture()).toEqual(before);
  expect(conn.closed).toBe(false);
});

test.each(CONFIGS)('no request of a server escapes a client with %s', async (_name, config) => {
  const before = picture();
  const { service, conn, serverSide } = await pair({}, config);
  for (const [kind, make] of Object.entries(TARGETS)) {
    const made = make();
    await conn.root.take(made);
    const ref = holderOf(service.taken) ?? holderOf((service.taken as unknown[])[0]);
    const target = within(made);
    const found = await attack(serverSide, ref as Holder, target);
    expect({ kind, escapes: found.escapes }).toEqual({ kind, escapes: [] });
    expect(handedOut(conn).filter((object) => INTRINSIC.has(object))).toEqual([]);
  }
  expect(misused()).toEqual([]);
  expect(picture()).toEqual(before);
});

test.each(CONFIGS)('what a literal hides is reached by no request, with %s', async (_name, config) => {
  const { conn, serverSide } = await pair(config, {});
  for (const literal_methods of [true, false]) {
    serverSide.config.literal_methods = literal_methods;
    Desk.made.set('literal', TARGETS['literal with methods']());
    const ref = holderOf(await conn.root.make('literal')) as Holder;
    const hidden = ['accessor', 'code', 'Make', 'MakeLater', ...FORBIDDEN_NAMES];
    const reads = ATTEMPTS.filter(([path, , isRead]) => isRead && path !== 'CMP' && path !== 'PICKLE');
    for (const [path, ask] of reads)
      for (const name of literal_methods ? hidden : [...hidden.slice(1), 'f', 'later', 'Point']) {
        const answer = await ask(conn, ref, name).catch(() => 'refused');
        const byPolicy = path !== '__getitem__' && (config.allow_public_attrs || config.allow_all_attrs);
        // As attributes, what is neither forbidden nor makes code is the policy's to tell.
        if (byPolicy && ['f', 'later', 'Point', 'accessor'].includes(name)) continue;
        expect([path, name, answer === null ? 'refused' : answer]).toEqual([path, name, 'refused']);
      }
    for (const name of ['f', 'later', 'Point', 'code', 'accessor'])
      for (const [path, ask] of ATTEMPTS.filter(([path]) => /^__(set|del)item__$|^(SET|DEL)ATTR$|^pop$/.test(path))) {
        // As attributes, an accessor is the policy's to delete; without literal_methods, all of them are.
        if (path.endsWith('ATTR') && (!literal_methods || name === 'accessor')) continue;
        const before = Object.getOwnPropertyDescriptor(Desk.made.get('literal'), name);
        await ask(conn, ref, name).catch(() => undefined);
        const after = Object.getOwnPropertyDescriptor(Desk.made.get('literal'), name);
        expect([path, name, after]).toEqual([path, name, before]);
      }
  }
});

const inspected = (conn: rpyc.Connection, ref: Holder): Promise<unknown> =>
  import('../../src/refs/holder.ts').then(({ IdPackOf }) => conn.asyncRequest(H.HANDLE_INSPECT, new IdPackOf(ref)));

const serviceOf = (conn: rpyc.Connection): object =>
  (conn as unknown as { localRoot: { object: object } }).localRoot.object;
