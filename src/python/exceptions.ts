// Python's exceptions in JavaScript: PythonError, the builtin hierarchy in `exceptions`, and the registry of users' own classes.
// Owns the classes only; how they cross the wire is exceptions/vinegar.ts. Answers to rpyc/core/vinegar.py.

/** Fields that every Python exception has here. */
export interface PythonErrorFields {
  /** Module of the Python class: `builtins`, `json.decoder`, … */
  readonly pyModule: string;
  /** Name of the Python class. */
  readonly pyName: string;
  /** The exception's `args`. */
  args: readonly unknown[];
  /** Its other attributes, as far as they could be sent by value (else their repr). Null prototype. */
  attrs: Record<string, unknown>;
  /** Traceback text of the peer, '' for an error raised here. */
  remoteTraceback: string;
  /** RPyC version that the peer named, '' where it named none. */
  remoteVersion: string;
}

interface PythonErrorClass {
  new (...args: unknown[]): PythonError;
  readonly prototype: PythonError;
}

/** On every class made here and its prototype: the classes that it is an instance of in Python's sense. */
const LINEAGE = Symbol('rpyc.lineage');

interface NamedClass {
  readonly name: string;
  readonly pyName?: string;
  readonly pyModule?: string;
  /** Users' subclasses: the module that the peer is shown, 'js' by default. */
  readonly rpycModule?: string;
}

/** Defines a property that enumeration does not show, as an error's own are. */
export function hidden(self: Error, key: string, value: unknown): void {
  Object.defineProperty(self, key, { value, writable: true, configurable: true, enumerable: false });
}

function initialise(self: Error, cls: NamedClass, args: readonly unknown[]): void {
  const ours = Object.hasOwn(cls, 'pyName');
  hidden(self, 'name', cls.name);
  hidden(self, 'pyModule', ours ? cls.pyModule : (cls.rpycModule ?? 'js'));
  hidden(self, 'pyName', ours ? cls.pyName : cls.name);
  hidden(self, 'args', Object.freeze([...args]));
  hidden(self, 'attrs', Object.create(null));
  hidden(self, 'remoteTraceback', '');
  hidden(self, 'remoteVersion', '');
}

/** The message of an exception with these args: what Python's `str()` shows for one, the joined values for several. */
export function messageOf(args: readonly unknown[]): string {
  return args.map(text).join(', ');
}

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (Array.isArray(value)) return `(${value.map(text).join(', ')})`;
  return typeof value === 'object' || typeof value === 'function'
    ? Object.prototype.toString.call(value)
    : String(value);
}

/**
 * An exception that Python code raised, or one to raise there: `throw new rpyc.exceptions.ValueError('bad')`.
 * `instanceof` follows Python's hierarchy; TypeError and SyntaxError are instances of JavaScript's own as well.
 */
export interface PythonError extends Error, PythonErrorFields {}

/** `base` is what the class extends here, `parent` what it extends in Python; they differ for TypeError and SyntaxError. */
function makeClass(pyName: string, base: unknown, parent: unknown): PythonErrorClass {
  const isRoot = !(LINEAGE in (base as object));
  const made = {
    [pyName]: class extends (base as new (...args: unknown[]) => Error) {
      static readonly pyName = pyName;
      static readonly pyModule = 'builtins';
      constructor(...args: unknown[]) {
        super(...(isRoot ? [messageOf(args)] : args));
        if (isRoot) initialise(this, new.target, args);
      }
    },
  }[pyName];
  const inherited = parent === undefined ? [] : (parent as { [LINEAGE]: Set<unknown> })[LINEAGE];
  const lineage = { value: new Set<unknown>(inherited).add(made) };
  Object.defineProperty(made, LINEAGE, lineage);
  Object.defineProperty(made.prototype, LINEAGE, lineage);
  Object.defineProperty(made, Symbol.hasInstance, { value: isInstance });
  return made as unknown as PythonErrorClass;
}

function isInstance(this: { prototype: object }, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Object.prototype.isPrototypeOf.call(this.prototype, value)) return true;
  const lineage = (value as Record<symbol, Set<unknown> | undefined>)[LINEAGE];
  return lineage?.has(this) ?? false;
}

/** Python's builtin exceptions, `child: parent`. Order: parents first. */
const HIERARCHY = {
  SystemExit: 'BaseException',
  KeyboardInterrupt: 'BaseException',
  GeneratorExit: 'BaseException',
  Exception: 'BaseException',
  StopIteration: 'Exception',
  StopAsyncIteration: 'Exception',
  ArithmeticError: 'Exception',
  FloatingPointError: 'ArithmeticError',
  OverflowError: 'ArithmeticError',
  ZeroDivisionError: 'ArithmeticError',
  AssertionError: 'Exception',
  AttributeError: 'Exception',
  BufferError: 'Exception',
  EOFError: 'Exception',
  ImportError: 'Exception',
  ModuleNotFoundError: 'ImportError',
  LookupError: 'Exception',
  IndexError: 'LookupError',
  KeyError: 'LookupError',
  MemoryError: 'Exception',
  NameError: 'Exception',
  UnboundLocalError: 'NameError',
  OSError: 'Exception',
  BlockingIOError: 'OSError',
  ChildProcessError: 'OSError',
  ConnectionError: 'OSError',
  BrokenPipeError: 'ConnectionError',
  ConnectionAbortedError: 'ConnectionError',
  ConnectionRefusedError: 'ConnectionError',
  ConnectionResetError: 'ConnectionError',
  FileExistsError: 'OSError',
  FileNotFoundError: 'OSError',
  InterruptedError: 'OSError',
  IsADirectoryError: 'OSError',
  NotADirectoryError: 'OSError',
  PermissionError: 'OSError',
  ProcessLookupError: 'OSError',
  TimeoutError: 'OSError',
  ReferenceError: 'Exception',
  RuntimeError: 'Exception',
  NotImplementedError: 'RuntimeError',
  RecursionError: 'RuntimeError',
  SyntaxError: 'Exception',
  IndentationError: 'SyntaxError',
  TabError: 'IndentationError',
  SystemError: 'Exception',
  TypeError: 'Exception',
  ValueError: 'Exception',
  UnicodeError: 'ValueError',
  UnicodeDecodeError: 'UnicodeError',
  UnicodeEncodeError: 'UnicodeError',
  UnicodeTranslateError: 'UnicodeError',
  Warning: 'Exception',
  BytesWarning: 'Warning',
  DeprecationWarning: 'Warning',
  EncodingWarning: 'Warning',
  FutureWarning: 'Warning',
  ImportWarning: 'Warning',
  PendingDeprecationWarning: 'Warning',
  ResourceWarning: 'Warning',
  RuntimeWarning: 'Warning',
  SyntaxWarning: 'Warning',
  UnicodeWarning: 'Warning',
  UserWarning: 'Warning',
} as const;

/** Base of every Python exception; those of classes that are unknown here are instances of exactly this one. */
export const PythonError: PythonErrorClass = makeClass('PythonError', Error, undefined);

type BuiltinName = keyof typeof HIERARCHY | 'BaseException';

function makeHierarchy(): Readonly<Record<BuiltinName, PythonErrorClass>> {
  const made: Record<string, PythonErrorClass> = Object.create(null);
  made.BaseException = makeClass('BaseException', PythonError, PythonError);
  for (const [name, parentName] of Object.entries(HIERARCHY)) {
    const parent = made[parentName];
    const base = name === 'TypeError' ? TypeError : name === 'SyntaxError' ? SyntaxError : parent;
    made[name] = makeClass(name, base, parent);
  }
  return Object.freeze(made) as Readonly<Record<BuiltinName, PythonErrorClass>>;
}

/**
 * `rpyc.exceptions.KeyError` and all other builtin exceptions of Python, with Python's inheritance. To catch what remote code raised, and to
 * raise it there from a handler:
 *
 *     catch (error) { if (error instanceof rpyc.exceptions.LookupError) … }
 *     throw new rpyc.exceptions.ValueError('bad', 7);
 *
 * Each is constructed with the exception's `args`; the message is what Python's `str()` shows for one.
 */
export const exceptions: Readonly<Record<BuiltinName, PythonErrorClass>> = makeHierarchy();

/**
 * Makes an error of JavaScript's own the Python exception `module.name` as well: `instanceof` tells both, and it has the fields of one.
 * @param name a builtin, or any other class, which is a PythonError and nothing more
 */
export function asPythonError(error: Error, module: string, name: string, args: readonly unknown[]): PythonError {
  const cls = (module === 'builtins' ? exceptionClass(module, name) : undefined) ?? PythonError;
  const lineage = (cls as { [LINEAGE]?: Set<unknown> })[LINEAGE];
  hidden(error, 'pyModule', module);
  hidden(error, 'pyName', name);
  hidden(error, 'args', Object.freeze([...args]));
  hidden(error, 'attrs', Object.create(null));
  hidden(error, 'remoteTraceback', '');
  hidden(error, 'remoteVersion', '');
  Object.defineProperty(error, LINEAGE, { value: lineage });
  return error as PythonError;
}

const registered = new Map<string, new (...args: never[]) => Error>();
const registeredNames = new Map<unknown, string>();

/**
 * Says which class stands for a Python exception class of the peer: `registerException('srv.NotFound', NotFound)`.
 * It is constructed with the exception's args, and one that is thrown here travels under that name. Nothing is ever imported or evaluated because a peer named it.
 * @param name module and class joined by a dot, as Python shows it
 * @param cls a subclass of Error, or of one of {@link exceptions}
 * @throws {TypeError} for anything but a subclass of Error
 */
export function registerException(name: string, cls: new (...args: never[]) => Error): void {
  if (typeof cls !== 'function' || !(cls.prototype instanceof Error))
    throw new TypeError(`registerException('${name}', …) takes a subclass of Error`);
  registered.set(name, cls);
  registeredNames.set(cls, name);
}

/** Under which module and name a registered class travels; undefined for any other. */
export function registeredName(cls: unknown): readonly [module: string, name: string] | undefined {
  const name = typeof cls === 'function' ? registeredNames.get(cls) : undefined;
  if (name === undefined) return undefined;
  const dot = name.lastIndexOf('.');
  return [name.slice(0, Math.max(dot, 0)), name.slice(dot + 1)];
}

/** Is this a class of errors? */
export const isExceptionClass = (value: unknown): value is new (...args: unknown[]) => Error =>
  typeof value === 'function' && value.prototype instanceof Error;

/** The class for a Python exception, or undefined where neither Python's builtins nor the registry know it. */
export function exceptionClass(module: string, name: string): (new (...args: never[]) => Error) | undefined {
  if (module === 'builtins' && Object.hasOwn(HIERARCHY, name)) return exceptions[name as BuiltinName];
  if (module === 'builtins' && name === 'BaseException') return exceptions.BaseException;
  return registered.get(`${module}.${name}`);
}
