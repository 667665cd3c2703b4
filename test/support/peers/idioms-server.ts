// The Node twin of idioms.py: the same service for the table of test/interop/idioms.test.ts. Started by support/node.ts, with its options.
import * as rpyc from '../../../src/index.ts';

class Spot {
  exposed_x: number;
  exposed_y: number;
  exposed_length = 'own';
  constructor(x: number, y: number) {
    this.exposed_x = x;
    this.exposed_y = y;
  }
  exposed_norm() {
    return Math.hypot(this.exposed_x, this.exposed_y);
  }
  exposed_scale(by: number) {
    return new Spot(this.exposed_x * by, this.exposed_y * by);
  }
  get exposed_twin() {
    return new Spot(this.exposed_x, this.exposed_y);
  }
  toString() {
    return `Spot(${this.exposed_x}, ${this.exposed_y})`;
  }
}

class Idioms extends rpyc.Service {
  #conn: rpyc.Connection | undefined;

  override onConnect(conn: rpyc.Connection) {
    this.#conn = conn;
  }
  exposed_add(a: number, b: number) {
    return a + b;
  }
  exposed_echo(value: unknown) {
    return value;
  }
  exposed_kw(...args: unknown[]) {
    const named = args.pop() as Record<string, unknown>;
    return rpyc.tuple(...args, ...Object.entries(named).map((pair) => rpyc.tuple(...pair)));
  }
  exposed_numbers(n: number) {
    return Array.from({ length: n }, (_, i) => i);
  }
  exposed_words() {
    return ['pear', 'apple', 'fig'];
  }
  exposed_nested() {
    return [1, [2, [3, [4]]], rpyc.tuple(5, 6)];
  }
  exposed_cyclic() {
    const items: unknown[] = [1];
    items.push(items);
    return items;
  }
  exposed_spot(x: number, y: number) {
    return new Spot(x, y);
  }
  exposed_spots(n: number) {
    return Array.from({ length: n }, (_, i) => new Spot(i, 0));
  }
  exposed_pair() {
    return rpyc.tuple(7, new Spot(3, 4));
  }
  exposed_name() {
    return 'hello';
  }
  exposed_nothing() {
    return null;
  }
  exposed_bytes() {
    return Buffer.from('abc');
  }
  exposed_table() {
    return new Map<string, unknown>([
      ['spot', new Spot(6, 8)],
      ['n', 1],
    ]);
  }
  exposed_adder(a: number) {
    return (b: number, named?: { c: number }) => a + b + (named?.c ?? 0);
  }
  exposed_fail(text: string) {
    throw new rpyc.exceptions.ValueError(text);
  }
  async *exposed_stream(n: number) {
    for (let i = 0; i < n; i++) yield i * 10;
  }
  exposed_relay(callback: any) {
    return (value: unknown) => callback(value);
  }
  exposed_call(callback: any, value: unknown) {
    return callback(value);
  }
  exposed_never() {
    return new Promise(() => undefined);
  }
  exposed_exit() {
    process.exit(7);
  }
  /** Our objects that the peer holds. */
  exposed_get_refs() {
    return this.#conn?.stats.localObjects;
  }
}

const options = JSON.parse(process.argv[2] ?? '{}') as rpyc.ServerOptions;
const server = new rpyc.Server(Idioms, { logger: null, ...options });
await server.start();
process.stdin.resume().on('end', () => process.exit(0));
console.log(`READY ${JSON.stringify({ port: server.port })}`);
