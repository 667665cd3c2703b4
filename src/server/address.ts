// Where servers listen: from their options to what the engine takes.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Where } from '../native/socket.ts';
import { inheritedFd } from './inherited.ts';

/** Where a server listens; see ServerOptions. */
export interface ListeningOptions {
  hostname?: string;
  port?: number;
  ipv6?: boolean;
  socketPath?: string;
  backlog?: number;
  reuseAddr?: boolean;
  reusePort?: boolean;
  fd?: number;
  listenFds?: boolean | string;
}

/** Where a server listens. */
export interface ListeningAddress {
  /** Address, or path of the socket. */
  host: string;
  /** TCP port, 0 for a Unix socket. */
  port: number;
}

/** @throws {Error} before the server listens */
export function addressOf(where: readonly [host: string, port: number] | undefined): ListeningAddress {
  if (where === undefined) throw new Error('the server has not been started');
  const [host, port] = where;
  return { host, port };
}

/** @throws {RangeError} for a port or descriptor that is none, {TypeError} for options that contradict each other */
export function checkAddress({ port = 0, hostname, ipv6, socketPath, fd, listenFds }: ListeningOptions): void {
  if (fd !== undefined && !(Number.isInteger(fd) && fd >= 0 && fd < 2 ** 31))
    throw new RangeError(`fd is the number of a descriptor, not ${String(fd)}`);
  const inherits = fd !== undefined || (listenFds !== undefined && listenFds !== false);
  if (inherits && (hostname !== undefined || socketPath !== undefined || port !== 0 || (fd !== undefined && listenFds)))
    throw new TypeError(
      'fd and listenFds are sockets that listen already: leave out hostname, port and socketPath, and the other of the two',
    );
  if (!(Number.isInteger(port) && port >= 0 && port < 65_536))
    throw new RangeError(`port is between 0 and 65535, not ${port}`);
  if (ipv6 === true && hostname !== undefined && isIP(hostname) === 4)
    throw new TypeError(`ipv6 is true, and hostname is the IPv4 address ${hostname}: leave one of them out`);
}

/** Looks the name up. @throws a system error, ENOTFOUND for a name without an address */
export async function whereOf({
  ipv6 = false,
  hostname = ipv6 ? '::1' : '127.0.0.1',
  port = 0,
  socketPath,
  backlog = 511,
  reuseAddr = true,
  reusePort = false,
  fd,
  listenFds,
}: ListeningOptions): Promise<Where> {
  if (fd !== undefined) return { fd };
  if (listenFds !== undefined && listenFds !== false) return { fd: inheritedFd(listenFds) };
  if (socketPath !== undefined) return { path: socketPath, backlog };
  const address = isIP(hostname) ? hostname : (await lookup(hostname, ipv6 ? { family: 6 } : {})).address;
  return { address, port, backlog, reuseAddress: reuseAddr, reusePort, ipv6Only: false };
}
