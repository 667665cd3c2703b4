// rpyc call, inspect and ping against real Python servers, and what every command does with a command line that makes no sense.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { programPath, rpyc, runCli, startCli } from '../support/cli.ts';
import { describePython, type PythonPeer, peer, startPython, startServer } from '../support/python.ts';
import { ScriptedPeer } from '../support/scripted-peer.ts';

describePython.each(['6.0.1', '4.1.5'] as const)('with a server of RPyC %s', (version) => {
  let server: PythonPeer;
  let at = '';
  beforeAll(async () => {
    server = await startServer(version);
    at = `127.0.0.1:${server.ready.port}`;
  });
  afterAll(() => server.stop());

  const call = (...args: string[]) => rpyc('call', at, ...args);
  const ok = (stdout: string) => ({ exit: 0, stdout, stderr: '' });

  test('call prints what a method returns, as JSON', async () => {
    expect(await call('add', '5', '-10')).toEqual(ok('-5\n'));
    expect(await call('add', 'a', '"3"')).toEqual(ok('"a3"\n'));
    expect(await call('add', '12345678901234567890', '1')).toEqual(ok('12345678901234567891\n'));
    expect(await call('make_dict', '2')).toEqual(ok('{"k0": 0, "k1": 1}\n'));
    expect(await call('eval', '{1: [True, None, (1.5, {"a"})], "b": b"xyz"}')).toMatchObject({ exit: 2 });
    expect(await call('eval', "\"{1: [True, None, (1.5, {3})], 2: b'xyz', 3: float('inf')}\"")).toEqual(
      ok('{"1": [true, null, [1.5, [3]]], "2": "eHl6", "3": "Infinity"}\n'),
    );
  });

  test('call takes keyword arguments, a dotted path, and lists that Python sees as its own', async () => {
    expect(await call('kw', '1', '--kwarg', 'b=2', '-k', 'c=x=y')).toEqual(ok('[1, ["b", 2], ["c", "x=y"]]\n'));
    expect(await call('nested.double', '21')).toEqual(ok('42\n'));
    expect(await call('repr', '[1, {"a": null}]')).toEqual(ok('"[1, {\'a\': None}]"\n'));
  });

  test('call prints the repr of what has no value', async () => {
    expect(await call('make_point', '3', '4')).toEqual(ok('Point(3, 4)\n'));
    expect(await call('make_point', '3', '4', '--json')).toEqual(ok('{"repr":"Point(3, 4)","class":"server.Point"}\n'));
    expect(await call('add', '1', '2', '--json')).toEqual(ok('{"value": 3}\n'));
  });

  test('call --raw prints texts without quotes and bytes as they are', async () => {
    expect(await call('add', 'a', 'b', '--raw')).toEqual(ok('ab\n'));
    expect((await call('big_bytes', '2', '-r')).stdout).toHaveLength(2);
  });

  test('an exception is exit code 1 with the traceback of Python on stderr', async () => {
    const { exit, stdout, stderr } = await call('raise_value', 'no good');
    expect({ exit, stdout }).toEqual({ exit: 1, stdout: '' });
    expect(stderr).toMatch(/^Traceback[\s\S]*raise ValueError\(message\)\nValueError: no good\n$/);
    const json = await call('raise_custom', 'x', '--json');
    expect(json).toMatchObject({ exit: 1, stderr: '' });
    expect(JSON.parse(json.stdout).error).toMatchObject({ type: 'server.CustomError', message: 'x' });
    expect((await call('_hidden')).stderr).toMatch(/AttributeError: cannot access '_hidden'\n/);
  });

  test('what an exception says cannot steer the terminal', async () => {
    const { stderr } = await call('raise_value', '\u001b]0;title\u0007\u009b');
    expect(stderr).toContain('ValueError: \\x1b]0;title\\x07\\x9b\n');
  });

  test('inspect tells names, kinds, documentation and sizes, and no signature that the server hides', async () => {
    const { exit, stdout } = await rpyc('inspect', at, '--json');
    expect(exit).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ type: 'server.PeerService', protocol: version === '6.0.1' ? 6 : 5, left: 0 });
    const members = Object.fromEntries(report.members.map((member: { name: string }) => [member.name, member]));
    expect(members.const).toMatchObject({ kind: 'value', type: 'int', value: '17' });
    expect(members.Point).toMatchObject({ kind: 'class', doc: 'Public and exposed attributes.', signature: null });
    expect(members.call_later).toMatchObject({
      kind: 'method',
      signature: null,
      doc: expect.stringContaining('Calls from a thread of its own'),
    });
    expect(members.nested).toMatchObject({ kind: 'object', type: 'server.Nested' });
    const text = await rpyc('inspect', at, 'nested');
    expect(text.stdout).toMatch(/^ {2}double\(…\) +method *$/m);
    expect(text.stdout).toMatch(/^ {2}list +object +builtins.list, 3 items$/m);
    expect(text.stdout).toMatch(/^ {2}value +value +int 23$/m);
  });

  test('ping prints each answer and the times', async () => {
    const { exit, stdout } = await rpyc('ping', at, '-c', '2', '-i', '0');
    expect(exit).toBe(0);
    expect(stdout).toMatch(
      /^56 bytes: seq=1 time=[\d.]+ ms\n56 bytes: seq=2 time=[\d.]+ ms\n.*: 2 sent, 2 answered, min/,
    );
    const json = await rpyc('ping', at, '-c', '1', '--size', '5000', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ address: at, bytes: 5000, sent: 1, answered: 1 });
  });
});

describePython('inspect where a server lets it be read', () => {
  test('shows signatures: by configuration, and those of a slave', async () => {
    await using open = await startServer('5.3.1', { allow_all_attrs: true });
    const one = await rpyc('inspect', `127.0.0.1:${open.ready.port}`);
    expect(one.stdout).toMatch(/^ {2}call_later\(callback, delay, value\) +method/m);
    expect(one.stdout).toMatch(/^ {2}kw\(\*args, \*\*kwargs\) +method/m);
    await using slave = await startPython('6.0.1', peer('classic.py'), { args: ['slave'] });
    const two = await rpyc('inspect', '--classic', `127.0.0.1:${slave.ready.port}`, 'os.path');
    expect(two.stdout).toMatch(/^ {2}join\(a, \*p\) +function/m);
  });
});

test('ping counts what is not answered, and Ctrl-C ends it with its figures and 130', async () => {
  const silent = await ScriptedPeer.listen();
  expect(await rpyc('ping', `127.0.0.1:${silent.port}`, '--timeout', '0.2')).toMatchObject({ exit: 1 });
  await using server = await startServer('6.0.1');
  const endless = startCli('rpyc', ['ping', `127.0.0.1:${server.ready.port}`, '-c', '0', '-i', '0.01']);
  await endless.line(/seq=3/);
  endless.child.kill('SIGINT');
  const { exit, stdout } = await endless.ended;
  expect(exit).toBe(130);
  expect(stdout).toMatch(/ sent, \d+ answered, min\/avg\/max/);
});

describe('a command line that makes no sense is exit code 2, and says why on stderr', () => {
  test.each([
    [[], /^Usage: rpyc COMMAND/],
    [['nope'], /^rpyc: there is no command 'nope'\nTry 'rpyc --help'\.\n$/],
    [['call', 'localhost:1'], /^rpyc call: what is missing: /],
    [['call', 'localhost', 'add'], /'localhost' is no address: write host:port/],
    [['call', 'localhost:99999', 'add'], /is no address/],
    [['call', '::1:18861', 'add'], /is no address/],
    [['call', 'unix:', 'add'], /unix: needs the path/],
    [['call', 'localhost:1', 'add', '--nope'], /Unknown option '--nope'/],
    [['call', 'localhost:1', 'add', '[1'], /argument \[1 begins like JSON and is none/],
    [['call', 'localhost:1', 'add', '--kwarg', '=1'], /--kwarg is name=value/],
    [['call', 'localhost:1', 'a..b'], /'a\.\.b' is no path/],
    [['call', 'localhost:1', 'add', '--timeout', 'soon'], /--timeout is a number between/],
    [['call', 'localhost:1', 'add', '--protocol', '7'], /--protocol is 5 or 6, not '7'/],
    [['call', 'localhost:1', 'add', '--json', '--raw'], /leave one out/],
    [['ping', 'localhost:1', '-c', '1.5'], /--count is a whole number/],
    [['ping', 'localhost:1', 'more'], /what is 'more' for\?/],
    [['serve', 'x.mjs', '--unix', '/a', '--port', '1'], /leave one out/],
    [['serve', 'x.mjs', '--port', '70000'], /--port is a number between 0 and 65535/],
    [['serve', 'x.mjs', '--logfile', '/nowhere/at/all'], /--logfile: ENOENT/],
    [['sniff', 'nowhere'], /is no address/],
  ])('rpyc %j', async (args, said) => {
    const { exit, stdout, stderr } = await rpyc(...args);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
    expect(stderr).toMatch(said);
  });
});

describe('what fails is exit code 1, with one line on stderr', () => {
  const refused = async (): Promise<number> => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    await new Promise((done) => taken.close(done));
    return port;
  };

  test('a refused connection, a name without address, a socket that is not there', async () => {
    for (const command of ['call', 'inspect', 'ping', 'repl']) {
      const rest = command === 'call' ? ['add'] : [];
      const { exit, stderr } = await rpyc(command, `127.0.0.1:${await refused()}`, ...rest);
      expect({ exit, stderr }).toEqual({
        exit: 1,
        stderr: expect.stringMatching(/^rpyc \w+: cannot connect to .*ECONNREFUSED[^\n]*\n$/),
      });
    }
    expect((await rpyc('call', 'no-such-host.invalid:1', 'add')).stderr).toMatch(
      /^rpyc call: cannot connect to [^\n]*\n$/,
    );
    expect((await rpyc('call', 'unix:/nowhere.sock', 'add')).stderr).toMatch(/ENOENT[^\n]*\n$/);
  });

  test('a peer that is not RPyC', async () => {
    const http = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1');
    await once(http, 'listening');
    onTestFinished(() => void http.close());
    const { port } = http.address() as { port: number };
    const { exit, stderr } = await rpyc('call', `127.0.0.1:${port}`, 'add');
    expect({ exit, lines: stderr.split('\n').length }).toEqual({ exit: 1, lines: 2 });
  });

  test('Ctrl-C during a call is exit code 130', async () => {
    const silent = await ScriptedPeer.listen();
    const called = startCli('rpyc', ['call', `127.0.0.1:${silent.port}`, 'never']);
    await (await silent.accept()).nextFrame();
    called.child.kill('SIGINT');
    expect(await called.ended).toEqual({ exit: 130, stdout: '', stderr: '' });
  });
});

test('--help and --version of each program go to stdout, and are exit code 0', async () => {
  for (const [program, args] of [
    ['rpyc', ['--help']],
    ['rpyc', ['call', '-h']],
    ['rpyc', ['serve', '--help']],
    ['rpyc', ['inspect', '--help']],
    ['rpyc', ['repl', '--help']],
    ['rpyc', ['ping', '--help']],
    ['rpyc', ['sniff', '--help']],
    ['rpyc', ['relay', '--help']],
    ['rpyc_registry', ['--help']],
    ['rpyc_classic', ['--help']],
  ] as const) {
    const { exit, stdout, stderr } = await runCli(program, args);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(stdout).toMatch(/^Usage: rpyc/);
  }
  expect((await rpyc('--version')).stdout).toMatch(/^rpyc \d+\.\d+\.\d+\n$/);
  expect((await rpyc('call', '-v')).stdout).toMatch(/^rpyc call \d/);
});

test('a reader that leaves is no failure, and nothing is said about it', async () => {
  await using server = await startServer('6.0.1');
  // Endless, so that it writes after the reader has left.
  const ping = `'${process.execPath}' '${programPath('rpyc')}' ping 127.0.0.1:${server.ready.port} -c 0 -i 0.01`;
  const shell = spawn('bash', ['-c', `${ping} | head -1; exit \${PIPESTATUS[0]}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) shell[name].on('data', (text) => (said[name] += text));
  const [status] = await once(shell, 'close');
  expect({ status, ...said }).toEqual({
    status: 0,
    stdout: expect.stringMatching(/^56 bytes: seq=1 .*\n$/),
    stderr: '',
  });
});

test('a Unix socket and an IPv6 address are addresses', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rpyc-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'py.sock');
  await using unix = await startServer('6.0.1', {}, { args: [path] });
  await using six = await startServer('6.0.1', {}, { args: ['::1'] });
  expect(unix.ready).toBeDefined();
  expect(await rpyc('call', `unix:${path}`, 'add', '1', '2')).toMatchObject({ exit: 0, stdout: '3\n' });
  expect(await rpyc('call', `[::1]:${six.ready.port}`, 'add', '1', '2')).toMatchObject({ exit: 0, stdout: '3\n' });
});
