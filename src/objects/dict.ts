// Python's dict on Maps and on plain objects: `[]`, operators and methods, with CPython's error texts. What a plain object shows is literal.ts.

import { exceptions } from '../python/exceptions.ts';
import { isKwargs, NotImplemented } from '../python/values.ts';
import { type Holder, holderOf } from '../refs/holder.ts';
import { FORBIDDEN } from './forbidden.ts';
import { given, memberEntries, memberOf, noteWritten } from './literal.ts';
import {
  ABSENT,
  asDict,
  asItems,
  checkHashable,
  equal,
  type Facade,
  findKey,
  isThenable,
  methods,
  none,
  some,
  table,
  typeName,
  withItems,
} from './pythonic.ts';

const { KeyError, TypeError: PyTypeError, ValueError } = exceptions;

type Pair = readonly [unknown, unknown];

/** What the dict methods need of a mapping; Maps and plain objects have one each. */
interface Mapping {
  /** The key that Python calls equal to this one, or ABSENT. */
  find(key: unknown): unknown;
  get(key: unknown): unknown;
  set(key: unknown, value: unknown): void;
  delete(key: unknown): void;
  clear(): void;
  entries(): Iterable<Pair>;
  readonly size: number;
}

class MapMapping implements Mapping {
  private readonly map: Map<unknown, unknown>;
  constructor(map: Map<unknown, unknown>) {
    this.map = map;
  }
  find(key: unknown): unknown {
    return findKey(this.map, key);
  }
  get(key: unknown): unknown {
    return this.map.get(key);
  }
  set(key: unknown, value: unknown): void {
    const known = this.find(key);
    if (known === ABSENT) checkHashable(key);
    this.map.set(known === ABSENT ? key : known, value);
  }
  delete(key: unknown): void {
    this.map.delete(key);
  }
  clear(): void {
    this.map.clear();
  }
  entries(): Iterable<Pair> {
    return this.map;
  }
  get size(): number {
    return this.map.size;
  }
}

/** A plain object as a dict of its members; see literal.ts. Methods and accessors are never replaced or deleted. */
class ObjectMapping implements Mapping {
  private readonly object: Record<string, unknown>;
  private readonly methods: boolean;
  /** @param methods are they items? */
  constructor(object: Record<string, unknown>, methods: boolean) {
    this.object = object;
    this.methods = methods;
  }
  private isShown(kind: 'data' | 'method' | undefined): boolean {
    return kind === 'data' || (this.methods && kind === 'method');
  }
  find(key: unknown): unknown {
    checkHashable(key);
    return typeof key === 'string' && this.isShown(memberOf(this.object, key)?.kind) ? key : ABSENT;
  }
  get(key: unknown): unknown {
    const member = memberOf(this.object, key as string);
    return member === undefined ? undefined : given(this.object, key as string, member);
  }
  set(key: unknown, value: unknown): void {
    checkHashable(key);
    if (typeof key !== 'string')
      throw new PyTypeError(`keys of a JavaScript object are str, not ${typeName(key)}; use a Map`);
    if (FORBIDDEN.has(key)) throw new KeyError(key);
    // It would make a promise of the object, for every peer that is answered it and for our own `await`.
    if (key === 'then' && typeof value === 'function') throw new PyTypeError("a function cannot be set as 'then'");
    const kind = memberOf(this.object, key)?.kind;
    if (Object.hasOwn(this.object, key) && kind !== 'data') throw this.refused(key, kind, 'replaced');
    if (!Reflect.set(this.object, key, value)) throw new PyTypeError('this dict is read-only');
    noteWritten(this.object, key, value);
  }
  delete(key: unknown): void {
    const kind = memberOf(this.object, key as string)?.kind;
    if (kind !== 'data') throw this.refused(key as string, kind, 'deleted');
    if (!Reflect.deleteProperty(this.object, key as string)) throw new PyTypeError('this dict is read-only');
  }
  private refused(key: string, kind: 'method' | undefined, what: string): Error {
    const why = this.methods && kind === 'method' ? `'${key}' is a method of this object: it` : `'${key}'`;
    return new PyTypeError(`${why} cannot be ${what}`);
  }
  /** All items, or none where one has to stay. */
  clear(): void {
    const entries = [...memberEntries(this.object)];
    const method = this.methods ? entries.find(([, { kind }]) => kind === 'method') : undefined;
    if (method !== undefined) throw this.refused(method[0], 'method', 'deleted');
    for (const [key, { kind }] of entries) if (kind === 'data') this.delete(key);
  }
  entries(): Iterable<Pair> {
    const { object } = this;
    const shown = [...memberEntries(object)].filter(([, { kind }]) => this.isShown(kind));
    return shown.map(([key, member]): Pair => [key, given(object, key, member)]);
  }
  get size(): number {
    let size = 0;
    for (const [, { kind }] of memberEntries(this.object)) if (this.isShown(kind)) size++;
    return size;
  }
}

type Dicts = (value: unknown) => Map<unknown, unknown> | undefined;

/** Pairs that `update` reads: of a dict, or of an iterable of pairs. Those of a peer's dict come later. */
function pairsOf(source: unknown, dicts: Dicts): Iterable<Pair> | Promise<Iterable<Pair>> {
  const dict = dicts(source);
  if (dict !== undefined) return dict;
  const holder = holderOf(source);
  if (holder !== undefined && /dict|mapping|counter/i.test(holder.cls.name)) return remotePairs(source, holder);
  return withItems(source, (items) => pairsOfItems(items)) as Iterable<Pair> | Promise<Iterable<Pair>>;
}

function pairsOfItems(items: unknown[]): Pair[] | Promise<Pair[]> {
  const pairs = items.map((item, n) => {
    const complain = `cannot convert dictionary update sequence element #${n} to a sequence`;
    return withItems(
      item,
      (pair): Pair => {
        if (pair.length === 2) return pair as unknown as Pair;
        throw new ValueError(`dictionary update sequence element #${n} has length ${pair.length}; 2 is required`);
      },
      () => complain,
    );
  });
  return pairs.some(isThenable) ? Promise.all(pairs) : (pairs as Pair[]);
}

function remotePairs(source: unknown, holder: Holder): Pair[] | Promise<Pair[]> {
  if (!holder.peer.blocked) return remotePairsLater(source, holder);
  const keys = withItems(source, (items) => items) as unknown[];
  return keys.map((key) => [key, holder.peer.callSync(holder, '__getitem__', [key], undefined, 'async')]);
}

async function remotePairsLater(source: unknown, holder: Holder): Promise<Pair[]> {
  const keys = await withItems(source, (items) => items);
  const item = (key: unknown): Promise<unknown> => holder.peer.call(holder, '__getitem__', [key], undefined, 'async');
  return Promise.all(keys.map(async (key): Promise<Pair> => [key, await item(key)]));
}

function update(map: Mapping, dicts: Dicts, name: string, args: unknown[]): null | Promise<null> {
  const last = args[args.length - 1];
  const named = isKwargs(last) ? Object.entries(last) : [];
  const positional = isKwargs(last) ? args.slice(0, -1) : args;
  if (positional.length > 1) throw new PyTypeError(`${name} expected at most 1 argument, got ${positional.length}`);
  const put = (pairs: Iterable<Pair>): null => {
    for (const [key, value] of [...pairs, ...named]) map.set(key, value);
    return null;
  };
  const pairs = positional.length === 0 ? [] : pairsOf(positional[0], dicts);
  return isThenable(pairs) ? pairs.then(put) : put(pairs as Iterable<Pair>);
}

const isDict = (value: unknown): boolean =>
  asDict(value) !== undefined || holderOf(value)?.cls.name === 'builtins.dict';

/** @param dicts what dicts of ours are among arguments: with the methods of plain objects, or their data alone */
function dictFacade<Self>(mapping: (self: Self) => Mapping, empty: () => Self, dicts: Dicts): Facade {
  const keys = (self: Self): unknown[] => Array.from(mapping(self).entries(), ([key]) => key);
  const copy = (self: Self): Self => {
    const made = empty();
    const map = mapping(made);
    for (const [key, value] of mapping(self).entries()) map.set(key, value);
    return made;
  };
  /** `a | b`: the pairs of `b` over those of `a`, in a new dict like `self`. */
  const merged = (self: Self, a: unknown, b: unknown): unknown => {
    if (!isDict(a) || !isDict(b)) return NotImplemented;
    void self;
    const made = empty();
    const first = update(mapping(made), dicts, 'dict', [a]);
    const second = (): null | Promise<null> => update(mapping(made), dicts, 'dict', [b]);
    const both = isThenable(first) ? first.then(second) : second();
    return isThenable(both) ? both.then(() => made) : made;
  };
  const found = (self: Self, key: unknown): [Mapping, unknown] => {
    const map = mapping(self);
    return [map, map.find(key)];
  };
  return table(
    {
      __len__: (self: Self) => mapping(self).size,
      __getitem__: (self: Self, key: unknown) => {
        const [map, known] = found(self, key);
        if (known === ABSENT) throw new KeyError(key);
        return map.get(known);
      },
      __setitem__: (self: Self, key: unknown, value: unknown) => void mapping(self).set(key, value),
      __delitem__: (self: Self, key: unknown) => {
        const [map, known] = found(self, key);
        if (known === ABSENT) throw new KeyError(key);
        map.delete(known);
      },
      __contains__: (self: Self, key: unknown) => mapping(self).find(key) !== ABSENT,
      __iter__: (self: Self) => keys(self)[Symbol.iterator](),
      __reversed__: (self: Self) => keys(self).reverse()[Symbol.iterator](),
      __length_hint__: (self: Self) => mapping(self).size,
      __eq__: (self: Self, other: unknown) => (asDict(other) === undefined ? NotImplemented : equal(self, other)),
      __or__: (self: Self, other: unknown) => merged(self, self, other),
      __ror__: (self: Self, other: unknown) => merged(self, other, self),
      __ior__: (self: Self, other: unknown) => {
        const done = update(mapping(self), dicts, 'update', [other]);
        return isThenable(done) ? done.then(() => self) : self;
      },
      update: (self: Self, ...args: unknown[]) => update(mapping(self), dicts, 'update', args),
    },
    methods('dict', {
      keys: none(keys),
      values: none((self) => Array.from(mapping(self).entries(), ([, value]) => value)),
      items: none((self) => Array.from(mapping(self).entries(), ([key, value]) => Object.freeze([key, value]))),
      get: some(1, 2, (self, key, otherwise = null) => {
        const [map, known] = found(self, key);
        return known === ABSENT ? otherwise : map.get(known);
      }),
      pop: some(1, 2, (self, key, ...otherwise) => {
        const [map, known] = found(self, key);
        if (known === ABSENT) {
          if (otherwise.length === 0) throw new KeyError(key);
          return otherwise[0];
        }
        const value = map.get(known);
        map.delete(known);
        return value;
      }),
      popitem: none((self) => {
        const map = mapping(self);
        const last = [...map.entries()].at(-1);
        if (last === undefined) throw new KeyError('popitem(): dictionary is empty');
        map.delete(last[0]);
        return Object.freeze([...last]);
      }),
      setdefault: some(1, 2, (self, key, otherwise = null) => {
        const [map, known] = found(self, key);
        if (known === ABSENT) map.set(key, otherwise);
        return known === ABSENT ? otherwise : map.get(known);
      }),
      clear: none((self) => mapping(self).clear()),
      copy: none(copy),
    }),
  );
}

/** A Map as Python's dict. */
export const DICT_FACADE: Facade = dictFacade<Map<unknown, unknown>>(
  (self) => new MapMapping(self),
  () => new Map(),
  asDict,
);

/** A plain object as Python's dict, with its methods among the items. Its copies are plain objects. */
export const OBJECT_FACADE: Facade = dictFacade<Record<string, unknown>>(
  (self) => new ObjectMapping(self, true),
  () => ({}),
  asItems,
);

/** A plain object as Python's dict of its data (`literal_methods = false`). */
export const DATA_FACADE: Facade = dictFacade<Record<string, unknown>>(
  (self) => new ObjectMapping(self, false),
  () => ({}),
  asDict,
);
