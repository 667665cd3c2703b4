// PING: what is sent when the caller names nothing, and the comparison of the echo. Answers to Connection.ping of rpyc/core/protocol.py.
import { Buffer } from 'node:buffer';
import { ProtocolError } from '../errors.ts';

/** RPyC's own default. */
export const PING_DATA: string = 'abcdefghijklmnopqrstuvwxyz'.repeat(20);

/** @throws {ProtocolError} where the echo differs from what was sent */
export function checkEcho(sent: string | Uint8Array, echoed: unknown): void {
  const same =
    typeof sent === 'string' ? echoed === sent : echoed instanceof Uint8Array && Buffer.compare(sent, echoed) === 0;
  if (!same) throw new ProtocolError('echo mismatches sent data');
}
