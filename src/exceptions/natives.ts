// JavaScript's own error classes, by name: the only ones that a peer can have an error made of, beside those that were registered.

/** Name of the attribute that carries what JavaScript errors have and Python exceptions lack; see js-error.ts. */
export const JS_ERROR = 'js_error';

type ErrorClass = new (message?: string) => Error;

const CLASSES: ReadonlyMap<string, ErrorClass> = new Map<string, ErrorClass>([
  ['TypeError', TypeError],
  ['RangeError', RangeError],
  ['ReferenceError', ReferenceError],
  ['SyntaxError', SyntaxError],
  ['URIError', URIError],
  ['EvalError', EvalError],
  ['Error', Error],
]);

const classes: ReadonlySet<unknown> = new Set(CLASSES.values());

/** Does JavaScript itself throw errors of this very class? (DOMException and AggregateError stand apart.) */
export const isNativeClass = (cls: unknown): boolean => classes.has(cls);

/** The nearest class of JavaScript's own that an error is of. */
export function nativeName(error: Error): string {
  if (error instanceof DOMException) return 'DOMException';
  if (error instanceof AggregateError) return 'AggregateError';
  for (const [name, cls] of CLASSES) if (Object.prototype.isPrototypeOf.call(cls.prototype, error)) return name;
  return 'Error';
}

/** Is it of that class itself, not of one derived from it? */
export function isExactly(error: Error, name: string): boolean {
  const cls = name === 'DOMException' ? DOMException : name === 'AggregateError' ? AggregateError : CLASSES.get(name);
  return Object.getPrototypeOf(error) === cls?.prototype;
}

/** An error of one of JavaScript's own classes; undefined for any other name. @param kind the `name` of a DOMException */
export function makeNative(name: string, message: string, kind: string): Error | undefined {
  if (name === 'DOMException') return new DOMException(message, kind);
  if (name === 'AggregateError') return new AggregateError([], message);
  const cls = CLASSES.get(name);
  return cls === undefined ? undefined : new cls(message);
}
