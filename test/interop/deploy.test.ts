// Zero-deploy through a real sshd, to targets that have nothing but what a test gives them; and that nothing stays there, whatever happens.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { python } from '../support/python.ts';
import { describeSsh, type Has, startTarget, type Target } from '../support/sshd.ts';

const VERSION = '".".join(str(part) for part in __import__("rpyc").version.version)';

function file(name: string, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'rpyc-service-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

async function deployed(target: Target, options: rpyc.DeployOptions = {}): Promise<rpyc.DeployedServer> {
  const server = await rpyc.deploy(target.ssh, { stdio: 'ignore', ...options });
  onTestFinished(() => server.close());
  return server;
}

async function failure(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  return promise.then(
    () => expect.fail('it deployed'),
    (error) => error,
  );
}

/** Does it still run? One that nobody has waited for does not. */
function runs(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== '';
  } catch {
    return false;
  }
}

const PYTHON_SERVICE = `
import rpyc

class Calculator(rpyc.Service):
    def exposed_add(self, a, b):
        return a + b
`;

const NODE_SERVICE = `
import * as rpyc from 'rpyc';
import { hostname } from 'node:os';

export default class Calculator extends rpyc.Service {
  exposed_add(a, b) { return a + b; }
  exposed_host() { return hostname(); }
  exposed_spin() { for (;;); }
}
`;

describeSsh('a target with only Python', () => {
  test.each(['6.0.1', '5.3.1', '4.1.5'] as const)(
    'that has rpyc %s serves classic mode, in both faces',
    async (version) => {
      const target = await startTarget({ python: version });
      const server = await deployed(target);
      expect(target.left()).toHaveLength(1);
      await using conn = await server.classicConnect();
      expect(await conn.eval(VERSION)).toBe(version);
      expect(await conn.modules.os.path.basename(server.socket)).toBe('s');
      const blocking = server.classicConnectSync();
      expect(blocking.eval('6 * 7')).toBe(42);
      blocking.close();
      await server.close();
      expect(server.proc.exitCode).not.toBeNull();
      expect(target.left()).toEqual([]);
      await expect(server.connect()).rejects.toThrow(/is over/);
    },
  );

  test('that has no rpyc gets one, and it is named python', async () => {
    const target = await startTarget({ python: 'bare', as: 'python' });
    const rpycPath = join(python('6.0.1'), '../../lib/python3.11/site-packages/rpyc');
    const found = existsSync(rpycPath)
      ? rpycPath
      : join(
          python('6.0.1'),
          '../../lib',
          readdirSync(join(python('6.0.1'), '../../lib'))[0] as string,
          'site-packages/rpyc',
        );
    const server = await deployed(target, { rpycPath: found, service: file('calc.py', PYTHON_SERVICE) });
    await using conn = await server.connect();
    expect(await conn.root.add(5, 10)).toBe(15);
    expect(server.connectSync().root.add(1, 2)).toBe(3);
  });

  test('serves a service by its name, with another server class', async () => {
    const target = await startTarget({ python: '5.3.1' });
    const text = `${PYTHON_SERVICE}
class Other(rpyc.Service):
    def exposed_name(self):
        import threading
        return "other"

service = Other
`;
    const server = await deployed(target, {
      service: file('calc.py', text),
      serverClass: 'rpyc.utils.server.ForkingServer',
    });
    await using conn = await server.connect();
    expect(await conn.root.name()).toBe('other');
  });

  test.each([
    ['has no rpyc', { python: 'bare' } as Has, {}, /has no rpyc \(.*rpycPath/],
    ['has no Python', {} as Has, {}, /there is no python3 python on this machine/],
    [
      'has not that Python',
      { python: '6.0.1' } as Has,
      { python: '/opt/py/bin/python' },
      /there is no \/opt\/py\/bin\/python on/,
    ],
    ['has no tar', { python: '6.0.1', without: 'tar' } as Has, {}, /tar: .*not found; the upload failed/],
  ])('that %s is told apart', async (_name, has, options, message) => {
    const target = await startTarget(has);
    const error = await failure(rpyc.deploy(target.ssh, options));
    expect(error.code).toBe('ERR_RPYC_CONNECT');
    expect(error.message).toMatch(message);
    expect(target.left()).toEqual([]);
  });

  test.each([
    ['raises', 'raise ValueError("wrong day")', /ValueError: wrong day/],
    ['has no service', 'import rpyc', /defines 0 subclasses of rpyc.Service/],
    ['has two', `${PYTHON_SERVICE}\nclass B(rpyc.Service): pass`, /defines 2 subclasses of rpyc.Service/],
  ])('a service module that %s is the error', async (_name, text, message) => {
    const target = await startTarget({ python: '6.0.1' });
    const error = await failure(rpyc.deploy(target.ssh, { service: file('bad.py', text) }));
    expect(error.message).toMatch(message);
    expect(target.left()).toEqual([]);
  });

  test('a service that blocks for ever ends with its session all the same', async () => {
    const target = await startTarget({ python: '6.0.1' });
    const text =
      'import rpyc, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nclass S(rpyc.Service):\n    pass\n';
    const server = await deployed(target, { service: file('deaf.py', text) });
    await server.close();
    expect(target.left()).toEqual([]);
  });
});

describeSsh('a target with only Node', () => {
  test('serves a service module', async () => {
    const target = await startTarget({ node: true });
    const server = await deployed(target, { service: file('calc.mjs', NODE_SERVICE) });
    await using conn = await server.connect();
    expect(await conn.root.add(5, 10)).toBe(15);
    const blocking = server.connectSync();
    expect(blocking.root.add(1, 2)).toBe(3);
    blocking.close();
    await server.close();
    expect(target.left()).toEqual([]);
  });

  test('serves a CommonJS module, given as a URL', async () => {
    const target = await startTarget({ node: true });
    const path = file(
      'calc.cjs',
      "module.exports = async () => {\n  const { Service } = await import('rpyc');\n  return class extends Service { exposed_two() { return 2; } };\n};",
    );
    const server = await deployed(target, { service: new URL(`file://${path}`) });
    await using conn = await server.connect();
    expect(await conn.root.two()).toBe(2);
  });

  test('told that its module exports no service', async () => {
    const target = await startTarget({ node: true });
    const error = await failure(rpyc.deploy(target.ssh, { service: file('calc.mjs', 'export default 7;') }));
    expect(error.message).toMatch(/default export of .* should be a subclass of rpyc\.Service/);
    expect(target.left()).toEqual([]);
  });

  test('serves classic mode, and a handler that never ends does not keep it', async () => {
    const target = await startTarget({ node: true });
    const server = await deployed(target, { node: true });
    await using conn = await server.classicConnect();
    expect(await conn.eval('1 + 1')).toBe(2);
    const spinning = conn.eval('(() => { for (;;); })()').catch((error: Error) => error);
    await server.close();
    expect(await spinning).toBeInstanceOf(rpyc.EOFError);
    expect(target.left()).toEqual([]);
  });

  test('has no node: that is said', async () => {
    const target = await startTarget({ python: '6.0.1' });
    const error = await failure(rpyc.deploy(target.ssh, { node: true }));
    expect(error.code).toBe('ERR_RPYC_CONNECT');
    expect(error.message).toMatch(/there is no node on this machine/);
  });
});

describeSsh('whatever ends it', () => {
  test('ssh killed with -9: the server ends and its folder goes', async () => {
    const target = await startTarget({ python: '6.0.1' });
    const server = await deployed(target);
    const conn = await server.classicConnect();
    const pid = await conn.eval('__import__("os").getpid()');
    server.proc.kill('SIGKILL');
    await once(server.proc, 'exit');
    await expect.poll(target.left, { timeout: 10_000 }).toEqual([]);
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    await expect.poll(() => conn.connection.closed).toBe(true);
    expect(server.closed).toBe(true);
    await server.close();
  });

  test('the sshd of its session killed with -9: the server ends and its folder goes', async () => {
    const target = await startTarget({ python: '6.0.1' });
    const server = await deployed(target);
    const conn = await server.classicConnect();
    const pid = await conn.eval('__import__("os").getpid()');
    const waiting = failure(conn.eval('__import__("time").sleep(20)'));
    target.killSessions();
    expect((await waiting).code).toBe('ERR_RPYC_CLOSED');
    await expect.poll(target.left, { timeout: 10_000 }).toEqual([]);
    await expect.poll(() => runs(pid), { timeout: 10_000 }).toBe(false);
    await expect.poll(() => server.closed).toBe(true);
    await expect(server.connect()).rejects.toThrow(/is over/);
    await server.close();
  });

  test('the server killed with -9: its folder goes, and later connections are refused', async () => {
    const target = await startTarget({ python: '6.0.1' });
    const server = await deployed(target);
    const conn = await server.classicConnect();
    process.kill(await conn.eval('__import__("os").getpid()'), 'SIGKILL');
    await once(server.proc, 'exit');
    expect(target.left()).toEqual([]);
    await expect(server.connect()).rejects.toThrow(/is over/);
  });

  test('our own process killed with -9: the server ends and its folder goes', async () => {
    const target = await startTarget({ python: '6.0.1' });
    const url = (path: string): string => new URL(path, import.meta.url).href;
    const code = `
const rpyc = await import(${JSON.stringify(url('../../src/index.ts'))});
await rpyc.deploy(${JSON.stringify(target.ssh)});
console.log('READY');
setInterval(() => undefined, 1000);
`;
    const args = ['--import', url('../../scripts/ts.mjs'), '--input-type=module', '-e', code];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    expect(target.left()).toHaveLength(1);
    child.kill('SIGKILL');
    await once(child, 'close');
    await expect.poll(target.left, { timeout: 10_000 }).toEqual([]);
  });

  test('a process that forgets its server ends, and so does the server', async () => {
    const target = await startTarget({ python: '6.0.1' });
    const url = (path: string): string => new URL(path, import.meta.url).href;
    const code = `
const rpyc = await import(${JSON.stringify(url('../../src/index.ts'))});
const server = await rpyc.deploy(${JSON.stringify(target.ssh)});
const conn = await server.classicConnect();
console.log(await conn.eval('1 + 1'));
await conn.connection.close();
`;
    const args = ['--import', url('../../scripts/ts.mjs'), '--input-type=module', '-e', code];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    expect((await once(child, 'close'))[0]).toBe(0);
    await expect.poll(target.left, { timeout: 10_000 }).toEqual([]);
  });

  test('a disk that is full during the upload: an error that says so, and nothing is left', async () => {
    // No file there may become larger than 100 KB.
    const limited = ['ForceCommand ulimit -f 200; eval "$SSH_ORIGINAL_COMMAND"'];
    const target = await startTarget({ node: true, config: limited });
    const error = await failure(rpyc.deploy(target.ssh, { node: true }));
    expect(error.code).toBe('ERR_RPYC_CONNECT');
    expect(error.message).toMatch(/the upload failed: is the disk of .* full\?/);
    expect(target.left()).toEqual([]);
  });

  test('a session that begins with something else is no server', async () => {
    const target = await startTarget({ python: '6.0.1', config: ['ForceCommand echo welcome'] });
    const error = await failure(rpyc.deploy(target.ssh));
    expect(error.message).toContain('the session began with "welcome" instead of our server');
  });

  test('a session in which nothing happens ends with the time-out', async () => {
    const target = await startTarget({ python: '6.0.1', config: ['ForceCommand sleep 30'] });
    const error = await failure(rpyc.deploy(target.ssh, { timeout: 1.5 }));
    expect(error.code).toBe('ERR_RPYC_TIMEOUT');
  });

  test('no access: permission denied', async () => {
    const target = await startTarget({ python: '6.0.1' });
    const error = await failure(rpyc.deploy({ ...target.ssh, user: 'nobody' }));
    expect(error.code).toBe('ERR_RPYC_CONNECT');
    expect(error.message).toMatch(/Permission denied/);
  });

  test('a program that is not there', async () => {
    const error = await failure(rpyc.deploy({ host: 'box', program: '/nonexistent/ssh' }));
    expect(error.code).toBe('ERR_RPYC_CONNECT');
    expect(error.message).toMatch(/\/nonexistent\/ssh does not start/);
  });
});

describeSsh('several targets', () => {
  test('are deployed, connected and closed together, in their order', async () => {
    const targets = [await startTarget({ python: '6.0.1' }), await startTarget({ python: '5.3.1' })];
    await using deployment = await rpyc.MultiServerDeployment.deploy(
      targets.map(({ ssh }) => ssh),
      { stdio: 'ignore' },
    );
    expect([...deployment].map((server) => server.target.port)).toEqual(targets.map(({ ssh }) => ssh.port));
    expect(deployment.length).toBe(2);
    const classics = await deployment.classicConnectAll();
    const versions = await Promise.all(classics.map((conn) => conn.eval(VERSION)));
    expect(versions).toEqual(['6.0.1', '5.3.1']);
    const conns = await deployment.connectAll();
    expect(conns.map((conn) => conn.protocol)).toEqual([6, 5]);
    await deployment.close();
    expect(targets.flatMap(({ left }) => left())).toEqual([]);
  });

  test('leave none behind where one fails', async () => {
    const targets = [await startTarget({ python: '6.0.1' }), await startTarget({ node: true })];
    const failing = rpyc.MultiServerDeployment.deploy(targets.map(({ ssh }) => ssh));
    await expect(failing).rejects.toThrow(/there is no python3 python/);
    expect(targets.flatMap(({ left }) => left())).toEqual([]);
  });
});

const HERE = fileURLToPath(import.meta.url);
test.each([
  [{ python: true, node: true }, /exclude each other/],
  [{ service: '/nonexistent/service.py' }, /there is no service module/],
  [{ service: HERE }, /is a \.py, \.mjs, \.js or \.cjs file/],
  [{ rpycPath: '/tmp' }, /rpycPath is a folder rpyc/],
  [{ serverClass: 'os; import sys' }, /serverClass is a dotted name/],
  [{ timeout: 0 }, /timeout is a number of seconds/],
] as [rpyc.DeployOptions, RegExp][])('the options %j are refused before anything starts', async (options, message) => {
  await expect(rpyc.deploy('nowhere', options)).rejects.toThrow(message);
});
