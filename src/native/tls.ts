// TLS contexts of the engine, and what OpenSSL says is wrong in words for people. Owns the contexts. Which certificates and demands go into
// one is auth/tls.ts's business.
import { codedError, TlsError, type TlsReason } from '../errors.ts';
import { addon } from './load.ts';

/** What a context is made from: PEM texts and OpenSSL's notation, '' for none. */
export interface TlsSettings {
  server: boolean;
  cert: string;
  key: string;
  passphrase: string;
  ca: string;
  /** A colon-separated list; TLS 1.3's suites begin with `TLS_`. */
  ciphers: string;
  minVersion: 'TLSv1.2' | 'TLSv1.3';
  verify: 'none' | 'optional' | 'required';
  /** Is what is in `ca` trusted even if it is no root? */
  partialChain: boolean;
}

const VERIFY = { none: 0, optional: 2, required: 6 };
const VERSIONS = { 'TLSv1.2': 0x0303, 'TLSv1.3': 0x0304 };

/** Contexts that nobody can use any more are given up. */
const forgotten = new FinalizationRegistry<number>((id) => addon.tlsRelease(id));

export class TlsContext {
  private readonly id: number;

  /** @throws {TypeError} ERR_RPYC_TLS_CONFIG for what OpenSSL does not take, or where there is none */
  constructor(settings: TlsSettings) {
    const { server, cert, key, passphrase, ca, ciphers, minVersion, verify, partialChain } = settings;
    const lists = ciphers.split(':').filter((name) => name !== '');
    const isSuite = (name: string): boolean => name.startsWith('TLS_');
    this.id = configured(() =>
      addon.tlsContext(
        (server ? 1 : 0) | VERIFY[verify] | (partialChain ? 8 : 0),
        cert,
        key,
        passphrase,
        ca,
        lists.filter((name) => !isSuite(name)).join(':'),
        lists.filter(isSuite).join(':'),
        VERSIONS[minVersion],
      ),
    );
    forgotten.register(this, this.id);
  }

  /** A connected socket speaks TLS from here on. @throws as the constructor */
  start(handle: number, serverName: string, name: string): void {
    configured(() => addon.tlsStart(handle, this.id, serverName, name));
  }
}

function configured<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_RPYC_TLS_CONFIG') throw error;
    throw codedError(new TypeError(`TLS options: ${(error as Error).message}`), 'ERR_RPYC_TLS_CONFIG');
  }
}

/** X509_V_ERR_* numbers. */
const CERTIFICATES: Readonly<Record<number, [TlsReason, string] | undefined>> = {
  9: ['CERT_NOT_YET_VALID', 'is not valid yet'],
  10: ['CERT_HAS_EXPIRED', 'has expired'],
  23: ['CERT_REVOKED', 'was revoked'],
  62: ['CERT_NAME_MISMATCH', 'is for another name'],
  64: ['CERT_NAME_MISMATCH', 'is for another address'],
};
const UNTRUSTED = [2, 18, 19, 20, 21, 27, 28];

/** SSL_R_* numbers; 1000 and above: what the peer told in an alert, by its number. */
const ALERT = 1000;
const REFUSALS = [42, 43, 44, 45, 46, 48, 49, 116].map((alert) => ALERT + alert);
const FAULTS: Readonly<Record<number, [TlsReason, string] | undefined>> = {
  193: ['NO_COMMON_CIPHER', 'no cipher of its list is allowed here'],
  199: ['CERT_MISSING', 'it has no certificate, and one is demanded'],
  258: ['NO_COMMON_VERSION', 'its version of TLS is not allowed here'],
  1040: [
    'NO_COMMON_CIPHER',
    'it found nothing in what was offered that it accepts: no cipher, or no certificate where it demands one',
  ],
  1070: ['NO_COMMON_VERSION', 'it does not accept our version of TLS'],
  1071: ['NO_COMMON_CIPHER', 'it finds what was offered too weak'],
};

/** `lastError` and ERR_RPYC_TLS of the engine: `reason verify plain text`. */
const FORM = /^(\d+) (\d+) ([01]) (.*)$/s;

/**
 * What went wrong, as a {@link TlsError}; errors that are not TLS's stay as they are, but for a lost connection in the handshake.
 * @param phase the handshake is not over
 */
export function tlsError(error: NodeJS.ErrnoException, phase?: 'handshake'): Error {
  if (error.code === 'ERR_RPYC_TLS') return tlsFailure(error.message, phase);
  if (phase === 'handshake' && error.syscall !== undefined)
    return new TlsError(
      'HANDSHAKE_CLOSED',
      `the peer broke the connection off (${error.code}) during the TLS handshake`,
      {
        cause: error,
      },
    );
  return error;
}

/** The same from the engine's text. */
export function tlsFailure(told: string, phase?: 'handshake'): TlsError {
  const [, reason = '0', verify = '0', plain = '0', text = told] = FORM.exec(told) ?? [];
  const [name, sentence] = explain(Number(reason), Number(verify), plain === '1', phase);
  return new TlsError(name, text === '' || name === 'NOT_TLS' ? sentence : `${sentence} (${text})`);
}

function explain(reason: number, verify: number, plain: boolean, phase: 'handshake' | undefined): [TlsReason, string] {
  if (verify !== 0) {
    if (UNTRUSTED.includes(verify))
      return [
        'CERT_UNTRUSTED',
        "the peer's certificate was signed by nobody that is trusted here: name its authority with caFile or ca",
      ];
    const [name, text] = CERTIFICATES[verify] ?? ['CERT_INVALID', 'is not acceptable'];
    return [name, `the peer's certificate ${text}`];
  }
  if (plain) return ['NOT_TLS', 'the peer does not speak TLS: its first bytes are something else'];
  if (REFUSALS.includes(reason))
    return [
      'CERT_REFUSED',
      'the peer does not accept our certificate, or demands one and there is none (certfile and keyfile)',
    ];
  const known = FAULTS[reason];
  if (known !== undefined) return [known[0], `TLS with the peer is impossible: ${known[1]}`];
  if (phase === 'handshake' && reason === 0)
    return ['HANDSHAKE_CLOSED', 'the peer closed the connection during the TLS handshake'];
  return ['BROKEN', `TLS with the peer failed${phase === undefined ? '' : ' in the handshake'}`];
}
