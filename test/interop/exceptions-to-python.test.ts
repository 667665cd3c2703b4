// Counterpart of rpyc's tests/test_remote_exception.py, and of the crash list of mapping section C: what a Node service throws, as Python clients
// of every release see it. The other direction is exceptions-from-python.test.ts.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, PYTHONS, runClient } from '../support/python.ts';
import { serve } from './nodes.ts';

class NotFound extends Error {
  key = 'k';
}
rpyc.registerException('shop.NotFound', NotFound);

const THROWN: Record<string, () => unknown> = {
  aggregate: () => new AggregateError([new Error('first part'), new TypeError('second part')], 'several'),
  abort: () => new DOMException('stopped', 'AbortError'),
  timeout: () => new DOMException('late', 'TimeoutError'),
  data: () => new DOMException('cloned', 'DataCloneError'),
  eof: () => new rpyc.EOFError(),
  expired: () => new rpyc.TimeoutError(),
  connect: () => new rpyc.ConnectError('nobody there', []),
  stopasync: () => new rpyc.exceptions.StopAsyncIteration('end'),
  keyboard: () => new rpyc.exceptions.KeyboardInterrupt('ctrl'),
  exit: () => new rpyc.exceptions.SystemExit(3),
  tuplekey: () => new rpyc.exceptions.KeyError(rpyc.tuple(1, 'a')),
  registered: () => new NotFound('gone'),
  uri: () => new URIError('bad uri'),
  evaluation: () => new EvalError('bad eval'),
  unicode: () => new rpyc.exceptions.UnicodeDecodeError('utf-8', Buffer.from('x'), 0, 1, 'why'),
  notimplemented: () => new rpyc.exceptions.NotImplementedError('later'),
  system: () => Object.assign(new Error('EACCES: denied'), { code: 'EACCES', errno: -13, syscall: 'open', path: '/x' }),
  unknownsystem: () => Object.assign(new Error('EXDEV: cross'), { code: 'EXDEV', errno: -18, syscall: 'rename' }),
  node: () => {
    let thrown: unknown;
    try {
      Buffer.alloc(-1);
    } catch (error) {
      thrown = error;
    }
    return thrown;
  },
  getters: () =>
    Object.defineProperty(Object.assign(new NotFound('odd'), { fine: 1 }), 'bad', {
      enumerable: true,
      get() {
        throw new Error('unreadable');
      },
    }),
};

const hostile: unknown[] = [];

class Thrower extends rpyc.Service {
  exposed_throw(what: string) {
    throw THROWN[what]();
  }
  exposed_hostile(i: number) {
    throw hostile[i];
  }
  get exposed_getter() {
    throw new RangeError('the getter threw');
  }
  exposed_with_setter = {
    set x(_value: unknown) {
      throw new TypeError('the setter threw');
    },
  };
  async exposed_through(f: any) {
    return await f();
  }
  async exposed_chain(f: any) {
    try {
      return await f();
    } catch (error) {
      throw new Error('wrapped', { cause: error });
    }
  }
  *exposed_stops() {
    yield 1;
    throw new rpyc.exceptions.StopIteration();
  }
  exposed_add(a: number, b: number) {
    return a + b;
  }
}

const SEEN = `
def seen(f, *a):
    try:
        f(*a)
    except BaseException as e:
        return e
def told(f, *a):
    e = seen(f, *a)
    names = [c.__name__.split(".")[-1] for c in type(e).__mro__ if c.__name__ not in ("Derived", "object", "BaseException", "Exception", "GenericException")]
    return [sorted(set(names)), str(e).split("\\n")[0]]
`;

describePython.each(PYTHONS)('To a Python client of RPyC %s', (version) => {
  test('every kind of error is an exception of its own class', async () => {
    const { port } = await serve(Thrower);
    const out = await runClient(
      version,
      port,
      `${SEEN}
for name in ${JSON.stringify(Object.keys(THROWN))}:
    out[name] = told(root.throw, name)
e = seen(root.throw, "exit")
out["codes"] = [list(e.args), seen(root.throw, "system").errno, seen(root.throw, "system").filename, seen(root.throw, "getters").fine, hasattr(seen(root.throw, "getters"), "bad")]
out["key"] = list(seen(root.throw, "tuplekey").args)
out["aggregate text"] = [t in str(seen(root.throw, "aggregate")) for t in ("first part", "second part", "Error 1 of 2")]
out["getter"] = [told(lambda: root.getter)[1], raised(setattr, root.with_setter, "x", 1)[0]]
out["alive"] = root.add(5, 10)
`,
    );
    const at = (name: string) => [expect.arrayContaining([name]), expect.any(String)];
    expect(out).toEqual({
      aggregate: [['AggregateError'], 'several'],
      abort: [['AbortError'], 'stopped'],
      timeout: [['OSError', 'TimeoutError'], 'late'],
      data: [['DataCloneError'], 'cloned'],
      eof: [['EOFError'], 'stream has been closed'],
      expired: [['OSError', 'TimeoutError'], 'result expired'],
      connect: [['ConnectionError', 'OSError'], 'nobody there'],
      stopasync: [['StopAsyncIteration'], 'end'],
      keyboard: [['KeyboardInterrupt'], 'ctrl'],
      exit: [['SystemExit'], '3'],
      tuplekey: [['KeyError', 'LookupError'], "(1, 'a')"],
      registered: [['NotFound'], 'gone'],
      uri: [['ValueError'], 'bad uri'],
      evaluation: [['RuntimeError'], 'bad eval'],
      unicode: at('UnicodeDecodeError'),
      notimplemented: [['NotImplementedError', 'RuntimeError'], 'later'],
      system: [['OSError', 'PermissionError'], "[Errno 13] EACCES: denied: '/x'"],
      unknownsystem: [['OSError'], '[Errno 18] EXDEV: cross'],
      node: [['ValueError'], expect.stringContaining('size')],
      getters: [['NotFound'], 'odd'],
      codes: [[3], 13, '/x', 1, false],
      key: [[1, 'a']],
      'aggregate text': [true, true, true],
      getter: ['the getter threw', 'AttributeError'],
      alive: 15,
    });
  });

  test('a registered class is the one of its module where the client instantiates custom exceptions', async () => {
    const { port } = await serve(Thrower);
    const out = await runClient(
      version,
      port,
      `${SEEN}
import sys, types
shop = types.ModuleType("shop")
class NotFound(Exception): pass
shop.NotFound = NotFound
sys.modules["shop"] = shop
e = seen(root.throw, "registered")
out["r"] = [isinstance(e, NotFound), e.key]
`,
      { instantiate_custom_exceptions: true },
    );
    expect(out).toEqual({ r: [true, 'k'] });
  });

  test('tracebacks are nested and numbered, and a cause is told in the text', async () => {
    const { port } = await serve(Thrower);
    const out = await runClient(
      version,
      port,
      `${SEEN}
def boom():
    raise KeyError("own")
def deeper():
    root.through(boom)
once, twice = str(seen(root.through, boom)), str(seen(root.through, deeper))
out["once"] = ["Remote Traceback (1)" in once, "Remote Traceback (2)" in once, "in boom" in once]
out["twice"] = ["Remote Traceback (%d)" % n in twice for n in (1, 2, 3, 4, 5)]
chained = seen(root.chain, boom)
out["cause"] = [str(chained).startswith("wrapped"), "Caused by: KeyError: own" in str(chained), "in boom" in str(chained)]
def from_cause():
    try:
        boom()
    except KeyError as e:
        raise ValueError("outer") from e
out["python cause"] = ["direct cause" in str(seen(root.through, from_cause))]
out["stop"] = told(lambda: list(root.stops()))
`,
    );
    expect(out.once).toEqual([true, true, true]);
    expect(out.twice.slice(0, 4)).toEqual([true, true, true, true]);
    expect(out.cause).toEqual([true, true, true]);
    expect(out['python cause']).toEqual([true]);
    expect(out.stop).toEqual([['RuntimeError'], 'generator raised StopIteration']);
  });

  test('traceback and version are withheld where the configuration says so', async () => {
    const { port } = await serve(Thrower, { include_local_traceback: false, include_local_version: false });
    const out = await runClient(
      version,
      port,
      `${SEEN}
e = seen(root.throw, "aggregate")
out["r"] = [e._remote_version, "<traceback denied>" in str(e), "first part" in str(e), ".ts" in str(e), "WARNING" in str(e)]
`,
    );
    expect(out).toEqual({ r: ['<version denied>', true, false, false, false] });
  });

  test('whatever is thrown, the real loader makes an exception of it and the connection lives', async () => {
    const odd = fc.oneof(
      fc.anything({
        withBigInt: true,
        withDate: true,
        withMap: true,
        withSet: true,
        withTypedArray: true,
        withNullPrototype: true,
      }),
      fc.string({ unit: 'binary' }),
      fc.constantFrom<unknown>(Symbol('s'), () => 1, Number.NaN, 10n ** 5000n, '\0', 'a\ud800', ''),
    );
    const names = [
      ...'args __cause__ __class__ __context__ __traceback__ characters_written start end object encoding reason errno filename strerror msg'.split(
        ' ',
      ),
      ...'with_traceback add_note _remote_version _remote_tb name value code print_file_and_line text offset lineno exceptions errors then'.split(
        ' ',
      ),
    ];
    const classes = [
      'Exception',
      'OSError',
      'BlockingIOError',
      'SyntaxError',
      'UnicodeDecodeError',
      'UnicodeEncodeError',
      'StopIteration',
      'SystemExit',
      'KeyError',
      'ImportError',
      'ExceptionGroup',
      'BaseExceptionGroup',
      'object',
      'len',
      '\0',
      '',
      'a.b',
      'é\ud800',
    ];
    const error = fc
      .record({
        how: fc.constantFrom('plain', 'python', 'custom', 'value'),
        cls: fc.constantFrom(...classes),
        module: fc.constantFrom('builtins', 'js', 'os', 'no.such', '', '\0', '..', 'é'),
        args: fc.array(odd, { maxLength: 3 }),
        attrs: fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string()), odd, { maxKeys: 5 }),
      })
      .map(({ how, cls, module, args, attrs }) => {
        if (how === 'value') return args[0];
        const made = how === 'python' ? new rpyc.PythonError(...args) : new Error('odd');
        const put = (key: string, value: unknown) =>
          Object.defineProperty(made, key, { value, enumerable: true, configurable: true, writable: true });
        if (how === 'python') {
          put('pyName', cls);
          put('pyModule', module);
          Object.assign((made as rpyc.PythonError).attrs, attrs);
        }
        if (how === 'custom') {
          const named = { [cls]: class extends Error {} }[cls] as any;
          Object.defineProperty(named, 'rpycModule', { value: module });
          Object.setPrototypeOf(made, named.prototype);
        }
        for (const [key, value] of Object.entries(attrs)) if (key !== '__proto__') put(key, value);
        return made;
      });
    hostile.splice(0, hostile.length, ...fc.sample(error, { numRuns: 300, seed: 20_26 }));
    const { port } = await serve(Thrower);
    for (const custom of [false, true]) {
      const out = await runClient(
        version,
        port,
        `${SEEN}
alive = 0
out["none"] = []
for i in range(${hostile.length}):
    e = seen(root.hostile, i)
    if e is None:
        out["none"].append(i)
    str(e); repr(e)
    alive += root.add(i, 1) == i + 1
out["alive"] = alive
`,
        { instantiate_custom_exceptions: custom, import_custom_exceptions: custom },
      );
      expect(out).toEqual({ none: [], alive: hostile.length });
    }
  });
});
