// The Node server of the interop tests: `node --import scripts/ts.mjs node-server.ts OPTIONS_JSON` prints
// `READY {"port": N}` and serves. Ends with its parent: when stdin closes.
import * as rpyc from '../../../src/index.ts';

class NotFound extends Error {
  key: string;
  constructor(key: string) {
    super(`no ${key}`);
    this.key = key;
  }
}

class Point {
  x: number;
  y: number;
  constructor(x: number, y: number) {
    this.x = x;
    this.y = y;
  }
  norm() {
    return Math.hypot(this.x, this.y);
  }
  toString() {
    return `(${this.x}|${this.y})`;
  }
}

class Moment extends Date {}

/** What the tests of copies and views ask for. */
const SAMPLES: Record<string, () => unknown> = {
  date: () => new Date(Date.UTC(2024, 1, 29, 23, 59, 58, 7)),
  old: () => new Date(-62_198_755_200_000),
  invalid: () => new Date(Number.NaN),
  moment: () => new Moment(0),
  nested: () => ({
    when: new Date(5),
    rows: [new Map<unknown, unknown>([[1, new Set([new Date(6)])]]), rpyc.tuple([7], 'x')],
    bytes: Buffer.from('b'),
  }),
  hostile: () => JSON.parse('{"__proto__": {"polluted": 1}, "constructor": 2, "a": 3}'),
  hostileMap: () =>
    new Map<string, unknown>([
      ['__proto__', new Map([['polluted', 1]])],
      ['constructor', 2],
    ]),
  cyclic: () => {
    const made: Record<string, unknown> = { list: [] };
    (made.list as unknown[]).push(made);
    return made;
  },
  literal: () => ({
    x: 7,
    hi(this: { x: number }) {
      return this.x;
    },
    when: new Date(8),
  }),
  many: () => Array.from({ length: 1000 }, (_, i) => Array.from({ length: 100 }, (_, j) => i * 100 + j)),
  map: () =>
    new Map<unknown, unknown>([
      ['a', 1],
      [2, 'two'],
      ['list', [1]],
    ]),
  object: () => ({ a: 1, b: 'two', list: [1] }),
  plain: () => ({ a: 1, b: 'two' }),
  empty: () => new Map(),
  large: () => new Map(Array.from({ length: 200 }, (_, i) => [`k${i}`, i])),
  list: () => [1],
  set: () => new Set<unknown>([1, 'x']),
  point: () => new Point(1, 2),
};

class Peer extends rpyc.Service {
  #conn: rpyc.Connection | undefined;
  #held: unknown;
  exposed_Point = Point;
  exposed_const = 17;

  override onConnect(conn: rpyc.Connection) {
    this.#conn = conn;
  }
  exposed_add(a: number, b: number) {
    return a + b;
  }
  async exposed_add_later(a: number, b: number) {
    await new Promise(setImmediate);
    return a + b;
  }
  exposed_echo(value: unknown) {
    return value;
  }
  exposed_args(...args: unknown[]) {
    const named = args.at(-1);
    return typeof named === 'object' && named !== null && Object.getPrototypeOf(named) === null
      ? rpyc.tuple(rpyc.tuple(...args.slice(0, -1)), Object.freeze(Object.entries(named).map((e) => Object.freeze(e))))
      : rpyc.tuple(...args);
  }
  exposed_list(n: number) {
    return Array.from({ length: n }, (_, i) => i);
  }
  exposed_map() {
    return new Map<unknown, unknown>([
      ['a', 1],
      [2, 'two'],
    ]);
  }
  exposed_point(x: number, y: number) {
    return new Point(x, y);
  }
  *exposed_count(n: number) {
    for (let i = 0; i < n; i++) yield i;
  }
  async *exposed_ticks(n: number) {
    for (let i = 0; i < n; i++) yield i * 10;
  }
  async exposed_call(f: any, ...args: unknown[]) {
    return await f(...args);
  }
  exposed_call_blocking(f: any, ...args: unknown[]) {
    return rpyc.sync(f)(...args);
  }
  exposed_call_later(f: any, value: unknown) {
    setImmediate(() => void f(value));
  }
  exposed_throw(what: string) {
    if (what === 'type') throw new TypeError('bad type');
    if (what === 'key') throw new rpyc.exceptions.KeyError('k');
    if (what === 'custom') throw new NotFound('it');
    throw new Error(what);
  }
  exposed_hold(value: unknown) {
    this.#held = value;
  }
  exposed_held() {
    return this.#held;
  }
  /** A value of {@link SAMPLES}, made anew. */
  exposed_sample(name: string) {
    return SAMPLES[name]();
  }
  /** A sample that is kept; `kept` tells what has become of it. */
  exposed_keep(name: string) {
    this.#held = SAMPLES[name]();
    return this.#held;
  }
  exposed_kept() {
    return rpyc.asValue(this.#held);
  }
  /** Our objects that the peer holds. */
  exposed_refs() {
    return this.#conn?.stats.localObjects;
  }
}

const options = JSON.parse(process.argv[2] ?? '{}') as rpyc.ServerOptions;
const server = new rpyc.Server(Peer, { logger: null, ...options });
await server.start();
process.stdin.resume().on('end', () => process.exit(0));
console.log(`READY ${JSON.stringify({ port: server.port })}`);
