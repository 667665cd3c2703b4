// Options of a server that go to where its connections are served: child processes, worker threads. Functions do not.
import { serialize } from 'node:v8';
import type { ServerOptions } from './server.ts';

/**
 * Options of the connections alone, without those of listening.
 * @param whom for the message: 'the workers of a WorkerPoolServer'
 * @throws {TypeError} that names what cannot be copied
 */
export function connectionOptions(options: ServerOptions, whom: string): ServerOptions {
  const {
    logger,
    hostname,
    port,
    ipv6,
    socketPath,
    fd,
    listenFds,
    backlog,
    reuseAddr,
    reusePort,
    maxConnections,
    acceptRate,
    registrar,
    autoRegister,
    ...rest
  } = options;
  if (rest.authenticator !== undefined)
    throw new TypeError(
      `authenticator cannot be copied to ${whom}: export it from the service module, under that name`,
    );
  const config = rest.config ?? rest.protocolConfig ?? {};
  for (const [name, value] of [...Object.entries(rest), ...Object.entries(config)]) {
    if (value === config) continue;
    try {
      serialize(value);
    } catch (cause) {
      throw new TypeError(
        `${name} cannot be copied to ${whom}: ${(cause as Error).message}. Set it in the service module, or leave it out`,
        { cause },
      );
    }
  }
  return logger === null ? { ...rest, logger } : rest;
}
