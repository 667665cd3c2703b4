// A service in a thread and in a process of its own: connectThread and connectMultiprocess, in both faces; what a dead one leaves.
import { expect, test } from 'vitest';
import { run } from '../support/programs/run.ts';

test('connectThread serves a module in a worker, awaited; args share memory, and close ends the thread', async () => {
  const { pid, id, ...found } = await run('local-ways', ['threadAwaited']);
  expect(found).toEqual({
    sum: 15,
    back: 9,
    limit: 10,
    stored: 42,
    bytes: 1_000_000,
    where: [pid, id],
    exit: 0,
  });
});

test('connectThreadSync blocks until the thread answers, callbacks included', async () => {
  expect(await run('local-ways', ['threadBlocking'])).toEqual({
    sum: 15,
    back: 9,
    limit: 10,
    bytes: 1_000_000,
    same: true,
  });
});

test('a module that cannot be loaded in a thread, and what cannot be cloned, are errors that say so', async () => {
  const found = await run('local-ways', ['threadFails']);
  const why = expect.stringContaining('no-such-service.ts');
  expect(found).toEqual({
    awaited: expect.objectContaining({ name: 'EOFError', code: 'ERR_RPYC_CLOSED', message: why }),
    blocking: { error: expect.objectContaining({ name: 'EOFError', code: 'ERR_RPYC_CLOSED', message: why }) },
    args: expect.objectContaining({ name: 'TypeError', message: expect.stringContaining('args cannot be given') }),
    option: expect.objectContaining({ name: 'TypeError', message: expect.stringContaining('before_closed') }),
  });
});

test('a thread that ends itself ends its connection, and nothing else', async () => {
  const { error, later } = await run('local-ways', ['threadDies']);
  expect([error.code, later.code]).toEqual(['ERR_RPYC_CLOSED', 'ERR_RPYC_CLOSED']);
});

test('a thread whose service has not answered yet ends with its connection', async () => {
  expect(await run('local-ways', ['threadHangs'])).toEqual({ exit: 'number' });
});

test('threads leave no descriptor behind, those that failed included', async () => {
  expect(await run('local-ways', ['threadLeaves'])).toEqual({ leaked: 0 });
});

test('connectMultiprocess serves a module in a process, awaited; args are copies, and close ends it', async () => {
  expect(await run('local-ways', ['processAwaited'])).toEqual({
    sum: 15,
    back: 9,
    limit: 10,
    tags: ['a'],
    other: true,
    exit: 0,
  });
});

test('connectMultiprocessSync blocks, and tells how the process ended and what it said', async () => {
  const { died, ...found } = await run('local-ways', ['processBlocking']);
  expect(found).toEqual({ sum: 15, big: 500_000, same: true });
  expect(died.error).toMatchObject({ name: 'EOFError', code: 'ERR_RPYC_CLOSED' });
  expect(died.error.message).toMatch(/^node \(pid \d+\) ended with status 7; it said last:\nlast words$/);
});

test('a module that a process cannot load is an error with its words', async () => {
  const found = await run('local-ways', ['processFails']);
  const why = expect.stringContaining('no-such-service.ts');
  expect(found).toEqual({
    awaited: expect.objectContaining({ name: 'EOFError', message: why }),
    blocking: { error: expect.objectContaining({ name: 'EOFError', message: why }) },
    args: expect.objectContaining({ name: 'TypeError', message: expect.stringContaining('args') }),
  });
});
