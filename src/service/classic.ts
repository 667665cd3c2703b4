// The services of classic mode: who gives the other side its modules and its eval, and who takes them.
// A slave runs whatever its peer says. Nothing here is offered unless a program names the class. Answers to rpyc/core/service.py.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { getitem } from '../netref/helpers.ts';
import { isClass } from '../objects/classes.ts';
import type { Connection } from '../protocol/connection.ts';
import { exceptions } from '../python/exceptions.ts';
import { dumps, loads } from '../python/pickle.ts';
import type { Face } from '../refs/face.ts';
import { holderOf } from '../refs/holder.ts';
import { classicOf } from './master.ts';
import { Service, VoidService } from './service.ts';

/** What a slave's connection allows, as in RPyC. The forbidden names (`constructor`, `__proto__`, …) stay out of reach of attribute access. */
const SLAVE_CONFIG = Object.freeze({
  allow_all_attrs: true,
  allow_pickle: true,
  allow_getattr: true,
  allow_setattr: true,
  allow_delattr: true,
  allow_exposed_attrs: false,
  import_custom_exceptions: true,
  instantiate_custom_exceptions: true,
  instantiate_oldstyle_exceptions: true,
});

/** How a module travels: an instance, so that its functions are attributes and not entries of a dict. */
class Module {}

const modules = new WeakMap<object, object>();

/** The module itself behind another prototype: what is set on it is set on the module. */
function asModule(exports: object): object {
  if (typeof exports === 'function') return exports;
  let module = modules.get(exports);
  if (module === undefined) {
    // What cannot be extended (an ES module) cannot pose as something else; and nobody could patch it.
    const target = Object.isExtensible(exports) ? exports : Object.assign(new Module(), exports);
    modules.set(exports, (module = new Proxy(target, MODULE)));
    modules.set(target, module);
  }
  return module;
}

const MODULE: ProxyHandler<object> = {
  getPrototypeOf: () => Module.prototype,
  get: (target, key) =>
    typeof key === 'string' ? adapted(Reflect.get(target, key), target) : Reflect.get(target, key),
  getOwnPropertyDescriptor(target, key) {
    const descriptor = Reflect.getOwnPropertyDescriptor(target, key);
    return descriptor !== undefined && 'value' in descriptor && (descriptor.writable || descriptor.configurable)
      ? { ...descriptor, value: adapted(descriptor.value, target) }
      : descriptor;
  },
};

type AnyFunction = (...args: unknown[]) => unknown;

const adaptations = new WeakMap<object, AnyFunction>();

/** A module's function as peers call it: on the module itself, and with their dicts as plain objects, which option readers can spread. */
function adapted(value: unknown, module: object): unknown {
  if (typeof value !== 'function' || isClass(value)) return value;
  let made = adaptations.get(value);
  if (made === undefined) {
    made = new Proxy(value as AnyFunction, {
      apply: (target, self, args) =>
        Reflect.apply(target, modules.get(module) === self ? module : self, args.map(asOptions)),
    });
    adaptations.set(value, made);
  }
  return made;
}

/**
 * A copy of a remote dict whose keys are all strings; anything else as it is. One level: what is in it stays remote. Functions in a plain
 * object of a Node master are no entries of a dict, so they are not in the copy: `rpyc.kwargs({ filter })` sends them.
 */
function asOptions(arg: unknown): unknown {
  const holder = holderOf(arg);
  if (holder?.cls.name !== 'builtins.dict' || holder.isClass) return arg;
  const copy: Record<string, unknown> = Object.create(null);
  for (const key of arg as Iterable<unknown>) {
    if (typeof key !== 'string') return arg;
    copy[key] = getitem(arg, key);
  }
  return copy;
}

const requireHere = (): NodeJS.Require => createRequire(join(process.cwd(), 'slave.cjs'));

/** Names as Node writes them, for a name as Python writes it: `fs.promises` is `fs/promises`. */
const spellings = (name: string): string[] => (/^[\w.]+$/.test(name) ? [name, name.replaceAll('.', '/')] : [name]);

function isFound(name: string): boolean {
  const require = requireHere();
  return spellings(name).some((spelling) => {
    try {
      require.resolve(spelling);
      return true;
    } catch {
      return false;
    }
  });
}

function load(name: string): object | Promise<object> {
  const require = requireHere();
  for (const spelling of spellings(name)) {
    try {
      return asModule(require(spelling));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ERR_REQUIRE_ESM' || code === 'ERR_REQUIRE_ASYNC_MODULE')
        return import(require.resolve(spelling)).then(asModule);
      if (code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  throw new exceptions.ModuleNotFoundError(`No module named '${name}'`);
}

/** What Python's masters ask of `importlib.util`: whether a module is there. */
class ImportlibUtil {
  find_spec(name: string): string | null {
    return isFound(name) ? name : null;
  }
  _find_spec_from_path(name: string): string | null {
    return this.find_spec(name);
  }
}

/** Where RPyC's `deliver` finds its unpickler: ours, which makes plain data only. */
class Compat {
  readonly pickle: object = new PickleModule();
}
class PickleModule {
  loads(pickle: Uint8Array): unknown {
    return loads(pickle);
  }
  dumps(value: unknown): Buffer {
    return dumps(value);
  }
}

/** Names under which the evaluated text is handed in: never looked up in the namespace. */
const TEXT = '$rpyc_text';
const SCOPE = '$rpyc_scope';
const DECLARE = '$rpyc_declare';
const HANDED = new Set([TEXT, SCOPE, DECLARE]);

/** Direct eval inside `with`: free names are those of the namespace, then the globals; assignments go to the namespace. */
const run = new Function(SCOPE, TEXT, DECLARE, `with (${SCOPE}) { return eval(${TEXT}); }`) as (
  scope: object,
  text: string,
  declare: (name: string, value: unknown) => void,
) => unknown;

/** `declared`: functions of the text that is being executed. They lie outside of the `with`, so it must not claim their names. */
function scopeOf(namespace: Map<string, unknown>, declared: ReadonlySet<string>): object {
  return new Proxy(Object.create(null), {
    has: (_target, key) =>
      typeof key === 'string' && !HANDED.has(key) && !declared.has(key) && (namespace.has(key) || !(key in globalThis)),
    get: (_target, key) => {
      if (typeof key === 'symbol') return undefined;
      if (namespace.has(key)) return namespace.get(key);
      throw new exceptions.NameError(`name '${key}' is not defined`);
    },
    set: (_target, key, value) => {
      if (typeof key === 'string') namespace.set(key, value);
      return true;
    },
  });
}

/** What a text seems to declare at its top level, by kind of declaration. A name too many does no harm. */
function declarations(text: string): { functions: Set<string>; names: Set<string> } {
  const functions = new Set<string>();
  const names = new Set<string>();
  const declaration =
    /(?:^|[\n;}])[ \t]*(?:((?:async[ \t]+)?function[ \t]*\*?)|class|let|const)[ \t]+([\p{ID_Start}$_][\p{ID_Continue}$]*)/gu;
  for (const [, isFunction, name] of text.matchAll(declaration)) {
    names.add(name);
    if (isFunction !== undefined) functions.add(name);
  }
  return { functions, names };
}

/** `function`, `class`, `let` and `const` of the text's top level end with it: their values are put into the namespace. */
function keeping(text: string, names: Iterable<string>): string {
  const kept = [...names].map((name) => `try { ${DECLARE}('${name}', ${name}); } catch {}`);
  return `${text}\n;${kept.join(' ')}`;
}

/**
 * RPyC's `SlaveService` in Node, also exported as `JsSlaveService`: **gives its peers everything this process can do.** They import its
 * modules, evaluate text, and read and set any attribute. Give it to a `Server` only where every possible client may do all that:
 *
 *     new rpyc.Server(rpyc.JsSlaveService, { socketPath: '/run/user/1000/slave.sock' })
 *
 * The peer's objects come in blocking form (`static face`), so that the modules can work with them: callbacks, iterables, and dicts, which
 * a module's functions get as plain objects. The peer must be another thread or process: this one waits while it asks.
 * `eval` takes an expression and `execute` statements of sloppy-mode JavaScript; both see `namespace` (a Map) before the globals.
 */
export class SlaveService extends Service {
  static override readonly face: Face = 'sync';
  /** Names that `eval` and `execute` see and define. A dict to Python. */
  readonly namespace: Map<string, unknown> = new Map();
  #conn: Connection | undefined;
  readonly #scope: object;
  readonly #declared = new Set<string>();

  /** The namespace starts with `require`, which loads from the working directory. */
  constructor() {
    super();
    this.namespace.set('require', requireHere());
    this.#scope = scopeOf(this.namespace, this.#declared);
  }

  override onConnect(conn: Connection): void | Promise<void> {
    this.#conn = conn;
    Object.assign(conn.config, SLAVE_CONFIG);
  }

  /** Imports a module: one of Node's, or of what is installed in the working directory. `builtins` are the globals. */
  getmodule(name: string | readonly string[]): object | Promise<object> {
    const dotted = typeof name === 'string' ? name : name.join('.');
    if (dotted === 'builtins' || dotted === '__builtin__') return asModule(globalThis);
    if (dotted === 'importlib.util') return new ImportlibUtil();
    if (dotted === 'rpyc.lib.compat') return new Compat();
    return load(dotted);
  }

  /** The value of an expression. */
  eval(text: string): unknown {
    return run(this.#scope, `(${text}\n)`, () => undefined);
  }

  /** Executes statements. What they declare at their top level stays in `namespace`. */
  execute(text: string): null {
    const { functions, names } = declarations(text);
    for (const name of functions) this.#declared.add(name);
    try {
      run(this.#scope, keeping(text, names), (name, value) => this.namespace.set(name, value));
    } finally {
      for (const name of functions) this.#declared.delete(name);
    }
    return null;
  }

  /** The slave's own connection to its peer. */
  getconn(): object | null {
    return this.#conn ?? null;
  }
}

/** Puts what RPyC puts on a master's connection on ours: `modules`, `eval`, `execute`, `namespace`, `builtins`, `builtin`, `teleport`. */
function install(conn: Connection): void {
  const classic = classicOf(conn);
  const getter = (get: () => unknown): PropertyDescriptor => ({ get, configurable: true, enumerable: false });
  Object.defineProperties(conn, {
    modules: getter(() => classic.modules),
    namespace: getter(() => classic.namespace),
    builtins: getter(() => classic.builtins),
    builtin: getter(() => classic.builtins),
    eval: { value: (text: string) => classic.eval(text), configurable: true },
    execute: { value: (text: string) => classic.execute(text), configurable: true },
    teleport: { value: (fn: string) => classic.teleport(fn), configurable: true },
  });
}

/**
 * RPyC's `MasterService`: offers nothing and works with the peer's modules. After `onConnect` the connection has `modules`, `eval`,
 * `execute`, `namespace`, `builtins` and `teleport`; typed, they are those of `rpyc.classic.of(conn)`. Nothing is asked before they are used.
 */
export class MasterService extends Service {
  override onConnect(conn: Connection): void | Promise<void> {
    install(conn);
  }
}

/** RPyC's `FakeSlaveService`: has the members that a master asks for when it connects, and they do nothing. */
export class FakeSlaveService extends VoidService {
  /** Nothing. */
  readonly exposed_namespace: null = null;

  /** An object without attributes. */
  exposed_getmodule(_name: unknown): object {
    return NOTHING;
  }
  /** Evaluates nothing. */
  exposed_eval(_text: unknown): null {
    return null;
  }
  /** Executes nothing. */
  exposed_execute(_text: unknown): null {
    return null;
  }
  /** Gives no connection away. */
  exposed_getconn(): null {
    return null;
  }
}
const NOTHING: object = Object.freeze(Object.create(null));

/** RPyC's `ClassicClient`: a master that offers nothing, for peers that are masters and slaves. What `classic.connect` uses. */
export class ClassicClient extends FakeSlaveService {
  override onConnect(conn: Connection): void | Promise<void> {
    install(conn);
  }
}

/** RPyC's `ClassicService`: master and slave. Both sides **can do everything to each other**; see `SlaveService`. */
export class ClassicService extends SlaveService {
  override onConnect(conn: Connection): void | Promise<void> {
    void super.onConnect(conn);
    install(conn);
  }
}
