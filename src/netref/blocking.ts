// The blocking face of a remote object, and its method stubs: every operation returns when the peer has answered.
import { inspect } from 'node:util';
import { HANDLE_GETATTR, HANDLE_INSPECT, HANDLE_STR } from '../constants.ts';
import { HOLDER, type Holder, IdPackOf } from '../refs/holder.ts';
import { PENDING, type PendingRef, pendingOf } from '../refs/pending-ref.ts';
import { callNow } from './calls.ts';
import { CALLABLE, describe, FACE, Handler, isLocal, MAX_CACHED } from './handler.ts';
import { iterate } from './iteration.ts';
import { deleteKey, hasKey, keyOf, readKey, writeKey } from './keys.ts';
import { idiomNow } from './list.ts';
import { type CallOptions, limitsOf, OPTIONS } from './options.ts';
import { ask, askCall, runAsync, runSync } from './steps.ts';

/** Method names of a class of the peer's; one INSPECT, at the first attribute read. */
function methodsOf(holder: Holder, options: CallOptions | undefined): ReadonlySet<string> {
  const { cls, peer } = holder;
  if (cls.methods === undefined) {
    const listed = peer.askSync('sync', HANDLE_INSPECT, [new IdPackOf(holder)], limitsOf(options));
    const names = Array.isArray(listed) ? listed.map((entry) => String(Array.isArray(entry) ? entry[0] : entry)) : [];
    cls.methods = new Set(names);
  }
  return cls.methods;
}

const isMethod = (methods: ReadonlySet<string>, name: string): boolean =>
  methods.has(name) || methods.has(`exposed_${name}`);

export class BlockingNetref extends Handler {
  private readonly holder: Holder;
  private readonly options: CallOptions | undefined;
  private stubs: Map<string, object> | undefined;

  constructor(holder: Holder, options: CallOptions | undefined) {
    super();
    this.holder = holder;
    this.options = options;
  }

  get(_target: object, key: string | symbol): unknown {
    if (typeof key === 'string') {
      const stub = this.stubs?.get(key);
      if (stub !== undefined) return stub;
      if (!isLocal(key)) return this.read(key);
    }
    const { holder, options } = this;
    switch (key) {
      case HOLDER:
        return holder;
      case FACE:
        return 'sync';
      case OPTIONS:
        return options;
      case Symbol.iterator:
        return () => iterate(holder, options).sync();
      case Symbol.dispose:
        return () => holder.peer.release(holder);
      case Symbol.toPrimitive:
        return (hint: string) =>
          runSync(hint === 'number' ? askCall(holder, '__float__') : ask(holder, HANDLE_STR), 'sync', options);
      case 'toString':
      case 'toJSON':
      case inspect.custom:
        return () => describe(holder);
      default:
        return undefined;
    }
  }

  private read(key: string): unknown {
    const { holder, options } = this;
    const how = keyOf(holder, key);
    const isIdiom = 'idiom' in how && key !== 'length';
    if (!isIdiom && (!('attr' in how) || holder.isClass || !isMethod(methodsOf(holder, options), key)))
      return runSync(readKey(holder, how), 'sync', options);
    const stub = isIdiom ? idiomNow(holder, key, options) : makeStub(holder, key, options);
    this.stubs ??= new Map();
    if (this.stubs.size < MAX_CACHED) this.stubs.set(key, stub);
    return stub;
  }

  apply(_target: object, _self: unknown, args: unknown[]): unknown {
    return callNow(this.holder, undefined, args, this.options);
  }

  construct(_target: object, args: unknown[]): object {
    return callNow(this.holder, undefined, args, this.options) as object;
  }

  has(_target: object, key: string | symbol): boolean {
    if (typeof key === 'symbol')
      return key === Symbol.iterator || key === Symbol.dispose || key === HOLDER || key === FACE;
    return !isLocal(key) && runSync(hasKey(this.holder, keyOf(this.holder, key)), 'sync', this.options);
  }

  set(_target: object, key: string | symbol, value: unknown): boolean {
    if (typeof key === 'symbol') return false;
    const pending = pendingOf(value);
    const written = pending === undefined ? value : pending.fetchSync();
    runSync(writeKey(this.holder, keyOf(this.holder, key), written), 'sync', this.options);
    return true;
  }

  deleteProperty(_target: object, key: string | symbol): boolean {
    if (typeof key === 'symbol') return false;
    runSync(deleteKey(this.holder, keyOf(this.holder, key)), 'sync', this.options);
    return true;
  }
}

function makeStub(holder: Holder, name: string, options: CallOptions | undefined): object {
  return new Proxy(CALLABLE, new Stub(holder, name, options));
}

/** `stub` seen through other options. */
export function restub(stub: PendingRef, options: CallOptions | undefined): object | undefined {
  return stub instanceof Stub ? makeStub(stub.holder, stub.name, options) : undefined;
}

/** A method of a remote object, not fetched: calling it is one CALLATTR. */
class Stub extends Handler implements PendingRef {
  readonly holder: Holder;
  readonly name: string;
  private readonly options: CallOptions | undefined;

  constructor(holder: Holder, name: string, options: CallOptions | undefined) {
    super();
    this.holder = holder;
    this.name = name;
    this.options = options;
  }

  fetch(): Promise<unknown> {
    return runAsync(ask(this.holder, HANDLE_GETATTR, this.name), 'sync', this.options);
  }

  fetchSync(): unknown {
    return runSync(ask(this.holder, HANDLE_GETATTR, this.name), 'sync', this.options);
  }

  get(_target: object, key: string | symbol): unknown {
    if (typeof key === 'string' && !isLocal(key)) return Reflect.get(this.fetchSync() as object, key);
    switch (key) {
      case PENDING:
        return this;
      case FACE:
        return 'sync';
      case OPTIONS:
        return this.options;
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
    return callNow(this.holder, this.name, args, this.options);
  }

  construct(_target: object, args: unknown[]): object {
    return callNow(this.holder, this.name, args, this.options) as object;
  }
}
