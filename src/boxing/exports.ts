// Our objects that the peer holds, and how often we sent each. An entry lives until the peer has released it as often (DEL).
// Ids count up per connection and are never re-used: Python caches classes and proxies by id. Answers to RefCountingColl in rpyc/lib/colls.py.
import { codedError } from '../errors.ts';
import { type Kind, kindOf } from '../objects/kinds.ts';

/** One object of ours in the peer's hands. */
export interface Entry {
  readonly object: object;
  readonly kind: Kind;
  /** Of a class: its class_id, under which its instances travel. Of anything else: its instance_id. */
  readonly id: number;
  /** For instances: id of their class. */
  readonly classId: number;
  /** Interned id of the name_pack. */
  readonly name: number;
  /** Times sent less times released. */
  count: number;
  /** Methods that CALLATTR resolved, by name. See access.ts. */
  methods: Map<string, { key: string; fn: (...args: never[]) => unknown }> | undefined;
  /** Of a function: awaited calls that passed it and have no answer yet. See protocol/callbacks.ts. */
  passing: number;
  /** Runs a function in the async context of the one call among them; undefined where there are none or several. */
  within: Within | undefined;
}

/** Runs a function in a context that was captured: what `AsyncLocalStorage.snapshot()` gives. */
export type Within = <R, A extends unknown[]>(fn: (...args: A) => R, ...args: A) => R;

export class Exports {
  private readonly byId = new Map<number, Entry>();
  private readonly byObject = new Map<object, Entry>();
  /** class_id of every class or builtin name that an instance was sent of. Small: one entry a class. */
  private readonly classIds = new Map<unknown, number>();
  private readonly classes = new Map<number, object>();
  private lastId = 0;
  /** Entries lent by the message in progress, so that a failed message can take them back. */
  readonly lent: Entry[] = [];
  private readonly intern: (name: string) => number;
  private readonly max: number;

  /** @param max objects that the peer may hold; see `maxReferences` */
  constructor(intern: (name: string) => number, max = Number.POSITIVE_INFINITY) {
    this.intern = intern;
    this.max = max;
  }

  /** Objects that the peer holds. */
  get size(): number {
    return this.byId.size;
  }

  get(id: number): Entry | undefined {
    return this.byId.get(id);
  }

  /** The object that travels under this id, or the class of ours whose class_id it is: to be asked about, never to be handed over. */
  objectOf(id: number): object | undefined {
    return this.byId.get(id)?.object ?? this.classes.get(id);
  }

  /** Counts one more sending of `object`. @throws {RangeError} where the peer holds `maxReferences` others */
  lend(object: object): Entry {
    let entry = this.byObject.get(object);
    if (entry === undefined) entry = this.add(object);
    entry.count++;
    this.lent.push(entry);
    return entry;
  }

  private add(object: object): Entry {
    if (this.byId.size >= this.max)
      throw codedError(
        new RangeError(
          `the peer holds ${this.byId.size} objects of this side (maxReferences is ${this.max}): it must release some before it gets another, or get values`,
        ),
        'ERR_RPYC_REFERENCES',
      );
    const kind = kindOf(object);
    const classId = this.classId(kind.classKey, kind.constructor);
    const entry: Entry = {
      object,
      kind,
      id: kind.isClass ? classId : ++this.lastId,
      classId,
      name: this.intern(kind.namePack),
      count: 0,
      methods: undefined,
      passing: 0,
      within: undefined,
    };
    this.byId.set(entry.id, entry);
    this.byObject.set(object, entry);
    return entry;
  }

  private classId(key: unknown, cls: unknown): number {
    let id = this.classIds.get(key);
    if (id === undefined) {
      id = ++this.lastId;
      this.classIds.set(key, id);
      if (typeof cls === 'function') this.classes.set(id, cls);
    }
    return id;
  }

  /** The peer released `count` of its references. False: it holds no such object. */
  release(id: number, count: number): boolean {
    const entry = this.byId.get(id);
    if (entry === undefined) return false;
    entry.count -= count;
    if (entry.count <= 0) this.drop(entry);
    return true;
  }

  private drop(entry: Entry): void {
    this.byId.delete(entry.id);
    this.byObject.delete(entry.object);
  }

  /** A message begins: what it lends can be taken back until `commit`. */
  begin(): void {
    if (this.lent.length !== 0) this.lent.length = 0;
  }

  /** The message that lent since `begin` was not sent. */
  rollback(): void {
    for (const entry of this.lent) if (--entry.count <= 0) this.drop(entry);
    this.lent.length = 0;
  }

  clear(): void {
    this.byId.clear();
    this.byObject.clear();
    this.classIds.clear();
    this.classes.clear();
    this.lent.length = 0;
  }
}
