// Peers that keep everything: how many objects of ours one may hold is bounded, and whoever would hand out another is told.
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, runClient, startServer } from '../support/python.ts';
import * as b from './bytes.ts';

class Generous extends rpyc.Service {
  exposed_list(n: number) {
    return [n];
  }
  exposed_pair(n: number) {
    return rpyc.tuple([n], [n]);
  }
  exposed_same() {
    return this;
  }
}

test('the reply that would exceed maxReferences becomes an exception, lends nothing, and room that is released is used again', async () => {
  const server = await b.serve(Generous, { maxReferences: 5 });
  const client = await b.Client.connect(server.port);
  const [conn] = server.connections;
  const packs: b.Pack[] = [];
  for (let i = 0; i < 4; i++) packs.push(b.asPack(await client.call('list', b.value(b.int(i)))));
  expect(conn.stats.localObjects).toBe(5);
  const refused = await client.call('list', b.value(b.int(4)));
  const [name, text] = b.raisedBy(refused) as [string, string];
  expect(name).toBe('ValueError');
  expect(text).toContain('holds 5 objects of this side (maxReferences is 5)');
  // What is held already can be sent again.
  expect(b.asPack(await client.call('same'))).toEqual(client.root);
  // A message is refused as a whole.
  await client.ask(b.DEL, [b.local(b.packOf(packs[0])), b.value(b.int(1))]);
  expect(b.raisedBy(await client.call('pair', b.value(b.int(5))))?.[0]).toBe('ValueError');
  expect(conn.stats.localObjects).toBe(4);
  expect((await client.call('list', b.value(b.int(6)))).kind).toBe(2);
  expect(conn.stats.localObjects).toBe(5);
  expect(await client.isAlive()).toBe(true);
});

test.each([0, -5, Number.POSITIVE_INFINITY])('maxReferences %s is refused, with its range', (maxReferences) => {
  expect(() => new rpyc.Server(rpyc.VoidService, { maxReferences })).toThrow(
    `maxReferences is between 1 and ${2 ** 31}, not ${maxReferences}`,
  );
});

describePython.each(['6.0.1', '5.3.1'] as const)('with RPyC %s', (version) => {
  test('a client that keeps lists is told when it has enough, and goes on once it lets go', async () => {
    const server = await b.serve(Generous, { maxReferences: 50 });
    const out = await runClient(
      version,
      server.port,
      `
      kept = []
      try:
          for n in range(100):
              kept.append(root.list(n))
      except Exception as error:
          out["raised"] = str(error).split("\\n")[0]
      out["kept"] = len(kept)
      del kept[:]
      out["again"] = list(root.list(7))
      `,
    );
    // The root and its method are the other two.
    expect(out).toEqual({ raised: expect.stringContaining('maxReferences is 50'), kept: 48, again: [7] });
  });

  test('a request of ours that would exceed it throws, awaited and blocking, and is not sent', async () => {
    const server = await startServer(version);
    const conn = await rpyc.connect('127.0.0.1', server.ready.port, { maxReferences: 3 });
    const root = await conn.root;
    await root.hold(rpyc.tuple([1], [2], [3]));
    expect(conn.stats.localObjects).toBe(3);
    await expect(root.hold([4])).rejects.toMatchObject({ name: 'RangeError', code: 'ERR_RPYC_REFERENCES' });
    expect(() => conn.sync.root.hold([5])).toThrow(expect.objectContaining({ code: 'ERR_RPYC_REFERENCES' }));
    expect(conn.stats).toMatchObject({ localObjects: 3, pending: 0 });
    expect(await root.held()).toEqual([[1], [2], [3]]);
    await root.drop();
    expect(await root.add(1, 2)).toBe(3);
    await root.hold([6]);
    await conn.close();
  });
});
