// Parsing of command lines, addresses and arguments; JSON of results; texts of a peer that would steer a terminal.
import { describe, expect, test } from 'vitest';
import { type Command, helpOf, parse } from '../../../src/cli/command.ts';
import { describeError, exitOfSignal, Failure, UsageError } from '../../../src/cli/exit.ts';
import { NoJson, parseArgument, parseKwarg, toJson, writeJson } from '../../../src/cli/json.ts';
import { tame, tameLine } from '../../../src/cli/output.ts';
import { prometheusText } from '../../../src/cli/prometheus.ts';
import { describe as describeTarget, parseTarget } from '../../../src/cli/target.ts';
import * as rpyc from '../../../src/index.ts';

const COMMAND: Command = {
  name: 'rpyc test',
  usage: '[options] ADDRESS',
  about: 'Tests.',
  positionals: [1, 3],
  negatives: true,
  options: {
    port: { short: 'p', value: 'PORT', help: 'a port' },
    mode: { short: 'm', value: 'MODE', choices: ['UDP', 'TCP'], help: 'a mode' },
    many: { value: 'X', multiple: true, help: 'some' },
    quiet: { short: 'q', help: 'less' },
  },
  run: async () => 0,
};

describe('parse', () => {
  test('takes options in all their spellings, and negative numbers as arguments', () => {
    const args = parse(COMMAND, ['-p12', '--mode=udp', '-q', 'a', '-5', '-.5', '--many', '1', '--many=2']);
    expect(args.positionals).toEqual(['a', '-5', '-.5']);
    expect([args.port('port'), args.text('mode'), args.has('quiet'), args.texts('many')]).toEqual([
      12,
      'UDP',
      true,
      ['1', '2'],
    ]);
  });

  test.each([
    [[], /what is missing/],
    [['a', 'b', 'c', 'd'], /what is 'd' for/],
    [['a', '--nope'], /^Unknown option '--nope'$/],
    [['a', '--quiet=1'], /does not take an argument/],
    [['a', '-p'], /argument missing/],
    [['a', '-m', 'x'], /^--mode is UDP or TCP, not 'x'$/],
  ])('%j is refused', (argv, said) => {
    expect(() => parse(COMMAND, argv)).toThrow(UsageError);
    expect(() => parse(COMMAND, argv)).toThrow(said);
  });

  test.each(['', ' ', '1e9', '-1', '1.5', 'x', '65536', 'Infinity', 'NaN', '0x'])('a port is not %j', (text) => {
    expect(() => parse(COMMAND, ['a', `--port=${text}`]).port('port')).toThrow(UsageError);
  });

  test('the help has a line for each option', () => {
    const lines = helpOf(COMMAND).split('\n');
    expect(lines[0]).toBe('Usage: rpyc test [options] ADDRESS');
    expect(lines).toEqual(
      expect.arrayContaining([
        '  -p, --port PORT  a port',
        '      --many X     some',
        '  -h, --help       print this, and exit',
      ]),
    );
  });
});

describe('parseTarget', () => {
  test.each([
    ['localhost:1', { host: 'localhost', port: 1 }],
    ['[::1]:65535', { host: '::1', port: 65_535 }],
    ['[fe80::1%eth0]:5', { host: 'fe80::1%eth0', port: 5 }],
    ['unix:/run/a b.sock', { path: '/run/a b.sock' }],
    ['unix:rel.sock', { path: 'rel.sock' }],
  ])('%s', (text, target) => {
    expect(parseTarget(text)).toEqual(target);
    expect(describeTarget(target)).toBe(text);
  });

  test.each([
    '',
    'localhost',
    ':1',
    'a:',
    'a:0',
    'a:65536',
    'a:123456',
    '::1:5',
    '[::1]',
    '[]:1',
    'a b:1',
    'unix:',
    'a:1x',
    'http://a:1',
  ])('not %j', (text) => {
    expect(() => parseTarget(text)).toThrow(UsageError);
  });
});

describe('arguments and results', () => {
  test.each([
    ['3', 3],
    ['-2.5', -2.5],
    ['null', null],
    ['"3"', '3'],
    ['[1, {"a": true}]', [1, { a: true }]],
    ['9007199254740993', 9007199254740993n],
    ['abc', 'abc'],
    ['', ''],
    ['1.2.3', '1.2.3'],
    ['True', 'True'],
    ['01', '01'],
  ])('parseArgument(%j)', (text, value) => {
    expect(parseArgument(text)).toEqual(value);
  });

  test.each(['[', '{a: 1}', '"x', ' ["'])('parseArgument refuses %j', (text) => {
    expect(() => parseArgument(text)).toThrow(UsageError);
  });

  test('parseKwarg splits at the first =', () => {
    expect(parseKwarg('a=b=c')).toEqual(['a', 'b=c']);
    expect(parseKwarg('a=')).toEqual(['a', '']);
    for (const text of ['a', '=1', '']) expect(() => parseKwarg(text)).toThrow(UsageError);
  });

  test('toJson is JSON, integers with all their digits', () => {
    const value = new Map<unknown, unknown>([
      ['a', [1, 2n ** 70n, null, undefined, true]],
      [1, new Set(['x"\n'])],
      [null, Object.freeze([Buffer.from('hi'), new Date(0), Number.NaN, -0.5])],
      [true, Object.assign(Object.create(null), { k: new rpyc.FrozenSet([2]) })],
    ]);
    const json = toJson(value);
    expect(json).toBe(
      '{"a": [1, 1180591620717411303424, null, null, true], "1": ["x\\"\\n"], "null": ["aGk=", "1970-01-01T00:00:00.000Z", "NaN", -0.5], "true": {"k": [2]}}',
    );
    expect(JSON.parse(json)).toBeDefined();
  });

  test('toJson refuses what has none', () => {
    let deep: unknown[] = [];
    for (let n = 0; n < 2000; n++) deep = [deep];
    for (const value of [() => 0, Symbol('x'), new Map([[[1], 2]]), deep, new (class Thing {})()])
      expect(() => toJson(value)).toThrow(NoJson);
  });
});

test('a text of the peer cannot steer a terminal', () => {
  expect(tame('a\u001b[31m\u0007b\tc\nd\u009b')).toBe('a\\x1b[31m\\x07b\tc\nd\\x9b');
  expect(tameLine('a\tb\nc\r')).toBe('a\\tb\\nc\\x0d');
  expect(tame('x'.repeat(10), 4)).toBe('xxxx… (10 characters)');
  expect(toJson('a\u001b[31m\u009b')).toBe('"a\\u001b[31m\\u009b"');
  expect(JSON.parse(writeJson({ a: '\u007f\u009f\u00a0' }))).toEqual({ a: '\u007f\u009f\u00a0' });
});

test('errors are told by their message, bugs by their stack', () => {
  expect(describeError(new Failure('it failed'))).toBe('it failed');
  expect(describeError(new rpyc.EOFError())).toBe('stream has been closed');
  expect(describeError(Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE' }))).toBe(
    'listen EADDRINUSE',
  );
  expect(describeError(new TypeError('a bug'))).toMatch(/^TypeError: a bug\n {4}at /);
  expect(describeError('thrown')).toBe("'thrown'");
  expect([exitOfSignal('SIGINT'), exitOfSignal('SIGTERM')]).toEqual([130, 143]);
});

test('the metrics page names each metric once', () => {
  const text = prometheusText({
    connections: {
      open: 1,
      accepted: 2,
      refused: 3,
      denied: 0,
      cut: { handshake: 0, frame: 0, send: 0, idle: 4, backpressure: 0, protocol: 0, drain: 0 },
    },
    requests: { served: 5, failed: 6, inFlight: 7, waiting: 8 },
    bytesIn: 9,
    bytesOut: 10,
    references: 11,
    acceptFailures: 12,
    uptime: 1.5,
  });
  const types = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name);
  expect(new Set(types).size).toBe(types.length);
  expect(text).toContain('rpyc_connections_cut_total{reason="idle"} 4\n');
  expect(text).toContain('rpyc_uptime_seconds 1.5\n');
});
