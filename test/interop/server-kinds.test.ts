// The other servers of RPyC: one connection, one process per connection, and names for ported code; with real Python clients.
// ForkingServer runs from dist/, as a package does.

import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, runClient, startPython } from '../support/python.ts';
import { ScriptedPeer } from '../support/scripted-peer.ts';
import { type Started, script, start } from './snippets.ts';

class Adder extends rpyc.Service {
  exposed_add(x: number, y: number) {
    return x + y;
  }
}

describePython.each(['6.0.1', '5.3.1'] as const)('with a client of RPyC %s', (version) => {
  test('OneShotServer serves one rpyc.connect, listens no more, and ends with it', async () => {
    const server = await new rpyc.OneShotServer(Adder, { logger: null }).start();
    const { port } = server;
    const ended = once(server, 'close');
    const out = await runClient(
      version,
      port,
      `
      out["sum"] = root.add(5, 10)
      try:
          rpyc.connect("127.0.0.1", ${port})
      except ConnectionRefusedError:
          out["second"] = "refused"
      `,
    );
    expect(out).toEqual({ sum: 15, second: 'refused' });
    await ended;
    expect(server.metrics().connections).toMatchObject({ open: 0, accepted: 1 });
  });

  test('ForkingServer serves each in a process of its own', async () => {
    const { port, ...server } = await forking();
    const out = await runClient(
      version,
      port,
      `
      other = rpyc.connect("127.0.0.1", ${port})
      out["sum"] = root.add(5, 10)
      out["back"] = root.call(lambda n: n + 1, 41)
      out["pids"] = [root.pid(), other.root.pid()]
      out["count"] = [root.count(), root.count(), other.root.count()]
      out["attr"] = root.public
      other.close()
      `,
    );
    const [one, two] = out.pids;
    expect(out).toMatchObject({ sum: 15, back: 42, count: [1, 2, 1], attr: 'by configuration' });
    expect(new Set([one, two, server.child.pid]).size).toBe(3);
    await server.told((metrics) => metrics.children === 0);
    expect(await server.metrics()).toMatchObject({ accepted: 2, crashed: 0, refused: 0 });
  });

  test('ForkingServer drains: a call in a child ends, and its answer arrives', async () => {
    const { port, ...server } = await forking();
    const python = await startPython(
      version,
      `
import sys, rpyc
conn = rpyc.connect("127.0.0.1", int(sys.argv[1]))
root = conn.root
root.add(1, 2)
print("READY null", flush=True)
print(root.slow(800, lambda: print("begun", flush=True)), flush=True)
`,
      { args: [String(port)] },
    );
    expect(await python.nextLine()).toBe('begun');
    server.say('drain 20');
    expect(await python.nextLine()).toBe('slept');
    expect(await server.line('drained')).toBe('drained 0');
    expect((await server.ended).status).toBe(0);
  });
});

test('the authenticator that a service module exports decides in the children of a ForkingServer', async () => {
  const secret = 'a secret of more than sixteen bytes';
  const exported = `export const authenticator = new rpyc.TokenAuthenticator({ secret: '${secret}' });\n`;
  const { port, ...server } = await forking({ logger: null }, exported);
  const conn = await rpyc.connect('127.0.0.1', port, { token: secret });
  expect(await conn.root.add(5, 10)).toBe(15);
  await conn.close();
  await expect(rpyc.connect('127.0.0.1', port, { token: `${secret}!` })).rejects.toMatchObject({
    code: 'ERR_RPYC_AUTHENTICATION',
  });
  await expect(rpyc.connect('127.0.0.1', port)).rejects.toThrow('the server asks for a token');
  // Whoever was refused has no child left: nothing is to be waited for.
  server.say('drain 20');
  expect(await server.line('drained')).toBe('drained 0');
  expect((await server.ended).status).toBe(0);
});

const SERVICE = `
import * as rpyc from 'rpyc';
import { setTimeout as sleep } from 'node:timers/promises';
let count = 0;
export default class Forked extends rpyc.Service {
  public = 'by configuration';
  exposed_add(a, b) { return a + b; }
  exposed_pid() { return process.pid; }
  exposed_count() { return ++count; }
  async exposed_call(back, n) { return await back(n); }
  async exposed_slow(ms, begun) { await begun(); await sleep(ms); return 'slept'; }
  exposed_crash() { process.kill(process.pid, 'SIGSEGV'); return new Promise(() => {}); }
  exposed_never() { return new Promise(() => {}); }
}
`;

const SERVER = `
import * as rpyc from 'rpyc';
import { createInterface } from 'node:readline';
const { registry, ...options } = JSON.parse(process.argv[2]);
if (registry) options.registrar = new rpyc.UDPRegistryClient('127.0.0.1', { port: registry });
const server = await new rpyc.ForkingServer(new URL('./forked-service.mjs', import.meta.url), options).start();
console.log('port ' + server.port);
for await (const line of createInterface(process.stdin)) {
  const [what, timeout] = line.split(' ');
  if (what === 'metrics') console.log('metrics ' + JSON.stringify(server.metrics()));
  else if (what === 'close') { await server.close(); break; }
  else if (what === 'drain') { console.log('drained ' + await server.drain({ timeout: Number(timeout) })); break; }
}
process.exit(0);
`;

/** A ForkingServer in a process, which does what it is told by lines. */
async function forking(options: rpyc.ServerOptions & { registry?: number } = {}, more = '') {
  script('forked-service.mjs', SERVICE + more);
  const path = script('forking-server.mjs', SERVER);
  const config = { allow_public_attrs: true };
  const started: Started = start(process.execPath, [path, JSON.stringify({ config, ...options })], {}, 60_000, 'pipe');
  /** The next line that begins with a word, and was not taken before. */
  let read = 0;
  async function line(word: string): Promise<string> {
    for (;;) {
      const end = started.stdout().indexOf('\n', read);
      if (end < 0) {
        if (started.child.exitCode !== null) throw new Error(`it ended: ${(await started.ended).stderr}`);
        await new Promise((resolve) => setImmediate(resolve));
        continue;
      }
      const found = started.stdout().slice(read, end);
      read = end + 1;
      if (found.startsWith(word)) return found;
    }
  }
  const port = Number((await line('port')).slice(5));
  const say = (text: string): void => void started.child.stdin?.write(`${text}\n`);
  async function metrics(): Promise<rpyc.ForkingMetrics> {
    say('metrics');
    return JSON.parse((await line('metrics')).slice(8));
  }
  async function told(enough: (metrics: rpyc.ForkingMetrics) => boolean): Promise<void> {
    while (!enough(await metrics()));
  }
  return { ...started, port, say, line, metrics, told };
}

describe('ForkingServer', () => {
  test('a child that crashes ends its own connection, is reaped, and nobody else notices', async () => {
    const { port, ...server } = await forking();
    const other = await rpyc.connect('127.0.0.1', port);
    const victim = await rpyc.connect('127.0.0.1', port);
    const pid = await victim.root.pid();
    await expect(victim.root.crash()).rejects.toMatchObject({ code: 'ERR_RPYC_CLOSED' });
    expect(await other.root.add(1, 2)).toBe(3);
    await server.told(({ crashed, children }) => crashed === 1 && children === 1);
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    await other.close();
    server.say('close');
    const { status, stderr } = await server.ended;
    expect(status).toBe(0);
    expect(stderr).toContain(`rpyc server: child ${pid} ended by SIGSEGV; its connection is closed, and no other`);
  });

  test('killed children and those that end leave no descriptor and no zombie behind', async () => {
    const { port, ...server } = await forking();
    const { pid } = server.child;
    const descriptors = () => readdirSync(`/proc/${pid}/fd`).length;
    const children = () => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    const before = descriptors();
    for (let round = 0; round < 5; round++) {
      const [one, two] = await Promise.all([rpyc.connect('127.0.0.1', port), rpyc.connect('127.0.0.1', port)]);
      process.kill(await one.root.pid(), 'SIGKILL');
      await two.root.add(1, 2);
      await two.close();
    }
    await server.told((metrics) => metrics.children === 0);
    expect(descriptors()).toBe(before);
    expect(children()).toBe('');
    expect(await server.metrics()).toMatchObject({ accepted: 10, crashed: 5 });
    server.say('close');
    expect((await server.ended).status).toBe(0);
  });

  test('children are bounded by maxConnections; one more client sees the end at once', async () => {
    const { port, ...server } = await forking({ maxConnections: 2 });
    const [one, two] = [await rpyc.connect('127.0.0.1', port), await rpyc.connect('127.0.0.1', port)];
    const third = await ScriptedPeer.connect(port);
    await third.untilEnd();
    expect(await server.metrics()).toMatchObject({ children: 2, accepted: 2, refused: 1 });
    await one.close();
    await server.told(({ children }) => children === 1);
    const fourth = await rpyc.connect('127.0.0.1', port);
    expect(await fourth.root.add(2, 2)).toBe(4);
    await Promise.all([two.close(), fourth.close()]);
  });

  test('drain kills who takes longer than its time-out, and says how many', async () => {
    const { port, ...server } = await forking();
    const [stuck, idle] = [await rpyc.connect('127.0.0.1', port), await rpyc.connect('127.0.0.1', port)];
    const call = stuck.root.never();
    call.catch(() => {});
    await idle.root.add(1, 2);
    server.say('drain 0.5');
    expect(await server.line('drained')).toBe('drained 1');
    await expect(call).rejects.toMatchObject({ code: 'ERR_RPYC_CLOSED' });
    expect((await server.ended).status).toBe(0);
  });

  test('refuses what cannot be copied to another process, and says what', () => {
    const url = new URL('./service.js', import.meta.url);
    expect(() => new rpyc.ForkingServer(url, { config: { before_closed: () => {} } })).toThrow(
      'before_closed cannot be copied to the children of a ForkingServer',
    );
    expect(() => new rpyc.ForkingServer('', {})).toThrow('the service module is a URL or a path');
    expect(() => new rpyc.ForkingServer(url, { maxConnections: 0 })).toThrow('maxConnections is a whole number');
    expect(() => new rpyc.ForkingServer(url, { maxFrame: 1 })).toThrow('maxFrame is between');
  });

  test.each([
    ['export const nothing = 1;', 'should be a subclass of rpyc.Service'],
    ['export default class Other {}', 'should be a subclass of rpyc.Service'],
    ['export default () => 5;', 'should return a subclass of rpyc.Service'],
    ["throw new Error('broken module');", 'broken module'],
  ])('a module %j ends the child, not the server, and says why', async (text, message) => {
    const { port, ...server } = await forking();
    script('forked-service.mjs', text);
    const client = await ScriptedPeer.connect(port);
    await client.untilEnd();
    await server.told(({ crashed }) => crashed === 1);
    server.say('close');
    const { status, stderr } = await server.ended;
    expect(status).toBe(0);
    expect(stderr).toContain(message);
  });
});

test('a ForkingServer with a registrar is found by the name of its service, and forgotten when it drains', async () => {
  const registry = await new rpyc.UDPRegistryServer({ port: 0, logger: null }).start();
  const added = once(registry, 'serviceAdded');
  const { port, ...server } = await forking({ registry: registry.port });
  const [name, address] = await added;
  expect(address).toEqual(['127.0.0.1', port]);
  const registrar = new rpyc.UDPRegistryClient('127.0.0.1', { port: registry.port });
  const conn = await rpyc.connectByService(name, { registrar });
  expect(await conn.root.add(1, 2)).toBe(3);
  await conn.close();
  const removed = once(registry, 'serviceRemoved');
  server.say('drain 20');
  expect(await removed).toEqual([name, address]);
  expect((await server.ended).status).toBe(0);
  await registry.close();
});

describe('names for ported code', () => {
  test('ThreadedServer and ThreadPoolServer are the Server, and ignore what only threads need', async () => {
    expect(rpyc.ThreadedServer).toBe(rpyc.Server);
    const server = new rpyc.ThreadPoolServer(Adder, { nbThreads: 20, requestBatchSize: 10, logger: null });
    await server.start();
    expect(server).toBeInstanceOf(rpyc.Server);
    const conn = await rpyc.connect('127.0.0.1', server.port);
    expect(await conn.root.add(1, 2)).toBe(3);
    await conn.close();
    await server.close();
  });
});

test('OneShotServer ends when its one client only knocks', async () => {
  const server = await new rpyc.OneShotServer(Adder, { logger: null }).start();
  const ended = once(server, 'close');
  const knock = await ScriptedPeer.connect(server.port);
  await knock.close();
  await ended;
});

describePython('npm start', () => {
  test.each([
    ['a worker pool', ['--workers', '2'], 'with 2 workers'],
    ['one thread', ['--workers', '1'], 'with one thread'],
  ])('on %s, SIGTERM lets the call of a Python client end', async (_name, args, told) => {
    const path = new URL('../../examples/start.mjs', import.meta.url).pathname;
    const demo = start(process.execPath, [path, ...args], { PORT: '18961' });
    while (!demo.stdout().includes('Ctrl-C stops it')) await new Promise((resolve) => setImmediate(resolve));
    expect(demo.stdout()).toContain(told);
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(demo.stdout())?.[1]);
    const client = await startPython(
      '6.0.1',
      `
import rpyc
conn = rpyc.connect("127.0.0.1", ${port})
ticks = []
print("READY null", flush=True)
conn.root.time.ticks(lambda n, utc: ticks.append(n) or print(n, flush=True), 8)
print("all", len(ticks), flush=True)
`,
    );
    expect(await client.nextLine()).toBe('1');
    demo.child.kill('SIGTERM');
    for (const n of ['2', '3', '4', '5', '6', '7', '8', 'all 8']) expect(await client.nextLine()).toBe(n);
    const { status, stdout: said } = await demo.ended;
    expect(status).toBe(0);
    expect(said).toContain('stopped');
  });
});
