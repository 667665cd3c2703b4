// Registries of both languages, with servers and clients of both. All on loopback; RPyC's own code is the judge.

import { createSocket, Socket } from 'node:dgram';
import { getEventListeners, once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import * as rpyc from '../../src/index.ts';
import {
  describePython,
  PYTHONS,
  type PythonPeer,
  peer,
  pythonJson,
  type RpycVersion,
  startPython,
} from '../support/python.ts';

type Kind = 'UDP' | 'TCP';
const KINDS: readonly Kind[] = ['UDP', 'TCP'];
const HOST = '127.0.0.1';

class CalculatorService extends rpyc.Service {
  static override readonly ALIASES = ['Calculator', 'adder'];
  exposed_add(x: number, y: number) {
    return x + y;
  }
}

const pythonRegistry = (version: RpycVersion, kind: Kind, ...args: (number | string)[]): Promise<PythonPeer> =>
  startPython(version, peer('registry.py'), { args: [kind, ...args.map(String)] });

async function nodeRegistry(kind: Kind, options: rpyc.RegistryServerOptions = {}) {
  const made = { UDP: rpyc.UDPRegistryServer, TCP: rpyc.TCPRegistryServer }[kind];
  const registry = await new made({ port: 0, logger: null, ...options }).start();
  onTestFinished(() => registry.close());
  return registry;
}

const registrarOf = (kind: Kind, port: number, options: rpyc.RegistryClientOptions = {}) =>
  new ({ UDP: rpyc.UDPRegistryClient, TCP: rpyc.TCPRegistryClient })[kind](HOST, { port, logger: null, ...options });

async function nodeServer(registrar: rpyc.Registrar, options: rpyc.ServerOptions = {}) {
  const server = await new rpyc.Server(CalculatorService, { registrar, logger: null, ...options }).start();
  onTestFinished(() => server.close());
  return server;
}

/** Asks until the answer is right; the test's own time-out is the bound. */
async function until<T>(ask: () => T | Promise<T>, isRight: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isRight(answer)) return answer;
    await sleep(20);
  }
}

const found = (registrar: rpyc.Registrar, name = 'adder') => registrar.discover(name);
const isKnown = (servers: readonly rpyc.ServerAddress[]) => servers.length === 1;

/** What a Python of this release finds, and what its service answers; `listed` null: listing is off, or unknown to RPyC 4. */
const lookUp = (version: RpycVersion, kind: Kind, port: number) =>
  pythonJson(
    version,
    `
import json, sys, rpyc
from rpyc.utils import factory
from rpyc.utils.registry import UDPRegistryClient, TCPRegistryClient
registrar = ${kind}RegistryClient("127.0.0.1", port=${port})
out = {"found": rpyc.discover("adder", registrar=registrar)}
out["here"] = rpyc.discover("ADDER", host="localhost", registrar=registrar)
try:
    rpyc.discover("nobody", registrar=registrar)
except factory.DiscoveryError:
    out["nobody"] = True
if not hasattr(factory, "list_services"):
    conn = rpyc.connect(*out["found"][0])
else:
    conn = rpyc.connect_by_service("calculator", registrar=registrar)
    try:
        out["listed"] = sorted(rpyc.list_services(registrar=registrar))
        out["elsewhere"] = rpyc.list_services(registrar=registrar, filter_host="10.1.2.3")
    except factory.ForbiddenError:
        out["listed"] = "forbidden"
out["sum"] = conn.root.add(5, 10)
print(json.dumps(out))
`,
  );

/** A Python server of this release that registers by itself. */
const pythonServer = (version: RpycVersion, kind: Kind, port: number) =>
  startPython(
    version,
    `
import json, sys, threading, rpyc
from rpyc.utils.server import ThreadedServer
from rpyc.utils.registry import UDPRegistryClient, TCPRegistryClient
class CalculatorService(rpyc.Service):
    ALIASES = ["calculator", "Adder"]
    def exposed_add(self, x, y):
        return x + y
registrar = ${kind}RegistryClient("127.0.0.1", port=${port})
server = ThreadedServer(CalculatorService, hostname="127.0.0.1", registrar=registrar)
threading.Thread(target=server.start, daemon=True).start()
print("READY " + json.dumps({"port": server.port}), flush=True)
sys.stdin.readline()
server.close()
print("closed", flush=True)
sys.stdin.read()
`,
  );

const CASES = PYTHONS.flatMap((version) => KINDS.map((kind) => [version, kind] as const));

describePython.each(CASES)('RPyC %s, %s', (version, kind) => {
  test("Python's registry: a Node server registers, both languages find it, and it unregisters when it closes", async () => {
    const registry = await pythonRegistry(version, kind, 0, version.startsWith('4') ? 0 : 1);
    const { port } = registry.ready;
    const registrar = registrarOf(kind, port);
    const server = await nodeServer(registrar);
    await until(() => found(registrar), isKnown);
    const address = [HOST, server.port];
    expect(await rpyc.discover('adder', { registrar })).toEqual([address]);
    const conn = await rpyc.connectByService('Calculator', { registrar, host: 'localhost' });
    expect(await conn.root.add(5, 10)).toBe(15);
    await conn.close();
    expect(await lookUp(version, kind, port)).toEqual({
      found: [address],
      here: [address],
      nobody: true,
      sum: 15,
      ...(version.startsWith('4') ? {} : { listed: ['ADDER', 'CALCULATOR'], elsewhere: [] }),
    });
    await server.close();
    await until(
      () => found(registrar),
      (servers) => servers.length === 0,
    );
    await expect(rpyc.discover('adder', { registrar })).rejects.toMatchObject({
      code: 'ERR_RPYC_DISCOVERY',
      message: expect.stringContaining('no servers exposing "adder" were found'),
    });
  });

  test("Node's registry: a Python server registers, both languages find it, and it unregisters when it closes", async () => {
    const registry = await nodeRegistry(kind, { allowListing: true });
    const added: string[] = [];
    registry.on('serviceAdded', (name, [host]) => added.push(`${name} ${host}`));
    const removed: string[] = [];
    registry.on('serviceRemoved', (name) => removed.push(name));
    const server = await pythonServer(version, kind, registry.port);
    const address = [HOST, server.ready.port];
    await until(
      () => added.length,
      (count) => count === 2,
    );
    expect(added.sort()).toEqual([`ADDER ${HOST}`, `CALCULATOR ${HOST}`]);
    expect(registry.services).toEqual(
      new Map([
        ['CALCULATOR', [address]],
        ['ADDER', [address]],
      ]),
    );
    const registrar = registrarOf(kind, registry.port);
    expect(await rpyc.listServices({ registrar })).toEqual(['CALCULATOR', 'ADDER']);
    expect(await rpyc.listServices({ registrar, filterHost: '10.1.2.3' })).toEqual([]);
    const conn = await rpyc.connectByService('calculator', { registrar });
    expect(await conn.root.add(5, 10)).toBe(15);
    await conn.close();
    expect(await lookUp(version, kind, registry.port)).toEqual({
      found: [address],
      here: [address],
      nobody: true,
      sum: 15,
      ...(version.startsWith('4') ? {} : { listed: ['ADDER', 'CALCULATOR'], elsewhere: [] }),
    });
    server.writeLine('close');
    expect(await server.nextLine()).toBe('closed');
    // RPyC 4 forgets that it is to unregister: such servers are pruned.
    if (version.startsWith('4')) return;
    await until(
      () => removed.length,
      (count) => count === 2,
    );
    expect(registry.services.size).toBe(0);
  });

  test('blocking calls find a Python server by a Python registry, and connect to it', async () => {
    const registry = await pythonRegistry(version, kind);
    const server = await pythonServer(version, kind, registry.ready.port);
    const registrar = registrarOf(kind, registry.ready.port);
    const address = [HOST, server.ready.port];
    expect(await until(() => registrar.discoverSync('adder'), isKnown)).toEqual([address]);
    expect(rpyc.discoverSync('adder', { registrar, host: 'localhost' })).toEqual([address]);
    const conn = rpyc.connectByServiceSync('calculator', { registrar });
    expect(conn.root.add(5, 10)).toBe(15);
    conn.close();
    expect(() => rpyc.discoverSync('nobody', { registrar })).toThrow(rpyc.DiscoveryError);
    if (!version.startsWith('4')) expect(() => rpyc.listServicesSync({ registrar })).toThrow(rpyc.ForbiddenError);
  });

  test("a registry of Python's that was killed and came back knows a Node server again", async () => {
    const first = await pythonRegistry(version, kind);
    const { port } = first.ready;
    const registrar = registrarOf(kind, port, { reregisterInterval: 0.1, timeout: 0.5 });
    const server = await nodeServer(registrar);
    await until(() => found(registrar), isKnown);
    process.kill(first.pid, 'SIGKILL');
    expect(await first.ended).toBe('SIGKILL');
    await expect(registrar.discover('adder')).rejects.toThrow(
      kind === 'UDP' ? `UDP registry ${HOST} port ${port} did not answer within 0.5 s` : 'ECONNREFUSED',
    );
    await pythonRegistry(version, kind, port);
    expect(await until(() => registrar.discover('adder').catch(() => []), isKnown)).toEqual([[HOST, server.port]]);
  });

  test("a registry of Python's with listing off, and Node's, do not tell the names of services", async () => {
    const node = await nodeRegistry(kind);
    const python = await pythonRegistry(version, kind);
    const of = (port: number) => rpyc.listServices({ registrar: registrarOf(kind, port, { timeout: 0.5 }) });
    await expect(of(node.port)).rejects.toMatchObject({ name: 'ForbiddenError', code: 'ERR_RPYC_FORBIDDEN' });
    // RPyC 4 does not know the question, and says nothing.
    await expect(of(python.ready.port)).rejects.toMatchObject({
      code: version.startsWith('4') ? 'ERR_RPYC_DISCOVERY' : 'ERR_RPYC_FORBIDDEN',
    });
    await nodeServer(registrarOf(kind, node.port));
    await until(
      () => node.services.size,
      (size) => size === 2,
    );
    const { listed } = await lookUp(version, kind, node.port);
    expect(listed).toBe(version.startsWith('4') ? undefined : 'forbidden');
  });
});

describePython('broadcasts', () => {
  test("of Python's and of Node's clients reach a registry on all interfaces, and servers register by them", async () => {
    const registry = await nodeRegistry('UDP', { host: '0.0.0.0' });
    const broadcast = '127.255.255.255';
    const registrar = new rpyc.UDPRegistryClient(broadcast, { port: registry.port, logger: null });
    const server = await nodeServer(registrar);
    const servers = [[HOST, server.port]];
    expect(await until(() => found(registrar), isKnown)).toEqual(servers);
    // Blocked, this thread cannot be the registry: Python is asked about the blocking face above.
    expect(
      await pythonJson(
        '6.0.1',
        `
import json, rpyc
from rpyc.utils.registry import UDPRegistryClient
print(json.dumps(rpyc.discover("adder", registrar=UDPRegistryClient("${broadcast}", port=${registry.port}))))`,
      ),
    ).toEqual(servers);
  });

  test('a blocking client reaches a registry of another process by a broadcast', async () => {
    const python = await startPython(
      '6.0.1',
      `
import json, sys, threading
from rpyc.utils.registry import UDPRegistryServer
server = UDPRegistryServer(host="0.0.0.0", port=0)
server.cmd_register("10.0.0.7", ("adder",), 18861)
threading.Thread(target=server.start, daemon=True).start()
print("READY " + json.dumps({"port": server.port}), flush=True)
sys.stdin.read()`,
    );
    const registrar = new rpyc.UDPRegistryClient('127.255.255.255', { port: python.ready.port });
    expect(registrar.discoverSync('ADDER')).toEqual([['10.0.0.7', 18861]]);
  });
});

describe('between Node peers', () => {
  test.each(KINDS)('%s over IPv6: registered by the address that the server listens on', async (kind) => {
    const registry = await nodeRegistry(kind, { ipv6: true });
    expect(registry.address[0]).toBe('::1');
    const registrar = new { UDP: rpyc.UDPRegistryClient, TCP: rpyc.TCPRegistryClient }[kind]('::1', {
      port: registry.port,
    });
    const server = await nodeServer(registrar, { ipv6: true });
    expect(await until(() => found(registrar), isKnown)).toEqual([['::1', server.port]]);
    const conn = await rpyc.connectByService('adder', { registrar });
    expect(await conn.root.add(1, 2)).toBe(3);
    await conn.close();
  });

  test('an IPv4 client of a registry that listens on :: is noted by its IPv4 address', async () => {
    const registry = await nodeRegistry('UDP', { host: '::' });
    const registrar = registrarOf('UDP', registry.port);
    const server = await nodeServer(registrar);
    expect(await until(() => found(registrar), isKnown)).toEqual([[HOST, server.port]]);
  });

  test.each(KINDS)('%s: of several servers the first that can be reached is taken', async (kind) => {
    const registry = await nodeRegistry(kind);
    const registrar = registrarOf(kind, registry.port);
    const gone = await new rpyc.Server(CalculatorService, { logger: null }).start();
    const dead = gone.port;
    await gone.close();
    expect(await registrar.register(['adder'], dead)).toBe(true);
    await expect(rpyc.connectByService('adder', { registrar })).rejects.toMatchObject({
      code: 'ERR_RPYC_DISCOVERY',
      message: `all servers exposing "adder" are down: ${HOST} port ${dead}`,
      errors: [expect.objectContaining({ code: 'ERR_RPYC_CONNECT' })],
    });
    const server = await nodeServer(registrar);
    expect(
      await until(
        () => found(registrar),
        (servers) => servers.length === 2,
      ),
    ).toEqual([
      [HOST, dead],
      [HOST, server.port],
    ]);
    const conn = await rpyc.connectByService('adder', { registrar });
    expect(await conn.root.add(2, 3)).toBe(5);
    await conn.close();
    await expect(rpyc.discover('adder', { registrar, host: '127.0.0.2' })).rejects.toThrow(
      'no servers exposing "adder" were found on 127.0.0.2 (elsewhere: 2)',
    );
  });

  test.each(KINDS)('%s: a server that says nothing any more is forgotten, and `serviceRemoved` tells', async (kind) => {
    const registry = await nodeRegistry(kind, { pruningTimeout: 0.05 });
    const removed = once(registry, 'serviceRemoved');
    await registrarOf(kind, registry.port).register(['adder'], 18861);
    expect(await removed).toEqual(['ADDER', [HOST, 18861]]);
    expect(registry.services.size).toBe(0);
  });

  test('a listener of an event that throws is logged, and the registry goes on', async () => {
    const errors: unknown[][] = [];
    const logger = { debug() {}, info() {}, warn() {}, error: (...line: unknown[]) => void errors.push(line) };
    const registry = await nodeRegistry('UDP', { logger });
    registry.on('serviceAdded', () => {
      throw new Error('from a listener');
    });
    const registrar = registrarOf('UDP', registry.port);
    expect(await registrar.register(['adder'], 1)).toBe(true);
    expect(await registrar.discover('adder')).toEqual([[HOST, 1]]);
    expect(errors).toEqual([['rpyc registry: a listener of serviceAdded failed:', expect.any(Error)]]);
  });

  test('drain unregisters before the last call has ended; OneShotServer as soon as it has its client', async () => {
    const registry = await nodeRegistry('UDP');
    const registrar = registrarOf('UDP', registry.port);
    let answer = () => {};
    let begun = () => {};
    const isServed = new Promise<void>((resolve) => (begun = resolve));
    class Slow extends rpyc.Service {
      async exposed_wait() {
        begun();
        await new Promise<void>((resolve) => (answer = resolve));
        return 'waited';
      }
    }
    const server = await new rpyc.Server(Slow, { registrar, logger: null }).start();
    await until(() => found(registrar, 'slow'), isKnown);
    const conn = await rpyc.connectByService('slow', { registrar });
    const waited = conn.root.wait();
    const result = waited.then((value: unknown) => value);
    await isServed;
    const drained = server.drain();
    await until(
      () => found(registrar, 'slow'),
      (servers) => servers.length === 0,
    );
    answer();
    expect(await result).toBe('waited');
    expect(await drained).toBe(0);
    const oneShot = await new rpyc.OneShotServer(CalculatorService, { registrar, logger: null }).start();
    await until(() => found(registrar), isKnown);
    const client = await rpyc.connectByService('adder', { registrar });
    await until(
      () => found(registrar),
      (servers) => servers.length === 0,
    );
    expect(await client.root.add(1, 1)).toBe(2);
    const ended = once(oneShot, 'close');
    await client.close();
    await ended;
  });

  test('a registrar of one’s own is told the names, the port and the address; what it throws ends nothing', async () => {
    const told: unknown[] = [];
    const warned: string[] = [];
    const registrar: rpyc.Registrar = {
      discover: async () => [],
      list: async () => null,
      async register(...args) {
        told.push(args);
        throw new Error('no directory');
      },
      async unregister(...args) {
        told.push(args);
        throw new Error('no directory either');
      },
    };
    const logger = { debug() {}, info() {}, warn: (line: string) => void warned.push(line), error() {} };
    const silent = await nodeServer(registrar, { autoRegister: false });
    await silent.close();
    expect(told).toEqual([]);
    const server = await nodeServer(registrar, { logger });
    const { port } = server;
    await server.close();
    expect(told).toEqual([
      [['CALCULATOR', 'ADDER'], port, { interface: HOST, signal: expect.any(AbortSignal) }],
      [port, { interface: HOST }],
    ]);
    expect(warned).toEqual([
      'rpyc server: registering CALCULATOR, ADDER failed:',
      'rpyc server: unregistering failed:',
    ]);
    expect(() => rpyc.discoverSync('adder', { registrar })).toThrow(
      expect.objectContaining({ code: 'ERR_RPYC_BLOCKING_UNSUPPORTED' }),
    );
  });

  test.each(KINDS)('%s: a server that registers for a long time leaves nothing behind each time', async (kind) => {
    const registry = await nodeRegistry(kind);
    const registrar = registrarOf(kind, registry.port, { reregisterInterval: 0.001 });
    const registers = vi.spyOn(registrar, 'register');
    await nodeServer(registrar);
    await until(
      () => registers.mock.calls.length,
      (times) => times >= 20,
    );
    const signal = registers.mock.calls[0]?.[2]?.signal as AbortSignal;
    expect(getEventListeners(signal, 'abort').length).toBeLessThanOrEqual(1);
  });

  test.each(KINDS)('%s: a server whose registry never answers closes without waiting for it', async (kind) => {
    const told: Buffer[] = [];
    const silent =
      kind === 'UDP'
        ? createSocket('udp4')
        : createServer((socket) => void socket.on('data', (chunk) => told.push(chunk)));
    if (silent instanceof Socket) silent.on('message', (message) => void told.push(message)).bind(0, HOST);
    else silent.listen(0, HOST);
    await once(silent, 'listening');
    onTestFinished(() => void silent.close());
    const { port } = silent.address() as AddressInfo;
    const server = await nodeServer(registrarOf(kind, port, { timeout: 3600 }));
    await until(
      () => told.length,
      (count) => count === 1,
    );
    await server.close();
    await until(
      () => told.length,
      (count) => count === 2,
    );
    expect(String(told[0])).toContain('REGISTER');
    expect(String(told[1])).toContain('UNREGISTER');
  });

  test('options that cannot be are refused at once', () => {
    const registrar = new rpyc.UDPRegistryClient(HOST);
    expect(() => new rpyc.Server(CalculatorService, { socketPath: '/tmp/x', registrar })).toThrow('a Unix socket');
    expect(() => new rpyc.Server(CalculatorService, { registrar: {} as never })).toThrow(TypeError);
    expect(() => new rpyc.UDPRegistryServer({ secret: 'short' })).toThrow('at least 16 bytes, not 5');
    expect(() => new rpyc.UDPRegistryServer({ port: 65_536 })).toThrow(RangeError);
    expect(() => new rpyc.UDPRegistryServer({ host: HOST, ipv6: true })).toThrow(TypeError);
    expect(() => new rpyc.TCPRegistryServer({ pruningTimeout: 0 })).toThrow(RangeError);
    expect(() => new rpyc.TCPRegistryClient('')).toThrow(TypeError);
    expect(() => new rpyc.UDPRegistryClient(HOST, { timeout: -1 })).toThrow(RangeError);
    expect(() => new rpyc.UDPRegistryClient(HOST, { ipv6: true })).toThrow(TypeError);
  });
});
