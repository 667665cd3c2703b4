// How processes and workers end with the engine inside: by themselves, by a signal, in the middle of something, and never by a crash.
import { beforeEach, expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { run, start } from '../support/programs/run.ts';
import { describePython, type PythonPeer, startServer } from '../support/python.ts';

describePython('with a Python server', () => {
  let server: PythonPeer;
  beforeEach(async () => {
    server = await startServer('6.0.1');
  });

  test.each(['closed', 'closedSync', 'unref'])('a process ends by itself (%s)', async (scenario) => {
    const program = start('lifecycle', [scenario, server.ready.port]);
    await program.next();
    expect([await program.ended, program.stderr()]).toEqual([0, '']);
  });

  test('an idle connection keeps the process alive, and SIGTERM ends it', async () => {
    const program = start('lifecycle', ['idle', server.ready.port]);
    await program.next();
    expect(await Promise.race([program.ended, new Promise((resolve) => setTimeout(resolve, 300, 'alive'))])).toBe(
      'alive',
    );
    program.child.kill('SIGTERM');
    expect(await program.ended).toBe('SIGTERM');
  });

  test.each([
    ['exitInCallback', 43],
    ['exitInAwaitedCallback', 44],
    ['exitInSocketEvent', 45],
  ])('process.exit from inside (%s)', async (scenario, status) => {
    const program = start('lifecycle', [scenario, server.ready.port]);
    expect([await program.ended, program.stderr()]).toEqual([status, '']);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s during a blocking wait without a listener ends the process by that signal',
    async (signal) => {
      const program = start('lifecycle', ['wait', server.ready.port]);
      await program.next();
      program.child.kill(signal);
      expect(await program.ended).toBe(signal);
    },
  );

  test.each([
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const)(
    '%s with a listener ends the wait with InterruptedError, and the listener runs',
    async (signal, number) => {
      const program = start('lifecycle', ['waitWithListeners', server.ready.port]);
      await program.next();
      program.child.kill('SIGWINCH');
      program.child.kill('SIGCHLD');
      program.child.kill(signal);
      const { outcome, during, heard } = await program.next();
      expect(outcome.error).toMatchObject({ name: 'InterruptedError', code: 'ERR_RPYC_INTERRUPTED' });
      expect(outcome.error.message).toContain(`signal ${number}`);
      expect(during).toEqual([]);
      expect(heard).toContain(signal);
    },
  );

  test('SIGINT with a listener ends a blocking discovery, and the listener runs', async () => {
    const program = start('lifecycle', ['discoverWithListeners', server.ready.port]);
    await program.next();
    program.child.kill('SIGINT');
    const { outcome, heard } = await program.next();
    expect(outcome.error).toMatchObject({ name: 'InterruptedError', code: 'ERR_RPYC_INTERRUPTED' });
    expect(heard).toEqual(['SIGINT']);
  });

  test('SIGCHLD and SIGWINCH do not disturb a blocking wait', async () => {
    const program = start('lifecycle', ['waitUndisturbed', server.ready.port]);
    await program.next();
    for (let i = 0; i < 20; i++) {
      program.child.kill(i % 2 === 0 ? 'SIGCHLD' : 'SIGWINCH');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(await program.next()).toEqual({ value: 'slept' });
  });

  test('a listener that throws is an uncaught exception, and everything else goes on', async () => {
    const seen = await run('lifecycle', ['closeListenerThrows', server.ready.port]);
    expect(seen).toMatchObject({
      uncaught: ['from a close listener', 'from another'],
      sum: 3,
      answer: 7,
      rejected: { code: 'ERR_RPYC_CLOSED' },
      closed: [true, true],
    });
  });

  test('so is one that throws when the peer goes away', async () => {
    const seen = await run('lifecycle', ['peerEndListenerThrows', server.ready.port]);
    expect(seen).toMatchObject({
      uncaught: ['from a close listener'],
      outcome: { code: 'ERR_RPYC_CLOSED' },
      answer: 7,
    });
  });

  test('eight workers, five connections each', async () => {
    const answers = await run('lifecycle', ['workers', server.ready.port]);
    expect(answers).toEqual(Array.from({ length: 8 }, () => [5 * 1275, 0]));
  });

  test('workers that exit with connections, calls and servers open', async () => {
    expect(await run('lifecycle', ['openWorkers', server.ready.port])).toEqual(Array.from({ length: 4 }, () => [2, 0]));
  });

  test('worker.terminate() ends a blocking wait', async () => {
    const { code, ms } = await run('lifecycle', ['terminate', server.ready.port]);
    expect(code).toBe(1);
    expect(ms).toBeLessThan(5000);
  });

  test('AsyncLocalStorage is kept across awaited calls', async () => {
    expect(await run('lifecycle', ['storage', server.ready.port])).toEqual([
      ['a', 3],
      ['b', 3],
      ['c', 3],
    ]);
  });
});

test('a server keeps the process alive until it is closed', async () => {
  const program = start('lifecycle', ['server']);
  const { port } = await program.next();
  const conn = await rpyc.connect('127.0.0.1', port);
  expect(await conn.root.add(1, 2)).toBe(3);
  program.child.kill('SIGUSR2');
  expect(await program.next()).toBe('closed');
  expect([await program.ended, program.stderr()]).toEqual([0, '']);
  expect(conn.closed).toBe(true);
});

test('an unref’d server does not', async () => {
  const program = start('lifecycle', ['unrefServer']);
  await program.next();
  expect(await program.ended).toBe(0);
});

test('process.exit in a handler of a server', async () => {
  const program = start('lifecycle', ['exitInHandler']);
  const { port } = await program.next();
  const conn = await rpyc.connect('127.0.0.1', port);
  await expect(conn.root.exit()).rejects.toMatchObject({ code: 'ERR_RPYC_CLOSED' });
  expect([await program.ended, program.stderr()]).toEqual([42, '']);
});
