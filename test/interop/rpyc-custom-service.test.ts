// Counterpart of RPyC's test_custom_service.py: a service with methods, attributes, a nested class, its hooks and its names. Different: the
// service is Node's, there are no metaclasses, and properties are getters.
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, PYTHONS, runClient } from '../support/python.ts';
import { serve } from './nodes.ts';

class MyService extends rpyc.Service {
  static readonly events: string[] = [];
  exposed_attribute = 'exposed';
  hidden = 'hidden';
  exposed_MyClass = class MyClass {
    private readonly a: number;
    constructor(a: number) {
      this.a = a;
    }
    exposed_foo() {
      return this.a;
    }
    bar() {
      return 'never';
    }
  };
  override onConnect() {
    MyService.events.push('connect');
  }
  override onDisconnect() {
    MyService.events.push('disconnect');
  }
  exposed_distance([x1, y1]: readonly number[], [x2, y2]: readonly number[]) {
    return Math.hypot(x2 - x1, y2 - y1);
  }
  exposed_generator = function* (n: number) {
    for (let i = 0; i < n; i++) yield i;
  };
}

describePython.each(PYTHONS)('A custom service, to a client of RPyC %s,', (version) => {
  test('offers what it exposes, and nothing else', async () => {
    const { port } = await serve(MyService);
    const out = await runClient(
      version,
      port,
      `
      out["methods"] = [root.distance((0, 0), (3, 4)), list(root.generator(3)), root.attribute]
      c = root.MyClass(5)
      out["class"] = [c.foo(), raised(lambda: c.bar)[0], raised(lambda: c.a)[0]]
      out["hidden"] = [raised(lambda: root.hidden)[0], raised(setattr, root, "attribute", 1)[0], raised(delattr, root, "attribute")[0]]
      out["name"] = [root.get_service_name(), tuple(root.get_service_aliases())]
      out["closed"] = conn.closed
      `,
    );
    expect(out).toEqual({
      methods: [5, [0, 1, 2], 'exposed'],
      class: [5, 'AttributeError', 'AttributeError'],
      hidden: ['AttributeError', 'AttributeError', 'AttributeError'],
      name: ['MY', ['MY']],
      closed: false,
    });
  });

  test('is told of connections that come and go', async () => {
    MyService.events.length = 0;
    const { port, server } = await serve(MyService);
    const closed = new Promise((resolve) => server.once('connection', (conn) => conn.once('close', resolve)));
    await runClient(version, port, 'conn.ping()');
    await closed;
    expect(MyService.events).toEqual(['connect', 'disconnect']);
  });

  test('can be made with arguments by classpartial, or be one object for all', async () => {
    class Given extends rpyc.Service {
      private readonly what: string;
      constructor(what: string) {
        super();
        this.what = what;
      }
      exposed_what() {
        return this.what;
      }
    }
    for (const source of [rpyc.classpartial(Given, 'given'), new Given('given')]) {
      const { port } = await serve(source as rpyc.ServiceSource);
      expect(await runClient(version, port, 'out["what"] = root.what()')).toEqual({ what: 'given' });
    }
  });
});
