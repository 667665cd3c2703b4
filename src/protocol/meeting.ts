// Do both ends of a connection live in this thread? Then no blocking call on it can ever be answered, from either end. Addresses only raise the
// suspicion (a worker may share the port); a token that this thread sent and this thread received proves it, to both ends.
import { randomUUID } from 'node:crypto';
import { HANDLE_PING } from '../constants.ts';
import type { Peer } from '../refs/holder.ts';

/** Tokens on their way. */
const sent = new Set<string>();

/** Asks the peer to echo a token. True: it is this thread, and knows it now. */
export async function meetsItself(peer: Peer): Promise<boolean> {
  const token = `rpyc thread ${randomUUID()}`;
  sent.add(token);
  try {
    await peer.ask('async', HANDLE_PING, [token]);
    return !sent.has(token);
  } finally {
    sent.delete(token);
  }
}

/** What a peer asks us to echo: is it a token of this very thread? */
export const isOwnToken = (data: unknown): boolean => sent.size !== 0 && typeof data === 'string' && sent.delete(data);
