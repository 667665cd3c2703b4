// A service of what JavaScript hands out every day: literals with methods, errors of every class. Served in the test process for Python
// clients, and by peers/owner-server.ts in a process of its own for Node clients.
import * as rpyc from '../../src/index.ts';

export class Point {
  exposed_x: number;
  constructor(x: number) {
    this.exposed_x = x;
  }
}

/** Everything that an object literal can have. */
export function literal() {
  return {
    x: 1,
    hi() {
      return this.x;
    },
    arrow: (a: number, b: number) => a + b,
    async later(n: number) {
      await null;
      return this.x + n;
    },
    *count(n: number) {
      for (let i = 0; i < n; i++) yield i;
    },
    fail() {
      throw new RangeError('the method threw');
    },
    async failLater() {
      await null;
      throw new RangeError('the method rejected');
    },
    named(options: { by: number }) {
      return this.x * options.by;
    },
    Point,
    inner: {
      deep() {
        return 'deep';
      },
    },
    /** Also the name of a method of Python's dict. */
    get(key: string) {
      return `got ${key}`;
    },
    /** By which a dict is enumerated: never called but by who took it out as an item. */
    items() {
      return 'own items';
    },
    get accessor(): never {
      throw new Error('the getter ran');
    },
    [Symbol.for('hidden')]: () => 'a symbol was reached',
    code: Reflect.get(globalThis, 'eval'),
    Make: Function,
  };
}

/** A literal whose methods are named like what no peer may reach. */
export function forbidden(called = (name: string) => name): object {
  const object = {};
  const names =
    '__proto__ constructor prototype __defineGetter__ __lookupSetter__ caller callee arguments _rpyc_getattr then';
  for (const name of names.split(' '))
    Object.defineProperty(object, name, {
      value: () => called(name),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  return object;
}

export class Owner extends rpyc.Service {
  readonly #shared = literal();
  #conn: rpyc.Connection | undefined;
  override onConnect(conn: rpyc.Connection) {
    this.#conn = conn;
  }
  exposed_obj() {
    return literal();
  }
  exposed_shared() {
    return this.#shared;
  }
  /** In a tuple: a literal with `then` is a promise to whoever is answered it. */
  exposed_forbidden() {
    return rpyc.tuple(forbidden());
  }
  exposed_bare() {
    return Object.assign(Object.create(null), { hi: () => 'bare' });
  }
  exposed_list() {
    return [1];
  }
  /** A function of ours that the peer may hold. */
  exposed_ours() {
    return ours;
  }
  exposed_call(f: any, ...args: unknown[]) {
    return f(...args);
  }
  exposed_by_value() {
    return rpyc.asValue({ a: 1, f: () => 1 });
  }
  /** Objects of ours that the peer holds. */
  exposed_refs() {
    return this.#conn?.stats.localObjects;
  }
}

const ours = (): string => 'ours';
