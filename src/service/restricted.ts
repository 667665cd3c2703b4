// A view of an object that shows a peer only the attributes named. Answers to `restricted` in rpyc/utils/helpers.py.
import { getattr, isRemote, setattr } from '../netref/helpers.ts';
import { kindOf } from '../objects/kinds.ts';
import { exceptions } from '../python/exceptions.ts';

type AnyFunction = (...args: unknown[]) => unknown;

/** What a view lets through: RPyC's hooks, which decide alone (access.ts), whatever the configuration. */
class Restricted {
  readonly #object: object;
  readonly #readable: ReadonlySet<string>;
  readonly #writable: ReadonlySet<string>;

  constructor(object: object, readable: Iterable<string>, writable: Iterable<string>) {
    this.#object = object;
    this.#readable = new Set(readable);
    this.#writable = new Set(writable);
  }

  _rpyc_getattr(name: string): unknown {
    if (!this.#readable.has(name)) throw new exceptions.AttributeError(name);
    return read(this.#object, name);
  }

  _rpyc_setattr(name: string, value: unknown): unknown {
    if (!this.#writable.has(name)) throw new exceptions.AttributeError(name);
    if (isRemote(this.#object)) return setattr(this.#object, name, value);
    if (!Reflect.set(this.#object, name, value)) throw new exceptions.AttributeError(`'${name}' is read-only`);
    return undefined;
  }

  _rpyc_delattr(name: string): never {
    throw new exceptions.AttributeError(name);
  }
}

/** A property, methods bound to their object; or a method that a container has as Python sees it (`append` of an Array). */
function read(object: object, name: string): unknown {
  if (isRemote(object)) return getattr(object, name);
  const pythonic = kindOf(object).facade[name] as AnyFunction | undefined;
  if (pythonic !== undefined) return (...args: unknown[]) => pythonic(object, ...args);
  if (!(name in object)) throw new exceptions.AttributeError(name);
  const value: unknown = Reflect.get(object, name);
  return typeof value === 'function' && !isRemote(value) ? value.bind(object) : value;
}

/**
 * A view of `object` for a peer: it may read the attributes in `attrs` and write those in `wattrs`, and nothing else, whatever the
 * configuration allows. For an object that is broader than what the peer should do with it:
 *
 *     exposed_open(name) { return rpyc.restricted(openFile(name), ['read', 'close']); }
 *
 * The names that no configuration allows (`constructor`, `__proto__`, …) stay out of reach. A remote object of another connection
 * can be restricted as well. Answers to `rpyc.restricted`.
 * @param attrs names that may be read (and called)
 * @param wattrs names that may be written; as in RPyC those in `attrs` where it is not given, none for `[]`
 */
export function restricted(object: object, attrs: Iterable<string>, wattrs?: Iterable<string>): object {
  const readable = new Set(attrs);
  return new Restricted(object, readable, wattrs ?? readable);
}
