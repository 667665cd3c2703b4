// rpyc sniff between real Python peers and Node's: what it prints, that it carries everything, and what it does with faults.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { type Cli, startCli } from '../support/cli.ts';
import { describePython, runClient, startServer } from '../support/python.ts';
import { ScriptedPeer } from '../support/scripted-peer.ts';

async function sniff(port: number, ...more: string[]): Promise<Cli & { port: number }> {
  const started = startCli('rpyc', ['sniff', '--listen', '127.0.0.1:0', `127.0.0.1:${port}`, ...more]);
  const [, own] = await started.line(/^listening on 127\.0\.0\.1:(\d+), for 127\.0\.0\.1:\d+$/);
  return { ...started, port: Number(own) };
}

describePython.each([
  ['6.0.1', {}],
  ['5.3.1', {}],
  ['4.1.5', {}],
  ['6.0.1', { RPYC_BIND_THREADS: 'true' }],
] as const)('between a client and a server of RPyC %s, environment %j', (version, env) => {
  test('it prints what is asked and answered, and counts at the end', async () => {
    await using server = await startServer(version, {}, { env });
    const { port, child, line, ended } = await sniff(server.ready.port);
    const out = await runClient(
      version,
      port,
      `
out["sum"] = root.add(5, 10)
out["back"] = root.call(lambda n: n + 1, 41)
out["big"] = len(root.big_bytes(3000000))
try:
    root.raise_value("no")
except ValueError as error:
    out["raised"] = str(error)
`,
      {},
      { env },
    );
    expect(out).toMatchObject({ sum: 15, back: 42, big: 3_000_000, raised: expect.stringContaining('no') });
    await line(/ > \d+ close/);
    child.kill('SIGINT');
    const { exit, stdout, stderr } = await ended;
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(stdout).toMatch(/^ +[\d.]+ #1 > 0 getroot +\(\d+ B\)$/m);
    expect(stdout).toMatch(/^ +[\d.]+ #1 < 0 reply <server\.PeerService 0x[0-9a-f]+> \(\d+ B, [\d.]+ ms\)$/m);
    expect(stdout).toMatch(/(call <\S*method 0x[0-9a-f]+>|callattr <server.PeerService 0x[0-9a-f]+>\.add)\(5, 10\) /);
    expect(stdout).toMatch(/ < \d+ call <builtins\.function 0x[0-9a-f]+>\(41\) /);
    expect(stdout).toMatch(/ > \d+ reply 42 /);
    expect(stdout).toMatch(/ < \d+ reply <3000000 bytes ab{0,1}[ab]+…> /);
    expect(stdout).toMatch(/ < \d+ exception ValueError\('no',\) /);
    expect(stdout).toMatch(/^from clients \d+ messages, \d+ B; from servers \d+ messages, \d{5} B$/m);
    expect(stdout).toMatch(/^ {2}getroot: 1 requests, 1 answered, 0 exceptions, avg\/max = /m);
  });
});

describePython('rpyc sniff', () => {
  test('--json prints an object for each message', async () => {
    await using server = await startServer('6.0.1');
    const { port, child, line, ended } = await sniff(server.ready.port, '--json');
    const conn = await rpyc.connect('127.0.0.1', port);
    expect(await conn.root.add('a', 'b')).toBe('ab');
    await conn.close();
    await line(/"handler":"close"/);
    child.kill('SIGTERM');
    const { stdout, exit } = await ended;
    expect(exit).toBe(0);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text));
    expect(lines).toContainEqual({
      t: expect.any(Number),
      connection: 1,
      from: 'client',
      kind: 'request',
      seq: 1,
      handler: 'callattr',
      text: expect.stringMatching(/^<server\.PeerService 0x[0-9a-f]+>\.add\('a', 'b'\)$/),
      bytes: expect.any(Number),
      ms: null,
      asked: null,
    });
    expect(lines).toContainEqual(
      expect.objectContaining({
        from: 'server',
        kind: 'reply',
        text: "'ab'",
        asked: 'callattr',
        ms: expect.any(Number),
      }),
    );
    expect(lines.at(-1).summary.handlers).toContainEqual(
      expect.objectContaining({ handler: 'callattr', requests: 1, answered: 1, exceptions: 0 }),
    );
  });
});

test('what is not RPyC is carried on, and said once', async () => {
  const echo = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  onTestFinished(() => void echo.close());
  const { port, line } = await sniff((echo.address() as { port: number }).port);
  const client = await ScriptedPeer.connect(port);
  const sent = Buffer.from('GET / HTTP/1.1\r\n\r\n'.repeat(1000));
  await client.send(sent);
  expect(await client.expect(sent.length)).toEqual(sent);
  await line(/^connection 1: what the client says is not RPyC \(.*\); it is carried on undecoded$/);
  // Half a connection goes on: the end of one direction is not that of the other.
  await client.end();
  expect(await client.untilEnd()).toBe('eof');
});

test('a server that is not there is said, and the client told by an end of stream', async () => {
  const gone = createServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const { port } = gone.address() as { port: number };
  await new Promise((done) => gone.close(done));
  const sniffer = await sniff(port);
  const socket = connect(sniffer.port, '127.0.0.1').resume();
  await once(socket, 'close');
  await sniffer.line(/^connection 1: .*ECONNREFUSED/);
});

test('a taken port is exit code 1', async () => {
  const taken = await ScriptedPeer.listen();
  const { exit, stderr } = await startCli('rpyc', ['sniff', '-l', `127.0.0.1:${taken.port}`, '127.0.0.1:1']).ended;
  expect({ exit, stderr }).toEqual({ exit: 1, stderr: expect.stringMatching(/^rpyc sniff: .*EADDRINUSE.*\n$/) });
});
