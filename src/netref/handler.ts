// What the proxies of this folder have in common: the targets, the names that are never forwarded, and traps that answer locally.
import { inspect } from 'node:util';
import { codedError } from '../errors.ts';
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

/** Text of a reference for logs: no traffic. */
export function describe(holder: Holder): string {
  if (holder.released) return `[netref ${holder.cls.name}, released]`;
  return `[netref ${holder.isClass ? 'class ' : ''}${holder.cls.name} #${holder.rid}]`;
}

/** For util.inspect, which looks at the target, with the proxy as `this`. */
function described(this: object): string {
  const holder = holderOf(this);
  return holder === undefined ? String(this.toString()) : describe(holder);
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
