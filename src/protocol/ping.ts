// PING: what is sent when the caller names nothing, the wait, and the comparison of the echo. Answers to Connection.ping of rpyc/core/protocol.py.
import { Buffer } from 'node:buffer';
import { HANDLE_PING } from '../constants.ts';
import { ProtocolError } from '../errors.ts';
import type { Peer } from '../refs/holder.ts';
import { Limits } from '../refs/limits.ts';

/** RPyC's own default. */
const PING_DATA: string = 'abcdefghijklmnopqrstuvwxyz'.repeat(20);

type Echo = string | Uint8Array;

function checkEcho(sent: Echo, echoed: unknown): void {
  const same =
    typeof sent === 'string' ? echoed === sent : echoed instanceof Uint8Array && Buffer.compare(sent, echoed) === 0;
  if (!same) throw new ProtocolError('echo mismatches sent data');
}

/**
 * @param timeout seconds
 * @throws {TimeoutError} when the answer takes longer, {ProtocolError} when it differs from what was sent
 */
export async function ping(peer: Peer, data: Echo = PING_DATA, timeout: number): Promise<void> {
  checkEcho(data, await peer.ask('async', HANDLE_PING, [data], new Limits(undefined, timeout)));
}

/** `ping` that blocks, for `sync_request_timeout` at most. */
export function pingSync(peer: Peer, data: Echo = PING_DATA): void {
  checkEcho(data, peer.askSync('sync', HANDLE_PING, [data]));
}
