// What a path does when it is awaited or called, as data: the links of a chain, one after the other, over remote objects and over values
// that came by value. A later version can send them as one message.
import { inspect } from 'node:util';
import type { Kwargs } from '../python/values.ts';
import { Holder, holderOf } from '../refs/holder.ts';
import { type PendingRef, pendingOf } from '../refs/pending-ref.ts';
import { isLocal, misused } from './handler.ts';
import { callKey, keyOf, readKey } from './keys.ts';
import { askCall, askFetch, giveBack, type Steps } from './steps.ts';

/** Where a chain starts: a reference, a root that is not fetched yet, or the promise of a call. */
export type Origin = Holder | PendingRef;

/** One link: an attribute or item, or a call of one; without a name, of the object itself. */
export type Link =
  | { readonly kind: 'get'; readonly name: string }
  | {
      readonly kind: 'call';
      readonly name: string | undefined;
      readonly args: readonly unknown[];
      readonly named: Kwargs | undefined;
    };

/** The result of a chain. References that only the chain has seen are given back as soon as they have served. */
export function* follow(origin: Origin, links: readonly Link[]): Steps<unknown> {
  let value: unknown = origin instanceof Holder ? origin : yield* askFetch(origin);
  // What the origin stands for belongs to whoever holds the origin: a promise can be used again.
  let ours = false;
  for (const link of links) {
    const holder = value instanceof Holder ? value : holderOf(value);
    let next: unknown;
    try {
      next = holder === undefined ? useLocal(value, link) : yield* useRemote(holder, link);
    } finally {
      if (ours) giveBack(value);
    }
    // A part of a tuple came with the tuple; anything else that is local may hold what is the user's.
    ours = holder === undefined ? ours && link.kind === 'get' && Object.isFrozen(value) : true;
    value = next;
  }
  return value;
}

function* useRemote(holder: Holder, link: Link): Steps<unknown> {
  if (link.kind === 'get') {
    const { peer } = holder;
    const value = yield* readKey(holder, keyOf(holder, link.name));
    peer.lineage?.derived(holder, link.name, value);
    return value;
  }
  if (link.name === undefined) return yield* askCall(holder, undefined, link.args, link.named);
  return yield* callKey(holder, link.name, link.args, link.named);
}

/** A link on a value that came by value, or on an object of ours that came back: by JavaScript's rules, but what is not there is an error. */
function useLocal(value: unknown, link: Link): unknown {
  const found = link.name === undefined ? value : read(value, link.name);
  if (link.kind === 'get') return typeof found === 'function' && !isRemote(found) ? found.bind(value) : found;
  if (typeof found !== 'function')
    throw misused(`${link.name === undefined ? '' : `'${link.name}' of `}${shown(value)}, is not a function`);
  return Reflect.apply(found, value, link.named === undefined ? link.args : [...link.args, link.named]);
}

const isRemote = (value: unknown): boolean => holderOf(value) !== undefined || pendingOf(value) !== undefined;

function read(value: unknown, name: string): unknown {
  const object: object = value === null || value === undefined ? Object.create(null) : Object(value);
  if (isLocal(name) || !(name in object)) throw misused(`cannot read '${name}' of ${shown(value)}`);
  return Reflect.get(object, name, value);
}

/** A value for error texts. */
function shown(value: unknown): string {
  const text = inspect(value, {
    depth: 0,
    maxArrayLength: 3,
    maxStringLength: 40,
    breakLength: Number.POSITIVE_INFINITY,
  });
  return value === null || value === undefined ? text : `${text} (${nameOf(value)}), which is no remote object`;
}

function nameOf(value: unknown): string {
  if (Array.isArray(value)) return Object.isFrozen(value) ? 'tuple' : 'array';
  return typeof value === 'object' ? (value?.constructor?.name ?? 'object') : typeof value;
}
