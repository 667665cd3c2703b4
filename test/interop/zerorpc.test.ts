// rpyc/zerorpc: {real zerorpc 0.6.3, ours} x {client, server} x {ping, ok, error, stream, failing stream, loss of heartbeats, inspect}.
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import {
  Client,
  type ClientOptions,
  callSignal,
  describe as described,
  LostRemote,
  RemoteError,
  Server,
  type ServerOptions,
  stream,
  TimeoutExpired,
} from '../../src/zerorpc/index.ts';
import { describePython } from '../support/python.ts';
import { zerorpcProgram } from '../support/zmq.ts';

/** The methods of peers/zerorpc_server.py. */
class Service {
  readonly ended: string[] = [];
  add(a: number, b: number) {
    return a + b;
  }
  echo(...values: unknown[]) {
    return values.length === 1 ? values[0] : values;
  }
  fail() {
    throw Object.assign(new Error('bad value: café'), { name: 'ValueError' });
  }
  async slow(seconds = 0.9) {
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    return 'done';
  }
  *count(n: number) {
    try {
      for (let at = 0; at < n; at++) yield at;
    } finally {
      this.ended.push('count');
    }
  }
  async *count_fail(n: number) {
    for (let at = 0; at < n; at++) yield at;
    throw Object.assign(new Error(`after ${n}`), { name: 'RuntimeError' });
  }
  async hang() {
    const signal = callSignal() as AbortSignal;
    await once(signal, 'abort');
    this.ended.push(`hang: ${signal.reason.name}`);
  }
  _private() {
    return 'never';
  }
  readonly constant = 7;
}

async function serving(options: ServerOptions = {}): Promise<{ server: Server; service: Service; endpoint: string }> {
  const service = new Service();
  const server = new Server(service, { heartbeat: 0.3, ...options });
  onTestFinished(() => server.close());
  return { server, service, endpoint: await server.bind('tcp://127.0.0.1:*') };
}

function client(endpoint: string, options: ClientOptions = {}): Client {
  const made = new Client(endpoint, { heartbeat: 0.3, ...options });
  onTestFinished(() => made.close());
  return made;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const got: T[] = [];
  for await (const item of items) got.push(item);
  return got;
}

describePython('our client', () => {
  const real = async () => `tcp://127.0.0.1:${(await zerorpcProgram('zerorpc_server.py', '0.3')).ready.port}`;
  const servers: [string, () => Promise<string>][] = [
    ['zerorpc 0.6.3', real],
    ['our server', async () => (await serving()).endpoint],
  ];

  test.each(servers)('calls, with %s', async (_, start) => {
    const caller = client(await start());
    const { remote } = caller;
    expect(await remote._zerorpc_ping()).toEqual(['pong', 'Service']);
    expect(await remote._zerorpc_name()).toBe('Service');
    expect(await remote.add(5, 10)).toBe(15);
    expect(await remote.add(2 ** 40, 1)).toBe(2 ** 40 + 1);
    expect(await remote.echo(2n ** 62n)).toBe(2n ** 62n);
    expect(await remote.echo(-(2n ** 63n))).toBe(-(2n ** 63n));
    const value = {
      text: 'café',
      bin: new Uint8Array([0, 255]),
      list: [1.5, -1, 1e10, null, true, [[]], {}],
      __proto: { deep: 1 },
    };
    expect(await remote.echo(value)).toEqual(value);
    expect(await Promise.all(Array.from({ length: 200 }, (_, at) => remote.add(at, 1)))).toEqual(
      Array.from({ length: 200 }, (_, at) => at + 1),
    );
    // Longer than three heartbeats: each side lives by the other's.
    expect(await remote.slow(1.2)).toBe('done');
    expect(caller.pending).toBe(0);
  });

  test.each(servers)('gets errors with name, message and traceback, with %s', async (_, start) => {
    const { remote } = client(await start());
    const failed = await remote.fail().catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(RemoteError);
    expect(failed).toMatchObject({
      code: 'ERR_ZERORPC_REMOTE',
      message: 'ValueError: bad value: café',
      remoteName: 'ValueError',
      remoteMessage: 'bad value: café',
      traceback: expect.stringContaining('fail'),
    });
    await expect(remote.nosuch()).rejects.toMatchObject({ remoteName: 'NameError', remoteMessage: 'nosuch' });
    await expect(remote._private()).rejects.toMatchObject({ remoteName: 'NameError', remoteMessage: '_private' });
  });

  test.each(servers)('reads streams of 5000 items, failing ones and empty ones, with %s', async (_, start) => {
    const caller = client(await start());
    expect(await all(await caller.remote.count(5000))).toEqual(Array.from({ length: 5000 }, (_, at) => at));
    expect(await all(caller.stream('count', [0]))).toEqual([]);
    const got: unknown[] = [];
    const reading = (async () => {
      for await (const item of caller.stream('count_fail', [150])) got.push(item);
    })();
    await expect(reading).rejects.toMatchObject({ remoteName: 'RuntimeError', remoteMessage: 'after 150' });
    expect(got).toEqual(Array.from({ length: 150 }, (_, at) => at));
    for await (const item of caller.stream<number>('count', [5000])) if (item === 120) break;
    expect(caller.pending).toBe(0);
    await expect(all(caller.stream('add', [1, 2]))).rejects.toThrow('add answered with a value, not with a stream');
  });

  test.each(servers)('gives up in time, and when it is told to, with %s', async (_, start) => {
    const caller = client(await start());
    const late = caller.call('slow', [5], { timeout: 0.2 });
    await expect(late).rejects.toThrow('timeout after 0.2s, when calling remote method slow');
    await expect(late).rejects.toBeInstanceOf(TimeoutExpired);
    const abort = new AbortController();
    const aborted = caller.call('slow', [5], { signal: abort.signal });
    setTimeout(() => abort.abort(new Error('enough')), 50);
    await expect(aborted).rejects.toThrow('enough');
    expect(caller.pending).toBe(0);
  });

  test('loses a real server that is stopped, in a call and in a stream', async () => {
    const server = await zerorpcProgram('zerorpc_server.py', '0.3');
    const caller = client(`tcp://127.0.0.1:${server.ready.port}`);
    const items = await caller.remote.count(1_000_000);
    await items.next();
    const call = caller.remote.slow(30);
    await caller.remote.add(1, 1);
    process.kill(server.pid, 'SIGSTOP');
    await expect(call).rejects.toThrow('Lost remote after 0.6s heartbeat');
    await expect(all(items)).rejects.toBeInstanceOf(LostRemote);
    expect(caller.pending).toBe(0);
  });

  test('asks what there is, also where Python cannot say', async () => {
    const python = client(await real());
    expect((await python.call<string[]>('_zerorpc_list')).sort()).toEqual(
      ['add', 'count', 'count_fail', 'echo', 'fail', 'slow'].sort(),
    );
    expect(await python.remote._zerorpc_help('add')).toBeNull();

    const methods = {
      add: described((a: number, b: number) => a + b, { doc: 'Adds two numbers.' }),
      plain(a: unknown, b = 5) {
        return [a, b];
      },
      odd: (...rest: unknown[]) => rest,
      listed: stream(() => [1, 2, 3]),
    };
    const server = new Server(methods, { name: 'tools' });
    onTestFinished(() => server.close());
    const ours = client(await server.bind('tcp://127.0.0.1:*'), { heartbeat: 5 });
    expect(await ours.remote._zerorpc_list()).toEqual(['add', 'plain', 'odd', 'listed']);
    expect(await ours.remote._zerorpc_inspect()).toEqual({
      name: 'tools',
      methods: {
        add: { args: [{ name: 'a' }, { name: 'b' }], doc: 'Adds two numbers.' },
        plain: { args: [{ name: 'a' }, { name: 'b', default: 5 }], doc: null },
        odd: { args: null, doc: null },
        listed: { args: [], doc: null },
      },
    });
    expect(await ours.remote._zerorpc_args('plain')).toEqual([['a', 'b'], null, null, [5]]);
    expect(await ours.remote._zerorpc_help('add')).toBe('Adds two numbers.');
    expect(await all(await ours.remote.listed())).toEqual([1, 2, 3]);
    await expect(ours.remote._zerorpc_help('nosuch')).rejects.toMatchObject({ remoteName: 'KeyError' });
  });
});

describePython('our server', () => {
  test('is called by a real client', async () => {
    const { server, endpoint } = await serving({ heartbeat: 0.3 });
    const real = await zerorpcProgram('zerorpc_caller.py', endpoint.split(':')[2] ?? '', '0.3');
    expect(JSON.parse(await real.nextLine())).toEqual({
      ping: ['pong', 'Service'],
      list: ['add', 'echo', 'fail', 'slow', 'count', 'count_fail', 'hang'],
      inspect: [{ name: 'a' }, { name: 'b' }],
      add: 15,
      large: [1e10, 'int'],
      echo: ['café', [1, { a: null }]],
      fail: ['ValueError', 'bad value: café'],
      nosuch: ['NameError', 'nosuch'],
      slow: 'done',
      count: Array.from({ length: 5000 }, (_, at) => at),
      count_fail: ['RuntimeError', 'after 150'],
    });
    await real.stop();
    expect(server.pending).toBe(0);
  });

  test('is lost by a real client once it is closed', async () => {
    const { server, endpoint } = await serving();
    const real = await zerorpcProgram('zerorpc_caller.py', endpoint.split(':')[2] ?? '', '0.3', 'lose');
    await expect.poll(() => server.pending).toBe(1);
    server.close();
    expect(JSON.parse(await real.nextLine())).toEqual(['LostRemote', 'Lost remote after 0.6s heartbeat']);
  });

  test('notices that a real client is gone: generators end, signals are aborted', async () => {
    const { server, service, endpoint } = await serving();
    const real = await zerorpcProgram('zerorpc_caller.py', endpoint.split(':')[2] ?? '', '0.3', 'hang');
    expect(await real.nextLine()).toBe('"waiting"');
    process.kill(real.pid, 'SIGKILL');
    while (server.pending > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await expect.poll(() => service.ended.sort()).toEqual(['count', 'hang: LostRemote']);
  });
});
