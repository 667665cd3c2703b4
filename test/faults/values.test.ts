// Values that cannot be sent, messages that do not fit, and handlers that throw whatever JavaScript lets them throw: a typed error where
// the user stands, nothing on the wire, nothing leaked, and the connection lives.
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, type PythonPeer, startServer } from '../support/python.ts';
import * as b from './bytes.ts';

let depth: unknown = 1;
for (let i = 0; i < 310; i++) depth = rpyc.tuple(depth);

const UNSENDABLE: readonly [name: string, make: () => unknown, code: string][] = [
  ['a symbol', () => Symbol('s'), 'ERR_RPYC_UNSENDABLE'],
  ['a lone surrogate', () => 'ab\ud800', 'ERR_RPYC_SURROGATE'],
  ['a lone surrogate in a long text', () => `${'x'.repeat(100_000)}\udfff`, 'ERR_RPYC_SURROGATE'],
  ['a tuple that is too deep', () => depth, 'ERR_RPYC_DEPTH'],
  ['an integer of 4301 digits', () => 10n ** 4300n, 'ERR_RPYC_INT_TOO_LARGE'],
  ['a negative one', () => -(10n ** 4300n), 'ERR_RPYC_INT_TOO_LARGE'],
  ['a symbol within a tuple', () => rpyc.tuple(1, {}, Symbol('s')), 'ERR_RPYC_UNSENDABLE'],
];

class Echo extends rpyc.Service {
  exposed_echo(...args: unknown[]) {
    return args.length;
  }
  exposed_call(callback: (...args: unknown[]) => unknown) {
    return callback();
  }
  exposed_give(index: number) {
    return UNSENDABLE[index][1]();
  }
  async exposed_give_later(index: number) {
    return UNSENDABLE[index][1]();
  }
  exposed_size(value: string | Uint8Array) {
    return value.length;
  }
  exposed_ints(count: number) {
    return rpyc.tuple(...Array.from({ length: count }, () => 8_000_000));
  }
  exposed_bytes(count: number) {
    return Buffer.alloc(count);
  }
  exposed_throw_big(count: number) {
    throw new Error('x'.repeat(count));
  }
}

async function pair(
  service: rpyc.ServiceSource = Echo,
  options: rpyc.ServerOptions = {},
  clientOptions: rpyc.ConnectOptions = {},
) {
  const server = await b.serve(service, options);
  const conn = await rpyc.connect('127.0.0.1', server.port, clientOptions);
  onTestFinished(() => conn.abort());
  const [serverSide] = server.connections;
  return { server, conn, serverSide };
}

describe.each(UNSENDABLE)('%s', (name, make, code) => {
  const index = UNSENDABLE.findIndex(([n]) => n === name);

  test('as an argument is refused to the caller, and nothing is sent or kept', async () => {
    const { conn, serverSide } = await pair();
    const root = await conn.root;
    const before = conn.stats;
    const wrappings: ((v: unknown) => unknown[])[] = [
      (v) => [v],
      (v) => [() => {}, {}, [1], v],
      (v) => [rpyc.kwargs({ a: {}, b: v })],
      (v) => [rpyc.tuple({}, v)],
    ];
    for (const wrap of wrappings) {
      await expect(root.echo(...wrap(make()))).rejects.toMatchObject({ code });
      await expect(rpyc.setitem(root, 'k', make())).rejects.toMatchObject({ code });
    }
    const after = conn.stats;
    expect(after.messagesOut).toBe(before.messagesOut);
    expect(after.localObjects).toBe(before.localObjects);
    expect(after.pending).toBe(0);
    expect(await root.echo(1, 2)).toBe(2);
    expect(serverSide.closed).toBe(false);
  });

  test('as a result is told to the caller as an exception', async () => {
    const { conn, serverSide } = await pair();
    const before = serverSide.stats.localObjects;
    await expect(conn.root.give(index)).rejects.toBeInstanceOf(rpyc.PythonError);
    await expect(conn.root.give_later(index)).rejects.toBeInstanceOf(rpyc.PythonError);
    expect(serverSide.stats.localObjects).toBe(before);
    expect(await conn.root.echo()).toBe(0);
  });

  test('as the result of a callback is told to its caller', async () => {
    const { conn } = await pair();
    await expect(conn.root.call(() => make())).rejects.toBeInstanceOf(rpyc.PythonError);
    expect(conn.closed).toBe(false);
    expect(await conn.root.call(() => 'fine')).toBe('fine');
  });
});

test('300 levels are sent, and a surrogate pair is no lone surrogate', async () => {
  const { conn } = await pair();
  let fine: unknown = 1;
  for (let i = 0; i < 298; i++) fine = rpyc.tuple(fine);
  expect(await conn.root.echo(fine, '😀')).toBe(2);
});

test('a container that holds itself goes by reference, and a frozen one that does is too deep', async () => {
  const { conn } = await pair();
  const list: unknown[] = [];
  list.push(list);
  expect(await conn.root.echo(list)).toBe(1);
  const frozen: unknown[] = [];
  frozen.push(frozen);
  Object.freeze(frozen);
  await expect(conn.root.echo(frozen)).rejects.toMatchObject({ code: 'ERR_RPYC_DEPTH' });
});

describe('what a handler throws', () => {
  const trap = (): never => {
    throw new Error('from a trap');
  };
  const TRAPS: ProxyHandler<object> = {
    get: trap,
    getPrototypeOf: trap,
    has: trap,
    ownKeys: trap,
    getOwnPropertyDescriptor: trap,
  };
  const withGetter = (key: string): Error =>
    Object.defineProperty(new Error('m'), key, { get: trap, enumerable: true });
  const withValue = (key: string, value: unknown): Error =>
    Object.defineProperty(new Error('m'), key, { value, enumerable: true });
  const cyclic = (): Error => {
    const [a, z] = [new Error('a'), new Error('z')];
    a.cause = z;
    z.cause = a;
    return a;
  };
  const badText = { toString: trap, [Symbol.toPrimitive]: trap };

  const THROWN: readonly [string, () => unknown][] = [
    ['null', () => null],
    ['undefined', () => undefined],
    ['a string', () => 'text'],
    ['a lone surrogate', () => '\ud800'],
    ['a number', () => Number.NaN],
    ['a huge integer', () => 10n ** 5000n],
    ['a symbol', () => Symbol('thrown')],
    ['an object', () => ({ a: 1 })],
    ['an object without a prototype', () => Object.create(null)],
    ['a function', () => () => 1],
    [
      'an array that holds itself',
      () => {
        const list: unknown[] = [];
        list.push(list);
        return list;
      },
    ],
    ['a frozen error', () => Object.freeze(new Error('frozen'))],
    ['an error without a prototype', () => Object.setPrototypeOf(new Error('bare'), null)],
    [
      'an error without a message or stack',
      () => {
        const e = new Error();
        delete e.stack;
        return e;
      },
    ],
    ['an error whose causes form a ring', cyclic],
    [
      'an error that is its own cause',
      () => {
        const e = new Error('self');
        e.cause = e;
        return e;
      },
    ],
    ['a Proxy that throws from every trap', () => new Proxy({}, TRAPS)],
    ['a Proxy of an error that throws from every trap', () => new Proxy(new Error('hidden'), TRAPS)],
    [
      'a revoked Proxy',
      () => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        return proxy;
      },
    ],
    ...['message', 'stack', 'name', 'cause', 'code', 'constructor', 'args', 'errno', 'extra'].map(
      (key): [string, () => unknown] => [`an error whose ${key} cannot be read`, () => withGetter(key)],
    ),
    ...['message', 'stack', 'name', 'cause', 'code', 'constructor', 'args', 'extra'].flatMap(
      (key): [string, () => unknown][] => [
        [`an error whose ${key} is no text`, () => withValue(key, badText)],
        [`an error whose ${key} is a symbol`, () => withValue(key, Symbol('odd'))],
        [`an error whose ${key} is a lone surrogate`, () => withValue(key, '\udfff')],
      ],
    ),
    [
      'a KeyError with args of any kind',
      () => new rpyc.exceptions.KeyError(Symbol('k'), {}, badText, new Proxy({}, TRAPS), '\ud800', 10n ** 5000n),
    ],
    ['a KeyError whose args were replaced', () => Object.assign(new rpyc.exceptions.KeyError('k'), { args: 5 })],
    [
      'an AttributeError that cannot be shown',
      () => Object.defineProperty(new rpyc.exceptions.AttributeError('a'), 'toString', { get: trap }),
    ],
    ['an AggregateError', () => new AggregateError([new Error('1'), badText], 'all')],
    [
      'a class of the user with hostile fields',
      () => {
        class Odd extends Error {
          field = badText;
          other = Symbol('x');
        }
        return new Odd('odd');
      },
    ],
    [
      'a class whose name is odd',
      () => {
        class Odd extends Error {}
        Object.defineProperty(Odd, 'name', { value: Symbol('n') });
        return new Odd('odd');
      },
    ],
    ['a DOMException', () => new DOMException('gone', 'AbortError')],
    ['a StopIteration', () => new rpyc.exceptions.StopIteration()],
  ];

  class Thrower extends rpyc.Service {
    exposed_throw(index: number): never {
      throw THROWN[index][1]();
    }
    async exposed_reject(index: number): Promise<never> {
      throw THROWN[index][1]();
    }
    exposed_ok() {
      return 'ok';
    }
  }
  const showing: rpyc.Logger = {
    debug: (...line) => void line.map(String),
    info() {},
    warn() {},
    error: (...line) => void line.map((part) => `${part as string}`),
  };

  test.each(THROWN.map(([name], i): [string, number] => [name, i]))(
    '%s reaches the caller as an exception',
    async (_name, index) => {
      const { conn, serverSide } = await pair(Thrower, { logger: showing });
      for (const method of ['throw', 'reject']) {
        const error = await rpyc
          .getattr(conn.root, method)
          .then((f: rpyc.Ref) => f(index))
          .then(
            () => 'nothing',
            (e: unknown) => e,
          );
        expect(error).toBeInstanceOf(Error);
      }
      expect(await conn.root.ok()).toBe('ok');
      expect(serverSide.closed).toBe(false);
    },
  );

  describePython('and real Python', () => {
    test('survives every one of them from a callback', async () => {
      const server = await startServer('6.0.1');
      const conn = await rpyc.connect('127.0.0.1', server.ready.port);
      const names: string[] = [];
      for (const [name, make] of THROWN) {
        const caught = await conn.root.call_catching(() => {
          throw make();
        });
        expect([name, Array.isArray(caught) && typeof caught[0]]).toEqual([name, 'string']);
        names.push(caught[0]);
      }
      expect(names).toContain('Exception');
      expect(await conn.root.add(1, 2)).toBe(3);
      await conn.close();
    });
  });
});

describe('a message larger than a frame', () => {
  const small = { maxFrame: 64 * 1024, compress: false } as const;

  test('is refused to its sender, and the connection lives', async () => {
    const { conn } = await pair(Echo, {}, small);
    const root = await conn.root;
    const { localObjects } = conn.stats;
    for (const value of [
      'x'.repeat(70_000),
      Buffer.alloc(70_000),
      rpyc.tuple(...Array.from({ length: 300 }, () => 'y'.repeat(300))),
    ]) {
      await expect(root.size(value)).rejects.toMatchObject({
        name: 'RangeError',
        code: 'ERR_RPYC_FRAME_TOO_LARGE',
        message: expect.stringContaining('exceeds maxFrame'),
      });
      await expect(root.echo({}, value)).rejects.toMatchObject({ code: 'ERR_RPYC_FRAME_TOO_LARGE' });
    }
    expect(conn.stats.localObjects).toBe(localObjects);
    expect(conn.stats.pending).toBe(0);
    expect(await root.size('x'.repeat(60_000))).toBe(60_000);
  });

  test('is refused also where only its encoded form is too large', async () => {
    const { conn } = await pair(Echo, {}, small);
    const root = await conn.root;
    const ints = rpyc.tuple(...Array.from({ length: 20_000 }, () => 8_000_000));
    const { localObjects } = conn.stats;
    await expect(root.echo({}, ints)).rejects.toMatchObject({ name: 'RangeError', code: 'ERR_RPYC_FRAME_TOO_LARGE' });
    expect(conn.stats.localObjects).toBe(localObjects);
    expect(conn.stats.pending).toBe(0);
    expect(await root.echo(1)).toBe(1);
  });

  test('as a result becomes an exception for the caller', async () => {
    const { conn, serverSide } = await pair(Echo, { ...small, logger: null });
    await expect(conn.root.bytes(70_000)).rejects.toMatchObject({
      message: expect.stringContaining('exceeds maxFrame'),
    });
    await expect(conn.root.ints(20_000)).rejects.toMatchObject({
      message: expect.stringContaining('exceeds maxFrame'),
    });
    await expect(conn.root.throw_big(200_000)).rejects.toBeInstanceOf(rpyc.PythonError);
    expect(await conn.root.echo()).toBe(0);
    expect(serverSide.closed).toBe(false);
  });

  test('harms no other message of the same tick', async () => {
    const { conn } = await pair(Echo, {}, small);
    const root = await conn.root;
    const big = Buffer.alloc(70_000);
    const fits = Buffer.alloc(50_000, 1);
    const outcomes = await Promise.allSettled([
      root.echo(1),
      root.size(fits),
      root.size(big),
      root.size(fits),
      root.echo(Symbol('s')),
      root.echo(1, 2),
    ]);
    expect(outcomes.map((o) => (o.status === 'fulfilled' ? o.value : o.reason.code))).toEqual([
      1,
      50_000,
      'ERR_RPYC_FRAME_TOO_LARGE',
      50_000,
      'ERR_RPYC_UNSENDABLE',
      2,
    ]);
  });
});

describePython('huge values with real Python 6.0.1', () => {
  const SIZE = 20 * 1024 * 1024;
  let server: PythonPeer;
  beforeAll(async () => {
    server = await startServer('6.0.1');
  });
  afterAll(() => server.stop());

  const bytes = Buffer.alloc(SIZE, 'The quick brown fox. ');
  const text = `${'é'.repeat(SIZE / 4)}${'z'.repeat(SIZE / 2)}`;

  test('20 MB of bytes and of text, both directions, awaited', async () => {
    const conn = await rpyc.connect('127.0.0.1', server.ready.port);
    expect(bytes.equals(await conn.root.echo(bytes))).toBe(true);
    expect((await conn.root.echo(text)) === text).toBe(true);
    const [first, second] = await Promise.all([conn.root.big_bytes(SIZE), conn.root.big_bytes(1000)]);
    expect([first.length, second.length]).toEqual([SIZE, 1000]);
    await conn.close();
  });

  test('20 MB of bytes and of text, both directions, blocking', () => {
    const conn = rpyc.connectSync('127.0.0.1', server.ready.port);
    expect(bytes.equals(conn.root.echo(bytes))).toBe(true);
    expect(conn.root.echo(text) === text).toBe(true);
    expect(conn.root.big_bytes(SIZE).length).toBe(SIZE);
    conn.close();
  });

  test('a large argument, with a callback in between that fails to answer, arrives whole', () => {
    const conn = rpyc.connectSync('127.0.0.1', server.ready.port);
    const body = Buffer.alloc(100_000, 7);
    const nested = conn.root.call((value: number) => {
      const inner = conn.root.echo(body);
      if (value === 1) return conn.root.call_catching(() => Symbol('no')) && inner.length;
      return inner.length;
    }, 1);
    expect(nested).toBe(100_000);
    conn.close();
  });
});
