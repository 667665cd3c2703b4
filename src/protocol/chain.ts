// RPyC over RPyC: references of one connection in the hands of the peer of another. What that peer asks of one is checked against our policy
// towards *it*, by name, and forwarded to the owner, who checks again: our own rights there are never passed on. Mapping section B, "Chained".
// Answers to what Connection._handle_inspect and _handle_instancecheck of rpyc/core/protocol.py do for netrefs among the local objects.
import { kwargsFromPairs } from '../boxing/reader.ts';
import * as H from '../constants.ts';
import { FORBIDDEN } from '../objects/forbidden.ts';
import { attributeName } from '../policy/access.ts';
import type { Config } from '../policy/config.ts';
import { exceptions } from '../python/exceptions.ts';
import type { Kwargs } from '../python/values.ts';
import { type Holder, holderOf, IdPackOf, type Peer, type RemoteClass } from '../refs/holder.ts';

const { AttributeError, TypeError: PyTypeError } = exceptions;

/** The connection whose peer asks, as forwarding sees it. */
export interface ForwardingSide {
  readonly peer: Peer;
  readonly config: Config;
}

type Permission = 'allow_getattr' | 'allow_setattr' | 'allow_delattr';

const denied = (name: string): Error => new AttributeError(`cannot access '${name}'`);

function isPlain(config: Config, name: string): boolean {
  return (
    config.allow_all_attrs ||
    (config.allow_exposed_attrs && name.startsWith(config.exposed_prefix)) ||
    (config.allow_safe_attrs && config.safe_attrs.has(name)) ||
    (config.allow_public_attrs && !name.startsWith('_'))
  );
}

/** The name to ask the owner for: `name` where our policy lets the peer have it, else its exposed form, once. @throws AttributeError */
function upstreamName(config: Config, asked: unknown, permission: Permission): string {
  const name = attributeName(asked);
  if (FORBIDDEN.has(name) || !config[permission]) throw denied(name);
  if (isPlain(config, name)) return name;
  if (!config.allow_exposed_attrs) throw denied(name);
  return config.exposed_prefix + name;
}

// --- who owns what was forwarded -----------------------------------------------------------------------------------

/**
 * References that came with a forwarded message belong to whoever it was forwarded to: how many acquisitions of each a peer's entry owns.
 * When the peer drops the entry, they are given back upstream. What our own code holds is counted apart.
 */
const owned = new WeakMap<Peer, Map<object, number>>();

/** The references of `from` in a value that just arrived there go to the peer `to`. */
function handOver(value: unknown, from: Peer, to: Peer): void {
  if (Array.isArray(value)) {
    // Tuples; an array of our own that came back is not frozen.
    if (Object.isFrozen(value)) for (const item of value) handOver(item, from, to);
    return;
  }
  const holder = holderOf(value);
  if (holder === undefined || holder.peer !== from) return;
  let counts = owned.get(to);
  if (counts === undefined) owned.set(to, (counts = new Map()));
  const proxy = from.proxyOf(holder);
  counts.set(proxy, (counts.get(proxy) ?? 0) + 1);
}

/** `peer` has dropped `object`: what it owned upstream is given back. */
export function dropped(peer: Peer, object: object): void {
  const holder = holderOf(object);
  const counts = owned.get(peer);
  const count = counts?.get(object) ?? 0;
  counts?.delete(object);
  for (let i = 0; i < count && holder !== undefined; i++) holder.peer.release(holder);
}

/** `peer` is gone: all that it owned upstream is given back. */
export function droppedAll(peer: Peer): void {
  for (const object of owned.get(peer)?.keys() ?? []) dropped(peer, object);
}

// --- forwarding ----------------------------------------------------------------------------------------------------

/** Asks the owner; blocking where this thread is inside a blocking call, since no promise settles before that returns. */
function ask({ peer }: Holder, handler: number, ...args: unknown[]): unknown {
  return peer.blocked && peer.canBlock ? peer.askSync('async', handler, args) : peer.ask('async', handler, args);
}

/** The answer of an owner, on its way to the peer. */
function deliver(side: ForwardingSide, holder: Holder, answer: unknown): unknown {
  if (answer instanceof Promise) return answer.then((value) => deliver(side, holder, value));
  handOver(answer, holder.peer, side.peer);
  return answer;
}

/** CALLATTR, or CALL without a name, of a chained reference. */
export function forwardCall(
  side: ForwardingSide,
  holder: Holder,
  asked: string | undefined,
  args: readonly unknown[],
  named: Kwargs | undefined,
): unknown {
  const { peer } = holder;
  const name = asked === undefined ? undefined : upstreamName(side.config, asked, 'allow_getattr');
  for (const arg of args) handOver(arg, side.peer, peer);
  for (const value of Object.values(named ?? {})) handOver(value, side.peer, peer);
  return deliver(
    side,
    holder,
    peer.blocked && peer.canBlock
      ? peer.callSync(holder, name, args, named, 'async')
      : peer.call(holder, name, args, named, 'async'),
  );
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const kwargsIn = (value: unknown): Kwargs | undefined => {
  const pairs = list(value);
  return pairs.length === 0 ? undefined : kwargsFromPairs(pairs);
};

/** Any other request on a chained reference, by its arguments as they came. */
export function forward(side: ForwardingSide, holder: Holder, handler: number, args: readonly unknown[]): unknown {
  const { config } = side;
  const send = (...rest: unknown[]): unknown => {
    for (const arg of rest) handOver(arg, side.peer, holder.peer);
    return deliver(side, holder, ask(holder, handler, holder, ...rest));
  };
  switch (handler) {
    case H.HANDLE_CALL:
      return forwardCall(side, holder, undefined, list(args[1]), kwargsIn(args[2]));
    case H.HANDLE_CALLATTR:
      return forwardCall(side, holder, attributeName(args[1]), list(args[2]), kwargsIn(args[3]));
    case H.HANDLE_GETATTR:
      return send(upstreamName(config, args[1], 'allow_getattr'));
    case H.HANDLE_DELATTR:
      return send(upstreamName(config, args[1], 'allow_delattr'));
    case H.HANDLE_SETATTR:
      return send(upstreamName(config, args[1], 'allow_setattr'), args[2]);
    case H.HANDLE_CMP:
      return send(args[1], upstreamName(config, args[2] ?? '__cmp__', 'allow_getattr'));
    case H.HANDLE_REPR:
    case H.HANDLE_STR:
    case H.HANDLE_HASH:
      return send();
    case H.HANDLE_DIR:
      return shown(config, send());
    case H.HANDLE_BUFFITER:
      upstreamName(config, '__iter__', 'allow_getattr');
      return send(args[1]);
    case H.HANDLE_CTXEXIT:
      upstreamName(config, '__exit__', 'allow_getattr');
      return send(args[1]);
    case H.HANDLE_OLDSLICING:
      return send(
        upstreamName(config, args[1], 'allow_getattr'),
        upstreamName(config, args[2], 'allow_getattr'),
        ...args.slice(3),
      );
    default:
      throw new PyTypeError(
        `a reference of another connection cannot be asked that (${H.HANDLER_NAMES[handler] ?? handler})`,
      );
  }
}

/** DIR: the names that our policy would let through. */
function shown(config: Config, names: unknown): unknown {
  if (names instanceof Promise) return names.then((value) => shown(config, value));
  const offered = new Set(list(names));
  const isShown = (name: unknown): boolean =>
    typeof name === 'string' &&
    !FORBIDDEN.has(name) &&
    (isPlain(config, name) || (config.allow_exposed_attrs && offered.has(config.exposed_prefix + name)));
  return Object.freeze([...offered].filter(isShown));
}

/** What the owner answered to INSPECT, by class: of its instances, and of itself. */
const inspected = new WeakMap<RemoteClass, [instance: unknown, itself: unknown]>();

/** INSPECT, asked of the owner under its own id_pack, once per class. */
export function forwardInspect(holder: Holder): unknown {
  let known = inspected.get(holder.cls);
  if (known === undefined) inspected.set(holder.cls, (known = [undefined, undefined]));
  const at = holder.isClass ? 1 : 0;
  if (known[at] !== undefined) return known[at];
  const answer = ask(holder, H.HANDLE_INSPECT, new IdPackOf(holder));
  if (answer instanceof Promise)
    return answer.then((methods: unknown) => {
      known[at] = methods;
      return methods;
    });
  known[at] = answer;
  return answer;
}

/** INSTANCECHECK of a chained class: true only for objects of the same owner, who decides. */
export function forwardInstanceCheck(cls: Holder, other: object): unknown {
  const holder = holderOf(other);
  if (holder === undefined || holder.peer !== cls.peer) return false;
  return ask(cls, H.HANDLE_INSTANCECHECK, cls, new IdPackOf(holder));
}
