// Python clients of every release, a Node server: services, what they expose, the attribute policy, callbacks into Python.
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, PYTHONS, runClient } from '../support/python.ts';
import { serve } from './nodes.ts';

class Prefixed extends rpyc.Service {
  n = 0;
  exposed_pi = 3.14;
  exposed_count() {
    return ++this.n;
  }
  exposed_add(a: number, b: number) {
    return a + b;
  }
  async exposed_later(value: unknown) {
    await new Promise(setImmediate);
    return value;
  }
  exposed_inner = class Inner {
    exposed_hello = () => 'hello';
  };
  get exposed_computed() {
    return this.n * 100;
  }
  hidden() {
    return 'hidden';
  }
}

class Listed extends rpyc.Service {
  static override exposed = ['add', 'pi'];
  pi = 3.14;
  add(a: number, b: number) {
    return a + b;
  }
  hidden() {
    return 'hidden';
  }
}

@rpyc.service
class Decorated extends rpyc.Service {
  @rpyc.exposed pi = 3.14;
  @rpyc.exposed
  add(a: number, b: number) {
    return a + b;
  }
  @rpyc.exposed
  get computed() {
    return 'computed';
  }
  hidden() {
    return 'hidden';
  }
}

class Box {
  x = 1;
  _under = 2;
  __dunder = 3;
  exposed_e = 4;
  method() {
    return this.x;
  }
  get computed() {
    return this.x * 10;
  }
}

class Boxes extends rpyc.Service {
  static readonly box = new Box();
  exposed_box = () => Boxes.box;
  exposed_plain = () => ({ key: 1, fn: () => 2 });
}

describePython.each(PYTHONS)('A Python client of RPyC %s', (version) => {
  test('sees the prefixed members of a service, each connection its own instance', async () => {
    const { port } = await serve(Prefixed);
    const checks = `
      out["calls"] = [root.add(5, 10), root.exposed_add(5, 10), root.pi, root.exposed_pi, root.later("x"), root.computed]
      out["count"] = [root.count(), root.count(), root.computed]
      out["inner"] = root.inner().hello()
      out["denied"] = [raised(lambda: root.hidden), raised(lambda: root.n)[0], raised(lambda: root.onConnect)[0]]
      out["set"] = [raised(setattr, root, "pi", 1), raised(delattr, root, "pi"), raised(setattr, root, "fresh", 1)[0]]
      out["name"] = [root.get_service_name(), tuple(root.get_service_aliases())]
      conn.ping()
      `;
    const expected = {
      calls: [15, 15, 3.14, 3.14, 'x', 0],
      count: [1, 2, 200],
      inner: 'hello',
      denied: [
        ['AttributeError', expect.stringContaining("cannot access 'hidden'")],
        'AttributeError',
        'AttributeError',
      ],
      set: [
        ['AttributeError', expect.stringContaining('access denied')],
        ['AttributeError', expect.stringContaining('access denied')],
        'AttributeError',
      ],
      name: ['PREFIXED', ['PREFIXED']],
    };
    expect(await runClient(version, port, checks)).toEqual(expected);
    expect(await runClient(version, port, checks)).toEqual(expected);
  });

  test('shares a service that is given as an instance', async () => {
    const { port } = await serve(new Prefixed());
    expect(await runClient(version, port, 'out["n"] = root.count()')).toEqual({ n: 1 });
    expect(await runClient(version, port, 'out["n"] = root.count()')).toEqual({ n: 2 });
  });

  test.each([
    ['static exposed', Listed],
    ['@exposed', Decorated],
  ] as const)('sees what %s names', async (_how, service) => {
    const { port } = await serve(service);
    const out = await runClient(
      version,
      port,
      `
      out["calls"] = [root.add(5, 10), root.exposed_add(5, 10), root.pi, root.exposed_pi]
      out["computed"] = root.computed if "${service.name}" == "Decorated" else "computed"
      out["denied"] = [raised(lambda: root.hidden)[0], raised(lambda: root.exposed_hidden)[0], raised(setattr, root, "pi", 1)[0]]
      `,
    );
    expect(out).toEqual({ calls: [15, 15, 3.14, 3.14], computed: 'computed', denied: Array(3).fill('AttributeError') });
  });

  const READS = `
      b = root.box()
      names = ["x", "_under", "__dunder", "exposed_e", "e", "method", "computed", "constructor", "__proto__", "hasOwnProperty", "absent"]
      out["denied"] = [n for n in names if raised(getattr, b, n) is not None]
      `;

  test('reads what the default policy allows', async () => {
    const { port } = await serve(Boxes);
    const out = await runClient(
      version,
      port,
      `${READS}
      out["text"] = [raised(lambda: b.x), raised(lambda: b.absent)]
      out["set"] = [raised(setattr, b, "e", 5), raised(delattr, b, "e")]
      d = root.plain()
      out["plain"] = [d["key"], raised(lambda: d.key)[0], d["fn"](), d.fn()]
      `,
    );
    expect(out).toEqual({
      denied: ['x', '_under', '__dunder', 'method', 'computed', 'constructor', '__proto__', 'hasOwnProperty', 'absent'],
      text: [
        ['AttributeError', expect.stringContaining("cannot access 'x'")],
        ['AttributeError', expect.stringContaining("cannot access 'absent'")],
      ],
      set: [
        ['AttributeError', expect.stringContaining("cannot access 'e'")],
        ['AttributeError', expect.stringContaining("cannot access 'e'")],
      ],
      plain: [1, 'AttributeError', 2, 2],
    });
  });

  test('reads public names with allow_public_attrs, and all but the forbidden ones with allow_all_attrs', async () => {
    const open = await serve(Boxes, { allow_public_attrs: true });
    expect(
      await runClient(
        version,
        open.port,
        `${READS}
      out["got"] = [b.x, b.method(), b.computed, raised(lambda: b.absent), root.plain().fn()]
      out["set"] = raised(setattr, b, "x", 5)[0]
      `,
      ),
    ).toEqual({
      denied: ['_under', '__dunder', 'constructor', '__proto__', 'hasOwnProperty', 'absent'],
      got: [1, 1, 10, ['AttributeError', expect.stringContaining("has no attribute 'absent'")], 2],
      set: 'AttributeError',
    });
    const all = await serve(Boxes, { allow_all_attrs: true });
    expect(
      await runClient(
        version,
        all.port,
        `${READS}
      out["got"] = [b._under, getattr(b, "__dunder")]
      `,
      ),
    ).toEqual({ denied: ['constructor', '__proto__', 'hasOwnProperty', 'absent'], got: [2, 3] });
  });

  test('writes and deletes with allow_setattr and allow_delattr', async () => {
    const { port } = await serve(Boxes, { allow_public_attrs: true, allow_setattr: true, allow_delattr: true });
    expect(
      await runClient(
        version,
        port,
        `
      b = root.box()
      b.fresh = [1]
      b.x = 7
      out["set"] = [b.fresh[0], b.x, b.computed]
      del b.fresh
      b.x = 1
      out["gone"] = hasattr(b, "fresh")
      out["denied"] = [raised(setattr, b, n, 1)[0] for n in ("constructor", "__proto__", "prototype", "_under", "computed", "method")]
      out["service"] = [raised(setattr, root, "box", 1), raised(delattr, root, "box")[0]]
      `,
      ),
    ).toEqual({
      set: [1, 7, 70],
      gone: false,
      denied: Array(6).fill('AttributeError'),
      service: [['AttributeError', expect.stringContaining('access denied')], 'AttributeError'],
    });
  });
});

/** Calls what it is given, in several ways. */
class Caller extends rpyc.Service {
  saved: any;
  async exposed_awaited(f: any, ...args: unknown[]) {
    return await f(...args);
  }
  exposed_blocking(f: any, ...args: unknown[]) {
    return rpyc.sync(f)(...args);
  }
  async exposed_both(f: any, n: number) {
    return (await f(n)) + rpyc.sync(f)(n);
  }
  exposed_save(f: any) {
    this.saved = f;
  }
  exposed_start(value: unknown) {
    const { saved } = this;
    setImmediate(() => void saved(value));
  }
  async exposed_items(iterable: any) {
    const items: unknown[] = [];
    for await (const item of iterable) items.push(item);
    return rpyc.tuple(...items);
  }
  exposed_items_blocking(iterable: any) {
    return rpyc.tuple(...rpyc.sync(iterable));
  }
  async exposed_catching(f: any) {
    try {
      await f();
      return null;
    } catch (error) {
      const e = error as rpyc.PythonError;
      return rpyc.tuple(
        e.name,
        e.message,
        e instanceof rpyc.exceptions.ArithmeticError,
        e.remoteTraceback.includes('Traceback'),
      );
    }
  }
  async exposed_describe(object: any) {
    return rpyc.tuple(await rpyc.len(object), await rpyc.repr(object), await rpyc.getitem(object, 0));
  }
}

class BlockingCaller extends rpyc.Service {
  static override readonly face = 'sync';
  exposed_call(f: any, ...args: unknown[]) {
    return f(...args);
  }
  exposed_sum(numbers: any) {
    let sum = 0;
    for (const n of numbers) sum += n;
    return sum;
  }
}

describePython.each(PYTHONS)('Callbacks into a Python client of RPyC %s', (version) => {
  test('are awaited or blocking, with keywords, nested and caught', async () => {
    const { port } = await serve(Caller);
    expect(
      await runClient(
        version,
        port,
        `
      out["awaited"] = [root.awaited(lambda: 1), root.awaited(lambda a, b: a + b, 5, 10)]
      out["blocking"] = [root.blocking(lambda: 1), root.blocking(lambda a, b: a + b, 5, 10)]
      out["both"] = root.both(lambda n: n * 10, 4)
      down = lambda n: n if n == 0 else 1 + root.awaited(down, n - 1)
      out["nested"] = root.awaited(down, 6)
      deep = lambda n: n if n == 0 else 1 + root.blocking(deep, n - 1)
      out["deep"] = root.blocking(deep, 6)
      mixed = lambda n: n if n == 0 else 1 + (root.blocking if n % 2 else root.awaited)(mixed, n - 1)
      out["mixed"] = root.awaited(mixed, 1)
      out["items"] = [root.items([1, 2, 3]), root.items_blocking(range(4)), root.items(x * x for x in range(3))]
      out["caught"] = [root.catching(lambda: 1 / 0), root.catching(lambda: None)]
      out["described"] = root.describe([7, 8])
      out["same"] = [root.awaited(lambda f: f is mixed, mixed), root.awaited(lambda c: c is root, root)]
      `,
      ),
    ).toEqual({
      awaited: [1, 15],
      blocking: [1, 15],
      both: 80,
      nested: 6,
      deep: 6,
      mixed: 1,
      items: [
        [1, 2, 3],
        [0, 1, 2, 3],
        [0, 1, 4],
      ],
      caught: [['ZeroDivisionError', 'division by zero', true, true], null],
      described: [2, '[7, 8]', 7],
      same: [true, true],
    });
  });

  test('are blocking in a service whose face is sync', async () => {
    const { port } = await serve(BlockingCaller);
    const out = await runClient(version, port, 'out["r"] = [root.call(lambda a: a * 2, 21), root.sum([1, 2, 3])]');
    expect(out).toEqual({ r: [42, 6] });
  });

  test('come from the event loop while Python serves in the background', async () => {
    const { port } = await serve(Caller);
    expect(
      await runClient(
        version,
        port,
        `
      import threading
      serving = rpyc.BgServingThread(conn)
      arrived, event = [], threading.Event()
      def later(value):
          arrived.append(value)
          event.set()
      root.save(later)
      root.start("from the loop")
      out["in time"] = event.wait(20)
      out["arrived"] = arrived
      serving.stop()
      `,
      ),
    ).toEqual({ 'in time': true, arrived: ['from the loop'] });
  });
});
