// Service modules: a file whose default export is a Service class, or a function that makes one, for servers that load it elsewhere.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isService, type ServiceSource } from '../service/service.ts';

const EXPECTED = 'a subclass of rpyc.Service, an instance of one, or a function that returns one of these';

/** The URL of a module that was given as a URL or a path. @throws {TypeError} for anything else */
export function urlOf(module: URL | string): string {
  if (module instanceof URL) return module.href;
  if (typeof module !== 'string' || module === '')
    throw new TypeError("the service module is a URL or a path: new URL('./service.js', import.meta.url)");
  return /^[a-z][a-z+]+:/i.test(module) ? module : pathToFileURL(resolve(module)).href;
}

/**
 * The service that a module exports.
 * @param context is told to the function that it exports
 * @throws what the module throws, {TypeError} where its default export is none
 */
export async function loadService(url: string, context?: unknown): Promise<ServiceSource> {
  const exported = ((await import(url)) as { default?: unknown }).default;
  if (isService(exported)) return exported;
  if (typeof exported === 'function' && !/^class\b/.test(Function.prototype.toString.call(exported))) {
    const made: unknown = await exported(context);
    if (isService(made)) return made;
    throw new TypeError(
      `the function that ${url} exports should return a subclass of rpyc.Service, or an instance of one`,
    );
  }
  throw new TypeError(`the default export of ${url} should be ${EXPECTED}`);
}
