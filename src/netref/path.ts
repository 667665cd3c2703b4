// Paths of the awaitable face: `conn.root.a.b` sends nothing until it is awaited or called.
import { inspect } from 'node:util';
import { splitKwargs } from '../python/values.ts';
import { Holder, holderOf } from '../refs/holder.ts';
import type { RootSource } from '../refs/netrefs.ts';
import { PENDING, type PendingRef } from '../refs/pending-ref.ts';
import { callLater, resolveArgs, resolveNamed } from './calls.ts';
import { AwaitableHandler, CALLABLE, FACE, isLocal } from './handler.ts';
import { callKey, callOn, giveBack, keyOf, readFrom, readKey } from './keys.ts';
import { type CallOptions, OPTIONS } from './options.ts';
import { askFetch, runAsync, runSync, type Steps } from './steps.ts';

/** Where a path starts: a reference, another path, or a root that is not fetched yet. */
type PathParent = Holder | PendingRef;

/** `key` of `parent`, as a path. */
export function makePath(parent: PathParent, key: string, options: CallOptions | undefined): object {
  return new Proxy(CALLABLE, new Path(parent, key, options));
}

/** `path` seen through other options. */
export function repath(path: PendingRef, options: CallOptions | undefined): object | undefined {
  if (path instanceof Path) return makePath(path.parent, path.key, options);
  return path instanceof RootPath ? new Proxy(CALLABLE, new RootPath(path.source, options)) : undefined;
}

/** What calling `path` is, where it is one CALLATTR for sure. */
export function directCall(path: PendingRef): { readonly holder: Holder; readonly name: string } | undefined {
  return path instanceof Path && path.direct !== undefined ? { holder: path.direct, name: path.key } : undefined;
}

/** An object of the peer that `path` leads through, once there is one. */
export function originOf(path: PendingRef): Holder | undefined {
  if (path instanceof Path) return path.parent instanceof Holder ? path.parent : originOf(path.parent);
  return path instanceof RootPath ? holderOf(path.source.root) : undefined;
}

class Path extends AwaitableHandler implements PendingRef {
  readonly parent: PathParent;
  readonly key: string;
  private readonly options: CallOptions | undefined;
  /** Of a reference whose key is an attribute for sure: calling it is one CALLATTR. */
  readonly direct: Holder | undefined;

  constructor(parent: PathParent, key: string, options: CallOptions | undefined) {
    super();
    this.parent = parent;
    this.key = key;
    this.options = options;
    this.direct = parent instanceof Holder && 'attr' in keyOf(parent, key) ? parent : undefined;
  }

  private *read(): Steps<unknown> {
    const { parent, key } = this;
    if (parent instanceof Holder) return yield* readKey(parent, keyOf(parent, key));
    const value = yield* askFetch(parent);
    try {
      return yield* readFrom(value, key);
    } finally {
      if (parent instanceof Path) giveBack(value);
    }
  }

  private *call(args: readonly unknown[]): Steps<unknown> {
    const { parent, key } = this;
    const [positional, keywords] = splitKwargs(args);
    const resolved = yield* resolveArgs(positional);
    const named = yield* resolveNamed(keywords);
    if (parent instanceof Holder) return yield* callKey(parent, key, resolved, named);
    const value = yield* askFetch(parent);
    try {
      return yield* callOn(value, key, resolved, named);
    } finally {
      if (parent instanceof Path) giveBack(value);
    }
  }

  fetch(): Promise<unknown> {
    return runAsync(this.read(), 'async', this.options);
  }

  fetchSync(): unknown {
    return runSync(this.read(), 'async', this.options);
  }

  get(_target: object, key: string | symbol, receiver: object): unknown {
    if (typeof key === 'string' && !isLocal(key)) return makePath(this, key, this.options);
    switch (key) {
      case 'then':
        return (resolve: (value: unknown) => unknown, reject: (error: unknown) => unknown) =>
          this.fetch().then(resolve, reject);
      case 'catch':
        return (reject: (error: unknown) => unknown) => this.fetch().catch(reject);
      case 'finally':
        return (always: () => void) => this.fetch().finally(always);
      case PENDING:
        return this;
      case FACE:
        return 'async';
      case OPTIONS:
        return this.options;
      case Symbol.asyncIterator:
        return () => iteratePath(receiver as PromiseLike<unknown>);
      case Symbol.toPrimitive:
      case 'toString':
      case 'toJSON':
      case inspect.custom:
        return () => `[netref path ${this.text()}]`;
      default:
        return undefined;
    }
  }

  private text(): string {
    const { parent } = this;
    const before = parent instanceof Path ? parent.text() : parent instanceof Holder ? parent.cls.name : 'root';
    return `${before}.${this.key}`;
  }

  apply(_target: object, _self: unknown, args: unknown[]): Promise<unknown> {
    return this.direct === undefined
      ? runAsync(this.call(args), 'async', this.options)
      : callLater(this.direct, this.key, args, this.options);
  }

  construct(_target: object, args: unknown[]): object {
    return this.apply(_target, undefined, args);
  }

  has(_target: object, key: string | symbol): boolean {
    return key === Symbol.asyncIterator || key === PENDING || key === FACE;
  }
}

async function* iteratePath(path: PromiseLike<unknown>): AsyncGenerator<unknown> {
  const value = await path;
  yield* value as AsyncIterable<unknown>;
}

/** `conn.root` of a connection whose root was not asked for yet: a path that starts with GETROOT. */
class RootPath extends AwaitableHandler implements PendingRef {
  readonly source: RootSource;
  private readonly options: CallOptions | undefined;

  constructor(source: RootSource, options: CallOptions | undefined) {
    super();
    this.source = source;
    this.options = options;
  }

  fetch(): Promise<unknown> {
    return this.source.fetchRoot();
  }

  fetchSync(): unknown {
    this.source.fetchRootSync();
    return this.source.root;
  }

  get(_target: object, key: string | symbol): unknown {
    if (typeof key === 'string' && !isLocal(key)) return makePath(this, key, this.options);
    switch (key) {
      case 'then':
        return (resolve: (value: unknown) => unknown, reject: (error: unknown) => unknown) =>
          this.fetch().then(resolve, reject);
      case PENDING:
        return this;
      case FACE:
        return 'async';
      case OPTIONS:
        return this.options;
      case Symbol.toPrimitive:
      case 'toString':
      case 'toJSON':
      case inspect.custom:
        return () => '[netref path root]';
      default:
        return undefined;
    }
  }

  async apply(_target: object, _self: unknown, args: unknown[]): Promise<unknown> {
    return Reflect.apply((await this.fetch()) as (...args: unknown[]) => unknown, undefined, args);
  }
}

/** `conn.root` (or the like) before it was fetched. */
export function rootPath(source: RootSource): object {
  return new Proxy(CALLABLE, new RootPath(source, undefined));
}
