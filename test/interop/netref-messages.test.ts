// Round trips, counted where they arrive: what a user pays for each way of using a reference (mapping B; demand.md, item 1).
import { describe, expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { ScriptedPeer } from '../support/scripted-peer.ts';
import { items, settled } from './faces.ts';
import { describeNetrefs, served } from './netrefs.ts';

/** How often each name occurs. */
function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

describeNetrefs('Messages', {}, (check) => {
  check('a call of the root is one request; blocking, a class is inspected once before its first', function* (client) {
    const { root, face } = client;
    yield* served(root);
    expect(yield root.add(5, 10)).toBe(15);
    const { requests } = yield* served(root);
    expect(requests).toEqual(['CALLATTR']);
    const item = yield root.make_items(1);
    yield item[0];
    yield* served(root);
    expect(yield (yield item[0]).get()).toBe(0);
    const first = (yield* served(root)).requests;
    expect(first).toEqual(face === 'blocking' ? ['CALLATTR', 'INSPECT', 'CALLATTR'] : ['CALLATTR', 'CALLATTR']);
    expect(yield (yield item[0]).get()).toBe(0);
    expect((yield* served(root)).requests).toEqual(['CALLATTR', 'CALLATTR']);
  });

  check('an unfetched root costs one request more, once', function* ({ root, face }) {
    // The root was asked for by connecting; the blocking face inspects its class before the first call.
    const { requests } = yield* served(root);
    expect(tally(requests.slice(requests.lastIndexOf('GETROOT')))).toEqual(
      face === 'blocking' ? { GETROOT: 1, INSPECT: 1 } : { GETROOT: 1 },
    );
  });

  check('500 objects of a list, one attribute each: at most 510 round trips', function* (client) {
    const { root } = client;
    const list = yield root.make_items(500);
    yield* served(root);
    let sum = 0;
    for (const item of yield* items(client, list)) sum += yield item.value;
    expect(sum).toBe((499 * 500) / 2);
    const { requests, dels } = yield* served(root);
    expect(requests.length).toBeLessThanOrEqual(510);
    expect(tally(requests)).toMatchObject({ GETATTR: 500 });
    expect(requests.filter((name) => name === 'INSPECT').length).toBeLessThanOrEqual(1);
    expect(dels).toBeLessThanOrEqual(502);
  });

  check('500 objects of a generator, one attribute each: at most 1002 round trips', function* (client) {
    const { root } = client;
    const generator = yield root.each_item(500);
    yield* served(root);
    let sum = 0;
    for (const item of yield* items(client, generator)) sum += yield item.value;
    expect(sum).toBe((499 * 500) / 2);
    const { requests, dels } = yield* served(root);
    expect(requests.length).toBeLessThanOrEqual(1002);
    expect(dels).toBeLessThanOrEqual(502);
  });

  check('a builtin container is read ahead in growing buffers, anything else item by item', function* (client) {
    const { root } = client;
    const list = yield root.make_list(1000);
    const range = yield root.eval('range(1000)');
    const generator = yield root.generator(20);
    yield* served(root);
    expect(yield* items(client, list)).toHaveLength(1000);
    // 10 + 20 + 40 + 80 + 160 + 320 + 370, and the empty end
    expect(tally((yield* served(root)).requests)).toEqual({ CALLATTR: 1, BUFFITER: 8 });
    expect(yield* items(client, range, 15)).toHaveLength(15);
    expect(tally((yield* served(root)).requests)).toEqual({ CALLATTR: 1, BUFFITER: 2 });
    expect(yield* items(client, generator)).toHaveLength(20);
    expect(tally((yield* served(root)).requests)).toEqual({ CALLATTR: 21 });
    expect(yield rpyc.toArray(list)).toHaveLength(1000);
    expect((yield* served(root)).requests).toEqual(['BUFFITER']);
  });

  check('no chunk is larger than 1000 items', function* (client) {
    const { root } = client;
    const list = yield root.make_list(5000);
    yield* served(root);
    expect(yield* items(client, list)).toHaveLength(5000);
    // 10 + 20 + 40 + 80 + 160 + 320 + 640 = 1270, then 1000, 1000, 1000, 730, and the empty end
    expect(tally((yield* served(root)).requests)).toEqual({ CALLATTR: 1, BUFFITER: 12 });
  });

  check('dropped references are given back without a wait, at most one DEL each', function* ({ root, face }) {
    const base = yield root.get_refs();
    yield* served(root);
    // In a function of its own, so that nothing of it stays on the stack.
    const make = async () => {
      if (face === 'blocking') for (let i = 0; i < 200; i++) root.make_items(0);
      else await Promise.all(Array.from({ length: 200 }, () => root.make_items(0)));
    };
    yield settled(make());
    yield settled(new Promise(setImmediate));
    globalThis.gc?.();
    yield settled(new Promise(setImmediate));
    yield root.add(1, 1);
    const { requests, dels } = yield* served(root);
    expect(tally(requests)).toEqual({ CALLATTR: 201 });
    expect(dels).toBe(200);
    expect(yield root.get_refs()).toBe(base);
  });

  check('looking at references, paths and stubs is free', function* ({ root, face }) {
    const [item] = [yield (yield root.make_items(1))[0]];
    const path = root.nested;
    yield* served(root);
    void `${face === 'awaiting' ? item : ''}`;
    for (const thing of [item, root, face === 'awaiting' ? path.deeper : root.add]) {
      JSON.stringify({ thing });
      Object.keys(thing);
      void (thing instanceof Promise);
      void thing.toString();
      void thing[Symbol.toStringTag];
      if (face === 'awaiting') void ('then' in item);
    }
    expect((yield* served(root)).requests).toEqual([]);
  });
});

describe('Writes', () => {
  test('requests of one tick leave in one write', async () => {
    const peer = await ScriptedPeer.listen();
    const connecting = rpyc.connect('127.0.0.1', peer.port);
    const accepted = await peer.accept();
    const request = await accepted.nextPayload();
    // GETROOT with seq 0 -> a reference to an object of class srv.Root
    expect(request.subarray(0, 3).toString('hex')).toBe('011150');
    await accepted.sendFrame('02 11 50 11 54 12 080e08 7372762e526f6f74 51 52');
    const conn = await connecting;
    const chunks: Buffer[] = [];
    accepted.socket.on('data', (chunk) => chunks.push(chunk));
    const answers = Array.from({ length: 50 }, (_, i) => conn.root.add(i, 1));
    for (let i = 0; i < 50; i++) {
      const payload = await accepted.nextPayload();
      expect(payload.subarray(0, 2).toString('hex')).toBe('0111');
    }
    expect(chunks).toHaveLength(1);
    for (let seq = 1; seq <= 50; seq++)
      await accepted.sendFrame(Buffer.from([2, 0x11, 0x50 + seq, 0x11, 0x51, 0x50 + seq]));
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
    conn.abort();
  });
});
