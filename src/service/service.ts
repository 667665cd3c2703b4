// Services: what a side offers to its peer. Answers to rpyc/core/service.py.
import type { Connection, LocalRoot } from '../protocol/connection.ts';
import { exceptions } from '../python/exceptions.ts';
import type { Face } from '../refs/face.ts';

/**
 * Base class of services: what a side offers to its peer. Methods named `exposed_…`, names in `static exposed`, and members marked
 * `@exposed` are offered; nothing else is. Methods may be async; what they throw goes to the caller. Answers to `Service` in rpyc/core/service.py.
 *
 *     class Calculator extends rpyc.Service {
 *       exposed_add(a, b) { return a + b; }
 *     }
 */
export class Service {
  /** Names under which a registry knows the service; by default the class name without `Service`, in upper case. */
  static readonly ALIASES: readonly string[] = [];
  /** Names of members to expose, for plain JavaScript: `static exposed = ['add']`. */
  static readonly exposed: readonly string[] = [];
  /**
   * Members whose results are sent by value, and classes whose instances may be: `static byValue = ['rows', Row]`. See `asValue` for what
   * becomes of containers; Python receives an object as a tuple of pairs.
   */
  static readonly byValue: readonly unknown[] = [];
  /** Offer `exposed_getUser` as `get_user` as well. */
  static readonly snakeCase: boolean = false;
  /** How references that enter the methods answer: awaitable, or blocking. */
  static readonly face: Face = 'async';

  /** The connection is made. A promise holds back the peer's first request until it settles; a rejection closes the connection. */
  onConnect(_conn: Connection): void | Promise<void> {}

  /** The connection is over. Nothing can be sent any more. */
  onDisconnect(_conn: Connection): void | Promise<void> {}

  /** RPyC's names of the service. */
  static serviceAliases(): string[] {
    if (this.ALIASES.length > 0) return this.ALIASES.map((alias) => alias.toUpperCase());
    return [this.name.toUpperCase().replace(/SERVICE$/, '')];
  }

  /** The first alias. */
  static serviceName(): string {
    return this.serviceAliases()[0];
  }

  /** What RPyC's `root.get_service_aliases()` answers. */
  exposed_get_service_aliases(): readonly string[] {
    return Object.freeze((this.constructor as typeof Service).serviceAliases());
  }

  /** What RPyC's `root.get_service_name()` answers. */
  exposed_get_service_name(): string {
    return (this.constructor as typeof Service).serviceName();
  }

  /** A peer never writes to a service, whatever the configuration. */
  _rpyc_setattr(_name: string, _value: unknown): void {
    throw new exceptions.AttributeError('access denied');
  }

  /** A peer never deletes from a service, whatever the configuration. */
  _rpyc_delattr(_name: string): void {
    throw new exceptions.AttributeError('access denied');
  }
}

/** RPyC's `VoidService`, the default of clients: offers nothing. */
export class VoidService extends Service {}

/** A service class (one instance per connection) or an instance (shared by all). */
export type ServiceSource = (new () => Service) | Service;

/** Is it what a server can serve? */
export const isService = (value: unknown): value is ServiceSource =>
  value instanceof Service || (typeof value === 'function' && value.prototype instanceof Service);

interface PythonNamed {
  on_connect?(conn: Connection): void | Promise<void>;
  on_disconnect?(conn: Connection): void | Promise<void>;
}

/** The local root of one connection. RPyC's own `on_connect` and `on_disconnect` are called as well, for ported code. */
export function rootOf(source: ServiceSource): LocalRoot {
  const service: Service & PythonNamed = typeof source === 'function' ? new source() : source;
  if (!(service instanceof Service))
    throw new TypeError('a service is a subclass of rpyc.Service, or an instance of one');
  return {
    object: service,
    face: (service.constructor as typeof Service).face,
    connected: (conn) => (service.on_connect === undefined ? service.onConnect(conn) : service.on_connect(conn)),
    disconnected: (conn) =>
      service.on_disconnect === undefined ? service.onDisconnect(conn) : service.on_disconnect(conn),
  };
}
