// Both halves of a shared secret: each side proves by HMAC-SHA256 over both sides' nonces that it knows it, without telling it. RPyC has no
// client half of an authenticator; the Python halves stand in docs/tls.md, which describes the bytes.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { AuthenticationError, EOFError } from '../errors.ts';
import type { Channel, Waits } from '../native/channel.ts';
import type { AuthChannel, AuthenticatorObject } from './authenticator.ts';

/** A secret: random bytes best, or a text, whose UTF-8 it is. 16 bytes at least. */
export type TokenSecret = string | Uint8Array;

/** What the option `token` of `connect` takes: the secret, with a name if the server knows several. */
export type Token =
  | TokenSecret
  | {
      /** What the server knows as well. */
      secret: TokenSecret;
      /** Whose secret it is: 255 bytes of UTF-8 at most. Default ''. */
      identity?: string;
    };

/** What a {@link TokenAuthenticator} takes. */
export interface TokenOptions {
  /** The secret of all clients, or a function that returns one's by its name, undefined for a name that it does not know. */
  secret: TokenSecret | ((identity: string) => TokenSecret | undefined | Promise<TokenSecret | undefined>);
}

/** Credentials of a client that knew the secret. */
export interface TokenCredentials {
  /** The name that it gave, '' for none. Where all clients share one secret, the name is only what it says. */
  identity: string;
}

const MAGIC = Buffer.from('RPYC');
const VERSION = 1;
const NONCE = 32;
const MAC = 32;
const MAX_IDENTITY = 255;
const MIN_SECRET = 16;
const MAX_SECRET = 64 * 1024;
const GRANTED = 1;
const DENIED = 0;

function keyOf(secret: TokenSecret): Uint8Array {
  const isBytes = secret instanceof Uint8Array;
  // The value itself stays out of the message.
  if (!isBytes && typeof secret !== 'string') throw new TypeError('secret is a text or a Uint8Array');
  const key = isBytes ? secret : Buffer.from(secret, 'utf8');
  if (key.byteLength < MIN_SECRET || key.byteLength > MAX_SECRET)
    throw new RangeError(
      `secret is of ${MIN_SECRET} to ${MAX_SECRET} bytes, not of ${key.byteLength}: who listens could guess a short one (crypto.randomBytes(32) makes a good one)`,
    );
  return key;
}

/** The proof of one side. The role in it keeps one side's from being sent back as the other's. */
function proof(
  key: Uint8Array,
  role: 'client' | 'server',
  own: Uint8Array,
  other: Uint8Array,
  identity: Uint8Array,
): Buffer {
  const mac = createHmac('sha256', key);
  for (const part of [`rpyc-token-${VERSION} ${role}\0`, own, other, identity]) mac.update(part);
  return mac.digest();
}

/** What a client proves itself with. */
export class ClientToken {
  readonly #key: Uint8Array;
  private readonly identity: Buffer;

  /** @throws {RangeError} or {TypeError} for a secret or a name that cannot be */
  constructor(token: Token) {
    const { secret, identity = '' } =
      typeof token === 'string' || token instanceof Uint8Array ? { secret: token } : token;
    this.#key = keyOf(secret);
    if (typeof identity !== 'string' || Buffer.byteLength(identity) > MAX_IDENTITY)
      throw new RangeError(`identity is a text of ${MAX_IDENTITY} bytes at most`);
    this.identity = Buffer.from(identity, 'utf8');
  }

  /** The client's half. @throws {AuthenticationError} where the server refuses, does not know the secret, or asks for no token */
  *prove(channel: Channel): Waits<void> {
    const hello = yield* channel.read(MAGIC.length + 1 + NONCE);
    if (!hello.subarray(0, MAGIC.length).equals(MAGIC))
      throw new AuthenticationError('the server does not ask for a token: it begins with something else');
    if (hello[MAGIC.length] !== VERSION)
      throw new AuthenticationError(
        `the server asks for a token of version ${hello[MAGIC.length]}, and ${VERSION} is known here`,
      );
    const theirs = hello.subarray(MAGIC.length + 1);
    const ours = randomBytes(NONCE);
    const head = Buffer.from([VERSION, this.identity.length]);
    const mine = proof(this.#key, 'client', ours, theirs, this.identity);
    yield* channel.write(Buffer.concat([head, ours, mine, this.identity]));
    const verdict = yield* this.verdict(channel);
    if (verdict[0] !== GRANTED) throw new AuthenticationError('the server refused the token');
    if (!timingSafeEqual(verdict.subarray(1), proof(this.#key, 'server', theirs, ours, this.identity)))
      throw new AuthenticationError(
        'the server let us in without knowing the secret: it is not the one that it should be',
      );
  }

  private *verdict(channel: Channel): Waits<Buffer> {
    try {
      return yield* channel.read(1 + MAC);
    } catch (error) {
      if (!(error instanceof EOFError)) throw error;
      throw new AuthenticationError('the server closed the connection over the token', { cause: error });
    }
  }
}

/**
 * Lets clients in that know a secret; they, too, learn whether the server knows it. Clients come with the option `token` of `connect` and its
 * relatives. The bytes that follow are neither encrypted nor protected by it: put an `SslAuthenticator` before it where others may touch them.
 *
 *     new rpyc.Server(Calculator, { port: 18861, authenticator: new rpyc.TokenAuthenticator({ secret: process.env.RPYC_SECRET }) });
 */
export class TokenAuthenticator implements AuthenticatorObject {
  private readonly keyFor: (identity: string) => Promise<Uint8Array | undefined>;

  /** @throws {RangeError} or {TypeError} for a secret that cannot be */
  constructor({ secret }: TokenOptions) {
    if (typeof secret === 'function')
      this.keyFor = async (identity) => {
        const found = await secret(identity);
        return found === undefined ? undefined : keyOf(found);
      };
    else {
      const key = keyOf(secret);
      this.keyFor = async () => key;
    }
  }

  /** The server's half. @throws {AuthenticationError} for a client that does not know the secret */
  async authenticate(channel: AuthChannel): Promise<TokenCredentials> {
    const ours = randomBytes(NONCE);
    await channel.write(Buffer.concat([MAGIC, [VERSION], ours].map((part) => Buffer.from(part))));
    // Byte by byte: a client that speaks RPyC at once waits for an answer, and will not send as many as a proof has.
    const [version] = await channel.read(1);
    if (version !== VERSION)
      throw new AuthenticationError(`the client sent no token of version ${VERSION}: its first byte is ${version}`);
    const [length = 0] = await channel.read(1);
    const answer = await channel.read(NONCE + MAC + length);
    const theirs = answer.subarray(0, NONCE);
    const identity = answer.subarray(NONCE + MAC);
    const name = identity.toString('utf8');
    const key = await this.keyFor(name);
    // An unknown name costs as much as a wrong secret.
    const expected = proof(key ?? randomBytes(MIN_SECRET), 'client', theirs, ours, identity);
    const known = timingSafeEqual(answer.subarray(NONCE, NONCE + MAC), expected) && key !== undefined;
    if (!known) {
      await channel.write(Buffer.alloc(1 + MAC, DENIED));
      throw new AuthenticationError(
        `the client does not know the secret${name === '' ? '' : ` of ${JSON.stringify(name)}`}`,
      );
    }
    await channel.write(Buffer.concat([Buffer.from([GRANTED]), proof(key, 'server', ours, theirs, identity)]));
    return { identity: name };
  }
}
