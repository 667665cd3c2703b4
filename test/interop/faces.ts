// Checks of a Node client that are written once and run in both faces: a check is a generator that yields what may be
// a promise. The blocking face hands the value back as it is, the awaitable one when it has settled.
import { afterAll, beforeAll, describe, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, PYTHONS, type PythonPeer, type RpycVersion, startServer } from '../support/python.ts';

export const FACES = ['blocking', 'awaiting'] as const;
export type FaceName = (typeof FACES)[number];

/** What a check works with. */
export interface Client {
  version: RpycVersion;
  face: FaceName;
  conn: rpyc.Connection;
  /** The root of the Python peer, in the face under test. */
  root: any;
  server: PythonPeer;
}

export type Steps<T = void> = Generator<unknown, T, any>;

class Settled {
  readonly promise: unknown;
  constructor(promise: unknown) {
    this.promise = promise;
  }
}

/** `yield settled(promise)`: what to await in both faces (the event loop runs meanwhile). */
export const settled = (promise: unknown): Settled => new Settled(promise);

/** Runs a check to its end in one face. */
export async function run<T>(face: FaceName, steps: Steps<T>): Promise<T> {
  let step = steps.next();
  while (step.done !== true) {
    let value: unknown;
    try {
      const given = step.value;
      if (given instanceof Settled) value = await given.promise;
      else value = face === 'awaiting' ? await given : given;
    } catch (error) {
      step = steps.throw(error);
      continue;
    }
    step = steps.next(value);
  }
  return step.value;
}

/** What an action throws or rejects with. */
export function* raised(action: () => unknown): Steps<any> {
  let value: unknown;
  try {
    value = yield action();
  } catch (error) {
    return error;
  }
  throw new Error(`nothing was raised; the value was ${String(value)}`);
}

/** What steps throw. */
export function* raisedIn(steps: Steps<unknown>): Steps<any> {
  try {
    yield* steps;
  } catch (error) {
    return error;
  }
  throw new Error('nothing was raised');
}

/** All items of a remote iterable, by `for…of` or `for await`; after `most` items, `break`. */
export function* items(client: Pick<Client, 'face'>, iterable: any, most = Number.POSITIVE_INFINITY): Steps<any[]> {
  const found: unknown[] = [];
  if (client.face === 'blocking') {
    for (const item of iterable) if (found.push(item) >= most) break;
    return found;
  }
  const loop = async () => {
    for await (const item of iterable) if (found.push(item) >= most) break;
  };
  yield loop();
  return found;
}

/** Connects in a face; the connection is the same in both. */
export async function connect(face: FaceName, port: number, options: rpyc.ConnectOptions = {}) {
  return face === 'blocking'
    ? rpyc.connectSync('127.0.0.1', port, options).async
    : await rpyc.connect('127.0.0.1', port, options);
}

export const rootOf = (face: FaceName, conn: rpyc.Connection): any =>
  face === 'blocking' ? conn.sync.root : conn.root;

export type Check = (name: string, steps: (client: Client) => Steps, options?: rpyc.ConnectOptions) => void;

/**
 * Declares checks that run in both faces against a Python server of each release; `config` is the server's protocol
 * configuration, `start` starts another one than peers/server.py. Every check has a connection of its own.
 */
export function describeClients(
  title: string,
  config: Record<string, unknown>,
  declare: (check: Check) => void,
  start: (version: RpycVersion, config: Record<string, unknown>) => Promise<PythonPeer> = startServer,
): void {
  describePython.each(PYTHONS)(`${title} of RPyC %s`, (version) => {
    let server: PythonPeer;
    beforeAll(async () => {
      server = await start(version, config);
    });
    afterAll(() => server.stop());

    describe.each(FACES)('%s', (face) => {
      declare((name, steps, options) => {
        test(name, async () => {
          const conn = await connect(face, server.ready.port, options);
          try {
            await run(face, steps({ version, face, conn, root: rootOf(face, conn), server }));
          } finally {
            await conn.close();
          }
        });
      });
    });
  });
}
