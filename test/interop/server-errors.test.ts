// Python clients of every release, a Node server: exceptions as Python sees them, results that cannot be sent, what the
// logger hears, and the life of a connection up to its reference counts.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, PYTHONS, runClient } from '../support/python.ts';
import { serve } from './nodes.ts';

class NotFound extends Error {
  key: string;
  tags = ['a'];
  constructor(key: string) {
    super(`no ${key}`);
    this.key = key;
  }
}

class Placed extends Error {
  static rpycModule = 'shop.errors';
}

/** What the service throws, by name. */
const THROWS: Record<string, () => unknown> = {
  error: () => {
    throw new Error('plain');
  },
  type: () => {
    throw new TypeError('bad type');
  },
  range: () => {
    throw new RangeError('bad range');
  },
  reference: () => (globalThis as any).eval('notDefined'),
  syntax: () => JSON.parse('{'),
  recursion: () => THROWS.recursion(),
  enoent: () => readFileSync('/nonexistent'),
  enotdir: () => readFileSync('/dev/null/x'),
  custom: () => {
    throw new NotFound('it');
  },
  placed: () => {
    throw new Placed('elsewhere');
  },
  key: () => {
    throw new rpyc.exceptions.KeyError('k');
  },
  caused: () => {
    throw new Error('outer', { cause: new Error('inner') });
  },
  string: () => {
    throw 'just text';
  },
  nothing: () => {
    throw undefined;
  },
  object: () => {
    throw { a: [1] };
  },
  stop: () => {
    throw new rpyc.exceptions.StopIteration();
  },
  aggregate: () => {
    throw new AggregateError([new Error('a')], 'several');
  },
  abort: () => AbortSignal.abort().throwIfAborted(),
  surrogate: () => {
    throw new Error('bad \ud800 text');
  },
};

class Thrower extends rpyc.Service {
  exposed_throw(what: string) {
    return THROWS[what]();
  }
  async exposed_reject(what: string) {
    await null;
    return THROWS[what]();
  }
  exposed_add(a: number, b: number) {
    return a + b;
  }
  async exposed_through(f: any) {
    return await f();
  }
  exposed_unsendable(what: string) {
    const values: Record<string, () => unknown> = {
      symbol: () => Symbol('s'),
      surrogate: () => 'a\udfff',
      inside: () => rpyc.tuple({}, 'a\ud800'),
      digits: () => 10n ** 4300n,
      deep: () => {
        let value: unknown = null;
        for (let i = 0; i < 400; i++) value = rpyc.tuple(value);
        return value;
      },
    };
    return values[what]();
  }
}

/** `seen(f)`: class name, module, the first line of str(), and some attributes of what `f()` raises. */
const SEEN = `
      def seen(f, *a):
          try:
              f(*a)
          except BaseException as e:
              cls = next(c for c in type(e).__mro__ if not c.__name__.startswith("Derived") and c.__name__ != "Derived")
              return [cls.__name__.split(".")[-1], isinstance(e, Exception), str(e).split("\\n")[0]]
      def text(f, *a):
          try:
              f(*a)
          except Exception as e:
              return str(e)
`;

const EXPECTED: Record<string, [name: string, text: string | RegExp]> = {
  error: ['Exception', 'plain'],
  type: ['TypeError', 'bad type'],
  range: ['ValueError', 'bad range'],
  reference: ['NameError', 'notDefined is not defined'],
  syntax: ['SyntaxError', /JSON/],
  recursion: ['RecursionError', 'Maximum call stack size exceeded'],
  enoent: ['FileNotFoundError', /^\[Errno 2\] ENOENT.*nonexistent/],
  enotdir: ['NotADirectoryError', /^\[Errno 20\]/],
  custom: ['NotFound', 'no it'],
  placed: ['Placed', 'elsewhere'],
  key: ['KeyError', "'k'"],
  caused: ['Exception', 'outer'],
  string: ['Exception', 'just text'],
  nothing: ['Exception', 'None'],
  object: ['Exception', "{'a': [1]}"],
  aggregate: ['AggregateError', 'several'],
  abort: ['AbortError', /aborted/],
  surrogate: ['Exception', 'bad \ufffd text'],
};

describePython.each(PYTHONS)('What a Node service throws, to a Python client of RPyC %s,', (version) => {
  test('is an exception of the class it stands for, thrown or rejected', async () => {
    const { port } = await serve(Thrower);
    const out = await runClient(
      version,
      port,
      `${SEEN}
      for name in ${JSON.stringify(Object.keys(EXPECTED))}:
          out[name] = [seen(root.throw, name), seen(root.reject, name)]
      out["stop"] = [seen(root.throw, "stop")[0], seen(root.reject, "stop")[0]]
      out["alive"] = root.add(5, 10)
      `,
    );
    for (const [name, [cls, text]] of Object.entries(EXPECTED)) {
      const seen = [cls, true, typeof text === 'string' ? text : expect.stringMatching(text)];
      expect({ [name]: out[name] }).toEqual({ [name]: [seen, seen] });
    }
    expect(out.stop).toEqual(['StopIteration', 'StopIteration']);
    expect(out.alive).toBe(15);
  });

  test('has its attributes, its module and its traceback', async () => {
    const { port } = await serve(Thrower);
    const out = await runClient(
      version,
      port,
      `${SEEN}
      def caught(what):
          try:
              root.throw(what)
          except Exception as e:
              return e
      e = caught("custom")
      out["custom"] = [type(e).__module__ + "|" + type(e).__name__, e.key, e.tags, list(e.args)]
      out["placed"] = type(caught("placed")).__name__
      e = caught("enoent")
      out["enoent"] = [e.errno, e.filename, isinstance(e, OSError)]
      out["text"] = ["Remote Traceback (1)" in str(caught("error")), "server-errors.test.ts" in str(caught("error"))]
      out["cause"] = ["outer" in str(caught("caused")), "Caused by: Error: inner" in str(caught("caused"))]
      def boom():
          raise KeyError("python's own")
      e = None
      try:
          root.through(boom)
      except KeyError as error:
          e = error
      out["through"] = [list(e.args), str(e).count("Remote Traceback"), "in boom" in str(e)]
      `,
    );
    expect(out).toEqual({
      custom: [expect.stringContaining('js.NotFound'), 'it', "['a']", ['no it']],
      placed: expect.stringContaining('shop.errors.Placed'),
      enoent: [2, '/nonexistent', true],
      text: [true, true],
      cause: [true, true],
      through: [["python's own"], expect.any(Number), true],
    });
    expect(out.through[1]).toBeGreaterThanOrEqual(1);
  });

  test('has no traceback with include_local_traceback false', async () => {
    const { port } = await serve(Thrower, { include_local_traceback: false });
    const out = await runClient(
      version,
      port,
      `${SEEN}
      out["text"] = text(root.throw, "error")
      `,
    );
    expect(out.text).toContain('<traceback denied>');
    expect(out.text).not.toContain('server-errors.test.ts');
  });

  test('is an exception where a result cannot be sent, and the connection goes on', async () => {
    const { port, server } = await serve(Thrower);
    const out = await runClient(
      version,
      port,
      `${SEEN}
      for name in ("symbol", "surrogate", "inside", "digits", "deep"):
          out[name] = seen(root.unsendable, name)
      out["alive"] = root.add(5, 10)
      `,
    );
    expect(out).toEqual({
      symbol: ['TypeError', true, expect.stringContaining('a symbol cannot be sent')],
      surrogate: ['UnicodeEncodeError', true, expect.stringContaining('lone surrogate')],
      inside: ['UnicodeEncodeError', true, expect.stringContaining('lone surrogate')],
      digits: [expect.stringMatching(/^(Value|Overflow)Error$/), true, expect.stringContaining('4300')],
      deep: [expect.stringMatching(/^(Value|Recursion)Error$/), true, expect.stringContaining('300 levels')],
      alive: 15,
    });
    expect(server.connections.size).toBeLessThanOrEqual(1);
  });

  test('reaches the logger at debug level, with the way out of a denial: the caller was told', async () => {
    const { port, logged } = await serve(Thrower);
    await runClient(
      version,
      port,
      `
      raised(root.throw, "custom"); raised(root.reject, "type"); raised(lambda: root.absent); raised(root.throw, "stop")
      `,
    );
    const failures = logged.filter(({ details }) => details.length > 0);
    expect(failures.map(({ level, details }) => [level, (details[0] as Error).message])).toEqual([
      ['debug', 'no it'],
      ['debug', 'bad type'],
    ]);
    expect(failures[0].message).toMatch(/throw|request|call/);
    expect((failures[0].details[0] as Error).stack).toMatch(/server-errors\.test\.ts/);
    expect((failures[0].details[0] as Error).stack).not.toMatch(/\/src\//);
    const probes = logged.filter(
      ({ level, message }) => level === 'debug' && message.includes("cannot access 'absent'"),
    );
    expect(probes.length).toBeGreaterThanOrEqual(1); // RPyC asks again in __getattr__
    expect(probes[0].message).toContain("called exposed_absent, listed in `static exposed = ['absent']`");
    expect(logged.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
  });
});

/** Tells about its connections. */
function watched(onConnect: (conn: rpyc.Connection) => void | Promise<void> = () => {}) {
  const events: string[] = [];
  class Watched extends rpyc.Service {
    override onConnect(conn: rpyc.Connection) {
      events.push('connect');
      return onConnect(conn);
    }
    override onDisconnect() {
      events.push('disconnect');
    }
    exposed_add(a: number, b: number) {
      events.push('add');
      return a + b;
    }
    exposed_list = () => [1, 2];
    exposed_pair = () => rpyc.tuple([1], new Map());
    exposed_take = (_value: unknown) => null;
  }
  return { Watched, events };
}

describePython.each(PYTHONS)('A connection of a Python client of RPyC %s', (version) => {
  test('is told to the service when it is made and when it is over', async () => {
    const { Watched, events } = watched();
    const { port, server } = await serve(Watched);
    const closed = new Promise((resolve) => server.once('connection', (conn) => conn.once('close', resolve)));
    await runClient(version, port, 'out["r"] = root.add(5, 10)');
    await closed;
    expect(events).toEqual(['connect', 'add', 'disconnect']);
    expect(server.connections.size).toBe(0);
    expect(await runClient(version, port, 'out["r"] = root.add(1, 1)')).toEqual({ r: 2 });
  });

  test('waits for the root until an async onConnect is through', async () => {
    let through = false;
    const { Watched } = watched(async () => {
      await new Promise(setImmediate);
      through = true;
    });
    class Late extends Watched {
      exposed_through = () => through;
    }
    const { port } = await serve(Late);
    expect(await runClient(version, port, 'out["r"] = root.through()')).toEqual({ r: true });
  });

  test('can be spoken to first, in its own version', async () => {
    let name: unknown;
    const { Watched } = watched(async (conn) => {
      name = await conn.root.get_service_name();
    });
    const { port } = await serve(Watched, {}, { protocol: version.startsWith('6') ? 6 : 5 });
    expect(await runClient(version, port, 'out["r"] = root.add(5, 10)')).toEqual({ r: 15 });
    expect(name).toBe('VOID');
  });

  test('is closed by Python at once, and the server goes on', async () => {
    const { Watched } = watched();
    const { port, server } = await serve(Watched);
    const out = await runClient(
      version,
      port,
      `
      import time
      others = [rpyc.connect("127.0.0.1", ${port}) for _ in range(3)]
      out["sums"] = [c.root.add(i, 1) for i, c in enumerate(others)]
      began = time.monotonic()
      for c in others:
          c.close()
      out["below the 30 s that RPyC would wait"] = time.monotonic() - began < 15
      out["closed"] = [c.closed for c in others]
      conn.ping()
      out["alive"] = root.add(5, 10)
      `,
    );
    expect(out).toEqual({
      sums: [1, 2, 3],
      'below the 30 s that RPyC would wait': true,
      closed: [true, true, true],
      alive: 15,
    });
    await expect.poll(() => server.connections.size).toBe(0);
  });

  test('holds our objects exactly as long as Python does', async () => {
    const { Watched } = watched();
    let conn: rpyc.Connection | undefined;
    class Counting extends Watched {
      exposed_held = () => conn?.stats.localObjects;
    }
    const { port, server } = await serve(Counting);
    server.once('connection', (made) => {
      conn = made;
    });
    const out = await runClient(
      version,
      port,
      `
      import gc
      held = root.held
      base = held()
      lists = [root.list() for _ in range(50)]
      out["fifty"] = held() - base >= 50
      again = [x for x in lists]
      for x in again:
          len(x)
      pairs = [root.pair() for _ in range(10)]
      for x in lists:
          root.take(x)
      out["more"] = held() - base >= 70
      del lists, again, pairs, x
      gc.collect()
      root.add(1, 1)
      out["rest"] = held() - base
      `,
    );
    expect(out.fifty).toBe(true);
    expect(out.more).toBe(true);
    // `root.list`, `root.pair`, … : bound methods that Python released with each call.
    expect(out.rest).toBe(0);
  });
});
