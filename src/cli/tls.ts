// The TLS options of commands, by RPyC's names: of servers, and of clients. Answers to --ssl-* of rpyc/cli/rpyc_classic.py.
import { SslAuthenticator } from '../auth/authenticator.ts';
import type { TlsClientOptions } from '../auth/tls.ts';
import type { Arguments, Option } from './command.ts';
import { UsageError } from './exit.ts';

/** Of a server: without a certificate it speaks no TLS. */
export const SSL_SERVER_OPTIONS: Readonly<Record<string, Option>> = {
  'ssl-keyfile': { value: 'FILE', help: 'speak TLS: the private key' },
  'ssl-certfile': { value: 'FILE', help: 'its certificate' },
  'ssl-cafile': { value: 'FILE', help: "authorities of clients' certificates, which are demanded then" },
};

/** Of a client. */
export const SSL_CLIENT_OPTIONS: Readonly<Record<string, Option>> = {
  ssl: { help: "speak TLS; the server's certificate must be of an authority that Node trusts, and for that host" },
  'ssl-cafile': { value: 'FILE', help: 'authorities to trust instead' },
  'ssl-keyfile': { value: 'FILE', help: 'our private key, where the server demands a certificate' },
  'ssl-certfile': { value: 'FILE', help: 'its certificate' },
  'ssl-insecure': { help: 'accept any certificate: whoever is between can read and change everything' },
};

/** A type and no interface, so that it is a record of texts as well. */
type Files = { keyfile?: string; certfile?: string; caFile?: string };

/** @throws {UsageError} for a key without its certificate */
function filesOf(args: Arguments): Files {
  const [keyfile, certfile, caFile] = ['ssl-keyfile', 'ssl-certfile', 'ssl-cafile'].map((name) => args.text(name));
  if ((keyfile === undefined) !== (certfile === undefined))
    throw new UsageError('--ssl-keyfile and --ssl-certfile need each other');
  return {
    ...(keyfile === undefined ? {} : { keyfile }),
    ...(certfile === undefined ? {} : { certfile }),
    ...(caFile === undefined ? {} : { caFile }),
  };
}

/** What a server needs of TLS; undefined: it speaks none. @throws {UsageError} */
export function serverFiles(args: Arguments): Files | undefined {
  const files = filesOf(args);
  if (files.keyfile !== undefined) return files;
  if (files.caFile !== undefined) throw new UsageError('--ssl-cafile needs --ssl-keyfile and --ssl-certfile');
  return undefined;
}

/** The authenticator of a server; undefined: it speaks no TLS. @throws {UsageError}; {TypeError} for files that cannot be used */
export function authenticatorOf(args: Arguments): SslAuthenticator | undefined {
  const files = serverFiles(args);
  return files === undefined ? undefined : new SslAuthenticator(files);
}

/** How a client speaks TLS; undefined: it does not. @throws {UsageError} */
export function clientTls(args: Arguments): TlsClientOptions | undefined {
  const files = filesOf(args);
  const insecure = args.has('ssl-insecure');
  if (!args.has('ssl') && !insecure && Object.keys(files).length === 0) return undefined;
  if (insecure && files.caFile !== undefined)
    throw new UsageError('--ssl-insecure accepts any certificate, --ssl-cafile does not: leave one out');
  return insecure ? { ...files, verify: 'none', checkHostname: false } : files;
}
