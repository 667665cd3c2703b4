// The programs over TLS: rpyc_classic and rpyc serve with Python's ssl_connect, rpyc call to both; certificates that are wrong.
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { connect } from '../../src/index.ts';
import { certificates } from '../support/certificates.ts';
import { rpyc, runCli, startCli } from '../support/cli.ts';
import { describePython, pythonJson } from '../support/python.ts';

const SERVICE = fileURLToPath(new URL('../support/peers/cli-service.mjs', import.meta.url));
const { ca, otherCa, server, client } = certificates();
const OURS = ['--ssl-keyfile', server.keyfile, '--ssl-certfile', server.certfile];

describePython.each(['threaded', 'forking', 'oneshot'])('rpyc_classic -m %s with a certificate', (mode) => {
  test("serves Python's classic.ssl_connect, and demands a certificate with --ssl-cafile", async () => {
    const { line } = startCli('rpyc_classic', ['-m', mode, '-p', '0', ...OURS, '--ssl-cafile', ca]);
    const [, port] = await line(/server started on \[127\.0\.0\.1\]:(\d+)$/);
    const out = await pythonJson(
      '6.0.1',
      `
import json, rpyc, sys
port, ca, key, cert = sys.argv[1:]
conn = rpyc.classic.ssl_connect("127.0.0.1", int(port), keyfile=key, certfile=cert, ca_certs=ca)
print(json.dumps([conn.eval("6 * 7"), conn.modules.path.sep]))
conn.close()
`,
      { args: [port as string, ca, client.keyfile, client.certfile] },
    );
    expect(out).toEqual([42, '/']);
  });
});

describe('rpyc serve with a certificate', () => {
  test('is called with --ssl-cafile, blocking and awaited, and by no client without TLS', async () => {
    const { line } = startCli('rpyc', ['serve', SERVICE, ...OURS]);
    const [, port] = await line(/^listening on 127\.0\.0\.1:(\d+)$/);
    const at = `localhost:${port}`;
    expect(await rpyc('call', at, 'add', '1', '2', '--ssl-cafile', ca)).toEqual({ exit: 0, stdout: '3\n', stderr: '' });
    const typed = await runCli('rpyc', ['repl', at, '--ssl-cafile', ca], { stdin: 'conn.root.add(3, 4)\n' });
    expect(typed).toEqual({ exit: 0, stdout: '7\n', stderr: '' });
    expect(await rpyc('call', at, 'add', '1', '2', '--ssl-insecure')).toMatchObject({ exit: 0, stdout: '3\n' });
    for (const [args, said] of [
      [['--ssl-cafile', otherCa], /^rpyc call: localhost:\d+: .*\n$/],
      [['--ssl'], /^rpyc call: localhost:\d+: .*\n$/],
      [[], /^rpyc call: .*speaks TLS.*\n$/],
    ] as const) {
      const { exit, stdout, stderr } = await rpyc('call', at, 'add', '1', '2', ...args);
      expect({ exit, stdout, stderr }).toEqual({ exit: 1, stdout: '', stderr: expect.stringMatching(said) });
    }
  });
});

describe('rpyc serve of a module that exports an authenticator', () => {
  const GUARDED = fileURLToPath(new URL('../support/peers/cli-guarded.mjs', import.meta.url));

  test.each([[[]], [['--workers', '2']]])('asks it (%j)', async (args) => {
    const { line } = startCli('rpyc', ['serve', GUARDED, ...args]);
    const [, port] = await line(/^listening on 127\.0\.0\.1:(\d+)$/);
    const token = 'a secret of sixteen bytes at least';
    const conn = await connect('127.0.0.1', Number(port), { token });
    expect(await conn.root.add(1, 2)).toBe(3);
    await conn.close();
    await expect(connect('127.0.0.1', Number(port))).rejects.toThrow('asks for a token');
  });

  test('takes no certificate beside it', async () => {
    expect(await runCli('rpyc', ['serve', GUARDED, ...OURS])).toEqual({
      exit: 2,
      stdout: '',
      stderr: expect.stringMatching(/exports an authenticator, which --ssl-keyfile would replace/),
    });
  });
});

describe('a command line that makes no sense', () => {
  test.each([
    ['rpyc_classic', ['--ssl-keyfile', 'k'], /need each other/],
    ['rpyc_classic', ['--ssl-cafile', 'c'], /--ssl-cafile needs --ssl-keyfile and --ssl-certfile/],
    ['rpyc', ['call', 'localhost:1', 'add', '--ssl-certfile', 'c'], /need each other/],
    ['rpyc', ['call', 'unix:/a', 'add', '--ssl'], /--ssl is for hosts/],
    ['rpyc', ['call', 'localhost:1', 'add', '--ssl-insecure', '--ssl-cafile', 'c'], /leave one out/],
    ['rpyc', ['serve', SERVICE, '--workers', '2', ...OURS], /export an authenticator from the module/],
  ] as const)('%s %j', async (program, args, said) => {
    expect(await runCli(program, args)).toEqual({ exit: 2, stdout: '', stderr: expect.stringMatching(said) });
  });

  test('a file that is not there is exit code 1, and one line', async () => {
    const args = ['-p', '0', '--ssl-keyfile', '/nowhere.key', '--ssl-certfile', '/nowhere.crt'];
    expect(await runCli('rpyc_classic', args)).toEqual({
      exit: 1,
      stdout: '',
      stderr: expect.stringMatching(/^rpyc_classic: .*nowhere.*\n$/),
    });
  });
});
