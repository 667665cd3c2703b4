// Where servers listen: from their options to what the engine takes.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Where } from '../native/socket.ts';

/** Where a server listens; see ServerOptions. */
export interface ListeningOptions {
  hostname?: string;
  port?: number;
  ipv6?: boolean;
  socketPath?: string;
  backlog?: number;
  reuseAddr?: boolean;
  reusePort?: boolean;
}

/** @throws {RangeError} for a port that is none, {TypeError} for an IPv4 address that is to be IPv6 */
export function checkAddress({ port = 0, hostname, ipv6 }: ListeningOptions): void {
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
}: ListeningOptions): Promise<Where> {
  if (socketPath !== undefined) return { path: socketPath, backlog };
  const address = isIP(hostname) ? hostname : (await lookup(hostname, ipv6 ? { family: 6 } : {})).address;
  return { address, port, backlog, reuseAddress: reuseAddr, reusePort, ipv6Only: false };
}
