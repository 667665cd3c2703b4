// `rpyc.value`: copies of the values of a Python peer and of a Node peer, in both faces, under RPyC's default policy and more open ones.
// The other way round: what a JavaScript Date is to Python. Mapping section G, JavaScript idioms, 4.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { type NodePeer, startNode } from '../support/node.ts';
import {
  describePython,
  PYTHONS,
  type PythonPeer,
  peer,
  type RpycVersion,
  runClient,
  startPython,
} from '../support/python.ts';
import { type Check, connect, describeClients, FACES, raised, rootOf, run, type Steps } from './faces.ts';
import { served } from './netrefs.ts';
import { serve } from './nodes.ts';

const { PyDate, PyDateTime, PyDecimal, PyFraction, PyTime, PyTimedelta, value } = rpyc;

const startValues = (version: RpycVersion, config: Record<string, unknown>): Promise<PythonPeer> =>
  startPython(version, peer('values.py'), { args: [JSON.stringify(config)] });

const describeValues = (title: string, config: Record<string, unknown>, declare: (check: Check) => void): void =>
  describeClients(title, config, declare, startValues);

/** An object as copies have it: without a prototype. */
const object = (fields: Record<string, unknown>): object => Object.assign(Object.create(null), fields);

const naive = (year: number, month: number, day: number, hour = 0, minute = 0, second = 0, microsecond = 0) =>
  new PyDateTime(
    new Date(year, month - 1, day, hour, minute, second, Math.floor(microsecond / 1000)).getTime(),
    microsecond,
    null,
  );

/** Python expressions, and what they are here under the default policy. */
const BY_DEFAULT: readonly (readonly [expression: string, expected: unknown])[] = [
  ['datetime.datetime(2024, 2, 29, 3, 4, 5, 678901)', naive(2024, 2, 29, 3, 4, 5, 678901)],
  ['datetime.datetime(2024, 2, 29)', naive(2024, 2, 29)],
  ['datetime.datetime(2024, 2, 29, 3, 4, 5, 678901, datetime.timezone.utc)', new Date('2024-02-29T03:04:05.678Z')],
  [
    'datetime.datetime(2024, 1, 1, 1, 0, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))',
    new Date('2023-12-31T23:00:00Z'),
  ],
  ['datetime.datetime(2024, 1, 1, 12, 0, 0, 7, EAST)', new Date('2024-01-01T06:29:45Z')],
  ['datetime.datetime(2024, 1, 1, 12, 0, 0, 6, EAST)', new Date('2024-01-01T06:29:44.999Z')],
  ['datetime.datetime(1, 1, 1, tzinfo=datetime.timezone.utc)', new Date('0001-01-01T00:00:00Z')],
  ['datetime.datetime.max.replace(tzinfo=datetime.timezone.utc)', new Date('9999-12-31T23:59:59.999Z')],
  ['datetime.date(45, 3, 1)', new PyDate(45, 3, 1)],
  ['datetime.time(1, 2, 3, 4)', new PyTime(1, 2, 3, 4)],
  ['datetime.time(23)', new PyTime(23)],
  ['datetime.timedelta(-1, 5, 6)', new PyTimedelta(-1, 5, 6)],
  ['datetime.timedelta(hours=30)', new PyTimedelta(1, 6 * 3600)],
  ['datetime.timedelta.max', new PyTimedelta(999_999_999, 86_399, 999_999)],
  ['datetime.timedelta(0)', new PyTimedelta(0)],
  ['decimal.Decimal("0.10")', new PyDecimal('0.10')],
  ['decimal.Decimal("-1E+400")', new PyDecimal('-1E+400')],
  ['decimal.Decimal("sNaN5")', new PyDecimal('sNaN5')],
  ['decimal.Decimal("-inf")', new PyDecimal('-Infinity')],
  ['fractions.Fraction(-2, 6)', new PyFraction(-1n, 3n)],
  ['fractions.Fraction(2 ** 70)', new PyFraction(2n ** 70n)],
  ['uuid.UUID(int=2 ** 127 + 5)', '80000000-0000-0000-0000-000000000005'],
  ['pathlib.Path("/a/ü b")', '/a/ü b'],
  ['pathlib.PureWindowsPath("c:/x")', 'c:\\x'],
  ['Color.RED', 1],
  ['Color.NAME', 'it\'s "red"\né中'],
  ['Color.PAIR', [1, 'x']],
  ['Color.LIST', [1]],
  ['Color.FLOAT', 1.5],
  ['Color.NONE', null],
  ['Color.BIG', 2n ** 70n],
  ['Color.BYTES', Buffer.from("\0'a")],
  ['Number.ONE', 1],
  ['Permission.R | Permission.W', 6],
  ['Permission(0)', 0],
  ['Text.A', 'aa'],
  ['re.IGNORECASE', 2],
  ['socket.AF_INET', 2],
  ['Pair(1, [2])', object({ left: 1, right: [2] })],
  ['Row(7)', object({ id: 7, name: 'n' })],
  ['Exposed(3)', object({ exposed_x: 3 })],
  ['Empty()', object({})],
  ['bytearray(b"\\x00\\xff")', Buffer.from([0, 255])],
  ['memoryview(b"ab")', Buffer.from('ab')],
  ['array.array("d", [1.5])', [1.5]],
  ['range(3)', [0, 1, 2]],
  ['collections.deque([1])', [1]],
  [
    'collections.OrderedDict([("b", 1), ("a", 2)])',
    new Map([
      ['b', 1],
      ['a', 2],
    ]),
  ],
  ['collections.defaultdict(list, {1: [2]})', new Map([[1, [2]]])],
  [
    'collections.Counter("aab")',
    new Map([
      ['a', 2],
      ['b', 1],
    ]),
  ],
  ['{"k": 1}.keys()', ['k']],
  ['collections.OrderedDict(a=[1]).items()', [['a', [1]]]],
  [
    '[{"d": decimal.Decimal(1), Color.RED: {Pair(1, 2)}}, (datetime.date(1, 2, 3), [Number.ONE]), frozenset([uuid.UUID(int=1)])]',
    [
      new Map<unknown, unknown>([
        ['d', new PyDecimal('1')],
        [1, new Set([object({ left: 1, right: 2 })])],
      ]),
      [new PyDate(1, 2, 3), [1]],
      new rpyc.FrozenSet(['00000000-0000-0000-0000-000000000001']),
    ],
  ],
  ['5', 5],
  ['(decimal.Decimal(1), (Color.RED,), "x")', [new PyDecimal('1'), [1], 'x']],
];

describeValues('Under the default policy, value()', {}, (check) => {
  for (const [expression, expected] of BY_DEFAULT)
    check(`copies ${expression}`, function* ({ root }) {
      expect(yield value(yield root.make(expression))).toStrictEqual(expected);
    });

  check('tells aware datetimes from naive ones by their class', function* ({ root }) {
    const aware = yield value(yield root.make('datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)'));
    expect(Object.getPrototypeOf(aware)).toBe(Date.prototype);
    const local = yield value(yield root.make('datetime.datetime(2024, 1, 1)'));
    expect([local instanceof PyDateTime, local.utcOffset]).toEqual([true, null]);
  });

  check('names the class, the place and the remedy of what the policy hides', function* ({ root }) {
    const hidden: [string, RegExp][] = [
      [
        '[1, {"k": Point(1)}]',
        /^values\.Point \(at \[1\]\["k"\]\) is a dataclass that hides its field 'x': .*allow_public_attrs/,
      ],
      ['Quiet(1)', /^values\.Quiet is a dataclass that hides its field 'a'/],
      ['[Silent.A]', /^values\.Silent \(at \[0\]\) is an Enum member that hides its value: .*allow_public_attrs/],
      ['Odd(1)', /^values\.Odd is a namedtuple that hides the names of its fields: .*allow_all_attrs/],
    ];
    for (const [expression, message] of hidden) {
      const ref = yield root.make(expression);
      const error = yield* raised(() => value(ref));
      expect(error).toMatchObject({
        name: 'TypeError',
        code: 'ERR_RPYC_OPERATION',
        message: expect.stringMatching(message),
      });
      const kept = yield value(ref, { others: 'keep' });
      expect(rpyc.isRemote(kept) || JSON.stringify(kept).includes('netref') || rpyc.isRemote(kept[1]?.get('k'))).toBe(
        true,
      );
    }
  });

  check('refuses by its class what is no value, and keeps it on request', function* ({ root }) {
    for (const [expression, name] of [
      ['Plain()', 'values.Plain'],
      ['object()', 'builtins.object'],
      ['len', 'builtins.builtin_function_or_method'],
      ['Color', 'values.Color'],
      ['datetime.datetime', 'datetime.datetime'],
      ['decimal.Decimal', 'decimal.Decimal'],
      ['re', 're'],
    ]) {
      const held: any = yield root.make(`[${expression}]`);
      const refused = yield* raised(() => value(held));
      expect(refused).toMatchObject({ name: 'TypeError', code: 'ERR_RPYC_OPERATION' });
      expect(refused.message).toMatch(new RegExp(`^${name.replace('.', '\\.')} has no value here \\(at \\[0\\]\\)`));
      const [kept] = yield value(held, { others: 'keep' });
      expect(rpyc.isRemote(kept)).toBe(true);
      expect(yield rpyc.str(kept)).toEqual(expect.any(String));
    }
  });

  check('believes no class that lies about its name', function* ({ root }) {
    for (const [cls, text] of [
      ['datetime.datetime', 'garbage'],
      ['datetime.datetime', '2024-02-30 00:00:00'],
      ['datetime.datetime', '2024-01-01 24:00:00'],
      ['datetime.date', '2024-13-01'],
      ['datetime.date', '0000-01-01'],
      ['datetime.time', '1:2:3'],
      ['datetime.timedelta', '1 day'],
      ['decimal.Decimal', '1,5'],
      ['fractions.Fraction', '1/0'],
      ['fractions.Fraction', '1'.repeat(9000)],
      ['uuid.UUID', '../../etc/passwd'],
      ['js.Date', '2024'],
    ]) {
      const [module, name] = cls.split('.');
      const ref = yield root.make(`[lying("${module}", "${name}", "${text}")]`);
      const error = yield* raised(() => value(ref));
      expect(error).toMatchObject({ name: 'TypeError', code: 'ERR_RPYC_OPERATION' });
      expect(error.message).toContain(`${cls} (at [0]) says "${text.slice(0, 20)}`);
    }
    const zoned = yield root.make('datetime.time(1, tzinfo=EAST)');
    expect((yield* raised(() => value(zoned))).message).toContain(
      'says "01:00:00+05:30:15.000007", of which there is no value',
    );
    const liars: [string, string][] = [
      ['lying("builtins", "bytearray", __iter__=lambda self: iter([1, 256]))', '256 for a byte'],
      ['lying("builtins", "memoryview", __iter__=lambda self: iter(["x"]))', '"x" for a byte'],
      ['memoryview(array.array("d", [1.5]))', '1.5 for a byte'],
    ];
    for (const [expression, message] of liars) {
      const ref = yield root.make(expression);
      expect((yield* raised(() => value(ref))).message).toContain(message);
    }
    const unbounded = yield root.make(
      'lying("builtins", "dict", __iter__=lambda self: iter([1]), __getitem__=lambda self, key: key)',
    );
    expect(yield value(unbounded)).toEqual(new Map([[1, 1]]));
  });

  check('keeps cycles, and refuses the one that cannot be made', function* ({ root }) {
    const list = yield value(yield root.make('cyclic_list()'));
    expect(list[1].get('me')).toBe(list);
    const asObject = yield value(yield root.make('cyclic_list()'), { dicts: 'object' });
    expect(asObject[1].me).toBe(asObject);
    const held = yield value(yield root.make('cyclic_dataclass()'));
    expect(held.exposed_held[0]).toBe(held);
    const through = yield value(yield root.make('cyclic_frozenset()'));
    expect([...through][0].exposed_held).toBe(through);
    const itself = yield root.make('[lying("builtins", "frozenset", __iter__=lambda self: iter([self]))]');
    expect(yield* raised(() => value(itself))).toMatchObject({
      name: 'RangeError',
      code: 'ERR_RPYC_DEPTH',
      message: 'builtins.frozenset (at [0]) contains itself: it cannot be made before its contents',
    });
    const chain = yield root.make('lying_ladder(1500)');
    expect(yield* raised(() => value(chain))).toMatchObject({ name: 'RangeError', code: 'ERR_RPYC_DEPTH' });
    expect(yield value(yield root.make('frozen_ladder(200)'))).toHaveLength(200);
    const frozen = yield root.make('[frozenset([Holding(1)])]');
    expect(yield value(frozen)).toStrictEqual([new rpyc.FrozenSet([object({ exposed_held: 1 })])]);
  });

  check('is bounded in depth and number, however its parts are linked', function* ({ root }) {
    const deep = yield root.make('nested(150)');
    expect(yield* raised(() => value(deep))).toMatchObject({ name: 'RangeError', code: 'ERR_RPYC_DEPTH' });
    expect(JSON.stringify(yield value(deep, { maxDepth: 151 }))).toBe('['.repeat(151) + ']'.repeat(151));
    const many = yield root.make('[[0] * 100 for _ in range(100)]');
    expect(yield* raised(() => value(many, { maxItems: 10_099 }))).toMatchObject({
      code: 'ERR_RPYC_OPERATION',
      message: 'a copy of more than 10099 items (maxItems)',
    });
    expect(yield value(many, { maxItems: 10_100 })).toHaveLength(100);
    const rungs = yield value(yield root.make('ladder(5000)'));
    expect(rungs).toHaveLength(5000);
    expect(rungs[0][0]).toBe(rungs[1]);
    for (const options of [{ maxDepth: 0 }, { maxDepth: 1001 }, { maxDepth: 1.5 }, { maxItems: Number.NaN }])
      expect(() => value(many, options)).toThrow(RangeError);
    expect(() => value(many, { dicts: 'both' as 'map' })).toThrow("dicts is 'map' or 'object', not both");
    expect(() => value(many, { others: 'drop' as 'keep' })).toThrow("others is 'refuse' or 'keep', not drop");
  });

  check('makes dicts objects on request, nested ones too, and only of strings', function* ({ root }) {
    const dicts = { dicts: 'object' } as const;
    const config = yield value(
      yield root.make('{"host": "h", "ports": [{"n": decimal.Decimal(1)}], Text.A: 2}'),
      dicts,
    );
    expect(config).toStrictEqual(object({ host: 'h', ports: [object({ n: new PyDecimal('1') })], aa: 2 }));
    expect(Object.getPrototypeOf(config)).toBe(null);
    const numbered = yield root.make('[{"a": {1: 2}}]');
    expect(yield* raised(() => value(numbered, dicts))).toMatchObject({
      name: 'TypeError',
      code: 'ERR_RPYC_OPERATION',
      message: `builtins.dict (at [0]["a"]) has the key 1: { dicts: 'object' } takes strings only, the default gives a Map`,
    });
    const twice = yield root.make('{"aa": 1, Color.RED: 2, 1: 3}');
    expect((yield* raised(() => value(twice))).message).toBe('two keys of builtins.dict are 1 here');
  });

  check('takes __proto__ for a key like any other', function* ({ root }) {
    const hostile = yield root.make('{"__proto__": {"polluted": 1}, "constructor": {"prototype": 2}, "toString": 3}');
    const copy = yield value(hostile, { dicts: 'object' });
    expect(Object.keys(copy)).toEqual(['__proto__', 'constructor', 'toString']);
    expect(Object.getPrototypeOf(copy)).toBe(null);
    expect(Object.getOwnPropertyDescriptor(copy, '__proto__')?.value.polluted).toBe(1);
    expect((yield value(hostile)).get('__proto__')).toEqual(new Map([['polluted', 1]]));
    expect(({} as { polluted?: unknown }).polluted).toBe(undefined);
  });

  check('asks each object once, each class once, and each item of a dict', function* ({ root }) {
    const requests: [string, string][] = [
      ['[decimal.Decimal(i) for i in range(3)]', 'BUFFITER STR STR STR'],
      ['datetime.date(1, 2, 3)', 'STR'],
      ['[Row(1), Row(2)]', 'BUFFITER DIR GETATTR REPR BUFFITER BUFFITER'],
      ['[Row(1), Row(2)]', 'BUFFITER BUFFITER BUFFITER'],
      ['[Color.RED, Color.NAME]', 'BUFFITER DIR GETATTR GETATTR REPR REPR'],
      ['[Color.RED, Color.NAME]', 'BUFFITER REPR REPR'],
      ['[{1: 2}, {1: 2, 3: 4}]', 'BUFFITER CALLATTR CALLATTR BUFFITER BUFFITER CALLATTR CALLATTR CALLATTR'],
    ];
    for (const [expression, expected] of requests) {
      const ref = yield root.make(expression);
      yield* served(root);
      yield value(ref);
      expect((yield* served(root)).requests.join(' ')).toBe(expected);
    }
  });

  check('leaves code out of dicts, and keeps it on request', function* ({ root }) {
    const ref = yield root.make(
      '{"a": 1, "f": lambda: 2, "len": len, "cls": Plain, "bound": [].append, "in": {"f": len}}',
    );
    const base = yield root.get_refs();
    expect(yield value(ref)).toEqual(
      new Map<string, unknown>([
        ['a', 1],
        ['in', new Map()],
      ]),
    );
    expect(yield value(ref, { dicts: 'object' })).toStrictEqual(object({ a: 1, in: object({}) }));
    expect(yield root.get_refs()).toBe(base);
    const kept = yield value(ref, { others: 'keep' });
    expect([...kept.keys()]).toEqual(['a', 'f', 'len', 'cls', 'bound', 'in']);
    expect(yield kept.get('f')()).toBe(2);
    const list = yield root.make('[len]');
    expect((yield* raised(() => value(list))).message).toMatch(
      /^builtins.builtin_function_or_method has no value here/,
    );
  });

  check('gives back every reference that it was sent', function* ({ root }) {
    const ref = yield root.make('[[Color.RED], {"k": [Pair(1, [2])]}, cyclic_list(), {1: {2: 3}}, Exposed([1])]');
    yield value(yield root.make('Color.RED'));
    const before = yield root.get_refs();
    for (let i = 0; i < 3; i++) yield value(ref);
    yield value(ref, { others: 'keep' });
    expect(yield root.get_refs()).toBe(before);
    expect(yield ref[0][0]).toBeDefined();
    expect(yield rpyc.len(ref)).toBe(5);
    const kept = yield value(yield root.make('[Plain()]'), { others: 'keep' });
    expect(yield rpyc.repr(kept[0])).toContain('values.Plain');
  });

  check('takes a tuple of references, a path, a promise, and whatever is a value already', function* ({ root, face }) {
    const decimal = yield root.make('decimal.Decimal(1)');
    expect(yield value(rpyc.tuple(1, [decimal]))).toStrictEqual([1, [new PyDecimal('1')]]);
    expect(yield rpyc.str(decimal)).toBe('1'); // still the caller's
    for (const plain of [5, null, undefined, 'x', rpyc.tuple(1, 'x')]) expect(value(plain)).toBe(plain);
    if (face === 'blocking') return;
    expect(yield value(root.make('{1: Color.RED}'))).toEqual(new Map([[1, 1]]));
    expect(yield value(root.nested.list)).toEqual([1, 2, 3]);
  });
});

describeValues('With public attributes, value()', { allow_public_attrs: true }, (check) => {
  const rows: readonly (readonly [string, unknown])[] = [
    ['Point(1)', object({ x: 1, y: "d, x='", tags: [] })],
    [
      '[Point(1, tags=[Slotted(2)]), Slotted(a=(3, [4]))]',
      [object({ x: 1, y: "d, x='", tags: [object({ a: 2 })] }), object({ a: [3, [4]] })],
    ],
    ['Quiet(1)', object({ a: 1, b: 2 })],
    ['Silent.A', [1]],
    ['Color.LIST', [1]],
    ['Color.NAME', 'it\'s "red"\né中'],
    ['Text.A', 'aa'],
    ['Row(7)', object({ id: 7, name: 'n' })],
    ['{"k": {"l": [1]}}', new Map([['k', new Map([['l', [1]]])]])],
  ];
  for (const [expression, expected] of rows)
    check(`copies ${expression}`, function* ({ root }) {
      expect(yield value(yield root.make(expression))).toStrictEqual(expected);
    });
});

describeValues(
  'With all attributes, as in classic mode, value()',
  { allow_all_attrs: true, allow_public_attrs: true },
  (check) => {
    const rows: readonly (readonly [string, unknown])[] = [
      ['Point(1)', object({ x: 1, y: "d, x='", tags: [] })],
      [
        '[Quiet(1), Empty(), Slotted(5), Odd(1)]',
        [object({ a: 1, b: 2 }), object({}), object({ a: 5 }), object({ a: 1 })],
      ],
      ['[Silent.A, Permission.R, re.I, Text.A, Number.ONE]', [[1], 4, 2, 'aa', 1]],
      ['[decimal.Decimal(1), datetime.date(1, 2, 3)]', [new PyDecimal('1'), new PyDate(1, 2, 3)]],
    ];
    for (const [expression, expected] of rows)
      check(`copies ${expression}`, function* ({ root }) {
        expect(yield value(yield root.make(expression))).toStrictEqual(expected);
      });

    check('copies 100,000 items of 1,000 lists and dicts', function* ({ root }) {
      const lists = yield value(yield root.make('[list(range(100)) for _ in range(1000)]'));
      expect(lists.length * lists[999].length).toBe(100_000);
      const dicts = yield value(yield root.make('[{i: [i]} for i in range(500)]'));
      expect(dicts[499]).toEqual(new Map([[499, [499]]]));
    });
  },
);

describe.each(FACES)('A copy from a Node peer, %s,', (face) => {
  let open: NodePeer;
  let closed: NodePeer;
  beforeAll(async () => {
    open = await startNode({ config: { allow_public_attrs: true } });
    closed = await startNode();
  });
  afterAll(() => Promise.all([open.stop(), closed.stop()]));

  const check = (name: string, steps: (root: any) => Steps) => {
    for (const policy of ['default', 'public'])
      test(`${name} (${policy} policy)`, async () => {
        const conn = await connect(face, (policy === 'public' ? open : closed).port);
        try {
          await run(face, steps(rootOf(face, conn)));
        } finally {
          await conn.close();
        }
      });
  };

  check('of a Date is a Date, an invalid one too', function* (root) {
    expect(yield value(yield root.sample('date'))).toStrictEqual(new Date('2024-02-29T23:59:58.007Z'));
    expect(yield value(yield root.sample('old'))).toStrictEqual(new Date(-62_198_755_200_000));
    const invalid = yield value(yield root.sample('invalid'));
    expect([invalid instanceof Date, Number.isNaN(invalid.getTime())]).toEqual([true, true]);
    const date = yield root.sample('date');
    expect([yield date.year, yield date.microsecond, yield date.weekday()]).toEqual([2024, 7000, 3]);
    expect((yield* raised(() => date.year())).message).toMatch(/not callable|not a function/);
    const moment = yield root.sample('moment');
    expect((yield* raised(() => value(moment))).message).toMatch(/^js\.Moment has no value here/);
  });

  check('of an object holds everything in it', function* (root) {
    const ref = yield root.sample('nested');
    expect(yield value(ref)).toStrictEqual(
      new Map<string, unknown>([
        ['when', new Date(5)],
        ['rows', [new Map([[1, new Set([new Date(6)])]]), [[7], 'x']]],
        ['bytes', Buffer.from('b')],
      ]),
    );
    const copy = yield value(yield root.sample('object'), { dicts: 'object' });
    expect(copy).toStrictEqual(object({ a: 1, b: 'two', list: [1] }));
    const cyclic = yield value(yield root.sample('cyclic'), { dicts: 'object' });
    expect(cyclic.list[0]).toBe(cyclic);
    expect(yield value(yield root.sample('many'))).toHaveLength(1000);
    const point = yield root.sample('point');
    expect((yield* raised(() => value(point))).message).toMatch(/^js\.Point has no value here/);
  });

  check('of a literal with methods is its data', function* (root) {
    const literal = yield root.sample('literal');
    expect(yield literal.hi()).toBe(7);
    expect(yield value(literal, { dicts: 'object' })).toStrictEqual(object({ x: 7, when: new Date(8) }));
    expect(yield rpyc.map(literal).size).toBe(3);
  });

  check('never reaches a prototype', function* (root) {
    const fromMap = yield value(yield root.sample('hostileMap'), { dicts: 'object' });
    expect(Object.keys(fromMap)).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(fromMap)).toBe(null);
    expect(yield value(yield root.sample('hostile'), { dicts: 'object' })).toStrictEqual(object({ a: 3 }));
    expect(({} as { polluted?: unknown }).polluted).toBe(undefined);
  });
});

describePython.each(PYTHONS)('A Date for Python of RPyC %s', (version) => {
  class Dates extends rpyc.Service {
    exposed_date() {
      return new Date('2024-02-29T23:59:58.007Z');
    }
    exposed_invalid() {
      return new Date(Number.NaN);
    }
  }

  test('has the fields of a datetime in UTC and its text, without any configuration', async () => {
    const { port } = await serve(Dates);
    const out = await runClient(
      version,
      port,
      `
import datetime
date = conn.root.date()
out["fields"] = [date.year, date.month, date.day, date.hour, date.minute, date.second, date.microsecond]
out["days"] = [date.weekday(), date.isoweekday()]
read = datetime.datetime.fromisoformat(date.isoformat())
out["same"] = [read.timestamp() == date.timestamp() == float(date), read.weekday() == date.weekday()]
out["made"] = datetime.datetime(date.year, date.month, date.day, date.hour, date.minute, date.second, date.microsecond).isoformat()
out["text"] = [date.isoformat(), str(date)]
out["equal"] = [date == conn.root.date(), date < conn.root.date(), hash(date) == hash(conn.root.date())]
def name(action):
    try:
        action()
    except Exception as error:
        return type(error).__name__
invalid = conn.root.invalid()
out["invalid"] = [name(invalid.isoformat), name(lambda: invalid.year), name(invalid.weekday), str(invalid), invalid.timestamp() != invalid.timestamp()]
out["closed"] = [name(lambda: date.getTime), name(lambda: date.constructor), name(lambda: setattr(date, "year", 1))]
`,
    );
    expect(out).toEqual({
      fields: [2024, 2, 29, 23, 59, 58, 7000],
      days: [3, 4],
      same: [true, true],
      made: '2024-02-29T23:59:58.007000',
      text: ['2024-02-29T23:59:58.007+00:00', '2024-02-29T23:59:58.007Z'],
      equal: [true, false, true],
      invalid: ['ValueError', 'ValueError', 'ValueError', 'Invalid Date', true],
      closed: ['AttributeError', 'AttributeError', 'AttributeError'],
    });
  });
});

describeValues('A Date as an argument', {}, (check) => {
  check('is a js.Date with isoformat and timestamp', function* ({ root }) {
    const date = new Date('2024-02-29T23:59:58.007Z');
    const about = yield root.about_date(date);
    expect(about).toEqual([
      'js.Date',
      '2024-02-29T23:59:58.007000+00:00',
      date.getTime() / 1000,
      date.getTime() / 1000,
      date.toISOString(),
      'datetime.timezone.utc',
    ]);
    expect(yield root.date_fields(date)).toEqual([2024, 2, 29, 23, 59, 58, 7000, 3]);
    expect(yield root.echo(date)).toBe(date);
    expect(value(date)).toBe(date);
  });
});
