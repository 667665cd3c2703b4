// What a Node middle asks of the owner of a chained reference, for each request of its client: what our policy towards the client lets through,
// by the name that it lets through, and nothing else. The owner is a recorder: it answers whatever it is asked, as one that allows everything.
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import * as H from '../../src/constants.ts';
import * as rpyc from '../../src/index.ts';
import { kindOf } from '../../src/objects/kinds.ts';
import { type Config, makeConfig } from '../../src/policy/config.ts';
import { type ForwardingSide, forward, forwardCall, forwardInstanceCheck } from '../../src/protocol/chain.ts';
import { exceptions } from '../../src/python/exceptions.ts';
import { kwargs } from '../../src/python/values.ts';
import { HOLDER, Holder, holderOf, IdPackOf, type Peer, type RemoteClass } from '../../src/refs/holder.ts';
import { FORBIDDEN_NAMES } from './names.ts';

/** What owners were asked: CALLATTR and CALL as `call`, by name; anything else by its arguments after the object. */
let asked: unknown[][] = [];
beforeEach(() => {
  asked = [];
});

/** An owner: a peer that is asked, and answers `answer`. */
function owner(answer: unknown = 'answered'): Holder {
  const peer = {
    blocked: false,
    canBlock: false,
    call: (_holder: Holder, name: string | undefined, args: readonly unknown[], named: unknown) => {
      asked.push(['call', name, args, named]);
      return Promise.resolve(answer);
    },
    ask: (_face: string, handler: number, [, ...rest]: readonly unknown[]) => {
      asked.push([H.HANDLER_NAMES[handler], ...rest]);
      return Promise.resolve(answer);
    },
  } as Partial<Peer> as Peer;
  const cls: RemoteClass = { name: 'builtins.thing', methods: undefined };
  return new Holder(peer, 1, cls, false);
}

/** The connection to a client, as forwarding sees it. */
const towards = (config: Partial<Config> = {}): ForwardingSide => ({
  peer: {} as Partial<Peer> as Peer,
  config: makeConfig(config),
});

/** Every request that names an attribute, with the name in its place. */
const NAMING: readonly [string, (side: ForwardingSide, name: unknown) => unknown][] = [
  ['GETATTR', (side, name) => forward(side, owner(), H.HANDLE_GETATTR, [null, name])],
  ['SETATTR', (side, name) => forward(side, owner(), H.HANDLE_SETATTR, [null, name, 'value'])],
  ['DELATTR', (side, name) => forward(side, owner(), H.HANDLE_DELATTR, [null, name])],
  ['CALLATTR', (side, name) => forward(side, owner(), H.HANDLE_CALLATTR, [null, name, [], []])],
  ['CALLATTR by its interned name', (side, name) => forwardCall(side, owner(), String(name), [], undefined)],
  ['CMP', (side, name) => forward(side, owner(), H.HANDLE_CMP, [null, 'other', name])],
  ['OLDSLICING, attempt', (side, name) => forward(side, owner(), H.HANDLE_OLDSLICING, [null, name, 'exposed_f', 0, 1])],
  [
    'OLDSLICING, fallback',
    (side, name) => forward(side, owner(), H.HANDLE_OLDSLICING, [null, 'exposed_f', name, 0, 1]),
  ],
];
const WRITES: Partial<Config> = { allow_setattr: true, allow_delattr: true };
const OPEN: Partial<Config> = { ...WRITES, allow_all_attrs: true };

const refused = expect.objectContaining({ name: 'AttributeError', message: expect.stringContaining('cannot access') });
const outcome = (run: () => unknown): unknown => {
  try {
    return run() instanceof Promise ? 'asked' : 'answered here';
  } catch (error) {
    return error;
  }
};
/** The names that the owner was asked for. */
const names = (): unknown[] =>
  asked.flatMap((request) => request.filter((part) => typeof part === 'string').filter((part) => /thing/.test(part)));

test.each(NAMING)(
  '%s of a forbidden name never leaves for the owner, whatever we allow the client',
  (_request, ask) => {
    for (const config of [OPEN, { ...OPEN, safe_attrs: new Set(FORBIDDEN_NAMES) }, { ...OPEN, exposed_prefix: '' }])
      for (const name of FORBIDDEN_NAMES)
        expect([name, outcome(() => ask(towards(config), name))]).toEqual([name, refused]);
    expect(asked).toEqual([]);
  },
);

test.each(NAMING)('%s of a name that we do not allow the client asks for its exposed form', (_request, ask) => {
  const cases: [Partial<Config>, string, string][] = [
    [WRITES, 'thing', 'exposed_thing'],
    [WRITES, '_thing', 'exposed__thing'],
    [WRITES, 'exposed_thing', 'exposed_thing'],
    [{ ...WRITES, allow_public_attrs: true }, 'thing', 'thing'],
    [{ ...WRITES, allow_public_attrs: true }, '_thing', 'exposed__thing'],
    [{ ...WRITES, safe_attrs: new Set(['thing']) }, 'thing', 'thing'],
    [{ ...WRITES, safe_attrs: new Set(['thing']), allow_safe_attrs: false }, 'thing', 'exposed_thing'],
    [{ ...WRITES, exposed_prefix: 'api_' }, 'thing', 'api_thing'],
    [OPEN, '_thing', '_thing'],
  ];
  for (const [config, name, expected] of cases) {
    asked = [];
    expect(outcome(() => ask(towards(config), name))).toBe('asked');
    expect([config, name, names()]).toEqual([config, name, [expected]]);
  }
});

test.each(NAMING)('%s is refused here where the client is allowed no exposed names either', (_request, ask) => {
  for (const name of ['thing', 'exposed_thing'])
    expect(outcome(() => ask(towards({ ...WRITES, allow_exposed_attrs: false }), name))).toEqual(refused);
  expect(asked).toEqual([]);
});

test.each(NAMING)('%s takes its own permission', (request, ask) => {
  const permission = { SETATTR: 'allow_setattr', DELATTR: 'allow_delattr' }[request] ?? 'allow_getattr';
  const all = { allow_getattr: true, ...OPEN };
  expect(outcome(() => ask(towards({ ...all, [permission]: false }), 'thing'))).toEqual(refused);
  expect(asked).toEqual([]);
  // The other two do not matter, but that OLDSLICING and all else read.
  const others = Object.fromEntries(
    ['allow_getattr', 'allow_setattr', 'allow_delattr'].map((key) => [key, key === permission]),
  );
  expect(outcome(() => ask(towards({ ...all, ...others }), 'thing'))).toBe('asked');
});

const SPELLING = NAMING.filter(([request]) => request !== 'CALLATTR by its interned name');
test.each(SPELLING)('%s of a name that is no str is a TypeError here', (_request, ask) => {
  for (const name of [5, true, ['constructor'], {}])
    expect(outcome(() => ask(towards(OPEN), name))).toBeInstanceOf(exceptions.TypeError);
  expect(asked).toEqual([]);
});

test('a forbidden name as bytes is refused as its text is', () => {
  for (const name of FORBIDDEN_NAMES)
    expect(outcome(() => forward(towards(OPEN), owner(), H.HANDLE_GETATTR, [null, Buffer.from(name)]))).toEqual(
      refused,
    );
  expect(asked).toEqual([]);
});

test.each([
  ['BUFFITER', H.HANDLE_BUFFITER, '__iter__'],
  ['CTXEXIT', H.HANDLE_CTXEXIT, '__exit__'],
  ['CMP without an operator', H.HANDLE_CMP, '__cmp__'],
])('%s takes what it reads', (_request, handler, name) => {
  const run = (config: Partial<Config>) => outcome(() => forward(towards(config), owner(), handler, [null, 3]));
  expect(run({ allow_safe_attrs: false, allow_exposed_attrs: false })).toEqual(refused);
  expect(run({ allow_getattr: false })).toEqual(refused);
  expect(asked).toEqual([]);
  expect(run({ allow_exposed_attrs: false, safe_attrs: new Set([name]) })).toBe('asked');
});

test('keywords are forwarded without a prototype, and a forbidden or odd one is refused here', async () => {
  const pairs = (...items: unknown[]): unknown => items;
  for (const handler of [H.HANDLE_CALL, H.HANDLE_CALLATTR]) {
    const args = (named: unknown) => (handler === H.HANDLE_CALL ? [null, [], named] : [null, 'thing', [], named]);
    for (const name of [...FORBIDDEN_NAMES, 5, null, ['constructor']])
      expect(outcome(() => forward(towards(OPEN), owner(), handler, args(pairs([name, 'evil']))))).toBeInstanceOf(
        exceptions.TypeError,
      );
    expect(asked).toEqual([]);
    await forward(towards(OPEN), owner(), handler, args(pairs(['fine', 1])));
    const [[, , , named]] = asked;
    expect([Object.getPrototypeOf(named), named]).toEqual([null, kwargs({ fine: 1 })]);
    asked = [];
  }
});

test('no other request is forwarded than those that have a rule', () => {
  const known = 'GETATTR DELATTR SETATTR CALL CALLATTR REPR STR CMP HASH DIR BUFFITER OLDSLICING CTXEXIT'.split(' ');
  const all = Object.entries(H.HANDLER_NAMES);
  expect(all.length).toBeGreaterThanOrEqual(20);
  for (const [handler, name] of all) {
    if (known.includes(String(name).toUpperCase())) continue;
    expect([name, outcome(() => forward(towards(OPEN), owner(), Number(handler), [null, 'thing', 'thing']))]).toEqual([
      name,
      expect.objectContaining({ name: 'TypeError', message: expect.stringContaining('cannot be asked that') }),
    ]);
  }
  expect(asked).toEqual([]);
});

test('DIR tells the client the names that it may have, of whatever the owner answered', async () => {
  const told = [...FORBIDDEN_NAMES, 'thing', 'exposed_thing', 'hidden', '_hidden', '__len__', 5, null];
  const dir = (config: Partial<Config>) =>
    forward(towards(config), owner(told), H.HANDLE_DIR, [null]) as Promise<string[]>;
  expect(await dir({})).toEqual(['thing', 'exposed_thing', '__len__']);
  expect(await dir({ allow_exposed_attrs: false })).toEqual(['__len__']);
  expect(await dir({ allow_public_attrs: true })).toEqual(['thing', 'exposed_thing', 'hidden', '__len__']);
  expect(await dir(OPEN)).toEqual(['thing', 'exposed_thing', 'hidden', '_hidden', '__len__']);
  expect(Object.isFrozen(await dir(OPEN))).toBe(true);
});

test('an instance check is asked of the owner of both alone', async () => {
  const cls = owner(true);
  const proxyOf = (holder: Holder): object => ({ [HOLDER]: holder });
  expect(forwardInstanceCheck(cls, {})).toBe(false);
  expect(forwardInstanceCheck(cls, proxyOf(owner()))).toBe(false);
  expect(asked).toEqual([]);
  expect(await forwardInstanceCheck(cls, proxyOf(new Holder(cls.peer, 2, cls.cls, false)))).toBe(true);
});

test('a reference of another connection is no object of ours: its kind answers nothing itself', () => {
  const holder = owner();
  // As the proxies of both faces are: functions, so that they can be called.
  const proxy = Object.assign(() => 'called with our rights', { [HOLDER]: holder });
  const kind = kindOf(proxy);
  expect([kind.upstream, Object.keys(kind.facade), kind.constructor]).toEqual([holder, [], undefined]);
});

test('every request of a client about a chained reference goes by these rules', async () => {
  const touched: string[] = [];
  class Account {
    pin = 1;
    exposed_name = 'open';
    secret() {
      touched.push('secret');
    }
    exposed_pay(by: number) {
      return by;
    }
    __call__() {
      touched.push('called');
    }
  }
  const account = new Account();
  class Owner extends rpyc.Service {
    exposed_account = account;
    exposed_cls = Account;
  }
  const serve = async (service: rpyc.ServiceSource, config: Partial<Config> = {}) => {
    const server = new rpyc.Server(service, { config: { ...config, log_exceptions: false } });
    await server.start();
    onTestFinished(() => server.close());
    const conn = await rpyc.connect('127.0.0.1', server.port);
    onTestFinished(() => conn.abort());
    return conn;
  };
  const upstream = await serve(Owner, OPEN);
  const held = await upstream.root.account;
  const cls = await upstream.root.cls;
  class Relay extends rpyc.Service {
    exposed_account() {
      return held;
    }
    exposed_cls() {
      return cls;
    }
  }
  const conn = await serve(Relay);
  const remote = await conn.root.account();
  const ask = (handler: number, ...args: unknown[]) =>
    conn.asyncRequest(handler, remote, ...args).catch((error) => error.name);
  const t = rpyc.tuple;
  expect(await ask(H.HANDLE_GETATTR, 'name')).toBe('open');
  expect(await ask(H.HANDLE_CALLATTR, 'pay', t(5), t())).toBe(5);
  for (const [handler, ...args] of [
    [H.HANDLE_GETATTR, 'pin'],
    [H.HANDLE_SETATTR, 'pin', 9],
    [H.HANDLE_SETATTR, 'exposed_name', 9],
    [H.HANDLE_DELATTR, 'exposed_name'],
    [H.HANDLE_CALLATTR, 'secret', t(), t()],
    [H.HANDLE_OLDSLICING, 'secret', 'secret', 0, 1, t()],
    ...FORBIDDEN_NAMES.flatMap((name) => [
      [H.HANDLE_GETATTR, name],
      [H.HANDLE_CALLATTR, name, t('return 1'), t()],
    ]),
  ] as [number, ...unknown[]][])
    expect([H.HANDLER_NAMES[handler], ...args, await ask(handler, ...args)]).toEqual([
      H.HANDLER_NAMES[handler],
      ...args,
      'AttributeError',
    ]);
  expect(await ask(H.HANDLE_CMP, null, 'secret')).toBe(rpyc.NotImplemented);
  expect(await ask(H.HANDLE_PICKLE, 2)).toBe('TypeError');
  expect(await conn.asyncRequest(H.HANDLE_DIR, remote)).toEqual(
    expect.arrayContaining(['exposed_name', 'exposed_pay']),
  );
  expect(await conn.asyncRequest(H.HANDLE_DIR, remote)).not.toContain('secret');
  const id = new IdPackOf(holderOf(remote) as Holder);
  const inspected = await conn.asyncRequest(H.HANDLE_INSPECT, id);
  expect(inspected).toEqual(await upstream.asyncRequest(H.HANDLE_INSPECT, new IdPackOf(holderOf(held) as Holder)));
  expect(await conn.asyncRequest(H.HANDLE_INSTANCECHECK, await conn.root.cls(), id)).toBe(true);
  expect([account, touched]).toEqual([new Account(), []]);
});
