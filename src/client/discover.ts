// From the name of a service to a connection, by way of a registry. Answers to discover, list_services and connect_by_service of
// rpyc/utils/factory.py.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import {
  ConnectError,
  codedError,
  DiscoveryError,
  EOFError,
  ForbiddenError,
  ProtocolError,
  TimeoutError,
} from '../errors.ts';
import { resolveSync } from '../native/ask.ts';
import type { Connection, SyncConnection } from '../protocol/connection.ts';
import { type Registrar, RegistryClient } from '../registry/client.ts';
import type { ServerAddress } from '../registry/messages.ts';
import { UDPRegistryClient } from '../registry/udp-client.ts';
import { type ConnectOptions, connect, connectSync } from './connect.ts';

/** How services are found. */
export interface DiscoverOptions {
  /** Only servers on this host: a name or an address. Default: on any. */
  host?: string | null;
  /** Whom to ask. Default: whichever registry answers a broadcast (`new UDPRegistryClient()`). */
  registrar?: Registrar;
  /** Seconds for the answer, without a `registrar` of yours, which has its own. Default 2. */
  timeout?: number;
}

/** How the names of services are found. */
export interface ListOptions {
  /** Only services with a server at this address. Default: all. */
  filterHost?: string | null;
  /** As {@link DiscoverOptions}'. */
  registrar?: Registrar;
  /** As {@link DiscoverOptions}'. */
  timeout?: number;
}

/** What `connectByService` takes: how to find a server, and how to connect to it. */
export interface ConnectByServiceOptions extends DiscoverOptions, ConnectOptions {}

/**
 * RPyC's `discover`: where a service is served, as `[host, port]` pairs; there is one at least.
 *
 *     for (const [host, port] of await rpyc.discover('calculator')) console.log(host, port);
 *
 * @throws {DiscoveryError} when the registry knows none, or no registry answers; {ConnectError} when the registry cannot be reached
 */
export async function discover(serviceName: string, options: DiscoverOptions = {}): Promise<ServerAddress[]> {
  const found = await registrarOf(options).discover(serviceName);
  const { host = null } = options;
  if (host === null) return checkFound(serviceName, found, found, options);
  const addresses = isIP(host) ? [host] : (await lookup(host, { all: true })).map(({ address }) => address);
  return checkFound(serviceName, found, onHost(found, addresses), options);
}

/** {@link discover} that blocks, with RPyC's registrars only. @throws as {@link discover}, {TypeError} for a registrar that cannot block */
export function discoverSync(serviceName: string, options: DiscoverOptions = {}): ServerAddress[] {
  const registrar = registrarOf(options);
  if (registrar.discoverSync === undefined) throw cannotBlock('discoverSync');
  const found = registrar.discoverSync(serviceName);
  const { host = null } = options;
  if (host === null) return checkFound(serviceName, found, found, options);
  return checkFound(serviceName, found, onHost(found, isIP(host) ? [host] : resolveSync(host)), options);
}

/**
 * RPyC's `list_services`: the names of all services that the registry knows, in upper case.
 * @throws {ForbiddenError} when the registry does not tell; else as {@link discover}
 */
export async function listServices(options: ListOptions = {}): Promise<string[]> {
  return checkListed(await registrarOf(options).list(options.filterHost));
}

/** {@link listServices} that blocks. @throws as {@link listServices}, {TypeError} for a registrar that cannot block */
export function listServicesSync(options: ListOptions = {}): string[] {
  const registrar = registrarOf(options);
  if (registrar.listSync === undefined) throw cannotBlock('listSync');
  return checkListed(registrar.listSync(options.filterHost));
}

/**
 * RPyC's `connect_by_service`: connects to the first server of a service that can be reached. Each has `connectTimeout` for itself.
 *
 *     const conn = await rpyc.connectByService('calculator');
 *
 * @throws {DiscoveryError} when there is none, its `errors` telling what each server answered; else as {@link discover} and {@link connect}
 */
export async function connectByService(
  serviceName: string,
  options: ConnectByServiceOptions = {},
): Promise<Connection> {
  const errors: Error[] = [];
  const found = await discover(serviceName, options);
  for (const [host, port] of found) {
    try {
      return await connect(host, port, options);
    } catch (error) {
      errors.push(unreachable(error));
    }
  }
  throw allDown(serviceName, found, errors);
}

/** {@link connectByService} that blocks, with calls that block. @throws as {@link connectByService}, {DeadlockError} for a server of the same thread */
export function connectByServiceSync(serviceName: string, options: ConnectByServiceOptions = {}): SyncConnection {
  const errors: Error[] = [];
  const found = discoverSync(serviceName, options);
  for (const [host, port] of found) {
    try {
      return connectSync(host, port, options);
    } catch (error) {
      errors.push(unreachable(error));
    }
  }
  throw allDown(serviceName, found, errors);
}

const registrarOf = ({ registrar, timeout }: DiscoverOptions | ListOptions): Registrar =>
  registrar ?? new UDPRegistryClient(undefined, timeout === undefined ? {} : { timeout });

const onHost = (found: readonly ServerAddress[], addresses: readonly string[]): ServerAddress[] =>
  found.filter(([host]) => addresses.includes(host));

function checkFound(
  name: string,
  all: readonly ServerAddress[],
  found: readonly ServerAddress[],
  { host, registrar }: DiscoverOptions,
): ServerAddress[] {
  if (found.length > 0) return [...found];
  const place = host === undefined || host === null ? '' : ` on ${host} (elsewhere: ${all.length})`;
  const asked = registrar instanceof RegistryClient ? registrar : 'the registry';
  throw new DiscoveryError(`no servers exposing ${JSON.stringify(name)} were found${place}: ${asked} knows none`);
}

function checkListed(names: readonly string[] | null): string[] {
  if (names !== null) return [...names];
  throw new ForbiddenError("the registry doesn't allow listing: it was started without allowListing");
}

/** The next server may do where this one is down, or no server of RPyC. @throws anything else: the caller's mistake */
function unreachable(error: unknown): Error {
  if (
    error instanceof ConnectError ||
    error instanceof TimeoutError ||
    error instanceof EOFError ||
    error instanceof ProtocolError
  )
    return error;
  throw error;
}

function allDown(name: string, found: readonly ServerAddress[], errors: readonly Error[]): DiscoveryError {
  const places = found.map((address) => address.join(' port ')).join(', ');
  return new DiscoveryError(`all servers exposing ${JSON.stringify(name)} are down: ${places}`, errors);
}

const cannotBlock = (method: string): Error =>
  codedError(
    new TypeError(`this registrar has no ${method}, and only that can block: use the awaited call`),
    'ERR_RPYC_BLOCKING_UNSUPPORTED',
  );
