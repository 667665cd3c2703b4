// Checks of references against test/support/peers/netrefs.py: a Node client in both faces, and what the Python side counted.
import { afterAll, beforeAll, describe, test } from 'vitest';
import type * as rpyc from '../../src/index.ts';
import { describePython, PYTHONS, type PythonPeer, peer, type RpycVersion, startPython } from '../support/python.ts';
import { type Client, connect, FACES, rootOf, run, type Steps } from './faces.ts';

/** A server of this release with netrefs.py's service. */
export const startNetrefs = (version: RpycVersion, config: Record<string, unknown> = {}): Promise<PythonPeer> =>
  startPython(version, peer('netrefs.py'), { args: [JSON.stringify(config)] });

type Check = (name: string, steps: (client: Client) => Steps, options?: rpyc.ConnectOptions) => void;

/** As describeClients of faces.ts, against netrefs.py. Every check has a connection of its own. */
export function describeNetrefs(title: string, config: Record<string, unknown>, declare: (check: Check) => void): void {
  describePython.each(PYTHONS)(`${title} of RPyC %s`, (version) => {
    let server: PythonPeer;
    beforeAll(async () => {
      server = await startNetrefs(version, config);
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

/** Requests that the Python side served since the last look, DELs apart, and how many DELs. */
export function* served(root: any): Steps<{ requests: string[]; dels: number }> {
  const names: string[] = yield root.requests();
  const requests = names.filter((name) => name !== 'DEL');
  return { requests, dels: names.length - requests.length };
}
