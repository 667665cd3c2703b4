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
