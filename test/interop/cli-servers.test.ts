// rpyc serve and rpyc_classic with real Python clients: what they say, how they end, metrics, -m stdio under Python's connect_subproc.
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ClassicClient, connectSubproc } from '../../src/index.ts';
import { type Cli, programPath, rpyc, runCli, startCli } from '../support/cli.ts';
import { describePython, pythonJson, runClient, startPython } from '../support/python.ts';

const SERVICE = fileURLToPath(new URL('../support/peers/cli-service.mjs', import.meta.url));

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'rpyc-cli-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** `rpyc serve` of the service, and its port. */
async function serve(...args: string[]): Promise<Cli & { port: number }> {
  const started = startCli('rpyc', ['serve', SERVICE, ...args]);
  const [, port] = await started.line(/^listening on 127\.0\.0\.1:(\d+)/);
  return { ...started, port: Number(port) };
}

describePython.each(['6.0.1', '4.1.5'] as const)('rpyc serve with a client of RPyC %s', (version) => {
  test('serves the default export of a module', async () => {
    const { port } = await serve();
    const out = await runClient(
      version,
      port,
      'out["all"] = [root.add(1, 2), list(root.titles()), root.mix("a", fade=3), root.player.play()]',
    );
    expect(out.all).toEqual([3, ['Ella', 'Miles'], 'a (3)', 'la la']);
  });

  test.each([
    ['one thread', []],
    ['two workers', ['--workers', '2']],
  ])('SIGTERM lets a call end and its answer arrive; the exit code is 0, with %s', async (_text, workers) => {
    const { port, child, ended, line } = await serve('--drain-timeout', '20', ...workers);
    const python = await startPython(
      version,
      `
import sys, rpyc
conn = rpyc.connect("127.0.0.1", int(sys.argv[1]))
root = conn.root
print("READY null", flush=True)
print(root.wait(800, lambda: print("begun", flush=True)), flush=True)
`,
      { args: [String(port)] },
    );
    expect(await python.nextLine()).toBe('begun');
    child.kill('SIGTERM');
    await line(/SIGTERM: no more connections/);
    expect(await python.nextLine()).toBe('waited');
    expect(await ended).toMatchObject({ exit: 0 });
  });
});

describePython('rpyc serve', () => {
  const waiting = (port: number) =>
    startPython(
      '6.0.1',
      `
import sys, rpyc
root = rpyc.connect("127.0.0.1", int(sys.argv[1])).root
print("READY null", flush=True)
try:
    root.wait(60000, lambda: print("begun", flush=True))
except EOFError:
    print("cut", flush=True)
`,
      { args: [String(port)] },
    );

  test('a second signal ends it at once, with the exit code of the signal', async () => {
    const { port, child, ended, line } = await serve();
    const python = await waiting(port);
    expect(await python.nextLine()).toBe('begun');
    child.kill('SIGINT');
    await line(/SIGINT: no more connections/);
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ exit: 130 });
    expect(await python.nextLine()).toBe('cut');
  });

  test('a call that takes longer than --drain-timeout is cut, and that is said', async () => {
    const { port, child, ended } = await serve('--drain-timeout', '0.2', '--quiet');
    const python = await waiting(port);
    expect(await python.nextLine()).toBe('begun');
    child.kill('SIGTERM');
    expect(await python.nextLine()).toBe('cut');
    expect(await ended).toMatchObject({ exit: 0, stderr: '1 connection was cut: calls took longer than 0.2 s\n' });
  });

  test('--metrics-port serves what Prometheus reads, and nothing else', async () => {
    const started = startCli('rpyc', ['serve', SERVICE, '--metrics-port', '0']);
    const [, port, metrics] = await started.line(/^listening on 127\.0\.0\.1:(\d+), metrics on port (\d+)$/);
    await runClient('6.0.1', Number(port), 'root.add(1, 2)\ntry:\n    root.fail()\nexcept ValueError:\n    pass');
    const url = `http://127.0.0.1:${metrics}`;
    const page = await fetch(`${url}/metrics`);
    expect(page.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const { samples, types } = parsePrometheus(await page.text());
    expect(samples).toMatchObject({
      rpyc_connections_accepted_total: 1,
      rpyc_requests_failed_total: 1,
      'rpyc_connections_cut_total{reason="idle"}': 0,
      rpyc_accept_failures_total: 0,
    });
    expect(samples.rpyc_requests_served_total).toBeGreaterThanOrEqual(2);
    expect(types).toMatchObject({ rpyc_requests_served_total: 'counter', rpyc_connections_open: 'gauge' });
    expect((await fetch(url)).status).toBe(404);
    expect((await fetch(`${url}/metrics`, { method: 'POST', body: 'x' })).status).toBe(405);
    const head = await fetch(`${url}/metrics`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  test('--workers serves with threads: calls, metrics, and the drain', async () => {
    const started = startCli('rpyc', ['serve', SERVICE, '--workers', '2', '--metrics-port', '0']);
    const [, port, metrics] = await started.line(/^listening on 127\.0\.0\.1:(\d+), metrics on port (\d+)$/);
    const out = await runClient('6.0.1', Number(port), 'out["sum"] = root.add(1, 2)');
    expect(out).toEqual({ sum: 3 });
    const page = await fetch(`http://127.0.0.1:${metrics}/metrics`);
    const { samples } = parsePrometheus(await page.text());
    expect(samples).toMatchObject({
      'rpyc_worker_connections_open{worker="1"}': expect.any(Number),
      'rpyc_worker_restarts_total{worker="0"}': 0,
    });
    const python = await waiting(Number(port));
    expect(await python.nextLine()).toBe('begun');
    started.child.kill('SIGTERM');
    await started.line(/SIGTERM: no more connections/);
    started.child.kill('SIGTERM');
    expect(await started.ended).toMatchObject({ exit: 143 });
    expect(await python.nextLine()).toBe('cut');
  });

  test('listens on a Unix socket, and on IPv6', async () => {
    const path = join(folder(), 'serve.sock');
    const unix = startCli('rpyc', ['serve', SERVICE, '--unix', path]);
    await unix.line(new RegExp(`^listening on unix:${path}$`));
    expect(await rpyc('call', `unix:${path}`, 'add', '1', '2')).toMatchObject({ exit: 0, stdout: '3\n' });
    const six = startCli('rpyc', ['serve', SERVICE, '--ipv6']);
    const [, port] = await six.line(/^listening on \[::1\]:(\d+)$/);
    expect(await rpyc('call', `[::1]:${port}`, 'titles')).toMatchObject({ exit: 0, stdout: '["Ella", "Miles"]\n' });
  });

  test('a taken port, a module that is not there or exports no service: exit code 1, one line', async () => {
    const { port } = await serve();
    const module = join(folder(), 'nothing.mjs');
    writeFileSync(module, 'export default 1;\n');
    for (const [args, said] of [
      [[SERVICE, '--port', String(port)], /^rpyc serve: .*EADDRINUSE.*\n$/],
      [[SERVICE, '--host', 'no-such-host.invalid'], /^rpyc serve: .*\n$/],
      [[SERVICE, '--metrics-port', String(port)], /^rpyc serve: .*EADDRINUSE.*\n$/],
      [['nowhere.js'], /^rpyc serve: there is no \/.*nowhere\.js\n$/],
      [[module], /^rpyc serve: the default export of file:.* should be a subclass of rpyc.Service.*\n$/],
      [[module, '--workers', '2'], /^rpyc serve: a worker could not load .*\n$/],
    ] as const)
      expect(await rpyc('serve', ...args)).toEqual({ exit: 1, stdout: '', stderr: expect.stringMatching(said) });
  });

  test('--logfile takes the log', async () => {
    const log = join(folder(), 'serve.log');
    const { child, ended } = await serve('--logfile', log);
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ exit: 0, stderr: '' });
    expect(readFileSync(log, 'utf8')).toMatch(/^\w{3} \d\d \d\d:\d\d:\d\d WARNING serve: SIGTERM: .*\n$/);
  });
});

/** Text format 0.0.4, strictly: HELP and TYPE before the samples of each metric, no metric twice. */
function parsePrometheus(text: string) {
  const samples: Record<string, number> = {};
  const types: Record<string, string> = {};
  const helped = new Set<string>();
  expect(text.endsWith('\n')).toBe(true);
  for (const line of text.slice(0, -1).split('\n')) {
    const help = /^# HELP ([a-z_]+) \S.*$/.exec(line);
    const type = /^# TYPE ([a-z_]+) (counter|gauge)$/.exec(line);
    const sample = /^([a-z_]+)(\{[a-z]+="[^"\n]*"(?:,[a-z]+="[^"\n]*")*\})? (-?[\d.e+-]+)$/.exec(line);
    if (help !== null) helped.add(help[1] as string);
    else if (type !== null) {
      expect(helped.has(type[1] as string) && !((type[1] as string) in types)).toBe(true);
      types[type[1] as string] = type[2] as string;
    } else {
      expect(sample, line).not.toBeNull();
      const [, name = '', labels = '', value] = sample ?? [];
      expect(Object.keys(types).at(-1)).toBe(name);
      expect(types[name] === 'counter').toBe(name.endsWith('_total'));
      samples[name + labels] = Number(value);
    }
  }
  return { samples, types };
}

/** What a Python master does with a Node slave. */
const MASTER = `
out["sep"] = conn.modules.path.sep
out["eval"] = conn.eval("1 + 2")
conn.execute("function twice(f, x) { return f(f(x)); }")
out["twice"] = conn.namespace["twice"](lambda x: x * 10, 4)
out["text"] = conn.modules.fs.readFileSync("/proc/self/comm", {"encoding": "utf8"}).strip()
`;
const MASTERED = { sep: '/', eval: 3, twice: 400, text: 'node' };

describePython.each(['6.0.1', '5.3.1', '4.1.5'] as const)('rpyc_classic under RPyC %s', (version) => {
  const master = (connect: string, more = ''): Promise<Record<string, unknown>> =>
    pythonJson(
      version,
      `
import json, rpyc, rpyc.utils.classic, rpyc.utils.factory, sys
conn = ${connect}
out = {}
${MASTER}
${more}
conn.close()
print(json.dumps(out))
`,
    );

  test.each(['threaded', 'forking'])('-m %s serves a master', async (mode) => {
    const { line, child, ended } = startCli('rpyc_classic', ['-m', mode, '-p0']);
    const [, port] = await line(/^\w{3} \d\d [\d:]{8} INFO SLAVE\/0: server started on \[127\.0\.0\.1\]:(\d+)$/);
    expect(await master(`rpyc.classic.connect("127.0.0.1", ${port})`)).toEqual(MASTERED);
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ exit: 0, stdout: '' });
  });

  test('-m oneshot prints rpyc-oneshot, host and port, serves one master, and ends', async () => {
    const { line, ended } = startCli('rpyc_classic', ['--mode=oneshot', '--port', '0', '-q']);
    const [, port] = await line(/^127\.0\.0\.1\t(\d+)$/);
    expect(await master(`rpyc.classic.connect("127.0.0.1", ${port})`)).toEqual(MASTERED);
    expect(await ended).toEqual({ exit: 0, stdout: `rpyc-oneshot\n127.0.0.1\t${port}\n`, stderr: '' });
  });

  test('-m stdio works under connect_subproc, whatever the slave prints, by whatever way', async () => {
    const node = JSON.stringify([process.execPath, programPath('rpyc_classic'), '-q', '-m', 'stdio']);
    const prints = `
conn.execute("console.log('stray'); process.stdout.write('stray'); require('fs').writeSync(1, 'stray')")
conn.execute("require('child_process').execSync('echo stray', { stdio: 'inherit' })")
out["after"] = conn.eval("6 * 7")
out["big"] = len(conn.eval("'x'.repeat(3000000)"))
`;
    const out = await master(
      `rpyc.utils.factory.connect_subproc(${node}, service=rpyc.utils.classic.SlaveService)`,
      prints,
    );
    expect(out).toEqual({ ...MASTERED, after: 42, big: 3_000_000 });
  });

  test('-m stdio works under inetd, where all three streams are the same socket', async () => {
    const program = JSON.stringify([process.execPath, programPath('rpyc_classic'), '-m', 'stdio']);
    const out = await pythonJson(
      version,
      `
import json, rpyc, socket, subprocess
from rpyc.core.stream import SocketStream
ours, theirs = socket.socketpair()
child = subprocess.Popen(${program}, stdin=theirs, stdout=theirs, stderr=theirs)
theirs.close()
conn = rpyc.utils.factory.connect_stream(SocketStream(ours), rpyc.utils.classic.SlaveService)
conn.execute("console.error('stray')")
out = [conn.eval("6 * 7"), len(conn.eval("'x'.repeat(3000000)"))]
conn.close()
print(json.dumps(out + [child.wait(20)]))
`,
    );
    expect(out).toEqual([42, 3_000_000, 0]);
  });

  test('-m stdio works under classic.connect_subproc, by a script of two lines', async () => {
    const script = join(folder(), 'rpyc_classic.py');
    const [node, program] = [process.execPath, programPath('rpyc_classic')].map((text) => JSON.stringify(text));
    writeFileSync(script, `import os, sys\nos.execv(${node}, [${node}, ${program}] + sys.argv[1:])\n`);
    expect(await master(`rpyc.classic.connect_subproc(${JSON.stringify(script)})`)).toEqual(MASTERED);
  });
});

describe('rpyc_classic', () => {
  test('-m stdio ends when its client does', async () => {
    expect(await runCli('rpyc_classic', ['-m', 'stdio'])).toEqual({ exit: 0, stdout: '', stderr: '' });
  });

  test('-m stdio ends by SIGTERM, after the call that is being served', async () => {
    const command = [process.execPath, programPath('rpyc_classic'), '-q', '-m', 'stdio'];
    const conn = await connectSubproc(command, { service: ClassicClient });
    const exited = once(conn.proc, 'exit');
    const called = conn.root.eval(
      '(process.kill(process.pid, "SIGTERM"), new Promise((done) => setTimeout(done, 200, 42)))',
    );
    expect(await called).toBe(42);
    expect(await exited).toEqual([0, null]);
  });

  test.each([
    [['-m', 'nope'], 2, /--mode is threaded or forking or stdio or oneshot, not 'nope'/],
    [['-p', '65536'], 2, /--port is a number between 0 and 65535, not '65536'/],
    [['extra'], 2, /what is 'extra' for\?/],
    [['--host', 'no-such-host.invalid', '-p', '0'], 1, /^rpyc_classic: .*no-such-host\.invalid.*\n$/],
  ])('%j is exit code %i', async (args, exit, said) => {
    expect(await runCli('rpyc_classic', args)).toEqual({ exit, stdout: '', stderr: expect.stringMatching(said) });
  });

  test('modes may be written in any case, as in RPyC', async () => {
    const { line } = startCli('rpyc_classic', ['-m', 'ONESHOT', '-p', '0', '--ipv6']);
    await line(/^::1\t\d+$/);
  });
});
