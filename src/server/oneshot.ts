// A server of one connection. Answers to OneShotServer of rpyc/utils/server.py.
import type { RawPeer } from '../native/peer.ts';
import { Server } from './server.ts';

/**
 * RPyC's `OneShotServer`: serves one connection, and ends with it. It stops listening as soon as that is accepted, and emits `close` at the
 * end. (RPyC's `start` returns then; here it resolves when the server listens.)
 *
 *     const server = await new rpyc.OneShotServer(Calculator, { port: 18861 }).start();
 *     await once(server, 'close');
 */
export class OneShotServer extends Server {
  /** @internal */
  override accept(peer: RawPeer): void {
    super.accept(peer, (conn) => {
      // None: it was not let in, or could not be served.
      if (conn === undefined) void this.close();
      else conn.once('close', () => void this.close());
    });
    this.stopAccepting();
  }
}
