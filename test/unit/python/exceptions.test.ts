import { expect, test } from 'vitest';
import { exceptionClass, exceptions, PythonError, registerException } from '../../../src/python/exceptions.ts';

test('instanceof follows the hierarchy of Python', () => {
  const error = new exceptions.FileNotFoundError(2, 'No such file');
  for (const cls of [
    exceptions.FileNotFoundError,
    exceptions.OSError,
    exceptions.Exception,
    exceptions.BaseException,
    PythonError,
    Error,
  ])
    expect(error).toBeInstanceOf(cls);
  for (const cls of [exceptions.ValueError, exceptions.ConnectionError, exceptions.LookupError])
    expect(error instanceof cls).toBe(false);
  expect(new exceptions.KeyboardInterrupt() instanceof exceptions.Exception).toBe(false);
});

test('TypeError and SyntaxError are instances of the native classes too, and of nothing else native', () => {
  expect(new exceptions.TypeError('x')).toBeInstanceOf(TypeError);
  expect(new exceptions.TypeError('x')).toBeInstanceOf(exceptions.Exception);
  expect(new exceptions.IndentationError('x')).toBeInstanceOf(SyntaxError);
  expect(new exceptions.ValueError('x') instanceof TypeError).toBe(false);
  expect(new TypeError('native') instanceof exceptions.TypeError).toBe(false);
});

test('an exception carries Python name, args and a readable message', () => {
  const error = new exceptions.ValueError('bad', 7, null);
  expect(error).toMatchObject({
    name: 'ValueError',
    pyModule: 'builtins',
    pyName: 'ValueError',
    message: 'bad, 7, None',
    remoteTraceback: '',
  });
  expect(error.args).toEqual(['bad', 7, null]);
  expect(Object.isFrozen(error.args)).toBe(true);
  expect(Object.keys(error)).toEqual([]);
  expect(Object.getPrototypeOf(error.attrs)).toBe(null);
});

test('a subclass of a user keeps its own name under the module js, or the one it names', () => {
  class NotFound extends exceptions.KeyError {}
  class Elsewhere extends exceptions.KeyError {
    static rpycModule = 'shop';
  }
  const error = new NotFound('k');
  expect(error).toMatchObject({ pyModule: 'js', pyName: 'NotFound', name: 'NotFound' });
  expect(error).toBeInstanceOf(NotFound);
  expect(error).toBeInstanceOf(exceptions.LookupError);
  expect(new exceptions.KeyError('k') instanceof NotFound).toBe(false);
  expect(new Elsewhere('k')).toMatchObject({ pyModule: 'shop', pyName: 'Elsewhere' });
});

test('only builtins and registered classes are found by name', () => {
  class Custom extends Error {}
  expect(exceptionClass('builtins', 'KeyError')).toBe(exceptions.KeyError);
  for (const name of ['constructor', '__proto__', 'toString', 'ExceptionGroup', 'object'])
    expect(exceptionClass('builtins', name)).toBeUndefined();
  expect(exceptionClass('srv', 'Custom')).toBeUndefined();
  registerException('srv.Custom', Custom);
  expect(exceptionClass('srv', 'Custom')).toBe(Custom);
  expect(() => registerException('srv.Bad', Object as never)).toThrow(/subclass of Error/);
});
