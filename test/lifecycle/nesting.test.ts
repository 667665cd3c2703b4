// Re-entrancy: calls back and forth inside blocking calls, how deep they may go, and what becomes of async handlers meanwhile.
import { expect, test } from 'vitest';
import { run, start } from '../support/programs/run.ts';
import { describePython, startServer } from '../support/python.ts';

test('blocking calls nested too deep end in ERR_RPYC_NESTING, and both sides go on', async () => {
  const server = start('nesting', ['server']);
  const { port } = await server.next();
  const seen = await run('nesting', ['client', port]);
  expect(seen.outcome.error.message).toContain('blocking calls are nested 100 deep');
  expect(seen.codes).toContain('ERR_RPYC_NESTING');
  expect(seen.deepest).toBeGreaterThan(40);
  expect(seen).toMatchObject({ again: { value: 'bottom' }, sum: 3, closed: false });
});

describePython('with real Python 6.0.1', () => {
  test('an async callback during a blocking call is answered afterwards, and the timeout names it', async () => {
    const server = await startServer('6.0.1');
    const seen = await run('nesting', ['deferred', server.ready.port]);
    expect(seen.outcome.error).toMatchObject({ name: 'TimeoutError', code: 'ERR_RPYC_TIMEOUT' });
    expect(seen.outcome.error.message).toMatch(/later.* cannot answer before this blocking call ends/);
    expect(seen).toMatchObject({ during: false, finished: true, sum: 3, counted: 7 });
    expect(seen.warnings).toEqual([expect.stringMatching(/^RPYC_DEADLOCK: .*later/)]);
  });

  test('asyncHandlersDuringSync: error refuses it at once', async () => {
    const server = await startServer('6.0.1');
    const seen = await run('nesting', ['refused', server.ready.port]);
    expect(seen.caught[0]).toBe('RuntimeError');
    expect(seen.caught[1]).toMatch(/^async handler '.*later.*' while the JS thread is blocked/);
    expect(seen.sum).toBe(3);
  });

  test('replies of awaited calls that arrive during a blocking one are kept for the event loop', async () => {
    const server = await startServer('6.0.1');
    const seen = await run('nesting', ['mixed', server.ready.port]);
    expect(seen).toEqual({ order: ['blocking 20', 'awaited 2', 'awaited 4', 'awaited 6'], inCallback: 6 });
  });
});
