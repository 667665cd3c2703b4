// A class with the arguments of its constructor bound, for services that take some. Answers to `classpartial` in rpyc/utils/helpers.py.

/**
 * A class whose instances are made with `args`: what a {@link Server} takes for a service with arguments.
 *
 *     new rpyc.Server(rpyc.classpartial(DatabaseService, pool), { port: 18861 });
 *
 * It has the name and the static members of `cls`, and its instances are instances of `cls`. Answers to `classpartial` in rpyc/utils/helpers.py.
 * @returns the class, whose constructor takes nothing
 */
export function classpartial<A extends unknown[], T extends object>(
  cls: new (...args: A) => T,
  ...args: A
): new () => T {
  // biome-ignore lint/suspicious/noExplicitAny: a mixin class takes any arguments
  const base = cls as new (...args: any[]) => any;
  class Partial extends base {
    constructor() {
      super(...args);
    }
  }
  Object.defineProperty(Partial, 'name', { value: cls.name });
  return Partial as unknown as new () => T;
}
