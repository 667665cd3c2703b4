// Values as JSON on a command line: arguments in, results out. Integers keep all their digits; what JSON has no form for, the tables in
// docs/command-line.md name.
import { Buffer } from 'node:buffer';
import { FrozenSet } from '../python/values.ts';
import { UsageError } from './exit.ts';

/** Containers inside each other at most. */
const MAX_DEPTH = 1000;

/** What has no JSON form. */
export class NoJson extends Error {}

/**
 * An argument: JSON where it is JSON (`3`, `"3"`, `[1, 2]`, `null`), else the text itself (`abc`). Integers beyond 53 bits stay exact.
 * @throws {UsageError} for a text that begins like an object, an array or a string of JSON, and is none
 */
export function parseArgument(text: string): unknown {
  if (/^-?\d{16,4300}$/.test(text)) return BigInt(text);
  try {
    return JSON.parse(text);
  } catch (error) {
    if (/^\s*[[{"]/.test(text))
      throw new UsageError(
        `argument ${text} begins like JSON and is none: ${(error as Error).message}. As a text, quote it: '"…"'`,
      );
    return text;
  }
}

/** `name=value` of `--kwarg`. @throws {UsageError} */
export function parseKwarg(text: string): [name: string, value: unknown] {
  const at = text.indexOf('=');
  if (at <= 0) throw new UsageError(`--kwarg is name=value, not '${text}'`);
  return [text.slice(0, at), parseArgument(text.slice(at + 1))];
}

/** As JSON.stringify; the control characters that it leaves (DEL, C1) are escaped too, since some of them steer terminals. */
export const writeJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[\u007f-\u009f]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`);

/** A copied value as JSON, in one line. @throws {NoJson} for a value that has none */
export function toJson(value: unknown, depth = 0): string {
  if (depth > MAX_DEPTH) throw new NoJson('nested too deep');
  if (value === null || value === undefined) return 'null';
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return writeJson(value);
    case 'bigint':
      return value.toString();
    case 'number':
      return Number.isFinite(value) ? writeJson(value) : writeJson(String(value));
    case 'object':
      return objectToJson(value, depth);
    default:
      throw new NoJson(`a ${typeof value} has no JSON`);
  }
}

function objectToJson(value: object, depth: number): string {
  const list = (items: Iterable<unknown>): string =>
    `[${Array.from(items, (item) => toJson(item, depth + 1)).join(', ')}]`;
  const entries = (pairs: Iterable<readonly [unknown, unknown]>): string =>
    `{${Array.from(pairs, ([key, item]) => `${keyToJson(key)}: ${toJson(item, depth + 1)}`).join(', ')}}`;
  if (Array.isArray(value) || value instanceof Set || value instanceof FrozenSet)
    return list(value as Iterable<unknown>);
  if (value instanceof Map) return entries(value);
  if (value instanceof Uint8Array) return writeJson(Buffer.from(value).toString('base64'));
  if (value instanceof Date) return writeJson(value);
  const prototype = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return entries(Object.entries(value));
  // Python's dates, decimals and the like: their text is what they are.
  const text = String(value);
  if (text.startsWith('[object ')) throw new NoJson(`${prototype.constructor?.name} has no JSON`);
  return writeJson(text);
}

/** Keys as Python's json module writes them. @throws {NoJson} for a tuple */
function keyToJson(key: unknown): string {
  if (typeof key === 'string') return writeJson(key);
  if (key === null || ['number', 'boolean', 'bigint'].includes(typeof key)) return writeJson(String(key));
  throw new NoJson('a key that is no text');
}
