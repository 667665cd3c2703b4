// TLS options, of both sides, to a context of the engine; and the peer's certificate. Answers to the `ssl` parts of rpyc/utils/factory.py and
// of rpyc/utils/authenticators.py.
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import * as tls from 'node:tls';
import { codedError } from '../errors.ts';
import type { Channel, Waits } from '../native/channel.ts';
import { TlsContext } from '../native/tls.ts';

/** What both ends of a TLS connection take. Certificates are PEM: files by their path, or texts. */
export interface TlsOptions {
  /** Path of our private key. */
  keyfile?: string;
  /** Path of our certificate, with those between it and its authority behind it. */
  certfile?: string;
  /** The private key itself, instead of `keyfile`. */
  key?: string | Uint8Array;
  /** The certificate itself, instead of `certfile`. */
  cert?: string | Uint8Array;
  /** What the key is encrypted with, if it is. */
  passphrase?: string;
  /** Path of the authorities whose certificates are accepted; a self-signed certificate is its own. RPyC's name is `ca_certs`. */
  caFile?: string;
  /** RPyC's name of `caFile`. */
  ca_certs?: string;
  /** The authorities themselves, instead of `caFile`. */
  ca?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** Ciphers, in OpenSSL's notation. Default: Node's. */
  ciphers?: string;
  /** The oldest version that is spoken. Default `'TLSv1.2'`. */
  minVersion?: 'TLSv1.2' | 'TLSv1.3';
}

/** What `sslConnect` takes of TLS. */
export interface TlsClientOptions extends TlsOptions {
  /**
   * `'required'`, the default: the server's certificate must come from an authority in `caFile` or `ca`, or from one of Node's own root
   * certificates where neither is given. `'none'`: any will do, so that anybody between may read and change everything.
   */
  verify?: 'none' | 'required';
  /** RPyC's name of `verify`, with Python's numbers as well: 0 is `ssl.CERT_NONE`, 2 `ssl.CERT_REQUIRED`. */
  cert_reqs?: 'none' | 'required' | 0 | 2;
  /** Must the certificate be for the host that was asked for? Default true. (RPyC's default is false.) */
  checkHostname?: boolean;
  /** Whom to ask for (SNI), and whose certificate to expect, where that is not `host`. */
  servername?: string;
}

/** What an `SslAuthenticator` takes. */
export interface TlsServerOptions extends TlsOptions {
  /**
   * What is demanded of clients: `'none'`, no certificate; `'optional'`, one of an authority in `caFile` or `ca` if any; `'required'`, one of
   * these. Default: `'required'` where there are authorities, else `'none'`, as RPyC has it.
   */
  verify?: 'none' | 'optional' | 'required';
  /** RPyC's name of `verify`, with Python's numbers as well: 0 is `ssl.CERT_NONE`, 1 `ssl.CERT_OPTIONAL`, 2 `ssl.CERT_REQUIRED`. */
  cert_reqs?: 'none' | 'optional' | 'required' | 0 | 1 | 2;
}

/** A certificate as Node's `getPeerCertificate()` gives it: `subject`, `issuer`, `subjectaltname`, `valid_from`, `valid_to`, `fingerprint256`, `raw` (DER) and more. */
export type PeerCertificate = tls.PeerCertificate;

const misconfigured = (text: string, options?: ErrorOptions): TypeError =>
  codedError(new TypeError(text, options), 'ERR_RPYC_TLS_CONFIG');

/** One of two names of the same thing. */
function either<T>(nameA: string, a: T | undefined, nameB: string, b: T | undefined): T | undefined {
  if (a !== undefined && b !== undefined)
    throw misconfigured(`${nameA} and ${nameB} are the same option: give one of them`);
  return a ?? b;
}

function file(name: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'latin1');
  } catch (cause) {
    throw misconfigured(`${name} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function pem(name: string, value: string | Uint8Array | undefined): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1');
  throw misconfigured(`${name} is a PEM text, or the bytes of one`);
}

/** Our certificate and key, and the authorities. */
function materials(options: TlsOptions): { cert: string; key: string; ca: string | undefined } {
  const { ca: given } = options;
  const list = given === undefined || typeof given === 'string' || given instanceof Uint8Array ? given : undefined;
  const texts =
    list === undefined && given !== undefined ? [...(given as readonly (string | Uint8Array)[])] : undefined;
  const caFile = file('caFile', either('caFile', options.caFile, 'ca_certs', options.ca_certs));
  const ca = either('ca', texts?.map((text) => pem('ca', text)).join('\n') ?? pem('ca', list), 'caFile', caFile);
  const cert = either('cert', pem('cert', options.cert), 'certfile', file('certfile', options.certfile));
  // RPyC's users keep both in one file.
  const key = either('key', pem('key', options.key), 'keyfile', file('keyfile', options.keyfile)) ?? cert;
  if (cert === undefined && key !== undefined)
    throw misconfigured('a key without its certificate: give certfile or cert');
  return { cert: cert ?? '', key: key ?? '', ca };
}

function common({ passphrase = '', ciphers = tls.DEFAULT_CIPHERS, minVersion = 'TLSv1.2' }: TlsOptions) {
  if (minVersion !== 'TLSv1.2' && minVersion !== 'TLSv1.3')
    throw misconfigured(`minVersion is 'TLSv1.2' or 'TLSv1.3', not ${String(minVersion)}`);
  return { passphrase, ciphers, minVersion };
}

const LEVELS = ['none', 'optional', 'required'] as const;

function level(
  options: TlsClientOptions | TlsServerOptions,
  allowed: readonly string[],
): (typeof LEVELS)[number] | undefined {
  const given = either<string | number>('verify', options.verify, 'cert_reqs', options.cert_reqs);
  if (given === undefined) return undefined;
  const found = typeof given === 'number' ? LEVELS[given] : LEVELS.find((name) => name === given);
  if (found === undefined || !allowed.includes(found))
    throw misconfigured(`verify is one of ${allowed.join(', ')}, not ${String(given)}`);
  return found;
}

/** Node's own authorities, and those that its user added, where Node tells them. */
function roots(): string {
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default') => string[] };
  return (getCACertificates?.('default') ?? tls.rootCertificates).join('\n');
}

/** How a client makes its connections secure: made once, used for each of them. */
export class ClientTls {
  private readonly context: TlsContext;
  private readonly serverName: string;
  private readonly name: string;

  /** @throws {TypeError} ERR_RPYC_TLS_CONFIG for options that cannot be */
  constructor(host: string, options: TlsClientOptions) {
    const verify = level(options, ['none', 'required']) ?? 'required';
    const { ca, ...ours } = materials(options);
    const { servername = host, checkHostname = true } = options;
    if (typeof servername !== 'string' || servername === '' || servername.length > 255)
      throw misconfigured('servername is a name of 1 to 255 characters');
    // What is an address is not asked for by name (RFC 6066), and a scope is no part of it.
    const name = servername.replace(/%.*$/, '');
    this.serverName = isIP(name) === 0 ? name : '';
    this.name = verify === 'required' && checkHostname ? name : '';
    this.context = new TlsContext({
      ...common(options),
      ...ours,
      server: false,
      verify,
      ca: ca ?? (verify === 'required' ? roots() : ''),
      partialChain: ca !== undefined,
    });
  }

  /** The server's certificate. */
  *secure(channel: Channel): Waits<PeerCertificate | null> {
    return certificate(yield* channel.secure(this.context, this.serverName, this.name));
  }
}

/** A server's context. @throws {TypeError} ERR_RPYC_TLS_CONFIG for options that cannot be */
export function serverContext(options: TlsServerOptions): TlsContext {
  const { ca, cert, key } = materials(options);
  if (cert === '')
    throw misconfigured('a TLS server needs its certificate and key: give certfile and keyfile, or cert and key');
  const verify = level(options, LEVELS) ?? (ca === undefined ? 'none' : 'required');
  if (verify !== 'none' && ca === undefined)
    throw misconfigured(`verify is ${verify}, and nobody is trusted to sign clients' certificates: give caFile or ca`);
  return new TlsContext({ ...common(options), cert, key, ca: ca ?? '', server: true, verify, partialChain: true });
}

/** The certificate in a DER, as Node shows it. */
export function certificate(der: Uint8Array | null): PeerCertificate | null {
  return der === null ? null : (new X509Certificate(der).toLegacyObject() as unknown as PeerCertificate);
}
