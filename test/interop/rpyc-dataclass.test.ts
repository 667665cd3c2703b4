// Counterpart of RPyC's test_dataclass.py: dataclasses as remote objects. Different: the class is Python's, the user Node.
import { expect } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { define } from './define.ts';
import { describeClients, raised } from './faces.ts';

const OPEN = { allow_public_attrs: true, allow_setattr: true };
const ITEM = `
      import dataclasses
      @dataclasses.dataclass(order=True)
      class Item:
          name: str
          price: float = 1.5
          tags: list = dataclasses.field(default_factory=list)
      @dataclasses.dataclass(frozen=True)
      class Frozen:
          name: str
      `;

describeClients('A dataclass', OPEN, (check) => {
  check('has fields, defaults, repr, equality, order', function* ({ root }) {
    const Item = yield define(root, ITEM, 'Item');
    const [a, b] = [yield Item('a'), yield Item('b', rpyc.kwargs({ price: 2.5 }))];
    expect([yield a.name, yield a.price, yield rpyc.len(yield a.tags)]).toEqual(['a', 1.5, 0]);
    expect(yield rpyc.repr(b)).toBe("Item(name='b', price=2.5, tags=[])");
    expect([yield rpyc.op.eq(a, yield Item('a')), yield rpyc.op.eq(a, b), yield rpyc.op.lt(a, b)]).toEqual([
      true,
      false,
      true,
    ]);
    yield rpyc.setattr(a, 'price', 9);
    expect(yield a.price).toBe(9);
    expect(yield* raised(() => rpyc.hash(a))).toBeInstanceOf(rpyc.exceptions.TypeError);
  });

  check('that is frozen refuses assignment, and has a hash', function* ({ root }) {
    const Frozen = yield define(root, ITEM, 'Frozen');
    const [a, b] = [yield Frozen('a'), yield Frozen('a')];
    const error = yield* raised(() => rpyc.setattr(a, 'name', 'b'));
    expect(error.pyName).toBe('FrozenInstanceError');
    expect(yield rpyc.hash(a)).toBe(yield rpyc.hash(b));
  });
});
