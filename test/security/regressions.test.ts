// Known holes of RPyC in their JavaScript form, and holes that this project had: each closed one has its test here.
import { expect, onTestFinished, test } from 'vitest';
import { loadException } from '../../src/exceptions/load.ts';
import * as rpyc from '../../src/index.ts';
import { serve } from '../interop/nodes.ts';
import { describePython, PYTHONS, runClient } from '../support/python.ts';
import { ATTACKS, FORBIDDEN_NAMES } from './names.ts';

class Target {
  x = 1;
  [Symbol.iterator]() {
    return [1][Symbol.iterator]();
  }
}

class Victim extends rpyc.Service {
  readonly #target = new Target();
  readonly #dict: Record<string, unknown> = { a: 1 };
  received: unknown;
  exposed_target = () => this.#target;
  exposed_dict = () => this.#dict;
  exposed_function = () => () => 'ours';
  exposed_class = Target;
  exposed_keywords = (named: object) => {
    this.received = named;
    return Object.getPrototypeOf(named) === null;
  };
  async exposed_call(f: any) {
    return await f(1);
  }
  async exposed_state() {
    return rpyc.tuple(
      Object.keys(this.#target).join(),
      Object.getPrototypeOf(this.#target) === Target.prototype,
      typeof this.secret,
    );
  }
  secret(): string {
    return 'secret';
  }
}

const OPEN = { allow_all_attrs: true, allow_setattr: true, allow_delattr: true };

describePython.each(PYTHONS)('RPyC %s', (version) => {
  test('CVE-2019-16328: no attribute of the machinery behind callbacks and classes can be replaced', async () => {
    const { port, server } = await serve(Victim, OPEN);
    const out = await runClient(
      version,
      port,
      `
      names = ["call", "apply", "bind", "then", "name", "length", "prototype", "constructor", "__proto__", "__call__", "__code__", "__class__", "toString"]
      evil = lambda *a: "evil"
      def attempts(what, allowed=()):
          return [n for n in names if raised(conn.sync_request, 6, what, n, evil) is None and n not in allowed]
      out["root"] = attempts(root)
      out["function"] = attempts(root.function())
      out["method"] = attempts(root.call)
      out["class"] = attempts(getattr(root, "class"))
      out["target"] = [n for n in attempts(root.target()) if n in ("then", "constructor", "__proto__", "prototype", "toString")]
      d = root.dict()
      out["dict"] = [n for n in ("then", "constructor", "__proto__", "prototype") if raised(d.__setitem__, n, evil) is None]
      out["still"] = [root.function()(), root.call(lambda n: n + 1), root.state()[1]]
      `,
      {},
    );
    expect(out).toEqual({
      root: [],
      function: [],
      method: [],
      class: [],
      target: [],
      dict: [],
      still: ['ours', 2, true],
    });
    expect(server.connections.size).toBeLessThanOrEqual(1);
  });

  test('CVE-2024-27758: __array__ is never told, and nothing is pickled or unpickled for it', async () => {
    const { port } = await serve(Victim, OPEN);
    const out = await runClient(
      version,
      port,
      `
      import pickle
      t = root.target()
      out["told"] = [n for n in dir(t) if n.startswith("__array")]
      out["asked"] = [raised(lambda: t.__array__)[0], raised(lambda: t.__array_interface__)[0]]
      out["type"] = hasattr(type(t), "__array__")
      out["pickle"] = [raised(conn.sync_request, 14, t, -1), raised(pickle.dumps, t)[0]]
      out["inspected"] = [n for n, _ in conn.sync_request(16, t.____id_pack__) if n.startswith("__array")]
      `,
      { allow_pickle: true },
    );
    expect(out).toEqual({
      told: [],
      asked: ['AttributeError', 'AttributeError'],
      type: false,
      pickle: [['ValueError', expect.stringContaining('pickling is disabled')], expect.any(String)],
      inspected: [],
    });
  });

  test('keywords arrive without a prototype, and a forbidden one is refused', async () => {
    const { port } = await serve(Victim);
    const out = await runClient(
      version,
      port,
      `
      out["null"] = [root.keywords(a=1), root.keywords(**{"toString": 1, "then": 2})]
      out["refused"] = [raised(root.keywords, **{n: 1})[0] for n in ${JSON.stringify(FORBIDDEN_NAMES)}]
      `,
    );
    expect(out).toEqual({ null: [true, true], refused: FORBIDDEN_NAMES.map(() => 'TypeError') });
  });
});

test('attributes of a received exception never become members of an Error, nor anything on its prototypes', () => {
  const before = Reflect.ownKeys(Error.prototype).length;
  for (const name of [...ATTACKS, 'name', 'message', 'stack', 'cause', 'code', 'args', 'attrs', 'then', 'toJSON']) {
    for (const cls of ['ValueError', 'NoSuchError', 'constructor', '__proto__']) {
      const error = loadException([['builtins', cls], ['m'], [[name, 'evil']], 'tb']) as any;
      expect(error).toBeInstanceOf(Error);
      for (const member of [
        ...FORBIDDEN_NAMES,
        'message',
        'stack',
        'cause',
        'code',
        'then',
        'toJSON',
        'toString',
        'hasOwnProperty',
      ])
        expect(error[member], `${member} by ${name}`).not.toBe('evil');
      expect(Object.getPrototypeOf(error.attrs)).toBe(null);
      for (const forbidden of FORBIDDEN_NAMES) expect(Object.hasOwn(error.attrs, forbidden)).toBe(false);
    }
  }
  expect(Reflect.ownKeys(Error.prototype)).toHaveLength(before);
  expect(({} as any).evil).toBeUndefined();
});

test('user code that runs while a value is being written cannot use a connection, and the message is refused, not torn', async () => {
  class Echo extends rpyc.Service {
    exposed_count(...args: unknown[]) {
      return args.length;
    }
    exposed_give = (): unknown => evil(() => this.conn?.closeSync());
    private conn: rpyc.Connection | undefined;
    override onConnect(conn: rpyc.Connection) {
      this.conn = conn;
    }
  }
  const evil = (use: () => unknown): unknown =>
    Object.freeze(Object.defineProperty([0, 'x'], 0, { enumerable: true, get: use }));
  const server = new rpyc.Server(Echo, { config: { log_exceptions: false } });
  await server.start();
  onTestFinished(() => server.close());
  const conn = await rpyc.connect('127.0.0.1', server.port);
  const other = await rpyc.connect('127.0.0.1', server.port);
  for (const used of [conn, other]) {
    await expect(
      conn.root.count(
        {},
        evil(() => rpyc.oneway(used.root.count)('from the getter')),
      ),
    ).rejects.toMatchObject({ code: 'ERR_RPYC_OPERATION' });
  }
  const closing = Object.freeze(
    Object.defineProperty([0], 0, {
      enumerable: true,
      get: () => {
        other.closeSync();
      },
    }),
  );
  await expect(conn.root.count(closing)).rejects.toThrow('while a message is being written');
  await expect(conn.root.give()).rejects.toThrow('while a message is being written');
  const before = conn.stats.localObjects;
  expect(await conn.root.count(1, {}, 3)).toBe(3);
  expect(conn.stats.localObjects - before).toBeLessThanOrEqual(1);
  // A getter that keeps to itself is read as what it gives.
  const calm = Object.freeze(Object.defineProperty([0], 0, { enumerable: true, get: () => 7 }));
  expect(await conn.root.count(calm)).toBe(1);
  await conn.close();
  await other.close();
});

test('no getter of a class runs while its kind is found out', async () => {
  let ran = 0;
  class Quiet {
    get length() {
      ran++;
      return 1;
    }
    get next() {
      ran++;
      return () => {};
    }
    get [Symbol.dispose]() {
      ran++;
      return () => {};
    }
    *[Symbol.iterator]() {}
  }
  class Echo extends rpyc.Service {
    exposed_take = (_object: unknown) => null;
  }
  const { port } = await serve(Echo);
  const conn = await rpyc.connect('127.0.0.1', port);
  await conn.root.take(new Quiet());
  expect(ran).toBe(0);
  await conn.close();
});

test('a Service with get, set, has and an iterator is no Map: what it did not expose stays hidden', async () => {
  class Store extends rpyc.Service {
    has = () => true;
    get = () => 'secret';
    set = () => {};
    delete = () => true;
    *[Symbol.iterator]() {
      yield 'secret';
    }
    exposed_open = () => 'open';
  }
  const { port } = await serve(Store);
  const conn = await rpyc.connect('127.0.0.1', port);
  for (const ask of [
    rpyc.getitem(conn.root, 'k'),
    rpyc.contains(conn.root, 'k'),
    rpyc.setitem(conn.root, 'k', 1),
    rpyc.toArray(conn.root),
  ])
    await expect(ask).rejects.toBeInstanceOf(rpyc.exceptions.AttributeError);
  expect(await conn.root.open()).toBe('open');
  await conn.close();
});
