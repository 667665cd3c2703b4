// Python's set on Sets: membership, operators and methods, with CPython's error texts.
import { exceptions } from '../python/exceptions.ts';
import { isKwargs, NotImplemented } from '../python/values.ts';
import {
  ABSENT,
  asSet,
  checkHashable,
  equal,
  type Facade,
  findKey,
  isThenable,
  type Method,
  methods,
  none,
  type Operator,
  one,
  remoteClass,
  table,
  withItems,
} from './pythonic.ts';

const { KeyError, TypeError: PyTypeError } = exceptions;

type Items = Set<unknown>;

const has = (self: Items, item: unknown): boolean => findKey(self, item) !== ABSENT;

function add(self: Items, item: unknown): void {
  if (has(self, item)) return;
  checkHashable(item);
  self.add(item);
}

function discard(self: Items, item: unknown): boolean {
  const known = findKey(self, item);
  return known !== ABSENT && self.delete(known);
}

const setOf = (items: Iterable<unknown>): Items => {
  const made: Items = new Set();
  for (const item of items) add(made, item);
  return made;
};

/** The four ways to combine two sets, each into a new one. */
const COMBINE = {
  union: (a: Items, b: Items): Items => setOf([...a, ...b]),
  intersection: (a: Items, b: Items): Items => new Set([...a].filter((item) => has(b, item))),
  difference: (a: Items, b: Items): Items => new Set([...a].filter((item) => !has(b, item))),
  symmetric_difference: (a: Items, b: Items): Items =>
    new Set([...[...a].filter((item) => !has(b, item)), ...[...b].filter((item) => !has(a, item))]),
} as const;
type Combine = (a: Items, b: Items) => Items;

/** Takes over the items of another set, in place. */
function become(self: Items, items: Items): Items {
  const taken = [...items];
  self.clear();
  for (const item of taken) self.add(item);
  return self;
}

const isSet = (value: unknown): boolean =>
  asSet(value) !== undefined || /^builtins\.(frozen)?set$/.test(remoteClass(value) ?? '');

/** Applies `use` to the operand's items as a set; NotImplemented where it is none. */
const operand = (other: unknown, use: (items: Items) => unknown): unknown =>
  isSet(other) ? withItems(other, (items) => use(setOf(items))) : NotImplemented;

const operator =
  (combine: Combine): Method =>
  (self, other) =>
    operand(other, (items) => combine(self, items));
const reflected =
  (combine: Combine): Method =>
  (self, other) =>
    operand(other, (items) => combine(items, self));
const inPlace =
  (combine: Combine): Method =>
  (self, other) =>
    operand(other, (items) => become(self, combine(self, items)));

/** A method that takes any number of iterables, one after the other. */
function folding(name: string, combine: Combine, finish: (self: Items, result: Items) => unknown): Method {
  return (self: Items, ...sources: unknown[]) => {
    if (isKwargs(sources[sources.length - 1])) throw new PyTypeError(`set.${name}() takes no keyword arguments`);
    const step = (result: Items, at: number): unknown => {
      for (let i = at; i < sources.length; i++) {
        const next = withItems(sources[i], (items) => combine(result, setOf(items)));
        if (isThenable(next)) return next.then((made) => step(made as Items, i + 1));
        result = next as Items;
      }
      return finish(self, result);
    };
    return step(new Set(self), 0);
  };
}

const fresh = (_self: Items, result: Items): Items => result;
const update = (self: Items, result: Items): null => {
  become(self, result);
  return null;
};

/** Is every item of `a` in `b`? */
const within = (a: Items, b: Items): boolean => [...a].every((item) => has(b, item));

/** Comparison with a set of ours or a frozenset; any other operand is NotImplemented, as in RPyC. */
const comparison =
  (symbol: Operator): Method =>
  (self: Items, other: unknown) => {
    if (asSet(other) === undefined) return NotImplemented;
    const items = setOf(other as Iterable<unknown>);
    if (symbol === '<=') return within(self, items);
    if (symbol === '>=') return within(items, self);
    return symbol === '<'
      ? self.size < items.size && within(self, items)
      : items.size < self.size && within(items, self);
  };

/** Python's set. Operators and methods that combine give new Sets. */
export const SET_FACADE: Facade = table(
  {
    __len__: (self: Items) => self.size,
    __contains__: has,
    __iter__: (self: Items) => self.values(),
    __length_hint__: (self: Items) => self.size,
    __eq__: (self: Items, other: unknown) => (asSet(other) === undefined ? NotImplemented : equal(self, other)),
    __lt__: comparison('<'),
    __gt__: comparison('>'),
    __le__: comparison('<='),
    __ge__: comparison('>='),
    __or__: operator(COMBINE.union),
    __and__: operator(COMBINE.intersection),
    __sub__: operator(COMBINE.difference),
    __xor__: operator(COMBINE.symmetric_difference),
    __ror__: reflected(COMBINE.union),
    __rand__: reflected(COMBINE.intersection),
    __rsub__: reflected(COMBINE.difference),
    __rxor__: reflected(COMBINE.symmetric_difference),
    __ior__: inPlace(COMBINE.union),
    __iand__: inPlace(COMBINE.intersection),
    __isub__: inPlace(COMBINE.difference),
    __ixor__: inPlace(COMBINE.symmetric_difference),
    union: folding('union', COMBINE.union, fresh),
    intersection: folding('intersection', COMBINE.intersection, fresh),
    difference: folding('difference', COMBINE.difference, fresh),
    update: folding('update', COMBINE.union, update),
    intersection_update: folding('intersection_update', COMBINE.intersection, update),
    difference_update: folding('difference_update', COMBINE.difference, update),
  },
  methods('set', {
    symmetric_difference: one((self, other) =>
      withItems(other, (items) => COMBINE.symmetric_difference(self, setOf(items))),
    ),
    symmetric_difference_update: one((self, other) =>
      withItems(other, (items) => update(self, COMBINE.symmetric_difference(self, setOf(items)))),
    ),
    issubset: one((self, other) => withItems(other, (items) => within(self, setOf(items)))),
    issuperset: one((self, other) => withItems(other, (items) => within(setOf(items), self))),
    isdisjoint: one((self, other) => withItems(other, (items) => !items.some((item) => has(self, item)))),
    add: one((self, item) => add(self, item)),
    discard: one((self, item) => void discard(self, item)),
    remove: one((self, item) => {
      if (!discard(self, item)) throw new KeyError(item);
    }),
    pop: none((self) => {
      for (const item of self) {
        self.delete(item);
        return item;
      }
      throw new KeyError('pop from an empty set');
    }),
    clear: none((self) => self.clear()),
    copy: none((self) => new Set(self)),
  }),
);
