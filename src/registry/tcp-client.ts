// Asking a registry over TCP. Answers to TCPRegistryClient of rpyc/utils/registry.py.
import { createConnection, isIP } from 'node:net';
import { askStreamSync } from '../native/ask.ts';
import { RegistryClient, type RegistryClientOptions } from './client.ts';
import { MAX_LIST } from './messages.ts';

/**
 * RPyC's `TCPRegistryClient`.
 *
 *     const registrar = new rpyc.TCPRegistryClient('registry.example.org');
 *     await rpyc.discover('calculator', { registrar });
 */
export class TCPRegistryClient extends RegistryClient {
  /** @throws {RangeError} or {TypeError} for an option that cannot be */
  constructor(host: string, options: RegistryClientOptions = {}) {
    super(host, options);
  }

  /** @internal */
  protected exchange<T>(
    message: Uint8Array,
    accept: (answer: Uint8Array) => T | undefined,
    from?: string,
  ): Promise<T | undefined> {
    const local =
      from === undefined || isIP(from) === 0 || from === '0.0.0.0' || from === '::'
        ? {}
        : { localAddress: from, family: isIP(from) };
    const socket = createConnection({ host: this.host, port: this.port, noDelay: true, ...local });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => finish(undefined), this.timeoutMs);
      const finish = (result: T | undefined): void => {
        clearTimeout(timer);
        socket.destroy();
        resolve(result);
      };
      let answer = Buffer.alloc(0);
      socket.on('error', (error) => {
        clearTimeout(timer);
        reject(error);
      });
      socket.on('connect', () => socket.write(message));
      socket.on('data', (chunk) => {
        answer = Buffer.concat([answer, chunk]);
        const accepted = accept(answer);
        if (accepted !== undefined || answer.length > MAX_LIST) finish(accepted);
      });
      socket.on('close', () => finish(undefined));
    });
  }

  /** Until the registry has answered: a connection that is closed before is none. @internal */
  protected async tell(message: Uint8Array, from?: string): Promise<void> {
    await this.exchange(message, () => true, from);
  }

  /** @internal */
  protected exchangeSync(message: Uint8Array, timeoutMs: number): Uint8Array | undefined {
    return askStreamSync({ host: this.host, port: this.port, message, timeoutMs });
  }

  override toString(): string {
    return `TCP registry ${this.host} port ${this.port}`;
  }
}
