// Checks of classic mode that run in both faces against a Python slave of each release.
import { afterAll, beforeAll, describe, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, PYTHONS, type PythonPeer, peer, type RpycVersion, startPython } from '../support/python.ts';
import { FACES, type FaceName, run, type Steps } from './faces.ts';

/** Either face, as checks written once see it. */
export interface Classic {
  version: RpycVersion;
  face: FaceName;
  conn: any;
  port: number;
}

/** Starts `peers/classic.py` with a SlaveService or a ClassicService. */
export const startClassic = (version: RpycVersion, kind: 'slave' | 'classic', path?: string): Promise<PythonPeer> =>
  startPython(version, peer('classic.py'), { args: path === undefined ? [kind] : [kind, path] });

/** Connects in a face. */
export const connectClassic = async (
  face: FaceName,
  port: number,
  options: rpyc.classic.ClassicOptions = {},
): Promise<any> =>
  face === 'blocking'
    ? rpyc.classic.connectSync('127.0.0.1', port, options)
    : await rpyc.classic.connect('127.0.0.1', port, options);

type Check = (name: string, steps: (client: Classic) => Steps) => void;

/** Declares checks; every one has a connection of its own. */
export function describeClassic(title: string, kind: 'slave' | 'classic', declare: (check: Check) => void): void {
  describePython.each(PYTHONS)(`${title} of RPyC %s`, (version) => {
    let server: PythonPeer;
    beforeAll(async () => {
      server = await startClassic(version, kind);
    });
    afterAll(() => server.stop());
    describe.each(FACES)('%s', (face) => {
      declare((name, steps) => {
        test(name, async () => {
          const conn = await connectClassic(face, server.ready.port);
          try {
            await run(face, steps({ version, face, conn, port: server.ready.port }));
          } finally {
            await conn.close();
          }
        });
      });
    });
  });
}
