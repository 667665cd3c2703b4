// What commands do with remote objects beyond the public helpers: walking a dotted path, and telling what a result is.
import { Buffer } from 'node:buffer';
import { inspect } from 'node:util';
import { getattr, perform, type Ref, repr, withOptions } from '../netref/helpers.ts';
import { askCall } from '../netref/steps.ts';
import { value } from '../netref/value.ts';
import { kwargs } from '../python/values.ts';
import { holderOf } from '../refs/holder.ts';
import { UsageError } from './exit.ts';
import { NoJson, toJson } from './json.ts';
import { tameLine } from './output.ts';

/** The names of a path `a.b.c`. @throws {UsageError} for an empty one */
export function namesOf(path: string): string[] {
  const names = path.split('.');
  if (names.some((name) => name === ''))
    throw new UsageError(`'${path}' is no path: write names with dots between them`);
  return names;
}

/** The operations of one object within `timeout` seconds each. */
export const patient = (ref: Ref, timeout: number): Ref =>
  holderOf(ref) === undefined ? ref : withOptions(ref, { timeout });

/** What a path leads to from `start`, one request a name. @throws {UsageError} where it leads into a value */
export async function walk(start: Ref, names: readonly string[], timeout: number): Promise<Ref> {
  let at = start;
  for (const [n, name] of names.entries()) {
    checkReference(at, names.slice(0, n));
    at = await getattr(patient(at, timeout), name);
  }
  return at;
}

function checkReference(at: unknown, names: readonly string[]): void {
  if (holderOf(at) === undefined)
    throw new UsageError(`${names.join('.')} is a value (${tameLine(String(at))}), and has no attributes to ask for`);
}

/** Calls a method; names that mean something else in JavaScript are methods like any other. */
export async function callMethod(
  owner: Ref,
  name: string,
  args: readonly unknown[],
  named: readonly (readonly [string, unknown])[],
  timeout: number,
): Promise<unknown> {
  checkReference(owner, ['the object before the last dot']);
  const keywords = named.length === 0 ? undefined : kwargs(Object.fromEntries(named));
  return perform(patient(owner, timeout), (holder) => askCall(holder, name, args, keywords));
}

/** Python's name of a reference's class; of a class, its own. */
export const className = (ref: unknown): string => holderOf(ref)?.cls.name ?? '';

/** A result as a command shows it. `raw`: a text or bytes without the JSON around it. */
export type Shown =
  | { readonly json: string; readonly raw: string | Buffer | undefined }
  | { readonly repr: string; readonly className: string };

/** By value where it has a value that JSON can write, else its repr. */
export async function show(result: Ref, timeout: number): Promise<Shown> {
  const isReference = holderOf(result) !== undefined;
  try {
    const copy: unknown = await value(patient(result, timeout));
    const raw = typeof copy === 'string' || Buffer.isBuffer(copy) ? copy : undefined;
    return { json: toJson(copy), raw };
  } catch (error) {
    if (!hasNoValue(error)) throw error;
  }
  if (!isReference) return { repr: inspect(result), className: '' };
  return { repr: await (repr(patient(result, timeout)) as Promise<string>), className: className(result) };
}

/** It is an object without a value, or without JSON, and no failure of anything. */
const hasNoValue = (error: unknown): boolean =>
  error instanceof NoJson || ['ERR_RPYC_OPERATION', 'ERR_RPYC_DEPTH'].includes((error as { code?: string }).code ?? '');
