// Section D: services of Node and their configuration, as Python sees them; and what a client of ours is configured to do.
// With Node as the client, the service is the one that the client offers: `conn.root` in Python's server.
import { expect } from 'vitest';
import * as rpyc from '../../../src/index.ts';
import { raised, settled } from '../faces.ts';
import type { NotApplicable, Row, SeenRow, UsedRow } from '../matrix.ts';

class Prefixed extends rpyc.Service {
  n = 0;
  exposed_pi = 3.14;
  exposed_camelCase = () => 'verbatim';
  exposed_count() {
    return ++this.n;
  }
  exposed_add(a: number, b: number) {
    return a + b;
  }
  get exposed_computed() {
    return this.n * 100;
  }
  exposed_Inner = class Inner {
    exposed_hello = () => 'hello';
  };
  hidden() {
    return 'hidden';
  }
}

class Listed extends rpyc.Service {
  static override exposed = ['add', 'pi'];
  pi = 3.14;
  add(a: number, b: number) {
    return a + b;
  }
  hidden() {
    return 'hidden';
  }
}

@rpyc.service
class Decorated extends rpyc.Service {
  @rpyc.exposed pi = 3.14;
  @rpyc.exposed
  add(a: number, b: number) {
    return a + b;
  }
  hidden() {
    return 'hidden';
  }
}

class FileMonitorService extends rpyc.Service {}
class Aliased extends rpyc.Service {
  static override ALIASES = ['one', 'TWO'];
}

class Remembering extends rpyc.Service {
  readonly log: string[] = [];
  override onConnect(conn: rpyc.Connection) {
    this.log.push(`connected ${conn.closed}`);
  }
  override onDisconnect(conn: rpyc.Connection) {
    this.log.push(`disconnected ${conn.closed}`);
  }
  exposed_log() {
    return rpyc.tuple(...this.log);
  }
}
/** RPyC's own names, as in ported code. */
class Ported extends rpyc.Service {
  connected = false;
  on_connect() {
    this.connected = true;
  }
  exposed_connected() {
    return this.connected;
  }
}

/** Fails, and knows what the logger of its connection was told. */
class Failing extends rpyc.Service {
  private readonly told: string[] = [];
  override onConnect(conn: rpyc.Connection) {
    const tell = (level: string) => (message: string, thrown?: unknown) => {
      this.told.push(`${level}: ${thrown instanceof Error ? thrown.message : message.replace(/^\S+: /, '')}`);
    };
    conn.config.logger = { debug: tell('debug'), info: tell('info'), warn: tell('warn'), error: tell('error') };
  }
  exposed_fail() {
    throw new Error('told');
  }
  exposed_told(level: string) {
    return rpyc.tuple(...this.told.filter((line) => line.startsWith(level)));
  }
}

class Gates extends rpyc.Service {
  private open: (value: unknown) => void = () => undefined;
  readonly order: unknown[] = [];
  exposed_gate(name: string) {
    this.order.push(name);
    return new Promise((resolve) => {
      this.open = resolve;
    });
  }
  exposed_open(value: unknown) {
    this.open(value);
    return rpyc.tuple(...this.order);
  }
  exposed_later(callback: any) {
    setImmediate(() => void rpyc.awaitable(callback)('called'));
  }
}

class Box {
  x = 1;
  _under = 2;
  exposed_e = 4;
  method() {
    return this.x;
  }
}
class Guarded {
  readonly written: string[] = [];
  _rpyc_getattr(name: string) {
    if (name.startsWith('ok_')) return `value of ${name}`;
    throw new rpyc.exceptions.AttributeError(`no ${name}`);
  }
  _rpyc_setattr(name: string, value: unknown) {
    this.written.push(`${name}=${String(value)}`);
  }
  _rpyc_delattr(name: string) {
    this.written.push(`-${name}`);
  }
}

const ACCESS = `
      names = ("x", "_under", "exposed_e", "e", "method", "constructor", "__proto__", "hasOwnProperty", "absent")
      out["allowed"] = [n for n in names if raised(getattr, it, n) is None]`;

const needsSecondConnection: NotApplicable = ({ direction }) =>
  direction === 'Node client, Python service'
    ? 'the row is about several connections to one server of ours; a client has one, and Python cannot dial it'
    : undefined;

const SEEN: readonly SeenRow[] = [
  {
    id: 'D.prefix',
    title: 'members with the prefix are offered, by either name; nothing else is',
    service: () => Prefixed,
    python: `
      out["calls"] = [root.add(5, 10), root.exposed_add(5, 10), root.pi, root.exposed_pi, root.computed]
      out["denied"] = [raised(getattr, root, n)[0] for n in ("hidden", "exposed_hidden", "n", "onConnect", "constructor")]`,
    expected: { calls: [15, 15, 3.14, 3.14, 0], denied: Array(5).fill('AttributeError') },
  },
  {
    id: 'D.listed',
    title: 'names in `static exposed` are offered, by either name',
    service: () => Listed,
    python: `
      out["calls"] = [root.add(5, 10), root.exposed_add(5, 10), root.pi, root.exposed_pi]
      out["denied"] = [raised(getattr, root, n)[0] for n in ("hidden", "exposed_hidden")]`,
    expected: { calls: [15, 15, 3.14, 3.14], denied: ['AttributeError', 'AttributeError'] },
  },
  {
    id: 'D.decorated',
    title: 'members marked @exposed are offered, by either name',
    service: () => Decorated,
    python: `
      out["calls"] = [root.add(5, 10), root.exposed_add(5, 10), root.pi, root.exposed_pi]
      out["denied"] = [raised(getattr, root, n)[0] for n in ("hidden", "exposed_hidden")]`,
    expected: { calls: [15, 15, 3.14, 3.14], denied: ['AttributeError', 'AttributeError'] },
  },
  {
    id: 'D.nested-class',
    title: 'an exposed class is constructed through the service',
    service: () => Prefixed,
    python: 'out["hello"] = [root.Inner().hello(), root.exposed_Inner().hello()]',
    expected: { hello: ['hello', 'hello'] },
  },
  {
    id: 'D.names-verbatim',
    title: 'names travel verbatim: no camelCase becomes snake_case',
    service: () => Prefixed,
    python: 'out["names"] = [root.camelCase(), raised(getattr, root, "camel_case")[0]]',
    expected: { names: ['verbatim', 'AttributeError'] },
  },
  {
    id: 'D.service-name',
    title: 'the service tells its name: that of the class in upper case, without SERVICE',
    service: () => FileMonitorService,
    python: 'out["name"] = [root.get_service_name(), root.get_service_aliases()]',
    expected: { name: ['FILEMONITOR', ['FILEMONITOR']] },
  },
  {
    id: 'D.aliases',
    title: 'or those of `static ALIASES`',
    service: () => Aliased,
    python: 'out["name"] = [root.get_service_name(), root.get_service_aliases()]',
    expected: { name: ['ONE', ['ONE', 'TWO']] },
  },
  {
    id: 'D.instance.own',
    title: 'a class is instantiated for each connection',
    service: () => Prefixed,
    notApplicable: needsSecondConnection,
    python: `
      other = rpyc.connect(*conn._channel.stream.sock.getpeername())
      out["count"] = [root.count(), root.count(), other.root.count()]
      other.close()`,
    expected: { count: [1, 2, 1] },
  },
  {
    id: 'D.instance.shared',
    title: 'an instance is shared by all connections',
    service: () => new Prefixed(),
    notApplicable: needsSecondConnection,
    python: `
      other = rpyc.connect(*conn._channel.stream.sock.getpeername())
      out["count"] = [root.count(), root.count(), other.root.count()]
      other.close()`,
    expected: { count: [1, 2, 3] },
  },
  {
    id: 'D.on-connect',
    title: 'onConnect comes before the first request',
    service: () => Remembering,
    python: 'out["log"] = root.log()',
    expected: { log: ['connected false'] },
  },
  {
    id: 'D.on-disconnect',
    title: 'onDisconnect comes when the connection is over',
    service: () => new Remembering(),
    notApplicable: needsSecondConnection,
    python: `
      other = rpyc.connect(*conn._channel.stream.sock.getpeername())
      other.ping()
      other.close()
      while len(root.log()) < 3:
          pass
      out["log"] = root.log()`,
    expected: { log: ['connected false', 'connected false', 'disconnected true'] },
  },
  {
    id: 'D.on-connect.ported',
    title: "RPyC's own names of the hooks work",
    service: () => Ported,
    python: 'out["connected"] = root.connected()',
    expected: { connected: true },
  },
  {
    id: 'D.service.read-only',
    title: 'a service is never written to, whatever the configuration',
    service: () => Prefixed,
    config: { allow_all_attrs: true, allow_setattr: true, allow_delattr: true },
    python:
      'out["set"] = [raised(setattr, root, "pi", 1), raised(delattr, root, "pi"), raised(setattr, root, "fresh", 1)]',
    expected: { set: Array(3).fill(['AttributeError', 'access denied']) },
  },
  {
    id: 'D.order',
    title: 'dispatch is in arrival order, replies leave in the order of completion',
    service: () => Gates,
    promises: true,
    python: `
      slow = rpyc.async_(root.gate)("first")
      out["order"] = [root.get_service_name(), slow.ready, root.open("opened"), slow.value]`,
    expected: { order: ['GATES', false, ['first'], 'opened'] },
  },
  {
    id: 'D.nested-calls',
    title: 'calls nest both ways, each in the thread that waits',
    it:
      ({ face }) =>
      (f: any, n: number) =>
        face === 'blocking' ? rpyc.sync(f)(n) : rpyc.awaitable(f)(n),
    python: `
      import threading
      here = threading.get_ident()
      def down(n):
          assert threading.get_ident() == here
          return n if n == 0 else 1 + it(down, n - 1)
      out["down"] = it(down, 10)`,
    expected: { down: 10 },
  },
  {
    id: 'D.bg-serving',
    title: 'a Python peer that serves in the background is called when no call is under way',
    service: () => Gates,
    promises: true,
    python: `
      import threading
      got, called = [], threading.Event()
      background = rpyc.BgServingThread(conn)
      root.later(lambda value: (got.append(value), called.set()))
      out["called"] = [called.wait(20), got]
      background.stop()`,
    expected: { called: [true, ['called']] },
  },
  {
    id: 'D.config.defaults',
    title: 'by default, safe and exposed names are read, nothing is written or deleted',
    it: () => new Box(),
    python: `${ACCESS}
      out["written"] = [raised(setattr, it, "e", 5)[0], raised(delattr, it, "e")[0]]`,
    expected: { allowed: ['exposed_e', 'e'], written: ['AttributeError', 'AttributeError'] },
  },
  {
    id: 'D.config.allow_safe_attrs',
    title: 'allow_safe_attrs: false denies the special methods',
    config: { allow_safe_attrs: false },
    it: () => [1, 2],
    python: 'out["denied"] = [raised(len, it)[0], raised(lambda: it[0])[0], repr(it)]',
    expected: { denied: ['AttributeError', 'AttributeError', '[1, 2]'] },
  },
  {
    id: 'D.config.safe_attrs',
    title: 'safe_attrs: the names that are safe',
    config: { safe_attrs: ['__len__', 'x'] },
    it: () => rpyc.tuple([1, 2], new Box()),
    python: 'a, b = it\nout["safe"] = [len(a), raised(lambda: a[0])[0], b.x, raised(lambda: b.method)[0]]',
    expected: { safe: [2, 'AttributeError', 1, 'AttributeError'] },
  },
  {
    id: 'D.config.allow_exposed_attrs',
    title: 'allow_exposed_attrs: false denies the exposed names',
    // The service itself is exposed by prefix: the box is looked at through a public attribute.
    config: { allow_exposed_attrs: false, allow_public_attrs: true },
    service: () => {
      class Public extends rpyc.Service {
        subject = () => new Box();
      }
      return Public;
    },
    python: 'b = root.subject()\nout["b"] = [b.x, b.exposed_e, raised(lambda: b.e)[0]]',
    expected: { b: [1, 4, 'AttributeError'] },
  },
  {
    id: 'D.config.exposed_prefix',
    title: 'exposed_prefix: another prefix',
    config: { exposed_prefix: 'api_' },
    service: () => {
      class Api extends rpyc.Service {
        api_add = (a: number, b: number) => a + b;
        exposed_no = 1;
      }
      return Api;
    },
    python: 'out["api"] = [root.add(5, 10), root.api_add(1, 1), raised(lambda: root.no)[0]]',
    expected: { api: [15, 2, 'AttributeError'] },
  },
  {
    id: 'D.config.allow_public_attrs',
    title: 'allow_public_attrs: names without a leading underscore',
    config: { allow_public_attrs: true },
    it: () => new Box(),
    python: ACCESS,
    expected: { allowed: ['x', 'exposed_e', 'e', 'method'] },
  },
  {
    id: 'D.config.allow_all_attrs',
    title: 'allow_all_attrs: every name but the forbidden ones',
    config: { allow_all_attrs: true },
    it: () => new Box(),
    python: ACCESS,
    expected: { allowed: ['x', '_under', 'exposed_e', 'e', 'method'] },
  },
  {
    id: 'D.config.allow_getattr',
    title: 'allow_getattr: false denies every read',
    config: { allow_getattr: false, allow_all_attrs: true },
    service: () => Prefixed,
    python: 'out["denied"] = [raised(getattr, root, n)[0] for n in ("add", "exposed_pi", "n")]',
    expected: { denied: Array(3).fill('AttributeError') },
  },
  {
    id: 'D.config.allow_setattr',
    title: 'allow_setattr: attributes are written',
    config: { allow_public_attrs: true, allow_setattr: true },
    it: () => new Box(),
    python: `
      it.x, it.fresh = 5, "new"
      out["x"] = [it.x, it.method(), it.fresh, raised(delattr, it, "x")[0], raised(setattr, it, "constructor", 1)[0], raised(setattr, it, "__proto__", 1)[0]]`,
    expected: { x: [5, 5, 'new', 'AttributeError', 'AttributeError', 'AttributeError'] },
  },
  {
    id: 'D.config.allow_delattr',
    title: 'allow_delattr: attributes are deleted',
    config: { allow_public_attrs: true, allow_delattr: true },
    it: () => new Box(),
    python: 'del it.x\nout["x"] = [hasattr(it, "x"), raised(setattr, it, "x", 1)[0]]',
    expected: { x: [false, 'AttributeError'] },
  },
  {
    id: 'D.config.allow_pickle',
    title: 'pickling is disabled by default',
    it: () => [1, 2],
    python: 'out["pickle"] = raised(lambda: rpyc.classic.obtain(it))',
    expected: { pickle: ['ValueError', 'pickling is disabled'] },
  },
  {
    id: 'D.config.allow_pickle.on',
    title: 'allow_pickle: plain data is pickled',
    config: { allow_pickle: true },
    it: () => [1, new Map([['k', [true, null]]])],
    python: 'out["pickle"] = repr(rpyc.classic.obtain(it))',
    expected: { pickle: "[1, {'k': [True, None]}]" },
  },
  {
    id: 'D.snake-case',
    title: 'static snakeCase adds the names of Python',
    service: () => {
      class Snake extends rpyc.Service {
        static override readonly snakeCase = true;
        exposed_readFile = () => 'read';
      }
      return Snake;
    },
    python: 'out["names"] = [root.readFile(), root.read_file()]',
    expected: { names: ['read', 'read'] },
  },
  {
    id: 'D.hooks',
    title: '_rpyc_getattr, _rpyc_setattr and _rpyc_delattr of a class decide alone',
    it: () => {
      const guarded = new Guarded();
      return rpyc.tuple(guarded, () => rpyc.tuple(...guarded.written));
    },
    python: `
      g, written = it
      g.anything = 1
      del g.other
      out["g"] = [g.ok_name, raised(lambda: g.written), written()]`,
    expected: { g: ['value of ok_name', ['AttributeError', 'no written'], ['anything=1', '-other']] },
  },
  {
    id: 'D.config.logger',
    title:
      'the logger is told at debug level what a handler throws, and of attribute probes: the caller is told as well',
    service: () => Failing,
    python: `
      raised(root.fail)
      raised(lambda: root.absent)
      out["error"] = list(root.told("error"))
      out["debug"] = list(root.told("debug"))[0]
      out["probes"] = len(root.told("debug")) > 1`,
    expected: { error: [], debug: 'debug: told', probes: true },
  },
  {
    id: 'D.config.log_exceptions',
    title: 'log_exceptions off: the logger is told nothing of what a handler throws',
    service: () => Failing,
    config: { log_exceptions: false },
    python: `
      out["raised"] = raised(root.fail)
      out["told"] = list(root.told(""))`,
    expected: { raised: ['Exception', 'told'], told: [] },
  },
  {
    id: 'D.config.include_local_version',
    title: 'include_local_version off: an exception names no version',
    service: () => Failing,
    config: { include_local_version: false },
    python: `
      try:
          root.fail()
      except Exception as error:
          out["version"] = error._remote_version`,
    expected: { version: '<version denied>' },
  },
  {
    id: 'D.ping',
    title: 'ping is answered',
    python: 'out["ping"] = [conn.ping(), conn.ping(data="x" * 5000)]',
    expected: { ping: [null, null] },
  },
];

const USED: readonly UsedRow[] = [
  {
    id: 'D.config.sync_request_timeout',
    title: 'sync_request_timeout ends a blocking call, timed an awaited one; the late answer harms nothing',
    own: { config: { sync_request_timeout: 0.2 } },
    *steps({ root, face }) {
      let open: (value: unknown) => void = () => undefined;
      const never = () =>
        new Promise((resolve) => {
          open = resolve;
        });
      const error = yield* raised(() => (face === 'blocking' ? root.call(never) : rpyc.timed(root.call, 0.2)(never)));
      expect(error).toBeInstanceOf(rpyc.TimeoutError);
      expect(error.code).toBe('ERR_RPYC_TIMEOUT');
      open('late');
      yield settled(new Promise(setImmediate));
      expect(yield settled(rpyc.awaitable(root).add(1, 1))).toBe(2);
    },
  },
  {
    id: 'D.config.connid',
    title: 'connid names the connection',
    own: { config: { connid: 'the matrix' } },
    *steps({ conn, root }) {
      yield root.add(1, 1);
      expect(conn.config.connid).toBe('the matrix');
    },
  },
  {
    id: 'D.config.endpoints',
    title: 'endpoints are both addresses on a server, null on a client; credentials null without an authenticator',
    *steps({ conn, root, direction }) {
      yield root.add(1, 1);
      const { endpoints, credentials } = conn.config;
      if (direction === 'Node client, Python service') expect(endpoints).toBe(null);
      else for (const end of endpoints as [unknown, unknown]) expect(end).toEqual(['127.0.0.1', expect.any(Number)]);
      expect(credentials).toBe(null);
    },
  },
  {
    id: 'D.config.before_closed',
    title: 'before_closed is called with the root before the goodbye',
    own: true,
    *steps({ conn, face }) {
      const seen: unknown[] = [];
      conn.config.before_closed = (root) => seen.push([conn.closed, rpyc.isRemote(root) || root !== null]);
      if (face === 'blocking') conn.sync.close();
      else yield conn.close();
      expect(seen).toEqual([[false, true]]);
      expect(conn.closed).toBe(true);
    },
  },
  {
    id: 'D.config.close_catchall',
    title: 'close_catchall swallows what before_closed throws; the connection closes either way',
    own: { config: { close_catchall: true } },
    *steps({ conn, face }) {
      conn.config.before_closed = () => {
        throw new Error('swallowed');
      };
      if (face === 'blocking') conn.sync.close();
      else yield conn.close();
      expect(conn.closed).toBe(true);
    },
  },
];

export const D: readonly Row[] = [...SEEN, ...USED];
