// Node as a slave: for real Python masters, and for a Node master. Counterpart of tests/test_classic.py and tests/test_teleportation.py of
// RPyC with the roles turned; functions are teleported by their source.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, PYTHONS, pythonJson } from '../support/python.ts';
import { FACES } from './faces.ts';
import { serve } from './nodes.ts';

const attempt = `
import json, rpyc, sys
out = {}
def attempt(get):
    try:
        return get()
    except Exception as e:
        return type(e).__name__.split(".")[-1] + ": " + str(e).split(chr(10))[0]
`;

describePython.each(PYTHONS)('RPyC %s as the master of a Node slave', (version) => {
  const own = version.startsWith('6') ? 6 : 5;
  test('uses modules, eval, execute and the namespace', async () => {
    const { port } = await serve(rpyc.JsSlaveService);
    const folder = mkdtempSync(join(tmpdir(), 'rpyc-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const out = await pythonJson(
      version,
      `${attempt}
conn = rpyc.classic.connect("127.0.0.1", ${port})
m = conn.modules
out["join"] = m.path.join("a", "b")
out["dotted"] = m["node:path"].basename("/x/y")
m.fs.writeFileSync(sys.argv[1] + "/f", "text")
out["read"] = m.fs.readFileSync(sys.argv[1] + "/f", "utf8")
out["mkdir"] = m.fs.mkdirSync(sys.argv[1] + "/a/b", recursive=True) == sys.argv[1] + "/a"
out["names"] = list(m.fs.readdirSync(sys.argv[1]))
out["enoent"] = attempt(lambda: m.fs.readFileSync("/no/such"))
out["missing"] = attempt(lambda: m["no-such-module"])
out["found"] = ["fs" in m, "no-such-module" in m]
out["global"] = m.builtins.JSON.stringify([1, None, "x"])
out["eval"] = conn.eval("[1, 2, 3].map((n) => n * n)")[2]
conn.execute("var a = 1; let b = 2; function add(x, y) { return x + y + a } class P { constructor() { this.v = 7 } get() { return this.v } }")
out["namespace"] = [conn.namespace["a"], conn.namespace["b"], conn.namespace["add"](2, 3), conn.eval("a + b"), conn.eval("new P()").get()]
conn.namespace["z"] = 40
out["set"] = conn.eval("z + 2")
out["callback"] = conn.eval("(f) => f(20) + 1")(lambda n: n * 2)
out["undefined"] = attempt(lambda: conn.eval("nowhere"))
out["statement"] = attempt(lambda: conn.eval("if (1) 2"))
out["clean"] = conn.eval("typeof globalThis.add + typeof globalThis.a + typeof globalThis.z")
out["obtained"] = rpyc.classic.obtain(conn.eval("({a: [1, 2.5], b: new Set([1])})"))["a"] if ${version.startsWith('6') ? 'conn._config.update(allow_pickle=True) or True' : 'True'} else None
out["delivered"] = list(rpyc.classic.deliver(conn, [1, {"a": 2}]))[0]
conn.modules.fs.extra = 5
out["patched"] = conn.eval("require('fs').extra")
del conn.modules.fs.extra
conn.close()
print(json.dumps(out))`,
      { args: [folder] },
    );
    expect(out).toEqual({
      join: 'a/b',
      dotted: 'y',
      read: 'text',
      mkdir: true,
      names: ['a', 'f'],
      enoent: expect.stringMatching(/^FileNotFoundError: .*ENOENT/),
      missing: expect.stringContaining("No module named 'no-such-module'"),
      found: [true, false],
      global: expect.any(String),
      eval: 9,
      namespace: [1, 2, 6, 3, 7],
      set: 42,
      callback: 41,
      undefined: expect.stringMatching(/^NameError.*nowhere/),
      statement: expect.stringMatching(/^SyntaxError/),
      clean: 'undefinedundefinedundefined',
      obtained: [1, 2.5],
      delivered: 1,
      patched: 5,
    });
    expect(readFileSync(join(folder, 'f'), 'utf8')).toBe('text');
  });

  test('reaches forbidden names through eval only', async () => {
    const { port } = await serve(rpyc.JsSlaveService);
    const out = await pythonJson(
      version,
      `${attempt}
conn = rpyc.classic.connect("127.0.0.1", ${port})
subjects = {"root": conn.root, "module": conn.modules.fs, "function": conn.modules.fs.readFileSync, "list": conn.eval("[1]"), "dict": conn.eval("({a: 1})"),
    "globals": conn.builtins, "instance": conn.eval("new (class A { m() {} })()")}
names = ["constructor", "__proto__", "prototype", "__defineGetter__", "__lookupGetter__", "caller", "callee", "arguments"]
for kind, subject in subjects.items():
    for name in names:
        for how, get in [("get", lambda: getattr(subject, name)), ("set", lambda: setattr(subject, name, 1)), ("del", lambda: delattr(subject, name))]:
            try:
                get()
                out[kind + "." + name + "." + how] = "reached"
            except AttributeError as e:
                pass
out["eval"] = conn.eval("(() => 1).constructor === Function")
print(json.dumps(out))
conn.close()`,
    );
    expect(out).toEqual({ eval: true });
  });

  test('is itself a slave of ours, by a MasterService and in full duplex', async () => {
    const seen: unknown[] = [];
    class Master extends rpyc.MasterService {
      override onConnect(conn: rpyc.Connection) {
        void super.onConnect(conn);
        const { modules, namespace } = conn as unknown as rpyc.classic.ClassicConnection;
        void (async () => {
          seen.push(await modules.os.path.join('a', 'b'), await modules.sys.version_info[0], await namespace.x);
          await rpyc.classic.of(conn).execute('done.set()');
        })().catch((error) => seen.push(error));
      }
    }
    const { port } = await serve(Master, {}, { protocol: own });
    const done = `
done = threading.Event()
class Slave(rpyc.SlaveService):
    __slots__ = ()
    def on_connect(self, conn):
        super().on_connect(conn)
        self.namespace.update(x=5, done=done)
conn = rpyc.connect("127.0.0.1", ${port}, service=Slave)
while not done.is_set():
    conn.serve(0.1)
conn.close()
print(json.dumps("done"))`;
    expect(await pythonJson(version, `import threading\n${attempt}${done}`)).toBe('done');
    expect(seen).toEqual(['a/b', 3, 5]);

    const both = await serve(rpyc.ClassicService, {}, { protocol: own });
    expect(
      await pythonJson(
        version,
        `${attempt}
conn = rpyc.classic.connect("127.0.0.1", ${both.port})
out["path"] = conn.modules.path.join("a", "b")
print(json.dumps(out))
conn.close()`,
      ),
    ).toEqual({ path: 'a/b' });
  });
});

describe.each(FACES)('a Node master of a Node slave, %s', (face) => {
  const withSlave = async (body: (conn: any) => unknown): Promise<void> => {
    const { startNodeSlave } = await import('../support/node-slave.ts');
    const slave = await startNodeSlave();
    const conn: any =
      face === 'blocking'
        ? rpyc.classic.connectSync('127.0.0.1', slave.port)
        : await rpyc.classic.connect('127.0.0.1', slave.port);
    try {
      await body(conn);
    } finally {
      await conn.close();
      await slave.stop();
    }
  };

  test('uses its modules and evaluates', () =>
    withSlave(async (conn) => {
      expect(await conn.modules.path.join('a', 'b')).toBe('a/b');
      expect(await conn.modules.os.EOL).toBe('\n');
      expect(await conn.eval('6 * 7')).toBe(42);
      await conn.execute('function triple(n) { return 3 * n }');
      expect(await conn.namespace.triple(5)).toBe(15);
      const stat = await conn.modules.fs.statSync('/');
      expect(await stat.isDirectory()).toBe(true);
      expect(await conn.modules['fs/promises'].readFile('/dev/null', 'utf8')).toBe('');
    }));

  test('imports ES modules, and what is frozen', () =>
    withSlave(async (conn) => {
      const folder = mkdtempSync(join(tmpdir(), 'rpyc-'));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      writeFileSync(join(folder, 'es.mjs'), 'export const value = 5; export function add(a, b) { return a + b; }');
      writeFileSync(join(folder, 'frozen.cjs'), 'module.exports = Object.freeze({ value: 6, twice: (n) => 2 * n });');
      // An import settles on the event loop of the slave: the blocking master waits for it as well.
      expect(await conn.modules[join(folder, 'es.mjs')].value).toBe(5);
      expect(await conn.modules[join(folder, 'es.mjs')].add(1, 2)).toBe(3);
      expect(await conn.modules[join(folder, 'frozen.cjs')].value).toBe(6);
      expect(await conn.modules[join(folder, 'frozen.cjs')].twice(4)).toBe(8);
    }));

  test('passes options by value to the functions of its modules', () =>
    withSlave(async (conn) => {
      const folder = mkdtempSync(join(tmpdir(), 'rpyc-'));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      await conn.modules.fs.mkdirSync(join(folder, 'a', 'b'), { recursive: true });
      await conn.modules.fs.rmSync(join(folder, 'a'), { recursive: true });
      expect(readdirSync(folder)).toEqual([]);
    }));

  test('teleports functions by their source', () =>
    withSlave(async (conn) => {
      const area = await rpyc.classic.teleport(conn, (r: number) => Math.round(Math.PI * r * r));
      expect(await area(2)).toBe(13);
      const pid = await conn.teleport(function pid() {
        return process.pid;
      });
      expect(await pid()).not.toBe(process.pid);
      const object = {
        async method(n: number) {
          return n + 1;
        },
      };
      expect(await (await conn.teleport(object.method))(1)).toBe(2);
      expect(await (await conn.teleport('(a, b) => a + b'))(1, 2)).toBe(3);
      const refused = async (fn: any) => conn.teleport(fn);
      await expect(refused(Math.max)).rejects.toThrow('no source text');
      await expect(refused((() => {}).bind(null))).rejects.toThrow('no source text');
    }));

  test('obtains and delivers', () =>
    withSlave(async (conn) => {
      const copy = await rpyc.classic.obtain(await conn.eval('({ a: [1, new Map([[2, 3]])] })'));
      expect(copy).toEqual(new Map([['a', [1, new Map([[2, 3]])]]]));
      const there = await rpyc.classic.deliver(conn, { a: [1, 2] });
      expect(await rpyc.getitem(await rpyc.getitem(there, 'a'), 1)).toBe(2);
    }));
});

test('a slave is offered only where it is named', async () => {
  const { port } = await serve(class Plain extends rpyc.Service {});
  const conn = await rpyc.classic.connect('127.0.0.1', port);
  for (const action of [
    () => conn.eval('1'),
    () => conn.execute('1'),
    () => conn.modules.fs.readFileSync('/'),
    () => conn.namespace.x,
  ])
    await expect((async () => await action())()).rejects.toBeInstanceOf(rpyc.exceptions.AttributeError);
  await conn.close();
});
