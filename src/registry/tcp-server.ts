// The registry over TCP, for networks that broadcasts do not cross: a message and its answer per connection. Answers to TCPRegistryServer of
// rpyc/utils/registry.py.
import { createServer, type Socket } from 'node:net';
import { MAX_MESSAGE } from './messages.ts';
import { type Binding, INCOMPLETE, RegistryServer, type RegistryServerOptions, type RegistrySocket } from './server.ts';

/** Connections at a time; more are closed at once. */
const MAX_CONNECTIONS = 256;

/** What a {@link TCPRegistryServer} takes. */
export interface TCPRegistryServerOptions extends RegistryServerOptions {
  /** Seconds that a client has for its message and for reading the answer. Default 3. */
  messageTimeout?: number;
}

/** RPyC's `TCPRegistryServer`: a {@link UDPRegistryServer} over TCP. */
export class TCPRegistryServer extends RegistryServer {
  private readonly messageTimeout: number;

  /** @throws as {@link UDPRegistryServer} */
  constructor(options: TCPRegistryServerOptions = {}) {
    super(options);
    const { messageTimeout = 3 } = options;
    if (!(messageTimeout > 0 && messageTimeout <= 3600))
      throw new RangeError(`messageTimeout is a number of seconds between 0 and 3600, not ${messageTimeout}`);
    this.messageTimeout = messageTimeout * 1000;
  }

  /** @internal */
  protected async listen({ address, port }: Binding): Promise<RegistrySocket> {
    const sockets = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      this.serve(socket);
    });
    server.maxConnections = MAX_CONNECTIONS;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: address, port }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    server.on('error', (error) => this.logger?.warn(`rpyc registry: ${error.message}`));
    const bound = server.address() as { address: string; port: number };
    return {
      address: [bound.address, bound.port],
      ref: (on) => void (on ? server.ref() : server.unref()),
      close: () =>
        new Promise<void>((resolve) => {
          server.close(() => resolve());
          for (const socket of sockets) socket.destroy();
        }),
    };
  }

  private serve(socket: Socket): void {
    const host = socket.remoteAddress;
    if (host === undefined) {
      socket.destroy();
      return;
    }
    const timer = setTimeout(() => socket.destroy(), this.messageTimeout);
    socket.once('close', () => clearTimeout(timer));
    // Reset by its client: nothing is lost but the answer.
    socket.on('error', () => socket.destroy());
    let message = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      message = Buffer.concat([message, chunk]);
      // RPyC's message has no length: it is over when its value is.
      const answer = message.length > MAX_MESSAGE ? undefined : this.answer(message, host, MAX_MESSAGE);
      if (answer === INCOMPLETE) return;
      socket.removeAllListeners('data');
      if (answer === undefined) socket.destroy();
      else socket.end(answer, () => socket.destroySoon());
    });
    socket.once('end', () => {
      if (socket.writable && !socket.writableEnded) socket.destroy();
    });
  }
}
