// The peer's objects in our hands: one Holder per id_pack, seen through up to two proxies (faces), and the Peer that owns the object.
// A holder is remembered weakly (by the engine): when every proxy, path and stub of it is gone, the engine's sweep finds it dead and a DEL
// goes out (remote.ts). Answers to BaseNetref in rpyc/core/netref.py and Connection._proxy_cache.
import type { Kwargs } from '../python/values.ts';
import type { Face } from './face.ts';
import type { Limits } from './limits.ts';
import type { Pending } from './waiter.ts';

/**
 * The other side of a connection, as its objects need it: what can be asked of them, blocking or awaited. Whoever holds a Holder can use
 * the object by this alone; the connection behind it is protocol/'s business. Identity counts: two holders of one connection have the same Peer.
 */
export interface Peer {
  /** Is the connection over, or being closed? */
  readonly closed: boolean;
  /** Is this thread inside a blocking call? Then promises cannot settle before it returns, and only blocking requests are answered. */
  readonly blocked: boolean;
  /** Can a blocking call wait for this peer at all? */
  readonly canBlock: boolean;
  /** Who keeps track of how its objects were come by, if anybody does. */
  readonly lineage: Lineage | undefined;

  /**
   * Calls an attribute (CALLATTR) or, without a name, the object itself (CALL). Rejects with what remote code raised.
   * @param limits when to stop waiting; the remote work goes on
   */
  call(
    holder: Holder,
    name: string | undefined,
    args: readonly unknown[],
    named: Kwargs | undefined,
    face: Face,
    limits?: Limits,
  ): Promise<unknown>;
  /** `call` that blocks, for `sync_request_timeout` or what `limits` say. */
  callSync(
    holder: Holder,
    name: string | undefined,
    args: readonly unknown[],
    named: Kwargs | undefined,
    face: Face,
    limits?: Limits,
  ): unknown;
  /**
   * `call` whose answer goes to `pending`. Returns its seq, for `forget`.
   * @throws where it cannot be sent
   */
  callFor(
    pending: Pending,
    holder: Holder,
    name: string | undefined,
    args: readonly unknown[],
    named: Kwargs | undefined,
  ): number;
  /** `ask` whose answer goes to `pending`. Returns its seq, for `forget`. @throws where it cannot be sent */
  askFor(pending: Pending, handler: number, args: readonly unknown[]): number;
  /** `call` whose answer nobody waits for; what it raises is told to the logger. @throws where it cannot be sent */
  callOneway(holder: Holder, name: string | undefined, args: readonly unknown[], named: Kwargs | undefined): void;
  /** Tells the logger what a call raised that nobody waits for. */
  unheard(name: string, error: unknown): void;
  /** Any request; a Holder among `args` stands for the remote object. */
  ask(face: Face, handler: number, args: readonly unknown[], limits?: Limits): Promise<unknown>;
  /** `ask` that blocks. */
  askSync(face: Face, handler: number, args: readonly unknown[], limits?: Limits): unknown;

  /** Nobody waits for this answer any more: the references in it will be given back. */
  forget(seq: number): void;
  /**
   * Serves, blocking, until `answer` is there.
   * @param timeoutMs default `sync_request_timeout`
   * @throws {TimeoutError}
   */
  waitUntil(answer: { readonly done: boolean }, timeoutMs?: number): void;
  /** Serves whatever arrives within `timeoutMs`, blocking: at least one batch, or nothing. True: something was served. */
  serveSync(timeoutMs: number): boolean;

  /** Takes back one acquisition of a reference; the last one frees the object there. */
  release(holder: Holder): void;
  /** The id that the peer gave an object (Python's `id()`), in decimals; of a class, its class_id. Only while the connection is open. */
  idOf(holder: Holder): string;
  /** What stands for a holder as a value: its awaitable proxy. */
  proxyOf(holder: Holder): object;
}

/**
 * How remote objects were come by, for whoever wants to find them again on another connection (client/reconnect.ts): is told what is read of
 * one connection's objects, and asked what those are told who use them after its end. Ordinary connections have none.
 */
export interface Lineage {
  /** `name` of `from` was read, and is `to`. */
  derived(from: Holder, name: string, to: unknown): void;
  /** What a request gets, now that the line has ended by `ending`. */
  refusal(ending: Error): Error;
}

/** What the connection knows of a class of the peer's. */
export interface RemoteClass {
  /** `module.class` of the id_pack. */
  readonly name: string;
  /** Method names that INSPECT told, asked once per class by the blocking face. */
  methods: ReadonlySet<string> | undefined;
}

/** `proxy[HOLDER]` is the holder behind a proxy; undefined on everything else. Not reachable from the wire: names there are strings. */
export const HOLDER: unique symbol = Symbol('rpyc.holder');

/** One object of the peer's. How often it was received is counted in remote.ts. */
export class Holder {
  /** These change by `rebind` alone. */
  peer: Peer;
  rid: number;
  cls: RemoteClass;
  /** Is the remote object itself a class (instance_id 0)? */
  isClass: boolean;
  released = false;
  asyncProxy: object | undefined = undefined;
  syncProxy: object | undefined = undefined;

  constructor(peer: Peer, rid: number, cls: RemoteClass, isClass: boolean) {
    this.peer = peer;
    this.rid = rid;
    this.cls = cls;
    this.isClass = isClass;
  }

  /** Stands for another object from now on: the same one, found again after a reconnect. */
  rebind({ peer, rid, cls, isClass }: Holder): void {
    this.peer = peer;
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
