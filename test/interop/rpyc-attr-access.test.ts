// Counterpart of RPyC's test_attr_access.py: who may read, write and delete what. Different: both directions; the objects of Node are guarded
// by the same keys of the configuration; `restricted` is that of Node (RPyC's own is used where Python offers the object).
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, PYTHONS, runClient } from '../support/python.ts';
import { define } from './define.ts';
import { describeClients, raised } from './faces.ts';
import { serve } from './nodes.ts';

const { AttributeError } = rpyc.exceptions;

class Box {
  a = 1;
  _b = 2;
  exposed_c = 3;
  method() {
    return this.a;
  }
}
class Boxes extends rpyc.Service {
  exposed_box = () => new Box();
  exposed_restricted = () => rpyc.restricted(new Box(), ['a', 'method'], ['a']);
}

describePython.each(PYTHONS)('A Python client of RPyC %s', (version) => {
  test.each([
    [{}, ['c', 'exposed_c']],
    [{ allow_public_attrs: true }, ['a', 'c', 'exposed_c', 'method']],
    [{ allow_all_attrs: true }, ['_b', 'a', 'c', 'exposed_c', 'method']],
    [{ allow_public_attrs: true, allow_exposed_attrs: false }, []],
  ])('reads under %o what that allows', async (config, names) => {
    const { port } = await serve(Boxes, config);
    const python =
      'b = root.box()\nout["names"] = [n for n in ("_b", "a", "c", "exposed_c", "method", "constructor") if raised(getattr, b, n) is None]';
    if (names.length > 0) expect(await runClient(version, port, python)).toEqual({ names });
    else
      expect(await runClient(version, port, 'out["root"] = raised(lambda: root.box())[0]')).toEqual({
        root: 'AttributeError',
      });
  });

  test('writes only with allow_setattr, deletes only with allow_delattr', async () => {
    const closed = await serve(Boxes, { allow_public_attrs: true });
    const python =
      'b = root.box()\nout["errors"] = [(raised(setattr, b, "a", 9) or [None])[0], (raised(delattr, b, "a") or [None])[0]]';
    expect(await runClient(version, closed.port, python)).toEqual({ errors: ['AttributeError', 'AttributeError'] });
    const open = await serve(Boxes, { allow_public_attrs: true, allow_setattr: true, allow_delattr: true });
    expect(await runClient(version, open.port, python)).toEqual({ errors: [null, null] });
  });

  test('sees of a restricted object what it names', async () => {
    const { port } = await serve(Boxes);
    const python = `
      b = root.restricted()
      out["read"] = [b.a, b.method(), raised(getattr, b, "_b")[0], raised(getattr, b, "exposed_c")[0]]
      b.a = 10
      out["written"] = [b.a, raised(setattr, b, "method", 1)[0]]
      `;
    expect(await runClient(version, port, python)).toEqual({
      read: [1, 1, 'AttributeError', 'AttributeError'],
      written: [10, 'AttributeError'],
    });
  });
});

describeClients('A Node client under the default policy', {}, (check) => {
  check('reads exposed names only, and writes nothing', function* ({ root }) {
    const point = yield root.make_point(1, 2);
    expect([yield point.z, yield point.exposed_z]).toEqual([3, 3]);
    for (const name of ['x', '_hidden', 'norm', '__dict__', '__class__'])
      expect(yield* raised(() => rpyc.getattr(point, name))).toBeInstanceOf(AttributeError);
    expect(yield* raised(() => rpyc.setattr(point, 'z', 1))).toBeInstanceOf(AttributeError);
    expect(yield* raised(() => rpyc.delattr(point, 'z'))).toBeInstanceOf(AttributeError);
  });

  check('sees of an object that Python restricted what it names', function* ({ root }) {
    const restricted = yield root.eval('rpyc.restricted(Point(1, 2), ["x", "norm"], ["x"])');
    expect(yield restricted.x).toBe(1);
    yield rpyc.setattr(restricted, 'x', 5);
    expect(yield restricted.x).toBe(5);
    expect(yield* raised(() => restricted.y)).toBeInstanceOf(AttributeError);
  });

  check('obeys the hooks of an object', function* ({ root }) {
    const guarded = yield define(
      root,
      `
      class Guarded:
          def _rpyc_getattr(self, name):
              if name == "only":
                  return "this"
              raise AttributeError("not " + name)
      `,
      'Guarded',
    );
    const object = yield guarded();
    expect(yield object.only).toBe('this');
    expect((yield* raised(() => rpyc.getattr(object, 'other'))).message).toBe('not other');
  });
});
