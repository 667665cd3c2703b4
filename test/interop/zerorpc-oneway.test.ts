// Pusher, Puller, Publisher and Subscriber with real zerorpc 0.6.3 at the other end; and our server's faults.
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { Client, callSignal, Publisher, Puller, Pusher, Server, Subscriber } from '../../src/zerorpc/index.ts';
import { msgpack } from '../../src/zerorpc/msgpack.ts';
import { describePython } from '../support/python.ts';
import { zerorpcProgram } from '../support/zmq.ts';
import { zmqSocket } from '../support/zmq-socket.ts';

/** Methods that note how they were called. */
function noting() {
  const calls: unknown[][] = [];
  const failures: string[] = [];
  let wake = (): void => undefined;
  return {
    calls,
    failures,
    methods: {
      note(...args: unknown[]) {
        calls.push(args);
        wake();
      },
      fail() {
        throw new Error('nobody is told');
      },
    },
    logger: {
      warn: (message: string) => {
        failures.push(message);
        wake();
      },
    },
    until: async (is: () => boolean): Promise<void> => {
      while (!is()) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}

describePython('events without answers', () => {
  test('our Pusher feeds a real Puller, and a real Pusher ours', async () => {
    const puller = await zerorpcProgram('zerorpc_oneway.py', 'Puller');
    const pusher = new Pusher();
    onTestFinished(() => pusher.close());
    pusher.connect(`tcp://127.0.0.1:${puller.ready.port}`);
    for (let at = 0; at < 3; at++) pusher.remote.note(at, { text: 'café' });
    for (let at = 0; at < 3; at++) expect(JSON.parse(await puller.nextLine())).toEqual([at, { text: 'café' }]);
    expect(await pusher.flushed()).toBe(true);

    const { calls, failures, methods, logger, until } = noting();
    const ours = new Puller(methods, { logger });
    onTestFinished(() => ours.close());
    const endpoint = await ours.bind('tcp://127.0.0.1:*');
    await zerorpcProgram('zerorpc_oneway.py', 'Pusher', endpoint);
    await until(() => calls.length === 100 && failures.length >= 2);
    expect(calls).toEqual(Array.from({ length: 100 }, (_, at) => [at, 'note']));
    expect(failures.slice(0, 2)).toEqual([
      'zerorpc: fail failed: nobody is told',
      'zerorpc: nosuch failed: there is no such method',
    ]);
  });

  test('our Publisher reaches a real Subscriber, and a real Publisher ours', async () => {
    const publisher = new Publisher();
    onTestFinished(() => publisher.close());
    const subscriber = await zerorpcProgram(
      'zerorpc_oneway.py',
      'Subscriber',
      await publisher.bind('tcp://127.0.0.1:*'),
    );
    const publishing = setInterval(() => publisher.remote.note('news'), 10);
    onTestFinished(() => clearInterval(publishing));
    expect(JSON.parse(await subscriber.nextLine())).toEqual(['news']);

    const { calls, methods, until } = noting();
    const ours = new Subscriber(methods);
    onTestFinished(() => ours.close());
    const endpoint = await ours.bind('tcp://127.0.0.1:*');
    await zerorpcProgram('zerorpc_oneway.py', 'Publisher', endpoint);
    await until(() => calls.length >= 3);
    expect(calls[0]).toEqual(['news', expect.any(Number)]);
  });
});

/** A server, and a DEALER that says to it what it likes. */
async function faulty() {
  const dropped: string[] = [];
  const server = new Server(
    {
      add: (a: number, b: number) => a + b,
      set: () => new Set([1]),
      circle() {
        const made: unknown[] = [];
        made.push(made);
        return made;
      },
      async *badItem() {
        yield 1;
        yield new Float64Array(2);
      },
      async never() {
        await once(callSignal() as AbortSignal, 'abort');
      },
      async stuck() {
        await new Promise(() => undefined);
      },
    },
    { heartbeat: null, maxChannels: 3, logger: { warn: (message) => dropped.push(message) } },
  );
  onTestFinished(() => server.close());
  const endpoint = await server.bind('tcp://127.0.0.1:*');
  const dealer = zmqSocket('DEALER');
  dealer.socket.connect(endpoint);
  const say = (bytes: Uint8Array) => dealer.socket.send([new Uint8Array(0), bytes]);
  const call = (name: unknown, args: unknown, header: unknown = { message_id: 'a', v: 3 }) =>
    say(msgpack.encode([header, name, args]));
  const answer = async () => {
    const parts = await dealer.receive();
    return (msgpack.decode(Buffer.from(parts[1] ?? '', 'latin1')) as [unknown, string, unknown]).slice(1);
  };
  return { server, endpoint, dropped, say, call, answer };
}

test('what cannot be packed is an error at the caller, and the server goes on', async () => {
  const { endpoint } = await faulty();
  const client = new Client(endpoint, { heartbeat: null });
  onTestFinished(() => client.close());
  await expect(client.call('set')).rejects.toMatchObject({
    remoteName: 'EncodeError',
    remoteMessage: expect.stringContaining('a Set has no form in msgpack'),
  });
  await expect(client.call('circle')).rejects.toMatchObject({ remoteName: 'EncodeError' });
  const items = client.stream('badItem');
  expect(await items.next()).toEqual({ done: false, value: 1 });
  await expect(items.next()).rejects.toMatchObject({ remoteName: 'EncodeError' });
  await expect(client.call('add', [1, new Map([[1, 2]])])).rejects.toThrow('Python drops the whole message');
  expect(await client.call('add', [1, 2])).toBe(3);
  expect(client.pending).toBe(0);
});

test('events that are none are dropped, and odd ones answered; the next call is served', async () => {
  const { dropped, say, call, answer } = await faulty();
  const bad = [
    Buffer.from('hello'),
    Buffer.from('c1', 'hex'),
    Buffer.from('91'.repeat(5000), 'hex'),
    msgpack.encode([1, 2]),
    msgpack.encode([{}, 7, []]),
    msgpack.encode([{}, 'add', [1, 2]]), // no message_id
    msgpack.encode([{ message_id: 'x', response_to: 'nobody' }, 'OK', [1]]),
  ];
  for (const bytes of bad) say(bytes);
  call('add', 7);
  expect(await answer()).toEqual(['ERR', ['TypeError', 'the arguments of add are no list', expect.any(String)]]);
  call('nosuch', [], { message_id: 'b', v: 1 });
  expect(await answer()).toEqual(['ERR', ['NameError("nosuch")']]);
  for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty', '_zerorpc_nosuch']) {
    call(name, [], { message_id: name, v: 3 });
    expect(await answer(), name).toEqual(['ERR', ['NameError', name, expect.any(String)]]);
  }
  call('add', [1, 2], { message_id: 'c', v: 3 });
  expect(await answer()).toEqual(['OK', [3]]);
  expect(dropped).toHaveLength(bad.length);
});

test('no more calls are open than allowed, and one that ends makes room', async () => {
  const { server, dropped, call, answer } = await faulty();
  for (const id of ['1', '2', '3']) call('never', [], { message_id: id, v: 3 });
  call('add', [1, 2], { message_id: '4', v: 3 });
  await expect.poll(() => dropped).toEqual(['zerorpc: add was dropped: there are 3 channels already']);
  expect(server.pending).toBe(3);
  // More than one event without room for it ends a channel.
  for (let count = 0; count < 101; count++) call('more', [], { message_id: `x${count}`, response_to: '1', v: 3 });
  await expect.poll(() => server.pending).toBe(2);
  call('add', [1, 2], { message_id: '5', v: 3 });
  expect(await answer()).toEqual(['OK', [3]]);

  // What goes on though its channel is gone takes its room.
  call('stuck', [], { message_id: '6', v: 3 });
  for (let count = 0; count < 101; count++) call('more', [], { message_id: `y${count}`, response_to: '6', v: 3 });
  call('add', [1, 2], { message_id: '7', v: 3 });
  await expect.poll(() => dropped.at(-1)).toBe('zerorpc: a call was dropped: there are 3 already');
});

test('whatever is thrown becomes an error at the caller', async () => {
  const server = new Server({
    nothing() {
      throw null;
    },
    text() {
      throw 'a text';
    },
  });
  onTestFinished(() => server.close());
  const client = new Client(await server.bind('tcp://127.0.0.1:*'));
  onTestFinished(() => client.close());
  await expect(client.call('nothing')).rejects.toMatchObject({ remoteName: 'object', remoteMessage: 'null' });
  await expect(client.call('text')).rejects.toMatchObject({ remoteName: 'string', remoteMessage: 'a text' });
});

test('a client that grants more than it can take does not keep others from their turn', async () => {
  let made = 0;
  const server = new Server(
    {
      add: (a: number, b: number) => a + b,
      *endless() {
        for (;;) yield ++made;
      },
    },
    { heartbeat: 0.2 },
  );
  onTestFinished(() => server.close());
  const endpoint = await server.bind('tcp://127.0.0.1:*');
  const greedy = zmqSocket('DEALER');
  greedy.socket.connect(endpoint);
  const say = (header: object, name: string, args: unknown) =>
    greedy.socket.send([new Uint8Array(0), msgpack.encode([header, name, args])]);
  say({ message_id: 'a', v: 3 }, 'endless', []);
  await greedy.receive();
  greedy.socket.pause();
  say({ message_id: 'b', v: 3, response_to: 'a' }, '_zpc_more', [2 ** 52]);
  const client = new Client(endpoint, { heartbeat: 0.2 });
  onTestFinished(() => client.close());
  for (let at = 0; at < 20; at++) expect(await client.call('add', [at, 1])).toBe(at + 1);
  await expect.poll(() => server.pending, { timeout: 5000 }).toBe(0);
  expect(made).toBeLessThan(1_000_003);
});

test('a pool runs so many calls at a time, in order', async () => {
  let running = 0;
  let most = 0;
  const server = new Server(
    {
      async work(id: number) {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 5));
        running--;
        return id;
      },
    },
    { poolSize: 2 },
  );
  onTestFinished(() => server.close());
  const client = new Client(await server.bind('tcp://127.0.0.1:*'));
  onTestFinished(() => client.close());
  const ids = Array.from({ length: 20 }, (_, id) => id);
  expect(await Promise.all(ids.map((id) => client.call('work', [id])))).toEqual(ids);
  expect(most).toBe(2);
});

test('a closed server aborts the signals of its calls, and a call that ended well does not', async () => {
  const signals: AbortSignal[] = [];
  const server = new Server({
    quick: () => void signals.push(callSignal() as AbortSignal),
    async long() {
      const signal = callSignal() as AbortSignal;
      signals.push(signal);
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
  });
  const client = new Client(await server.bind('tcp://127.0.0.1:*'));
  onTestFinished(() => client.close());
  await client.call('quick');
  const call = client.call('long').catch((error: unknown) => error);
  await expect.poll(() => signals.length).toBe(2);
  server.close();
  expect(signals.map((signal) => signal.aborted)).toEqual([false, true]);
  expect(callSignal()).toBeUndefined();
  client.close();
  expect(await call).toMatchObject({ code: 'ERR_ZERORPC_CHANNEL' });
});

test('closing ends what is open, at both ends', async () => {
  const { server, endpoint } = await faulty();
  const client = new Client(endpoint, { heartbeat: null });
  const call = client.call('never');
  await client.call('add', [1, 2]);
  client.close();
  await expect(call).rejects.toMatchObject({ code: 'ERR_ZERORPC_CHANNEL', message: 'the channel is closed' });
  await expect(client.call('add', [1, 2])).rejects.toMatchObject({ code: 'ERR_ZMTP_CLOSED' });
  server.close();
  expect([client.pending, server.pending]).toEqual([0, 0]);
});
