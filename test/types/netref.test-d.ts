// Types of remote objects, checked by tsc (npm run check): nothing here runs. What must not compile is marked with @ts-expect-error,
// which is an error itself where the line compiles after all.
import * as rpyc from '../../src/index.ts';

/** Are two types the same, not merely assignable? */
type Same<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false;
const expectType = <T>() => ({ toBe: <U>(_same: Same<T, U>) => undefined });
const is = <T, U>(_same: Same<T, U>): void => undefined;

interface Point {
  x: number;
  readonly label: string | null;
  norm(): number;
  scale(by: number): Point;
}

interface Engine {
  readonly nested: { readonly deep: { value: bigint }; list: number[] };
  add(a: number, b: number): number;
  raw(bytes: Uint8Array): Uint8Array;
  pair(): readonly [number, Point];
  points(): Point[];
  later(): Promise<Point>;
  each(callback: (point: Point, index: number) => boolean): void;
  options(name: string, named?: rpyc.Kwargs): string;
  Point: new (x: number, y: number) => Point;
  anything: any;
  apply(callback: (value: number) => number): number;
  adder(): (a: number) => number;
  table(): Map<string, Point>;
  untyped(): any;
}

export async function awaitable(conn: rpyc.Connection): Promise<void> {
  const root = rpyc.rootAs<Engine>(conn);
  const assigned: rpyc.Netref<Engine> = conn.root;
  void assigned;

  is<Awaited<ReturnType<typeof root.add>>, number>(true);
  const sum: number = await root.add(1, 2);
  const marked: number = await root.add(rpyc.float(1), root.nested.list[0]);
  const bytes: Uint8Array = await root.raw(new Uint8Array(sum + marked));
  void bytes;
  const deep: bigint = await root.nested.deep.value;
  void deep;

  const [count, point] = await root.pair();
  is<typeof count, number>(true);
  const label: string | null = await point.label;
  const again: rpyc.Netref<Point> = await point.scale(2);
  const later: rpyc.Netref<Point> = await root.later();
  const made: rpyc.Netref<Point> = await new root.Point(1, 2);
  void [label, again, later, made];

  for await (const item of await root.points()) is<typeof item, rpyc.Netref<Point>>(true);
  for await (const n of await root.nested.list) is<typeof n, number>(true);

  await root.each(async (each, index) => (await each.norm()) > index);
  await root.each((_each, index) => index > 1);
  await root.options('x', rpyc.kwargs({ depth: 2 }));
  await root.add(1, 2, rpyc.kwargs({}));
  await (await root.anything).whatever(1);
  const adder = await root.adder();
  is<Awaited<ReturnType<typeof adder>>, number>(true);
  await root.apply(adder);
  const points = await root.points();
  await points.append(made);
  const first: rpyc.Netref<Point> = await points[0];
  const found: rpyc.Netref<Point> = await (await root.table()).get('x');
  void [first, found];
  using held = point;
  await using both = point;
  void [held, both];

  // @ts-expect-error a string is no number
  await root.add('1', 2);
  // @ts-expect-error an argument is missing
  await root.add(1);
  // @ts-expect-error the service has no such method
  await root.subtract(1, 2);
  // @ts-expect-error a promise is no number: it has to be awaited
  const early: number = root.add(1, 2);
  // @ts-expect-error what changes a list is Python's: it has no splice
  await points.splice(0, 1);
  // @ts-expect-error the callback's point is remote: its norm is a promise
  await root.each((each) => each.norm() > 1);
  // @ts-expect-error an awaitable reference is not written by assignment
  point.x = 1;
  // @ts-expect-error an awaitable list is iterated by for await
  for (const item of await root.points()) void item;
  void early;
}

/** A call's result, used before it is awaited. */
export async function chained(conn: rpyc.Connection): Promise<void> {
  const root = rpyc.rootAs<Engine>(conn);
  const norm: number = await root.later().scale(2).scale(3).norm();
  const label: string | null = await root.later().label;
  const upper: string = await root.options('x').toUpperCase();
  const size: number = await root.options('x').length;
  const text: string = await root.add(1, 2).toFixed(2);
  const byte: number = await root.raw(new Uint8Array(1)).byteLength;
  const made: number = await new root.Point(1, 2).norm();
  const first: number = await root.pair()[0];
  const second: number = await root.pair()[1].scale(2).norm();
  const fromDict: number = await root.table().get('x').norm();
  const item: number = await root.points()[0].norm();
  const last: number | undefined = await root.points().at(-1).norm();
  is<Awaited<ReturnType<typeof root.later>>, rpyc.Netref<Point>>(true);
  for await (const each of root.points()) is<typeof each, rpyc.Netref<Point>>(true);
  await root.add(root.later().norm(), root.points().length);
  const whatever: Promise<unknown> = root.untyped().whatever.it(1).has;
  void [norm, label, upper, size, text, byte, made, first, second, fromDict, item, last, whatever];

  const [plain] = await Promise.all([root.later(), root.add(1, 2)]);
  is<typeof plain, rpyc.Netref<Point>>(true);
  const promise: Promise<number> = root.add(1, 2);
  const handled: Promise<number | undefined> = root.add(1, 2).catch(() => undefined);
  void [promise, handled];

  // @ts-expect-error a point has no such method
  await root.later().nope();
  // @ts-expect-error a number has no such member
  await root.add(1, 2).foo;
  // @ts-expect-error the promise of a list is iterated by for await
  for (const each of root.points()) void each;
}

/** Lists by the names of Array. */
export async function lists(conn: rpyc.Connection): Promise<void> {
  const root = rpyc.rootAs<Engine>(conn);
  const list = await root.points();
  const length: number = await list.length;
  const labels: (string | null)[] = await Promise.all(await list.map((each) => each.label));
  const doubled: number[] = await root.nested.list.map((n) => n * 2);
  const texts: string[] = await root.nested.list.filter((n) => n > 1).map((n, at) => `${n} ${at}`);
  const sum: number = await root.nested.list.reduce((a, b) => a + b, 0);
  const point: rpyc.Netref<Point> | undefined = await list.find((_each, at) => at === 1);
  const pushed: number = await list.push(list[0], await root.later());
  const joined: string = await root.nested.list.join().trim();
  for await (const [at, n] of root.nested.list.entries()) is<[typeof at, typeof n], [number, number]>(true);
  const sorted: number[] = await root.nested.list.toSorted((a, b) => b - a);
  void [length, labels, doubled, texts, sum, point, pushed, joined, sorted];
  // @ts-expect-error the callback is given numbers
  await root.nested.list.map((n: string) => n);
  // @ts-expect-error only points go into a list of points
  await list.push(1);
  // @ts-expect-error the length of a remote list is not set
  list.length = 0;

  const { root: blocking } = { root: rpyc.rootAs<Engine>(conn.sync) };
  const points = blocking.points();
  const norms: number[] = points.map((each) => each.norm());
  const count: number = points.length;
  const at: rpyc.SyncNetref<Point> | undefined = points.at(-1);
  const big: number[] = blocking.nested.list.filter((n) => n > 1).toReversed();
  points.push(points[0]);
  void [norms, count, at, big];
  // @ts-expect-error the length of a remote list is not set
  points.length = 0;
}

export function blocking(conn: rpyc.SyncConnection): void {
  const root = rpyc.rootAs<Engine>(conn);
  const assigned: rpyc.SyncNetref<Engine> = conn.root;
  void assigned;

  const sum: number = root.add(1, 2);
  const deep: bigint = root.nested.deep.value;
  const [count, point] = root.pair();
  is<typeof count, number>(true);
  point.x = sum + point.norm();
  const again: rpyc.SyncNetref<Point> = point.scale(2);
  const later: rpyc.SyncNetref<Point> = root.later();
  const made: rpyc.SyncNetref<Point> = new root.Point(1, 2);
  for (const item of root.points()) is<typeof item, rpyc.SyncNetref<Point>>(true);
  root.each((_each, index) => index > 1);
  using held = point;
  void [deep, again, later, made, held];

  // @ts-expect-error a string is no number
  root.add('1', 2);
  // @ts-expect-error the label is read-only over there
  point.label = 'x';
  // @ts-expect-error the service has no such method
  root.subtract(1, 2);
}

export async function views(conn: rpyc.Connection): Promise<void> {
  const root = rpyc.rootAs<Engine>(conn);
  const patient = rpyc.withOptions(root, { timeout: 120, signal: AbortSignal.timeout(5) });
  is<typeof patient, rpyc.Netref<Engine>>(true);
  const sum: number = await rpyc.withOptions(root.add, { timeout: 1 })(1, 2);
  // @ts-expect-error a timeout is a number of seconds
  rpyc.withOptions(root, { timeout: '1' });
  // Untyped references stay as they are.
  const untyped = conn.root;
  await untyped.whatever.it[3].has(1, 2, rpyc.kwargs({ x: sum }));
}

expectType<rpyc.Netref<any>>().toBe<any>(true);

export async function mapsAndSets(conn: rpyc.Connection): Promise<void> {
  const root = rpyc.rootAs<
    Engine & { readonly config: Map<string, number>; tags(): Set<string>; limits(): { cpu: number } }
  >(conn);
  const map = rpyc.map(await root.table());
  expectType<typeof map>().toBe<rpyc.RemoteMap<string, Point>>(true);
  const point = await map.get('a');
  const label: string | null | undefined = await point?.label;
  const local: Point = { x: 1, label: label ?? null, norm: () => 1, scale: () => local };
  const removed: boolean = await (await map.set('b', local)).delete('a');
  const size: number = await map.size;
  for await (const [key, value] of map) void [key.length + size, await value.norm()];
  // @ts-expect-error keys are strings
  await map.get(1);
  // @ts-expect-error of the awaitable face
  for (const entry of map) void entry;

  const path: rpyc.RemoteMap<string, number> = rpyc.map(root.config);
  const limits = rpyc.map(await root.limits());
  const cpu: number | undefined = await limits.get('cpu');
  // @ts-expect-error no such key
  await limits.get('gpu');
  const tags = rpyc.set(await root.tags());
  expectType<typeof tags>().toBe<rpyc.RemoteSet<string>>(true);
  for await (const tag of (await tags.add('x')).values()) void tag.length;
  void [path, cpu, removed];

  const copied = await rpyc.value(await root.table(), { dicts: 'object' });
  expectType<typeof copied>().toBe<rpyc.CopiedObject>(true);
  const kept = await rpyc.value(await root.table(), { others: 'keep' });
  expectType<typeof kept>().toBe<unknown>(true);
  const typed: Promise<Map<string, number>> = rpyc.value<Map<string, number>, typeof root>(root);
  void typed;
}

export function blockingViews(conn: rpyc.SyncConnection, untyped: any): void {
  const root = rpyc.rootAs<Engine & { tags(): Set<string> }>(conn);
  const map = rpyc.map(root.table());
  expectType<typeof map>().toBe<rpyc.SyncRemoteMap<string, Point>>(true);
  const x: number | undefined = map.get('a')?.x;
  for (const [key, value] of map) void [key.length, value.norm() + map.size, x];
  const tags = rpyc.set(root.tags());
  expectType<typeof tags>().toBe<rpyc.SyncRemoteSet<string>>(true);
  const list: string[] = [...tags.add('x')];
  const copied = rpyc.value(root.table());
  expectType<typeof copied>().toBe<rpyc.Copied>(true);

  const either = rpyc.value(untyped);
  expectType<typeof either>().toBe<rpyc.Copied | Promise<rpyc.Copied>>(true);
  const ages: rpyc.SyncRemoteMap<string, number> = rpyc.map(untyped);
  const age: number | undefined = ages.get('a');
  void [list, age];
  // @ts-expect-error a local Map is no remote one
  rpyc.map(new Map<string, number>());
}
