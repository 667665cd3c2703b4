// The peer's objects in our hands: one Holder per id_pack, seen through up to two proxies (faces). Owns counts and liveness.
// A holder is remembered weakly (by the engine): when every proxy, path and stub of it is gone, the engine's sweep finds it dead and a DEL goes out.
// Answers to BaseNetref in rpyc/core/netref.py and Connection._proxy_cache.
import type { Connection } from '../protocol/connection.ts';

/** How a reference is used: awaitable (every operation a promise) or blocking. */
export type Face = 'async' | 'sync';

/** What the connection knows of a class of the peer's. */
export interface RemoteClass {
  /** `module.class` of the id_pack. */
  readonly name: string;
  /** Method names that INSPECT told, asked once per class by the blocking face. */
  methods: ReadonlySet<string> | undefined;
}

/** `proxy[HOLDER]` is the holder behind a proxy; undefined on everything else. Not reachable from the wire: names there are strings. */
export const HOLDER: unique symbol = Symbol('rpyc.holder');

export class Holder {
  readonly conn: Connection;
  readonly rid: number;
  readonly cls: RemoteClass;
  /** Is the remote object itself a class (instance_id 0)? */
  readonly isClass: boolean;
  released = false;
  asyncProxy: object | undefined = undefined;
  syncProxy: object | undefined = undefined;

  constructor(conn: Connection, rid: number, cls: RemoteClass, isClass: boolean) {
    this.conn = conn;
    this.rid = rid;
    this.cls = cls;
    this.isClass = isClass;
  }
}

/** As a request's argument: the holder's id_pack as a value, not the object (INSPECT, INSTANCECHECK). */
export class IdPackOf {
  readonly holder: Holder;
  constructor(holder: Holder) {
    this.holder = holder;
  }
}

type MaybeNetref = { readonly [HOLDER]?: Holder | undefined };

/** The holder behind a netref, path or stub that stands for one object; undefined for anything else. */
export function holderOf(value: unknown): Holder | undefined {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
    ? (value as MaybeNetref)[HOLDER]
    : undefined;
}

/** Is this a proxy of a remote object? */
export const isNetref = (value: object): boolean => (value as MaybeNetref)[HOLDER] !== undefined;

/** A path (`conn.root.a.b`) or method stub: stands for a remote object that was not fetched yet. */
export interface PendingRef {
  fetch(): Promise<unknown>;
  fetchSync(): unknown;
}

/** `path[PENDING]` is the PendingRef behind a path or stub; undefined on everything else. */
export const PENDING: unique symbol = Symbol('rpyc.pending');

export const pendingOf = (value: unknown): PendingRef | undefined =>
  typeof value === 'function' ? (value as { readonly [PENDING]?: PendingRef })[PENDING] : undefined;

/** Makes what users touch of a holder. Given to the connection, so that protocol does not import netref. */
export type MakeProxy = (holder: Holder, face: Face) => object;
