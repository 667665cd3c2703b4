// Counterpart of rpyc's tests/test_custom_service.py, test_attr_access.py and test_service_pickle.py (its configuration part): how services
// offer themselves to Python clients of every release. What they pickle there is refused here, or sent by value on request.
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, PYTHONS, pythonJson, runClient, startPython } from '../support/python.ts';
import { serve } from './nodes.ts';

class Row {
  id = 1;
  tags = ['a'];
}

class Snaky extends rpyc.Service {
  static override readonly snakeCase = true;
  static override readonly exposed = ['listAll', 'plain'];
  static override readonly ALIASES = ['first', 'Second'];
  exposed_getUser(id: number) {
    return `user ${id}`;
  }
  exposed_getHTTPUrl = () => 'http';
  listAll() {
    return rpyc.tuple(1, 2);
  }
  plain() {
    return 'plain';
  }
  notExposed() {
    return 'no';
  }
  exposed_Inner = class Inner {
    static readonly snakeCase = true;
    exposed_sayHello = () => 'hello';
    static exposed_make() {
      return 'static';
    }
  };
}

class Values extends rpyc.Service {
  static override readonly byValue = ['rows', 'table', Row];
  exposed_rows() {
    return [{ id: 1, name: 'a', f: () => 1 }, new Map([[1, [2, 3]]]), new Set([1]), new Date(1500), new Row()];
  }
  async exposed_table() {
    return [[1, 2], [new Int16Array([3])]];
  }
  exposed_marked = rpyc.byValue(() => ({ a: [1, { b: 2 }] }));
  exposed_cyclic = rpyc.byValue(() => {
    const list: unknown[] = [];
    list.push(list);
    return list;
  });
  exposed_instance = rpyc.byValue(() => [new Row()]);
  exposed_reference = () => [1];
  @rpyc.byValue
  exposed_decorated() {
    return [this.constructor.name];
  }
}

class Overriding {
  private readonly data: Record<string, unknown> = { a: 1 };
  _rpyc_getattr(name: string) {
    if (!(name in this.data)) throw new rpyc.exceptions.AttributeError(name);
    return this.data[name];
  }
  _rpyc_setattr(name: string, value: unknown) {
    this.data[name] = value;
  }
  _rpyc_delattr(name: string) {
    delete this.data[name];
  }
}
class Overrides extends rpyc.Service {
  exposed_object = () => new Overriding();
}

class Counter extends rpyc.Service {
  n = 0;
  pub_count() {
    return ++this.n;
  }
  exposed_count() {
    return ++this.n;
  }
}

describePython.each(PYTHONS)('A Python client of RPyC %s', (version) => {
  test('finds snake_case names where a service asks for them, and no other', async () => {
    const { port } = await serve(Snaky);
    expect(
      await runClient(
        version,
        port,
        `
      out["calls"] = [root.get_user(5), root.exposed_get_user(6), root.getUser(7), root.get_http_url(), root.list_all(), root.exposed_list_all(), root.plain()]
      out["denied"] = [raised(lambda: root.not_exposed)[0], raised(lambda: root.get_nothing)[0], raised(lambda: root.Get_user)[0]]
      out["dir"] = [n in dir(root) for n in ("exposed_get_user", "exposed_getUser", "not_exposed")]
      inner = root.Inner()
      out["inner"] = [inner.say_hello(), inner.sayHello(), root.Inner.make()]
      out["names"] = [root.get_service_name(), root.get_service_aliases()]
      `,
      ),
    ).toEqual({
      calls: ['user 5', 'user 6', 'user 7', 'http', [1, 2], [1, 2], 'plain'],
      denied: ['AttributeError', 'AttributeError', 'AttributeError'],
      dir: [true, true, false],
      inner: ['hello', 'hello', 'static'],
      names: ['FIRST', ['FIRST', 'SECOND']],
    });
  });

  test('receives results by value where the service says so', async () => {
    const { port } = await serve(Values);
    expect(
      await runClient(
        version,
        port,
        `
      rows = root.rows()
      out["type"] = [type(rows).__name__, dict(rows[0]), dict(rows[1])[1], type(rows[2]).__name__, rows[3], dict(rows[4])["tags"]]
      out["table"] = root.table()
      out["marked"] = dict(root.marked())["a"][0]
      out["decorated"] = root.decorated()
      out["reference"] = [type(root.reference()).__name__.split(".")[-1] in ("list", "type"), isinstance(root.reference(), tuple)]
      out["refused"] = [raised(root.cyclic)[0], raised(root.instance)]
      `,
      ),
    ).toEqual({
      type: ['tuple', { id: 1, name: 'a' }, [2, 3], 'frozenset', 1.5, ['a']],
      table: [[1, 2], [[3]]],
      marked: 1,
      decorated: ['Values'],
      reference: [true, false],
      refused: [
        'ValueError',
        ['TypeError', expect.stringContaining('an instance of Row cannot be sent by value (at [0])')],
      ],
    });
  });

  test('is answered by _rpyc_getattr, _rpyc_setattr and _rpyc_delattr alone where a class has them', async () => {
    const { port } = await serve(Overrides, { allow_getattr: true });
    expect(
      await runClient(
        version,
        port,
        `
      o = root.object()
      out["a"] = o.a
      o.b = 2
      out["b"] = o.b
      del o.a
      out["gone"] = [raised(lambda: o.a)[0], raised(lambda: o.constructor)[0], raised(lambda: o._rpyc_getattr)[0]]
      `,
      ),
    ).toEqual({ a: 1, b: 2, gone: ['AttributeError', 'AttributeError', 'AttributeError'] });
  });

  test('sees another prefix where the configuration names one', async () => {
    const { port } = await serve(Counter, { exposed_prefix: 'pub_' });
    expect(
      await runClient(
        version,
        port,
        'out["r"] = [root.count(), root.pub_count(), raised(lambda: root.exposed_count)[0]]',
      ),
    ).toEqual({ r: [1, 2, 'AttributeError'] });
  });

  test('shares an instance, and has an instance of its own of a class', async () => {
    const shared = await serve(new Counter());
    const own = await serve(Counter);
    const counted: number[] = [];
    for (const { port } of [shared, shared, own, own])
      counted.push((await runClient(version, port, 'out["n"] = root.count()')).n);
    expect(counted).toEqual([1, 2, 1, 1]);
  });

  test('is denied what the configuration denies', async () => {
    const deny = async (config: Record<string, unknown>) => {
      const { port } = await serve(Counter, config);
      return (await runClient(version, port, 'out["r"] = raised(lambda: root.count())')).r?.[0] ?? null;
    };
    expect(await deny({ allow_getattr: false })).toBe('AttributeError');
    expect(await deny({ allow_exposed_attrs: false })).toBe('AttributeError');
    expect(await deny({ allow_safe_attrs: false })).toBe(null);
    expect(await deny({ safe_attrs: [] })).toBe(null);
  });

  test('names the same defaults of its configuration as we do', async () => {
    const theirs = await pythonJson(
      version,
      `
import json, os
os.environ.pop("RPYC_BIND_THREADS", None)
from rpyc.core.protocol import DEFAULT_CONFIG
print(json.dumps({k: sorted(v) if isinstance(v, set) else v for k, v in DEFAULT_CONFIG.items()}))
`,
    );
    const { literal_methods, ...shared } = rpyc.DEFAULT_CONFIG;
    expect(literal_methods).toBe(true); // the one key that is ours
    const ours = { ...shared, safe_attrs: [...shared.safe_attrs].sort() };
    if (version === '6.0.1') expect(ours).toEqual(theirs);
    else
      expect(ours).toMatchObject(
        Object.fromEntries(Object.entries(theirs).filter(([key]) => key in ours && key !== 'safe_attrs')),
      );
  });
});

describePython.each(PYTHONS)('A snapshot of a Python server of RPyC %s', (version) => {
  const CODE = `
import rpyc, json, sys
from collections import OrderedDict, deque
class Data(rpyc.Service):
    def exposed_nested(self): return [1, {"k": (2, [3])}, {4}, frozenset([5]), bytearray(b"xy"), deque([6]), OrderedDict(a=None)]
    def exposed_cycle(self):
        a = [1]; a.append(a); b = {"self": a}; b["me"] = b
        return [a, b, a]
    def exposed_object(self): return [object()]
    def exposed_deep(self):
        a = []
        for _ in range(150): a = [a]
        return a
    def exposed_many(self): return list(range(2000))
`;
  const program = `${CODE}
from rpyc.utils.server import ThreadedServer
server = ThreadedServer(Data, hostname="127.0.0.1", port=0)
server.listener.listen(16)
print("READY", json.dumps({"port": server.port}), flush=True)
server.start()
`;

  test('holds all of a container, cycles and sharing included, on both faces', async () => {
    const { ready } = await startPython(version, program);
    const conn = await rpyc.connect('127.0.0.1', ready.port);
    const expected = [
      1,
      new Map([['k', [2, [3]]]]),
      new Set([4]),
      new rpyc.FrozenSet([5]),
      Buffer.from('xy'),
      [6],
      new Map([['a', null]]),
    ];
    expect(await rpyc.value(await conn.root.nested())).toEqual(expected);
    expect(rpyc.value(conn.sync.root.nested())).toEqual(expected);
    const [a, b, again] = (await rpyc.value(await conn.root.cycle())) as any[];
    expect(a[1]).toBe(a);
    expect(again).toBe(a);
    expect(b.get('me')).toBe(b);
    expect(b.get('self')).toBe(a);
    await conn.close();
  });

  test('is refused for what is no container, too deep or too large', async () => {
    const { ready } = await startPython(version, program);
    const conn = await rpyc.connect('127.0.0.1', ready.port);
    await expect(rpyc.value(await conn.root.object())).rejects.toThrow('builtins.object has no value here');
    const [kept] = (await rpyc.value(await conn.root.object(), { others: 'keep' })) as unknown[];
    expect(rpyc.isRemote(kept)).toBe(true);
    await expect(rpyc.value(await conn.root.deep())).rejects.toMatchObject({ code: 'ERR_RPYC_DEPTH' });
    expect(await rpyc.value(await conn.root.deep(), { maxDepth: 200 })).toHaveLength(1);
    await expect(rpyc.value(await conn.root.many(), { maxItems: 1999 })).rejects.toThrow('1999 items');
    expect(await rpyc.value(await conn.root.many())).toHaveLength(2000);
    await conn.close();
  });
});

test('before_closed is told the root before the goodbye, and close_catchall swallows what it throws', async () => {
  const { port } = await serve(Counter);
  const told: unknown[] = [];
  const first = await rpyc.connect('127.0.0.1', port, {
    config: { before_closed: (root) => told.push(rpyc.isRemote(root)) },
  });
  await first.root.count();
  await first.close();
  expect(told).toHaveLength(1);
  const fails = (): never => {
    throw new Error('before_closed failed');
  };
  const second = await rpyc.connect('127.0.0.1', port, { config: { before_closed: fails } });
  await expect(second.close()).rejects.toThrow('before_closed failed');
  const third = await rpyc.connect('127.0.0.1', port, { config: { before_closed: fails, close_catchall: true } });
  await third.close();
  expect([first.closed, third.closed]).toEqual([true, true]);
});

test('log_exceptions false keeps what handlers throw from the logger', async () => {
  class Failing extends rpyc.Service {
    exposed_fail() {
      throw new Error('x');
    }
  }
  const { port, logged } = await serve(Failing, { log_exceptions: false });
  const conn = await rpyc.connect('127.0.0.1', port);
  await expect(conn.root.fail()).rejects.toThrow('x');
  await conn.close();
  expect(logged.filter(({ level }) => level === 'error')).toEqual([]);
});
