// What a peer's EXCEPTION payload may become: the fixed table of native classes, what was registered, Python's builtins, and nothing else.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadException } from '../../../src/exceptions/load.ts';
import { exceptions, PythonError, registerException } from '../../../src/python/exceptions.ts';
import { FORBIDDEN_NAMES } from '../../security/names.ts';

/** A payload as a Node peer sends it. */
const payload = (
  js: unknown,
  { module = 'builtins', name = 'ValueError', args = ['m'] as unknown, attrs = [] as unknown[], text = 'tb' } = {},
): unknown[] => [[module, name], args, [...attrs, ['js_error', js], ['_remote_version', '6.0.1+node']], text];

const record = (cls: unknown, name: unknown = null, ...rest: unknown[]): unknown[] =>
  [cls, name, ...rest, null, null, null, []].slice(0, 6);

test('an error is made of the native class that the peer names, and of no other name', () => {
  const names = [
    ...['Error', 'RangeError', 'TypeError', 'SyntaxError', 'ReferenceError', 'EvalError', 'URIError', 'AggregateError'],
    'DOMException',
  ];
  for (const name of names) {
    const error = loadException(payload([record(name, 'AbortError')]));
    expect(Object.getPrototypeOf(error)).toBe((globalThis as any)[name].prototype);
    expect(error).toBeInstanceOf(exceptions.ValueError);
    expect([error.name, error.message]).toEqual(['AbortError', 'm']);
  }
  for (const name of [
    ...FORBIDDEN_NAMES,
    'Function',
    'Object',
    'Array',
    'Proxy',
    'process',
    'Promise',
    '',
    'rangeerror',
  ]) {
    const error = loadException(payload([record(name)]));
    expect(Object.getPrototypeOf(error), name).toBe(exceptions.ValueError.prototype);
  }
});

test('data of a peer never become members of an error, nor a code of ours', () => {
  const names = [
    ...FORBIDDEN_NAMES,
    'message',
    'stack',
    'name',
    'then',
    'toString',
    'args',
    'hint',
    'pyName',
    'js_error',
  ];
  for (const key of names) {
    for (const entry of [
      [key, 0, 'evil'],
      [key, 1, '"evil"'],
    ]) {
      const error = loadException(payload([['RangeError', null, null, null, null, [entry]]])) as any;
      expect(error[key], key).not.toBe('evil');
      expect(error.message).toBe('m');
    }
    const nested = loadException(
      payload([['RangeError', null, null, null, null, [['data', 1, `{"a": {"${key}": "evil", "fine": 1}}`]]]]),
    ) as any;
    expect(nested.data.a.fine).toBe(1);
    if (FORBIDDEN_NAMES.includes(key)) expect(Object.hasOwn(nested.data.a, key), key).toBe(false);
    expect(Object.getPrototypeOf(nested.data.a)).toBe(Object.prototype);
  }
  const coded = (code: unknown) => loadException(payload([record('Error')], { attrs: [['code', code]] })) as any;
  expect(coded('E_BAD').code).toBe('E_BAD');
  expect(coded(7).code).toBe(7);
  expect(coded('ERR_RPYC_CLOSED').code).toBeUndefined();
  const own = loadException(payload([['Error', null, null, null, null, [['code', 0, 'ERR_RPYC_CLOSED']]]])) as any;
  expect(own.code).toBeUndefined();
});

test('without js_error, a code stays among the attributes: it is a Python exception', () => {
  const error = loadException([['builtins', 'ValueError'], ['m'], [['code', 'x']], '']) as any;
  expect([error.code, error.attrs.code]).toEqual([undefined, 'x']);
});

test('causes and parts are linked by index, an index of nothing is nothing, and a circle is one', () => {
  const other = (cls: string, cause: unknown, message: string) => [
    ...['', '', '', '', '', ''].map((_, i) => [cls, null, null, cause, null, []][i]),
    'builtins',
    'ValueError',
    [message],
    [],
    `RangeError: ${message}\n    at there`,
  ];
  const error = loadException(
    payload(
      [
        ['AggregateError', null, null, 1, [1, 2, 99, -1, ['value'], null], []],
        other('RangeError', 0, 'one'),
        other('Nope', 1, 'two'),
      ],
      {
        module: 'js',
        name: 'AggregateError',
      },
    ),
  ) as AggregateError & { cause: Error };
  const [one, two, ...rest] = error.errors;
  expect(error.cause).toBe(one);
  expect(one).toBeInstanceOf(RangeError);
  expect(one.cause).toBe(error);
  expect(one.stack).toBe('RangeError: one\n    at there');
  expect(two).toBeInstanceOf(exceptions.ValueError);
  expect(two.cause).toBe(one);
  expect(rest).toEqual([undefined, undefined, 'value']);
});

test('a registered class is made with the args, and has the message and data of what was thrown', () => {
  class Lost extends Error {
    key: string;
    constructor(key: string) {
      super(`lost ${key}`);
      this.key = key;
    }
  }
  registerException('js.Lost', Lost);
  const error = loadException(
    payload([record(null)], { module: 'js', name: 'Lost', args: ['lost it'], attrs: [['key', 'it']] }),
  ) as Lost;
  expect(error).toBeInstanceOf(Lost);
  expect([error.message, error.key]).toEqual(['lost it', 'it']);
  // Through Python, which keeps an unknown class under a module of its own.
  const through = loadException(
    payload([record(null)], { module: 'rpyc.core.vinegar/js', name: 'js.Lost', args: ['lost it'] }),
  );
  expect(through).toBeInstanceOf(Lost);
});

test('whatever a peer sends as js_error, an error comes of it, of a class that it may have', () => {
  const natives = [
    Error,
    RangeError,
    TypeError,
    SyntaxError,
    ReferenceError,
    EvalError,
    URIError,
    AggregateError,
    DOMException,
  ];
  const allowed = new Set<unknown>(
    [...natives, ...Object.values(exceptions), PythonError].map((cls: any) => cls.prototype),
  );
  const odd = fc.oneof(
    fc.anything({ withBigInt: true, withNullPrototype: true }),
    fc.constantFrom<unknown>(
      'RangeError',
      'DOMException',
      'AggregateError',
      0,
      1,
      2,
      -1,
      1.5,
      40,
      ['x'],
      [1],
      '{"__proto__": 1}',
    ),
  );
  const records = fc.oneof(odd, fc.array(fc.oneof(odd, fc.array(odd, { maxLength: 12 })), { maxLength: 40 }));
  fc.assert(
    fc.property(
      records,
      fc.constantFrom('builtins', 'js', 'os'),
      fc.constantFrom('ValueError', 'OSError', 'X'),
      (js, module, name) => {
        const error = loadException(payload(js, { module, name }));
        expect(allowed.has(Object.getPrototypeOf(error))).toBe(true);
        expect(typeof error.stack).toBe('string');
      },
    ),
    { numRuns: 2000 },
  );
  expect(({} as any).fine).toBeUndefined();
});
