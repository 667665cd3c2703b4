// What classes say about themselves: members marked `@exposed`, `static exposed`, `static snakeCase`.
import { INTRINSICS, lookup } from '../objects/lookup.ts';

const markedFunctions = new WeakSet<object>();
const markedFields = new WeakMap<object, Set<string>>();

/** `@exposed`: this method, getter or class is exposed under its own name. */
export function markExposed(fn: object): void {
  markedFunctions.add(fn);
}

/** `@exposed` on a field: one instance's property is exposed. */
export function markExposedField(instance: object, name: string): void {
  const names = markedFields.get(instance) ?? new Set();
  markedFields.set(instance, names.add(name));
}

const staticNames = new WeakMap<object, ReadonlySet<string>>();

/** Names in `static exposed` of the classes of `object`. Own properties are never asked: a peer might write them. */
export function declaredExposed(object: object): ReadonlySet<string> {
  const prototype = Object.getPrototypeOf(object);
  if (prototype === null || INTRINSICS.has(prototype)) return NONE;
  let names = staticNames.get(prototype);
  if (names === undefined) {
    const constructor = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
    const own =
      typeof constructor === 'function' ? Object.getOwnPropertyDescriptor(constructor, 'exposed')?.value : undefined;
    names = new Set([...(Array.isArray(own) ? own.map(String) : []), ...declaredExposed(prototype)]);
    staticNames.set(prototype, names);
  }
  return names;
}
const NONE: ReadonlySet<string> = new Set();

export function isMarked(object: object, name: string): boolean {
  if (declaredExposed(object).has(name) || markedFields.get(object)?.has(name) === true) return true;
  const descriptor = lookup(object, name);
  if (descriptor === undefined) return false;
  const fn = descriptor.value ?? descriptor.get;
  return typeof fn === 'function' && markedFunctions.has(fn);
}

const snakeClasses = new WeakMap<object, boolean>();

/** Did the class of this object ask for snake_case aliases, by `static snakeCase = true`? */
export function hasSnakeCase(object: object): boolean {
  const prototype = Object.getPrototypeOf(object);
  if (prototype === null || INTRINSICS.has(prototype)) return false;
  let wanted = snakeClasses.get(prototype);
  if (wanted === undefined) {
    const constructor = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
    wanted = typeof constructor === 'function' && (constructor as { snakeCase?: unknown }).snakeCase === true;
    snakeClasses.set(prototype, wanted);
  }
  return wanted;
}

/** `getHTTPUrl` is `get_http_url`. */
export const snakeCased = (name: string): string =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .toLowerCase();
