// Asking a registry over TCP. Answers to TCPRegistryClient of rpyc/utils/registry.py.
import { createConnection, isIP, type Socket } from 'node:net';
import { askStreamSync } from '../native/ask.ts';
import { type RegisterOptions, RegistryClient, type RegistryClientOptions } from './client.ts';
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
    options: RegisterOptions = {},
  ): Promise<T | undefined> {
    return this.dial(options, (socket, finish) => {
      let answer = Buffer.alloc(0);
      socket.on('connect', () => socket.write(message));
      socket.on('data', (chunk) => {
        answer = Buffer.concat([answer, chunk]);
        const accepted = accept(answer);
        if (accepted !== undefined || answer.length > MAX_LIST) finish(accepted);
      });
    });
  }

  /** @internal */
  protected async tell(message: Uint8Array, options: RegisterOptions = {}): Promise<void> {
    const isSent = await this.dial<true>(options, (socket, finish) => {
      socket.on('connect', () => socket.end(message, () => finish(true)));
    });
    if (isSent !== true) throw new Error(`no connection within ${this.timeoutMs / 1000} s`);
  }

  /** A connection until `finish`, which is called at its end, when the time is over, or by the signal as well. @throws a system error */
  private dial<T>(
    { interface: from, signal }: RegisterOptions,
    use: (socket: Socket, finish: (result?: T) => void) => void,
  ): Promise<T | undefined> {
    const local =
      from === undefined || isIP(from) === 0 || from === '0.0.0.0' || from === '::'
        ? {}
        : { localAddress: from, family: isIP(from) };
    const socket = createConnection({ host: this.host, port: this.port, noDelay: true, ...local });
    return new Promise<T | undefined>((resolve, reject) => {
      const giveUp = (): void => finish();
      const timer = setTimeout(giveUp, this.timeoutMs);
      const over = (): void => {
        clearTimeout(timer);
        // A server asks for as long as it lives, with the same signal.
        signal?.removeEventListener('abort', giveUp);
      };
      const finish = (result?: T): void => {
        over();
        socket.destroy();
        resolve(result);
      };
      signal?.addEventListener('abort', giveUp);
      socket.on('error', (error) => {
        over();
        reject(error);
      });
      socket.on('close', () => finish());
      use(socket, finish);
    });
  }

  /** @internal */
  protected exchangeSync(message: Uint8Array, timeoutMs: number): Uint8Array | undefined {
    return askStreamSync({ host: this.host, port: this.port, message, timeoutMs });
  }

  override toString(): string {
    return `TCP registry ${this.host} port ${this.port}`;
  }
}
