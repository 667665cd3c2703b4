// Which peer a command means: `host:port`, `[::1]:port`, `unix:/path`; and connecting to it, with the options that all clients have.
import type { TlsClientOptions } from '../auth/tls.ts';
import * as factory from '../client/connect.ts';
import { describeTarget } from '../native/socket.ts';
import type { Connection, SyncConnection } from '../protocol/connection.ts';
import type { Arguments, Option } from './command.ts';
import { UsageError } from './exit.ts';
import { clientTls, SSL_CLIENT_OPTIONS } from './tls.ts';

export type Target = { readonly host: string; readonly port: number } | { readonly path: string };

/** A host and a port: IPv6 addresses in brackets. */
const HOST_PORT = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^:[\]\s]+)):(\d{1,5})$/;

/** @param low the lowest port: 0 is any free one, for a listener @throws {UsageError} */
export function parseTarget(text: string, low = 1): Target {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (path === '') throw new UsageError('unix: needs the path of a socket: unix:/run/calc.sock');
    return { path };
  }
  const match = HOST_PORT.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port < low || port > 65_535)
    throw new UsageError(`'${text}' is no address: write host:port, [ipv6]:port or unix:/path`);
  return { host: match[1] ?? match[2], port };
}

export const describe = (target: Target): string => `${'path' in target ? 'unix:' : ''}${describeTarget(target)}`;

/** What all clients among the commands take. */
export const CLIENT_OPTIONS: Readonly<Record<string, Option>> = {
  timeout: { value: 'SECONDS', help: 'for connecting, and for each answer (default 30)' },
  protocol: {
    value: '5|6',
    choices: ['5', '6'],
    help: 'wire version, where it cannot be found out: RPyC 4.1 to 5.x speak 5',
  },
  ...SSL_CLIENT_OPTIONS,
};

/** Seconds that an answer may take. */
export const timeoutOf = (args: Arguments): number => args.number('timeout', 0.001, 86_400) ?? 30;

function optionsOf(args: Arguments): factory.ConnectOptions {
  const timeout = timeoutOf(args);
  const protocol = args.text('protocol');
  return {
    connectTimeout: timeout,
    config: { sync_request_timeout: timeout },
    ...(protocol === undefined ? {} : { protocol: protocol === '5' ? 5 : 6 }),
  };
}

/** @throws {ConnectError} and what else `connect` throws */
export async function connect(target: Target, args: Arguments): Promise<Connection> {
  const options = optionsOf(args);
  const tls = tlsTo(target, args);
  if ('path' in target) return factory.unixConnect(target.path, options);
  return tls === undefined
    ? factory.connect(target.host, target.port, options)
    : factory.sslConnect(target.host, target.port, { ...options, ...tls });
}

/** `connect` that blocks. */
export function connectSync(target: Target, args: Arguments): SyncConnection {
  const options = optionsOf(args);
  const tls = tlsTo(target, args);
  if ('path' in target) return factory.unixConnectSync(target.path, options);
  return tls === undefined
    ? factory.connectSync(target.host, target.port, options)
    : factory.sslConnectSync(target.host, target.port, { ...options, ...tls });
}

/** @throws {UsageError} for TLS over a Unix socket */
function tlsTo(target: Target, args: Arguments): TlsClientOptions | undefined {
  const tls = clientTls(args);
  if (tls !== undefined && 'path' in target) throw new UsageError('--ssl is for hosts, not for unix: sockets');
  return tls;
}
