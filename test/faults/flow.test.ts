// Clients that ask faster than handlers answer: `maxInFlight` run, the rest waits where it is, and nobody deadlocks over it.
import { describe, expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, runClient } from '../support/python.ts';
import * as b from './bytes.ts';

/** Handlers whose answer the test decides. */
class Slow extends rpyc.Service {
  started: number[] = [];
  running = 0;
  most = 0;
  release: ((value: number) => void)[] = [];

  exposed_hold(n: number) {
    this.started.push(n);
    this.most = Math.max(this.most, ++this.running);
    return new Promise<number>((resolve) =>
      this.release.push((value) => {
        this.running--;
        resolve(value);
      }),
    );
  }
  exposed_now(n: number) {
    this.started.push(n);
    return n;
  }
  async exposed_call(back: (n: number) => Promise<number>, n: number) {
    this.most = Math.max(this.most, ++this.running);
    try {
      return await back(n);
    } finally {
      this.running--;
    }
  }
  exposed_list() {
    return [1, 2, 3];
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Turns of the loop until `done`; the test's time-out is the other end. */
async function until(done: () => boolean): Promise<void> {
  while (!done()) await turn();
}

async function flooded(options: rpyc.ServerOptions) {
  const service = new Slow();
  const server = await b.serve(service, options);
  const client = await b.Client.connect(server.port);
  const [conn] = server.connections;
  return { service, server, client, conn };
}

const call = (client: b.Client, seq: number, method: string, ...args: b.Brine[]): Buffer =>
  b.frame(b.request(seq, b.CALLATTR, [client.rootBox, b.value(b.str(method)), b.boxes(...args)]));

const calls = (client: b.Client, method: string, first: number, count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => call(client, first + i, method, b.value(b.int(first + i)))));

/** One batch of the engine, in requests of this size, at most. */
const BATCH = 2000;
const MANY = 100_000;

describe('a client that floods', () => {
  test('handlers that never settle: maxInFlight of them run, reading stops, others are served, and its end is noticed', async () => {
    const { service, server, client, conn } = await flooded({ maxInFlight: 50 });
    // Never completes: the kernel's buffers are full long before.
    client.link.send(calls(client, 'hold', 1, MANY)).catch(() => {});
    await until(() => conn.stats.inFlight === 50 && client.link.socket.writableLength > 0);
    const before = conn.stats;
    const other = await rpyc.connect('127.0.0.1', server.port);
    for (let i = 0; i < 200; i++) expect(await other.root.now(-1)).toBe(-1);
    await other.close();
    const { inFlight, waiting, messagesIn, bytesIn } = conn.stats;
    expect({ inFlight, waiting, messagesIn, bytesIn }).toEqual({
      inFlight: 50,
      waiting: before.waiting,
      messagesIn: before.messagesIn,
      bytesIn: before.bytesIn,
    });
    expect(waiting).toBeLessThan(BATCH);
    expect(messagesIn).toBeLessThan(BATCH + 50);
    expect(service.most).toBe(50);
    // Nothing is read from it, and still: that it is gone ends the connection, and what waited is never begun.
    const closed = new Promise((resolve) => conn.once('close', resolve));
    await client.link.reset();
    await closed;
    expect(conn.stats.waiting).toBe(0);
    for (const release of service.release) release(0);
    await turn();
    expect(service.started.filter((n) => n > 0).length).toBe(50);
    expect(conn.stats.inFlight).toBe(0);
  });

  test('in order, and vanishes politely: the connection ends although nothing is read from it', async () => {
    const { client, conn } = await flooded({ maxInFlight: 1 });
    await client.link.send(calls(client, 'hold', 1, 5));
    await until(() => conn.stats.waiting === 4);
    const closed = new Promise((resolve) => conn.once('close', resolve));
    await client.link.end();
    await closed;
    expect(conn.stats).toMatchObject({ inFlight: 1, waiting: 0 });
  });

  test('handlers that settle: everything is answered, begun in the order of arrival, never more than maxInFlight at a time', async () => {
    const { service, client, conn } = await flooded({ maxInFlight: 16 });
    const count = 20_000;
    client.link.send(calls(client, 'hold', 1, count)).catch(() => {});
    const letGo = setInterval(() => {
      for (const release of service.release.splice(0)) release(7);
    }, 0);
    onTestFinished(() => clearInterval(letGo));
    for (let i = 1; i <= count; i++) expect(b.readMessage(await client.link.nextPayload()).body).toEqual([1, 7]);
    expect(service.most).toBe(16);
    expect(service.started).toEqual(Array.from({ length: count }, (_, i) => i + 1));
    expect(conn.stats).toMatchObject({ inFlight: 0, waiting: 0 });
    expect(await client.isAlive()).toBe(true);
  });

  test('handlers that call back: reading goes on as long as answers are waited for, and all are answered', async () => {
    const { service, client, conn } = await flooded({ maxInFlight: 4 });
    const back = b.remote(b.idPack('builtins.function', 900, 901));
    const count = 500;
    for (let i = 1; i <= count; i++) client.link.send(call(client, i, 'call', back, b.value(b.int(i))));
    const answers = new Map<number, unknown>();
    while (answers.size < count) {
      const { kind, seq, body } = b.readMessage(await client.link.nextPayload());
      if (kind !== 1) answers.set(seq, body);
      // CALL of our function; what else it asks are DELs.
      else if (body[0] === b.CALL) await client.link.sendFrame(b.reply(seq, b.value(b.int(body[1][1][1][1][0]))));
      else await client.link.sendFrame(b.reply(seq, b.value(b.NONE)));
    }
    expect([...answers].every(([seq, body]) => JSON.stringify(body) === JSON.stringify([1, seq]))).toBe(true);
    expect(conn.stats).toMatchObject({ inFlight: 0, waiting: 0, pending: 0 });
    expect(service.most).toBeGreaterThanOrEqual(4);
  });

  test('handlers that call back and are never answered: what is beyond 16 times maxInFlight is refused, and says so', async () => {
    const { service, client, conn } = await flooded({ maxInFlight: 100 });
    const back = b.remote(b.idPack('builtins.function', 900, 901));
    for (let i = 1; i <= 5000; i++) client.link.send(call(client, i, 'call', back, b.value(b.int(i)))).catch(() => {});
    let refused: b.Heard | undefined;
    while (refused === undefined) {
      const heard = b.readMessage(await client.link.nextPayload());
      if (heard.kind === 3) refused = heard;
    }
    const [name, text] = b.raisedBy(refused) as [string, string];
    expect(name).toBe('RuntimeError');
    expect(text).toContain('maxInFlight is 100');
    await until(() => conn.stats.messagesIn >= 5000);
    expect(service.most).toBe(1600);
    expect(conn.stats).toMatchObject({ inFlight: 1600, waiting: 1600 });
  });
});

describe('what waits', () => {
  test('is served after what came before it, releases included', async () => {
    const { service, client, conn } = await flooded({ maxInFlight: 1 });
    const list = b.local(b.packOf(b.asPack(await client.call('list'))));
    const seq = await client.send(b.CALLATTR, [client.rootBox, b.value(b.str('hold')), b.boxes(b.value(b.int(1)))]);
    const asked = await client.send(b.REPR, [list]);
    const released = await client.send(b.DEL, [list, b.value(b.int(1))]);
    const late = await client.send(b.REPR, [list]);
    await until(() => conn.stats.waiting === 3);
    expect(conn.stats.localObjects).toBe(2);
    service.release[0](5);
    expect((await client.answer(seq)).body).toEqual([1, 5]);
    expect((await client.answer(asked)).body).toEqual([1, '[1, 2, 3]']);
    expect((await client.answer(released)).body).toEqual([1, null]);
    expect(b.raisedBy(await client.answer(late))?.[0]).toBe('KeyError');
  });

  test('counts its references when it arrives, and unknown ones are answered at once', async () => {
    const { client, conn } = await flooded({ maxInFlight: 1 });
    await client.send(b.CALLATTR, [client.rootBox, b.value(b.str('hold')), b.boxes(b.value(b.int(1)))]);
    const back = b.remote(b.idPack('builtins.function', 900, 901));
    await client.send(b.CALLATTR, [client.rootBox, b.value(b.str('call')), b.boxes(back, b.value(b.int(1)))]);
    const unknown = b.local(b.idPack('x.y', 1, 987_654));
    const odd = await client.send(b.CALLATTR, [client.rootBox, b.value(b.str('now')), b.boxes(unknown)]);
    expect(b.raisedBy(await client.answer(odd))).toEqual(['KeyError', 987_654]);
    expect(conn.stats).toMatchObject({ remoteObjects: 1, inFlight: 1, waiting: 1 });
  });

  test('does not wait for the handler that its own caller waits for: maxInFlight 1 bears calls nested in each other', async () => {
    class Nested extends rpyc.Service {
      async exposed_down(back: (depth: number) => Promise<number>, depth: number): Promise<number> {
        return depth === 0 ? 0 : 1 + (await back(depth - 1));
      }
    }
    const server = await b.serve(new Nested(), { maxInFlight: 1 });
    const conn = await rpyc.connect('127.0.0.1', server.port, { maxInFlight: 1 });
    const down = (depth: number): Promise<number> => conn.root.down(down, depth);
    expect(await down(40)).toBe(40);
    await conn.close();
  });

  test('goes on when we ask the peer something ourselves, since its answer must be read', async () => {
    const { service, client, conn } = await flooded({ maxInFlight: 1 });
    await client.link.send(calls(client, 'hold', 1, 3));
    await until(() => conn.stats.waiting === 2);
    const pinged = conn.ping('are you there', 10);
    let ping = b.readMessage(await client.link.nextPayload());
    while (ping.kind !== 1) ping = b.readMessage(await client.link.nextPayload());
    await client.link.sendFrame(b.reply(ping.seq, b.value(b.str('are you there'))));
    await pinged;
    for (let n = 1; n <= 3; n++) {
      await until(() => service.release.length > 0);
      service.release.shift()?.(n);
      expect(b.readMessage(await client.link.nextPayload()).body).toEqual([1, n]);
    }
  });
});

test('a blocking call is answered although all places are taken: what is nested in it is served', async () => {
  class Blocking extends Slow {
    static override readonly face = 'sync';
    exposed_block(back: (n: number) => number) {
      return back(1);
    }
  }
  const service = new Blocking();
  const server = await b.serve(service, { maxInFlight: 2 });
  const client = await b.Client.connect(server.port);
  await client.send(b.CALLATTR, [client.rootBox, b.value(b.str('hold')), b.boxes(b.value(b.int(1)))]);
  const back = b.remote(b.idPack('builtins.function', 900, 901));
  const blocking = client.send(b.CALLATTR, [client.rootBox, b.value(b.str('block')), b.boxes(back)]);
  // This thread is the server's: the client's answers must lie ready before it blocks.
  const nested = [
    call(client, 100, 'hold', b.value(b.int(2))),
    call(client, 101, 'hold', b.value(b.int(3))),
    call(client, 102, 'now', b.value(b.int(4))),
    b.frame(b.reply(0, b.value(b.int(9)))),
  ];
  await client.link.send(Buffer.concat(nested));
  const answers = new Map<number, unknown>();
  while (answers.size < 2) {
    const { kind, seq, body } = b.readMessage(await client.link.nextPayload());
    if (kind === 2) answers.set(seq, body);
  }
  expect(answers.get(102)).toEqual([1, 4]);
  expect(answers.get(await blocking)).toEqual([1, 9]);
  expect(service.started).toEqual([1, 2, 3, 4]);
});

test.each([0, -1, 1.5e6, Number.NaN])('maxInFlight %s is refused, with its range', (maxInFlight) => {
  expect(() => new rpyc.Server(rpyc.VoidService, { maxInFlight })).toThrow(
    `maxInFlight is between 1 and 1000000, not ${maxInFlight}`,
  );
});

describePython.each(['6.0.1', '5.3.1'] as const)('with a client of RPyC %s', (version) => {
  test('a server that is asked more than it answers begins in order, so many at a time, and answers everything', async () => {
    class Paced extends rpyc.Service {
      running = 0;
      most = 0;
      started: number[] = [];
      async exposed_work(n: number) {
        this.started.push(n);
        this.most = Math.max(this.most, ++this.running);
        for (let i = 0; i < 3; i++) await turn();
        this.running--;
        return n * 2;
      }
      async exposed_through(fn: (n: number) => Promise<number>, n: number) {
        return await fn(n);
      }
    }
    const service = new Paced();
    const server = await b.serve(service, { maxInFlight: 3 });
    const out = await runClient(
      version,
      server.port,
      `
      work = rpyc.async_(root.work)
      results = [work(n) for n in range(300)]
      out["sum"] = sum(r.value for r in results)
      through = rpyc.async_(root.through)
      nested = [through(lambda n: root.work(n) + 1, n) for n in range(20)]
      out["nested"] = [r.value for r in nested]
      `,
    );
    expect(out).toEqual({ sum: 300 * 299, nested: Array.from({ length: 20 }, (_, n) => n * 2 + 1) });
    expect(service.started.slice(0, 300)).toEqual(Array.from({ length: 300 }, (_, n) => n));
    expect(service.most).toBeGreaterThanOrEqual(3);
  });
});
