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

/** Has no constructor of the message alone: the other side must not call it with one. */
export class NotFound extends Error {
  key: string;
  constructor(key: string) {
    super(`no ${key}`);
    this.key = key;
  }
}

class Narrow extends RangeError {}

function caught(f: () => unknown): unknown {
  try {
    return f();
  } catch (error) {
    return error;
  }
}

/** What the service throws, by name. */
export const THROWN: Record<string, () => unknown> = {
  error: () => new Error('plain'),
  type: () => new TypeError('bad type'),
  range: () => new RangeError('bad range'),
  syntax: () => caught(() => JSON.parse('{')),
  reference: () => new ReferenceError('bad reference'),
  evaluation: () => new EvalError('bad eval'),
  uri: () => caught(() => decodeURIComponent('%')),
  overflow: () => {
    const deeper = (): unknown => deeper();
    return caught(deeper);
  },
  aggregate: () => new AggregateError([new RangeError('first'), 'second', new NotFound('third')], 'several'),
  abort: () => caught(() => AbortSignal.abort().throwIfAborted()),
  late: () => new DOMException('late', 'TimeoutError'),
  data: () => caught(() => structuredClone(() => 1)),
  nodeAbort: () => Object.assign(new Error('stopped'), { name: 'AbortError', code: 'ABORT_ERR' }),
  node: () => caught(() => Buffer.alloc(-1)),
  code: () => Object.assign(new Error('bad'), { code: 'E_BAD' }),
  ourCode: () => Object.assign(new Error('bad'), { code: 'ERR_RPYC_CLOSED' }),
  named: () => Object.assign(new Error('bad'), { name: 'Special' }),
  details: () =>
    Object.assign(new RangeError('bad'), {
      status: 404,
      details: { field: 'x', list: [1, { deep: true }] },
      $odd: 'odd',
      _low: 1,
      big: 2n ** 70n,
      when: new Date(0),
      fn: () => 1,
    }),
  system: () => caught(() => process.chdir('/nonexistent/place')),
  open: () =>
    Object.assign(new Error('EACCES: denied, open'), { code: 'EACCES', errno: -13, syscall: 'open', path: '/x' }),
  caused: () =>
    new Error('outer', {
      cause: Object.assign(new RangeError('middle', { cause: new NotFound('inner') }), { code: 'E_MIDDLE' }),
    }),
  causedByValue: () => new Error('outer', { cause: 'just text' }),
  causedByPython: () => new Error('outer', { cause: new rpyc.exceptions.KeyError('k') }),
  circle: () => {
    const error = new Error('one');
    error.cause = new Error('two', { cause: error });
    return error;
  },
  endless: () => {
    let error = new Error('0');
    for (let i = 1; i < 1000; i++) error = new Error(String(i), { cause: error });
    return error;
  },
  registered: () => new NotFound('it'),
  narrow: () => new Narrow('too narrow'),
  python: () => new rpyc.exceptions.KeyError('k'),
};

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
  exposed_call_blocking(f: any, ...args: unknown[]) {
    return rpyc.sync(f)(...args);
  }
  exposed_throw(what: string) {
    throw THROWN[what]();
  }
  async exposed_reject(what: string) {
    await null;
    throw THROWN[what]();
  }
  /** What `f` throws, thrown again. */
  async exposed_through(f: any, ...args: unknown[]) {
    return await f(...args);
  }
  /** Objects of ours that the peer holds. */
  exposed_refs() {
    return this.#conn?.stats.localObjects;
  }
}

const ours = (): string => 'ours';
