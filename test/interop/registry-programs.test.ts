// The registries as programs: RPyC's script rpyc_registry.py with servers and clients of Node, our rpyc_registry with those of Python; killed with
// -9 and started again, they know everybody again.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { startCli } from '../support/cli.ts';
import { rpyc, startPool } from '../support/pool.ts';
import { describePython, PYTHONS, python, pythonJson, type RpycVersion, startPython } from '../support/python.ts';

type Kind = 'UDP' | 'TCP';
const HOST = '127.0.0.1';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** RPyC's own script, until it is killed or the test ends. */
function script(version: RpycVersion, kind: Kind, port: number) {
  const program = join(dirname(python(version)), 'rpyc_registry.py');
  const child = spawn(python(version), [program, '-m', kind, '-p', String(port)], { stdio: 'ignore' });
  const ended = once(child, 'close');
  const kill = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  onTestFinished(kill);
  return kill;
}

const registrarOf = (kind: Kind, port: number) =>
  new ({ UDP: rpyc.UDPRegistryClient, TCP: rpyc.TCPRegistryClient })[kind](HOST, {
    port,
    logger: null,
    timeout: 1,
    reregisterInterval: 0.2,
  });

/** Asks until there is an answer that says who; bounded by the test's time-out. */
async function untilFound(registrar: ReturnType<typeof registrarOf>, name: string) {
  for (;;) {
    const found = await registrar.discover(name).catch(() => []);
    if (found.length > 0) return found;
    await sleep(20);
  }
}

/** What a Python of this release finds, and what the pool or server behind it answers. */
const ask = (version: RpycVersion, kind: Kind, port: number, name: string, checks: string) =>
  pythonJson(
    version,
    `
import json, rpyc
from rpyc.utils.registry import UDPRegistryClient, TCPRegistryClient
registrar = ${kind}RegistryClient("${HOST}", port=${port})
found = rpyc.discover("${name}", registrar=registrar)
# RPyC 4 cannot be told where.
conn = rpyc.connect(*found[0]) if rpyc.version.version[0] == 4 else rpyc.connect_by_service("${name}", registrar=registrar)
out = {"found": found, "answer": ${checks}}
conn.close()
print(json.dumps(out))
`,
  );

const KINDS = ['UDP', 'TCP'] as const;
const CASES = PYTHONS.flatMap((version) => KINDS.map((kind) => [version, kind] as const));

// The script of RPyC 4 fails with the plumbum of today, whose switches are in lower case.
describePython.each(CASES.filter(([version]) => !version.startsWith('4')))('RPyC %s, %s', (version, kind) => {
  test("Python's script knows a worker pool, for clients of both, and again after kill -9", async () => {
    const port = await freePort();
    const kill = script(version, kind, port);
    const registrar = registrarOf(kind, port);
    const pool = await startPool({ workers: 2, registrar });
    const servers = [[HOST, pool.port]];
    expect(await untilFound(registrar, 'POOL')).toEqual(servers);
    const conn = await rpyc.connectByService('pool', { registrar });
    expect(await conn.root.add(1, 2)).toBe(3);
    await conn.close();
    expect(await ask(version, kind, port, 'pool', 'conn.root.add(2, 3)')).toEqual({ found: servers, answer: 5 });

    await kill();
    await expect(rpyc.discover('pool', { registrar })).rejects.toMatchObject({
      code: kind === 'UDP' ? 'ERR_RPYC_DISCOVERY' : 'ERR_RPYC_CONNECT',
    });
    // The pool does not care.
    expect(await (await pool.connect()).root.add(1, 2)).toBe(3);
    script(version, kind, port);
    expect(await untilFound(registrar, 'POOL')).toEqual(servers);
    await pool.server.close();
    await expect(rpyc.discover('pool', { registrar })).rejects.toMatchObject({ code: 'ERR_RPYC_DISCOVERY' });
  });
});

describePython.each(CASES)('RPyC %s, %s', (version, kind) => {
  test('our program knows a Python server, for clients of both, and again after kill -9', async () => {
    const port = await freePort();
    const ours = () => startCli('rpyc_registry', ['-m', kind, '--host', HOST, '-p', String(port)]);
    const first = ours();
    await first.line(/listens on \S+ port \d+/);
    const server = await startPython(
      version,
      `
import json, sys, threading, rpyc
from rpyc.utils.server import ThreadedServer
from rpyc.utils.registry import UDPRegistryClient, TCPRegistryClient
class CalculatorService(rpyc.Service):
    def exposed_add(self, x, y):
        return x + y
registrar = ${kind}RegistryClient("${HOST}", port=${port})
registrar.REREGISTER_INTERVAL = 0.2
server = ThreadedServer(CalculatorService, hostname="${HOST}", registrar=registrar, auto_register=True)
threading.Thread(target=server.start, daemon=True).start()
print("READY " + json.dumps({"port": server.port}), flush=True)
sys.stdin.readline()
server.close()
print("closed", flush=True)
sys.stdin.read()
`,
    );
    const registrar = registrarOf(kind, port);
    const servers = [[HOST, server.ready.port]];
    expect(await untilFound(registrar, 'CALCULATOR')).toEqual(servers);
    const blocking = rpyc.connectByServiceSync('calculator', { registrar });
    expect(blocking.root.add(5, 10)).toBe(15);
    blocking.close();
    expect(await ask(version, kind, port, 'calculator', 'conn.root.add(2, 3)')).toEqual({ found: servers, answer: 5 });

    first.child.kill('SIGKILL');
    expect((await first.ended).exit).toBe('SIGKILL');
    const second = ours();
    await second.line(/registered CALCULATOR at/);
    expect(await untilFound(registrar, 'CALCULATOR')).toEqual(servers);
    server.writeLine('close');
    expect(await server.nextLine()).toBe('closed');
    // RPyC 4 forgets that it is to unregister: such servers are pruned.
    if (version.startsWith('4')) return;
    await second.line(/forgot CALCULATOR at/);
    await expect(rpyc.discover('calculator', { registrar })).rejects.toMatchObject({ code: 'ERR_RPYC_DISCOVERY' });
  });
});
