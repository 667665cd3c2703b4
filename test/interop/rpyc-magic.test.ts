// Counterpart of RPyC's test_magic.py: special methods through references. Different: Node has no operators to overload, they are `rpyc.op` and
// the helpers; a metaclass stays Python's affair.
import { expect } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { define } from './define.ts';
import { describeClients, raised } from './faces.ts';

const MAGIC = `
      class Meta(type):
          def __len__(cls):
              return 77
          def __repr__(cls):
              return "the class " + cls.__name__
      class Magic(metaclass=Meta):
          def __init__(self, n=0):
              self.n = n
          def __len__(self):
              return 1000
          def __contains__(self, item):
              return item == "in"
          def __getitem__(self, key):
              return ("got", key)
          def __setitem__(self, key, value):
              self.n = (key, value)
          def __delitem__(self, key):
              raise KeyError(key)
          def __call__(self, *args, **kwargs):
              return args + tuple(sorted(kwargs))
          def __iter__(self):
              return iter((1, 2, 3))
          def __bool__(self):
              return False
          def __float__(self):
              return 2.5
          def __add__(self, other):
              return "added"
          def __radd__(self, other):
              return "radded"
          def __lt__(self, other):
              return True
          def __eq__(self, other):
              return other == "equal"
          def __hash__(self):
              return 42
          def __repr__(self):
              return "magic"
      `;

describeClients('Special methods', { allow_public_attrs: true }, (check) => {
  check('of an instance are asked for', function* (client) {
    const Magic = yield define(client.root, MAGIC, 'Magic');
    const magic = yield Magic();
    expect([yield rpyc.len(magic), yield rpyc.bool(magic), yield rpyc.hash(magic), yield rpyc.repr(magic)]).toEqual([
      1000,
      false,
      42,
      'magic',
    ]);
    expect([yield rpyc.contains(magic, 'in'), yield rpyc.contains(magic, 'out')]).toEqual([true, false]);
    expect(yield rpyc.getitem(magic, 'k')).toEqual(['got', 'k']);
    yield rpyc.setitem(magic, 'a', 'b');
    expect(yield magic.n).toEqual(['a', 'b']);
    expect(yield* raised(() => rpyc.delitem(magic, 'd'))).toBeInstanceOf(rpyc.exceptions.KeyError);
    expect(yield magic(1, rpyc.kwargs({ x: 2 }))).toEqual([1, 'x']);
    expect(yield rpyc.toArray(magic)).toEqual([1, 2, 3]);
    expect([yield rpyc.op.add(magic, 1), yield rpyc.op.lt(magic, 1)]).toEqual(['added', true]);
    expect([yield rpyc.op.eq(magic, 'equal'), yield rpyc.op.eq(magic, 'other')]).toEqual([true, false]);
    if (client.face === 'blocking') expect(+magic).toBe(2.5);
  });

  check('of a class are those of its metaclass', function* ({ root }) {
    const Magic = yield define(root, MAGIC, 'Magic');
    expect(yield rpyc.repr(Magic)).toBe('the class Magic');
    expect(yield rpyc.isinstance(yield Magic(), Magic)).toBe(true);
  });
});
