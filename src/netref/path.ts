// Paths of the awaitable face: `conn.root.a.b` sends nothing until it is awaited or called; and what calling one returns, a promise on which
// a path can go on. What a path does is links.ts.
import { inspect } from 'node:util';
import { splitKwargs } from '../python/values.ts';
import { Holder, holderOf } from '../refs/holder.ts';
import type { RootSource } from '../refs/netrefs.ts';
import { PENDING, type PendingRef } from '../refs/pending-ref.ts';
import { LimitedPending, PromisePending } from '../refs/waiter.ts';
import { callPromises, expectAll, iterateLater, Settling } from './call-promise.ts';
import { isSimple, resolveArgs, resolveNamed } from './calls.ts';
import { AwaitableHandler, CALLABLE, FACE, isLocal } from './handler.ts';
import { keyOf } from './keys.ts';
import { follow, type Link, type Origin } from './links.ts';
import { type CallOptions, limitsOf, OPTIONS } from './options.ts';
import { runAsync, runSync, type Steps } from './steps.ts';

/** `key` of an object, or of what a promise or root stands for, as a path. */
export const makePath = (origin: Origin, key: string, options: CallOptions | undefined): object =>
  pathOf(origin, [key], options);

function pathOf(origin: Origin, names: readonly string[], options: CallOptions | undefined): object {
  return new Proxy(CALLABLE, new Path(origin, names, options));
}

/** `path` seen through other options. */
export function repath(path: PendingRef, options: CallOptions | undefined): object | undefined {
  if (path instanceof Path) return pathOf(path.origin, path.names, options);
  if (path instanceof Settling) return pathOf(path, [], options);
  return path instanceof RootPath ? new Proxy(CALLABLE, new RootPath(path.source, options)) : undefined;
}

/** What calling `path` is, where it is one CALLATTR for sure. */
export function directCall(path: PendingRef): { readonly holder: Holder; readonly name: string } | undefined {
  return path instanceof Path && path.direct !== undefined ? { holder: path.direct, name: path.names[0] } : undefined;
}

/** What calls of this face return; a name on one is a path that starts with it. */
const CallPromise = callPromises((settling, name) => makePath(settling, name, undefined));

const promised = (steps: Steps<unknown>, options: CallOptions | undefined): Promise<unknown> =>
  new CallPromise((resolve, reject) => void runAsync(steps, 'async', options).then(resolve, reject));

/** Calls a remote object (or an attribute of it). Sends before it returns, unless arguments have to be fetched. */
export function callLater(
  holder: Holder,
  name: string | undefined,
  args: readonly unknown[],
  options: CallOptions | undefined,
): Promise<unknown> {
  if (!isSimple(args)) return promised(resolveAndFollow(holder, [], name, args), options);
  if (options !== undefined) return callWithin(holder, name, args, options);
  return new CallPromise((resolve, reject) => {
    holder.peer.callFor(new PromisePending('async', resolve, reject), holder, name, args, undefined);
  });
}

function callWithin(
  holder: Holder,
  name: string | undefined,
  args: readonly unknown[],
  options: CallOptions,
): Promise<unknown> {
  const limits = limitsOf(options);
  if (limits === undefined) return callLater(holder, name, args, undefined);
  return new CallPromise((resolve, reject) => {
    limits.check();
    let seq = -1;
    const pending = new LimitedPending('async', resolve, reject, limits, () => holder.peer.forget(seq));
    try {
      seq = holder.peer.callFor(pending, holder, name, args, undefined);
    } catch (error) {
      pending.reject(error);
    }
  });
}

const get = (name: string): Link => ({ kind: 'get', name });

function* resolveAndFollow(
  origin: Origin,
  gets: readonly string[],
  name: string | undefined,
  args: readonly unknown[],
): Steps<unknown> {
  const [positional, keywords] = splitKwargs(args);
  expectAll(positional);
  if (keywords !== undefined) expectAll(Object.values(keywords));
  const resolved = yield* resolveArgs(positional);
  const named = yield* resolveNamed(keywords);
  return yield* follow(origin, [...gets.map(get), { kind: 'call', name, args: resolved, named }]);
}

/** An object of the peer that `path` leads through, once there is one. */
export async function originOf(path: PendingRef): Promise<Holder | undefined> {
  if (path instanceof Path) return path.origin instanceof Holder ? path.origin : originOf(path.origin);
  if (path instanceof Settling) return path.promise.then(holderOf, () => undefined);
  return path instanceof RootPath ? holderOf(path.source.root) : undefined;
}

class Path extends AwaitableHandler implements PendingRef {
  readonly origin: Origin;
  readonly names: readonly string[];
  private readonly options: CallOptions | undefined;
  /** Of a reference whose key is an attribute for sure: calling it is one CALLATTR. */
  readonly direct: Holder | undefined;

  constructor(origin: Origin, names: readonly string[], options: CallOptions | undefined) {
    super();
    this.origin = origin;
    this.names = names;
    this.options = options;
    this.direct =
      names.length === 1 && origin instanceof Holder && 'attr' in keyOf(origin, names[0]) ? origin : undefined;
  }

  private read(): Steps<unknown> {
    return follow(this.origin, this.names.map(get));
  }

  fetch(): Promise<unknown> {
    return runAsync(this.read(), 'async', this.options);
  }

  fetchSync(): unknown {
    return runSync(this.read(), 'async', this.options);
  }

  expected(): void {
    if (!(this.origin instanceof Holder)) this.origin.expected?.();
  }

  get(_target: object, key: string | symbol, receiver: object): unknown {
    if (typeof key === 'string' && !isLocal(key)) return pathOf(this.origin, [...this.names, key], this.options);
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
        return () => iterateLater(receiver as PromiseLike<unknown>);
      case Symbol.toPrimitive:
      case 'toString':
      case 'toJSON':
      case inspect.custom:
        return () => `[netref path ${[this.start(), ...this.names].join('.')}]`;
      default:
        return undefined;
    }
  }

  private start(): string {
    const { origin } = this;
    if (origin instanceof Holder) return origin.cls.name;
    return origin instanceof Settling ? '(call)' : 'root';
  }

  apply(_target: object, _self: unknown, args: unknown[]): Promise<unknown> {
    const { direct, names, options } = this;
    if (direct !== undefined) return callLater(direct, names[0], args, options);
    // While arguments are fetched, nobody waits for the promise that this starts with.
    this.expected();
    // A promise cannot be called: `root.adder(1).__call__(2)` is how to call what it will be, whatever side that is on.
    const name = names.at(-1);
    const called = name === '__call__' ? undefined : name;
    return promised(resolveAndFollow(this.origin, names.slice(0, -1), called, args), options);
  }

  construct(_target: object, args: unknown[]): object {
    return this.apply(_target, undefined, args);
  }

  has(_target: object, key: string | symbol): boolean {
    return key === Symbol.asyncIterator || key === PENDING || key === FACE;
  }
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
    if (typeof key === 'string' && !isLocal(key)) return pathOf(this, [key], this.options);
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

  apply(_target: object, _self: unknown, args: unknown[]): Promise<unknown> {
    return promised(resolveAndFollow(this, [], undefined, args), this.options);
  }
}

/** `conn.root` (or the like) before it was fetched. */
export function rootPath(source: RootSource): object {
  return new Proxy(CALLABLE, new RootPath(source, undefined));
}
