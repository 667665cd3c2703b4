// One remote object that is being copied: where it was found, what it said, what becomes of it; and how messages name it.
import { codedError } from '../errors.ts';
import { type Holder, holderOf } from '../refs/holder.ts';
import type { Shape } from './shapes.ts';

/** Where a value was found. */
export interface Place {
  readonly parent: Node | undefined;
  /** Index, key or field. */
  readonly key: unknown;
  readonly by: 'item' | 'field';
}

/** Of what was asked for itself. */
export const NOWHERE: Place = { parent: undefined, key: undefined, by: 'item' };

/** One remote object: where it was found, what it said, and what becomes of it. */
export interface Node extends Place {
  readonly holder: Holder;
  readonly ref: unknown;
  /** Containers that it is in. */
  readonly depth: number;
  /** Undefined until it is asked, and for what stays a reference. */
  shape: Shape | undefined;
  /** Of a list, tuple, set or frozenset; the value of an Enum member. */
  items: readonly unknown[];
  /** Of a dict, or the fields of an object. */
  pairs: [key: unknown, item: unknown][];
  /** The value, or the container that is to be filled. */
  made: { readonly value: unknown } | undefined;
  /** Is it being made? */
  open: boolean;
}

/** It is not what it was taken for, or not what is wanted. */
export const misfit = (message: string, cause?: unknown): Error =>
  codedError(new TypeError(message, cause === undefined ? undefined : { cause }), 'ERR_RPYC_OPERATION');
export const tooDeep = (message: string): Error => codedError(new RangeError(message), 'ERR_RPYC_DEPTH');

/** A value in a message. */
export function show(given: unknown): string {
  if (holderOf(given) !== undefined) return `a ${holderOf(given)?.cls.name}`;
  if (typeof given === 'object' && given !== null) return Array.isArray(given) ? 'a tuple' : 'an object';
  const text = typeof given === 'string' ? JSON.stringify(given) : String(given);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** Where it is: `[0].field["key"]`. */
export function pathTo(place: Place): string {
  const parts: string[] = [];
  for (let at = place; at.parent !== undefined; at = at.parent)
    parts.unshift(at.by === 'field' ? `.${String(at.key)}` : `[${show(at.key)}]`);
  return parts.length > 20 ? `${parts.slice(0, 10).join('')}…${parts.slice(-10).join('')}` : parts.join('');
}

/** Where it is, as the end of a phrase. */
export const placeOf = (node: Node): string => (node.parent === undefined ? '' : ` (at ${pathTo(node)})`);

/** An object in a message: its class, and where it is. */
export const describe = (node: Node): string => node.holder.cls.name + placeOf(node);
