// Deep snapshots of the peer's containers: one remote list, dict, set, tuple or bytearray and all within, as JavaScript values.
// Costs one round trip a container; a dict takes two, or one an item where the policy of its side hides `items` (RPyC's default).
// RPyC's own answer is `obtain`, which pickles; this one works with the default configuration of a stock server.
import { Buffer } from 'node:buffer';
import * as H from '../constants.ts';
import { codedError } from '../errors.ts';
import { exceptions } from '../python/exceptions.ts';
import { FrozenSet } from '../python/values.ts';
import { type Holder, holderOf } from '../refs/holder.ts';
import { type Answer, perform, type Ref } from './helpers.ts';
import { giveBack } from './keys.ts';
import { ask, askCall, type Steps } from './steps.ts';

/** How far a snapshot goes. */
export interface ValueOptions {
  /** Containers inside each other at most. Default 100. */
  maxDepth?: number;
  /** Items of all containers together at most. Default 1,000,000. */
  maxItems?: number;
  /** What becomes of an object that is no container: `'refuse'` throws (default), `'keep'` leaves the reference in place. */
  others?: 'refuse' | 'keep';
}

/** How a class of Python is copied. */
const COPIED: Readonly<Record<string, 'list' | 'tuple' | 'set' | 'frozenset' | 'dict' | 'bytes'>> = Object.freeze(
  Object.assign(Object.create(null), {
    'builtins.list': 'list',
    'builtins.tuple': 'tuple',
    'builtins.range': 'list',
    'builtins.set': 'set',
    'builtins.frozenset': 'frozenset',
    'builtins.dict': 'dict',
    'builtins.dict_keys': 'list',
    'builtins.dict_values': 'list',
    'builtins.dict_items': 'list',
    'builtins.mappingproxy': 'dict',
    'builtins.bytearray': 'bytes',
    'builtins.memoryview': 'bytes',
    'collections.OrderedDict': 'dict',
    'collections.defaultdict': 'dict',
    'collections.Counter': 'dict',
    'collections.deque': 'list',
    'array.array': 'list',
  }),
);

const EVERYTHING = 2 ** 31 - 1;

/**
 * A deep copy of a remote container as JavaScript values: list and deque as an Array, tuple as a frozen Array, set as a Set, frozenset as a
 * FrozenSet, dict as a Map, bytearray as a Buffer. What appears twice in it is copied once, cycles included. Methods of an object literal
 * of a Node peer's are left out (`others: 'keep'` keeps them, as references).
 * A promise on an awaitable reference, the value on a blocking one; anything that is no reference comes back as it is.
 * @throws {TypeError} for an object that is no container (see `others`); {RangeError} beyond `maxDepth` or `maxItems`
 */
export function value(ref: Ref, options: ValueOptions = {}): Answer<unknown> {
  return perform(ref, (holder) => new Snapshot(options).of(holder, ref, 1));
}

/** A method or class among the items of a Node peer's object literal: no data. */
function isMethod(item: unknown): boolean {
  const holder = holderOf(item);
  if (holder === undefined) return false;
  return holder.isClass ? holder.cls.name.startsWith('js.') : holder.cls.name === 'builtins.builtin_function_or_method';
}

class Snapshot {
  private readonly maxDepth: number;
  private readonly maxItems: number;
  private readonly keep: boolean;
  private readonly made = new Map<Holder, unknown>();
  private items = 0;

  constructor({ maxDepth = 100, maxItems = 1_000_000, others = 'refuse' }: ValueOptions) {
    this.maxDepth = maxDepth;
    this.maxItems = maxItems;
    this.keep = others === 'keep';
  }

  *of(holder: Holder, ref: unknown, depth: number): Steps<unknown> {
    if (this.made.has(holder)) return this.made.get(holder);
    const how = holder.isClass ? undefined : COPIED[holder.cls.name];
    if (how === undefined) {
      if (this.keep) return ref;
      throw codedError(
        new TypeError(`${holder.cls.name} has no value here: only containers are copied`),
        'ERR_RPYC_OPERATION',
      );
    }
    if (depth > this.maxDepth)
      throw codedError(new RangeError(`more than ${this.maxDepth} containers inside each other`), 'ERR_RPYC_DEPTH');
    if (how === 'dict') return yield* this.dict(holder, depth);
    const items = this.counted(yield* ask(holder, H.HANDLE_BUFFITER, EVERYTHING));
    if (how === 'bytes') return Buffer.from(items as number[]);
    return yield* this.sequence(holder, how, items, depth);
  }

  private *sequence(
    holder: Holder,
    how: 'list' | 'tuple' | 'set' | 'frozenset',
    items: readonly unknown[],
    depth: number,
  ): Steps<unknown> {
    // A tuple or frozenset cannot be made before its items are; a cycle through one leads through a list or dict as well.
    const list: unknown[] = [];
    const set = new Set<unknown>();
    if (how === 'list') this.made.set(holder, list);
    if (how === 'set') this.made.set(holder, set);
    for (const item of items) {
      const copy = yield* this.within(item, depth);
      if (how === 'set') set.add(copy);
      else list.push(copy);
    }
    const result =
      how === 'set' ? set : how === 'list' ? list : how === 'tuple' ? Object.freeze(list) : new FrozenSet(list);
    this.made.set(holder, result);
    return result;
  }

  private *dict(holder: Holder, depth: number): Steps<unknown> {
    const map = new Map<unknown, unknown>();
    this.made.set(holder, map);
    for (const [key, item] of yield* this.entries(holder)) {
      if (!this.keep && isMethod(item)) giveBack(item);
      else map.set(yield* this.within(key, depth), yield* this.within(item, depth));
    }
    return map;
  }

  /** `items()` where the peer's policy lets it be called, else the keys and then each item. */
  private *entries(holder: Holder): Steps<readonly (readonly [unknown, unknown])[]> {
    try {
      const view = holderOf(yield* askCall(holder, 'items'));
      if (view !== undefined)
        return this.counted(yield* ask(view, H.HANDLE_BUFFITER, EVERYTHING)) as [unknown, unknown][];
    } catch (error) {
      if (!(error instanceof exceptions.AttributeError)) throw error;
    }
    const found: [unknown, unknown][] = [];
    for (const key of this.counted(yield* ask(holder, H.HANDLE_BUFFITER, EVERYTHING)))
      found.push([key, yield* askCall(holder, '__getitem__', [key])]);
    return found;
  }

  /** A value within a container: copied if it is a reference, searched if it is a tuple. */
  private *within(item: unknown, depth: number): Steps<unknown> {
    const holder = holderOf(item);
    if (holder !== undefined) return yield* this.of(holder, item, depth + 1);
    if (!Array.isArray(item)) return item;
    const copies: unknown[] = [];
    for (const part of item) copies.push(yield* this.within(part, depth));
    return Object.freeze(copies);
  }

  private counted(items: unknown): readonly unknown[] {
    const list = items as readonly unknown[];
    this.items += list.length;
    if (this.items > this.maxItems)
      throw codedError(
        new RangeError(`a snapshot of more than ${this.maxItems} items (maxItems)`),
        'ERR_RPYC_OPERATION',
      );
    return list;
  }
}
