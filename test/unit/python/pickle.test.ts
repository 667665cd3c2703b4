// The data-only pickle codec: what CPython writes is read, what is written CPython reads (interop/classic-copies.test.ts), and nothing that
// is not plain data gets through.
import { describe, expect, test } from 'vitest';
import * as rpyc from '../../../src/index.ts';

const { dumps, loads } = rpyc;
const b = (...parts: (string | number[] | Uint8Array)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))));
const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const u32 = (n: number): number[] => [n & 255, (n >> 8) & 255, (n >> 16) & 255, n >>> 24];
const u64 = (n: number): number[] => [...u32(n), 0, 0, 0, 0];

/** Every opcode that plain data uses: `[name, pickle, value]`. */
const OPCODES: [string, Buffer, unknown][] = [
  ['PROTO NONE', b([0x80, 2], 'N.'), null],
  ['NEWTRUE', b([0x80, 2, 0x88], '.'), true],
  ['NEWFALSE', b([0x80, 2, 0x89], '.'), false],
  ['INT', b('I-12\n.'), -12],
  ['INT true', b('I01\n.'), true],
  ['INT false', b('I00\n.'), false],
  ['LONG', b('L123456789012345678901L\n.'), 123456789012345678901n],
  ['LONG carriage return', b('L5L\r\n.'), 5],
  ['BININT', b('J', [0xff, 0xff, 0xff, 0xff], '.'), -1],
  ['BININT1', b('K', [200], '.'), 200],
  ['BININT2', b('M', [1, 1], '.'), 257],
  ['LONG1', b([0x8a, 2, 0, 0x80], '.'), -32768],
  ['LONG1 zero', b([0x8a, 0], '.'), 0],
  ['LONG1 big', b([0x8a, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1], '.'), 2n ** 64n],
  ['LONG4', b([0x8b, ...u32(3), 0, 0, 1], '.'), 65536],
  ['FLOAT', b('F-1.5e3\n.'), -1500],
  ['FLOAT inf', b('F-inf\n.'), Number.NEGATIVE_INFINITY],
  ['FLOAT nan', b('Fnan\n.'), Number.NaN],
  ['BINFLOAT', b('G', [0x3f, 0xf8, 0, 0, 0, 0, 0, 0], '.'), 1.5],
  ['STRING', b("S'a\\'b\\n\\x41'\n."), "a'b\nA"],
  ['BINSTRING', b('T', u32(2), 'ab.'), 'ab'],
  ['SHORT_BINSTRING', b('U', [2], 'ab.'), 'ab'],
  ['UNICODE', b('V\\u20ac\\U0001f600\xe9\n.'), '€😀é'],
  ['BINUNICODE', b('X', u32(3), [0xe2, 0x82, 0xac], '.'), '€'],
  ['SHORT_BINUNICODE', b([0x8c, 3, 0xe2, 0x82, 0xac], '.'), '€'],
  ['BINUNICODE8', b([0x8d, ...u64(1)], 'a.'), 'a'],
  ['BINBYTES', b('B', u32(2), [1, 2], '.'), Buffer.from([1, 2])],
  ['SHORT_BINBYTES', b('C', [2, 1, 2], '.'), Buffer.from([1, 2])],
  ['BINBYTES8', b([0x8e, ...u64(2), 1, 2], '.'), Buffer.from([1, 2])],
  ['BYTEARRAY8', b([0x96, ...u64(2), 1, 2], '.'), Uint8Array.of(1, 2)],
  ['EMPTY_TUPLE', b(').'), []],
  ['TUPLE', b('(K', [1], 'K', [2], 't.'), [1, 2]],
  ['TUPLE1', b('K', [1], [0x85], '.'), [1]],
  ['TUPLE2', b('K', [1], 'K', [2], [0x86], '.'), [1, 2]],
  ['TUPLE3', b('K', [1], 'K', [2], 'K', [3], [0x87], '.'), [1, 2, 3]],
  ['EMPTY_LIST APPEND', b(']K', [1], 'a.'), [1]],
  ['APPENDS', b('](K', [1], 'K', [2], 'e.'), [1, 2]],
  ['LIST', b('(K', [1], 'l.'), [1]],
  ['EMPTY_DICT SETITEM', b('}K', [1], 'N', 's.'), new Map([[1, null]])],
  ['SETITEMS', b('}(K', [1], 'NK', [2], 'Nu.'), new Map([[1, null], [2, null]])], // biome-ignore format: one row
  ['DICT', b('(K', [1], 'Nd.'), new Map([[1, null]])],
  ['EMPTY_SET ADDITEMS', b([0x8f], '(K', [1], [0x90], '.'), new Set([1])],
  ['FROZENSET', b('(K', [1], [0x91], '.'), new rpyc.FrozenSet([1])],
  ['PUT GET', b('](K', [5], 'p7\ng7\ne.'), [5, 5]],
  ['BINPUT BINGET', b('](K', [5], 'q', [7], 'h', [7], 'e.'), [5, 5]],
  ['LONG_BINPUT LONG_BINGET', b('](K', [5], 'r', u32(70000), 'j', u32(70000), 'e.'), [5, 5]],
  ['MEMOIZE', b('](K', [5], [0x94], 'h', [0], 'e.'), [5, 5]],
  ['POP', b('NK', [1], '0.'), null],
  ['POP of a mark', b('N(0.'), null],
  ['POP_MARK', b('N(K', [1], '1.'), null],
  ['DUP', b('K', [1], '2', [0x86], '.'), [1, 1]],
  ['FRAME', b([0x80, 4, 0x95, ...u64(2)], 'N.'), null],
  ['GLOBAL REDUCE', b('cbuiltins\nset\n](K', [1], 'e', [0x85], 'R.'), new Set([1])],
  ['STACK_GLOBAL', b([0x8c, 8], 'builtins', [0x8c, 3], 'set', [0x93], ')R.'), new Set()],
  ['NEWOBJ', b('ccollections\nOrderedDict\n)', [0x81], '.'), new Map()],
  ['NEWOBJ_EX', b('ccollections\nOrderedDict\n)}', [0x92], '.'), new Map()],
  ['OBJ', b('(ccollections\nOrderedDict\no.'), new Map()],
  ['INST', b('(icollections\nOrderedDict\n.'), new Map()],
  ['READONLY_BUFFER', b('C', [1, 1], [0x98], '.'), Buffer.from([1])],
  ['a frozenset of Python 2', b('c__builtin__\nfrozenset\n](K', [1], 'e', [0x85], 'R.'), new rpyc.FrozenSet([1])],
  [
    'bytes of protocol 2',
    b('c_codecs\nencode\nX', u32(2), [0xc3, 0xbf], 'X', u32(6), 'latin1', [0x86], 'R.'),
    Buffer.from([255]),
  ],
  ['complex', b('cbuiltins\ncomplex\nK', [1], 'K', [2], [0x86], 'R.'), new rpyc.Complex(1, 2)],
  ['Decimal', b('cdecimal\nDecimal\nX', u32(4), '1.50', [0x85], 'R.'), new rpyc.PyDecimal('1.50')],
  ['timedelta', b('cdatetime\ntimedelta\nK', [1], 'K', [2], 'K', [3], [0x87], 'R.'), new rpyc.PyTimedelta(1, 2, 3)],
  ['date', b('cdatetime\ndate\nC', [4, 0x07, 0xe8, 2, 29], [0x85], 'R.'), new rpyc.PyDate(2024, 2, 29)],
  ['time', b('cdatetime\ntime\nC', [6, 1, 2, 3, 0, 0, 4], [0x85], 'R.'), new rpyc.PyTime(1, 2, 3, 4)],
];

describe('reading', () => {
  test.each(OPCODES)('%s', (_name, pickle, value) => {
    const read = loads(pickle);
    expect(read).toEqual(value);
    expect(Buffer.isBuffer(read)).toBe(Buffer.isBuffer(value));
  });

  test.each(OPCODES)('%s: every prefix is refused, and no flipped byte does harm', (_name, pickle) => {
    for (let length = 0; length < pickle.length; length++)
      expect(() => loads(pickle.subarray(0, length))).toThrow(rpyc.UnpicklingError);
    for (let at = 0; at < pickle.length; at++)
      for (const flip of [0x01, 0x20, 0x80, 0xff]) {
        const broken = Buffer.from(pickle);
        broken[at] ^= flip;
        try {
          loads(broken);
        } catch (error) {
          expect(error).toBeInstanceOf(rpyc.UnpicklingError);
        }
      }
  });

  test('every byte as an only opcode is a value, or refused', () => {
    for (let op = 0; op < 256; op++)
      for (const rest of ['', '.', '....', '\n\n.', '\x00\x00\x00\x00\x00\x00\x00\x00.'])
        try {
          loads(b([op], rest));
        } catch (error) {
          expect(error).toBeInstanceOf(rpyc.UnpicklingError);
        }
  });

  test('tuples are frozen, lists are not', () => {
    expect(Object.isFrozen(loads(b('K', [1], [0x85], '.')))).toBe(true);
    expect(Object.isFrozen(loads(b(']K', [1], 'a.')))).toBe(false);
  });

  test('a list that contains itself does', () => {
    const list = loads(b(']q', [0], 'h', [0], 'a.')) as unknown[];
    expect(list[0]).toBe(list);
  });

  test('dicts come as objects on request, safely', () => {
    const pickle = dumps(new Map<unknown, unknown>([['__proto__', new Map([['a', [1]]])], ['k', new Map([[1, 2]])]])); // biome-ignore format: one value
    const object = loads(pickle, { dicts: 'object' }) as Record<string, unknown>;
    expect(Object.getPrototypeOf(object)).toBe(null);
    expect(Object.keys(object)).toEqual(['__proto__', 'k']);
    expect(object.k).toEqual(new Map([[1, 2]]));
    expect(({} as { a?: unknown }).a).toBe(undefined);
  });

  test('ints as asked for', () => {
    expect(loads(b('K', [5], '.'), { bigint: 'always' })).toBe(5n);
    expect(loads(b([0x8a, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1], '.'), { bigint: 'number' })).toBe(2 ** 64);
  });
});

/** Names that execute something, as the known payloads use them. */
const EXECUTING = [
  'os.system', 'posix.system', 'nt.system', 'subprocess.Popen', 'subprocess.check_output', 'builtins.eval', 'builtins.exec',
  '__builtin__.eval', 'builtins.getattr', 'builtins.__import__', 'builtins.open', 'builtins.map', 'builtins.apply', 'copyreg._reconstructor',
  'copy_reg._reconstructor', 'functools.partial', 'functools.reduce', 'operator.attrgetter', 'operator.methodcaller', 'importlib.import_module', 'runpy._run_code',
  'types.FunctionType', 'types.CodeType', 'marshal.loads', 'pickle.loads', 'pty.spawn', 'socket.socket', 'timeit.timeit', 'code.interact',
  'bdb.Bdb', 'pdb.run', 'webbrowser.open', 'ctypes.CDLL', 'shutil.rmtree', 'asyncio.run', 'numpy.f2py.crackfortran.getlincoef', 'numpy.load',
  'numpy.testing._private.utils.runstring', 'torch.load', 'yaml.load', 'collections.defaultdict', 'datetime.tzinfo', 'decimal.Context',
  'builtins.type', 'builtins.object', 'builtins.list', 'builtins.str', 'constructor.constructor', '__proto__.x', 'Object.prototype', 'process.exit',
]; // biome-ignore format: a list of names

describe('refusing', () => {
  test.each(EXECUTING)('%s by name, in every way to name and call it', (name) => {
    const [module, attr] = [name.slice(0, name.lastIndexOf('.')), name.slice(name.lastIndexOf('.') + 1)];
    const named = [
      b(`c${module}\n${attr}\n`),
      b([0x8c, module.length], module, [0x8c, attr.length], attr, [0x93]),
      b('X', u32(module.length), module, 'X', u32(attr.length), attr, [0x93]),
    ];
    const calls = [b("(S'id'\ntR."), b(')R.'), b(')', [0x81], '.'), b(')}', [0x92], '.'), b('.'), b('0N.')];
    for (const start of named)
      for (const call of calls) expect(() => loads(b(start, call))).toThrow(`refused: ${name}`);
    expect(() => loads(b(`(S'id'\ni${module}\n${attr}\n.`))).toThrow(`refused: ${name}`);
    expect(() => loads(b(`(c${module}\n${attr}\nS'id'\no.`))).toThrow(`refused: ${name}`);
  });

  test.each([
    ['a name as the result', b('cbuiltins\nset\n.'), 'refused: builtins.set as a value'],
    ['a name in a list', b(']cbuiltins\nset\na.'), 'refused: builtins.set as a value'],
    ['a name in a tuple', b('cbuiltins\nset\n', [0x85], '.'), 'refused: builtins.set as a value'],
    ['a name as a key', b('}cbuiltins\nset\nNs.'), 'refused: builtins.set as a value'],
    ['calling numpy.ndarray', b('cnumpy\nndarray\n)R.'), 'refused: calling numpy.ndarray'],
    ['calling a value', b('K', [1], ')R.'), 'REDUCE of what is no name'],
    ['calling with a list', b('cbuiltins\nset\n]R.'), 'no tuple'],
    ['keyword arguments', b('ccollections\nOrderedDict\n)}K', [1], 'Ns', [0x92], '.'), 'refused: keyword'],
    ['BUILD', b(']}b.'), 'refused: BUILD'],
    ['PERSID', b('Pabc\n.'), 'refused: a persistent id'],
    ['BINPERSID', b('NQ.'), 'refused: a persistent id'],
    ['EXT1', b([0x82, 1], '.'), 'refused: an extension code'],
    ['EXT2', b([0x83, 1, 0], '.'), 'refused: an extension code'],
    ['EXT4', b([0x84, 1, 0, 0, 0], '.'), 'refused: an extension code'],
    ['NEXT_BUFFER', b([0x97], '.'), 'refused: an out-of-band buffer'],
    ['protocol 6', b([0x80, 6], 'N.'), 'protocol 6'],
    ['an encoding that runs code', b("c_codecs\nencode\n(S'a'\nS'rot13'\ntR."), 'refused: _codecs.encode to rot13'],
    ['numpy objects', b("cnumpy\ndtype\n(S'O8'\ntR."), 'refused: numpy arrays of type O8'],
    ['two values', b('NN.'), 'left on the stack'],
    [
      'a time zone with code',
      b('cdatetime\ndatetime\n(C', [10, 7, 232, 1, 1, 0, 0, 0, 0, 0, 0], 'K', [1], 'tR.'),
      'time zone',
    ],
    ['a numpy array without its state', b('cnumpy.core.multiarray\n_reconstruct\n)R.'), 'without its state'],
    ['a lone surrogate', b('X', u32(3), [0xed, 0xa0, 0x80], '.'), 'not UTF-8'],
  ])('%s', (_name, pickle, message) => {
    expect(() => loads(pickle)).toThrow(message);
    expect(() => loads(pickle)).toThrow(rpyc.UnpicklingError);
  });
});

describe('bounds', () => {
  const deep = 401;
  test.each([
    ['lists', b(']'.repeat(deep), 'a'.repeat(deep - 1), '.')],
    ['tuples', b(')', new Uint8Array(deep).fill(0x85), '.')],
    ['dicts', b('}N'.repeat(deep), 'N', 's'.repeat(deep), '.')],
    ['frozen sets', b('('.repeat(deep), new Uint8Array(deep).fill(0x91), '.')],
  ])('%s nested 401 deep', (_name, pickle) => {
    expect(() => loads(pickle)).toThrow('nested deeper than 400');
  });

  test('a million levels end at the bound, not with the stack', () => {
    const levels = 1_000_000;
    expect(() => loads(b(Buffer.alloc(levels, ')').subarray(0, 1), Buffer.alloc(levels, 0x85), '.'))).toThrow(
      'nested deeper',
    );
  });

  test('long texts take time in proportion', () => {
    const digits = '1'.repeat(2_000_000);
    for (const pickle of [
      b(`F${digits}x\n.`),
      b(`I${digits}x\n.`),
      b('cdecimal\nDecimal\nX', u32(digits.length + 1), `${digits}x`, [0x85], 'R.'),
    ])
      expect(() => loads(pickle)).toThrow(rpyc.UnpicklingError);
  });

  test('many half-made arrays take time in proportion', () => {
    const count = 50_000;
    const one = b('cnumpy.core.multiarray\n_reconstruct\n)Rr', u32(7), '0');
    const many = Buffer.concat(Array.from({ length: count }, () => one));
    expect(loads(b(many, 'N.'))).toBe(null);
  });

  test('a memo bomb stays as small as its pickle', () => {
    // Each level holds the one before twice: 2^60 leaves, if anything copied.
    const levels = Array.from({ length: 60 }, (_, i) => b('0](h', [i], 'h', [i], 'eq', [i + 1]));
    const value = loads(b(']q', [0], ...levels, '.')) as unknown[];
    expect(value[0]).toBe(value[1]);
  });

  test.each([
    ['BINUNICODE', b('X', u32(0xffffffff), 'a.')],
    ['BINUNICODE8', b([0x8d, ...u32(0xffffffff), ...u32(0xffffffff)], 'a.')],
    ['BINBYTES8', b([0x8e, ...u32(0), ...u32(0x1000)], 'a.')],
    ['BYTEARRAY8', b([0x96, ...u32(0), ...u32(0x1000)], 'a.')],
    ['FRAME', b([0x80, 4, 0x95, ...u64(100)], 'N.')],
    ['LONG4', b([0x8b, ...u32(70_000)], Buffer.alloc(70_000), '.')],
    ['LONG4 negative', b([0x8b, ...u32(0xffffffff)], '.')],
    ['BINSTRING negative', b('T', u32(0xffffffff), '.')],
    ['LONG', b(`L${'9'.repeat(5000)}L\n.`)],
    ['INT', b('I1_000\n.')],
    ['FLOAT', b('F0x10\n.')],
    ['memo index', b('Np99999999999999999999\n.')],
    ['memo that was never set', b('h', [0], '.')],
    ['nothing on the stack', b('.')],
    ['a mark that is not there', b('t.')],
    ['values behind a mark', b('N(a.')],
    ['an APPEND to a tuple', b(')Na.')],
    ['a SETITEM of a list', b(']NNs.')],
    ['a dict with an odd count', b('(Nd.')],
    ['ADDITEMS to a list', b('](N', [0x90], '.')],
  ])('a bad %s', (_name, pickle) => {
    expect(() => loads(pickle)).toThrow(rpyc.UnpicklingError);
  });
});

describe('numpy arrays', () => {
  const array = (type: string, order: string, shape: number[], bytes: Buffer, fortran = 0x89) =>
    b(
      'cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK', [0, 0x85], "C", [1], 'b', [0x87], 'R(K', [1], '(',
      ...shape.map((n) => b('K', [n])), `tcnumpy\ndtype\nX`, u32(2), type, [0x89, 0x88, 0x87], 'R(K', [3], 'X', u32(1), order, 'NNNJ', u32(-1), 'J', u32(-1),
      'K', [0], 'tb', [fortran], 'B', u32(bytes.length), bytes, 'tb.',
    ); // biome-ignore format: opcodes

  test('become typed arrays with a shape', () => {
    const read = loads(array('f8', '<', [2, 1], Buffer.from(new Float64Array([1.5, -2]).buffer))) as rpyc.NdArray;
    expect(read).toBeInstanceOf(Float64Array);
    expect([...read]).toEqual([1.5, -2]);
    expect([read.shape, read.dtype, read.fortran]).toEqual([[2, 1], 'f8', false]);
  });

  test('of big-endian items are swapped, Fortran order is told', () => {
    const read = loads(array('i4', '>', [2], hex('00000001fffffffe'), 0x88)) as rpyc.NdArray;
    expect([...read, read.fortran]).toEqual([1, -2, true]);
  });

  test('with the wrong number of bytes or a negative shape are refused', () => {
    for (const bytes of [0, 4, 12])
      expect(() => loads(array('f8', '<', [2, 1], Buffer.alloc(bytes)))).toThrow(rpyc.UnpicklingError);
  });

  test('are written and read back', () => {
    for (const data of [
      new Float64Array([1, 2]),
      new Int16Array([-1, 2]),
      new BigUint64Array([2n ** 63n]),
      new Uint8Array(3),
    ]) {
      const read = loads(dumps(rpyc.ndarray(data))) as rpyc.NdArray;
      expect(read).toStrictEqual(rpyc.ndarray(data));
      expect(read.shape).toEqual([data.length]);
    }
    const square = loads(dumps(rpyc.ndarray(new Float32Array(6), [2, 3]))) as rpyc.NdArray;
    expect(square.shape).toEqual([2, 3]);
    expect(() => rpyc.ndarray(new Float32Array(6), [2, 2])).toThrow('shape [2, 2]');
    expect(loads(dumps(new Float32Array([1, 0.5]), { numpy: true }))).toBeInstanceOf(Float32Array);
    expect(loads(dumps(new Float32Array([1, 0.5])))).toEqual([1, 0.5]);
  });
});

describe('writing', () => {
  const shared = [1];
  test.each<[string, unknown, unknown?]>([
    ['null', null],
    ['undefined', undefined, null],
    ['true', true],
    ['ints', [0, 255, 256, -1, 2 ** 31, -(2 ** 31), 2 ** 53 - 1, -(2 ** 53) + 1, 127, 128, -128, -129, 32767, 32768]],
    ['bigints', [2n ** 64n, -(2n ** 64n), 2n ** 3000n, -(2n ** 2039n), 2n ** 2039n]],
    ['floats', [1.5, -0, Number.NaN, Number.POSITIVE_INFINITY, 1e300]],
    ['strings', ['', 'é€😀', 'x'.repeat(70_000), '\u0000']],
    ['bytes', [Buffer.alloc(0), Buffer.from([0, 255]), Buffer.alloc(300, 7)]],
    ['other bytes', [Uint8Array.of(1), new DataView(new ArrayBuffer(1)), new ArrayBuffer(1)], [Buffer.from([1]), Buffer.alloc(1), Buffer.alloc(1)]],
    ['a tuple', Object.freeze([1, Object.freeze(['a'])])],
    ['a map', new Map<unknown, unknown>([[1, 'a'], ['b', new Map()]])],
    ['an object', { a: 1, b: { c: [2] } }, new Map<string, unknown>([['a', 1], ['b', new Map([['c', [2]]])]])],
    ['sets', [new Set([1, 'a']), new rpyc.FrozenSet([1]), new Set(), new Set([new rpyc.FrozenSet([2])])]],
    ['shared objects', [shared, shared, Object.freeze([shared])]],
    ['Python values', [new rpyc.Complex(1, -2), rpyc.slice(1, 2), new rpyc.PyDecimal('-1.50E+3'), new rpyc.PyDate(2024, 2, 29), new rpyc.PyTime(1, 2, 3, 4), new rpyc.PyTimedelta(-1, 2, 3)]],
    ['markers', [rpyc.float(1), rpyc.int(1e21)], [1, 10n ** 21n]],
    ['typed arrays', [new Int8Array([1, -1]), new BigInt64Array([5n])], [[1, -1], [5]]],
    ['a date', new rpyc.PyDateTime(1_700_000_000_123, 123_456, 3600)],
    ['a naive date', new rpyc.PyDateTime(1_700_000_000_123, 123_456, null)],
    ['a Date', new Date(1_700_000_000_123), new rpyc.PyDateTime(1_700_000_000_123, 123_000, 0)],
    ['a date before 1970', new rpyc.PyDateTime(-62_000_000_000_000 + 1, 1000, -5400)],
  ])('%s', (_name, value, read = value) => {
    const back = loads(dumps(value));
    expect(back).toEqual(read === undefined ? null : read);
  }); // biome-ignore format: rows

  test('a datetime keeps its microseconds and its offset', () => {
    const back = loads(dumps(new rpyc.PyDateTime(1_700_000_000_123, 123_456, 3600))) as rpyc.PyDateTime;
    expect([back.getTime(), back.microseconds, back.utcOffset]).toEqual([1_700_000_000_123, 123_456, 3600]);
  });

  test('keeps identity and cycles', () => {
    const list: unknown[] = [];
    list.push(list, new Map([['self', list]]));
    const back = loads(dumps(list)) as unknown[];
    expect(back[0]).toBe(back);
    expect((back[1] as Map<string, unknown>).get('self')).toBe(back);
  });

  const cyclic: unknown[] = [];
  cyclic.push(Object.freeze([cyclic]));
  class Point {}
  test.each<[string, unknown, string]>([
    ['a function', () => 1, 'a function'],
    ['a symbol in a list', [Symbol('x')], 'a symbol'],
    ['an instance', { p: new Point() }, 'an instance of Point'],
    ['an Error', new Error('x'), 'an instance of Error'],
    ['a Promise', Promise.resolve(), 'an instance of Promise'],
    ['a proxy', new Proxy({}, {}), 'proxy'],
    ['an invalid Date', new Date(Number.NaN), 'an invalid Date'],
    ['a lone surrogate', '\ud800', 'surrogate'],
    ['a Date of the year 20000', new Date(Date.UTC(20_000, 1)), 'the year 20000'],
  ])('refuses %s', (_name, value, message) => {
    expect(() => dumps(value)).toThrow(message);
  });

  test('refuses a tuple that contains itself, and what is nested too deep', () => {
    const inner: unknown[] = [];
    const tuple = Object.freeze([inner]);
    inner.push(tuple);
    expect(() => dumps(tuple)).toThrow('contains itself');
    let deep: unknown = 1;
    for (let i = 0; i < 401; i++) deep = [deep];
    expect(() => dumps(deep)).toThrow(expect.objectContaining({ code: 'ERR_RPYC_DEPTH' }));
    expect(dumps(cyclic)).toBeInstanceOf(Buffer);
  });
});
