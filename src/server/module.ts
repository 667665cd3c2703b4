// Service modules: a file whose default export is a Service class, or a function that makes one, for servers that load it elsewhere.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Authenticator } from '../auth/authenticator.ts';
import { isService, type Service, type ServiceSource } from '../service/service.ts';

const EXPECTED = 'a subclass of rpyc.Service, an instance of one, or a function that returns one of these';

/** The URL of a module that was given as a URL or a path. @throws {TypeError} for anything else */
export function urlOf(module: URL | string): string {
  if (module instanceof URL) return module.href;
  if (typeof module !== 'string' || module === '')
    throw new TypeError("the service module is a URL or a path: new URL('./service.js', import.meta.url)");
  return /^[a-z][a-z+]+:/i.test(module) ? module : pathToFileURL(resolve(module)).href;
}

interface Spaced {
  exposed_namespace?: unknown;
  namespace?: unknown;
}

/**
 * The service that a module exports, with `args` in its namespace: in `exposed_namespace`, or in `namespace` (that of a slave), which is a Map
 * or an object. As `connect_multiprocess` does it in rpyc/utils/factory.py.
 * @throws as `loadService`; {TypeError} where it has neither
 */
export async function loadServiceWith(url: string, args: Record<string, unknown> | undefined): Promise<ServiceSource> {
  const loaded = await loadService(url);
  if (args === undefined || Object.keys(args).length === 0) return loaded;
  // One connection, one instance.
  const service: Service & Spaced = typeof loaded === 'function' ? new loaded() : loaded;
  const space = service.exposed_namespace ?? service.namespace;
  if (space instanceof Map) for (const [name, value] of Object.entries(args)) space.set(name, value);
  else if (typeof space === 'object' && space !== null) Object.assign(space, args);
  else throw new TypeError(`args need a service with an exposed_namespace (a Map or an object), which ${url} lacks`);
  return service;
}

/**
 * The service that a module exports.
 * @param context is told to the function that it exports
 * @throws what the module throws, {TypeError} where its default export is none
 */
export async function loadService(url: string, context?: unknown): Promise<ServiceSource> {
  const exported = ((await load(url)) as { default?: unknown }).default;
  if (isService(exported)) return exported;
  if (typeof exported === 'function' && !/^class\b/.test(Function.prototype.toString.call(exported))) {
    const made: unknown = await exported(context);
    if (isService(made)) return made;
    throw new TypeError(
      `the function that ${url} exports should return a subclass of rpyc.Service, or an instance of one`,
    );
  }
  throw new TypeError(`the default export of ${url} should be ${EXPECTED}${isForeign(exported) ? FOREIGN : ''}`);
}

/** What Node says of TypeScript that it cannot run: each version runs something else of it. */
const NOT_RUN = new Set([
  'ERR_UNKNOWN_FILE_EXTENSION',
  'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
  'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING',
]);

async function load(url: string): Promise<object> {
  try {
    return await import(url);
  } catch (cause) {
    const isOfNode = cause instanceof SyntaxError || NOT_RUN.has(String((cause as { code?: unknown } | null)?.code));
    if (!isOfNode || !/\.[cm]?tsx?$/.test(url)) throw cause;
    throw new TypeError(
      `this Node does not run the TypeScript of ${url}: name the file that it is built to (${(cause as Error).message})`,
      { cause },
    );
  }
}

const FOREIGN = '; it is a service of another copy of the package: install one, and let bundlers leave it external';

/** Looks like a service, and is none of this copy. */
const isForeign = (exported: unknown): boolean =>
  typeof (exported as { serviceAliases?: unknown } | undefined)?.serviceAliases === 'function';

/** The authenticator that a service module exports by that name, if it does, as an option of its server. */
export async function loadAuthenticator(
  url: string,
): Promise<{ authenticator?: Authenticator | readonly Authenticator[] }> {
  const { authenticator } = (await import(url)) as { authenticator?: Authenticator | readonly Authenticator[] };
  return authenticator === undefined ? {} : { authenticator };
}
