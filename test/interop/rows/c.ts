// Section C: exceptions. C1: what Node throws, caught in Python; `it(name)` throws. C2: what Python raises, caught in Node.
import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import * as rpyc from '../../../src/index.ts';
import { raised } from '../faces.ts';
import type { Makings, Row, SeenRow, UsedRow } from '../matrix.ts';

class NotFound extends Error {
  key: string;
  constructor(key: string) {
    super(`no ${key}`);
    this.key = key;
  }
}
class Placed extends Error {
  static rpycModule = 'shop.errors';
}

/** `it(name)`: throws where Node is blocking, rejects where it is awaitable. */
const throws =
  (what: Record<string, () => unknown>) =>
  ({ face }: Makings) =>
  (name: string): unknown =>
    face === 'blocking' ? what[name]() : Promise.resolve().then(what[name]);

const thrown = (error: unknown) => () => {
  throw error;
};

const systemError = (code: string, errno: number) =>
  thrown(
    Object.assign(new Error(`${code}: something, open '/x'`), { code, errno: -errno, syscall: 'open', path: '/x' }),
  );

const C1: readonly SeenRow[] = [
  {
    id: 'C1.stop-iteration',
    title: 'StopIteration and the end of an iterator',
    it: ({ face }) =>
      rpyc.tuple(
        throws({ stop: thrown(new rpyc.exceptions.StopIteration()) })({ face } as Makings),
        [][Symbol.iterator](),
      ),
    python: 'f, i = it\nout["stop"] = [kind(caught(f, "stop")), kind(caught(next, i)), list(i)]',
    expected: { stop: ['StopIteration', 'StopIteration', []] },
  },
  {
    id: 'C1.error',
    title: 'Error is Exception, with its message as argument',
    it: throws({ e: thrown(new Error('plain')) }),
    python:
      'e = caught(it, "e")\nout["e"] = [kind(e), list(e.args), str(e).splitlines()[0], "Remote Traceback (1)" in str(e)]',
    expected: { e: ['Exception', ['plain'], 'plain', true] },
  },
  {
    id: 'C1.natives',
    title: 'TypeError, RangeError, ReferenceError, URIError, EvalError are the exceptions of Python that mean the same',
    it: throws({
      type: thrown(new TypeError('t')),
      range: thrown(new RangeError('r')),
      reference: () => (globalThis as any).eval('notDefined'),
      uri: () => decodeURIComponent('%'),
      eval: thrown(new EvalError('e')),
      recursion: function again(): unknown {
        return again();
      },
    }),
    python: 'for n in ("type", "range", "reference", "uri", "eval", "recursion"):\n    out[n] = raised(it, n)',
    expected: {
      type: ['TypeError', 't'],
      range: ['ValueError', 'r'],
      reference: ['NameError', 'notDefined is not defined'],
      uri: ['ValueError', 'URI malformed'],
      eval: ['RuntimeError', 'e'],
      recursion: ['RecursionError', 'Maximum call stack size exceeded'],
    },
  },
  {
    id: 'C1.syntax',
    title: 'SyntaxError has its text',
    it: throws({ e: () => JSON.parse('{') }),
    python: 'e = caught(it, "e")\nout["e"] = [kind(e), "JSON" in str(e), "JSON" in e.msg]',
    expected: { e: ['SyntaxError', true, true] },
  },
  {
    id: 'C1.system',
    title: 'system errors are subclasses of OSError, with errno, text and file name',
    it: throws({
      enoent: () => readFileSync('/nonexistent'),
      enotdir: () => readFileSync('/dev/null/x'),
      eisdir: () => readFileSync('/'),
      scandir: () => readdirSync('/nonexistent'),
    }),
    python: `
      import errno
      for n in ("enoent", "enotdir", "eisdir", "scandir"):
          e = caught(it, n)
          out[n] = [kind(e), isinstance(e, OSError), errno.errorcode[e.errno], str(e.strerror).split(":")[0], e.filename]`,
    expected: {
      enoent: ['FileNotFoundError', true, 'ENOENT', expect.any(String), '/nonexistent'],
      enotdir: ['NotADirectoryError', true, 'ENOTDIR', expect.any(String), '/dev/null/x'],
      eisdir: ['IsADirectoryError', true, 'EISDIR', expect.any(String), expect.toBeOneOf([null, '/'])],
      scandir: ['FileNotFoundError', true, 'ENOENT', expect.any(String), '/nonexistent'],
    },
  },
  {
    id: 'C1.system.table',
    title: 'every code of the table has its class',
    it: throws({
      EEXIST: systemError('EEXIST', 17),
      EACCES: systemError('EACCES', 13),
      EPERM: systemError('EPERM', 1),
      ECONNREFUSED: systemError('ECONNREFUSED', 111),
      ECONNRESET: systemError('ECONNRESET', 104),
      ECONNABORTED: systemError('ECONNABORTED', 103),
      EPIPE: systemError('EPIPE', 32),
      ETIMEDOUT: systemError('ETIMEDOUT', 110),
      EAGAIN: systemError('EAGAIN', 11),
      EINTR: systemError('EINTR', 4),
      ESRCH: systemError('ESRCH', 3),
      ECHILD: systemError('ECHILD', 10),
    }),
    python: `
      for n in "EEXIST EACCES EPERM ECONNREFUSED ECONNRESET ECONNABORTED EPIPE ETIMEDOUT EAGAIN EINTR ESRCH ECHILD".split():
          out[n] = kind(caught(it, n))`,
    expected: {
      EEXIST: 'FileExistsError',
      EACCES: 'PermissionError',
      EPERM: 'PermissionError',
      ECONNREFUSED: 'ConnectionRefusedError',
      ECONNRESET: 'ConnectionResetError',
      ECONNABORTED: 'ConnectionAbortedError',
      EPIPE: 'BrokenPipeError',
      ETIMEDOUT: 'TimeoutError',
      EAGAIN: 'BlockingIOError',
      EINTR: 'InterruptedError',
      ESRCH: 'ProcessLookupError',
      ECHILD: 'ChildProcessError',
    },
  },
  {
    id: 'C1.python-named',
    title: 'our classes with names of Python are those',
    it: throws({
      key: thrown(new rpyc.exceptions.KeyError('k')),
      attribute: thrown(new rpyc.exceptions.AttributeError('a')),
      zero: thrown(new rpyc.exceptions.ZeroDivisionError('z')),
    }),
    python: `
      for n in ("key", "attribute", "zero"):
          e = caught(it, n)
          out[n] = [kind(e), list(e.args), isinstance(e, (LookupError, AttributeError, ArithmeticError))]`,
    expected: {
      key: ['KeyError', ['k'], true],
      attribute: ['AttributeError', ['a'], true],
      zero: ['ZeroDivisionError', ['z'], true],
    },
  },
  {
    id: 'C1.custom',
    title: "a class of the user's is js.<name>, or of the module that it names, with its own properties",
    it: throws({ custom: thrown(new NotFound('it')), placed: thrown(new Placed('elsewhere')) }),
    python: `
      e, p = caught(it, "custom"), caught(it, "placed")
      out["custom"] = [kind(e), e.key, list(e.args)]
      out["placed"] = kind(p)`,
    expected: { custom: ['js.NotFound', 'it', ['no it']], placed: 'shop.errors.Placed' },
  },
  {
    id: 'C1.aggregate',
    title: 'AggregateError never is an ExceptionGroup, which the loader of real Python raises over',
    it: throws({ e: thrown(new AggregateError([new Error('a')], 'several')) }),
    python: 'out["e"] = raised(it, "e")',
    expected: { e: ['js.AggregateError', 'several'] },
  },
  {
    id: 'C1.abort',
    title: 'AbortError is js.AbortError, a timeout of DOM is TimeoutError',
    it: throws({
      abort: () => AbortSignal.abort().throwIfAborted(),
      timeout: thrown(new DOMException('late', 'TimeoutError')),
    }),
    python: 'out["e"] = [kind(caught(it, "abort")), raised(it, "timeout")]',
    expected: { e: ['js.AbortError', ['TimeoutError', 'late']] },
  },
  {
    id: 'C1.not-an-error',
    title: 'what is no Error is an Exception around it',
    it: throws({
      text: thrown('just text'),
      nothing: thrown(undefined),
      object: thrown({ a: [1] }),
      number: thrown(5),
    }),
    python: 'out["e"] = [raised(it, n) for n in ("text", "nothing", "object", "number")]',
    expected: {
      e: [
        ['Exception', 'just text'],
        ['Exception', 'None'],
        ['Exception', "{'a': [1]}"],
        ['Exception', '5'],
      ],
    },
  },
  {
    id: 'C1.rethrown',
    title: 'an exception of Python that passes through Node is itself again, with both tracebacks',
    it: ({ face }) =>
      face === 'blocking'
        ? (f: any) => rpyc.sync(f)()
        : async (f: any) => {
            await rpyc.awaitable(f)();
          },
    python: `
      class Own(Exception):
          pass
      def boom():
          raise KeyError("python's own")
      e = caught(it, boom)
      out["e"] = [kind(e), list(e.args), "Remote Traceback (1)" in str(e), "in boom" in str(e)]`,
    expected: { e: ['KeyError', ["python's own"], true, true] },
  },
  {
    id: 'C1.cause',
    title: 'the cause is in the traceback',
    it: throws({ e: thrown(new Error('outer', { cause: new RangeError('inner') })) }),
    python: 'e = caught(it, "e")\nout["e"] = [list(e.args), "Caused by: RangeError: inner" in str(e)]',
    expected: { e: [['outer'], true] },
  },
  {
    id: 'C1.loader-safe',
    title: 'nothing that the loader of real Python chokes on is sent: the connection survives',
    it: throws({
      args: thrown(
        Object.assign(new Error('a'), { args: null, __cause__: 1, __class__: 2, with_traceback: 3, _private: 4 }),
      ),
      characters: thrown(Object.assign(new Error('c'), { characters_written: 'many' })),
      surrogate: thrown(new Error('bad \ud800 text')),
      big: thrown(Object.assign(new Error('big'), { digits: 10n ** 4400n })),
      start: thrown(Object.assign(new rpyc.exceptions.UnicodeDecodeError('x'), { start: 'no number' })),
    }),
    python: `
      out["kinds"] = [isinstance(caught(it, n), Exception) for n in ("args", "characters", "surrogate", "big", "start")]
      out["surrogate"] = raised(it, "surrogate")[1]
      out["alive"] = conn.ping() is None`,
    expected: { kinds: Array(5).fill(true), surrogate: 'bad \ufffd text', alive: true },
  },
  {
    id: 'C1.version',
    title: 'no warning about another version is appended',
    notApplicable: ({ version }) =>
      version === '4.1.5'
        ? 'the wire does not tell RPyC 4.1 from 5.3; to what says 5.3, a real 5.3.1 included, RPyC 4.1.5 appends its warning'
        : undefined,
    it: throws({ e: thrown(new Error('plain')) }),
    python:
      'e = caught(it, "e")\nout["e"] = ["WARNING" in str(e), getattr(e, "_remote_version", "").split(".")[0] in ("", str(rpyc.version.version[0]))]',
    expected: { e: [false, true] },
  },
  {
    id: 'C1.redacted',
    title: 'without include_local_traceback and include_local_version, neither is told',
    config: { include_local_traceback: false, include_local_version: false },
    it: throws({ e: thrown(new Error('plain')) }),
    python:
      'e = caught(it, "e")\nout["e"] = ["<traceback denied>" in str(e), ".ts" in str(e), "+node" in str(getattr(e, "_remote_version", ""))]',
    expected: { e: [true, false, false] },
  },
];

/** What `raise <text>` raises in Python, as Node sees it. */
function* from({ root }: { root: any }, text: string): Generator<unknown, any, any> {
  return yield* raised(() => root.eval(`(_ for _ in ()).throw(${text})`));
}

const C2: readonly UsedRow[] = [
  {
    id: 'C2.hierarchy',
    title: 'builtin exceptions are the classes of rpyc.exceptions, with the inheritance of Python',
    *steps(user) {
      const { exceptions: py } = rpyc;
      const cases: [string, new (...args: any[]) => Error, new (...args: any[]) => Error][] = [
        ['ValueError("v")', py.ValueError, py.Exception],
        ['KeyError("k")', py.KeyError, py.LookupError],
        ['ZeroDivisionError()', py.ZeroDivisionError, py.ArithmeticError],
        ['FileNotFoundError(2, "no")', py.FileNotFoundError, py.OSError],
        ['NotImplementedError()', py.NotImplementedError, py.RuntimeError],
        ['TimeoutError()', py.TimeoutError, py.OSError],
      ];
      for (const [text, cls, base] of cases) {
        const error = yield* from(user, text);
        expect(error).toBeInstanceOf(cls);
        expect(error).toBeInstanceOf(base);
        expect(error).toBeInstanceOf(rpyc.PythonError);
        expect(error).toBeInstanceOf(Error);
      }
    },
  },
  {
    id: 'C2.fields',
    title: 'module, name, arguments, message and traceback of Python',
    *steps(user) {
      const error = yield* raised(() => user.root.raise_value('bad'));
      expect([error.pyModule, error.pyName, error.args, error.message]).toEqual([
        'builtins',
        'ValueError',
        ['bad'],
        'bad',
      ]);
      expect(error.remoteTraceback).toContain('raise ValueError');
      expect(error.stack).toContain('========= Remote Traceback (1) =========');
      expect((yield* from(user, 'ValueError("a", 1)')).args).toEqual(['a', 1]);
    },
  },
  {
    id: 'C2.natives',
    title: 'TypeError and SyntaxError of Python are also those of JavaScript',
    *steps(user) {
      const type = yield* from(user, 'TypeError("t")');
      expect(type).toBeInstanceOf(TypeError);
      expect(type).toBeInstanceOf(rpyc.exceptions.TypeError);
      expect(yield* raised(() => user.root.eval('1 +'))).toBeInstanceOf(SyntaxError);
    },
  },
  {
    id: 'C2.attributes',
    title: 'attributes are copied, and never overwrite members of Error or our code',
    *steps(user) {
      const error = yield* raised(() => user.root.raise_custom('c'));
      expect(error.attrs.code).toBe(42);
      const file = yield* from(user, 'FileNotFoundError(2, "no such", "/x")');
      expect([file.errno, file.filename, file.strerror]).toEqual([2, '/x', 'no such']);
      const evil = yield* from(
        user,
        'type("Evil", (Exception,), {"stack": "s", "message": "m", "constructor": "c", "__proto__": 1, "toString": 2})("text")',
      );
      expect(evil.message).toBe('text');
      expect(evil).toBeInstanceOf(rpyc.PythonError);
      expect(typeof evil.toString).toBe('function');
    },
  },
  {
    id: 'C2.custom',
    title: "a class of the peer's is a PythonError with its module and name, or the class that was registered",
    *steps(user) {
      const error = yield* raised(() => user.root.raise_custom('c'));
      expect(error).toBeInstanceOf(rpyc.PythonError);
      expect([error.pyModule, error.pyName, error.name]).toEqual(['server', 'CustomError', 'server.CustomError']);
      class Known extends rpyc.PythonError {}
      rpyc.registerException('matrix.Known', Known);
      const known = yield* from(user, 'type("Known", (Exception,), {"__module__": "matrix"})("k")');
      expect([known instanceof Known, known.message]).toEqual([true, 'k']);
    },
  },
  {
    id: 'C2.nested',
    title: 'tracebacks of exceptions that crossed the wire before are all there',
    *steps({ root, face }) {
      const inner = (): unknown => root.raise_value('deep');
      const error = yield* raised(() => root.call(face === 'blocking' ? inner : async () => await inner()));
      expect(error).toBeInstanceOf(rpyc.exceptions.ValueError);
      expect(error.remoteTraceback).toContain('Remote Traceback');
      expect(error.remoteTraceback).toContain('exposed_raise_value');
    },
  },
  {
    id: 'C2.chained',
    title: 'the traceback of `raise … from` names the cause',
    *steps({ root }) {
      const error = yield* raised(() => root.raise_from());
      expect(error).toBeInstanceOf(rpyc.exceptions.RuntimeError);
      expect(error.remoteTraceback).toContain('KeyError');
      expect(error.remoteTraceback).toContain('direct cause');
    },
  },
  {
    id: 'C2.stop-iteration',
    title: 'StopIteration of an ordinary call is thrown',
    *steps({ root }) {
      const error = yield* raised(() => root.eval('next(iter(()))'));
      expect(error).toBeInstanceOf(rpyc.exceptions.StopIteration);
    },
  },
  {
    id: 'C2.system-exit',
    title: 'SystemExit is an error like any other: no process ends',
    *steps(user) {
      const error = yield* from(user, 'SystemExit(3)');
      expect(error).toBeInstanceOf(rpyc.exceptions.SystemExit);
      expect(error.args).toEqual([3]);
      expect(yield user.root.add(1, 1)).toBe(2);
    },
  },
  {
    id: 'C2.keyboard-interrupt',
    title: 'a peer that is interrupted hangs up: the call ends with EOFError, this process goes on',
    own: true,
    *steps({ root }) {
      const error = yield* raised(() => root.eval('(_ for _ in ()).throw(KeyboardInterrupt())'));
      expect(error).toBeInstanceOf(rpyc.EOFError);
      expect(error.code).toBe('ERR_RPYC_CLOSED');
    },
  },
  {
    id: 'C2.odd-attributes',
    title: 'what cannot travel by value arrives as the text of its repr()',
    *steps(user) {
      const error = yield* from(user, 'ValueError([1], Point(1, 2))');
      expect(error.args).toEqual(['[1]', 'Point(1, 2)']);
      expect(error.message).toContain('[1]');
    },
  },
];

export const C: readonly Row[] = [...C1, ...C2];
