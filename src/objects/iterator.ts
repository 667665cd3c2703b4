// Python's generator on iterators and generators of either kind: `__next__`, send, throw, close.

import { HANDLE_STR } from '../constants.ts';
import { exceptions, isExceptionClass } from '../python/exceptions.ts';
import { exceptionOf } from '../python/thrown.ts';
import { type Holder, holderOf } from '../refs/holder.ts';
import { type Facade, isThenable, methods, none, one, some, table, typeName } from './pythonic.ts';

const { RuntimeError, StopIteration, TypeError: PyTypeError } = exceptions;

type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>;
type Step = IteratorResult<unknown>;

/** Generators that the peer has advanced: only those take a value by `send`. */
const started = new WeakSet<object>();

const valueOf = (step: Step): unknown => {
  if (step.done === true) throw new StopIteration();
  return step.value;
};

/** What a generator raises goes to the caller, but StopIteration from its body is a mistake there (PEP 479). */
function misplaced(self: AnyIterator, error: unknown): unknown {
  if (!(error instanceof StopIteration) || typeof self.throw !== 'function') return error;
  return Object.assign(new RuntimeError('generator raised StopIteration'), { cause: error });
}

/** Runs one step; `finish` makes of it what Python gets, now or when it settles. */
function advance(self: AnyIterator, step: () => unknown, finish: (step: Step) => unknown): unknown {
  started.add(self);
  let made: unknown;
  try {
    made = step();
  } catch (error) {
    throw misplaced(self, error);
  }
  if (!isThenable(made)) return finish(made as Step);
  return made.then(
    (settled) => finish(settled as Step),
    (error: unknown) => {
      throw misplaced(self, error);
    },
  );
}

/** `__next__`: the next value, or a promise of it; the end is StopIteration. */
export const next = (self: AnyIterator): unknown => advance(self, () => self.next(), valueOf);

function send(self: AnyIterator, value: unknown): unknown {
  if (value !== null && !started.has(self) && typeof self.throw === 'function')
    throw new PyTypeError("can't send non-None value to a just-started generator");
  return advance(self, () => self.next(value as never), valueOf);
}

/** `throw(type[, value[, traceback]])`: an exception of the peer's, or one of ours, raised where the generator stands. */
function raise(self: AnyIterator, type: unknown, value: unknown = null): unknown {
  const raised = toError(type, value);
  return isThenable(raised) ? raised.then((error) => throwInto(self, error)) : throwInto(self, raised);
}

function throwInto(self: AnyIterator, error: unknown): unknown {
  if (typeof self.throw !== 'function') throw error;
  const throwing = self.throw.bind(self) as (error: unknown) => unknown;
  return advance(self, () => throwing(error), valueOf);
}

function toError(type: unknown, value: unknown): unknown {
  const holder = holderOf(type);
  if (holder !== undefined) return remoteError(holder, value);
  if (type instanceof Error) return type;
  if (isExceptionClass(type)) return new type(...(value === null ? [] : [value]));
  throw new PyTypeError(`exceptions must be classes or instances deriving from BaseException, not ${typeName(type)}`);
}

/** An exception of the peer's as ours: its class by name, its message by `str()`. Later, unless this thread waits for that peer. */
function remoteError(holder: Holder, value: unknown): unknown {
  const instance = holder.isClass ? holderOf(value) : holder;
  if (instance === undefined) return exceptionOf(holder.cls.name, value);
  const { name } = holder.cls;
  // str() of a KeyError is the repr of its key.
  const make = (text: unknown): Error =>
    exceptionOf(name, name === 'builtins.KeyError' ? String(text).replace(/^'(.*)'$/, '$1') : text);
  return holder.peer.blocked
    ? make(holder.peer.askSync('async', HANDLE_STR, [instance]))
    : holder.peer.ask('async', HANDLE_STR, [instance]).then(make);
}

/** `close()`: the generator runs its `finally`; one that yields instead of ending is told so. */
function close(self: AnyIterator): unknown {
  if (typeof self.return !== 'function') return null;
  const ending = self.return.bind(self) as () => unknown;
  return advance(self, ending, (step) => {
    if (step.done !== true && typeof self.throw === 'function')
      throw new RuntimeError('generator ignored GeneratorExit');
    return null;
  });
}

/** Python's generator. */
export const GENERATOR_FACADE: Facade = table(
  { __iter__: (self: AnyIterator) => self, __next__: next, next },
  methods('generator', { close: none(close), send: one(send), throw: some(1, 3, raise) }),
);
