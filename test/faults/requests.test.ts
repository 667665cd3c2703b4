// Requests that are well-formed and hostile: wrong objects, wrong counts, wrong names, and the names that must never be reached under
// any configuration. The peer is told, and the connection lives.
import { beforeEach, describe, expect, test } from 'vitest';
import { type Config, type Connection, DEFAULT_CONFIG, Service, tuple } from '../../src/index.ts';
import * as b from './bytes.ts';

class Point {
  x = 1;
  norm() {
    return this.x;
  }
  exposed_scale(factor: number) {
    return this.x * factor;
  }
}

const shared = {
  plain: {
    key: 'value',
    method: () => 'reached',
    get trap() {
      return 'reached';
    },
  },
  list: [1, 2, 3],
  map: new Map<unknown, unknown>([['key', 'value']]),
  set: new Set([1]),
  point: new Point(),
  fn: (...args: unknown[]) => args.length,
};

class Objects extends Service {
  exposed_plain() {
    return shared.plain;
  }
  exposed_list() {
    return shared.list;
  }
  exposed_map() {
    return shared.map;
  }
  exposed_set() {
    return shared.set;
  }
  exposed_point() {
    return shared.point;
  }
  exposed_cls() {
    return Point;
  }
  exposed_fn() {
    return shared.fn;
  }
  exposed_echo(...args: unknown[]) {
    return args.length;
  }
  exposed_iterator() {
    return [1, 2][Symbol.iterator]();
  }
  secret() {
    return 'reached';
  }
}

beforeEach(() => {
  shared.plain = {
    key: 'value',
    method: () => 'reached',
    get trap() {
      return 'reached';
    },
  };
  shared.list = [1, 2, 3];
  shared.map = new Map<unknown, unknown>([['key', 'value']]);
});

async function connected(config: Partial<Config> = {}): Promise<{ client: b.Client; conn: Connection; log: b.Log }> {
  const log = new b.Log();
  const server = await b.serve(Objects, { config, logger: log });
  const client = await b.Client.connect(server.port);
  const [conn] = server.connections;
  return { client, conn, log };
}

/** What `name()` of the root answers; asked by its full name, which works with every prefix. */
async function pack(client: b.Client, name: string): Promise<b.Pack> {
  return b.asPack(await client.call(`exposed_${name}`));
}

const object = async (client: b.Client, name: string): Promise<b.Brine> => b.local(b.packOf(await pack(client, name)));

describe('a request that nobody could mean', () => {
  test.each([0, 21, 99, -1, 2 ** 31, 2n ** 40n])('handler %s is answered with KeyError', async (handler) => {
    const { client } = await connected();
    expect(b.raisedBy(await client.ask(b.int(handler)))?.[0]).toBe('KeyError');
    expect(await client.isAlive()).toBe(true);
  });

  test('a handler that is no int', async () => {
    const { client } = await connected();
    for (const handler of [b.str('__class__'), b.NONE, b.tuple(), b.str('constructor')]) {
      expect(b.raisedBy(await client.ask(handler))?.[0]).toBe('KeyError');
    }
    expect(await client.isAlive()).toBe(true);
  });

  test.each([
    b.GETATTR,
    b.DELATTR,
    b.SETATTR,
    b.CALL,
    b.CALLATTR,
    b.REPR,
    b.STR,
    b.CMP,
    b.HASH,
    b.DIR,
    b.DEL,
    b.BUFFITER,
    b.CTXEXIT,
    b.INSTANCECHECK,
    b.OLDSLICING,
  ])('handler %i for an object that was never sent is answered with KeyError', async (handler) => {
    const { client, conn } = await connected();
    const unknown = b.local(b.idPack('js.Nothing', 4711, 4712));
    const name = b.value(b.str('x'));
    const [one, none] = [b.value(b.int(1)), b.value(b.tuple())];
    const rest = { [b.DEL]: [one], [b.BUFFITER]: [one], [b.CALL]: [none], [b.CALLATTR]: [name, none, none] }[
      handler
    ] ?? [name, name, name, name, none];
    expect(b.raisedBy(await client.ask(handler, [unknown, ...rest]))).toEqual(['KeyError', 4712]);
    expect(await client.isAlive()).toBe(true);
    expect(conn.stats.localObjects).toBe(1);
  });

  test('an unknown object among the arguments is answered with KeyError, and the call is not made', async () => {
    const { client } = await connected();
    const heard = await client.call('echo', b.value(b.int(1)), b.local(b.idPack('x.y', 1, 987_654)));
    expect(b.raisedBy(heard)).toEqual(['KeyError', 987_654]);
    expect(await client.isAlive()).toBe(true);
  });

  test('no arguments at all, and arguments that are values where objects belong', async () => {
    const { client } = await connected();
    for (const handler of Object.values({ ...b }).filter((n): n is number => typeof n === 'number')) {
      if (handler === b.CLOSE || handler === b.PING || handler === b.GETROOT) continue;
      for (const container of [
        b.boxes(),
        b.value(b.tuple()),
        b.boxes(b.value(b.NONE)),
        b.value(b.tuple(b.str('abc'))),
      ]) {
        expect((await client.askWith(handler, container)).kind).toBe(3);
      }
    }
    expect(await client.isAlive()).toBe(true);
  });

  test('INSPECT of what is unknown, or of no id_pack', async () => {
    const { client } = await connected();
    const inspect = (pack: b.Brine) => client.ask(b.INSPECT, [b.value(pack)]).then(b.raisedBy);
    expect((await inspect(b.idPack('js.Nothing', 4711, 4712)))?.[0]).toBe('KeyError');
    expect((await inspect(b.idPack('js.Nothing', 2n ** 80n, 0)))?.[0]).toBe('KeyError');
    expect((await inspect(b.tuple()))?.[0]).toBe('KeyError');
    expect((await inspect(b.str('constructor')))?.[0]).toBe('TypeError');
    expect((await inspect(b.tuple(b.NONE, b.str('__proto__'), b.str('constructor'))))?.[0]).toBe('KeyError');
    expect(await client.isAlive()).toBe(true);
  });

  test('answers to questions that were never asked are ignored', async () => {
    const { client, conn } = await connected();
    await client.link.sendFrame(b.reply(12_345, b.value(b.int(1))));
    await client.link.sendFrame(b.exception(12_346, b.int(1)));
    await client.link.sendFrame(b.reply(12_347, b.local(b.idPack('x.y', 1, 99))));
    expect(await client.isAlive()).toBe(true);
    expect(conn.stats.pending).toBe(0);
  });

  test('the same seq twice is answered twice', async () => {
    const { client } = await connected();
    const twice = b.frame(b.request(500, b.PING, [b.value(b.str('again'))]));
    await client.link.send(Buffer.concat([twice, twice]));
    expect((await client.answer(500)).body).toEqual([1, 'again']);
    expect((await client.answer(500)).body).toEqual([1, 'again']);
  });
});

describe('reference counts', () => {
  const drop = (client: b.Client, what: b.Brine, count?: b.Brine) =>
    client.ask(b.DEL, count === undefined ? [what] : [what, b.value(count)]);

  test('a release more than was sent drops the object once, and the next one is a KeyError', async () => {
    const { client, conn } = await connected();
    const list = await object(client, 'list');
    expect(conn.stats.localObjects).toBe(2);
    expect((await drop(client, list, b.int(1_000_000))).body).toEqual([1, null]);
    expect(conn.stats.localObjects).toBe(1);
    expect(b.raisedBy(await drop(client, list))?.[0]).toBe('KeyError');
    expect(b.raisedBy(await client.ask(b.REPR, [list]))?.[0]).toBe('KeyError');
    expect(await client.isAlive()).toBe(true);
  });

  test.each([-1, -(2n ** 40n), 2n ** 100n])('a count of %s changes nothing', async (count) => {
    const { client, conn } = await connected();
    const list = await object(client, 'list');
    expect(b.raisedBy(await drop(client, list, b.int(count)))?.[0]).toBe('ValueError');
    expect(conn.stats.localObjects).toBe(2);
    expect((await client.ask(b.REPR, [list])).body).toEqual([1, '[1, 2, 3]']);
  });

  test('a count that is no number', async () => {
    const { client, conn } = await connected();
    const list = await object(client, 'list');
    for (const count of [b.str('many'), b.NONE, b.tuple(b.int(1)), b.raw('18 3ff8000000000000')])
      await drop(client, list, count);
    expect(conn.stats.localObjects).toBeLessThanOrEqual(2);
    expect(await client.isAlive()).toBe(true);
  });

  test('the same object sent twice needs two releases', async () => {
    const { client, conn } = await connected();
    const list = await object(client, 'list');
    await object(client, 'list');
    await drop(client, list, b.int(1));
    expect(conn.stats.localObjects).toBe(2);
    await drop(client, list, b.int(1));
    expect(conn.stats.localObjects).toBe(1);
  });

  test('a peer may release the root, and ask for it again', async () => {
    const { client } = await connected();
    await drop(client, client.rootBox, b.int(5));
    const again = b.asPack(await client.ask(b.GETROOT));
    expect(
      b.raisedBy(await client.ask(b.CALLATTR, [client.rootBox, b.value(b.str('echo')), b.value(b.tuple())]))?.[0],
    ).toBe('KeyError');
    client.root = again;
    expect((await client.call('echo')).body).toEqual([1, 0]);
  });
});

describe('names', () => {
  test('may come as bytes', async () => {
    const { client } = await connected();
    const heard = await client.ask(b.CALLATTR, [client.rootBox, b.value(b.data('echo')), b.value(b.tuple(b.int(1)))]);
    expect(heard.body).toEqual([1, 1]);
  });

  test('as bytes that are not UTF-8 are refused', async () => {
    const { client } = await connected();
    const heard = await client.ask(b.GETATTR, [client.rootBox, b.value(b.data(Buffer.from([0xff, 0xfe])))]);
    expect(heard.kind).toBe(3);
    expect(await client.isAlive()).toBe(true);
  });

  test.each([b.GETATTR, b.DELATTR, b.SETATTR, b.CALLATTR])(
    'that are no text are a TypeError (handler %i)',
    async (handler) => {
      const { client } = await connected({ allow_setattr: true, allow_delattr: true });
      const point = await object(client, 'point');
      for (const name of [b.int(5), b.NONE, b.TRUE, b.tuple(b.str('x')), b.int(2n ** 70n)]) {
        const heard = await client.ask(handler, [point, b.value(name), b.value(b.tuple()), b.value(b.tuple())]);
        expect(b.raisedBy(heard)).toEqual(['TypeError', 'name must be a string']);
      }
      const byReference = await client.ask(handler, [point, point, b.value(b.tuple())]);
      expect(b.raisedBy(byReference)).toEqual(['TypeError', 'name must be a string']);
    },
  );

  test('of a megabyte, with odd characters, or like the inside of the engine, are simply absent', async () => {
    const { client } = await connected({ allow_public_attrs: true });
    const point = await object(client, 'point');
    for (const name of [
      'n'.repeat(1 << 20),
      '\0',
      'a b',
      '@@iterator',
      'Symbol.iterator',
      '',
      '😀',
      'rpyc.holder',
      'toString',
      'hasOwnProperty',
    ]) {
      expect(b.raisedBy(await client.ask(b.GETATTR, [point, b.value(b.str(name))]))?.[0]).toBe('AttributeError');
    }
    expect(await client.isAlive()).toBe(true);
  });
});

describe('arguments of a call', () => {
  const callWith = (client: b.Client, fn: b.Brine, args: b.Brine, kwargs?: b.Brine) =>
    client.ask(b.CALL, kwargs === undefined ? [fn, args] : [fn, args, kwargs]);

  test('args that are no tuple are a TypeError', async () => {
    const { client } = await connected();
    const fn = await object(client, 'fn');
    for (const args of [b.NONE, b.int(1), b.str('abc')]) {
      expect((await callWith(client, fn, b.value(args))).kind).toBe(3);
      const attr = await client.ask(b.CALLATTR, [client.rootBox, b.value(b.str('echo')), b.value(args)]);
      expect(attr.kind === 3 || attr.body[1] === 1).toBe(true);
    }
    expect(await client.isAlive()).toBe(true);
  });

  test.each(['__proto__', 'constructor', 'prototype', 'caller', '__defineGetter__'])(
    'a keyword called %s is a TypeError',
    async (name) => {
      const { client } = await connected();
      const fn = await object(client, 'fn');
      const kwargs = b.value(b.tuple(b.tuple(b.str(name), b.int(1))));
      expect(b.raisedBy(await callWith(client, fn, b.value(b.tuple()), kwargs))?.[0]).toBe('TypeError');
      const attr = await client.ask(b.CALLATTR, [client.rootBox, b.value(b.str('echo')), b.value(b.tuple()), kwargs]);
      expect(b.raisedBy(attr)?.[0]).toBe('TypeError');
      expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    },
  );

  test('keywords that are no pairs, or whose name is no str', async () => {
    const { client } = await connected();
    const fn = await object(client, 'fn');
    for (const kwargs of [
      b.tuple(b.int(1)),
      b.tuple(b.tuple()),
      b.tuple(b.tuple(b.int(1), b.int(2))),
      b.tuple(b.str('ab')),
      b.int(3),
      b.str('x'),
    ]) {
      expect(b.raisedBy(await callWith(client, fn, b.value(b.tuple()), b.value(kwargs)))?.[0]).toBe('TypeError');
    }
    expect(await client.isAlive()).toBe(true);
  });

  test('a call of what cannot be called is a TypeError', async () => {
    const { client } = await connected();
    const list = await object(client, 'list');
    expect(b.raisedBy(await callWith(client, list, b.value(b.tuple())))?.[0]).toBe('TypeError');
  });

  test('a list is not repeated beyond reason', async () => {
    const { client } = await connected();
    const list = await object(client, 'list');
    const heard = await client.ask(b.CALLATTR, [
      list,
      b.value(b.str('__mul__')),
      b.value(b.tuple(b.int(2_000_000_000))),
    ]);
    expect(b.raisedBy(heard)?.[0]).toBe('MemoryError');
    expect(await client.isAlive()).toBe(true);
  });
});

describe('what an object is made of', () => {
  /** Names of JavaScript's own machinery. */
  const FORBIDDEN = [
    '__proto__',
    'constructor',
    'prototype',
    '__defineGetter__',
    '__defineSetter__',
    '__lookupGetter__',
    '__lookupSetter__',
    'caller',
    'callee',
    'arguments',
  ];
  const INHERITED = [
    'call',
    'apply',
    'bind',
    'toString',
    'hasOwnProperty',
    'valueOf',
    'isPrototypeOf',
    'propertyIsEnumerable',
    'toLocaleString',
  ];
  const KINDS = ['fn', 'cls', 'point', 'list', 'plain', 'map', 'set', 'iterator', 'root'];
  const CONFIGS: readonly [string, Partial<Config>][] = [
    ['RPyC defaults', {}],
    ['public attributes', { allow_public_attrs: true }],
    ['setattr and delattr', { allow_public_attrs: true, allow_setattr: true, allow_delattr: true }],
    ['all attributes', { allow_all_attrs: true, allow_public_attrs: true, allow_setattr: true, allow_delattr: true }],
    ['no prefix', { exposed_prefix: '', allow_setattr: true, allow_delattr: true }],
    [
      'everything said to be safe',
      {
        safe_attrs: new Set([...DEFAULT_CONFIG.safe_attrs, ...FORBIDDEN, ...INHERITED]),
        allow_setattr: true,
        allow_delattr: true,
      },
    ],
  ];

  const ref = (client: b.Client, kind: string) =>
    kind === 'root' ? Promise.resolve(client.rootBox) : object(client, kind);

  describe.each(CONFIGS)('with %s', (_name, config) => {
    test.each(KINDS)('is out of reach on a %s', async (kind) => {
      const { client } = await connected(config);
      const target = await ref(client, kind);
      for (const spelled of [...FORBIDDEN, ...FORBIDDEN.map((n) => `exposed_${n}`)]) {
        for (const name of [b.value(b.str(spelled)), b.value(b.data(spelled))]) {
          const empty = b.value(b.tuple());
          for (const [handler, args] of [
            [b.GETATTR, []],
            [b.SETATTR, [b.value(b.int(1))]],
            [b.DELATTR, []],
            [b.CALLATTR, [empty]],
            [b.CALLATTR, [b.value(b.tuple(b.str('return process'))), empty]],
          ] as const) {
            const heard = await client.ask(handler, [target, name, ...args]);
            // A class of ours may grow an attribute that merely begins with the prefix.
            if (handler === b.SETATTR && spelled.startsWith('exposed_') && heard.kind === 2) continue;
            if (handler === b.DELATTR && spelled.startsWith('exposed_') && heard.kind === 2) continue;
            expect([spelled, handler, b.raisedBy(heard)?.[0]]).toEqual([
              spelled,
              handler,
              spelled.startsWith('exposed_') ? expect.stringMatching(/AttributeError|TypeError/) : 'AttributeError',
            ]);
          }
        }
      }
      expect(await client.isAlive()).toBe(true);
    });

    test.each(KINDS)('cannot be called through a comparison, a slice or an exit, on a %s', async (kind) => {
      const { client } = await connected(config);
      const target = await ref(client, kind);
      for (const name of [...FORBIDDEN, ...INHERITED]) {
        const op = b.value(b.str(name));
        const compared = await client.ask(b.CMP, [target, b.value(b.str('return process')), op]);
        expect([name, compared.kind === 3 || compared.body[1]]).toEqual([
          name,
          compared.kind === 3 ? true : 'NotImplemented',
        ]);
        const sliced = await client.ask(b.OLDSLICING, [
          target,
          op,
          op,
          b.value(b.int(0)),
          b.value(b.int(1)),
          b.value(b.tuple()),
        ]);
        expect([name, b.raisedBy(sliced)?.[0]]).toEqual([name, 'AttributeError']);
      }
      expect(await client.isAlive()).toBe(true);
    });

    test('inherited methods of JavaScript are no attributes', async () => {
      const { client } = await connected(config);
      for (const kind of KINDS) {
        const target = await ref(client, kind);
        for (const name of INHERITED) {
          expect([kind, name, b.raisedBy(await client.ask(b.GETATTR, [target, b.value(b.str(name))]))?.[0]]).toEqual([
            kind,
            name,
            'AttributeError',
          ]);
          const called = await client.ask(b.CALLATTR, [target, b.value(b.str(name)), b.value(b.tuple())]);
          expect([kind, name, b.raisedBy(called)?.[0]]).toEqual([kind, name, 'AttributeError']);
        }
      }
    });

    test('items of a plain object are its data and methods, and nothing else', async () => {
      const { client } = await connected(config);
      const plain = await object(client, 'plain');
      const ask = (op: string, ...args: b.Brine[]) =>
        client.ask(b.CALLATTR, [plain, b.value(b.str(op)), b.value(b.tuple(...args))]);
      for (const key of [...FORBIDDEN, ...INHERITED, 'trap', 'absent']) {
        expect([key, b.raisedBy(await ask('__getitem__', b.str(key)))?.[0]]).toEqual([key, 'KeyError']);
        expect((await ask('__contains__', b.str(key))).body).toEqual([1, false]);
      }
      for (const key of [...FORBIDDEN, 'method', 'trap']) {
        expect([key, (await ask('__setitem__', b.str(key), b.int(1))).kind]).toEqual([key, 3]);
        expect([key, (await ask('__delitem__', b.str(key))).kind]).toEqual([key, 3]);
      }
      expect((await ask('__getitem__', b.str('key'))).body).toEqual([1, 'value']);
      expect((await ask('__contains__', b.str('method'))).body).toEqual([1, true]);
      expect((await ask('__getitem__', b.str('method'))).body).toEqual([
        4,
        ['builtins.builtin_function_or_method', expect.any(Number), expect.any(Number)],
      ]);
      expect(Object.getPrototypeOf(shared.plain)).toBe(Object.prototype);
      expect(shared.plain.method()).toBe('reached');
      expect(shared.plain.trap).toBe('reached');
      expect(({} as Record<string, unknown>).key).toBeUndefined();
    });

    test('DIR and INSPECT list none of it', async () => {
      const { client } = await connected(config);
      for (const kind of KINDS) {
        const id = b.packOf(kind === 'root' ? client.root : await pack(client, kind));
        const names = (await client.ask(b.DIR, [b.local(id)])).body[1] as string[];
        const methods = ((await client.ask(b.INSPECT, [b.value(id)])).body[1] as [string][]).map(([name]) => name);
        for (const name of FORBIDDEN) {
          expect([kind, names.includes(name)]).toEqual([kind, false]);
          expect([kind, methods.includes(name)]).toEqual([kind, false]);
        }
      }
    });
  });

  test('a peer cannot make a promise of an object that others are answered', async () => {
    const { client } = await connected({ allow_all_attrs: true, allow_setattr: true });
    const callback = b.remote(b.idPack('builtins.function', 1, 2));
    const then = b.value(b.str('then'));
    const plain = await object(client, 'plain');
    const item = await client.ask(b.CALLATTR, [plain, b.value(b.str('__setitem__')), b.boxes(then, callback)]);
    expect(b.raisedBy(item)?.[0]).toBe('TypeError');
    for (const kind of ['plain', 'point']) {
      const set = await client.ask(b.SETATTR, [await object(client, kind), then, callback]);
      expect(b.raisedBy(set)?.[0]).toBe('AttributeError');
      expect((await client.call(kind)).kind).toBe(2);
    }
  });

  test('a service is never written to, whatever the configuration', async () => {
    const { client } = await connected({ allow_all_attrs: true, allow_setattr: true, allow_delattr: true });
    const set = await client.ask(b.SETATTR, [client.rootBox, b.value(b.str('exposed_echo')), b.value(b.int(1))]);
    expect(b.raisedBy(set)).toEqual(['AttributeError', 'access denied']);
    const del = await client.ask(b.DELATTR, [client.rootBox, b.value(b.str('exposed_echo'))]);
    expect(b.raisedBy(del)).toEqual(['AttributeError', 'access denied']);
    expect((await client.call('echo')).body).toEqual([1, 0]);
  });

  test('the length of a list cannot be written', async () => {
    const { client } = await connected({ allow_all_attrs: true, allow_setattr: true });
    const list = await object(client, 'list');
    expect(b.raisedBy(await client.ask(b.SETATTR, [list, b.value(b.str('length')), b.value(b.int(0))]))?.[0]).toBe(
      'AttributeError',
    );
    expect(shared.list).toHaveLength(3);
  });

  test('a method without the prefix is not reached by default', async () => {
    const { client } = await connected();
    expect(b.raisedBy(await client.call('secret'))).toEqual(['AttributeError', "cannot access 'secret'"]);
    expect(b.raisedBy(await client.ask(b.CMP, [client.rootBox, b.value(b.NONE), b.value(b.str('secret'))]))?.[0]).toBe(
      'AttributeError',
    );
  });

  test('attributes switched off altogether', async () => {
    const { client } = await connected({ allow_getattr: false });
    expect(b.raisedBy(await client.call('echo'))?.[0]).toBe('AttributeError');
    expect(b.raisedBy(await client.ask(b.GETATTR, [client.rootBox, b.value(b.str('echo'))]))?.[0]).toBe(
      'AttributeError',
    );
  });

  test('pickling is refused', async () => {
    const { client } = await connected({ allow_all_attrs: true });
    const list = await object(client, 'list');
    expect(b.raisedBy(await client.ask(b.PICKLE, [list, b.value(b.int(-1))]))).toEqual([
      'ValueError',
      'pickling is disabled',
    ]);
  });
});

test('a handler that answers a tuple with everything in it sends no more than it says', async () => {
  class Mixed extends Service {
    exposed_mixed() {
      return tuple(1, 'two', null, tuple(true));
    }
  }
  const server = await b.serve(Mixed);
  const client = await b.Client.connect(server.port);
  expect((await client.call('mixed')).body).toEqual([1, [1, 'two', null, [true]]]);
});

test('CLOSE is answered by the end of the stream and nothing else', async () => {
  const { client, conn, log } = await connected();
  const closed = new Promise<Error>((resolve) => conn.once('close', resolve));
  await client.send(b.CLOSE);
  expect(await client.link.untilEnd()).toBe('eof');
  expect(client.link.received).toHaveLength(0);
  expect(await closed).toMatchObject({ code: 'ERR_RPYC_CLOSED' });
  expect(conn.closedByPeer).toBe(true);
  expect(log.errors).toEqual([]);
});

test('what is asked before CLOSE in the same segment is answered before the end', async () => {
  const { client } = await connected();
  const ping = b.frame(b.request(70, b.PING, [b.value(b.str('last words'))]));
  await client.link.send(Buffer.concat([ping, b.frame(b.request(71, b.CLOSE))]));
  expect((await client.answer(70)).body).toEqual([1, 'last words']);
  expect(await client.link.untilEnd()).toBe('eof');
  expect(client.link.received).toHaveLength(0);
});
