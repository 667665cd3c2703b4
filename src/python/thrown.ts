// Exceptions that are known by the name of their class and little else.
import { exceptionClass, PythonError } from './exceptions.ts';

/** The error for a class name as Python shows it, `builtins.ValueError`, and its one argument (none for null or ''). */
export function exceptionOf(fullName: string, argument: unknown): Error {
  const dot = fullName.lastIndexOf('.');
  const [module, name] = [fullName.slice(0, Math.max(dot, 0)), fullName.slice(dot + 1)];
  const args = argument === null || argument === undefined || argument === '' ? [] : [argument];
  const cls = exceptionClass(module, name);
  if (cls !== undefined) return new cls(...(args as never[]));
  return unknownException(module, name, args);
}

/** A PythonError of a class that is unknown here. */
export function unknownException(module: string, name: string, args: readonly unknown[]): PythonError {
  const error = new PythonError(...args);
  const fields: Record<string, string> = { name: `${module}.${name}`, pyModule: module, pyName: name };
  for (const key in fields)
    Object.defineProperty(error, key, { value: fields[key], configurable: true, writable: true, enumerable: false });
  return error;
}
