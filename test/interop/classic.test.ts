// Classic mode, Node as the master of real Python slaves. Counterpart of tests/test_classic.py of RPyC; teleported functions go by source.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as netConnect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, PYTHONS, python } from '../support/python.ts';
import { describeClassic, startClassic } from './classic-faces.ts';
import { raised } from './faces.ts';

for (const kind of ['slave', 'classic'] as const)
  describeClassic(`a ${kind} server`, kind, (check) => {
    check('gives its modules by attribute and by dotted name', function* ({ conn }) {
      expect(yield conn.modules.os.path.join('a', 'b')).toBe('a/b');
      expect(yield conn.modules.sys.maxsize).toBe(2n ** 63n - 1n);
      const minidom = yield conn.modules['xml.dom.minidom'];
      const document = yield minidom.parseString('<a/>');
      expect(yield document.toxml()).toContain('<a/>');
    });

    check('evaluates, executes, and keeps a namespace', function* ({ conn }) {
      expect(yield conn.eval('1 + 1')).toBe(2);
      yield conn.execute('x = 19\ndef double(n): return 2 * n');
      expect(yield conn.eval('x + 1')).toBe(20);
      expect(yield conn.namespace.x).toBe(19);
      expect(yield conn.namespace.double(21)).toBe(42);
      yield rpyc.setitem(conn.namespace, 'y', 7);
      expect(yield conn.eval('y')).toBe(7);
      expect(yield* raised(() => conn.eval('1 / 0'))).toBeInstanceOf(rpyc.exceptions.ZeroDivisionError);
    });

    check('gives its builtins, and calls our functions', function* ({ conn }) {
      const list = yield conn.builtins.list(yield conn.builtins.range(5));
      expect(yield rpyc.len(list)).toBe(5);
      expect(yield conn.builtin.isinstance(list, yield conn.builtins.list)).toBe(true);
      const mapped = yield conn.builtins.map((n: number) => n * n, list);
      expect([...(yield conn.builtins.tuple(mapped))]).toEqual([0, 1, 4, 9, 16]);
    });

    check('sets attributes of its modules', function* ({ conn }) {
      const sys = yield conn.modules.sys;
      yield rpyc.setattr(sys, 'rpyc_test_attribute', 5);
      expect(yield conn.eval('__import__("sys").rpyc_test_attribute')).toBe(5);
      yield rpyc.delattr(sys, 'rpyc_test_attribute');
      expect(yield rpyc.hasattr(sys, 'rpyc_test_attribute')).toBe(false);
    });

    check('reports a module that is not there as ModuleNotFoundError', function* ({ conn, face }) {
      const error = yield* raised(() =>
        face === 'blocking' ? conn.modules.no_such_module : conn.modules.no_such_module.x,
      );
      expect(error).toBeInstanceOf(rpyc.exceptions.ModuleNotFoundError);
    });

    check('runs a teleported Python function', function* ({ conn }) {
      const area = yield rpyc.classic.teleport(
        conn,
        'import math\ndef area(r, *, unit="m"):\n    return f"{math.pi * r:.2f} {unit}"\n',
      );
      expect(yield area(1)).toBe('3.14 m');
      expect(yield area(2, rpyc.kwargs({ unit: 'cm' }))).toBe('6.28 cm');
      expect(yield conn.namespace.area(1)).toBe('3.14 m');
      expect((yield* raised(() => conn.teleport((a: number) => a))).message).toContain('source text');
      expect((yield* raised(() => conn.teleport('x = 1'))).message).toContain('defines no function');
    });

    check('has a namespace for each connection', function* ({ conn }) {
      expect(yield* raised(() => conn.eval('x'))).toBeInstanceOf(rpyc.exceptions.NameError);
    });

    check('is the same connection in both faces', function* ({ conn, face }) {
      const other = face === 'blocking' ? conn.async : conn.sync;
      expect(other.connection).toBe(conn.connection);
      expect(rpyc.classic.of(face === 'blocking' ? conn.connection.sync : conn.connection)).toBe(conn);
      expect(face === 'blocking' ? conn.async.sync : conn.sync.async).toBe(conn);
      expect(other.modules.os).toBeDefined();
      yield conn.eval('1');
    });
  });

describeClassic('a slave', 'slave', (check) => {
  check('is asked for each module once', function* ({ conn, face }) {
    yield conn.modules.json.dumps(1);
    const before = conn.connection.stats.messagesOut;
    expect(yield conn.modules.json.dumps(2)).toBe('2');
    // Blocking: GETATTR, then CALL. A module's functions are not in the INSPECT of its class.
    expect(conn.connection.stats.messagesOut - before).toBe(face === 'blocking' ? 2 : 1);
    const json = yield conn.modules.json;
    rpyc.release(json);
    expect(yield conn.modules.json.dumps(3)).toBe('3');
  });

  check('is asked by `in` whether a module is there, where that can block', function* ({ conn, face }) {
    expect('json' in conn.modules).toBe(face === 'blocking');
    expect('no_such_module' in conn.modules).toBe(false);
    expect('no_such_module.x' in conn.modules).toBe(false);
    expect(Object.keys(conn.modules)).toEqual([]);
    expect(() => {
      conn.modules.x = 1;
    }).toThrow('imported');
    yield conn.eval('1');
  });
});

describePython.each(PYTHONS)('RPyC %s', (version) => {
  const own = version.startsWith('6') ? 6 : 5;

  test('gives nothing of ours to a ClassicService server, unless told to', async () => {
    const { ready } = await startClassic(version, 'classic');
    const conn = await rpyc.classic.connect('127.0.0.1', ready.port);
    await conn.execute('def peer(conn): return conn.root');
    const root = await conn.namespace.peer(await conn.root.getconn());
    // The reference comes back as the very object.
    expect(root).toBeInstanceOf(rpyc.ClassicClient);
    await conn.execute(
      'def use(conn):\n    r = conn.root\n    return r.eval("1 + 1"), repr(r.getmodule("fs")), r.execute("process.exit(1)"), r.namespace',
    );
    expect(await conn.namespace.use(await conn.root.getconn())).toEqual([null, '{}', null, null]);
    await conn.close();

    const full = await rpyc.classic.connect('127.0.0.1', ready.port, { service: rpyc.ClassicService });
    await full.execute(
      'def use(conn):\n    r = conn.root\n    return r.eval("1 + 1"), r.getmodule("path").join("a", "b")',
    );
    expect(await full.namespace.use(await full.root.getconn())).toEqual([2, 'a/b']);
    await full.close();
  });

  test('is reached over a stream', async () => {
    const { ready } = await startClassic(version, 'slave');
    const stream = netConnect({ port: ready.port, host: '127.0.0.1' });
    await once(stream, 'connect');
    const conn = await rpyc.classic.connectStream(stream, { protocol: own });
    expect(await conn.modules.os.path.basename('/a/b')).toBe('b');
    await conn.close();
  });

  test('is reached over the pipes of rpyc_classic', async () => {
    const program = join(dirname(python(version)), 'rpyc_classic.py');
    const child = spawn(python(version), ['-u', program, '-q', '-m', 'stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const exit = once(child, 'exit');
    const conn = await rpyc.classic.connectPipes(child.stdout, child.stdin, { protocol: own });
    expect(await conn.modules.os.getpid()).toBe(child.pid);
    expect(() => conn.sync.eval('1')).toThrow(expect.objectContaining({ code: 'ERR_RPYC_BLOCKING_UNSUPPORTED' }));
    await conn.close();
    child.stdin.end();
    await exit; // with 1 where RPyC's own server notices the end of its input only when it writes
  });

  test('is reached over a Unix socket, in both faces', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rpyc-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'slave.sock');
    await startClassic(version, 'slave', path);
    const conn = await rpyc.classic.unixConnect(path);
    expect(await conn.eval('6 * 7')).toBe(42);
    await conn.close();
    using blocking = rpyc.classic.unixConnectSync(path);
    expect(blocking.eval('6 * 7')).toBe(42);
  });

  test('runs in a subprocess, awaited', async () => {
    const conn = await rpyc.classic.connectSubproc({ python: python(version) });
    expect(await conn.modules.os.getpid()).toBe(conn.proc.pid);
    expect(conn.connection.protocol).toBe(own);
    const exit = once(conn.proc, 'exit');
    await conn.close();
    expect(await exit).toEqual([0, null]);
    expect(rpyc.classic.of(conn.connection).proc).toBe(conn.proc);
  });

  test('runs in a subprocess, blocking', async () => {
    const conn = rpyc.classic.connectSubprocSync({ python: python(version), stdio: 'pipe' });
    const { proc } = conn;
    let said = '';
    proc.stdout?.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
    expect(conn.modules.os.getpid()).toBe(proc.pid);
    conn.execute('print("said by the child", flush=True)');
    expect(conn.eval('6 * 7')).toBe(42);
    const closed = once(proc, 'close');
    conn.close();
    expect(await closed).toEqual([0, null]);
    expect(said).toBe('said by the child\n');
  });

  test('in a subprocess that dies ends the connection, and is quoted', async () => {
    const conn = rpyc.classic.connectSubprocSync({ python: python(version), stdio: 'ignore' });
    conn.execute('import os, sys; sys.stderr.write("the last words\\n")');
    expect(() => conn.modules.os._exit(3)).toThrow(
      expect.objectContaining({
        code: 'ERR_RPYC_CLOSED',
        message: expect.stringMatching(/ended with status 3; it said last:\nthe last words$/),
      }),
    );
    expect(await once(conn.proc, 'exit')).toEqual([3, null]);
  });
});

test('an interpreter that cannot be started, or has no rpyc, is an error at once', async () => {
  expect(() => rpyc.classic.connectSubprocSync({ python: '/no/such/python' })).toThrow(rpyc.ConnectError);
  await expect(rpyc.classic.connectSubproc({ python: '/no/such/python' })).rejects.toThrow(rpyc.ConnectError);
  const options = { python: process.execPath, args: ['-e', '', '--'], stdio: 'ignore' } as const;
  const error = { code: 'ERR_RPYC_CLOSED', message: expect.stringContaining('ended with status 0') };
  expect(() => rpyc.classic.connectSubprocSync(options)).toThrow(expect.objectContaining(error));
  await expect(rpyc.classic.connectSubproc(options)).rejects.toMatchObject(error);
});
