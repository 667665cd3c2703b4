// What a JavaScript user writes without reading a manual, as a table: each row in both faces, against a Node server and Python servers.
// Lists by Array's names (mapping G2), and what a call returns used before it is awaited (G6). The peers are twins: peers/idioms-server.ts
// and peers/idioms.py.
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { startNode } from '../support/node.ts';
import { describePython, peer, type RpycVersion, startPython } from '../support/python.ts';
import { connect, FACES, type FaceName, items, raised, rootOf, run, type Steps, settled } from './faces.ts';

interface Peer {
  port: number;
  stop(): Promise<void>;
}

const node = (config: Record<string, unknown>) => (): Promise<Peer> => startNode({ config }, 'idioms-server.ts');
const python = (version: RpycVersion, config: Record<string, unknown>) => async (): Promise<Peer> => {
  const started = await startPython(version, peer('idioms.py'), { args: [JSON.stringify(config)] });
  return { port: started.ready.port, stop: started.stop };
};

/** Runs `declare` for each peer, with a connection per row. */
function describePeers(
  title: string,
  config: Record<string, unknown>,
  declare: (check: Check, face: FaceName, isNode: boolean) => void,
) {
  const declareAll = (start: () => Promise<Peer>, isNode: boolean) => () => {
    let server: Peer;
    beforeAll(async () => {
      server = await start();
    });
    afterAll(() => server.stop());
    describe.each(FACES)('%s', (face) => {
      declare(
        (name, steps) =>
          test(name, async () => {
            const conn = await connect(face, server.port);
            try {
              await run(face, steps(rootOf(face, conn), conn));
            } finally {
              await conn.close();
            }
          }),
        face,
        isNode,
      );
    });
  };
  describe(`${title}, of a Node server`, declareAll(node(config), true));
  describePython(`${title}, of RPyC 6.0.1`, declareAll(python('6.0.1', config), false));
  describePython(`${title}, of RPyC 5.3.1`, declareAll(python('5.3.1', config), false));
}

type Check = (name: string, steps: (root: any, conn: rpyc.Connection) => Steps) => void;

/** [what is written, its value]: the same text in both faces. */
const LISTS: [(root: any) => unknown, unknown][] = [
  [(root) => root.numbers(3).length, 3],
  [(root) => root.numbers(0).length, 0],
  [(root) => root.numbers(3).at(-1), 2],
  [(root) => root.numbers(3).at(0), 0],
  [(root) => root.numbers(3).at(1.9), 1],
  [(root) => root.numbers(3).at('2'), 2],
  [(root) => root.numbers(3).at(3), undefined],
  [(root) => root.numbers(3).at(-4), undefined],
  [(root) => root.numbers(3).at(Number.POSITIVE_INFINITY), undefined],
  [(root) => root.numbers(3)[1], 1],
  [(root) => root.numbers(3).map((x: number) => x * 2), [0, 2, 4]],
  [
    (root) => root.numbers(3).map((x: number, i: number, all: unknown[]) => [x, i, all.length]),
    [0, 1, 2].map((i) => [i, i, 3]),
  ],
  [
    (root) =>
      root.numbers(3).map(function (this: number) {
        return this + 1;
      }, 5),
    [6, 6, 6],
  ],
  [(root) => root.numbers(5).filter((x: number) => x % 2), [1, 3]],
  [(root) => root.numbers(3).forEach(() => {}), undefined],
  [(root) => root.numbers(4).reduce((a: number, b: number) => a + b), 6],
  [(root) => root.numbers(4).reduce((a: string, b: number) => a + b, '>'), '>0123'],
  [(root) => root.numbers(3).reduceRight((a: string, b: number) => a + b, ''), '210'],
  [(root) => root.numbers(3).some((x: number) => x > 1), true],
  [(root) => root.numbers(3).every((x: number) => x > 1), false],
  [(root) => root.numbers(5).find((x: number) => x > 2), 3],
  [(root) => root.numbers(5).find((x: number) => x > 9), undefined],
  [(root) => root.numbers(5).findIndex((x: number) => x > 2), 3],
  [(root) => root.numbers(5).findLast((x: number) => x < 3), 2],
  [(root) => root.numbers(5).findLastIndex((x: number) => x < 3), 2],
  [(root) => root.numbers(3).includes(2), true],
  [(root) => root.numbers(3).includes(0, 1), false],
  [(root) => root.words().indexOf('apple'), 1],
  [(root) => root.words().lastIndexOf('kiwi'), -1],
  [(root) => root.words().join(), 'pear,apple,fig'],
  [(root) => root.words().join(' & '), 'pear & apple & fig'],
  [(root) => root.spots(2).join('; '), 'Spot(0, 0); Spot(1, 0)'],
  [(root) => root.numbers(5).slice(1, -1), [1, 2, 3]],
  [(root) => root.numbers(2).concat(7, [8, 9], rpyc.tuple(10)), [0, 1, 7, 8, 9, 10]],
  [(root) => root.nested().flat(Number.POSITIVE_INFINITY), [1, 2, 3, 4, 5, 6]],
  [(root) => root.numbers(3).flatMap((x: number) => [x, [x]]), [0, [0], 1, [1], 2, [2]]],
  [(root) => root.words().toSorted(), ['apple', 'fig', 'pear']],
  [(root) => root.numbers(3).toReversed(), [2, 1, 0]],
  // Python's own.
  [(root) => root.words().index('fig'), 2],
  [(root) => root.words().count('fig'), 1],
  [(root) => root.numbers(3).pop(), 2],
  [(root) => root.numbers(3).sort(), null],
];

const text = (action: unknown): string =>
  String(action)
    .replace(/^\(root\) => /, '')
    .replaceAll(/\s+/g, ' ');

describePeers('Lists by the names of Array', { allow_public_attrs: true }, (check, face, isNode) => {
  for (const [action, expected] of LISTS)
    check(`${text(action)} is ${inspect(expected)}`, function* (root) {
      expect(yield action(root)).toStrictEqual(expected);
    });

  check('flat() goes one level down, through tuples too', function* (root) {
    const flat = yield root.nested().flat();
    expect([flat.length, flat[0], flat[1], flat.slice(3)]).toEqual([5, 1, 2, [5, 6]]);
    expect(yield rpyc.repr(flat[2])).toBe('[3, [4]]');
    expect(yield (yield root.nested()).flat(0)).toHaveLength(3);
  });

  check('flat(Infinity) of a list that contains itself ends with an error', function* (root) {
    const error = yield* raised(() => root.cyclic().flat(Number.POSITIVE_INFINITY));
    expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_RPYC_OPERATION' });
    expect(error.message).toContain('more than 100 lists');
  });

  check('entries, keys and values iterate over one fetch', function* (root) {
    const client = { face };
    const list = yield root.words();
    expect(yield* items(client, list.entries())).toEqual([...['pear', 'apple', 'fig'].entries()]);
    expect(yield* items(client, list.keys())).toEqual([0, 1, 2]);
    expect(yield* items(client, list.values())).toEqual(['pear', 'apple', 'fig']);
    expect([...(yield list.entries())]).toHaveLength(3);
  });

  check('push and unshift change the list over there, and return its length', function* (root) {
    const list = yield root.numbers(2);
    expect(yield list.push('a')).toBe(3);
    expect(yield list.push('b', 'c')).toBe(5);
    expect(yield list.push()).toBe(5);
    expect(yield list.unshift('y', 'z')).toBe(7);
    expect(yield list.unshift()).toBe(7);
    expect(yield list.slice()).toEqual(['y', 'z', 0, 1, 'a', 'b', 'c']);
    const spot = yield root.spot(1, 2);
    yield list.push(spot, rpyc.tuple(spot));
    expect((yield list.at(-2)) === spot).toBe(true);
  });

  check('objects in a list are references, and can be looked for', function* (root) {
    const list = yield root.spots(3);
    const spot = yield list[1];
    expect(yield list.indexOf(spot)).toBe(1);
    expect(yield list.includes(rpyc.awaitable(spot))).toBe(true);
    expect(yield list.includes(rpyc.sync(spot))).toBe(true);
    expect(yield list.includes({})).toBe(false);
    const norms = yield list.map((each: any) => each.norm());
    expect(yield settled(Promise.all(norms))).toEqual([0, 1, 2]);
    expect((yield (yield root.spots(2)).concat(list)).length).toBe(5);
  });

  check('what a callback throws comes out, and what is no function is refused', function* (root) {
    const boom = new Error('boom');
    const list = yield root.numbers(2);
    expect(
      yield* raised(() =>
        list.map(() => {
          throw boom;
        }),
      ),
    ).toBe(boom);
    expect(yield* raised(() => list.map(5))).toBeInstanceOf(TypeError);
    expect((yield* raised(() => list.map((x: number) => x, rpyc.kwargs({ x: 1 })))).message).toContain('no keyword');
    expect(yield* raised(() => list.length(1))).toBeInstanceOf(TypeError);
    expect(yield list.length).toBe(2);
  });

  check('a method of Array can be held', function* (root) {
    const { map, includes } = yield root.numbers(3);
    const held = yield map;
    expect(yield held((x: number) => -x)).toEqual([-0, -1, -2]);
    expect(yield includes(2)).toBe(true);
  });

  check('a list that is no longer there, or was given back, says so', function* (root) {
    const list = yield root.numbers(3);
    rpyc.release(list);
    expect(yield* raised(() => list.map(String))).toMatchObject({ code: 'ERR_RPYC_RELEASED' });
    expect(yield* raised(() => list.length)).toMatchObject({ code: 'ERR_RPYC_RELEASED' });
  });

  check('other classes keep their attributes: nothing is added', function* (root) {
    const spot = yield root.spot(1, 2);
    expect(yield spot.length).toBe('own');
    expect(yield* raised(() => spot.map(String))).toBeInstanceOf(rpyc.exceptions.AttributeError);
    if (isNode) return;
    const sized = yield root.sized();
    expect(yield sized.length).toBe('own');
    expect(yield* raised(() => sized.map(String))).toBeInstanceOf(rpyc.exceptions.AttributeError);
    expect(yield rpyc.len(sized)).toBe(2);
    const cls = yield root.eval('list');
    expect(yield* raised(() => cls.length)).toBeInstanceOf(rpyc.exceptions.AttributeError);
  });

  check('a dict keeps its keys', function* (root) {
    const table = yield root.table();
    expect([yield table.n, yield table.length, yield table.map]).toEqual([1, undefined, undefined]);
  });

  check('util.inspect shows the class and the id that the peer gave, and says how to see more', function* (root) {
    const list = yield root.numbers(3);
    const spot = yield root.spot(1, 2);
    const how = face === 'awaiting' ? 'await rpyc.repr(ref)' : 'rpyc.repr(ref)';
    expect(inspect(list)).toMatch(/^\[netref builtins\.list #\d+ - .*\]$/);
    expect(inspect(list)).toContain(`- ${how} shows it]`);
    expect(inspect(spot)).toMatch(/^\[netref (?:idioms|__main__|js)\.Spot #\d+\]$/);
    expect(String(JSON.stringify(list))).not.toContain('repr');
    if (!isNode) {
      const id = yield root.eval('id(list)', rpyc.kwargs({ list }));
      expect(inspect(list)).toContain(`#${id} `);
      const cls = yield root.eval('type(spot)', rpyc.kwargs({ spot }));
      expect(inspect(cls)).toBe(
        `[netref class ${yield root.eval('c.__module__ + ".Spot"', rpyc.kwargs({ c: cls }))} #${yield root.eval('id(c)', rpyc.kwargs({ c: cls }))}]`,
      );
    }
    rpyc.release(spot);
    expect(inspect(spot)).toMatch(/Spot, released\]$/);
  });
});

describePeers('Lists under the default policy', {}, (check, _face, isNode) => {
  check('everything that reads works', function* (root) {
    const list = yield root.numbers(3);
    expect([yield list.length, yield list.at(-1), yield list[0], yield list.map(String)]).toEqual([
      3,
      2,
      0,
      ['0', '1', '2'],
    ]);
  });

  check('what changes a list is the policy of its side', function* (root) {
    const list = yield root.numbers(3);
    if (isNode) {
      expect(yield* raised(() => list.push(3))).toBeInstanceOf(rpyc.exceptions.AttributeError);
      return;
    }
    const error = yield* raised(() => list.push(3));
    expect(error).toBeInstanceOf(rpyc.exceptions.AttributeError);
    expect(error.message).toContain("cannot access 'append'");
    expect((yield* raised(() => list.unshift(3))).message).toContain("cannot access 'insert'");
  });
});

/** Chains that are awaited once, at their end. */
const CHAINS: [(root: any) => unknown, unknown][] = [
  [(root) => root.spot(3, 4).norm(), 5],
  [(root) => root.spot(3, 4).scale(2).scale(3).norm(), 30],
  [(root) => root.spot(3, 4).twin.scale(2).twin.x, 6],
  [(root) => root.spot(3, 4).x, 3],
  [(root) => new root.spot(3, 4).norm(), 5],
  [(root) => root.numbers(4).length, 4],
  [(root) => root.numbers(4)[2], 2],
  [(root) => root.nested()[1][1][0], 3],
  [
    (root) =>
      root
        .numbers(4)
        .map((x: number) => x + 1)
        .filter((x: number) => x > 2).length,
    2,
  ],
  [(root) => root.table().spot.norm(), 10],
  [(root) => root.table().spot.scale(2).x, 12],
  [(root) => root.pair()[0], 7],
  [(root) => root.pair()[1].norm(), 5],
  [(root) => root.pair()[1].twin.y, 4],
  [(root) => root.pair().length, 2],
  [(root) => root.pair().at(-1).norm(), 5],
  [(root) => root.name().toUpperCase(), 'HELLO'],
  [(root) => root.name().length, 5],
  [(root) => root.name()[1], 'e'],
  [(root) => root.name().split('').join('-').slice(0, 3), 'h-e'],
  [(root) => root.bytes().length, 3],
  [(root) => root.bytes().readUInt8(1), 98],
  [(root) => root.add(1, 2).toFixed(2), '3.00'],
  [(root) => root.add(root.add(1, 2), root.name().length), 8],
  [(root) => root.add(root.spot(3, 4).norm(), root.spot(3, 4).x), 8],
  [(root) => root.spot(root.add(1, 2), 4).scale(root.add(1, 1)).x, 6],
  [
    (root) => root.kw(rpyc.kwargs({ a: root.add(1, 2), b: root.name().length })),
    [
      ['a', 3],
      ['b', 5],
    ],
  ],
  [(root) => root.adder(1).__call__(2), 3],
  [(root) => root.adder(1).__call__(2, rpyc.kwargs({ c: root.add(1, 2) })), 6],
  [(root) => root.echo(root.numbers(3)).length, 3],
  [(root) => root.echo(root.spot(3, 4)).norm(), 5],
  [(root) => root.name().replace('l', (found: string) => found.toUpperCase()), 'heLlo'],
  [(root) => rpyc.len(root.numbers(3)), 3],
  [(root) => rpyc.repr(root.numbers(3)), '[0, 1, 2]'],
  [(root) => rpyc.getitem(root.numbers(9), rpyc.slice(1, 3)).then((list: any) => list.slice()), [1, 2]],
  [(root) => rpyc.value(root.nested()), [1, [2, [3, [4]]], [5, 6]]],
  [(root) => rpyc.async_(root.adder(1))(2), 3],
  [(root) => rpyc.map(root.table()).get('n'), 1],
  [(root) => rpyc.toArray(root.numbers(2)), [0, 1]],
  [(root) => rpyc.withOptions(root.spot, { timeout: 9 })(3, 4).norm(), 5],
  [(root) => rpyc.withOptions(root.adder(1), { timeout: 9 })(2), 3],
  [(root) => rpyc.withOptions(root.spot(3, 4).twin, { timeout: 9 }).norm(), 5],
];

/** Chains that fail: [what is written, part of the message]. */
const BROKEN: [(root: any) => unknown, RegExp][] = [
  [(root) => root.add(1, 2).foo, /^cannot read 'foo' of 3 \(number\), which is no remote object$/],
  [(root) => root.add(1, 2).foo(1), /^cannot read 'foo' of 3 \(number\)/],
  [(root) => root.add(1, 2).foo.bar, /^cannot read 'foo' of 3/],
  [(root) => root.name().nope, /^cannot read 'nope' of 'hello' \(string\)/],
  [(root) => root.name().length(), /^'length' of 'hello' \(string\).* is not a function$/],
  [(root) => root.nothing().x, /^cannot read 'x' of null$/],
  [(root) => root.nothing().x(), /^cannot read 'x' of null$/],
  [(root) => root.pair()[2], /^cannot read '2' of \[ 7, .*\(tuple\)/],
  [(root) => root.table().nope.x, /^cannot read 'x' of undefined$/],
  [(root) => root.spot(1, 2).nope, /nope/],
  [(root) => root.spot(1, 2).nope(1).x.y(2), /nope/],
  [(root) => root.fail('first').x.y(1).z, /^first/],
  [(root) => root.fail('first').x, /^first/],
  [(root) => root.add(root.fail('argument'), 1).x, /^argument/],
  [(root) => root.spot(3, 4).scale(root.fail('argument')), /^argument/],
];

describePeers('A call used before it is awaited', {}, (check, face) => {
  if (face === 'blocking') {
    check('a blocking call cannot wait for the promise of an awaited one, and says so', function* (root, conn) {
      const promise = conn.root.name();
      const error = yield* raised(() => root.echo(promise));
      expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_RPYC_OPERATION' });
      expect(error.message).toContain('await it first');
      expect(() => rpyc.sync(promise)).toThrow('await it first');
    });
    return;
  }

  for (const [action, expected] of CHAINS)
    check(`await ${text(action)} is ${inspect(expected)}`, function* (root) {
      expect(yield action(root)).toStrictEqual(expected);
    });

  for (const [action, message] of BROKEN)
    check(`await ${text(action)} fails, and says where`, function* (root) {
      expect((yield* raised(() => action(root))).message).toMatch(message);
    });

  check('for await goes over what a call returns', function* (root) {
    const client = { face };
    expect(yield* items(client, root.numbers(3))).toEqual([0, 1, 2]);
    expect(yield* items(client, root.stream(3))).toEqual([0, 10, 20]);
    expect(yield* items(client, root.stream(100), 2)).toEqual([0, 10]);
    expect(yield* items(client, root.numbers(2).entries())).toEqual([
      [0, 0],
      [1, 1],
    ]);
    expect(yield* items(client, root.numbers(2).map(String))).toEqual(['0', '1']);
    expect(yield* raised(() => items(client, root.fail('no items')).next().value)).toMatchObject({
      args: ['no items'],
    });
  });

  check('the promise of a call can be used again, before and after it is awaited', function* (root) {
    const spot = root.spot(3, 4);
    expect([yield spot.norm(), yield spot.x, yield spot.scale(2).x]).toEqual([5, 3, 6]);
    const settled = yield spot;
    expect([yield settled.y, yield spot.y, (yield spot) === settled]).toEqual([4, 4, true]);
    expect(yield Promise.all([spot.x, spot.y, spot.norm()])).toEqual([3, 4, 5]);
    const pair = root.pair();
    expect([yield pair[1].x, yield pair[1].y, yield pair[1].twin.y]).toEqual([3, 4, 4]);
  });

  check('an object of ours that comes back is used by JavaScript’s rules, and not given back', function* (root) {
    const spot = yield root.spot(3, 4);
    const own = { spot, twice: (n: number) => n * 2, list: [1, 2] };
    expect(yield root.echo(own).twice(root.add(1, 2))).toBe(6);
    expect(yield root.echo(own).list.length).toBe(2);
    expect(yield root.echo(own).spot.x).toBe(3);
    expect(yield root.echo(own).spot.twin.x).toBe(3);
    expect(yield spot.x).toBe(3);
    expect((yield root.echo(own).spot) === spot).toBe(true);
  });
});

describe('Very long lists', () => {
  test('a million items are one message, and one array here', async () => {
    const server = await startNode({}, 'idioms-server.ts');
    const conn = await rpyc.connect('127.0.0.1', server.port);
    const list = await conn.root.numbers(1_000_000);
    const before = conn.stats.messagesOut;
    const doubled = await list.map((x: number) => x * 2);
    expect([doubled.length, doubled.at(-1)]).toEqual([1_000_000, 1_999_998]);
    expect(conn.stats.messagesOut - before).toBe(1);
    await conn.close();
  });

  test('more than fits in a frame is refused with a reason, and other ways are open', async () => {
    const server = await startNode({ maxFrame: 10_000 }, 'idioms-server.ts');
    const conn = await rpyc.connect('127.0.0.1', server.port);
    const list = await conn.root.numbers(100_000);
    await expect(list.map(String)).rejects.toThrow(/^message of (?:about )?\d+ bytes exceeds maxFrame 10000/);
    expect([await list.length, await list.at(-1)]).toEqual([100_000, 99_999]);
    let sum = 0;
    for await (const n of list) sum += n;
    expect(sum).toBe(4_999_950_000);
    await conn.close();
  });
});
