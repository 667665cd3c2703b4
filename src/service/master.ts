// The master's side of classic mode: a connection to a slave, seen as modules, builtins, eval, execute and a namespace.
// Owns the cache of modules; the connection owns everything else. Answers to ModuleNamespace and MasterService._install in
// rpyc/core/service.py and to teleport_function in rpyc/utils/classic.py.
import type { ChildProcess } from 'node:child_process';
import { inspect } from 'node:util';
import { codedError } from '../errors.ts';
import { rootPath } from '../netref/faces.ts';
import type { Answer, Ref } from '../netref/helpers.ts';
import type { Connection } from '../protocol/connection.ts';
import { exceptions } from '../python/exceptions.ts';
import type { Face } from '../refs/face.ts';
import { holderOf } from '../refs/holder.ts';

/**
 * Modules of the slave, imported when first asked for and remembered: `modules.os.path`, `modules['xml.dom.minidom']`.
 * On a blocking connection `'json' in modules` asks the slave whether the module can be found, without importing it.
 */
export interface Modules {
  readonly [name: string]: Ref;
}

/** A function of JavaScript, or the source text of one of Python. */
// biome-ignore lint/suspicious/noExplicitAny: any function may be sent
export type Teleportable = string | ((...args: any[]) => unknown);

const importing = (conn: Connection, name: string): Promise<object> => conn.root.getmodule(name);

function alive(module: object | undefined): object | undefined {
  return module === undefined || holderOf(module)?.released === true ? undefined : module;
}

/** `modules.os` of an awaitable connection: a path that starts with getmodule, which is asked once. */
class ModulePath {
  readonly conn: Connection;
  readonly name: string;
  private pending: Promise<object> | undefined;
  private module: object | undefined;

  constructor(conn: Connection, name: string) {
    this.conn = conn;
    this.name = name;
  }

  get root(): object | undefined {
    return alive(this.module);
  }

  async fetchRoot(): Promise<object> {
    if (this.root !== undefined) return this.root;
    this.pending ??= importing(this.conn, this.name);
    try {
      this.module = await this.pending;
    } finally {
      this.pending = undefined;
    }
    return this.module;
  }

  fetchRootSync(): object {
    return this.root ?? this.conn.sync.root.getmodule(this.name);
  }
}

abstract class ModulesHandler implements ProxyHandler<object> {
  protected readonly conn: Connection;
  constructor(conn: Connection) {
    this.conn = conn;
  }
  protected abstract module(name: string): object;

  get(_target: object, key: string | symbol): unknown {
    if (key === inspect.custom) return () => '[modules of a classic connection]';
    if (typeof key === 'symbol' || LOCAL.has(key)) return undefined;
    return this.module(key);
  }
  set(): boolean {
    throw codedError(new TypeError('modules are imported, not assigned'), 'ERR_RPYC_OPERATION');
  }
  deleteProperty(): boolean {
    throw codedError(new TypeError('modules are imported, not assigned'), 'ERR_RPYC_OPERATION');
  }
  has(_target: object, _key: string | symbol): boolean {
    return false;
  }
}

/** Asked for by await, JSON and test runners on anything they meet. */
const LOCAL: ReadonlySet<string> = new Set(
  'then catch finally toJSON constructor prototype __proto__ asymmetricMatch $$typeof'.split(' '),
);

class AsyncModules extends ModulesHandler {
  private readonly paths = new Map<string, object>();
  protected module(name: string): object {
    let path = this.paths.get(name);
    if (path === undefined) this.paths.set(name, (path = rootPath(new ModulePath(this.conn, name))));
    return path;
  }
}

class SyncModules extends ModulesHandler {
  private readonly cache = new Map<string, object>();
  protected module(name: string): object {
    let module = alive(this.cache.get(name));
    if (module === undefined) this.cache.set(name, (module = this.conn.sync.root.getmodule(name) as object));
    return module;
  }
  override has(_target: object, key: string | symbol): boolean {
    if (typeof key === 'symbol' || LOCAL.has(key)) return false;
    if (alive(this.cache.get(key)) !== undefined) return true;
    try {
      return (this.module('importlib.util') as Ref).find_spec(key) !== null;
    } catch (error) {
      if (error instanceof exceptions.ImportError) return false;
      throw error;
    }
  }
}

/** What both faces of a classic connection have. */
abstract class Master {
  /** The connection itself, through its awaitable face. */
  readonly connection: Connection;
  /** The slave's modules: `modules.os.path`. */
  readonly modules: Modules;
  /** How this object's references answer. */
  abstract readonly face: Face;
  constructor(connection: Connection, modules: ModulesHandler) {
    this.connection = connection;
    this.modules = new Proxy(Object.freeze({}), modules) as Modules;
  }

  /** The slave: `getmodule`, `eval`, `execute`, `namespace`, `getconn`. */
  abstract get root(): Ref;

  /** The slave's module of builtins: `builtins.open(…)`, `builtins.isinstance(…)`. */
  get builtins(): Ref {
    return this.modules.builtins;
  }

  /** RPyC's other name of `builtins`. */
  get builtin(): Ref {
    return this.builtins;
  }

  /** The process that was started for this connection, if one was: the interpreter of `connectSubproc`, the ssh of `sshConnect`. */
  get proc(): ChildProcess | undefined {
    return (this.connection as Connection & { readonly proc?: ChildProcess }).proc;
  }

  /** The dict in which `eval` and `execute` run. */
  get namespace(): Ref {
    return this.root.namespace;
  }

  /** Evaluates an expression of the slave's language in `namespace`. @throws what evaluating it raises */
  eval(text: string): Ref {
    return this.root.eval(text);
  }

  /** Executes statements of the slave's language in `namespace`. @throws what they raise */
  execute(text: string): Answer<void> {
    return this.root.execute(text);
  }

  /** Sends a function there by its source; see `rpyc.classic.teleport`. */
  abstract teleport(fn: Teleportable): Ref;

  /** Is the connection over, or being closed? */
  get closed(): boolean {
    return this.connection.closed;
  }
}

/**
 * A classic connection whose operations are awaited: `await conn.modules.os.getcwd()`, `await conn.eval('1 + 1')`.
 * Answers to what MasterService installs on a connection in rpyc/core/service.py.
 */
export class ClassicConnection extends Master {
  readonly face = 'async';
  /** What `rpyc.classic.of` makes, once per connection. */
  constructor(connection: Connection) {
    super(connection, new AsyncModules(connection));
  }

  get root(): Ref {
    return this.connection.root;
  }

  /** The same connection, blocking. */
  get sync(): SyncClassicConnection {
    return syncClassicOf(this.connection);
  }

  /** Says goodbye and closes. */
  close(): Promise<void> {
    return this.connection.close();
  }

  /** Sends a function there by its source; see `rpyc.classic.teleport`. */
  async teleport(fn: Teleportable): Promise<Ref> {
    const root = await this.connection.fetchRoot();
    const { text, name } = exported(root, fn);
    if (name === undefined) return this.eval(text);
    await this.execute(text);
    return this.namespace[name];
  }

  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** A classic connection whose operations block: `conn.modules.os.getcwd()`. `async` is the awaitable one. */
export class SyncClassicConnection extends Master {
  readonly face = 'sync';
  /** What `rpyc.classic.of` makes, once per connection. */
  constructor(connection: Connection) {
    super(connection, new SyncModules(connection));
  }

  get root(): Ref {
    return this.connection.sync.root;
  }

  /** The same connection, awaitable. */
  get async(): ClassicConnection {
    return classicOf(this.connection);
  }

  /** Says goodbye and closes. Waits a second at most for the peer to hang up. */
  close(): void {
    this.connection.closeSync();
  }

  /** Sends a function there by its source; see `rpyc.classic.teleport`. */
  teleport(fn: Teleportable): Ref {
    const { text, name } = exported(this.root, fn);
    if (name === undefined) return this.eval(text);
    this.execute(text);
    return this.namespace[name];
  }

  /** `close()`, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** Either face of a classic connection. */
export type AnyClassic = ClassicConnection | SyncClassicConnection;

const awaitables = new WeakMap<Connection, ClassicConnection>();
const blockings = new WeakMap<Connection, SyncClassicConnection>();

/**
 * The classic view of any connection whose peer is a slave; the same object every time. Nothing is sent.
 * A server that is a master finds its clients here: `classicOf(conn).modules.sys`.
 */
export function classicOf(connection: Connection): ClassicConnection {
  let classic = awaitables.get(connection);
  if (classic === undefined) awaitables.set(connection, (classic = new ClassicConnection(connection)));
  return classic;
}

/** `classicOf`, blocking. */
export function syncClassicOf(connection: Connection): SyncClassicConnection {
  let classic = blockings.get(connection);
  if (classic === undefined) blockings.set(connection, (classic = new SyncClassicConnection(connection)));
  return classic;
}

/** Source text to run there, and the name that it defines; without a name it is an expression. */
function exported(root: unknown, fn: Teleportable): { text: string; name: string | undefined } {
  const isNode = holderOf(root)?.cls.name.startsWith('js.') ?? false;
  if (typeof fn === 'string') return isNode ? { text: fn, name: undefined } : { text: fn, name: pythonName(fn) };
  if (typeof fn !== 'function') throw new TypeError(`a function or source text is teleported, not ${typeof fn}`);
  if (!isNode)
    throw codedError(
      new TypeError(
        'a JavaScript function cannot run in Python: teleport the source text of a Python function, or pass the function as a callback',
      ),
      'ERR_RPYC_OPERATION',
    );
  return { text: functionText(fn), name: undefined };
}

/** Name of the function that a Python source text defines last at its top level. */
function pythonName(source: string): string {
  const names = [...source.matchAll(/^(?:async[ \t]+)?def[ \t]+([^\s(]+)/gmu)];
  const name = names.at(-1)?.[1];
  if (name === undefined)
    throw codedError(
      new TypeError('the source text defines no function at its top level: `def name(...):` is needed'),
      'ERR_RPYC_ARGUMENT',
    );
  return name;
}

/** Source of a function as an expression: a method's source is none by itself. */
function functionText(fn: (...args: never[]) => unknown): string {
  const source = Function.prototype.toString.call(fn);
  if (/\{\s*\[native code\]\s*\}\s*$/.test(source))
    throw codedError(new TypeError(`'${fn.name}' has no source text: it is native or bound`), 'ERR_RPYC_ARGUMENT');
  if (
    /^(?:async\s+)?function\b|^class\b|^(?:async\s*)?(?:\([\s\S]*?\)|[\p{ID_Start}$_][\p{ID_Continue}$]*)\s*=>/u.test(
      source,
    )
  )
    return `(${source})`;
  return `Object.values({ ${source} })[0]`;
}
