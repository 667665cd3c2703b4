// rpyc_registry with Python's clients and servers, and rpyc_classic --register with Python's registries.
import { describe, expect, test } from 'vitest';
import { runCli, startCli } from '../support/cli.ts';
import { describePython, peer, pythonJson, startPython } from '../support/python.ts';

/** Starts `rpyc_registry` on loopback; resolves with its port. */
async function registry(...args: string[]) {
  const started = startCli('rpyc_registry', ['--host', '127.0.0.1', '-p', '0', ...args]);
  const [, port] = await started.line(/listens on \S+ port (\d+)/);
  return { ...started, port: Number(port) };
}

const ASK = `
import json, sys
from rpyc.utils.registry import UDPRegistryClient, TCPRegistryClient
kind, port = sys.argv[1], int(sys.argv[2])
client = (UDPRegistryClient if kind == "UDP" else TCPRegistryClient)("127.0.0.1", port)
`;

describePython.each(['UDP', 'TCP'])('rpyc_registry -m %s', (mode) => {
  test('registers, finds and forgets for Python, and lists only with --listing', async () => {
    const one = await registry('-m', mode);
    const code = `${ASK}
out = {"registered": client.register(("FOO", "BAR"), 18861), "found": client.discover("foo")}
try:
    out["listed"] = client.list()
except Exception as error:
    out["listed"] = type(error).__name__
client.unregister(18861)
out["after"] = client.discover("foo")
print(json.dumps(out))
`;
    const out = await pythonJson('6.0.1', code, { args: [mode, String(one.port)] });
    expect(out).toMatchObject({ registered: true, found: [['127.0.0.1', 18861]], after: [] });
    expect(out.listed).not.toEqual(expect.arrayContaining(['FOO']));
    await one.line(/INFO REGISTRY\/\w+\/0: registered FOO at 127\.0\.0\.1 port 18861$/);
    one.child.kill('SIGTERM');
    expect(await one.ended).toMatchObject({ exit: 0, stdout: '' });

    const two = await registry('-m', mode, '-l', 'true', '-t', '1000');
    const names = `${ASK}\nclient.register(("FOO",), 1)\nprint(json.dumps(client.list()))`;
    expect(await pythonJson('6.0.1', names, { args: [mode, String(two.port)] })).toEqual(['FOO']);
  });

  test('rpyc_classic --register is found by Python, and gone after SIGTERM', async () => {
    const { port, line } = await registry('--mode', mode);
    const args = ['-p', '0', '--register', '--registry-type', mode, '--registry-host', '127.0.0.1'];
    const slave = startCli('rpyc_classic', [...args, '--registry-port', String(port)]);
    const [, own] = await slave.line(/server started on \[127\.0\.0\.1\]:(\d+)$/);
    await line(/registered SLAVE at/);
    const find = `${ASK}\nprint(json.dumps(client.discover("SLAVE")))`;
    expect(await pythonJson('6.0.1', find, { args: [mode, String(port)] })).toEqual([['127.0.0.1', Number(own)]]);
    slave.child.kill('SIGTERM');
    expect(await slave.ended).toMatchObject({ exit: 0 });
    await line(/forgot SLAVE at/);
  });
});

describePython('rpyc_classic --register', () => {
  test("registers with Python's registry", async () => {
    const python = await startPython('6.0.1', peer('registry.py'), { args: ['UDP'] });
    const port = String(python.ready.port);
    const slave = startCli('rpyc_classic', [
      '-p',
      '0',
      '--register',
      '--registry-host=127.0.0.1',
      '--registry-port',
      port,
    ]);
    const [, own] = await slave.line(/server started on \[127\.0\.0\.1\]:(\d+)$/);
    const find = `${ASK}
import time
for _ in range(100):
    found = client.discover("SLAVE")
    if found:
        break
    time.sleep(0.1)
print(json.dumps(found))`;
    expect(await pythonJson('6.0.1', find, { args: ['UDP', port] })).toEqual([['127.0.0.1', Number(own)]]);
  });
});

describe('a command line that makes no sense', () => {
  test.each([
    ['rpyc_registry', ['-m', 'SCTP'], /--mode is UDP or TCP/],
    ['rpyc_registry', ['-l', 'perhaps'], /--listing is true or false, not 'perhaps'/],
    ['rpyc_registry', ['-t', '0'], /--timeout is a number between/],
    ['rpyc_registry', ['-6', '--host', '127.0.0.1'], /leave one of them out/],
    ['rpyc_classic', ['--register', '--registry-type', 'tcp'], /--registry-type TCP needs --registry-host/],
  ] as const)('%s %j', async (program, args, said) => {
    const { exit, stdout, stderr } = await runCli(program, args);
    expect({ stdout, stderr }).toEqual({ stdout: '', stderr: expect.stringMatching(said) });
    expect(exit).not.toBe(0);
  });

  test('a taken port is exit code 1, and one line', async () => {
    const { port } = await registry('-m', 'TCP');
    expect(await runCli('rpyc_registry', ['-m', 'TCP', '--host', '127.0.0.1', '-p', String(port)])).toEqual({
      exit: 1,
      stdout: '',
      stderr: expect.stringMatching(/^rpyc_registry: .*EADDRINUSE.*\n$/),
    });
  });
});
