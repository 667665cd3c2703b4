// Properties of our objects, without running getters, and never one that JavaScript's own prototypes define.
import { FORBIDDEN } from './forbidden.ts';

/** Prototypes whose properties are JavaScript's, not the object's: a look-up ends before them. */
export const INTRINSICS: ReadonlySet<object> = new Set(collectIntrinsics());

function collectIntrinsics(): object[] {
  const found: object[] = [];
  for (const key of Object.getOwnPropertyNames(globalThis)) {
    const descriptor = Object.getOwnPropertyDescriptor(globalThis, key);
    const value = descriptor !== undefined && 'value' in descriptor ? descriptor.value : undefined;
    if (typeof value === 'function' && typeof value.prototype === 'object' && value.prototype !== null)
      found.push(value.prototype);
  }
  const hidden = [
    function* () {},
    async function* () {},
    async () => {},
    [][Symbol.iterator](),
    new Map().entries(),
    new Set().values(),
    ''[Symbol.iterator](),
    'x'.matchAll(/x/g),
    new Uint8Array(),
    (function* () {})(),
    (async function* () {})(),
  ];
  for (const value of hidden)
    for (let p = Object.getPrototypeOf(value); p !== null; p = Object.getPrototypeOf(p)) found.push(p);
  return found;
}

/** Property of an object or its classes, intrinsic prototypes excluded; getters are not run. */
export function lookup(object: object, key: string): PropertyDescriptor | undefined {
  if (FORBIDDEN.has(key)) return undefined;
  for (let at: object | null = object; at !== null && !INTRINSICS.has(at); at = Object.getPrototypeOf(at)) {
    const descriptor = Object.getOwnPropertyDescriptor(at, key);
    if (descriptor !== undefined) return descriptor;
  }
  return undefined;
}
