// What the proxies of this folder have in common: the targets, the names that are never forwarded, and traps that answer locally.
import { inspect } from 'node:util';
import { codedError } from '../errors.ts';
import type { Face } from '../refs/face.ts';
import { type Holder, holderOf } from '../refs/holder.ts';

/** `ref[FACE]` says how a netref, path or stub answers. */
export const FACE: unique symbol = Symbol('rpyc.face');

/** Asked for by await, JSON, test runners and UI libraries on anything they meet: never forwarded. */
const LOCAL_NAMES: ReadonlySet<string> = new Set(
  `then catch finally toJSON constructor prototype __proto__ toString valueOf hasOwnProperty isPrototypeOf asymmetricMatch $$typeof`.split(
    ' ',
  ),
);

export const isLocal = (key: string): boolean => LOCAL_NAMES.has(key) || key.startsWith('@@__IMMUTABLE_');

/** Cached paths and stubs per reference; beyond, they are made anew. */
export const MAX_CACHED = 256;

/** Containers that are printed often: what is in them has to be asked for. */
const HINTED: ReadonlySet<string> = new Set(['builtins.list', 'builtins.dict', 'builtins.set']);

/** Text of a reference for logs, with the id that its side gave it (Python's `id()`): no traffic. */
export function describe(holder: Holder, hint = ''): string {
  const { cls, peer, isClass, released } = holder;
  if (released) return `[netref ${cls.name}, released]`;
  if (peer.closed) return `[netref ${cls.name}, connection closed]`;
  return `[netref ${isClass ? 'class ' : ''}${cls.name} #${peer.idOf(holder)}${hint}]`;
}

/** For util.inspect, which looks at the target, with the proxy as `this`. */
function described(this: object): string {
  const holder = holderOf(this);
  if (holder === undefined) return String(this.toString());
  if (!HINTED.has(holder.cls.name) || holder.isClass) return describe(holder);
  const { [FACE]: face } = this as { readonly [FACE]?: Face };
  return describe(holder, ` - ${face === 'sync' ? '' : 'await '}rpyc.repr(ref) shows it`);
}

// All proxies share a target: a bound function can be called and constructed, and has no property that a proxy must report.
const show = { value: described, configurable: true };
export const CALLABLE: object = Object.defineProperty(function target() {}.bind(null), inspect.custom, show);
export const OBJECT: object = Object.defineProperty({}, inspect.custom, show);

/** An operation that cannot be done this way, and how it can. */
export const misused = (message: string): Error => codedError(new TypeError(message), 'ERR_RPYC_OPERATION');

export abstract class Handler implements ProxyHandler<object> {
  ownKeys(): [] {
    return [];
  }
  getOwnPropertyDescriptor(): undefined {
    return undefined;
  }
  defineProperty(): boolean {
    throw misused('properties of a remote object cannot be defined; set the attribute');
  }
  setPrototypeOf(): boolean {
    return false;
  }
  preventExtensions(): boolean {
    return false;
  }
}

/** A handler of the awaitable face: assignments are refused, since they could not report a failure. */
export abstract class AwaitableHandler extends Handler {
  set(_target: object, key: string | symbol): boolean {
    throw misused(`use await setattr(ref, '${String(key)}', value): an assignment could not report a failure`);
  }
  deleteProperty(_target: object, key: string | symbol): boolean {
    throw misused(`use await delattr(ref, '${String(key)}'): a deletion could not report a failure`);
  }
}
