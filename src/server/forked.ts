// What a child runs that serves the one connection that it inherited: a service module. Started by forking.ts and connectMultiprocess; exports
// nothing.
import { readFileSync } from 'node:fs';
import type { RawPeer } from '../native/peer.ts';
import { adopt } from '../native/socket.ts';
import { CONNECTION_FD, readTask } from './child.ts';
import { loadAuthenticator, loadServiceWith } from './module.ts';
import { OneShotServer } from './oneshot.ts';

/** How long what a service has left running may keep the process after its connection, ms. */
const GRACE = 1000;

/** undefined: the client is gone again. */
function inherited(): RawPeer | undefined {
  try {
    return adopt(CONNECTION_FD);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTCONN') return undefined;
    throw error;
  }
}

const { module, options, args } = readTask(readFileSync(0));
const server = new OneShotServer(await loadServiceWith(module, args), {
  ...options,
  ...(await loadAuthenticator(module)),
});
// The parent ends whoever takes longer than it was told.
process.on('SIGTERM', () => void server.drain({ timeout: null }));
server.once('close', () => setTimeout(() => process.exit(), GRACE).unref());
const peer = inherited();
if (peer === undefined) void server.close();
else server.accept(peer);
