// Counterpart of RPyC's test_get_id_pack.py: the identity that a reference travels under. Different: ids of Node's objects are small counters,
// never used again, where Python's are addresses; both name the class, and 0 for a class itself.
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { PYTHONS, runClient } from '../support/python.ts';
import { describeClients } from './faces.ts';
import { serve } from './nodes.ts';

class Thing {}
class Things extends rpyc.Service {
  private readonly one = new Thing();
  exposed_Thing = Thing;
  exposed_one = () => this.one;
  exposed_new = () => new Thing();
  exposed_is_same = (a: unknown, b: unknown) => a === b;
  exposed_list = () => [];
}

test.for(PYTHONS)('to a client of RPyC %s, each object of Node has one identity', async (version) => {
  const { port } = await serve(Things);
  const out = await runClient(
    version,
    port,
    `
      a, b, c = root.one(), root.one(), root.new()
      packs = [o.____id_pack__ for o in (a, b, c)]
      out["same"] = [a is b, packs[0] == packs[1], packs[0] == packs[2], packs[0][:2] == packs[2][:2], root.is_same(a, b), root.is_same(a, c)]
      T = root.Thing
      out["class"] = [T.____id_pack__[0], T.____id_pack__[2], T.____id_pack__[1] == packs[0][1]]
      out["names"] = [packs[0][0], root.list().____id_pack__[0], root.one.____id_pack__[0]]
      last = packs[2][2]
      del c
      out["fresh"] = root.new().____id_pack__[2] != last
      `,
  );
  expect(out).toEqual({
    same: [true, true, false, true, true, false],
    class: ['js.Thing', 0, true],
    names: ['js.Thing', 'builtins.list', 'builtins.builtin_function_or_method'],
    fresh: true,
  });
});

describeClients('References of Node', { allow_public_attrs: true }, (check) => {
  check('name the class and the object that Python names', function* ({ root }) {
    const point = yield root.make_point(1, 2);
    const pack = (of: unknown) =>
      root.eval(
        '(lambda pack: (pack[0], pack[1], pack[2]))(__import__("rpyc.lib", fromlist=["x"]).get_id_pack(it))',
        rpyc.kwargs({ it: of }),
      );
    const named = yield pack(point);
    expect(named[0]).toBe('server.Point');
    expect(yield pack(yield root.echo(point))).toEqual(named);
    expect((yield pack(yield root.make_point(1, 2)))[2]).not.toEqual(named[2]);
    expect((yield pack(yield rpyc.getattr(root, 'Point')))[2]).toBe(0);
    expect(inspect(point)).toMatch(/^\[netref server\.Point #\d+\]$/);
    expect(inspect(yield rpyc.getattr(root, 'Point'))).toMatch(/^\[netref class server\.Point #\d+\]$/);
    yield root.hold(point);
    expect(yield root.held()).toBe(point);
    yield root.drop();
  });
});
