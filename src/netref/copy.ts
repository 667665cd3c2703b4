// The copying of remote objects: asks each what it holds, in the order of their depth and many at a time, bounded in depth and number, and
// gives back every reference that it was sent. What becomes of which class: shapes.ts. Putting it all together: assembly.ts.
import { Buffer } from 'node:buffer';
import * as H from '../constants.ts';
import { codedError } from '../errors.ts';
import { exceptions } from '../python/exceptions.ts';
import { readLiteral } from '../python/texts.ts';
import { type Holder, holderOf, type RemoteClass } from '../refs/holder.ts';
import { Assembly } from './assembly.ts';
import { askItems } from './iteration.ts';
import { describe, misfit, NOWHERE, type Node, type Place, pathTo, placeOf, show, tooDeep } from './node.ts';
import { askPairs, EVERYTHING, isPair } from './pairs.ts';
import { attributeNames, discover, readable, reprOf, type Shape, shapeOf } from './shapes.ts';
import { ask, askCall, type Steps } from './steps.ts';
import { together } from './together.ts';

/** How far a copy goes, and into what. */
export interface ValueOptions {
  /** Containers inside each other at most, 1 to 1,000. Default 100. */
  maxDepth?: number;
  /** Items of all containers together at most. Default 1,000,000. */
  maxItems?: number;
  /** What becomes of an object that has no value: `'refuse'` throws (default), `'keep'` leaves the reference in place. */
  others?: 'refuse' | 'keep';
  /** Dicts as Maps (default), or as objects without a prototype: then all keys must be strings. */
  dicts?: 'map' | 'object';
}

/** Tuples inside each other at most; the wire allows no more. */
export const MAX_NESTING = 400;

const FUNCTIONS: ReadonlySet<string> = new Set([
  'builtins.function',
  'builtins.builtin_function_or_method',
  'builtins.method',
]);

/** A function, method or class: no data, left out of dicts as JSON leaves it out of objects. */
const isCode = (holder: Holder): boolean => holder.isClass || FUNCTIONS.has(holder.cls.name);

export class Copy {
  private readonly maxDepth: number;
  private readonly maxItems: number;
  private readonly keep: boolean;
  private readonly asObjects: boolean;
  private readonly nodes = new Map<Holder, Node>();
  /** Operations that wait for their turn, first in, first out. */
  private queue: (() => Steps<void>)[] = [];
  private taken = 0;
  /** Objects whose class is being found out. */
  private readonly parked = new Map<RemoteClass, Node[]>();
  /** Every reference that arrived, once for each time. */
  private readonly arrived: Holder[] = [];
  /** Classes of dicts that hide `items`. */
  private readonly hidden = new Set<RemoteClass>();
  private items = 0;

  constructor({ maxDepth = 100, maxItems = 1_000_000, others = 'refuse', dicts = 'map' }: ValueOptions) {
    if (!(Number.isInteger(maxDepth) && maxDepth >= 1 && maxDepth <= 1000))
      throw new RangeError(`maxDepth is a whole number from 1 to 1000, not ${String(maxDepth)}`);
    if (!(typeof maxItems === 'number' && maxItems >= 0))
      throw new RangeError(`maxItems is a number of items, not ${String(maxItems)}`);
    if (others !== 'refuse' && others !== 'keep')
      throw new TypeError(`others is 'refuse' or 'keep', not ${String(others)}`);
    if (dicts !== 'map' && dicts !== 'object') throw new TypeError(`dicts is 'map' or 'object', not ${String(dicts)}`);
    this.maxDepth = maxDepth;
    this.maxItems = maxItems;
    this.keep = others === 'keep';
    this.asObjects = dicts === 'object';
  }

  /** A copy of one object; `ref` is what stays of it where it has no value. */
  *of(holder: Holder, ref: unknown): Steps<unknown> {
    return yield* this.run(ref, () => this.meet(holder, ref, NOWHERE));
  }

  /** A copy of a tuple with references in it, which are the caller's. */
  *within(items: readonly unknown[]): Steps<unknown> {
    return yield* this.run(items, () => {
      this.visit(items, NOWHERE);
      this.arrived.length = 0;
    });
  }

  private *run(root: unknown, begin: () => void): Steps<unknown> {
    try {
      begin();
      yield* together(() => this.take());
      const assembly = new Assembly(this.nodes, this.asObjects);
      assembly.fill();
      return assembly.built(root);
    } finally {
      for (const holder of this.arrived) if (!this.isKept(holder)) holder.peer.release(holder);
    }
  }

  private isKept(holder: Holder): boolean {
    return this.keep && this.nodes.get(holder)?.shape === undefined;
  }

  private take(): Steps<void> | undefined {
    if (this.taken === this.queue.length) return undefined;
    if (this.taken > 1024 && this.taken * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.taken);
      this.taken = 0;
    }
    return this.queue[this.taken++]();
  }

  // --- asking ------------------------------------------------------------------------------------------------------

  /** A value of a container, as it arrived: a reference is met, a tuple searched. */
  private visit(item: unknown, place: Place, nesting = 0): void {
    const holder = holderOf(item);
    if (holder !== undefined) {
      this.arrived.push(holder);
      this.meet(holder, item, place);
    } else if (Array.isArray(item)) {
      if (nesting >= MAX_NESTING) throw tooDeep(`more than ${MAX_NESTING} tuples inside each other`);
      for (const part of item) this.visit(part, place, nesting + 1);
    }
  }

  private meet(holder: Holder, ref: unknown, { parent, key, by }: Place): void {
    if (this.nodes.has(holder)) return;
    const depth = parent === undefined ? 0 : parent.depth + 1;
    const node: Node = {
      holder,
      ref,
      depth,
      parent,
      key,
      by,
      shape: undefined,
      items: [],
      pairs: [],
      made: undefined,
      open: false,
    };
    this.nodes.set(holder, node);
    const shape = shapeOf(holder);
    if (shape !== undefined) this.start(node, shape);
    else if (this.parked.has(holder.cls)) this.parked.get(holder.cls)?.push(node);
    else {
      this.parked.set(holder.cls, [node]);
      this.queue.push(() => this.findOut(node));
    }
  }

  private *findOut({ holder }: Node): Steps<void> {
    const shape = yield* discover(holder);
    const waiting = this.parked.get(holder.cls) ?? [];
    this.parked.delete(holder.cls);
    for (const node of waiting) this.start(node, shape);
  }

  private start(node: Node, shape: Shape | null): void {
    if (shape === null) {
      this.refuse(
        node,
        `${node.holder.cls.name} has no value here${placeOf(node)}: only containers, dates, numbers and the like are copied; { others: 'keep' } leaves the reference`,
      );
      return;
    }
    if (shape.is !== 'text' && shape.is !== 'enum' && node.depth >= this.maxDepth)
      throw tooDeep(`more than ${this.maxDepth} containers inside each other (maxDepth), at ${pathTo(node)}`);
    node.shape = shape;
    this.queue.push(() => this.ask(node, shape));
  }

  /** It stays a reference, or is the end of the copy. */
  private refuse(node: Node, why: string, cause?: unknown): void {
    if (!this.keep) throw misfit(why, cause);
    node.shape = undefined;
  }

  private *ask(node: Node, shape: Shape): Steps<void> {
    switch (shape.is) {
      case 'text':
        return yield* this.askText(node, shape);
      case 'enum':
        return yield* this.askEnum(node, shape);
      case 'namedtuple':
        return yield* this.askNamedTuple(node, shape.names);
      case 'dataclass':
        return this.askFields(node, shape.names ?? (yield* attributeNames(node.holder)));
      default:
        if (shape.of === 'dict') return yield* this.askDict(node);
        node.items = this.counted(yield* askItems(node.holder, EVERYTHING), node);
        if (shape.of === 'bytes') node.made = { value: bytesOf(node) };
        else this.visitItems(node);
    }
  }

  private visitItems(node: Node): void {
    for (const [key, item] of node.items.entries()) this.visit(item, { parent: node, key, by: 'item' });
  }

  private *askText(node: Node, { read }: Shape & { is: 'text' }): Steps<void> {
    const said = yield* ask(node.holder, H.HANDLE_STR);
    const value = typeof said === 'string' ? read(said) : undefined;
    if (value === undefined) throw misfit(`${describe(node)} says ${show(said)}, of which there is no value here`);
    node.made = { value };
  }

  private *askEnum(node: Node, shape: Shape & { is: 'enum' }): Steps<void> {
    const { holder } = node;
    const found = shape.valueHidden ? undefined : yield* readable(holder, 'value');
    if (found !== undefined) {
      node.items = [found.value];
      this.visit(found.value, { parent: node, key: 'value', by: 'field' });
      return;
    }
    shape.valueHidden = true;
    const literal = /^<[^:]*: ([\s\S]*)>$/.exec(yield* reprOf(holder))?.[1];
    node.made = literal === undefined ? undefined : readLiteral(literal);
    if (node.made !== undefined) return;
    try {
      node.made = { value: yield* askCall(holder, '__int__') };
    } catch (error) {
      if (!(error instanceof exceptions.AttributeError)) throw error;
      this.refuse(node, `${describe(node)} is an Enum member that hides its value: ${PUBLIC}`, error);
    }
  }

  private *askNamedTuple(node: Node, names: readonly string[] | undefined): Steps<void> {
    const items = this.counted(yield* askItems(node.holder, EVERYTHING), node);
    if (names?.length !== items.length)
      return this.refuse(
        node,
        `${describe(node)} is a namedtuple that hides the names of its fields: its side would have to set allow_all_attrs`,
      );
    node.pairs = names.map((name, at) => [name, items[at]]);
    for (const [key, item] of node.pairs) this.visit(item, { parent: node, key, by: 'field' });
  }

  /** The fields of a dataclass, each a request. */
  private askFields(node: Node, names: readonly string[]): void {
    for (const name of this.counted(names, node) as readonly string[]) {
      const pair: [unknown, unknown] = [name, undefined];
      node.pairs.push(pair);
      this.queue.push(() => this.askField(node, name, pair));
    }
  }

  private *askField(node: Node, name: string, pair: [unknown, unknown]): Steps<void> {
    try {
      pair[1] = yield* ask(node.holder, H.HANDLE_GETATTR, name);
    } catch (error) {
      if (!(error instanceof exceptions.AttributeError)) throw error;
      this.refuse(node, `${describe(node)} is a dataclass that hides its field '${name}': ${PUBLIC}`, error);
      return;
    }
    this.visit(pair[1], { parent: node, key: name, by: 'field' });
  }

  /** `items()` where the peer's policy lets it be called, else the keys and then each item. */
  private *askDict(node: Node): Steps<void> {
    const { holder } = node;
    const found = this.hidden.has(holder.cls) ? undefined : yield* askPairs(holder);
    if (found !== undefined) {
      for (const pair of this.counted(found.pairs, node)) {
        if (!isPair(pair)) throw misfit(`${describe(node)} has ${show(pair)} for an item`);
        node.pairs.push([pair[0], pair[1]]);
        this.visitPair(node, pair);
      }
      return;
    }
    this.hidden.add(holder.cls);
    for (const key of this.counted(yield* askItems(holder, EVERYTHING), node)) {
      const pair: [unknown, unknown] = [key, undefined];
      node.pairs.push(pair);
      this.queue.push(() => this.askItem(node, pair));
    }
  }

  private *askItem(node: Node, pair: [unknown, unknown]): Steps<void> {
    pair[1] = yield* askCall(node.holder, '__getitem__', [pair[0]]);
    this.visitPair(node, pair);
  }

  private visitPair(node: Node, [key, item]: readonly [unknown, unknown]): void {
    if (typeof key !== 'string') this.visit(key, { parent: node, key, by: 'item' });
    const holder = holderOf(item);
    if (holder !== undefined && !this.keep && isCode(holder)) this.arrived.push(holder);
    else this.visit(item, { parent: node, key, by: 'item' });
  }

  private counted(items: unknown, node: Node): readonly unknown[] {
    if (!Array.isArray(items)) throw misfit(`${describe(node)} says ${show(items)} where its items were asked for`);
    this.items += items.length;
    if (this.items > this.maxItems)
      throw codedError(new RangeError(`a copy of more than ${this.maxItems} items (maxItems)`), 'ERR_RPYC_OPERATION');
    return items;
  }
}

const PUBLIC = 'its side would have to set allow_public_attrs, or name it exposed_…';

function bytesOf(node: Node): Buffer {
  const wrong = node.items.find(
    (item) => !(Number.isInteger(item) && (item as number) >= 0 && (item as number) <= 255),
  );
  if (wrong !== undefined) throw misfit(`${describe(node)} has ${show(wrong)} for a byte`);
  return Buffer.from(node.items as number[]);
}
