// TLS records as a hostile or careless peer sends them: an end or damage right behind a message, floods of records without data.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { type Certificates, certificates } from '../support/certificates.ts';
import { GETROOT, type RecordPeer, recordPeer } from '../support/tls-records.ts';

let files: Certificates;
beforeAll(() => {
  files = certificates();
});

class Peer extends rpyc.Service {}

/** A server with TLS, a client of it, and how the connection ends. */
async function serving(maxVersion: 'TLSv1.2' | 'TLSv1.3', socketPath?: string) {
  const server = await new rpyc.Server(Peer, {
    authenticator: new rpyc.SslAuthenticator(files.server),
    logger: null,
    ...(socketPath !== undefined && { socketPath }),
  }).start();
  onTestFinished(() => server.close());
  const connected = once(server, 'connection');
  const target = socketPath === undefined ? { host: '127.0.0.1', port: server.port } : { path: socketPath };
  const peer = await recordPeer(target, maxVersion);
  const [conn] = (await connected) as [rpyc.Connection];
  return { peer, closed: once(conn, 'close').then(([error]) => error as Error) };
}

/** Resolves when the server has answered once more. */
async function answered(peer: RecordPeer, action: () => void): Promise<void> {
  const before = peer.received();
  action();
  while (peer.received() < before + GETROOT.length) await pause(1);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('right behind a message, %s', (version) => {
  test('the goodbye of a peer that leaves its socket open ends the connection', async () => {
    const { peer, closed } = await serving(version);
    await answered(peer, () => peer.tls.write(GETROOT));
    const held = peer.hold();
    peer.tls.end(GETROOT);
    while (held.length < 2) await pause(1);
    peer.wire.write(Buffer.concat(held));
    expect(await closed).toMatchObject({ code: 'ERR_RPYC_CLOSED' });
  });

  test('a record that was changed ends the connection, and what is wrong is told', async () => {
    const { peer, closed } = await serving(version);
    await answered(peer, () => peer.tls.write(GETROOT));
    const held = peer.hold();
    for (const count of [1, 2]) {
      peer.tls.write(GETROOT);
      while (held.length < count) await pause(1);
    }
    const both = Buffer.concat(held);
    both.writeUInt8((both.at(-1) ?? 0) ^ 1, both.length - 1);
    peer.wire.write(both);
    expect(await closed).toMatchObject({
      code: 'ERR_RPYC_TLS',
      reason: 'BROKEN',
      message: expect.stringMatching(/\(.*(bad record mac|cipher operation failed).*\)/),
    });
  });
});

describe('a flood of key updates', () => {
  test('leaves others their turn, and what comes behind it is read', async () => {
    const { peer } = await serving('TLSv1.3');
    const flood = Buffer.concat([peer.keyUpdates(20_000, false), peer.data(GETROOT)]);
    let [turns, over] = [0, false];
    const turn = (): void => {
      turns++;
      if (!over) setImmediate(turn);
    };
    turn();
    await answered(peer, () => peer.wire.write(flood));
    over = true;
    // A turn reads at most two records' worth, 33 KiB of these 527; without a bound three or four do.
    expect(turns).toBeGreaterThan(flood.length / (34 * 1024));
  });

  test('whose answers the peer does not read turns nothing, and is gone through once it does', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rpyc-tls-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    // The kernel's room of a Unix socket does not grow: a few hundred answers fill it.
    const { peer } = await serving('TLSv1.3', join(folder, 'socket'));
    peer.wire.pause();
    peer.wire.write(Buffer.concat([peer.keyUpdates(3000, true), peer.data(GETROOT)]));
    await pause(300);
    const loops = (): number => performance.nodeTiming.uvMetricsInfo.loopCount;
    const before = loops();
    await pause(300);
    // Waiting takes a turn or two; trying again and again took 100,000.
    expect(loops() - before).toBeLessThan(100);
    const answer = once(peer.tls, 'data');
    peer.wire.resume();
    await answer;
  });
});
