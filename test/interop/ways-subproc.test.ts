// Connections over the standard streams of a child, both ways round, with real Python on the other end, in both faces: connectSubproc,
// connectPipes, connectStdpipes, serveStdio.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { root } from '../../scripts/setup.mjs';
import * as rpyc from '../../src/index.ts';
import { describePython, PYTHONS, peer, python, pythonJson, type RpycVersion, runPython } from '../support/python.ts';

const program = (name: string): string[] => [
  process.execPath,
  '--import',
  join(root, 'scripts/ts.mjs'),
  fileURLToPath(new URL(`../support/programs/${name}.ts`, import.meta.url)),
];

/** `rpyc_classic -m stdio` of this release. */
const classicStdio = (version: RpycVersion): string[] => [
  python(version),
  '-u',
  join(dirname(python(version)), 'rpyc_classic.py'),
  '-q',
  '-m',
  'stdio',
];

/** The service of peers/server.py over standard streams, without listening. */
const SERVICE = `
import sys, importlib.util, threading, rpyc
spec = importlib.util.spec_from_file_location("server", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
rpyc.utils.factory.connect_stdpipes(module.PeerService).serve_all()
`;
const serviceStdio = (version: RpycVersion): string[] => [python(version), '-u', '-c', SERVICE, peer('server.py')];

describePython.each(PYTHONS)('with RPyC %s', (version) => {
  const own = version.startsWith('6') ? 6 : 5;

  test('connectSubproc runs rpyc_classic -m stdio, whatever its version; close ends it', async () => {
    const conn = await rpyc.connectSubproc(classicStdio(version), { service: rpyc.ClassicClient });
    const exited = once(conn.proc, 'exit');
    expect(conn.protocol).toBe(own);
    const { modules } = rpyc.classic.of(conn);
    expect(await modules.os.getpid()).toBe(conn.proc.pid);
    await conn.close();
    await exited; // with 1 where RPyC's own server notices the end of its input only when it writes
  });

  test('connectSubprocSync runs it as well, and callbacks are served while it waits', async () => {
    const conn = rpyc.connectSubprocSync(classicStdio(version), { service: rpyc.ClassicClient });
    const exited = once(conn.proc, 'exit');
    const slave = rpyc.classic.of(conn);
    expect(slave.modules.os.getpid()).toBe(conn.proc.pid);
    expect(slave.eval('lambda f: f(20) + 1')((n: number) => n * 2)).toBe(41);
    expect(slave.eval('b"x" * 3_000_000')).toHaveLength(3_000_000);
    conn.close();
    await exited;
  });

  test('connectSubproc runs a Python program that serves its standard streams', async () => {
    await using conn = await rpyc.connectSubproc(
      { command: serviceStdio(version), env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }, cwd: tmpdir() },
      { protocol: own },
    );
    expect(await conn.root.add(5, 10)).toBe(15);
    expect(await conn.root.call(async (n: number) => (await conn.root.add(n, 1)) * 2, 4)).toBe(10);
    expect(await conn.root.echo(Buffer.alloc(2_000_000, 1))).toHaveLength(2_000_000);
    expect(await conn.root.eval('os.getcwd()')).toBe(tmpdir());
  });

  test.each(['async', 'sync'] as const)('connectPipes over two named pipes (%s)', async (face) => {
    const folder = mkdtempSync(join(tmpdir(), 'rpyc-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const [there, back] = [join(folder, 'there'), join(folder, 'back')];
    expect(spawnSync('mkfifo', [there, back]).status).toBe(0);
    const piped = `
import sys, rpyc
from rpyc.core.stream import PipeStream
from rpyc.utils.classic import SlaveService
incoming, outgoing = open(sys.argv[1], "rb", 0), open(sys.argv[2], "wb", 0)
rpyc.utils.factory.connect_stream(PipeStream(incoming, outgoing), SlaveService).serve_all()
`;
    const child = spawn(python(version), ['-c', piped, there, back], { stdio: ['ignore', 'inherit', 'ignore'] });
    const exited = once(child, 'exit');
    const [output, input] = [openSync(there, 'w'), openSync(back, 'r')];
    if (face === 'async') {
      const conn = await rpyc.classic.connectPipes(input, output, { protocol: own });
      expect(await conn.modules.os.getpid()).toBe(child.pid);
      expect(await (await conn.eval('len'))(Buffer.alloc(3_000_000))).toBe(3_000_000);
      expect(await conn.eval('b"y" * 3_000_000')).toHaveLength(3_000_000);
      expect(conn.sync.eval('1 + 1')).toBe(2);
      await conn.close();
    } else {
      const conn = rpyc.classic.connectPipesSync(input, output, { protocol: own });
      expect(conn.modules.os.getpid()).toBe(child.pid);
      expect(conn.eval('len')(Buffer.alloc(3_000_000))).toBe(3_000_000);
      expect(conn.eval('b"y" * 3_000_000')).toHaveLength(3_000_000);
      expect(conn.eval('lambda f: f(20) + 1')((n: number) => n * 2)).toBe(41);
      conn.close();
    }
    await exited;
  });

  test('Python connect_subproc runs a Node program that serves its standard streams, and stray prints harm nobody', async () => {
    const { stdout, stderr, exit } = await runPython(
      version,
      `
import sys, json, rpyc
conn = rpyc.utils.factory.connect_subproc(sys.argv[1:])
root = conn.root
out = [root.add(5, 10), root.call(lambda n: n * 2, 4), len(root.echo(b"x" * 300000)), root.where()[0] == conn.proc.pid]
root.print("printed in a call")
print(json.dumps(out), flush=True)
conn.close()
conn.proc.stdin.close()
print(conn.proc.wait(10))
`,
      { args: program('stdio-service') },
    );
    expect({ stdout, exit }, stderr).toEqual({ stdout: '[15, 9, 300000, true]\n0\n', exit: 0 });
    const said = ['printed by the service', 'written by the service', 'printed in a call', 'closed'];
    expect(stderr.trim().split('\n').sort()).toEqual(said.sort());
  });

  test('Python is the master of a Node slave over standard streams', async () => {
    const out = await pythonJson(
      version,
      `
import sys, json, rpyc
from rpyc.core.service import MasterService
conn = rpyc.utils.factory.connect_subproc(sys.argv[1:], service=MasterService)
print(json.dumps([conn.modules["path"].basename("/a/b"), conn.eval("6 * 7"), conn.modules.process.pid == conn.proc.pid]))
conn.close()
`,
      { args: [...program('stdio-service'), 'slave'] },
    );
    expect(out).toEqual(['b', 42, true]);
  });

  test.each(['async', 'sync'] as const)(
    'connectStdpipes in a Node child of a Python that serves it (%s)',
    async (face) => {
      const served = `
import sys, importlib.util, rpyc
spec = importlib.util.spec_from_file_location("server", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
conn = rpyc.utils.factory.connect_subproc(sys.argv[2:], service=module.PeerService)
conn.serve_all()
print(conn.proc.wait(10))
`;
      const { stdout, stderr, exit } = await runPython(version, served, {
        args: [peer('server.py'), ...program('stdio-client'), face, String(own)],
      });
      expect({ stdout, exit }, stderr).toEqual({ stdout: '0\n', exit: 0 });
      expect(stderr).toContain('[15,10,300000]');
      expect(stderr).toContain('printed between messages\n');
    },
  );
});

test.each(['async', 'sync'] as const)(
  'Node runs a Node program that serves its standard streams (%s)',
  async (face) => {
    const what = { command: program('stdio-service'), stderr: 'ignore' } as const;
    const conn = face === 'async' ? await rpyc.connectSubproc(what) : rpyc.connectSubprocSync(what).async;
    const exited = once(procOf(conn), 'exit');
    expect(await conn.root.add(5, 10)).toBe(15);
    expect(await conn.root.call((n: number) => n * 2, 4)).toBe(9);
    expect(conn.sync.root.add(1, 2)).toBe(3);
    expect((await conn.root.where())[0]).toBe(procOf(conn).pid);
    await conn.close();
    expect(await exited).toEqual([0, null]);
  },
);

const procOf = (conn: unknown) => (conn as rpyc.ProcessConnection).proc;

test('a regular file is no connection', async () => {
  const fd = openSync(fileURLToPath(import.meta.url), 'r');
  const other = openSync(fileURLToPath(import.meta.url), 'r');
  const error = await rpyc.connectPipes(fd, other).catch((e) => e);
  expect(error).toBeInstanceOf(rpyc.ConnectError);
  expect(error.message).toContain(`descriptors ${fd} and ${other} are no pipes`);
  await expect(rpyc.connectPipes(-1, 1)).rejects.toThrow(TypeError);
  await expect(rpyc.connectPipes(9999, 9998)).rejects.toMatchObject({ code: 'EBADF' });
  await expect(rpyc.connectPipes(1, process.stdout)).rejects.toThrow('not one of each');
});
