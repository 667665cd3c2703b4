// What the Map-like and Set-like views have in common: the remote object behind them, how operations run in its face, and loops over what
// is read in one piece. A view counts as the reference that it shows: it can be sent, and the helpers take it.
import { inspect } from 'node:util';
import type { Face } from '../refs/face.ts';
import { HOLDER, type Holder, holderOf } from '../refs/holder.ts';
import { describe as describeHolder, FACE, misused } from './handler.ts';
import { faceOf, optionsOf, type Ref, resolve } from './helpers.ts';
import { type CallOptions, OPTIONS } from './options.ts';
import { runAsync, runSync, type Steps } from './steps.ts';

/** What a view can show. */
export interface Kind {
  /** 'map' or 'set'. */
  readonly name: string;
  /** What it takes, for messages. */
  readonly takes: string;
  /** Builtin classes of Python that are this kind; classes of other modules may be. */
  readonly builtins: ReadonlySet<string>;
}

/** One remote object, seen as a container of JavaScript. */
export class Shown {
  readonly face: Face;
  readonly options: CallOptions | undefined;
  private readonly ref: Ref;
  private readonly kind: Kind;
  private known: Holder | undefined;

  /** @throws {TypeError} ERR_RPYC_NOT_NETREF, ERR_RPYC_OPERATION for what is no such container */
  constructor(ref: Ref, kind: Kind) {
    this.face = faceOf(ref);
    this.options = optionsOf(ref);
    this.ref = ref;
    this.kind = kind;
    const holder = holderOf(ref);
    if (holder !== undefined) this.known = this.checked(holder);
  }

  private checked(holder: Holder): Holder {
    const { name } = holder.cls;
    if (!holder.isClass && (!name.startsWith('builtins.') || this.kind.builtins.has(name.slice(9)))) return holder;
    throw misused(
      `rpyc.${this.kind.name}() takes ${this.kind.takes}, not ${holder.isClass ? 'the class ' : ''}${name}`,
    );
  }

  /** The object; undefined for a path that nobody has used yet. */
  get holder(): Holder | undefined {
    return this.known;
  }

  /** A path is fetched by the first operation. */
  private *steps<T>(operation: (holder: Holder) => Steps<T>): Steps<T> {
    this.known ??= this.checked(yield* resolve(this.ref));
    return yield* operation(this.known);
  }

  now<T>(operation: (holder: Holder) => Steps<T>): T {
    return runSync(this.steps(operation), 'sync', this.options);
  }

  later<T>(operation: (holder: Holder) => Steps<T>): Promise<T> {
    return runAsync(this.steps(operation), 'async', this.options);
  }

  /** A loop over pieces; an empty one is the last. */
  *each<T>(next: (holder: Holder) => Steps<readonly T[]>): Generator<T, undefined> {
    for (let items = this.now(next); items.length > 0; items = this.now(next)) yield* items;
  }

  async *eachLater<T>(next: (holder: Holder) => Steps<readonly T[]>): AsyncGenerator<T, undefined> {
    for (let items = await this.later(next); items.length > 0; items = await this.later(next))
      for (const item of items) yield item;
  }
}

/** A view: its operations are its subclasses'. */
export abstract class View {
  /** @internal */
  protected readonly shown: Shown;

  constructor(shown: Shown) {
    this.shown = shown;
    Object.defineProperty(this, 'shown', { enumerable: false });
  }

  /** @internal The reference that the view stands for. @throws {TypeError} where it is a path that nobody has fetched yet */
  get [HOLDER](): Holder {
    const { holder } = this.shown;
    if (holder === undefined)
      throw misused('a view of a path stands for no object before its first operation: await the path first');
    return holder;
  }

  /** @internal */
  get [FACE](): Face {
    return this.shown.face;
  }

  /** @internal */
  get [OPTIONS](): CallOptions | undefined {
    return this.shown.options;
  }

  /** @internal */
  [inspect.custom](): string {
    return `${this[Symbol.toStringTag]} of ${this.shown.holder === undefined ? 'a path' : describeHolder(this.shown.holder)}`;
  }

  abstract get [Symbol.toStringTag](): string;
}
