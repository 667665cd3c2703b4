// Python's texts of values, read back: what each grammar takes and what it refuses. The texts are CPython 3.11's.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PyFraction, PyTimedelta } from '../../../src/python/pickle-types.ts';
import {
  readDateTime,
  readFieldNames,
  readFraction,
  readJsDate,
  readLiteral,
  readTimedelta,
} from '../../../src/python/texts.ts';

test.each([
  ['None', null],
  ['True', true],
  ['-7', -7],
  ['9007199254740993', 9007199254740993n],
  ['1e+300', 1e300],
  ['-0.0', -0],
  ['inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
  ['nan', Number.NaN],
  ["'it\\'s \"x\"'", 'it\'s "x"'],
  ['"it\'s"', "it's"],
  ["'\\\\\\n\\t\\x07\\u2028\\U0001f600'", '\\\n\t\x07\u2028😀'],
  ["b'\\x00\\xff\\''", Buffer.from([0, 255, 39])],
  ['()', []],
  ['(1,)', [1]],
  ["(1, ('a', None), [2, []])", [1, ['a', null], [2, []]]],
])('the literal %s is read', (text, value) => {
  expect(readLiteral(text)).toStrictEqual({ value });
});

test.each([
  '',
  '1 ',
  ' 1',
  '(1)',
  '(1',
  '[1 2]',
  '[,]',
  'none',
  '__import__',
  "'a",
  "'a' 'b'",
  'f()',
  '{}',
  'b"',
  '1+2j',
  '(1,))',
  `${'['.repeat(60)}${']'.repeat(60)}`,
  '1'.repeat(5000),
])('the text %j is no literal', (text) => {
  expect(readLiteral(text)).toBe(undefined);
});

test('no text makes a reader throw', () => {
  const alphabet = fc.constantFrom(...'()[]{}<>\'"\\bxuU,=:. -+/0129ePoint');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(alphabet, { maxLength: 60 }).map((all) => all.join('')),
      ),
      (text) => {
        for (const read of [readLiteral, readFieldNames, readDateTime, readTimedelta, readFraction, readJsDate])
          read(text);
      },
    ),
    { numRuns: 2000 },
  );
});

test.each([
  ['Point(x=1)', ['x']],
  ["f.<locals>.P(x=1, y='a, b=2)', z=[1, {'k': P(q=2)}], é_1=(3, 4))", ['x', 'y', 'z', 'é_1']],
  ['E()', []],
  ['<Foo x=1>', undefined],
  ['P(1, 2)', undefined],
  ["P(x=it's, y=2)", undefined],
  ['P(x=1)(y=2)', undefined],
  ['P(x=], y=2)', undefined],
  ['P(x=(1, y=2)', undefined],
])('the fields of %s are %j', (repr, names) => {
  expect(readFieldNames(repr)).toEqual(names);
});

test.each([
  ['0:00:00', new PyTimedelta(0)],
  ['1 day, 0:00:01', new PyTimedelta(1, 1)],
  ['-1 day, 23:59:59.999999', new PyTimedelta(-1, 86_399, 999_999)],
  ['2 days, 10:00:00', new PyTimedelta(2, 36_000)],
  ['24:00:00', undefined],
  ['1 day', undefined],
])('the timedelta %s is read or refused', (text, value) => {
  expect(readTimedelta(text)).toEqual(value);
});

test('dates are checked against the calendar', () => {
  expect(readDateTime('2023-02-29 00:00:00')).toBe(undefined);
  expect(readDateTime('2024-02-29 00:00:00')).toBeInstanceOf(Date);
  expect(readDateTime('2024-01-01 00:00:00+24:00')).toBe(undefined);
  expect(readDateTime('2024-01-01T00:00:00-00:30')).toEqual(new Date('2024-01-01T00:30:00Z'));
  expect(readJsDate('2024-02-31T00:00:00.000Z')).toBe(undefined);
  expect(readJsDate('2024')).toBe(undefined);
  expect(readFraction('-7/2')).toEqual(new PyFraction(-7n, 2n));
  expect(readFraction('1/-2')).toBe(undefined);
  expect(Number(new PyFraction(1n, 4n))).toBe(0.25);
  expect(`${new PyFraction(3n)} ${new PyFraction(-1n, 3n)}`).toBe('3 -1/3');
  expect(() => new PyFraction(1n, 0n)).toThrow('the denominator of a fraction is positive, not 0');
});
