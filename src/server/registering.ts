// A server's options about registries, and the entry that comes of them. Answers to the registrar of Server in rpyc/utils/server.py.
import type { Logger } from '../policy/logger.ts';
import type { Registrar } from '../registry/client.ts';
import { Registration } from '../registry/registration.ts';
import { UDPRegistryClient } from '../registry/udp-client.ts';
import type { Service, ServiceSource } from '../service/service.ts';

/** How a server makes itself known. */
export interface RegisteringOptions {
  /** Where the server registers. Default: a `new UDPRegistryClient()`, used only with `autoRegister`. */
  registrar?: Registrar;
  /**
   * Register the names of the service (`static ALIASES`, or the name of its class) when the server starts, again every 60 s, and unregister
   * when it closes or drains. What fails is logged. Default: whether a `registrar` is given.
   */
  autoRegister?: boolean;
}

/** @throws {TypeError} for a registrar that is none, or a server that no registry could name */
export function checkRegistering(options: RegisteringOptions & { socketPath?: string }): void {
  const { registrar, socketPath } = options;
  if (
    registrar !== undefined &&
    !(typeof registrar?.register === 'function' && typeof registrar.unregister === 'function')
  )
    throw new TypeError('registrar is a UDPRegistryClient, a TCPRegistryClient, or an object with their methods');
  if (socketPath !== undefined && isRegistering(options))
    throw new TypeError('a server on a Unix socket cannot be registered: a registry names hosts and ports');
}

/** Is a server with these options to register? */
export const isRegistering = ({ registrar, autoRegister = registrar !== undefined }: RegisteringOptions): boolean =>
  autoRegister;

/** The names under which registries know a service. */
export const namesOf = (service: ServiceSource): string[] =>
  ((typeof service === 'function' ? service : service.constructor) as typeof Service).serviceAliases();

/** Begins to register a server that listens. */
export function register(
  names: readonly string[],
  [host, port]: readonly [string, number],
  { registrar }: RegisteringOptions,
  logger: Logger | null,
): Registration {
  return new Registration(registrar ?? new UDPRegistryClient(undefined, { logger }), { names, host, port }, logger);
}
