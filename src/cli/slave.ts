// The service module of `rpyc_classic`, for the processes that serve it: RPyC's SlaveService; and, where its URL names the files of a
// certificate, who is let in.
import { SslAuthenticator } from '../auth/authenticator.ts';
import type { TlsServerOptions } from '../auth/tls.ts';

export { SlaveService as default } from '../service/classic.ts';

const files = Object.fromEntries(new URL(import.meta.url).searchParams) as TlsServerOptions;

export const authenticator: SslAuthenticator | undefined =
  Object.keys(files).length === 0 ? undefined : new SslAuthenticator(files);
