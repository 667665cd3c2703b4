// Putting together what a copy has asked for: containers are made first and filled afterwards, so that cycles and sharing are kept.
// Whatever a peer names a key, it becomes data: objects have no prototype.
import { FrozenSet } from '../python/values.ts';
import { type Holder, holderOf } from '../refs/holder.ts';
import { describe, misfit, type Node, pathTo, show, tooDeep } from './node.ts';

/** Frozensets and Enum members inside each other at most: none of them is there before its contents. */
const MAX_FROZEN = 1000;

export class Assembly {
  private readonly nodes: ReadonlyMap<Holder, Node>;
  /** Dicts as objects, not as Maps? */
  private readonly asObjects: boolean;
  private frozen = 0;

  constructor(nodes: ReadonlyMap<Holder, Node>, asObjects: boolean) {
    this.nodes = nodes;
    this.asObjects = asObjects;
  }

  /** A value as it arrived, references replaced by what becomes of them. */
  built(item: unknown): unknown {
    const holder = holderOf(item);
    if (holder !== undefined) {
      const node = this.nodes.get(holder);
      return node?.shape === undefined ? item : this.shell(node);
    }
    return Array.isArray(item) ? Object.freeze(item.map((part) => this.built(part))) : item;
  }

  /** What becomes of an object: the value, or a container that is filled later. */
  private shell(node: Node): unknown {
    node.made ??= { value: this.make(node) };
    return node.made.value;
  }

  private make(node: Node): unknown {
    const shape = node.shape;
    if (shape?.is === 'enum') return this.guarded(node, () => this.built(node.items[0]));
    if (shape?.is !== 'container') return Object.create(null);
    if (shape.of === 'frozenset')
      return this.guarded(node, () => new FrozenSet(node.items.map((item) => this.built(item))));
    if (shape.of === 'set') return new Set();
    if (shape.of === 'dict') return this.asObjects ? Object.create(null) : new Map();
    return [];
  }

  /** Makes what is not there before its contents. */
  private guarded(node: Node, make: () => unknown): unknown {
    if (node.open) throw tooDeep(`${describe(node)} contains itself: it cannot be made before its contents`);
    if (this.frozen >= MAX_FROZEN)
      throw tooDeep(`more than ${MAX_FROZEN} frozensets inside each other, at ${pathTo(node)}`);
    node.open = true;
    this.frozen++;
    try {
      return make();
    } finally {
      this.frozen--;
    }
  }

  /** Fills the containers of all nodes, one after the other: links of any length take no stack. */
  fill(): void {
    for (const node of this.nodes.values()) this.fillOne(node);
  }

  private fillOne(node: Node): void {
    const { shape } = node;
    if (shape === undefined) return;
    const made = this.shell(node);
    if (shape.is === 'namedtuple' || shape.is === 'dataclass') this.fillObject(node, made as Record<string, unknown>);
    else if (shape.is !== 'container') return;
    else if (shape.of === 'list' || shape.of === 'tuple') {
      for (const item of node.items) (made as unknown[]).push(this.built(item));
      if (shape.of === 'tuple') Object.freeze(made);
    } else if (shape.of === 'set') for (const item of node.items) (made as Set<unknown>).add(this.built(item));
    else if (shape.of === 'dict' && this.asObjects) this.fillObject(node, made as Record<string, unknown>);
    else if (shape.of === 'dict') this.fillMap(node, made as Map<unknown, unknown>);
  }

  /** A reference that was not looked into: code among the items of a dict. */
  private isLeftOut(item: unknown): boolean {
    const holder = holderOf(item);
    return holder !== undefined && !this.nodes.has(holder);
  }

  private fillMap(node: Node, map: Map<unknown, unknown>): void {
    for (const [given, item] of node.pairs) {
      if (this.isLeftOut(item)) continue;
      const key = this.built(given);
      if (map.has(key)) throw this.twice(node, key);
      map.set(key, this.built(item));
    }
  }

  /** The object has no prototype: `__proto__` is a key like any other. */
  private fillObject(node: Node, object: Record<string, unknown>): void {
    for (const [given, item] of node.pairs) {
      if (this.isLeftOut(item)) continue;
      const key = this.built(given);
      if (typeof key !== 'string')
        throw misfit(
          `${describe(node)} has the key ${show(key)}: { dicts: 'object' } takes strings only, the default gives a Map`,
        );
      if (Object.hasOwn(object, key)) throw this.twice(node, key);
      object[key] = this.built(item);
    }
  }

  private twice(node: Node, key: unknown): Error {
    return misfit(`two keys of ${describe(node)} are ${show(key)} here`);
  }
}
