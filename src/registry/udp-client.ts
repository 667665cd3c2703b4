// Asking a registry over datagrams; by default whichever hears a broadcast. Answers to UDPRegistryClient of rpyc/utils/registry.py.
import { createSocket, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
import { askDatagramSync } from '../native/ask.ts';
import { type RegisterOptions, RegistryClient, type RegistryClientOptions } from './client.ts';

/** What a {@link UDPRegistryClient} takes. */
export interface UDPRegistryClientOptions extends RegistryClientOptions {
  /** Send broadcasts. Default: whether `host` is an IPv4 address with a 255 in it. IPv6 has none. */
  broadcast?: boolean;
  /** Ask over IPv6. Default: whether `host` is an IPv6 address. */
  ipv6?: boolean;
}

/**
 * RPyC's `UDPRegistryClient`. Without a host it asks 255.255.255.255, which every registry of the local network hears that listens on more than
 * loopback; the first to answer counts.
 *
 *     const registrar = new rpyc.UDPRegistryClient('10.0.0.7');
 *     await registrar.discover('calculator');   // [['10.0.0.12', 18861]]
 */
export class UDPRegistryClient extends RegistryClient {
  private readonly broadcast: boolean;
  private readonly isIPv6: boolean;

  /** @throws {RangeError} or {TypeError} for an option that cannot be */
  constructor(host = '255.255.255.255', options: UDPRegistryClientOptions = {}) {
    super(host, options);
    const { ipv6 = isIP(host) === 6 } = options;
    if (ipv6 && isIP(host) === 4)
      throw new TypeError(
        `ipv6 is true, and host is the IPv4 address ${host}: leave ipv6 out, or give an IPv6 address`,
      );
    this.isIPv6 = ipv6;
    this.broadcast = !ipv6 && (options.broadcast ?? host.split('.').includes('255'));
  }

  /** @internal */
  protected async exchange<T>(
    message: Uint8Array,
    accept: (answer: Uint8Array) => T | undefined,
    options: RegisterOptions = {},
  ): Promise<T | undefined> {
    const socket = createSocket(this.isIPv6 ? 'udp6' : 'udp4');
    const { signal } = options;
    let giveUp = (): void => {};
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<T | undefined>((resolve, reject) => {
        giveUp = () => resolve(undefined);
        timer = setTimeout(giveUp, this.timeoutMs);
        signal?.addEventListener('abort', giveUp);
        socket.on('error', reject);
        socket.on('message', (answer, { port }) => {
          // As RPyC: a registry answers from the port that it listens on.
          const accepted = port === this.port ? accept(answer) : undefined;
          if (accepted !== undefined) resolve(accepted);
        });
        this.send(socket, message, options.interface).catch(reject);
      });
    } finally {
      clearTimeout(timer);
      // A server asks for as long as it lives, with the same signal.
      signal?.removeEventListener('abort', giveUp);
      socket.close();
    }
  }

  /** @internal */
  protected async tell(message: Uint8Array, options: RegisterOptions = {}): Promise<void> {
    const socket = createSocket(this.isIPv6 ? 'udp6' : 'udp4');
    try {
      await new Promise<void>((resolve, reject) => {
        socket.on('error', reject);
        this.send(socket, message, options.interface).then(resolve, reject);
      });
    } finally {
      socket.close();
    }
  }

  private async send(socket: Socket, message: Uint8Array, from?: string): Promise<void> {
    const isUsable = from !== undefined && isIP(from) === (this.isIPv6 ? 6 : 4);
    await new Promise<void>((resolve) => socket.bind({ port: 0, address: isUsable ? from : undefined }, resolve));
    if (this.broadcast) socket.setBroadcast(true);
    await new Promise<void>((resolve, reject) =>
      socket.send(message, this.port, this.host, (error) => (error === null ? resolve() : reject(error))),
    );
  }

  /** @internal */
  protected exchangeSync(message: Uint8Array, timeoutMs: number): Uint8Array | undefined {
    const { host, port } = this;
    return askDatagramSync({ host, port, message, timeoutMs }, this.broadcast, this.isIPv6 ? 6 : 4);
  }

  override toString(): string {
    return `UDP registry ${this.host} port ${this.port}`;
  }
}
