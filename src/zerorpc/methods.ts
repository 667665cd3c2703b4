// What a server or puller offers: methods by name, what is said about them, and how each answers. Answers to _filter_methods of core.py and
// to decorators.py.

/** A method that peers call. */
export type Method = (...args: never[]) => unknown;

/** An instance of a class, or an object of functions. Names that begin with `_` are not offered, and neither is what is no function. */
export type Methods = object;

/** What `describe` says about a method. */
export interface Description {
  /** For `_zerorpc_help` and the command line. */
  readonly doc?: string;
  /** Its parameters in order, where their names in the source are not good enough. */
  readonly params?: readonly string[];
}

/** A parameter as `_zerorpc_inspect` tells it. */
export interface Parameter {
  /** As in the source, or as `describe` says. */
  readonly name: string;
  /** What it is where it is not given. */
  readonly default?: unknown;
}

const streaming = new WeakSet<Method>();
const described = new WeakMap<Method, Description>();

/**
 * Marks a method whose result, any iterable, is to be streamed. Generators are streamed without it. Answers to `zerorpc.stream`.
 */
export function stream<T extends Method>(method: T): T {
  streaming.add(method);
  return method;
}

/** Says what a method is for, and how its parameters are called; both can be asked for by peers. Returns the method. */
export function describe<T extends Method>(method: T, description: Description): T {
  described.set(method, description);
  return method;
}

/** The methods of an object, its classes' included, bound to it. */
export function methodsOf(target: Methods): Map<string, Exposed> {
  const found = new Map<string, Exposed>();
  for (let at: object | null = target; at && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (typeof value !== 'function' || name.startsWith('_') || name === 'constructor' || found.has(name)) continue;
      found.set(name, new Exposed(target, value as Method));
    }
  }
  return found;
}

/** One method of a target. */
export class Exposed {
  readonly #target: object;
  readonly #method: Method;

  constructor(target: object, method: Method) {
    this.#target = target;
    this.#method = method;
  }

  call(args: readonly unknown[]): unknown {
    return Reflect.apply(this.#method, this.#target, args as never[]);
  }

  /** What is to be streamed of a result; undefined: it is one value. */
  items(result: unknown): AsyncIterable<unknown> | Iterable<unknown> | undefined {
    if (typeof result !== 'object' || result === null) return undefined;
    if (Symbol.asyncIterator in result) return result as AsyncIterable<unknown>;
    if (!(Symbol.iterator in result)) return undefined;
    const generated = 'next' in result && typeof result.next === 'function';
    return generated || streaming.has(this.#method) ? (result as Iterable<unknown>) : undefined;
  }

  get doc(): string | null {
    return described.get(this.#method)?.doc ?? null;
  }

  /** Its parameters, null where they cannot be told. */
  get parameters(): Parameter[] | null {
    const names = described.get(this.#method)?.params;
    return names ? names.map((name) => ({ name })) : parametersOf(this.#method);
  }
}

/** Parameters by the source: plain names and constant defaults. */
function parametersOf(method: Method): Parameter[] | null {
  const source = Function.prototype.toString.call(method);
  const list = /^(?:async\s*)?(?:function\s*)?\*?\s*[\w$]*\s*\(([^()]*)\)/.exec(source)?.[1];
  if (list === undefined) return null;
  const parameters: Parameter[] = [];
  for (const text of list.split(',').map((each) => each.trim())) {
    if (text === '') continue;
    const found = /^([\w$]+)(?:\s*=\s*(.+))?$/.exec(text);
    if (!found) return null;
    const [, name = '', value] = found;
    if (value === undefined) parameters.push({ name });
    else
      try {
        parameters.push({ name, default: JSON.parse(value) });
      } catch {
        return null; // no constant, or a comma inside it
      }
  }
  return parameters;
}
