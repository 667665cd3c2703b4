// Errors between Node peers (mapping G5): their own class, message, code, cause and data, in both faces; and what Python makes of the same.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { type NodePeer, startNode } from '../support/node.ts';
import { NotFound, Owner, THROWN } from '../support/owner.ts';
import { describePython, PYTHONS, runClient, startPython } from '../support/python.ts';
import { connect, FACES, raised, rootOf, run, type Steps } from './faces.ts';
import { serve } from './nodes.ts';

const { exceptions } = rpyc;

describe.each(FACES)('An error of a Node server, to a Node client, %s,', (face) => {
  let server: NodePeer;
  let denying: NodePeer;
  beforeAll(async () => {
    server = await startNode({}, 'owner-server.ts');
    denying = await startNode({ config: { include_local_traceback: false } }, 'owner-server.ts');
  });
  afterAll(async () => {
    await server.stop();
    await denying.stop();
  });

  const check = (name: string, steps: (root: any) => Steps, of = () => server) =>
    test(name, async () => {
      const conn = await connect(face, of().port);
      try {
        await run(face, steps(rootOf(face, conn)));
      } finally {
        await conn.close();
      }
    });

  check('is of its own native class, and of the class that Python knows it by', function* (root) {
    const expected: [string, abstract new (...args: any[]) => Error, keyof typeof exceptions][] = [
      ['error', Error, 'Exception'],
      ['type', TypeError, 'TypeError'],
      ['range', RangeError, 'ValueError'],
      ['syntax', SyntaxError, 'SyntaxError'],
      ['reference', ReferenceError, 'NameError'],
      ['evaluation', EvalError, 'RuntimeError'],
      ['uri', URIError, 'ValueError'],
      ['overflow', RangeError, 'RecursionError'],
    ];
    for (const [what, native, python] of expected)
      for (const method of ['throw', 'reject']) {
        const error = yield* raised(() => root[method](what));
        const local = THROWN[what]() as Error;
        expect(Object.getPrototypeOf(error), what).toBe(native.prototype);
        expect(error, what).toBeInstanceOf(exceptions[python]);
        expect(error, what).toBeInstanceOf(rpyc.PythonError);
        expect([error.name, error.message], what).toEqual([local.name, local.message]);
        expect(String(error), what).toBe(String(local));
        expect(error.stack, what).toContain('owner.ts');
        expect(error, what).toMatchObject({ pyModule: 'builtins', pyName: python, remoteVersion: '6.0.1+node' });
      }
  });

  check('has its code, which none of ours replaces', function* (root) {
    expect(yield* raised(() => root.throw('code'))).toMatchObject({ message: 'bad', code: 'E_BAD' });
    expect(yield* raised(() => root.throw('node'))).toMatchObject({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
    // Codes of ours speak of errors of this side.
    const ours = yield* raised(() => root.throw('ourCode'));
    expect(ours.code).toBeUndefined();
    expect(ours.attrs.code).toBe('ERR_RPYC_CLOSED');
  });

  check('has its name and its own data', function* (root) {
    expect(yield* raised(() => root.throw('named'))).toMatchObject({ name: 'Special', message: 'bad' });
    const error = yield* raised(() => root.throw('details'));
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({
      status: 404,
      details: { field: 'x', list: [1, { deep: true }] },
      $odd: 'odd',
      _low: 1,
      big: 2n ** 70n,
    });
    expect(typeof error.when).toBe('string');
    expect(Object.keys(error)).toEqual(expect.arrayContaining(['status', 'details', '$odd', '_low', 'big']));
  });

  check('of the system has code, errno, syscall and path', function* (root) {
    const local = THROWN.system() as any;
    const error = yield* raised(() => root.throw('system'));
    expect(Object.getPrototypeOf(error)).toBe(Error.prototype);
    expect(error).toBeInstanceOf(exceptions.FileNotFoundError);
    const { code, errno, syscall, message } = local;
    expect(error).toMatchObject({ code, errno, syscall, message });
    expect(yield* raised(() => root.throw('open'))).toMatchObject({
      code: 'EACCES',
      errno: -13,
      syscall: 'open',
      path: '/x',
      message: 'EACCES: denied, open',
    });
  });

  check('of the DOM is one, with its name', function* (root) {
    for (const [what, name] of [
      ['abort', 'AbortError'],
      ['late', 'TimeoutError'],
      ['data', 'DataCloneError'],
    ]) {
      const local = THROWN[what]() as DOMException;
      const error = yield* raised(() => root.throw(what));
      expect(error).toBeInstanceOf(DOMException);
      expect([error.name, error.message, error.code]).toEqual([name, local.message, local.code]);
      expect(error).toBeInstanceOf(rpyc.PythonError);
    }
    expect(yield* raised(() => root.throw('late'))).toBeInstanceOf(exceptions.TimeoutError);
    expect(yield* raised(() => root.throw('nodeAbort'))).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
  });

  check('of several has them all', function* (root) {
    const error = yield* raised(() => root.throw('aggregate'));
    expect(error).toBeInstanceOf(AggregateError);
    expect(error.message).toBe('several');
    const [first, second, third] = error.errors;
    expect(error.errors).toHaveLength(3);
    expect(first).toBeInstanceOf(RangeError);
    expect([first.message, second, third.message, third.key]).toEqual(['first', 'second', 'no third', 'third']);
    expect(first.stack).toMatch(/^RangeError: first\n[\s\S]*owner\.ts/);
  });

  check('has its cause, and the cause of that', function* (root) {
    const error = yield* raised(() => root.throw('caused'));
    expect(error.cause).toBeInstanceOf(RangeError);
    expect(error.cause).toMatchObject({ message: 'middle', code: 'E_MIDDLE' });
    expect(error.cause.cause).toMatchObject({ message: 'no inner', key: 'inner' });
    expect(Object.keys(error)).not.toContain('cause');
    expect((yield* raised(() => root.throw('causedByValue'))).cause).toBe('just text');
    const python = yield* raised(() => root.throw('causedByPython'));
    expect(python.cause).toBeInstanceOf(exceptions.KeyError);
    expect(python.cause.args).toEqual(['k']);
  });

  check('has a cause as deep as bounds allow, and a circle of them', function* (root) {
    const circle = yield* raised(() => root.throw('circle'));
    expect(circle.cause.cause).toBe(circle);
    const endless = yield* raised(() => root.throw('endless'));
    let depth = 0;
    for (let at = endless; at !== undefined; at = at.cause) depth++;
    expect(endless.message).toBe('999');
    expect(depth).toBe(32);
  });

  check(
    'is of its registered class, with message and data of the thrown one; else it is named by its class',
    function* (root) {
      const unknown = yield* raised(() => root.throw('registered'));
      expect(unknown).toBeInstanceOf(rpyc.PythonError);
      expect(unknown).toMatchObject({ name: 'js.NotFound', message: 'no it', key: 'it' });
      const narrow = yield* raised(() => root.throw('narrow'));
      expect(narrow).toBeInstanceOf(RangeError);
      expect(narrow).toMatchObject({ name: 'js.Narrow', message: 'too narrow' });
    },
  );

  check('keeps its class on the way through others', function* (root) {
    const through = yield* raised(() =>
      root.through(() => {
        throw Object.assign(new RangeError('mine', { cause: new SyntaxError('why') }), { code: 'E_MINE' });
      }),
    );
    expect(Object.getPrototypeOf(through)).toBe(RangeError.prototype);
    expect(through).toMatchObject({ message: 'mine', code: 'E_MINE' });
    expect(through.cause).toBeInstanceOf(SyntaxError);
    const python = yield* raised(() => root.throw('python'));
    expect(python).toBeInstanceOf(exceptions.KeyError);
    expect(python.args).toEqual(['k']);
  });

  check(
    'withholds causes with the traceback',
    function* (root) {
      const error = yield* raised(() => root.throw('caused'));
      expect([error.message, error.cause]).toEqual(['outer', undefined]);
      expect(error.stack).toContain('<traceback denied>');
      const several = yield* raised(() => root.throw('aggregate'));
      expect(several.errors.map((part: any) => part.message ?? part)).toEqual(['first', 'second', 'no third']);
      expect(several.errors[0].stack).toBe('RangeError: first');
    },
    () => denying,
  );
});

test('a registered class stands for the errors of that name, without its constructor being told the wrong thing', async () => {
  rpyc.registerException('js.NotFound', NotFound);
  const { port } = await startNode({}, 'owner-server.ts');
  const conn = await rpyc.connect('127.0.0.1', port);
  const error = await conn.root.throw('registered').catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(NotFound);
  expect([error.message, error.key]).toEqual(['no it', 'it']);
  await conn.close();
});

describePython.each(PYTHONS)('An error of a Node server, to a Python client of RPyC %s,', (version) => {
  test('is what it was, and its data are attributes', async () => {
    const { port } = await serve(Owner);
    const out = await runClient(
      version,
      port,
      `
      def caught(what):
          try:
              root.throw(what)
          except Exception as e:
              return e
      def base(e):
          return [c.__name__.split(".")[-1] for c in type(e).__mro__ if c.__name__ != "Derived"][0]
      for what in ${JSON.stringify(Object.keys(THROWN))}:
          e = caught(what)
          out[what] = [base(e), str(e).split("\\n")[0]]
          repr(e)
      out["code"].append(caught("code").code)
      e = caught("details")
      out["details"] += [e.status, e.details, e.big == 2 ** 70, hasattr(e, "_low")]
      e = caught("open")
      out["open"] += [e.code, e.errno, e.syscall, e.path, e.filename]
      out["node"].append(caught("node").code)
      out["attributes"] = sorted(n for n in caught("range").__dict__ if not n.startswith("_"))
      out["alive"] = [root.ours()() for _ in range(3)]
      `,
    );
    expect(out).toMatchObject({
      error: ['Exception', 'plain'],
      type: ['TypeError', 'bad type'],
      range: ['ValueError', 'bad range'],
      overflow: ['RecursionError', 'Maximum call stack size exceeded'],
      aggregate: ['AggregateError', 'several'],
      abort: ['AbortError', expect.stringContaining('aborted')],
      late: ['TimeoutError', 'late'],
      code: ['Exception', 'bad', 'E_BAD'],
      named: ['Exception', 'bad'],
      details: ['ValueError', 'bad', 404, "{'field': 'x', 'list': [1, {'deep': True}]}", true, false],
      open: ['PermissionError', expect.stringContaining('EACCES'), 'EACCES', 13, 'open', '/x', '/x'],
      node: ['ValueError', expect.stringContaining('size'), 'ERR_OUT_OF_RANGE'],
      caused: ['Exception', 'outer'],
      endless: ['Exception', '999'],
      registered: ['NotFound', 'no it'],
      narrow: ['Narrow', 'too narrow'],
      python: ['KeyError', "'k'"],
      attributes: ['js_error'],
      alive: ['ours', 'ours', 'ours'],
    });
  });

  test('comes back through Python as what it was', async () => {
    const { ready } = await startPython(
      version,
      `
import rpyc, json
from rpyc.utils.server import ThreadedServer
class Through(rpyc.Service):
    def exposed_call(self, f):
        return f()
server = ThreadedServer(Through, hostname="127.0.0.1", port=0)
server.listener.listen(16)
print("READY", json.dumps({"port": server.port}), flush=True)
server.start()
`,
    );
    const conn = await rpyc.connect('127.0.0.1', ready.port);
    const through = (error: unknown) =>
      conn.root
        .call(() => {
          throw error;
        })
        .catch((caught: unknown) => caught);
    const range = await through(
      Object.assign(new RangeError('mine', { cause: new URIError('why') }), { code: 'E_MINE' }),
    );
    expect(Object.getPrototypeOf(range)).toBe(RangeError.prototype);
    expect(range).toMatchObject({ message: 'mine', code: 'E_MINE' });
    expect(range.cause).toBeInstanceOf(URIError);
    class Unknown extends RangeError {}
    expect(await through(new Unknown('who'))).toMatchObject({ name: 'js.Unknown', message: 'who' });
    expect(await through(new DOMException('stop', 'AbortError'))).toBeInstanceOf(DOMException);
    await conn.close();
  });
});
