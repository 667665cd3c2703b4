// What was thrown here, in Python's terms: class, args and attributes. Mapping section C1. What Python has no word for is js-error.ts.
// Real Python drops the connection when a payload displeases its loader, so attributes are of the names and types it takes.
import * as local from '../errors.ts';
import { FORBIDDEN } from '../objects/forbidden.ts';
import { exceptions, PythonError, registeredName } from '../python/exceptions.ts';
import { isNativeClass, JS_ERROR } from './natives.ts';

/** What Python is to raise. */
export interface Payload {
  module: string;
  name: string;
  args: readonly unknown[];
  attrs: [string, unknown][];
}

/** System error codes of Node as Python's subclasses of OSError. */
const OS_ERRORS: Readonly<Record<string, string>> = Object.freeze({
  __proto__: null,
  ENOENT: 'FileNotFoundError',
  EEXIST: 'FileExistsError',
  EACCES: 'PermissionError',
  EPERM: 'PermissionError',
  ENOTDIR: 'NotADirectoryError',
  EISDIR: 'IsADirectoryError',
  ECONNREFUSED: 'ConnectionRefusedError',
  ECONNRESET: 'ConnectionResetError',
  ECONNABORTED: 'ConnectionAbortedError',
  EPIPE: 'BrokenPipeError',
  ETIMEDOUT: 'TimeoutError',
  EAGAIN: 'BlockingIOError',
  EINTR: 'InterruptedError',
  ESRCH: 'ProcessLookupError',
  ECHILD: 'ChildProcessError',
} as unknown as Record<string, string>);

interface SystemError extends Error {
  code: string;
  errno: number;
  syscall: string;
  path?: unknown;
}

const isSystemError = (error: Error): error is SystemError => {
  const e = error as Partial<SystemError>;
  return typeof e.code === 'string' && typeof e.errno === 'number' && typeof e.syscall === 'string';
};

/** Errors of this side's links, as their namesakes in Python: a service may be a client itself. */
const LOCAL_NAMES: readonly [new (...args: never[]) => Error, string][] = [
  [local.EOFError, 'EOFError'],
  [local.TimeoutError, 'TimeoutError'],
  [local.ConnectError, 'ConnectionError'],
  [local.InterruptedError, 'InterruptedError'],
];

const NATIVE_NAMES: readonly [new (...args: never[]) => Error, string][] = [
  [SyntaxError, 'SyntaxError'],
  [TypeError, 'TypeError'],
  [ReferenceError, 'NameError'],
  [RangeError, 'ValueError'],
  [URIError, 'ValueError'],
  [EvalError, 'RuntimeError'],
];

/** What Python is told of `thrown`. May throw, where a getter or Proxy of the user's does. */
export function describe(thrown: unknown): Payload {
  if (thrown instanceof PythonError)
    return {
      module: thrown.pyModule,
      name: thrown.pyName,
      args: thrown.args,
      attrs: [...new Map([...shownAttrs(thrown), ...dataOf(thrown), ...Object.entries(thrown.attrs)])],
    };
  const registered = thrown instanceof Error ? registeredName(thrown.constructor) : undefined;
  if (registered !== undefined)
    return {
      module: registered[0],
      name: registered[1],
      args: [(thrown as Error).message],
      attrs: dataOf(thrown as Error),
    };
  if (!(thrown instanceof Error)) return { module: 'builtins', name: 'Exception', args: [thrown], attrs: [] };
  if (isSystemError(thrown)) {
    const errno = Math.abs(thrown.errno);
    const attrs = [...new Map([...dataOf(thrown), ...osAttrs(errno, thrown.message, thrown.path)])];
    return { module: 'builtins', name: OS_ERRORS[thrown.code] ?? 'OSError', args: [errno, thrown.message], attrs };
  }
  if (thrown instanceof local.UnicodeEncodeError) {
    // Python's str() of a Unicode error shows its attributes, not its args.
    const attrs: [string, unknown][] = [
      ['encoding', 'utf-8'],
      ['object', '?'],
      ['start', 0],
      ['end', 1],
      ['reason', thrown.message],
    ];
    return { module: 'builtins', name: 'UnicodeEncodeError', args: [thrown.message], attrs };
  }
  const ours = LOCAL_NAMES.find(([known]) => thrown instanceof known)?.[1];
  if (ours !== undefined) return { module: 'builtins', name: ours, args: [thrown.message], attrs: [] };
  const cls: unknown = thrown.constructor;
  if (thrown instanceof DOMException || thrown.name === 'AbortError')
    return thrown.name === 'TimeoutError'
      ? { module: 'builtins', name: 'TimeoutError', args: [thrown.message], attrs: dataOf(thrown) }
      : { module: 'js', name: thrown.name, args: [thrown.message], attrs: dataOf(thrown) };
  // Internal errors of Node (ERR_INVALID_ARG_TYPE, …) are private subclasses of the natives with a code.
  const isNative = isNativeClass(cls) || String((thrown as { code?: unknown }).code ?? '').startsWith('ERR_');
  if (!isNative) return custom(thrown, cls);
  return {
    module: 'builtins',
    name: nativeName(thrown),
    args: [thrown.message],
    attrs: thrown instanceof SyntaxError ? [...dataOf(thrown), ['msg', thrown.message]] : dataOf(thrown),
  };
}

/** A filename that is None would be shown. */
function osAttrs(errno: unknown, strerror: unknown, path: unknown): [string, unknown][] {
  const attrs: [string, unknown][] = [
    ['errno', errno],
    ['strerror', strerror],
  ];
  return path === undefined || path === null ? attrs : [...attrs, ['filename', path]];
}

/** What Python's str() of these classes shows: its loader does not make them from the args. */
function shownAttrs(thrown: PythonError): [string, unknown][] {
  const [first, second, path] = thrown.args;
  if (thrown instanceof exceptions.OSError && second !== undefined) return osAttrs(first, second, path);
  return thrown instanceof exceptions.SyntaxError && first !== undefined ? [['msg', first]] : [];
}

function nativeName(thrown: Error): string {
  if (thrown instanceof RangeError && thrown.message.includes('Maximum call stack')) return 'RecursionError';
  return NATIVE_NAMES.find(([cls]) => thrown instanceof cls)?.[1] ?? 'Exception';
}

function custom(thrown: Error, cls: unknown): Payload {
  const { rpycModule, name } = (typeof cls === 'function' ? cls : {}) as { rpycModule?: unknown; name?: string };
  return {
    module: typeof rpycModule === 'string' ? rpycModule : 'js',
    name: name || thrown.name || 'Error',
    args: [thrown.message],
    attrs: dataOf(thrown),
  };
}

/** Own enumerable properties; one whose getter throws is left out. */
export function dataOf(thrown: Error): [string, unknown][] {
  const found: [string, unknown][] = [];
  for (const key of Object.keys(thrown)) {
    try {
      found.push([key, Reflect.get(thrown, key)]);
    } catch {
      // Not readable: the exception travels without it.
    }
  }
  return found;
}

/** Attribute names that Python's loader chokes on, or that are not the exception's own. */
const BAD_ATTRS: ReadonlySet<string> = new Set([
  ...FORBIDDEN,
  ...'args with_traceback add_note characters_written name message stack cause errors'.split(' '),
  JS_ERROR,
]);
const UNICODE_ATTRS: ReadonlySet<string> = new Set('start end object encoding reason'.split(' '));

const isIdentifier = (name: string): boolean => /^[A-Za-z][A-Za-z0-9_]*$/.test(name);

/** Does Python's loader take this attribute on this exception? */
export function usableAttr(payload: Payload, name: string, value: unknown): boolean {
  if (!isIdentifier(name) || BAD_ATTRS.has(name)) return false;
  if ((name === 'start' || name === 'end') && !Number.isInteger(value)) return false;
  return !UNICODE_ATTRS.has(name) || payload.name.startsWith('Unicode');
}
