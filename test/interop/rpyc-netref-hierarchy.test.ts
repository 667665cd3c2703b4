// Counterpart of RPyC's test_netref_hierarchy.py: isinstance across the wire. Different: a reference of Node's is no instance of a local class; it
// asks INSTANCECHECK, which in real RPyC answers for the very class only. In the other direction Node answers as `instanceof`.
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { PYTHONS, runClient } from '../support/python.ts';
import { define } from './define.ts';
import { describeClients } from './faces.ts';
import { serve } from './nodes.ts';

class Base {}
class Derived extends Base {}
class Other {}
class Zoo extends rpyc.Service {
  exposed_Base = Base;
  exposed_Derived = Derived;
  exposed_Other = Other;
  exposed_base = () => new Base();
  exposed_derived = () => new Derived();
  exposed_builtins = () => rpyc.tuple([], {}, new Map(), new Set(), () => 0);
}

test.for(PYTHONS)('a client of RPyC %s sees the hierarchy of Node', async (version) => {
  const { port } = await serve(Zoo);
  const out = await runClient(
    version,
    port,
    `
      b, d = root.base(), root.derived()
      out["is"] = [isinstance(b, root.Base), isinstance(d, root.Derived), isinstance(d, root.Base), isinstance(b, root.Derived), isinstance(d, root.Other)]
      out["builtins"] = [isinstance(o, t) for o, t in zip(root.builtins(), (list, dict, dict, set, object))]
      out["not"] = [isinstance(o, str) for o in root.builtins()]
      `,
  );
  expect(out).toEqual({
    is: [true, true, true, false, false],
    builtins: [true, true, true, true, true],
    not: [false, false, false, false, false],
  });
});

describeClients('A hierarchy of Python', { allow_public_attrs: true }, (check) => {
  check('is asked by isinstance', function* ({ root }) {
    const CODE = `
      class Base: pass
      class Derived(Base): pass
      class Other: pass
      classes = (Base, Derived, Other)
      `;
    const [PyBase, PyDerived, PyOther] = yield define(root, CODE, 'classes');
    const [base, derived] = [yield PyBase(), yield PyDerived()];
    expect(yield rpyc.isinstance(base, PyBase)).toBe(true);
    expect(yield rpyc.isinstance(derived, PyDerived)).toBe(true);
    expect(yield rpyc.isinstance(derived, PyOther)).toBe(false);
    const there = yield root.eval('isinstance(d, b)', rpyc.kwargs({ d: derived, b: PyBase }));
    expect(there).toBe(true);
  });
});
