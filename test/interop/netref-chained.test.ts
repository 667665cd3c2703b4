// RPyC over RPyC (its test_rpyc_over_rpyc.py): references of one connection in the hands of another's peer, Node in the middle or at the end.
// Different from RPyC: a middle gives ids of its own, since those of two upstreams may collide, and checks every name by its own policy.
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import {
  describePython,
  PYTHONS,
  type PythonPeer,
  pythonJson,
  type RpycVersion,
  runClient,
} from '../support/python.ts';
import { startNetrefs } from './netrefs.ts';
import { serve } from './nodes.ts';

const OPEN = { allow_public_attrs: true, allow_setattr: true, allow_delattr: true };

/** A Node server that hands out the roots of its upstreams. */
async function middle(upstreams: readonly rpyc.Connection[], config: Record<string, unknown> = {}) {
  class Relay extends rpyc.Service {
    exposed_upstream(index = 0) {
      return upstreams[index].root;
    }
    exposed_same(a: unknown, b: unknown) {
      return rpyc.same(a, b);
    }
    exposed_pair() {
      return rpyc.tuple(upstreams[0].root, rpyc.tuple(upstreams[0].root));
    }
  }
  return serve(new Relay(), config);
}

async function upstreamOf(server: PythonPeer): Promise<rpyc.Connection> {
  const conn = await rpyc.connect('127.0.0.1', server.ready.port);
  onTestFinished(() => conn.close());
  return conn;
}

describePython('A Node middle', () => {
  const servers = {} as Record<RpycVersion, PythonPeer>;
  beforeAll(async () => {
    for (const version of PYTHONS) servers[version] = await startNetrefs(version, OPEN);
  });
  afterAll(async () => {
    for (const server of Object.values(servers)) await server.stop();
  });
  const pairs = PYTHONS.flatMap((client) => PYTHONS.map((server) => [client, server] as const));

  test.each(pairs)('joins a client of RPyC %s and a server of %s', async (client, server) => {
    const { port } = await middle([await upstreamOf(servers[server])], OPEN);
    const out = await runClient(
      client,
      port,
      `
      up = root.upstream()
      out['add'] = up.add(5, 10)
      out['const'] = up.const
      out['kw'] = up.kw(1, x=2)
      numbers = up.make_list(5)
      out['list'] = [len(numbers), numbers[1], numbers[-1], list(numbers), 3 in numbers, sum(numbers), repr(numbers)]
      numbers[0] = 'first'
      numbers.append([7])
      out['changed'] = [str(numbers[0]), numbers[-1][0], isinstance(numbers, list)]
      table = up.make_dict(2)
      out['dict'] = [sorted(table), table['k1'], dict(table.items()), raised(lambda: table['x'])[0]]
      point = up.make_point(3, 4)
      out['point'] = [point.x, point.norm(), str(point), repr(point), len(point), point[1], hash(point) == hash(up.make_point(3, 4))]
      out['equal'] = [point == up.make_point(3, 4), point != up.make_point(1, 1), 'norm' in dir(point)]
      point.x = 30
      out['set'] = point.x
      out['new'] = repr(up.Point(1, 2))
      out['call'] = list(point(1, k=2)[0])
      out['nested'] = up.nested.double(4)
      out['generator'] = list(up.generator(4))
      out['buffiter'] = list(rpyc.buffiter(up.make_list(30), chunk=7)) == list(range(30))
      out['callback'] = [up.call(lambda x, k: x * k, 6, k=7), up.call_many(lambda i: i, 4)]
      own = [1, 2]
      out['home'] = [up.echo(own) is own, up.echo(point) == point, root.same(point, point)]
      class Boom(Exception): pass
      def fail(): raise Boom('inside')
      out['errors'] = [raised(up.div, 1, 0), raised(up.raise_value, 'bad'), raised(lambda: up.nope), raised(up.call, fail)[1]]
      managed = up.managed(True)
      with managed as entered:
          out['with'] = entered == managed
          raise ValueError('swallowed')
      out['told'] = list(managed.told())
      pair = root.pair()
      out['pair'] = [pair[0].add(1, 1), pair[1][0].add(2, 2)]
      `,
      { sync_request_timeout: 20 },
    );
    expect(out).toMatchObject({
      add: 15,
      const: 17,
      kw: [1, ['x', 2]],
      list: [5, 1, 4, [0, 1, 2, 3, 4], true, 10, '[0, 1, 2, 3, 4]'],
      changed: ['first', 7, true],
      dict: [['k0', 'k1'], 1, { k0: 0, k1: 1 }, 'KeyError'],
      point: [3, 5, '<3,4>', 'Point(3, 4)', 2, 4, true],
      equal: [true, true, true],
      set: 30,
      new: 'Point(1, 2)',
      call: [1],
      nested: 8,
      generator: [0, 1, 2, 3],
      buffiter: true,
      callback: [42, 6],
      home: [true, true, true],
      with: true,
      told: ['enter', 'exit with an error'],
      pair: [2, 4],
    });
    expect(out.errors[0]).toEqual(['ZeroDivisionError', expect.stringContaining('division by zero')]);
    expect(out.errors[1]).toEqual(['ValueError', expect.stringContaining('bad')]);
    expect(out.errors[2][0]).toBe('AttributeError');
    expect(out.errors[3]).toContain('inside');
  });

  test.each(PYTHONS)('keeps two upstreams of RPyC %s apart, whatever their ids', async (version) => {
    const upstreams = [await upstreamOf(servers[version]), await upstreamOf(servers[version])];
    const { port } = await middle(upstreams);
    const out = await runClient(
      version,
      port,
      `
      a, b = root.upstream(0), root.upstream(1)
      a.hold(1)
      b.hold(2)
      out['held'] = [a.held(), b.held()]
      both = [a.make_list(1), b.make_list(2)]
      out['lists'] = [len(both[0]), len(both[1])]
      out['across'] = [list(a.echo(both[1])), len(b.echo(both[0]))]
      out['own'] = [root.same(both[0], both[0]), root.same(both[0], both[1]), root.same(a.echo(both[0]), both[0])]
      `,
    );
    expect(out).toEqual({ held: [1, 2], lists: [1, 2], across: [[0, 1], 1], own: [true, false, true] });
  });

  test.each(PYTHONS)('passes on no right that it has upstream: RPyC %s', async (version) => {
    // Upstream allows us every public name, and writing; the middle allows its client the default only.
    const { port } = await middle([await upstreamOf(servers[version])]);
    const out = await runClient(
      version,
      port,
      `
      up = root.upstream()
      point = up.make_point(3, 4)
      out['exposed'] = [up.add(1, 2), point.z, repr(point.scale(2))]
      out['denied'] = [raised(lambda: point.x), raised(lambda: point.norm()), raised(lambda: point._hidden),
                       raised(lambda: point.__dict__['x']), raised(setattr, point, 'x', 1), raised(delattr, point, 'x'),
                       raised(lambda: up.make_list(1).append(2))]
      out['dir'] = ['norm' in dir(point), 'exposed_scale' in dir(point)]
      out['safe'] = [len(point), point[0], str(point)]
      `,
    );
    expect(out.exposed).toEqual([3, 7, 'Point(6, 8)']);
    expect(out.safe).toEqual([2, 3, '<3,4>']);
    expect(out.dir).toEqual([false, true]);
    for (const [name] of out.denied) expect(name).toBe('AttributeError');
  });

  test('extends no right of the client upstream', async () => {
    const server = await startNetrefs('6.0.1');
    const { port } = await middle([await upstreamOf(server)], { allow_all_attrs: true, allow_setattr: true });
    const out = await runClient(
      '6.0.1',
      port,
      `
      point = root.upstream().make_point(3, 4)
      out['denied'] = [raised(lambda: point.x), raised(lambda: point._hidden), raised(setattr, point, 'x', 1)]
      out['forbidden'] = [raised(lambda: point.constructor), raised(lambda: getattr(point, '__proto__'))]
      out['exposed'] = point.z
      `,
    );
    for (const [name] of [...out.denied, ...out.forbidden]) expect(name).toBe('AttributeError');
    expect(out.exposed).toBe(7);
  });

  test.each(PYTHONS)('gives back upstream what its client dropped: RPyC %s', async (version) => {
    const upstream = await upstreamOf(servers[version]);
    const { port, server } = await middle([upstream]);
    const base = await upstream.root.get_refs();
    const out = await runClient(
      version,
      port,
      `
      import gc
      up = root.upstream()
      for i in range(10):
          point = up.make_point(i, i)
          up.echo(point)
          up.call(lambda p: p, point)
      del point
      gc.collect()
      out['refs'] = up.get_refs()
      keep = up.make_point(1, 1)
      out['kept'] = up.get_refs()
      `,
    );
    expect(out.refs - base).toBeLessThanOrEqual(1); // a DEL may be on its way
    expect(out.kept - base).toBeLessThanOrEqual(2);
    expect(upstream.stats.localObjects).toBeLessThanOrEqual(1);
    await server.close();
    expect(upstream.closed).toBe(false);
    expect(await upstream.root.add(1, 1)).toBe(2);
  });

  test('gives back upstream what a client held that went away', async () => {
    const upstream = await upstreamOf(servers['6.0.1']);
    let gone = () => {};
    const left = new Promise<void>((resolve) => {
      gone = resolve;
    });
    class Relay extends rpyc.Service {
      exposed_upstream() {
        return upstream.root;
      }
      override onDisconnect() {
        gone();
      }
    }
    const { port } = await serve(Relay);
    const base = await upstream.root.get_refs();
    const conn = await rpyc.connect('127.0.0.1', port);
    const root = await conn.root.upstream();
    const held = [await root.make_list(1), await root.make_list(2)];
    expect(await upstream.root.get_refs()).toBe(base + 2);
    await conn.close();
    await left;
    expect(await upstream.root.get_refs()).toBe(base);
    expect(held).toHaveLength(2);
  });

  test('a coroutine, kwargs and a blocking service are forwarded too', async () => {
    const upstream = await upstreamOf(servers['6.0.1']);
    class Blocking extends rpyc.Service {
      static override readonly face = 'sync';
      exposed_upstream() {
        return upstream.sync.root;
      }
      exposed_length_of(ref: any) {
        return rpyc.len(ref);
      }
    }
    const { port } = await serve(Blocking);
    const out = await runClient(
      '6.0.1',
      port,
      `
      up = root.upstream()
      out['echo'] = list(up.echo((1, [2])[1]))
      out['len'] = root.length_of(up.make_list(4))
      `,
    );
    expect(out).toEqual({ echo: [2], len: 4 });
  });
});

describePython.each(PYTHONS)('A Python middle of RPyC %s', (version) => {
  test('shows objects of a Node owner to its client', async () => {
    class Point {
      exposed_x = 3;
      exposed_norm() {
        return 5;
      }
    }
    class Owner extends rpyc.Service {
      numbers = [1, 2, 3];
      exposed_add(a: number, b: number) {
        return a + b;
      }
      exposed_list() {
        return this.numbers;
      }
      exposed_point() {
        return new Point();
      }
      exposed_apply(callback: any, value: unknown) {
        return callback(value);
      }
      exposed_fail() {
        throw new RangeError('too far');
      }
    }
    const { port } = await serve(Owner);
    const out = await pythonJson(
      version,
      `
import json, sys, threading, rpyc
from rpyc.utils.server import ThreadedServer
owner = rpyc.connect('127.0.0.1', ${port})
class Relay(rpyc.Service):
    def exposed_owner(self):
        return owner.root
server = ThreadedServer(Relay, hostname='127.0.0.1', port=0)
server.logger.disabled = True
server.listener.listen(server.backlog)
threading.Thread(target=server.start, daemon=True).start()
conn = rpyc.connect('127.0.0.1', server.port)
root = conn.root.owner()
def raised(action):
    try: action()
    except Exception as error: return [type(error).__name__, str(error)]
numbers = root.list()
print(json.dumps({
    'add': root.add(5, 10),
    'list': [len(numbers), numbers[1], list(numbers), 2 in numbers],
    'point': [root.point().norm(), root.point().x],
    'apply': root.apply(lambda value: value * 2, 21),
    'fail': raised(root.fail)[0],
    'denied': [raised(lambda: root.nope)[0], raised(lambda: root.point().constructor)[0]],
}))
`,
    );
    expect(out).toEqual({
      add: 15,
      list: [3, 2, [1, 2, 3], true],
      point: [5, 3],
      apply: 42,
      fail: 'ValueError',
      denied: ['AttributeError', 'AttributeError'],
    });
  });
});

describe('A chain of Node peers', () => {
  test('a reference that returns home is the object itself', async () => {
    const object = { ours: true };
    class Owner extends rpyc.Service {
      exposed_object() {
        return object;
      }
      exposed_is(value: unknown) {
        return value === object;
      }
    }
    const owner = await serve(Owner);
    const upstream = await rpyc.connect('127.0.0.1', owner.port);
    const relay = await middle([upstream]);
    const conn = await rpyc.connect('127.0.0.1', relay.port);
    const root = await conn.root.upstream();
    const chained = await root.object();
    expect(await root.is(chained)).toBe(true);
    expect(await root.is({})).toBe(false);
    rpyc.release(chained);
    expect(await root.is(object)).toBe(false);
    await conn.close();
    await upstream.close();
  });
});
