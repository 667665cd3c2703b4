// What users touch: proxies of remote objects, in two faces, with the paths (awaitable) and method stubs (blocking) in between.
// Every trap is local until an operation really needs the peer. Mapping section B. Answers to BaseNetref in rpyc/core/netref.py.
import { inspect } from 'node:util';
import { codedError } from '../errors.ts';
import { splitKwargs } from '../protocol/boxing.ts';
import type { Connection } from '../protocol/connection.ts';
import { HANDLE_DELATTR, HANDLE_GETATTR, HANDLE_INSPECT, HANDLE_SETATTR, HANDLE_STR } from '../protocol/constants.ts';
import {
  type Face,
  HOLDER,
  Holder,
  holderOf,
  IdPackOf,
  PENDING,
  type PendingRef,
  pendingOf,
} from '../protocol/refs.ts';
import { exceptions } from '../python/exceptions.ts';
import { isKwargs, type Kwargs } from '../python/values.ts';
import { iterate } from './iteration.ts';
import { ask, askCall, askFetch, runAsync, runSync, type Steps } from './steps.ts';

/** `ref[FACE]` says how a netref, path or stub answers. */
export const FACE: unique symbol = Symbol('rpyc.face');

/** Asked for by await, JSON, test runners and UI libraries on anything they meet: never forwarded. */
const LOCAL_NAMES: ReadonlySet<string> = new Set(
  `then catch finally toJSON constructor prototype __proto__ toString valueOf hasOwnProperty isPrototypeOf asymmetricMatch $$typeof`.split(
    ' ',
  ),
);

const isLocal = (key: string): boolean => LOCAL_NAMES.has(key) || key.startsWith('@@__IMMUTABLE_');
const isIndex = (key: string): boolean => /^(?:0|[1-9]\d{0,14})$/.test(key);

/** Builtins of Python that cannot be called: `typeof` says 'object'. */
const NOT_CALLABLE: ReadonlySet<string> = new Set(
  `list dict set frozenset str bytes bytearray int float complex bool tuple range slice generator module mappingproxy memoryview NoneType
dict_keys dict_values dict_items list_iterator dict_keyiterator set_iterator tuple_iterator range_iterator`
    .split(/\s+/)
    .map((name) => `builtins.${name}`),
);

const DICT = 'builtins.dict';
/** Attributes of a dict: any other name on one is a key. */
const DICT_METHODS: ReadonlySet<string> = new Set(
  'clear copy fromkeys get items keys pop popitem setdefault update values'.split(' '),
);

/** How a key of a proxy is read: an attribute, or an item. */
type Key = { readonly attr: string } | { readonly item: string | number };

function keyOf(holder: Holder | undefined, key: string): Key {
  if (isIndex(key)) return { item: Number(key) };
  if (holder?.cls.name === DICT && !holder.isClass && !DICT_METHODS.has(key) && !key.startsWith('__'))
    return { item: key };
  return { attr: key };
}

/** Text of a reference for logs: no traffic. */
export function describe(holder: Holder): string {
  if (holder.released) return `[netref ${holder.cls.name}, released]`;
  return `[netref ${holder.isClass ? 'class ' : ''}${holder.cls.name} #${holder.rid}]`;
}

// --- targets -------------------------------------------------------------------------------------------------------
// All proxies share a target: a bound function can be called and constructed, and has no property that a proxy must report.

function described(this: object): string {
  const holder = holderOf(this);
  return holder === undefined ? '[netref path]' : describe(holder);
}

const show = { value: described, configurable: true };
const CALLABLE: object = Object.defineProperty(function target() {}.bind(null), inspect.custom, show);
const OBJECT: object = Object.defineProperty({}, inspect.custom, show);

abstract class Handler implements ProxyHandler<object> {
  ownKeys(): [] {
    return [];
  }
  getOwnPropertyDescriptor(): undefined {
    return undefined;
  }
  defineProperty(): boolean {
    throw codedError(
      new TypeError('properties of a remote object cannot be defined; set the attribute'),
      'ERR_RPYC_OPERATION',
    );
  }
  setPrototypeOf(): boolean {
    return false;
  }
  preventExtensions(): boolean {
    return false;
  }
}

// --- requests that both faces make ---------------------------------------------------------------------------------

/** Reads a key of a remote object. */
export function* readKey(holder: Holder, key: Key): Steps<unknown> {
  if ('attr' in key) return yield* ask(holder, HANDLE_GETATTR, key.attr);
  try {
    return yield* askCall(holder, '__getitem__', [key.item]);
  } catch (error) {
    if (typeof key.item === 'string' && error instanceof exceptions.KeyError) return undefined;
    throw error;
  }
}

function* writeKey(holder: Holder, key: Key, value: unknown): Steps<unknown> {
  if ('item' in key) return yield* askCall(holder, '__setitem__', [key.item, value]);
  return yield* ask(holder, HANDLE_SETATTR, key.attr, value);
}

function* deleteKey(holder: Holder, key: Key): Steps<unknown> {
  if ('item' in key) return yield* askCall(holder, '__delitem__', [key.item]);
  return yield* ask(holder, HANDLE_DELATTR, key.attr);
}

/** Reads a key of whatever a path led to: a remote object, or a plain value. */
function* readFrom(parent: unknown, key: string): Steps<unknown> {
  const holder = holderOf(parent);
  if (holder !== undefined) return yield* readKey(holder, keyOf(holder, key));
  if (parent === null || parent === undefined) throw new TypeError(`cannot read '${key}' of ${String(parent)}`);
  const value: unknown = (parent as Record<string, unknown>)[key];
  return typeof value === 'function' ? value.bind(parent) : value;
}

/** Calls `name` of whatever a path led to. */
function* callOn(parent: unknown, name: string, args: readonly unknown[], named: Kwargs | undefined): Steps<unknown> {
  const holder = holderOf(parent);
  if (holder === undefined) {
    const method: unknown = yield* readFrom(parent, name);
    if (typeof method !== 'function') throw new TypeError(`'${name}' of ${typeof parent} is not a function`);
    return Reflect.apply(method, undefined, args as unknown[]);
  }
  const key = keyOf(holder, name);
  if ('attr' in key) return yield* askCall(holder, name, args, named);
  const callee = holderOf(yield* readKey(holder, key));
  if (callee === undefined) throw new TypeError(`item ${JSON.stringify(key.item)} is not callable`);
  return yield* askCall(callee, undefined, args, named);
}

/** Drops an intermediate object of a chain as soon as it has served. */
function drop(value: unknown): void {
  const holder = holderOf(value);
  if (holder !== undefined) holder.conn.release(holder);
}

function* resolveArgs(args: readonly unknown[]): Steps<readonly unknown[]> {
  const resolved: unknown[] = [];
  for (const arg of args) {
    const pending = pendingOf(arg);
    resolved.push(pending === undefined ? arg : yield* askFetch(pending));
  }
  return resolved;
}

/** Calls with arguments of which some are paths. */
function* resolveAndCall(
  holder: Holder,
  name: string | undefined,
  args: readonly unknown[],
  named: Kwargs | undefined,
): Steps<unknown> {
  return yield* askCall(holder, name, yield* resolveArgs(args), named);
}

/** Are there no kwargs and no paths among the arguments? The usual case, and the fast one. */
function isSimple(args: readonly unknown[]): boolean {
  for (const arg of args)
    if (typeof arg === 'object' ? isKwargs(arg) : typeof arg === 'function' && pendingOf(arg) !== undefined)
      return false;
  return true;
}

function callLater(holder: Holder, name: string | undefined, args: readonly unknown[]): Promise<unknown> {
  if (isSimple(args)) return holder.conn.call(holder, name, args, undefined, 'async');
  const [positional, named] = splitKwargs(args);
  return runAsync(resolveAndCall(holder, name, positional, named));
}

function callNow(holder: Holder, name: string | undefined, args: readonly unknown[]): unknown {
  if (isSimple(args)) return holder.conn.callSync(holder, name, args, undefined, 'sync');
  const [positional, named] = splitKwargs(args);
  return runSync(resolveAndCall(holder, name, positional, named));
}

function dispose(holder: Holder): () => void {
  return () => holder.conn.release(holder);
}

// --- the awaitable face --------------------------------------------------------------------------------------------

/** Cached paths per reference; beyond, they are made anew. */
const MAX_CACHED = 256;

class AsyncNetref extends Handler {
  private readonly holder: Holder;
  private paths: Map<string, object> | undefined;
  constructor(holder: Holder) {
    super();
    this.holder = holder;
  }

  get(_target: object, key: string | symbol): unknown {
    if (typeof key === 'string' && !isLocal(key)) return this.path(key);
    const { holder } = this;
    switch (key) {
      case HOLDER:
        return holder;
      case FACE:
        return 'async';
      case Symbol.asyncIterator:
        return () => iterate(holder).async();
      case Symbol.dispose:
        return dispose(holder);
      case Symbol.asyncDispose:
        return async () => holder.conn.release(holder);
      case Symbol.toPrimitive:
      case 'toString':
      case 'toJSON':
      case inspect.custom:
        return () => describe(holder);
      default:
        return undefined;
    }
  }

  private path(key: string): object {
    let path = this.paths?.get(key);
    if (path === undefined) {
      path = new Proxy(CALLABLE, new Path(this.holder, key));
      this.paths ??= new Map();
      if (this.paths.size < MAX_CACHED) this.paths.set(key, path);
    }
    return path;
  }

  apply(_target: object, _self: unknown, args: unknown[]): Promise<unknown> {
    return callLater(this.holder, undefined, args);
  }

  construct(_target: object, args: unknown[]): object {
    return callLater(this.holder, undefined, args);
  }

  has(_target: object, key: string | symbol): boolean {
    return key === Symbol.asyncIterator || key === HOLDER || key === FACE;
  }

  set(_target: object, key: string | symbol): boolean {
    throw codedError(
      new TypeError(`use await setattr(ref, '${String(key)}', value): an assignment could not report a failure`),
      'ERR_RPYC_OPERATION',
    );
  }

  deleteProperty(_target: object, key: string | symbol): boolean {
    throw codedError(
      new TypeError(`use await delattr(ref, '${String(key)}'): a deletion could not report a failure`),
      'ERR_RPYC_OPERATION',
    );
  }
}

/** Where a path starts: a reference, another path, or a root that is not fetched yet. */
type PathParent = Holder | PendingRef;

/** `conn.root.a.b`: nothing is sent until it is awaited or called. */
class Path extends Handler implements PendingRef {
  private readonly parent: PathParent;
  private readonly key: string;
  /** Of a reference whose key is an attribute for sure: calling it is one CALLATTR. */
  private readonly direct: Holder | undefined;
  constructor(parent: PathParent, key: string) {
    super();
    this.parent = parent;
    this.key = key;
    this.direct = parent instanceof Holder && 'attr' in keyOf(parent, key) ? parent : undefined;
  }

  /** The parent object, and whether it is ours to drop. */
  private *base(): Steps<{ value: unknown; temporary: boolean }> {
    const { parent } = this;
    if (parent instanceof Holder) return { value: parent.asyncProxy, temporary: false };
    return { value: yield* askFetch(parent), temporary: parent instanceof Path };
  }

  private *read(): Steps<unknown> {
    const { parent, key } = this;
    if (parent instanceof Holder) return yield* readKey(parent, keyOf(parent, key));
    const { value, temporary } = yield* this.base();
    const result = yield* readFrom(value, key);
    if (temporary) drop(value);
    return result;
  }

  private *call(args: readonly unknown[]): Steps<unknown> {
    const [positional, named] = splitKwargs(args);
    const resolved = yield* resolveArgs(positional);
    if (this.parent instanceof Holder) return yield* callHolder(this.parent, this.key, resolved, named);
    const { value, temporary } = yield* this.base();
    const result = yield* callOn(value, this.key, resolved, named);
    if (temporary) drop(value);
    return result;
  }

  fetch(): Promise<unknown> {
    return runAsync(this.read());
  }

  fetchSync(): unknown {
    return runSync(this.read(), 'async');
  }

  get(_target: object, key: string | symbol, receiver: object): unknown {
    if (typeof key === 'string' && !isLocal(key)) return new Proxy(CALLABLE, new Path(this, key));
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
    const parent =
      this.parent instanceof Path ? this.parent.text() : this.parent instanceof Holder ? this.parent.cls.name : 'root';
    return `${parent}.${this.key}`;
  }

  apply(_target: object, _self: unknown, args: unknown[]): Promise<unknown> {
    return this.direct === undefined ? runAsync(this.call(args)) : callLater(this.direct, this.key, args);
  }

  construct(_target: object, args: unknown[]): object {
    return runAsync(this.call(args));
  }

  has(_target: object, key: string | symbol): boolean {
    return key === Symbol.asyncIterator || key === PENDING || key === FACE;
  }

  set(_target: object, key: string | symbol): boolean {
    throw codedError(
      new TypeError(`use await setattr(path, '${String(key)}', value): an assignment could not report a failure`),
      'ERR_RPYC_OPERATION',
    );
  }

  deleteProperty(_target: object, key: string | symbol): boolean {
    throw codedError(
      new TypeError(`use await delattr(path, '${String(key)}'): a deletion could not report a failure`),
      'ERR_RPYC_OPERATION',
    );
  }
}

function* callHolder(
  holder: Holder,
  name: string,
  args: readonly unknown[],
  named: Kwargs | undefined,
): Steps<unknown> {
  return yield* callOn(makeProxy(holder, 'async'), name, args, named);
}

async function* iteratePath(path: PromiseLike<unknown>): AsyncGenerator<unknown> {
  const value = await path;
  yield* value as AsyncIterable<unknown>;
}

/** `conn.root` of a connection whose root was not asked for yet: a path that starts with GETROOT. */
class RootPath extends Handler implements PendingRef {
  private readonly conn: Connection;
  constructor(conn: Connection) {
    super();
    this.conn = conn;
  }
  fetch(): Promise<unknown> {
    return this.conn.fetchRoot();
  }
  fetchSync(): unknown {
    this.conn.fetchRootSync();
    return this.conn.root;
  }
  get(_target: object, key: string | symbol): unknown {
    if (typeof key === 'string' && !isLocal(key)) return new Proxy(CALLABLE, new Path(this, key));
    switch (key) {
      case 'then':
        return (resolve: (value: unknown) => unknown, reject: (error: unknown) => unknown) =>
          this.fetch().then(resolve, reject);
      case PENDING:
        return this;
      case FACE:
        return 'async';
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

export function rootPath(conn: Connection): object {
  return new Proxy(CALLABLE, new RootPath(conn));
}

// --- the blocking face ---------------------------------------------------------------------------------------------

/** Method names of a class of the peer's; one INSPECT, at the first attribute read. */
function methodsOf(holder: Holder): ReadonlySet<string> {
  const { cls, conn } = holder;
  if (cls.methods === undefined) {
    const listed = conn.requestSync('sync', HANDLE_INSPECT, new IdPackOf(holder));
    const names = Array.isArray(listed) ? listed.map((entry) => String(Array.isArray(entry) ? entry[0] : entry)) : [];
    cls.methods = new Set(names);
  }
  return cls.methods;
}

class SyncNetref extends Handler {
  private readonly holder: Holder;
  private stubs: Map<string, object> | undefined;
  constructor(holder: Holder) {
    super();
    this.holder = holder;
  }

  get(_target: object, key: string | symbol): unknown {
    if (typeof key === 'string' && !isLocal(key)) return this.stubs?.get(key) ?? this.read(key);
    const { holder } = this;
    switch (key) {
      case HOLDER:
        return holder;
      case FACE:
        return 'sync';
      case Symbol.iterator:
        return () => iterate(holder).sync();
      case Symbol.dispose:
        return dispose(holder);
      case Symbol.toPrimitive:
        return (hint: string) =>
          hint === 'number' ? runSync(askCall(holder, '__float__')) : runSync(ask(holder, HANDLE_STR));
      case 'toString':
      case 'toJSON':
      case inspect.custom:
        return () => describe(holder);
      default:
        return undefined;
    }
  }

  private read(key: string): unknown {
    const { holder } = this;
    const how = keyOf(holder, key);
    if ('item' in how || holder.isClass || !isMethod(methodsOf(holder), key)) return runSync(readKey(holder, how));
    const stub = new Proxy(CALLABLE, new Stub(holder, key));
    this.stubs ??= new Map();
    if (this.stubs.size < MAX_CACHED) this.stubs.set(key, stub);
    return stub;
  }

  apply(_target: object, _self: unknown, args: unknown[]): unknown {
    return callNow(this.holder, undefined, args);
  }

  construct(_target: object, args: unknown[]): object {
    return callNow(this.holder, undefined, args) as object;
  }

  has(_target: object, key: string | symbol): boolean {
    if (typeof key === 'symbol') return key === Symbol.iterator || key === HOLDER || key === FACE;
    if (isLocal(key)) return false;
    try {
      runSync(readKey(this.holder, { attr: key }));
      return true;
    } catch (error) {
      if (error instanceof exceptions.AttributeError) return false;
      throw error;
    }
  }

  set(_target: object, key: string | symbol, value: unknown): boolean {
    if (typeof key === 'symbol') return false;
    const pending = pendingOf(value);
    runSync(writeKey(this.holder, keyOf(this.holder, key), pending === undefined ? value : pending.fetchSync()));
    return true;
  }

  deleteProperty(_target: object, key: string | symbol): boolean {
    if (typeof key === 'symbol') return false;
    runSync(deleteKey(this.holder, keyOf(this.holder, key)));
    return true;
  }
}

const isMethod = (methods: ReadonlySet<string>, name: string): boolean =>
  methods.has(name) || methods.has(`exposed_${name}`);

/** A method of a remote object, not fetched: calling it is one CALLATTR. */
class Stub extends Handler implements PendingRef {
  private readonly holder: Holder;
  private readonly name: string;
  constructor(holder: Holder, name: string) {
    super();
    this.holder = holder;
    this.name = name;
  }

  fetch(): Promise<unknown> {
    return runAsync(ask(this.holder, HANDLE_GETATTR, this.name), 'sync');
  }

  fetchSync(): unknown {
    return runSync(ask(this.holder, HANDLE_GETATTR, this.name));
  }

  get(_target: object, key: string | symbol): unknown {
    if (typeof key === 'string' && !isLocal(key)) return Reflect.get(this.fetchSync() as object, key);
    switch (key) {
      case PENDING:
        return this;
      case FACE:
        return 'sync';
      case Symbol.toPrimitive:
      case 'toString':
      case 'toJSON':
      case inspect.custom:
        return () => `[netref method ${this.name} of ${this.holder.cls.name}]`;
      default:
        return undefined;
    }
  }

  apply(_target: object, _self: unknown, args: unknown[]): unknown {
    return callNow(this.holder, this.name, args);
  }

  construct(_target: object, args: unknown[]): object {
    return callNow(this.holder, this.name, args) as object;
  }
}

// --- making them ---------------------------------------------------------------------------------------------------

/** The proxy of a holder in one face; the same one every time while it is alive. */
export function makeProxy(holder: Holder, face: Face): object {
  const target = NOT_CALLABLE.has(holder.cls.name) && !holder.isClass ? OBJECT : CALLABLE;
  if (face === 'async') {
    holder.asyncProxy ??= new Proxy(target, new AsyncNetref(holder));
    return holder.asyncProxy;
  }
  holder.syncProxy ??= new Proxy(target, new SyncNetref(holder));
  return holder.syncProxy;
}
