// Functions of our objects, bound to them: one per object and name while the function is the same, so that its id is stable.

export type AnyFunction = (...args: unknown[]) => unknown;

const boundFunctions = new WeakMap<object, Map<string, { from: AnyFunction; bound: AnyFunction }>>();

/** What `make` made of `from` for this object and name, made once. */
export function bind(object: object, key: string, from: AnyFunction, make: () => AnyFunction): AnyFunction {
  let functions = boundFunctions.get(object);
  if (functions === undefined) boundFunctions.set(object, (functions = new Map()));
  const known = functions.get(key);
  if (known !== undefined && known.from === from) return known.bound;
  const bound = make();
  functions.set(key, { from, bound });
  return bound;
}
