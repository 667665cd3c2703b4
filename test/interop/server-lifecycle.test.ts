// A server's life with real Python clients: its orderly end while they are in a call, idle ones told goodbye, what it counts and publishes.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import * as b from '../faults/bytes.ts';
import { describePython, startPython } from '../support/python.ts';

class Work extends rpyc.Service {
  static started = 0;
  exposed_add(x: number, y: number) {
    return x + y;
  }
  async exposed_slow(ms: number) {
    Work.started++;
    await sleep(ms);
    return 'slept';
  }
  async exposed_ask(back: (n: number) => Promise<number>) {
    await sleep(300);
    return await back(1);
  }
  exposed_never() {
    return new Promise(() => {});
  }
  exposed_fail() {
    throw new rpyc.exceptions.KeyError('nothing');
  }
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setImmediate(resolve));
}

/** Everything published on a channel during this test. */
function heard<T>(name: string): T[] {
  const messages: T[] = [];
  const note = (message: unknown): void => void messages.push(message as T);
  subscribe(name, note);
  onTestFinished(() => void unsubscribe(name, note));
  return messages;
}

const CLIENT = `
import sys, json, rpyc
conn = rpyc.connect("127.0.0.1", int(sys.argv[1]))
root = conn.root
root.add(1, 2)
print("READY null", flush=True)
`;

describePython.each(['6.0.1', '5.3.1'] as const)('with a client of RPyC %s', (version) => {
  const client = (server: rpyc.Server, code: string) =>
    startPython(version, CLIENT + code, { args: [String(server.port)] });

  test('drain lets its call end, and the next one raises EOFError', async () => {
    const server = await b.serve(Work);
    const python = await client(
      server,
      `
print(json.dumps(root.slow(500)), flush=True)
try:
    for i in range(100000):
        root.add(1, 2)
    print(json.dumps("still served"))
except EOFError as error:
    print(json.dumps("EOFError"))
`,
    );
    await until(() => server.metrics().requests.inFlight === 1);
    const draining = server.drain({ timeout: 20 });
    await expect(rpyc.connect('127.0.0.1', server.port)).rejects.toMatchObject({ code: 'ERR_RPYC_CONNECT' });
    expect(await python.nextLine()).toBe('"slept"');
    expect(await python.nextLine()).toBe('"EOFError"');
    expect(await draining).toBe(0);
    expect(server.connections.size).toBe(0);
    expect(await python.ended).toBe(0);
  });

  test('drain serves what the call being served depends on: a callback, and the calls inside it', async () => {
    const server = await b.serve(Work, { maxInFlight: 1 });
    const python = await client(server, 'print(root.ask(lambda n: root.add(n, 41)), flush=True)\n');
    await until(() => server.metrics().requests.inFlight === 1);
    const draining = server.drain({ timeout: 20 });
    expect(await python.nextLine()).toBe('42');
    expect(await draining).toBe(0);
  });

  test('drain cuts who takes longer than its time-out, and says how many', async () => {
    const server = await b.serve(Work);
    const raise = `
try:
    root.never()
except EOFError as error:
    print(json.dumps("EOFError"), flush=True)
`;
    const stuck = [await client(server, raise), await client(server, raise)];
    const idle = await client(server, 'input()');
    await until(() => server.metrics().requests.inFlight === 2);
    expect(await server.drain({ timeout: 0.3 })).toBe(2);
    for (const python of stuck) expect(await python.nextLine()).toBe('"EOFError"');
    expect(server.metrics().connections).toMatchObject({ open: 0, accepted: 3, cut: { drain: 2 } });
    idle.writeLine('');
    expect(await idle.ended).toBe(0);
  });

  test('an idle one is told goodbye: its next call raises EOFError', async () => {
    const server = await b.serve(Work, { idleTimeout: 0.2 });
    const python = await client(
      server,
      `
input()
try:
    root.add(1, 2)
except EOFError:
    print(json.dumps("EOFError"), flush=True)
`,
    );
    const [conn] = server.connections;
    await once(conn, 'close');
    python.writeLine('');
    expect(await python.nextLine()).toBe('"EOFError"');
    expect(server.metrics().connections.cut.idle).toBe(1);
  });

  test('metrics count what was done, and go on counting when connections are over', async () => {
    const server = await b.serve(Work);
    const python = await client(
      server,
      `
for i in range(9):
    root.add(i, i)
try:
    root.fail()
except KeyError:
    pass
print("done", flush=True)
input()
conn.close()
`,
    );
    await python.nextLine();
    const { connections, requests, bytesIn, bytesOut, references, uptime } = server.metrics();
    expect(connections).toMatchObject({ open: 1, accepted: 1, refused: 0 });
    expect(requests).toMatchObject({ failed: 1, inFlight: 0, waiting: 0 });
    // GETROOT, ten times add, and what Python asks beside (INSPECT, GETATTR, DEL).
    expect(requests.served).toBeGreaterThanOrEqual(11);
    expect(bytesIn).toBeGreaterThan(200);
    expect(bytesOut).toBeGreaterThan(200);
    expect(references).toBeGreaterThanOrEqual(1);
    expect(uptime).toBeGreaterThan(0);
    const [conn] = server.connections;
    python.writeLine('');
    await once(conn, 'close');
    const after = server.metrics();
    expect(after.connections).toMatchObject({ open: 0, accepted: 1 });
    expect(after.requests.served).toBeGreaterThanOrEqual(requests.served);
    expect(after.bytesIn).toBeGreaterThan(bytesIn);
    expect(after.references).toBe(0);
  });

  test('channels tell of its connection and of each of its requests', async () => {
    type Request = { connid: string; seq: number; name: string; duration: number; error: unknown };
    const connected = heard<{ connid: string; endpoints: unknown; connection: unknown }>('rpyc:connect');
    const disconnected = heard<{ connid: string; error: Error; closedByPeer: boolean; stats: rpyc.ConnectionStats }>(
      'rpyc:disconnect',
    );
    const [starts, ends, errors] = ['start', 'end', 'error'].map((kind) => heard<Request>(`rpyc:request:${kind}`));
    const server = await b.serve(Work);
    const python = await client(
      server,
      `
root.slow(30)
try:
    root.fail()
except KeyError:
    pass
conn.close()
`,
    );
    expect(await python.ended).toBe(0);
    await until(() => disconnected.length === 1);
    expect(connected).toMatchObject([
      {
        endpoints: [
          ['127.0.0.1', server.port],
          ['127.0.0.1', expect.any(Number)],
        ],
      },
    ]);
    const [{ connid }] = connected;
    expect(connid).toMatch(/^conn\d+$/);
    expect(disconnected).toMatchObject([{ connid, closedByPeer: true, error: { code: 'ERR_RPYC_CLOSED' } }]);
    expect(disconnected[0].stats.served).toBe(ends.length);
    const [slow] = ends.filter(({ name }) => name === 'exposed_slow');
    expect(slow).toMatchObject({ connid });
    expect(slow.duration).toBeGreaterThan(25);
    expect(errors).toMatchObject([{ connid, error: { message: expect.stringContaining('nothing') } }]);
    const seqs = (list: Request[]) => list.map(({ seq }) => seq).sort((x, y) => x - y);
    expect(seqs(starts)).toEqual(seqs([...ends, ...errors]));
  });
});

describe('drain', () => {
  test('begins nothing that comes late, answers what was begun, and can be asked twice', async () => {
    const server = await b.serve(Work);
    const client = await b.Client.connect(server.port);
    const { started } = Work;
    const slow = await client.send(b.CALLATTR, [client.rootBox, b.value(b.str('slow')), b.value(b.tuple(b.int(300)))]);
    await until(() => Work.started === started + 1);
    const draining = server.drain({ timeout: 20 });
    expect(server.drain()).toBe(draining);
    for (let i = 0; i < 50; i++)
      await client.send(b.CALLATTR, [client.rootBox, b.value(b.str('slow')), b.value(b.tuple(b.int(1)))]);
    expect((await client.answer(slow)).body).toEqual([1, 'slept']);
    const goodbye = b.readMessage(await client.link.nextPayload());
    expect([goodbye.kind, goodbye.body[0]]).toEqual([1, b.CLOSE]);
    await client.link.close();
    expect(await draining).toBe(0);
    expect(Work.started).toBe(started + 1);
  });

  test('writes everything that is queued before it says goodbye', async () => {
    class Large extends rpyc.Service {
      exposed_give() {
        return Buffer.alloc(24 << 20, 7);
      }
    }
    const server = await b.serve(Large, { compress: false });
    const client = await b.Client.connect(server.port);
    client.link.socket.pause();
    const seq = await client.send(b.CALLATTR, [client.rootBox, b.value(b.str('give')), b.value(b.tuple())]);
    await until(() => [...server.connections].some((conn) => conn.stats.queued > 0));
    const draining = server.drain({ timeout: 20 });
    client.link.socket.resume();
    expect((await client.answer(seq)).body[1].length).toBe(24 << 20);
    expect(b.readMessage(await client.link.nextPayload()).body[0]).toBe(b.CLOSE);
    await client.link.close();
    expect(await draining).toBe(0);
  });

  test('ends at once where nobody is connected, and emits close once, also when close follows', async () => {
    const server = await b.serve(Work);
    let closes = 0;
    server.on('close', () => closes++);
    expect(await server.drain()).toBe(0);
    await server.close();
    expect(closes).toBe(1);
  });

  test('is cut short by close', async () => {
    const server = await b.serve(Work);
    const client = await b.Client.connect(server.port);
    await client.send(b.CALLATTR, [client.rootBox, b.value(b.str('never')), b.value(b.tuple())]);
    await until(() => server.metrics().requests.inFlight === 1);
    const draining = server.drain({ timeout: null });
    const closing = server.close();
    expect(b.readMessage(await client.link.nextPayload()).body[0]).toBe(b.CLOSE);
    await client.link.close();
    await closing;
    expect(await draining).toBe(0);
  });
});

test('the options of a server may have RPyC’s names: ipv6 and protocolConfig', async () => {
  const server = await b.serve(Work, { ipv6: true, protocolConfig: { allow_all_attrs: true } });
  expect(server.address.host).toBe('::1');
  const conn = await rpyc.connect('::1', server.port);
  expect([...server.connections][0].config.allow_all_attrs).toBe(true);
  expect(await conn.root.add(1, 2)).toBe(3);
  await conn.close();
});

test('a server that has nothing to watch runs no timer, and none at all without connections', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  const server = await b.serve(Work, { idleTimeout: 1 });
  expect(timers()).toBe(before);
  const client = await b.Client.connect(server.port);
  const [conn] = server.connections;
  const end = once(conn, 'close');
  await client.link.close();
  await end;
  expect(timers()).toBe(before);
});
