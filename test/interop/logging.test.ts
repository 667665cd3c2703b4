// What the logger is told, and at which level: as debug what a caller is told as well, as an error what reaches nobody.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { type Logged, serve } from './nodes.ts';

/** A logger that remembers. */
function memory(): { logger: rpyc.Logger; logged: Logged[] } {
  const logged: Logged[] = [];
  const log =
    (level: Logged['level']) =>
    (message: string, ...details: unknown[]) =>
      void logged.push({ level, message, details });
  return { logged, logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') } };
}

const errorsIn = (logged: readonly Logged[]): [string, unknown][] =>
  logged
    .filter(({ level }) => level === 'error')
    .map(({ message, details }) => [message.replace(/^\S+: /, ''), (details[0] as Error | undefined)?.message]);

class Failing extends rpyc.Service {
  exposed_fail() {
    throw new RangeError('bad');
  }
  async exposed_failLater() {
    await null;
    throw new RangeError('later');
  }
  exposed_notify(callback: any, ...args: unknown[]) {
    rpyc.oneway(callback)(...args);
  }
  exposed_quiet = () => 1;
}

test('what a caller is told is no error of the log, one line each', async () => {
  const { port, logged } = await serve(Failing);
  const conn = await rpyc.connect('127.0.0.1', port);
  for (const ask of [() => conn.root.fail(), () => conn.root.failLater(), () => conn.root.absent()])
    await expect(ask()).rejects.toThrow();
  expect(logged.map(({ level, message }) => [level, message.replace(/^\S+: /, '')])).toEqual([
    ['debug', 'fail failed:'],
    ['debug', 'failLater failed:'],
    ['debug', expect.stringMatching(/^absent: AttributeError: cannot access 'absent' \(its owner offers 'absent' if/)],
  ]);
  await conn.close();
});

test('a handler whose caller is gone when it fails is an error', async () => {
  let fail = (_error: Error) => {};
  class Slow extends rpyc.Service {
    exposed_slow() {
      return new Promise((_, reject) => {
        fail = reject;
      });
    }
    exposed_quiet = () => 1;
  }
  const { port, logged, server } = await serve(Slow);
  const conn = await rpyc.connect('127.0.0.1', port);
  conn.root.slow().catch(() => undefined);
  await conn.root.quiet();
  conn.abort();
  await expect.poll(() => server.connections.size).toBe(0);
  fail(new Error('nobody waits'));
  await expect.poll(() => errorsIn(logged)).toEqual([['slow failed, and its caller is gone:', 'nobody waits']]);
});

test('onConnect and onDisconnect that fail are errors, now or later', async () => {
  class Loud extends rpyc.Service {
    static how = '';
    override onConnect(): void | Promise<void> {
      if (Loud.how === 'connect') throw new Error('connect');
      if (Loud.how === 'connect later') return Promise.reject(new Error('connect later'));
    }
    override onDisconnect(): void | Promise<void> {
      if (Loud.how === 'disconnect') throw new Error('disconnect');
      if (Loud.how === 'disconnect later') return Promise.reject(new Error('disconnect later'));
    }
  }
  const { port, logged } = await serve(Loud);
  for (const how of ['connect', 'connect later', 'disconnect', 'disconnect later']) {
    Loud.how = how;
    logged.length = 0;
    const conn = await rpyc.connect('127.0.0.1', port).catch(() => undefined);
    await conn?.close();
    await expect
      .poll(() => errorsIn(logged).some(([message, text]) => message.includes(how) || text === how))
      .toBe(true);
  }
});

test('what a oneway call raises is an error of its caller, whatever was called and on either side', async () => {
  const { port, logged } = await serve(Failing);
  const client = memory();
  const conn = await rpyc.connect('127.0.0.1', port, { config: { logger: client.logger } });
  const base = conn.stats;
  rpyc.oneway(conn.root.fail)();
  rpyc.oneway(await rpyc.getattr(conn.root, 'failLater'))();
  rpyc.oneway(conn.root.quiet)();
  await expect
    .poll(() => errorsIn(client.logged))
    .toEqual([
      ['fail, called oneway, raised:', 'bad'],
      ['a builtins.builtin_function_or_method, called oneway, raised:', 'later'],
    ]);
  expect(client.logged[0].details[0]).toBeInstanceOf(RangeError);
  expect(conn.stats.pending).toBe(base.pending);
  // The server saw plain calls, and answered them.
  expect(errorsIn(logged)).toEqual([]);
  await conn.root.notify(() => {
    throw new Error('in the callback');
  });
  await expect.poll(() => errorsIn(logged).map(([, text]) => text)).toEqual(['in the callback']);
  const nested = rpyc.oneway(conn.root.quiet.nothing.at_all);
  client.logged.length = 0;
  nested();
  await expect.poll(() => errorsIn(client.logged).length).toBe(1);
  conn.config.log_exceptions = false;
  client.logged.length = 0;
  rpyc.oneway(conn.root.fail)();
  await expect(conn.root.fail()).rejects.toThrow('bad');
  expect(client.logged).toEqual([]);
  await conn.close();
});

/** A server with the default logger in a process of its own; 200 calls of it fail. Returns what it printed. */
async function printed(env: Record<string, string>): Promise<string> {
  const url = (path: string) => new URL(path, import.meta.url);
  const child = spawn(
    process.execPath,
    [
      '--import',
      url('../../scripts/ts.mjs').href,
      fileURLToPath(url('../support/peers/owner-server.ts')),
      JSON.stringify({ logger: 'default' }),
    ],
    { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [ready] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  const { port } = JSON.parse(ready.slice(6));
  const conn = await rpyc.connect('127.0.0.1', port);
  for (let i = 0; i < 100; i++) {
    await expect(conn.root.throw('range')).rejects.toThrow();
    await expect(conn.root.absent()).rejects.toThrow();
  }
  await conn.close();
  child.stdin.end();
  await once(child, 'close');
  return stderr;
}

test('the default logger prints nothing of what callers are told; with RPYC_DEBUG=1 it does', async () => {
  expect(await printed({ RPYC_DEBUG: '' })).toBe('');
  const text = await printed({ RPYC_DEBUG: '1' });
  expect(text.match(/throw failed: RangeError: bad range/g)).toHaveLength(100);
  expect(text.match(/cannot access 'absent'/g)).toHaveLength(100);
});
