// JavaScript classes as Python sees them: what is one, and under which name it travels.

/** Is this function a class (own `prototype`, not writable)? */
export function isClass(fn: object): boolean {
  const descriptor = Object.getOwnPropertyDescriptor(fn, 'prototype');
  return descriptor !== undefined && descriptor.writable === false;
}

/** `js.Point`: how a class is shown. A class chooses its module by `static rpycModule`. */
export function className(constructor: unknown): string {
  if (typeof constructor !== 'function') return 'js.object';
  const module = (constructor as { rpycModule?: unknown }).rpycModule;
  return `${typeof module === 'string' ? module : 'js'}.${constructor.name || 'anonymous'}`;
}
