// Stack traces and hints of errors that cross: no frames of this package on either side, the way out of a denial on ours.
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { type NodePeer, startNode } from '../support/node.ts';
import { describePython, PYTHONS, runClient, startServer } from '../support/python.ts';
import { connect, FACES, raised, rootOf, run, type Steps } from './faces.ts';
import { serve } from './nodes.ts';

/** A frame of this package: its sources, or what was compiled of them. */
const OURS = /\n {4}at .*\/(?:src|dist)\/[a-z]+\/[a-z-]+\.(?:ts|js)/;

const lineOf = (text: string): number =>
  readFileSync(new URL(import.meta.url), 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text)) + 1;

describe.each(FACES)('To a Node client, %s,', (face) => {
  let server: NodePeer;
  beforeAll(async () => {
    server = await startNode({}, 'owner-server.ts');
  });
  afterAll(() => server.stop());

  const check = (name: string, steps: (root: any) => Steps) =>
    test(name, async () => {
      const conn = await connect(face, server.port);
      try {
        await run(face, steps(rootOf(face, conn)));
      } finally {
        await conn.close();
      }
    });

  check('an error has the frames of who threw it, and none of this package', function* (root) {
    for (const [what, method] of [
      ['range', 'throw'],
      ['range', 'reject'],
      ['registered', 'throw'],
      ['python', 'throw'],
    ]) {
      const { stack } = yield* raised(() => root[method](what));
      expect(stack).toMatch(/\n {4}at .*owner\.ts:\d+/);
      expect(stack).not.toMatch(OURS);
    }
  });

  check('a denial of a Node server has a hint, in its stack and in what is printed', function* (root) {
    for (const ask of [() => rpyc.getattr(root, 'secret'), () => root.secret()]) {
      const error = yield* raised(ask);
      expect(error).toBeInstanceOf(rpyc.exceptions.AttributeError);
      expect(error.message).toBe("cannot access 'secret'");
      expect(error.hint).toContain("called exposed_secret, listed in `static exposed = ['secret']` or marked @exposed");
      expect(error.stack.endsWith(`\n\nHint: ${error.hint}`)).toBe(true);
      expect(inspect(error)).toContain(`Hint: ${error.hint}`);
      expect(Object.keys(error)).not.toContain('hint');
    }
    const nothing = yield* raised(() => rpyc.getattr(root, 'exposed_nothing'));
    expect(nothing.hint).toBeUndefined();
  });

  check('the hint for a name that exists is that for one that does not', function* (root) {
    const real = yield* raised(() => rpyc.getattr(root, 'onConnect'));
    const made = yield* raised(() => rpyc.getattr(root, 'noSuchName'));
    expect(real.hint.replaceAll('onConnect', 'NAME')).toBe(made.hint.replaceAll('noSuchName', 'NAME'));
    expect(real.stack.replaceAll('onConnect', 'NAME').split('Remote Traceback')[1]).toBe(
      made.stack.replaceAll('noSuchName', 'NAME').split('Remote Traceback')[1],
    );
  });
});

test("a blocking caller's own frames stay, as far as it allows itself frames", async () => {
  const { port } = await startNode({}, 'owner-server.ts');
  const conn = rpyc.connectSync('127.0.0.1', port);
  const limit = Error.stackTraceLimit;
  const deep = (n: number): unknown => {
    if (n > 0) return deep(n - 1);
    return conn.root.throw('range'); // called here
  };
  for (const frames of [3, 10]) {
    Error.stackTraceLimit = frames;
    let error: any;
    try {
      deep(12);
    } catch (thrown) {
      error = thrown;
    }
    const local = error.stack.split('\n\n===')[0].split('\n').slice(1);
    expect(local).toHaveLength(frames);
    expect(local[0]).toContain(`hints.test.ts:${lineOf('// called here')}`);
    expect(Error.stackTraceLimit).toBe(frames);
  }
  Error.stackTraceLimit = limit;
  conn.close();
});

test('with RPYC_DEBUG set, both sides show all frames', async () => {
  const { port } = await startNode({}, 'owner-server.ts', { RPYC_DEBUG: '1' });
  const conn = await rpyc.connect('127.0.0.1', port);
  const { remoteTraceback } = await conn.root.throw('range').catch((error: unknown) => error);
  expect(remoteTraceback).toMatch(OURS);
  await conn.close();
});

describePython.each(PYTHONS)('With RPyC %s', (version) => {
  test("a Python server's denial has a hint of Python's ways", async () => {
    const { ready } = await startServer(version);
    const conn = await rpyc.connect('127.0.0.1', ready.port);
    for (const root of [conn.root, conn.sync.root]) {
      const error: any = await (async () => root.secret())().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(rpyc.exceptions.AttributeError);
      expect(error.message).toBe("cannot access 'secret'");
      expect(error.hint).toContain('called exposed_secret or marked @rpyc.exposed, or with allow_public_attrs');
      expect(error.stack).toContain(`Hint: ${error.hint}`);
    }
    await conn.close();
  });

  test("a Node server's denial is in Python's words, and its traceback has no frame of ours", async () => {
    class Plain extends rpyc.Service {
      exposed_fail() {
        throw new Error('mine');
      }
      exposed_list = () => [1];
    }
    const { port } = await serve(Plain);
    const out = await runClient(
      version,
      port,
      `
      out["denied"] = raised(lambda: root.secret)
      out["failed"] = raised(root.fail)[1]
      out["index"] = raised(lambda: root.list()[7])[1]
      `,
    );
    expect(out.denied[0]).toBe('AttributeError');
    expect(out.denied[1]).toMatch(/^cannot access 'secret'\n/);
    expect(out.denied[1]).not.toContain('Hint');
    expect(out.failed).toMatch(/hints\.test\.ts/);
    for (const text of [out.denied[1], out.failed, out.index]) expect(text).not.toMatch(OURS);
  });
});
