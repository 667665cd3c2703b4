// The registry over datagrams, broadcast ones included. Answers to UDPRegistryServer of rpyc/utils/registry.py.
import { createSocket } from 'node:dgram';
import { MAX_LIST, MAX_MESSAGE } from './messages.ts';
import { type Binding, RegistryServer, type RegistrySocket } from './server.ts';

/**
 * RPyC's `UDPRegistryServer`: knows where services are, since their servers tell it, and answers who asks, RPyC's peers included.
 *
 *     const registry = await new rpyc.UDPRegistryServer({ host: '0.0.0.0' }).start();
 *     registry.on('serviceAdded', (name, [host, port]) => console.log(name, host, port));
 *
 * Emits `serviceAdded`, `serviceRemoved` and `close`. RPyC's registry believes whoever reaches it: see `secret`, and docs/registry.md.
 */
export class UDPRegistryServer extends RegistryServer {
  /** @internal */
  protected async listen({ address, port, isIPv6 }: Binding): Promise<RegistrySocket> {
    const socket = createSocket({ type: isIPv6 ? 'udp6' : 'udp4' });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ address, port }, () => {
        socket.off('error', reject);
        resolve();
      });
    });
    socket.on('error', (error) => this.logger?.warn(`rpyc registry: ${error.message}`));
    socket.on('message', (message, { address: host, port: to, size }) => {
      if (size > MAX_MESSAGE) {
        this.logger?.debug(`rpyc registry: dropped ${size} bytes from ${host}: over ${MAX_MESSAGE}`);
        return;
      }
      const answer = this.answer(message, host, MAX_LIST);
      if (answer instanceof Uint8Array)
        socket.send(answer, to, host, (error) => {
          if (error !== null) this.logger?.debug(`rpyc registry: no answer to ${host}: ${error.message}`);
        });
    });
    const bound = socket.address();
    return {
      address: [bound.address, bound.port],
      ref: (on) => void (on ? socket.ref() : socket.unref()),
      close: () => new Promise<void>((resolve) => socket.close(() => resolve())),
    };
  }
}
