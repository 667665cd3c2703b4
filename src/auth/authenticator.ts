// Who may come in: what a server's option `authenticator` is, the channel that it is given, and TLS as one. Answers to
// rpyc/utils/authenticators.py.
import { AuthenticationError, TlsError } from '../errors.ts';
import type { Channel, Waits } from '../native/channel.ts';
import type { Address } from '../native/peer.ts';
import type { TlsContext } from '../native/tls.ts';
import { certificate, type PeerCertificate, serverContext, type TlsServerOptions } from './tls.ts';

/** A client that is not served yet, as an authenticator sees it: its bytes, before RPyC's. What is not read here is RPyC's. */
export class AuthChannel {
  /** Address and port of the client; of a Unix socket its path and 0. */
  readonly peerAddress: readonly [string, number];
  /** Where the client connected to. */
  readonly localAddress: readonly [string, number];
  private readonly channel: Channel;
  private peer: PeerCertificate | null = null;
  private open = true;

  /** @internal */
  constructor(channel: Channel, peerAddress: Address, localAddress: Address) {
    this.channel = channel;
    this.peerAddress = peerAddress;
    this.localAddress = localAddress;
  }

  /** The client's certificate, if it has shown one to an `SslAuthenticator` before. */
  get certificate(): PeerCertificate | null {
    return this.peer;
  }

  /** Exactly `length` bytes, 1 MiB at most, and none behind them. @throws {EOFError} where there are fewer, {TlsError} */
  read(length: number): Promise<Buffer> {
    return this.run(this.channel.read(length));
  }

  /** Resolves when all of it has left. */
  write(bytes: Uint8Array): Promise<void> {
    return this.run(this.channel.write(bytes));
  }

  /** Speaks TLS from here on. @internal */
  async secure(context: TlsContext): Promise<PeerCertificate | null> {
    this.peer = certificate(await this.run(this.channel.secure(context, '', '')));
    return this.peer;
  }

  private run<T>(waits: Waits<T>): Promise<T> {
    if (!this.open) return Promise.reject(new TypeError('the authenticator has ended: its channel is closed'));
    return this.channel.run(waits);
  }

  /** Ends what is under way by `error`; nothing can be begun any more. @internal */
  end(error: Error): void {
    this.open = false;
    this.channel.cancel(error);
  }
}

/**
 * Decides about a client: returns its credentials (anything; `conn.credentials` is what it was), or throws, best an
 * {@link AuthenticationError}. All of it may take `handshakeTimeout`.
 */
export type AuthenticatorFunction = (channel: AuthChannel) => unknown;

/** An authenticator that is an object: {@link SslAuthenticator}, {@link TokenAuthenticator}, or one of your own. */
export interface AuthenticatorObject {
  /** As {@link AuthenticatorFunction}. */
  authenticate(channel: AuthChannel): unknown;
}

/** What the option `authenticator` of a server takes. */
export type Authenticator = AuthenticatorFunction | AuthenticatorObject;

/**
 * The authenticators of a server, in their order.
 * @throws {TypeError} for anything that is none
 */
export function authenticatorsOf(
  given: Authenticator | readonly Authenticator[] | undefined,
): readonly AuthenticatorFunction[] {
  if (given === undefined) return [];
  const list: readonly Authenticator[] = Array.isArray(given) ? given : [given];
  if (list.length === 0) throw new TypeError('authenticator is an empty list: leave it out to let everybody in');
  return list.map((one) => {
    if (typeof one === 'function') return one;
    if (typeof one?.authenticate === 'function') return (channel) => one.authenticate(channel);
    throw new TypeError('authenticator is a function, an object with a method authenticate, or a list of these');
  });
}

/** What `authenticators` say about a client: one's credentials, or a list of all. @throws what they throw */
export async function authenticate(
  authenticators: readonly AuthenticatorFunction[],
  channel: AuthChannel,
): Promise<unknown> {
  const credentials: unknown[] = [];
  for (const authenticator of authenticators) credentials.push(await authenticator(channel));
  return credentials.length === 1 ? credentials[0] : credentials;
}

/**
 * RPyC's `SSLAuthenticator`: the server speaks TLS, and a client's certificate, where one is demanded, is its credentials (null where it has
 * none). Clients come with `sslConnect`, Python's with `rpyc.ssl_connect`.
 *
 *     new rpyc.Server(Calculator, {
 *       port: 18871,
 *       authenticator: new rpyc.SslAuthenticator({ certfile: 'server.crt', keyfile: 'server.key', caFile: 'clients.crt' }),
 *     });
 */
export class SslAuthenticator implements AuthenticatorObject {
  private readonly context: TlsContext;

  /** Reads the files. @throws {TypeError} ERR_RPYC_TLS_CONFIG for what cannot be */
  constructor(options: TlsServerOptions) {
    this.context = serverContext(options);
  }

  /** The client's certificate. @throws {AuthenticationError} with a {@link TlsError} as its cause */
  async authenticate(channel: AuthChannel): Promise<PeerCertificate | null> {
    try {
      return await channel.secure(this.context);
    } catch (error) {
      if (error instanceof TlsError) throw new AuthenticationError(error.message, { cause: error });
      throw error;
    }
  }
}
