// What JavaScript errors have and Python exceptions lack, as one attribute that Python keeps and passes on without looking at it:
//
//     js_error = (record of the exception itself, record of another error, …)
//     record   = (class, name, message, cause, errors, data), and of another error also (module, class, args, attrs, text) as in vinegar
//
// `class` is one of natives.ts or None, `name` and `message` are None where the class and the args tell them. `cause` and each of `errors`
// is None, the index of a record, or a 1-tuple with a value. `data` are the properties that cannot be attributes in Python, or are more than
// their repr: `(key, 0, value)` or `(key, 1, JSON)`. Flat, so that a chain of causes nests no deeper than one. Nothing in it is trusted.
import { FORBIDDEN } from '../objects/forbidden.ts';
import { PythonError } from '../python/exceptions.ts';
import { dataOf, type Payload, usableAttr } from './describe.ts';
import { isExactly, JS_ERROR, nativeName } from './natives.ts';
import { type Sent, sendable } from './values.ts';

/** Errors of one message at most: causes, and parts of an AggregateError. */
const MAX_ERRORS = 32;
/** Longest JSON text of one property, characters. */
const MAX_JSON = 16 * 1024;
/** Properties of one error that travel here. */
const MAX_DATA = 64;

// --- what is thrown ------------------------------------------------------------------------------------------------

/** How another error of the message is described: as vinegar would, and its stack. */
type Describe = (error: Error) => { payload: Payload; text: string };

/**
 * The `js_error` of what was thrown; undefined where Python's terms say it all.
 * @param causes tell of causes?
 */
export function jsErrorOf(thrown: unknown, payload: Payload, causes: boolean, describe: Describe): Sent | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const found = [thrown];
  const head = recordOf(thrown, payload, causes, found);
  const isPlain = head.every((item) => item === null || (Array.isArray(item) && item.length === 0));
  if (isPlain && thrown instanceof PythonError) return undefined;
  const records: Sent[] = [head];
  for (let i = 1; i < found.length; i++) {
    const { payload: other, text } = describe(found[i]);
    const attrs = other.attrs.map(([name, value]): Sent => [name, sendable(value)]);
    const { module, name, args } = other;
    records.push([...recordOf(found[i], other, causes, found), module, name, args.map(sendable), attrs, text]);
  }
  return records;
}

/** @param found the errors that have a record, in order; those that this one refers to are added */
function recordOf(error: Error, payload: Payload, causes: boolean, found: Error[]): Sent[] {
  const cls = classOf(error, payload);
  const { args } = payload;
  const told = (error instanceof PythonError && cls === null) || (args.length === 1 && args[0] === error.message);
  const slot = (value: unknown): Sent => {
    if (value === undefined) return null;
    if (!(value instanceof Error)) return [sendable(value)];
    const known = found.indexOf(value);
    if (known >= 0 || found.length === MAX_ERRORS) return known >= 0 ? known : null;
    return found.push(value) - 1;
  };
  return [
    cls,
    cls === null || error.name === cls ? null : String(error.name).toWellFormed(),
    told ? null : String(error.message).toWellFormed(),
    causes ? slot(error.cause) : null,
    error instanceof AggregateError && Array.isArray(error.errors)
      ? error.errors.slice(0, MAX_ERRORS).map((part) => slot(part ?? null))
      : null,
    dataBeside(error, payload),
  ];
}

/** The native class that the other side is to make the error of; null: its Python class says it. */
function classOf(error: Error, { module }: Payload): string | null {
  const native = nativeName(error);
  if (isExactly(error, native)) return native;
  if (error instanceof PythonError) return null;
  if (native !== 'Error' || error.name === 'AbortError') return native;
  const code = String((error as { code?: unknown }).code ?? '');
  return module === 'builtins' && code.startsWith('ERR_') && !code.startsWith('ERR_RPYC_') ? native : null;
}

const HIDDEN: ReadonlySet<string> = new Set([...FORBIDDEN, ...'name message stack cause errors'.split(' '), JS_ERROR]);

function dataBeside(error: Error, payload: Payload): Sent[] {
  const attrs = new Map(payload.attrs);
  const data: Sent[] = [];
  for (const [key, value] of dataOf(error)) {
    if (data.length === MAX_DATA || HIDDEN.has(key) || typeof value === 'function') continue;
    const name = key.toWellFormed();
    const json = typeof value === 'object' && value !== null ? jsonOf(value) : undefined;
    if (json !== undefined) data.push([name, 1, json]);
    // An errno is negative in Node and positive in Python.
    else if (!usableAttr(payload, key, value) || attrs.get(key) !== value) data.push([name, 0, sendable(value)]);
  }
  return data;
}

/** JSON of plain objects and arrays with nothing else in them; undefined for any other object. Runs no getter and no toJSON. */
function jsonOf(value: object): string | undefined {
  let left = MAX_JSON;
  const text = (item: unknown, depth: number): string | undefined => {
    if (--left < 0 || depth > 16) return undefined;
    if (typeof item === 'string') left -= item.length;
    if (item === null || typeof item === 'string' || typeof item === 'boolean' || Number.isFinite(item))
      return JSON.stringify(item);
    if (typeof item !== 'object') return undefined;
    const prototype = Object.getPrototypeOf(item);
    const isArray = Array.isArray(item);
    if (!isArray && prototype !== Object.prototype && prototype !== null) return undefined;
    const parts: string[] = [];
    for (const key of Object.keys(item)) {
      const descriptor = Object.getOwnPropertyDescriptor(item, key);
      const part = descriptor !== undefined && 'value' in descriptor ? text(descriptor.value, depth + 1) : undefined;
      if (part === undefined || (isArray && key !== String(parts.length))) return undefined;
      left -= key.length;
      parts.push(isArray ? part : `${JSON.stringify(key)}:${part}`);
    }
    if (isArray && parts.length !== item.length) return undefined;
    return isArray ? `[${parts.join()}]` : `{${parts.join()}}`;
  };
  const json = text(value, 0);
  return json === undefined || left < 0 ? undefined : json.toWellFormed();
}

// --- what was received ---------------------------------------------------------------------------------------------

/** A cause, or a part of several: another record, or a value. */
export type Slot = { readonly record: number } | { readonly value: unknown };

/** One record, as far as it is of the form that it should be. */
export interface JsError {
  readonly cls: string | undefined;
  readonly name: string | undefined;
  readonly message: string | undefined;
  readonly cause: Slot | undefined;
  readonly errors: readonly Slot[] | undefined;
  /** Properties of the error. */
  readonly data: readonly (readonly [string, unknown])[];
  /** As in vinegar: `((module, class), args, attrs, text)`. */
  readonly payload: readonly unknown[];
}

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);
const stringIn = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

function slotIn(value: unknown): Slot | undefined {
  if (isList(value) && value.length === 1) return { value: value[0] };
  return typeof value === 'number' && Number.isInteger(value) ? { record: value } : undefined;
}

const isSlot = (slot: Slot | undefined): slot is Slot => slot !== undefined;

/** The records among the attributes of a received exception, its own first; none where it came from elsewhere than JavaScript. */
export function jsErrorsIn(attrs: readonly unknown[]): JsError[] {
  const attr = attrs.find((candidate) => isList(candidate) && candidate[0] === JS_ERROR);
  const records = isList(attr) ? attr[1] : undefined;
  if (!isList(records) || records.length > MAX_ERRORS || !records.every(isList)) return [];
  return records.map(([cls, name, message, cause, errors, data, module, pyName, args, own, text]) => ({
    cls: stringIn(cls),
    name: stringIn(name),
    message: stringIn(message),
    cause: slotIn(cause),
    errors: isList(errors) ? errors.map(slotIn).filter(isSlot) : undefined,
    data: isList(data) ? data.slice(0, MAX_DATA).flatMap(propertyIn) : [],
    payload: [[module, pyName], args, own, text],
  }));
}

function propertyIn(entry: unknown): [string, unknown][] {
  const [key, form, value] = isList(entry) ? entry : [];
  if (typeof key !== 'string' || HIDDEN.has(key)) return [];
  if (form === 0) return [[key, value]];
  if (form !== 1 || typeof value !== 'string' || value.length > 4 * MAX_JSON) return [];
  try {
    const parsed: unknown = JSON.parse(value, (name, item: unknown) => (FORBIDDEN.has(name) ? undefined : item));
    return [[key, parsed]];
  } catch {
    return [];
  }
}
