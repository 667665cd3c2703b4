// A received EXCEPTION payload as an error. A peer has it made of Python's builtins, of a class that was registered (`registerException`) or of
// one of JavaScript's own (natives.ts); everything else is a PythonError. Nothing is imported or evaluated. Mapping sections C2 and G5.
// Answers to load of rpyc/core/vinegar.py.
import { EXC_STOP_ITERATION } from '../constants.ts';
import { FORBIDDEN } from '../objects/forbidden.ts';
import { accessHint } from '../policy/hint.ts';
import { asPythonError, exceptionClass, exceptions, hidden, messageOf, PythonError } from '../python/exceptions.ts';
import { unknownException } from '../python/thrown.ts';
import { type JsError, jsErrorsIn, type Slot } from './js-error.ts';
import { JS_ERROR, makeNative } from './natives.ts';
import { setCallerStack, setStack, withoutStack } from './stack.ts';

const REMOTE_TRACEBACK = '\n\n========= Remote Traceback ';

/** The error for a received EXCEPTION payload. */
export function loadException(payload: unknown): Error {
  if (payload === EXC_STOP_ITERATION || payload === 1n) return new exceptions.StopIteration();
  if (typeof payload === 'string') return new PythonError(payload);
  const received = receive(payload);
  if (received === undefined) return new PythonError('exception of an unknown form');
  const js = jsErrorsIn(received.attrs);
  const error = withoutStack(() => load(received, js[0]));
  const hint = hintFor(error);
  if (hint !== undefined) hidden(error, 'hint', hint);
  setCallerStack(
    error,
    remoteTraceback(received.text) + (hint === undefined ? '' : `\n\nHint: ${hint}`),
    loadException,
  );
  if (js.length > 0) relate(error, js);
  return error;
}

/** What vinegar sends, as far as it is of that form. */
interface Received {
  readonly module: string;
  readonly name: string;
  readonly args: readonly unknown[];
  readonly attrs: readonly unknown[];
  readonly text: string;
}

/** Where Python keeps classes that it does not know: `rpyc.core.vinegar/js`, with the whole name as the class's. */
const UNKNOWN_IN_PYTHON = 'rpyc.core.vinegar/';

/** Nothing else is asked for its text: it may be a reference, whose text is at the peer's. */
const textIn = (value: unknown): string => (typeof value === 'string' ? value : '');

function receive(payload: unknown): Received | undefined {
  if (!Array.isArray(payload) || payload.length !== 4 || !Array.isArray(payload[0])) return undefined;
  const [[module, name], args, attrs, text] = payload as [unknown[], unknown, unknown, unknown];
  const told = { module: textIn(module), name: textIn(name) };
  if (told.module.startsWith(UNKNOWN_IN_PYTHON)) {
    told.module = told.module.slice(UNKNOWN_IN_PYTHON.length);
    if (told.name.startsWith(`${told.module}.`)) told.name = told.name.slice(told.module.length + 1);
  }
  return {
    ...told,
    args: Array.isArray(args) ? args : [],
    attrs: Array.isArray(attrs) ? attrs : [],
    text: textIn(text),
  };
}

function load(received: Received, js: JsError | undefined): Error {
  const error = instantiate(received, js);
  if (error instanceof PythonError) error.remoteTraceback = received.text;
  copyAttrs(error, received.attrs, js !== undefined);
  for (const [name, value] of js?.data ?? []) put(error, name, value, true);
  return error;
}

function instantiate({ module, name, args }: Received, js: JsError | undefined): Error {
  const cls = exceptionClass(module, name);
  const isRegistered = cls !== undefined && module !== 'builtins';
  if (js !== undefined && (isRegistered || js.cls !== undefined)) {
    const message = js.message ?? (typeof args[0] === 'string' ? args[0] : messageOf(args));
    const made = isRegistered ? construct(cls, args) : native(js, module, name, args, message);
    if (made !== undefined) {
      // A constructor that takes something else than a message made another of it.
      if (made.message !== message) hidden(made, 'message', message);
      return made;
    }
  }
  return (cls === undefined ? undefined : construct(cls, args)) ?? unknownException(module, name, args);
}

/** undefined: the class does not take these args, and the generic form says as much. */
function construct(cls: new (...args: never[]) => Error, args: readonly unknown[]): Error | undefined {
  try {
    return new cls(...(args as never[]));
  } catch {
    return undefined;
  }
}

function native(js: JsError, module: string, name: string, args: readonly unknown[], message: string) {
  const made = makeNative(js.cls ?? '', message, js.name ?? 'Error');
  if (made === undefined) return undefined;
  const shown = js.name ?? (module === 'builtins' || js.cls === name ? made.name : `${module}.${name}`);
  if (shown !== made.name) hidden(made, 'name', shown);
  return asPythonError(made, module, name, args);
}

/** Never copied from a peer's exception to ours. */
const ERROR_MEMBERS: ReadonlySet<string> = new Set([
  ...FORBIDDEN,
  ...'name message stack cause args attrs pyModule pyName remoteTraceback remoteVersion hint toString valueOf then toJSON'.split(
    ' ',
  ),
]);

/**
 * May an attribute be a property of the error? A `code` may where JavaScript threw it, unless it is one of ours: those speak of errors of
 * this side.
 */
function isProperty(name: string, value: unknown, fromJs: boolean): boolean {
  if (name === 'code') return fromJs && !(typeof value === 'string' && value.startsWith('ERR_RPYC_'));
  return !ERROR_MEMBERS.has(name);
}

function copyAttrs(error: Error, attrs: readonly unknown[], fromJs: boolean): void {
  for (const attr of attrs) {
    if (!Array.isArray(attr) || typeof attr[0] !== 'string' || attr[0] === JS_ERROR) continue;
    const [name, value] = attr as [string, unknown];
    if (name === '_remote_version') {
      if (error instanceof PythonError) error.remoteVersion = textIn(value);
      continue;
    }
    if (error instanceof PythonError && !FORBIDDEN.has(name)) error.attrs[name] = value;
    put(error, name, value, fromJs);
  }
}

/** Makes an attribute a property of the error, unless that stands for something else there: never over what its classes define. */
function put(error: Error, name: string, value: unknown, fromJs: boolean): void {
  if (!isProperty(name, value, fromJs)) return;
  // What a registered class's constructor put there was made of a message.
  if (!(name in error) || (fromJs && Object.hasOwn(error, name)))
    Reflect.defineProperty(error, name, { value, writable: true, configurable: true, enumerable: true });
}

/** Its cause, its parts, and theirs: the other records of the message. */
function relate(error: Error, js: readonly JsError[]): void {
  const errors = [error];
  for (const record of js.slice(1)) errors.push(loadOther(record));
  const find = (slot: Slot): unknown => ('record' in slot ? errors[slot.record] : slot.value);
  for (const [n, { cause, errors: parts }] of js.entries()) {
    const found = cause === undefined ? undefined : find(cause);
    if (found !== undefined) hidden(errors[n], 'cause', found);
    if (parts !== undefined) hidden(errors[n], 'errors', parts.map(find));
  }
}

function loadOther(js: JsError): Error {
  const received = receive(js.payload);
  if (received === undefined) return new PythonError('exception of an unknown form');
  const error = withoutStack(() => load(received, js));
  setStack(error, received.text === '' ? String(error) : received.text);
  return error;
}

/** The peer's traceback as it stands under ours, in RPyC's form; nested ones are numbered on. */
function remoteTraceback(text: string): string {
  return text === '' ? '' : `${REMOTE_TRACEBACK}(${text.split(REMOTE_TRACEBACK).length}) =========\n${text}`;
}

/** What would let us in, where a peer denied us an attribute: general advice, made here, of the words that every RPyC says. */
const hintFor = (error: Error): string | undefined =>
  error instanceof exceptions.AttributeError
    ? accessHint(error.message, error.remoteVersion.endsWith('+node'))
    : undefined;
