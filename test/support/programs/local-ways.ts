// connectThread and connectMultiprocess: `local-ways SCENARIO`; the last line is what was found.
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import * as rpyc from '../../../src/index.ts';
import { attempt, say, told } from './say.ts';

const SERVICE = new URL('../peers/way-service.ts', import.meta.url);
const NONE = new URL('../peers/no-such-service.ts', import.meta.url);
const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** When `done` says so; the test's own limit is the bound. */
async function until(done: () => boolean): Promise<void> {
  while (!done()) await sleep(10);
}

const scenarios: Record<string, () => unknown> = {
  async threadAwaited() {
    const shared = new SharedArrayBuffer(4);
    const conn = await rpyc.connectThread(SERVICE, { args: { shared, limit: 10 } });
    const exited = new Promise((resolve) => conn.worker.once('exit', resolve));
    await conn.root.store(42);
    const found = {
      sum: await conn.root.add(5, 10),
      back: await conn.root.call((n: number) => n * 2, 4),
      limit: await conn.root.get('limit'),
      stored: Atomics.load(new Int32Array(shared), 0),
      bytes: (await conn.root.echo(new Uint8Array(1_000_000))).length,
      where: await conn.root.where(),
      id: conn.worker.threadId,
    };
    await conn.close();
    return { ...found, pid: process.pid, exit: await exited };
  },
  threadBlocking() {
    const conn = rpyc.connectThreadSync(SERVICE, { args: { limit: 10 } });
    const found = {
      sum: conn.root.add(5, 10),
      back: conn.root.call((n: number) => n * 2, 4),
      limit: conn.root.get('limit'),
      bytes: conn.root.echo(new Uint8Array(1_000_000)).length,
      same: conn.root.where()[1] === conn.worker.threadId,
    };
    conn.close();
    return found;
  },
  async threadFails() {
    return {
      awaited: await rpyc.connectThread(NONE).catch(told),
      blocking: attempt(() => rpyc.connectThreadSync(NONE)),
      args: await rpyc.connectThread(SERVICE, { args: { f: () => 1 } }).catch(told),
      option: await rpyc.connectThread(SERVICE, { remote: { config: { before_closed: () => {} } } }).catch(told),
    };
  },
  async threadDies() {
    const conn = await rpyc.connectThread(SERVICE);
    const error = await conn.root.die(3, 'bye').catch(told);
    const later = await conn.root.add(1, 2).catch(told);
    return { error, later };
  },
  async threadHangs() {
    const conn = rpyc.connectThreadSync(SERVICE);
    const exit = new Promise((resolve) => conn.worker.once('exit', resolve));
    void conn.async.root.never().catch(() => {});
    conn.close();
    return { exit: typeof (await exit) };
  },
  async threadLeaves() {
    await (await rpyc.connectThread(SERVICE)).close();
    await sleep(200);
    const before = descriptors();
    for (let i = 0; i < 8; i++) {
      const conn = await rpyc.connectThread(i % 2 === 0 ? SERVICE : NONE).catch(() => undefined);
      const gone = new Promise((resolve) => (conn === undefined ? resolve(0) : conn.worker.once('exit', resolve)));
      await conn?.close();
      await gone;
    }
    await until(() => descriptors() <= before);
    return { leaked: Math.max(0, descriptors() - before) };
  },
  async processAwaited() {
    const conn = await rpyc.connectMultiprocess(SERVICE, { args: { limit: 10, tags: new Set(['a']) } });
    const exited = new Promise((resolve) => conn.proc.once('exit', resolve));
    const found = {
      sum: await conn.root.add(5, 10),
      back: await conn.root.call((n: number) => n * 2, 4),
      limit: await conn.root.get('limit'),
      tags: await rpyc.value(await conn.root.get('tags')),
      other: (await conn.root.where())[0] === conn.proc.pid && conn.proc.pid !== process.pid,
    };
    await conn.close();
    return { ...found, tags: [...(found.tags as Set<string>)], exit: await exited };
  },
  processBlocking() {
    const conn = rpyc.connectMultiprocessSync(SERVICE, { args: { big: 'x'.repeat(500_000) } });
    const found = { sum: conn.root.add(5, 10), big: conn.root.get('big').length, pid: conn.root.where()[0] };
    const same = found.pid === conn.proc.pid;
    const died = attempt(() => conn.root.die(7, 'last words'));
    return { sum: found.sum, big: found.big, same, died };
  },
  async processFails() {
    return {
      awaited: await rpyc.connectMultiprocess(NONE, { stderr: 'ignore' }).catch(told),
      blocking: attempt(() => rpyc.connectMultiprocessSync(NONE, { stderr: 'ignore' })),
      args: await rpyc.connectMultiprocess(SERVICE, { args: { f: () => 1 } }).catch(told),
    };
  },
};

say(await scenarios[process.argv[2] as string]?.());
