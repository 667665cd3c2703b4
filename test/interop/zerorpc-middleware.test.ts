// Middleware of rpyc/zerorpc, and a trace_id that travels through Node, real zerorpc and back.
import { AsyncLocalStorage } from 'node:async_hooks';
import { expect, onTestFinished, test } from 'vitest';
import { Client, Context, type Middleware, Puller, Pusher, Server } from '../../src/zerorpc/index.ts';
import { describePython } from '../support/python.ts';
import { zerorpcProgram } from '../support/zmq.ts';

/** What zerorpc's tests call a tracer: a trace_id that goes from task to task. */
function tracer() {
  const local = new AsyncLocalStorage<unknown>();
  const context = new Context().register({
    loadTaskContext: (header) => local.enterWith(header['trace_id']),
    getTaskContext: () => (local.getStore() === undefined ? {} : { trace_id: local.getStore() }),
  });
  return { local, context };
}

function closing<T extends { close(): void }>(end: T): T {
  onTestFinished(() => end.close());
  return end;
}

describePython('middleware', () => {
  test('carries context through our server and a real one, each call its own', async () => {
    const { local, context } = tracer();
    const where = async () => {
      await new Promise(setImmediate);
      return local.getStore() ?? null;
    };
    const inner = closing(new Server({ where }, { context }));
    const python = await zerorpcProgram('zerorpc_tracer.py', await inner.bind('tcp://127.0.0.1:*'));
    const toPython = closing(new Client(`tcp://127.0.0.1:${python.ready.port}`, { context }));
    const outer = closing(new Server({ where, through: () => toPython.call('where_there') }, { context }));
    const client = closing(new Client(await outer.bind('tcp://127.0.0.1:*'), { context }));

    const ids = Array.from({ length: 20 }, (_, id) => `trace-${id}`);
    expect(await Promise.all(ids.map((id) => local.run(id, () => client.call('where'))))).toEqual(ids);
    expect(await Promise.all(ids.map((id) => local.run(id, () => toPython.call('where'))))).toEqual(ids);
    // Node, Node, Python, Node.
    expect(await Promise.all(ids.map((id) => local.run(id, () => client.call('through'))))).toEqual(ids);
    expect(await client.call('where')).toBeNull();
    expect(local.getStore()).toBeUndefined();
  });
});

/** A context that notes which hooks ran, and with what. */
function noting(more: Middleware = {}) {
  const seen: unknown[][] = [];
  const context = new Context().register({
    serverBeforeExec: ({ name, args }) => void seen.push(['before', name, args]),
    serverAfterExec: ({ name }, reply) => void seen.push(['after', name, reply?.name, reply?.args]),
    serverInspectException: ({ name }, reply, _, error) =>
      void seen.push(['failed', name, reply?.name, (error as Error).message]),
    clientBeforeRequest: ({ name, args }) => void seen.push(['request', name, args]),
    clientAfterRequest: ({ name }, reply, error) =>
      void seen.push(['answered', name, reply?.name, (error as Error | undefined)?.message]),
    ...more,
  });
  return { seen, context };
}

test('hooks run around calls, streams, failures and time-outs, in their order', async () => {
  const { seen, context } = noting();
  const server = closing(
    new Server(
      {
        add: (a: number, b: number) => a + b,
        *count(n: number) {
          for (let at = 0; at < n; at++) yield at;
        },
        fail() {
          throw new Error('bad');
        },
        never: () => new Promise(() => undefined),
      },
      { context },
    ),
  );
  const client = closing(new Client(await server.bind('tcp://127.0.0.1:*'), { context }));
  const during = async (call: () => Promise<unknown>) => {
    seen.length = 0;
    await call().catch(() => undefined);
    return seen.slice();
  };

  expect(await during(() => client.call('add', [5, 10]))).toEqual([
    ['request', 'add', [5, 10]],
    ['before', 'add', [5, 10]],
    ['after', 'add', 'OK', [15]],
    ['answered', 'add', 'OK', undefined],
  ]);
  expect(
    await during(async () => {
      for await (const _ of client.stream('count', [3]));
    }),
  ).toEqual([
    ['request', 'count', [3]],
    ['before', 'count', [3]],
    ['after', 'count', 'STREAM_DONE', null],
    ['answered', 'count', 'STREAM_DONE', undefined],
  ]);
  expect(await during(() => client.call('fail'))).toEqual([
    ['request', 'fail', []],
    ['before', 'fail', []],
    ['failed', 'fail', 'ERR', 'bad'],
    ['answered', 'fail', 'ERR', 'Error: bad'],
  ]);
  expect((await during(() => client.call('never', [], { timeout: 0.05 }))).at(-1)).toEqual([
    'answered',
    'never',
    undefined,
    'timeout after 0.05s, when calling remote method never',
  ]);
});

test('middleware resolves endpoints, and makes errors of its own', async () => {
  class Teapot extends Error {}
  let real = '';
  const { context } = noting({
    resolveEndpoint: (endpoint) => (endpoint === 'the-service' ? real : endpoint),
    clientHandleRemoteError: ({ args }) => ((args as string[])[1] === 'short' ? new Teapot('and stout') : undefined),
  });
  const server = closing(
    new Server({
      fail(message: string) {
        throw new Error(message);
      },
    }),
  );
  real = await server.bind('tcp://127.0.0.1:*');
  const client = closing(new Client('the-service', { context }));
  await expect(client.call('fail', ['short'])).rejects.toBeInstanceOf(Teapot);
  await expect(client.call('fail', ['long'])).rejects.toMatchObject({ remoteMessage: 'long' });
});

test('a hook that throws fails the call, and nothing else', async () => {
  const { context } = noting({
    loadTaskContext: () => {
      throw new Error('no context');
    },
  });
  const server = closing(new Server({ add: (a: number, b: number) => a + b }, { context }));
  const client = closing(new Client(await server.bind('tcp://127.0.0.1:*')));
  await expect(client.call('add', [1, 2])).rejects.toMatchObject({ remoteMessage: 'no context' });
  expect(server.pending).toBe(0);
});

test('pushed events carry context, and have hooks without an answer', async () => {
  const { seen, context } = noting({ getTaskContext: () => ({ trace_id: 'abc' }) });
  const headers: unknown[] = [];
  context.register({ loadTaskContext: (header) => void headers.push(header['trace_id']) });
  const puller = closing(
    new Puller({ work: () => undefined, fail: () => Promise.reject(new Error('bad')) }, { context }),
  );
  const pusher = closing(new Pusher({ context }));
  pusher.connect(await puller.bind('tcp://127.0.0.1:*'));
  pusher.remote.work(1);
  pusher.remote.fail();
  await expect.poll(() => seen).toContainEqual(['failed', 'fail', undefined, 'bad']);
  expect(seen).toEqual([
    ['before', 'work', [1]],
    ['before', 'fail', []],
    ['after', 'work', undefined, undefined],
    ['failed', 'fail', undefined, 'bad'],
  ]);
  expect(headers).toEqual(['abc', 'abc']);
});
