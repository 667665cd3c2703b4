// Checks of references against test/support/peers/netrefs.py: a Node client in both faces, and what the Python side counted.
import { type PythonPeer, peer, type RpycVersion, startPython } from '../support/python.ts';
import { type Check, describeClients, type Steps } from './faces.ts';

/** A server of this release with netrefs.py's service. */
export const startNetrefs = (version: RpycVersion, config: Record<string, unknown> = {}): Promise<PythonPeer> =>
  startPython(version, peer('netrefs.py'), { args: [JSON.stringify(config)] });

/** describeClients against netrefs.py. */
export const describeNetrefs = (
  title: string,
  config: Record<string, unknown>,
  declare: (check: Check) => void,
): void => describeClients(title, config, declare, startNetrefs);

/** Requests that the Python side served since the last look, DELs apart, and how many DELs. */
export function* served(root: any): Steps<{ requests: string[]; dels: number }> {
  const names: string[] = yield root.requests();
  const requests = names.filter((name) => name !== 'DEL');
  return { requests, dels: names.length - requests.length };
}
