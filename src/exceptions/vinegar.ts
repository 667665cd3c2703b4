// Exceptions across the wire: ours into RPyC's payload, the peer's into errors. Mapping section C.
// Real Python drops the connection when a payload displeases its loader, so what is written here is always of the shapes it takes.
// Answers to rpyc/core/vinegar.py.
import { Buffer } from 'node:buffer';
import { types } from 'node:util';
import { EXC_STOP_ITERATION } from '../constants.ts';
import * as local from '../errors.ts';
import { Tag, type Transmit } from '../native/tape.ts';
import { FORBIDDEN } from '../objects/forbidden.ts';
import { pyRepr } from '../objects/repr.ts';
import type { Config } from '../policy/config.ts';
import { exceptionClass, exceptions, PythonError, registeredName } from '../python/exceptions.ts';
import { unknownException } from '../python/thrown.ts';
import { PyFloat, PyInt } from '../python/values.ts';

/** What Python is to raise. */
interface Payload {
  module: string;
  name: string;
  args: readonly unknown[];
  attrs: [string, unknown][];
}

const REMOTE_TRACEBACK = '\n\n========= Remote Traceback ';

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

/** Classes that JavaScript itself throws; anything derived from one by a user keeps the user's name. */
const NATIVE_CLASSES: ReadonlySet<unknown> = new Set([
  Error,
  TypeError,
  RangeError,
  ReferenceError,
  URIError,
  EvalError,
  SyntaxError,
]);

function describe(thrown: unknown): Payload {
  if (thrown instanceof PythonError)
    return {
      module: thrown.pyModule,
      name: thrown.pyName,
      args: thrown.args,
      attrs: [...shownAttrs(thrown), ...dataOf(thrown), ...Object.entries(thrown.attrs)],
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
    const attrs = osAttrs(errno, thrown.message, thrown.path);
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
      ? { module: 'builtins', name: 'TimeoutError', args: [thrown.message], attrs: [] }
      : { module: 'js', name: thrown.name, args: [thrown.message], attrs: [] };
  // Internal errors of Node (ERR_INVALID_ARG_TYPE, …) are private subclasses of the natives with a code.
  const isNative = NATIVE_CLASSES.has(cls) || String((thrown as { code?: unknown }).code ?? '').startsWith('ERR_');
  if (!isNative) return custom(thrown, cls);
  return {
    module: 'builtins',
    name: nativeName(thrown),
    args: [thrown.message],
    attrs: thrown instanceof SyntaxError ? [['msg', thrown.message]] : [],
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
function dataOf(thrown: Error): [string, unknown][] {
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
]);
const UNICODE_ATTRS: ReadonlySet<string> = new Set('start end object encoding reason'.split(' '));

const isIdentifier = (name: string): boolean => /^[A-Za-z][A-Za-z0-9_]*$/.test(name);

function usableAttr(payload: Payload, name: string, value: unknown): boolean {
  if (!isIdentifier(name) || BAD_ATTRS.has(name)) return false;
  if ((name === 'start' || name === 'end') && !Number.isInteger(value)) return false;
  return !UNICODE_ATTRS.has(name) || payload.name.startsWith('Unicode');
}

/** Writes one argument or attribute by value, or as its repr. Never throws. */
function writeSafely(tape: Transmit, value: unknown): void {
  switch (typeof value) {
    case 'undefined':
      tape.word(Tag.NONE);
      return;
    case 'boolean':
      tape.word(value ? Tag.TRUE : Tag.FALSE);
      return;
    case 'number':
      tape.number(value);
      return;
    case 'string':
      tape.str(value.toWellFormed());
      return;
    case 'bigint':
      if (value.toString().length < 4000) tape.bigint(value);
      else tape.str('<an integer of more than 4000 digits>');
      return;
    default:
      if (value === null) tape.word(Tag.NONE);
      else if (value instanceof PyFloat) tape.float(value.value);
      else if (value instanceof PyInt) writeSafely(tape, value.value);
      else if (isShortTuple(value, 0)) {
        tape.container(Tag.TUPLE, value.length);
        for (const item of value) writeSafely(tape, item);
      } else if (types.isUint8Array(value) && value.byteLength < 65_536) tape.data(Buffer.from(value));
      else tape.str(safeRepr(value));
  }
}

/** A tuple of tuples and primitives is sent as such, KeyError((1, 2)) for one. */
function isShortTuple(value: unknown, depth: number): value is readonly unknown[] {
  if (!Array.isArray(value) || !Object.isFrozen(value) || value.length > 64 || depth > 4) return false;
  for (let i = 0; i < value.length; i++) {
    const descriptor = Object.getOwnPropertyDescriptor(value, i);
    const item: unknown = descriptor?.value;
    if (descriptor === undefined || !('value' in descriptor)) return false;
    const simple =
      (typeof item !== 'object' || item === null) && typeof item !== 'function' && typeof item !== 'symbol';
    if (!simple && !isShortTuple(item, depth + 1)) return false;
  }
  return true;
}

function safeRepr(value: unknown): string {
  try {
    return pyRepr(value).toWellFormed();
  } catch {
    return '<unprintable object>';
  }
}

/** Errors of an AggregateError whose text is sent. */
const MAX_PARTS = 8;

/** Longest traceback sent, characters. */
const MAX_TRACEBACK = 64 * 1024;

function traceback(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `JavaScript threw a value that is no Error: ${safeRepr(thrown)}`;
  let text = '';
  const seen = new Set<unknown>();
  for (let at: unknown = thrown; at instanceof Error && !seen.has(at) && seen.size < 8; at = at.cause) {
    seen.add(at);
    text += `${text === '' ? '' : '\nCaused by: '}${String(at.stack ?? at)}`;
    if (at instanceof AggregateError && Array.isArray(at.errors))
      for (const [n, error] of at.errors.slice(0, MAX_PARTS).entries())
        text += `\nError ${n + 1} of ${at.errors.length}: ${error instanceof Error ? String(error.stack ?? error) : safeRepr(error)}`;
  }
  return text.slice(0, MAX_TRACEBACK).toWellFormed();
}

const UNREADABLE: Payload = {
  module: 'builtins',
  name: 'Exception',
  args: ['<an exception that cannot be read>'],
  attrs: [],
};

/** `vinegar.load` makes an exception without arguments, and these need them. */
const GROUPS: ReadonlySet<string> = new Set(['ExceptionGroup', 'BaseExceptionGroup']);

/** A module or class name for `type()`, which refuses a NUL. */
const loadable = (name: unknown): string => String(name).toWellFormed().replaceAll('\0', '').slice(0, 1000);

/** What is thrown may be a Proxy or have getters that throw; whatever it is, this does not. undefined: StopIteration. */
function read(thrown: unknown, brief: boolean): { payload: Payload; text: string } | undefined {
  try {
    if (thrown instanceof exceptions.StopIteration) return undefined;
    const { module, name, args, attrs } = describe(thrown);
    const payload: Payload = {
      module: loadable(module === 'builtins' && GROUPS.has(name) ? 'js' : module),
      name: loadable(name),
      args: [...args],
      attrs: [],
    };
    if (brief) return { payload: { ...payload, args: ['<too large to be sent>'] }, text: '' };
    payload.attrs = attrs.filter(([attr, value]) => usableAttr(payload, attr, value));
    return { payload, text: traceback(thrown) };
  } catch {
    return { payload: UNREADABLE, text: '' };
  }
}

/** Appends the payload of an EXCEPTION message for `thrown` to the message begun on `tape`. `brief`: its class only. */
export function writeException(tape: Transmit, thrown: unknown, config: Config, version: string, brief = false): void {
  const told = read(thrown, brief);
  if (told === undefined) {
    tape.int(EXC_STOP_ITERATION);
    return;
  }
  const { payload, text } = told;
  const { attrs } = payload;
  tape.container(Tag.TUPLE, 4);
  tape.container(Tag.TUPLE, 2);
  tape.str(payload.module);
  tape.str(payload.name);
  tape.container(Tag.TUPLE, payload.args.length);
  for (const arg of payload.args) writeSafely(tape, arg);
  tape.container(Tag.TUPLE, attrs.length + 1);
  for (const [name, value] of attrs) {
    tape.container(Tag.TUPLE, 2);
    tape.str(name);
    writeSafely(tape, value);
  }
  tape.container(Tag.TUPLE, 2);
  tape.str('_remote_version');
  tape.str(config.include_local_version ? version : '<version denied>');
  tape.str(config.include_local_traceback ? text : '<traceback denied>');
}

/** Never copied from a peer's exception to ours. */
const ERROR_MEMBERS: ReadonlySet<string> = new Set([
  ...FORBIDDEN,
  ...'name message stack cause code args attrs pyModule pyName remoteTraceback remoteVersion toString valueOf then toJSON'.split(
    ' ',
  ),
]);

/** The error for a received EXCEPTION payload. */
export function loadException(payload: unknown): Error {
  if (payload === EXC_STOP_ITERATION || payload === 1n) return new exceptions.StopIteration();
  if (typeof payload === 'string') return new PythonError(payload);
  if (!Array.isArray(payload) || payload.length !== 4 || !Array.isArray(payload[0]))
    return new PythonError('exception of an unknown form');
  const [[module, name], rawArgs, rawAttrs, rawText] = payload as [unknown[], unknown, unknown, unknown];
  const args: readonly unknown[] = Array.isArray(rawArgs) ? rawArgs : [];
  const text = typeof rawText === 'string' ? rawText : '';
  const error = instantiate(String(module), String(name), args);
  if (error instanceof PythonError) error.remoteTraceback = text;
  copyAttrs(error, Array.isArray(rawAttrs) ? rawAttrs : []);
  if (text !== '') appendTraceback(error, text);
  return error;
}

function instantiate(module: string, name: string, args: readonly unknown[]): Error {
  const cls = exceptionClass(module, name);
  if (cls !== undefined) {
    try {
      return new cls(...(args as never[]));
    } catch {
      // A registered class that does not take these args: the generic form says as much.
    }
  }
  return unknownException(module, name, args);
}

function copyAttrs(error: Error, attrs: readonly unknown[]): void {
  for (const attr of attrs) {
    if (!Array.isArray(attr) || typeof attr[0] !== 'string') continue;
    const [name, value] = attr as [string, unknown];
    if (name === '_remote_version') {
      if (error instanceof PythonError) error.remoteVersion = String(value);
    } else {
      if (error instanceof PythonError && !FORBIDDEN.has(name)) error.attrs[name] = value;
      if (!ERROR_MEMBERS.has(name) && !(name in error))
        Object.defineProperty(error, name, { value, writable: true, configurable: true, enumerable: true });
    }
  }
}

/** The peer's traceback under ours, in RPyC's form; nested ones are numbered on. */
function appendTraceback(error: Error, text: string): void {
  const nested = text.split(REMOTE_TRACEBACK).length - 1;
  const stack = `${error.stack ?? ''}${REMOTE_TRACEBACK}(${nested + 1}) =========\n${text}`;
  Object.defineProperty(error, 'stack', { value: stack, writable: true, configurable: true, enumerable: false });
}
