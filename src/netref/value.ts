// `value(ref)`: the peer's values as JavaScript values, whole. Works with the default configuration of a stock server: nothing is executed,
// pickled or imported, on either side. RPyC's own answer is `obtain`, which pickles. How it is done: copy.ts.
import type { Buffer } from 'node:buffer';
import type { PyDate, PyDecimal, PyFraction, PyTime, PyTimedelta } from '../python/pickle-types.ts';
import type { Complex, FrozenSet, Slice } from '../python/values.ts';
import { holderOf } from '../refs/holder.ts';
import { pendingOf } from '../refs/pending-ref.ts';
import { Copy, MAX_NESTING, type ValueOptions } from './copy.ts';
import { type Answer, perform, type Ref } from './helpers.ts';
import type { OfFace } from './types.ts';

export type { ValueOptions };

/** What a copy consists of beside containers. */
type Scalar =
  | null
  | boolean
  | number
  | bigint
  | string
  | Buffer
  | Complex
  | Slice
  | Date
  | PyDate
  | PyTime
  | PyTimedelta
  | PyDecimal
  | PyFraction;

/** A copied value, dicts as Maps. */
export type Copied =
  | Scalar
  | Copied[]
  | readonly Copied[]
  | Map<Copied, Copied>
  | Set<Copied>
  | FrozenSet<Copied>
  | { [field: string]: Copied };

/** A copied value, dicts as objects without a prototype. */
export type CopiedObject =
  | Scalar
  | CopiedObject[]
  | readonly CopiedObject[]
  | Set<CopiedObject>
  | FrozenSet<CopiedObject>
  | { [key: string]: CopiedObject };

/**
 * A deep copy of a remote object as a JavaScript value:
 *
 * | there | here |
 * |---|---|
 * | list, range, deque, dict views | Array |
 * | tuple | frozen Array |
 * | set; frozenset | Set; FrozenSet |
 * | dict, OrderedDict, defaultdict, Counter | Map, or an object without a prototype (`dicts: 'object'`) |
 * | bytearray, memoryview | Buffer |
 * | datetime with a time zone; a JavaScript Date | Date (to the millisecond, rounded down; the zone is lost) |
 * | datetime without one; date; time; timedelta | PyDateTime; PyDate; PyTime; PyTimedelta |
 * | Decimal; Fraction | PyDecimal; PyFraction |
 * | UUID, Path | string |
 * | member of an Enum | its value |
 * | namedtuple, instance of a dataclass | an object without a prototype, by field |
 *
 * Functions and classes among the items of a dict (the methods of a Node peer's literal, too) are left out, as JSON leaves them out;
 * `others: 'keep'` keeps them, as references. What appears twice is copied once, cycles included. One request an object, 64 at a time;
 * a dict takes two, or one an item where the peer hides `items` (RPyC's default). Fields of a dataclass need the peer's
 * `allow_public_attrs`, everything else its defaults. References in a tuple (a frozen array) are copied as well; anything else comes back
 * as it is.
 *
 *     const rows = await rpyc.value(await conn.root.rows(), { dicts: 'object' }); // [{ id: 1, paid: PyDecimal(9.90) }, …]
 *
 * @returns a promise on an awaitable reference (or a promise of one), the value on a blocking one
 * @throws {TypeError} ERR_RPYC_OPERATION for an object that has no value (see `others`), that hides it, or whose text is not of its class;
 *   for a key that `dicts: 'object'` does not take
 * @throws {RangeError} ERR_RPYC_DEPTH beyond `maxDepth`, and for a frozenset that contains itself; ERR_RPYC_OPERATION beyond `maxItems`
 */
export function value<T = unknown, R = Ref>(ref: R, options: ValueOptions & { others: 'keep' }): OfFace<R, T>;
export function value<T = CopiedObject, R = Ref>(ref: R, options: ValueOptions & { dicts: 'object' }): OfFace<R, T>;
export function value<T = Copied, R = Ref>(ref: R, options?: ValueOptions): OfFace<R, T>;
export function value(ref: Ref, options: ValueOptions = {}): Answer<unknown> {
  const copy = new Copy(options);
  if (holderOf(ref) !== undefined) return perform(ref, (holder) => copy.of(holder, ref));
  if (pendingOf(ref) !== undefined) return perform(ref, (holder) => copy.of(holder, holder.peer.proxyOf(holder)));
  if (typeof ref?.then === 'function') return ref.then((settled: unknown) => value(settled, options));
  const inside = Array.isArray(ref) ? referenceIn(ref) : undefined;
  return inside === undefined ? ref : perform(inside, () => copy.within(ref));
}

/** The first reference in a tuple or the tuples in it. */
function referenceIn(items: readonly unknown[], depth = 0): unknown {
  if (depth > MAX_NESTING) return undefined;
  for (const item of items) {
    if (holderOf(item) !== undefined) return item;
    const found = Array.isArray(item) ? referenceIn(item, depth + 1) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
