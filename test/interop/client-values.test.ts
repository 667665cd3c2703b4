// Node client, Python service: connecting, calling, and every row of the value tables (mapping A1 and A2), in both faces.
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, PYTHONS, startServer } from '../support/python.ts';
import { connect, describeClients, FACES, raised, rootOf } from './faces.ts';

const { float, int, slice, tuple } = rpyc;

/** What is sent, Python's repr of what arrived, and what comes back when Python echoes it (the same, if absent). */
const SENT: readonly (readonly [sent: unknown, repr: string, back?: unknown])[] = [
  [null, 'None'],
  [undefined, 'None', null],
  [true, 'True'],
  [false, 'False'],
  [0, '0'],
  [-48, '-48'],
  [-49, '-49'],
  [159, '159'],
  [160, '160'],
  [2 ** 31, '2147483648'],
  [-(2 ** 40), '-1099511627776'],
  [Number.MAX_SAFE_INTEGER, '9007199254740991'],
  [Number.MIN_SAFE_INTEGER, '-9007199254740991'],
  [2n ** 53n, '9007199254740992'],
  [-(2n ** 64n), '-18446744073709551616'],
  [10n, '10', 10],
  [10n ** 4000n, `1${'0'.repeat(4000)}`],
  [1.5, '1.5'],
  [-0, '-0.0'],
  [Number.NaN, 'nan'],
  [Number.POSITIVE_INFINITY, 'inf'],
  [Number.NEGATIVE_INFINITY, '-inf'],
  [5e-324, '5e-324'],
  [2 ** 53, '9007199254740992.0'],
  [1e300, '1e+300'],
  [float(1), '1.0', 1],
  [int(1e21), '1000000000000000000000', 10n ** 21n],
  ['', "''"],
  ['a\0b', "'a\\x00b'"],
  ['Grüße €', "'Grüße €'"],
  ['😀', "'😀'"],
  ['\ufeffbom', "'\\ufeffbom'"],
  ['x'.repeat(5000), `'${'x'.repeat(5000)}'`],
  [Buffer.from([0, 255]), "b'\\x00\\xff'"],
  [Buffer.alloc(0), "b''"],
  [new Uint8Array([65, 66]), "b'AB'", Buffer.from('AB')],
  [new Uint8ClampedArray([67]), "b'C'", Buffer.from('C')],
  [new Uint8Array([68, 69]).buffer, "b'DE'", Buffer.from('DE')],
  [new DataView(new Uint8Array([70, 71, 72]).buffer, 1), "b'GH'", Buffer.from('GH')],
  [new SharedArrayBuffer(2), "b'\\x00\\x00'", Buffer.alloc(2)],
  [tuple(), '()'],
  [tuple(1), '(1,)'],
  [tuple(1, 'a', tuple(null, 2.5)), "(1, 'a', (None, 2.5))"],
  [Object.freeze([true]), '(True,)'],
  [tuple(...Array.from({ length: 300 }, (_, i) => i)), `(${Array.from({ length: 300 }, (_, i) => i).join(', ')})`],
  [new rpyc.FrozenSet([7]), 'frozenset({7})'],
  [new rpyc.FrozenSet(), 'frozenset()'],
  [slice(1, null, -1), 'slice(1, None, -1)'],
  [new rpyc.Complex(1, -2), '(1-2j)'],
  [rpyc.Ellipsis, 'Ellipsis'],
  [rpyc.NotImplemented, 'NotImplemented'],
];

/** Python expressions and what they are here. */
const RECEIVED: readonly (readonly [expression: string, value: unknown])[] = [
  ['None', null],
  ['True', true],
  ['2**53 - 1', Number.MAX_SAFE_INTEGER],
  ['2**53', 2n ** 53n],
  ['-2**200', -(2n ** 200n)],
  ['1.0', 1],
  ['-0.0', -0],
  ['float("nan")', Number.NaN],
  ['"\\ufeff\\U0001f600"', '\ufeff😀'],
  ['b"\\x00\\xff" * 3', Buffer.from('00ff00ff00ff', 'hex')],
  ['(1, (), ("a", None))', tuple(1, tuple(), tuple('a', null))],
  ['tuple(range(1000))', Object.freeze(Array.from({ length: 1000 }, (_, i) => i))],
  ['frozenset([1, "b"])', new rpyc.FrozenSet<unknown>([1, 'b'])],
  ['slice(None, 5)', slice(5)],
  ['3j', new rpyc.Complex(0, 3)],
  ['...', rpyc.Ellipsis],
  ['NotImplemented', rpyc.NotImplemented],
];

/** Python objects that are references here: everything but the exact builtin types, mutable or not. */
const REFERENCES = [
  '[1]',
  '{}',
  'set()',
  'bytearray(b"x")',
  '__import__("datetime").date(2024, 2, 29)',
  '__import__("decimal").Decimal("1.5")',
  '__import__("collections").namedtuple("N", "a")(1)',
  'type("I", (int,), {})(5)',
  'type("S", (str,), {})("x")',
  '__import__("enum").IntEnum("E", "A").A',
  'ValueError("as a value")',
  'int',
  'len',
  '__import__("sys")',
];

/** Arguments that have no form on the wire, and the code of the error they give here. */
const UNSENDABLE: readonly (readonly [what: string, value: unknown, code: string])[] = [
  ['a symbol', Symbol('s'), 'ERR_RPYC_UNSENDABLE'],
  ['a lone surrogate', 'ab\ud800', 'ERR_RPYC_SURROGATE'],
  ['an integer of 4301 digits', 10n ** 4300n, 'ERR_RPYC_INT_TOO_LARGE'],
  ['a tuple 301 levels deep', nested(301), 'ERR_RPYC_DEPTH'],
];

function nested(levels: number): unknown {
  let value: unknown = null;
  for (let i = 0; i < levels; i++) value = tuple(value);
  return value;
}

/** A set's order is its sender's: compared as sets. */
const comparable = (value: unknown): unknown => (value instanceof rpyc.FrozenSet ? new Set(value) : value);

describePython.each(PYTHONS)('A Python service of RPyC %s', (version) => {
  test.each(FACES)(
    'is found out to speak its version by one connection that is refused, and remembered (%s)',
    async (face) => {
      const server = await startServer(version);
      const [major, attempts] = version.startsWith('6') ? [6, 1] : [5, 2];
      for (const made of [attempts, attempts + 1]) {
        const conn = await connect(face, server.ready.port);
        expect([conn.protocol, conn.bound]).toEqual([major, false]);
        expect(new Map(await conn.root.counters()).get('connected')).toBe(made);
        await conn.close();
      }
    },
  );

  test.each(FACES)('is refused when another version was asked for, and accepted with its own (%s)', async (face) => {
    const server = await startServer(version);
    const [own, other] = version.startsWith('6') ? ([6, 5] as const) : ([5, 6] as const);
    const error = await connect(face, server.ready.port, { protocol: other }).catch((e) => e);
    expect(error).toBeInstanceOf(rpyc.VersionError);
    expect(error.code).toBe('ERR_RPYC_VERSION');
    const conn = await connect(face, server.ready.port, { protocol: own });
    expect(await rootOf(face, conn).add(5, 10)).toBe(15);
    await conn.close();
  });
});

describeClients('Values and a Python service', { allow_public_attrs: true }, (check) => {
  check('methods are called with positional and keyword arguments', function* ({ root }) {
    expect(yield root.add(5, 10)).toBe(15);
    expect(yield root.add('a', 'b')).toBe('ab');
    expect(yield root.kw()).toEqual([]);
    expect(yield root.kw(1, rpyc.kwargs({ y: 2, x: 'é' }))).toEqual([1, ['x', 'é'], ['y', 2]]);
    expect(yield root.kw(rpyc.kwargs({ z: null }))).toEqual([['z', null]]);
    const list = yield root.make_list(2);
    const [[name, same]] = yield root.kw(rpyc.kwargs({ ref: list }));
    expect(name).toBe('ref');
    expect(same).toBe(list);
  });

  check('attributes are read, called and chained', function* ({ root }) {
    expect(yield root.const).toBe(17);
    expect(yield root.exposed_const).toBe(17);
    expect(yield root.nested.value).toBe(23);
    expect(yield root.nested.double(21)).toBe(42);
    expect(yield root.Point.kind).toBe('pt');
  });

  check('every value that is sent arrives as the Python value it stands for', function* ({ root }) {
    for (const [sent, repr] of SENT) expect(yield root.repr(sent), repr.slice(0, 60)).toBe(repr);
  });

  check('every value that is sent comes back as itself when Python echoes it', function* ({ root }) {
    for (const [sent, repr, ...back] of SENT) {
      const echoed = yield root.echo(sent);
      expect(comparable(echoed), repr.slice(0, 60)).toStrictEqual(comparable(back.length > 0 ? back[0] : sent));
    }
  });

  check('every Python value is received as what it stands for', function* ({ root }) {
    for (const [expression, value] of RECEIVED)
      expect(comparable(yield root.eval(expression)), expression).toStrictEqual(comparable(value));
  });

  check('received tuples are frozen and received bytes are ours', function* ({ root }) {
    expect(Object.isFrozen(yield root.eval('(1, (2,))'))).toBe(true);
    const bytes = yield root.big_bytes(100_000);
    expect(bytes.equals(Buffer.alloc(100_000, 0xab))).toBe(true);
    bytes[0] = 1;
    expect((yield root.big_bytes(4))[0]).toBe(0xab);
  });

  check(
    'mutable objects, subclasses of builtins, classes and modules are received as references',
    function* ({ root }) {
      for (const expression of REFERENCES) expect(rpyc.isRemote(yield root.eval(expression)), expression).toBe(true);
    },
  );

  check('tuples carry references both ways', function* ({ root }) {
    const list = yield root.make_list(1);
    const ours = { mine: true };
    const [a, [b, c]] = yield root.echo(tuple(list, tuple(ours, 'v')));
    expect(a).toBe(list);
    expect(b).toBe(ours);
    expect(c).toBe('v');
  });

  check('what cannot be sent is refused here, and the connection goes on', function* ({ root, conn }) {
    for (const [what, value, code] of UNSENDABLE) {
      expect(yield* raised(() => root.echo(value)), what).toMatchObject({ code });
      expect(yield* raised(() => root.echo(tuple({}, value))), what).toMatchObject({ code });
    }
    expect(yield root.echo(nested(290))).toStrictEqual(nested(290));
    expect(conn.closed).toBe(false);
    expect(conn.stats.localObjects).toBe(0);
  });

  check('arguments that are paths are fetched first', function* ({ root }) {
    expect(yield root.add(root.const, root.nested.value)).toBe(40);
    expect(yield root.repr(root.Point)).toBe("<class 'server.Point'>");
  });

  check('roots of one connection are one object', function* ({ root, face, conn }) {
    expect(rootOf(face, conn)).toBe(root);
    expect(rpyc.same(conn.sync.root, conn.root)).toBe(true);
    expect(yield root.get_refs()).toBe(1);
  });

  check('ping is echoed', function* ({ face, conn }) {
    expect(yield face === 'blocking' ? conn.sync.ping('x') : conn.ping('x')).toBeUndefined();
    expect(
      yield face === 'blocking' ? conn.sync.ping(Buffer.from([1, 2])) : conn.ping(Buffer.from([1, 2])),
    ).toBeUndefined();
  });
});
