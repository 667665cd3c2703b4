// Configuration of a connection: RPyC's own keys, spelled and defaulted as RPyC does, and the options that are ours.
// Answers to DEFAULT_CONFIG of rpyc/core/protocol.py.
import type { Logger } from './logger.ts';

/**
 * RPyC's configuration keys, all of them and spelled as RPyC spells them, so that a Python config can be pasted; those without a meaning here
 * say so; `literal_methods` alone is ours. Defaults are {@link DEFAULT_CONFIG}. Answers to `DEFAULT_CONFIG` of rpyc/core/protocol.py.
 */
export interface Config {
  /** Allow the attributes in `safe_attrs`. Default true. */
  allow_safe_attrs: boolean;
  /** Allow attributes with `exposed_prefix`, and marked ones. Default true. */
  allow_exposed_attrs: boolean;
  /** Allow every name that does not begin with `_`. Default false. */
  allow_public_attrs: boolean;
  /** Allow every name but the forbidden ones (`constructor`, `__proto__`, …). Default false. */
  allow_all_attrs: boolean;
  /** Names that `allow_safe_attrs` allows: by default RPyC's 80, operators and containers' dunders. */
  safe_attrs: ReadonlySet<string>;
  /** What a name begins with that is exposed. Default `exposed_`. */
  exposed_prefix: string;
  /** Let the peer read attributes, as far as the keys above allow their names. Default true. */
  allow_getattr: boolean;
  /** Let the peer write attributes, as far as the keys above allow their names. Default false. */
  allow_setattr: boolean;
  /** Let the peer delete attributes, as far as the keys above allow their names. Default false. */
  allow_delattr: boolean;
  /** Answer PICKLE with the data-only pickler; otherwise it is refused. Default false. */
  allow_pickle: boolean;
  /** Send our stack with an exception; otherwise `<traceback denied>`. Default true. */
  include_local_traceback: boolean;
  /** Send our version with an exception; otherwise `<version denied>`. Default true. */
  include_local_version: boolean;
  /** Accepted for ported code. Registered classes (`registerException`) are used either way: registering is the consent. */
  instantiate_custom_exceptions: boolean;
  /** Accepted and ignored: nothing is ever imported because a peer named it. */
  import_custom_exceptions: boolean;
  /** Accepted and ignored: Python 2 only. */
  instantiate_oldstyle_exceptions: boolean;
  /** Accepted and ignored: SystemExit is a plain error here, the process never exits over one. */
  propagate_SystemExit_locally: boolean;
  /** Accepted and ignored: KeyboardInterrupt is a plain error here. */
  propagate_KeyboardInterrupt_locally: boolean;
  /**
   * Tell the logger what handlers throw: as debug what the caller is told, as errors what reaches nobody. false: nothing of it.
   * (RPyC has the key and never reads it.) Default true.
   */
  log_exceptions: boolean;
  /** Thread ids on every message, RPyC's RPYC_BIND_THREADS. A server follows its peer whatever this says; a client asks with its option `bindThreads`. */
  bind_threads: boolean;
  /** Seconds that a blocking call waits for its answer; null: forever. Default 30. Awaited calls have no limit; see `withOptions`. */
  sync_request_timeout: number | null;
  /** Name of the connection in messages; made up when null. */
  connid: string | null;
  /** What an authenticator said about the peer, `conn.credentials`; nothing here decides by it. */
  credentials: unknown;
  /** `[local, remote]` addresses, set by servers. */
  endpoints: readonly [unknown, unknown] | null;
  /** Called with the remote root (awaitable) before `close()` says goodbye. */
  before_closed: ((root: unknown) => void) | null;
  /** Swallow errors of `before_closed`. Default false. */
  close_catchall: boolean;
  /**
   * Functions in plain objects that are handed out are methods of theirs: items that a peer can call, and cannot replace. false: they are
   * hidden. The one key that RPyC does not have. Default true.
   */
  literal_methods: boolean;
  /** Where this connection reports; null: nowhere. Default null for clients; a `Server` gives its own. */
  logger: Logger | null;
}

/**
 * What is ours beside RPyC's config: bounds on what a peer may send and queue, and how values arrive. Checked when the connection is made.
 * @see docs/services.md for all of them with their ranges
 */
export interface ConnectionOptions {
  /** RPyC's own configuration keys. */
  config?: Partial<Config> & Record<string, unknown>;
  /** Largest frame accepted and sent, bytes. Default 256 MiB, at most 1 GiB. */
  maxFrame?: number;
  /** Largest inflated payload, bytes. Default 256 MiB, at most 1 GiB. */
  maxInflated?: number;
  /** Deepest nesting of received values, 8 to 400. Default 400. */
  maxDepth?: number;
  /** Deflate payloads over 3000 bytes: always, never, or where it pays ('auto', the default: never on loopback and Unix sockets). */
  compress?: boolean | 'auto';
  /** Python ints: 'auto' gives a number where it is exact, else a bigint; 'always' and 'number' give one of them. Default 'auto'. */
  bigint?: 'auto' | 'always' | 'number';
  /** Received tuples: frozen arrays (default, they return as tuples), or plain arrays (cheaper, they return as lists). */
  tuples?: 'frozen' | 'array';
  /** Bytes queued for the peer above which we stop reading from it, and serving it. Default 1 MiB. */
  highWater?: number;
  /**
   * Bytes queued for the peer above which further requests are refused with ERR_RPYC_BACKPRESSURE; so many bytes of answers close the
   * connection. Default 64 MiB.
   */
  maxQueued?: number;
  /**
   * Async handlers that serve requests of the peer at a time; further requests wait in their order, and reading from the peer stops meanwhile.
   * Default 1024, at most 1,000,000.
   */
  maxInFlight?: number;
  /** Objects of ours that the peer may hold; a message that would hand out another is refused with ERR_RPYC_REFERENCES. Default 1,000,000. */
  maxReferences?: number;
  /** An async handler during a blocking wait: answered after the wait ('defer', default) or refused at once ('error'). */
  asyncHandlersDuringSync?: 'defer' | 'error';
}

const SAFE_ATTRS = `__abs__ __add__ __and__ __bool__ __cmp__ __contains__ __delitem__ __delslice__ __div__ __divmod__ __doc__
__eq__ __float__ __floordiv__ __ge__ __getitem__ __getslice__ __gt__ __hash__ __hex__ __iadd__ __iand__ __idiv__ __ifloordiv__
__ilshift__ __imod__ __imul__ __index__ __int__ __invert__ __ior__ __ipow__ __irshift__ __isub__ __iter__ __itruediv__ __ixor__
__le__ __len__ __long__ __lshift__ __lt__ __mod__ __mul__ __ne__ __neg__ __new__ __nonzero__ __oct__ __or__ __pos__ __pow__
__radd__ __rand__ __rdiv__ __rdivmod__ __repr__ __rfloordiv__ __rlshift__ __rmod__ __rmul__ __ror__ __rpow__ __rrshift__
__rshift__ __rsub__ __rtruediv__ __rxor__ __setitem__ __setslice__ __str__ __sub__ __truediv__ __xor__ next __length_hint__
__enter__ __exit__ __next__ __format__`;

/** RPyC's defaults of {@link Config}; frozen. */
export const DEFAULT_CONFIG: Readonly<Config> = Object.freeze({
  allow_safe_attrs: true,
  allow_exposed_attrs: true,
  allow_public_attrs: false,
  allow_all_attrs: false,
  safe_attrs: new Set(SAFE_ATTRS.split(/\s+/)),
  exposed_prefix: 'exposed_',
  allow_getattr: true,
  allow_setattr: false,
  allow_delattr: false,
  allow_pickle: false,
  include_local_traceback: true,
  include_local_version: true,
  instantiate_custom_exceptions: false,
  import_custom_exceptions: false,
  instantiate_oldstyle_exceptions: false,
  propagate_SystemExit_locally: false,
  propagate_KeyboardInterrupt_locally: true,
  log_exceptions: true,
  bind_threads: false,
  sync_request_timeout: 30,
  connid: null,
  credentials: null,
  endpoints: null,
  before_closed: null,
  close_catchall: false,
  literal_methods: true,
  logger: null,
});

let connections = 0;

/** The defaults, with `given` over them. Numbers and sets are checked here, once. */
export function makeConfig(given: ConnectionOptions['config'] = {}): Config {
  const config: Config = { ...DEFAULT_CONFIG, ...given };
  // The default set is shared, as RPyC shares it: a copy would be a quarter of what an idle connection takes.
  if (config.safe_attrs !== DEFAULT_CONFIG.safe_attrs) config.safe_attrs = new Set(config.safe_attrs);
  config.connid ??= `conn${++connections}`;
  const timeout = config.sync_request_timeout;
  if (timeout !== null && !(typeof timeout === 'number' && timeout >= 0))
    throw new RangeError(`sync_request_timeout is a number of seconds or null, not ${String(timeout)}`);
  if (typeof config.exposed_prefix !== 'string') throw new TypeError('exposed_prefix is a string');
  return config;
}

/** Options with their defaults; the wire-level ones as the engine takes them. */
export interface ResolvedOptions {
  maxFrame: number;
  maxInflated: number;
  maxDepth: number;
  compress: number;
  highWater: number;
  maxQueued: number;
  maxInFlight: number;
  maxReferences: number;
  bigint: 'auto' | 'always' | 'number';
  freezeTuples: boolean;
  refuseAsyncDuringSync: boolean;
}

const MiB = 1024 * 1024;

function bounded(name: string, value: number, low: number, high: number): number {
  if (!(value >= low && value <= high)) throw new RangeError(`${name} is between ${low} and ${high}, not ${value}`);
  return Math.floor(value);
}

/** @param local is the peer on this machine? Then 'auto' compression is none. */
export function resolveOptions(given: ConnectionOptions, local: boolean): ResolvedOptions {
  const compress = given.compress ?? 'auto';
  return {
    maxFrame: bounded('maxFrame', given.maxFrame ?? 256 * MiB, 64, 1024 * MiB),
    maxInflated: bounded('maxInflated', given.maxInflated ?? 256 * MiB, 64, 1024 * MiB),
    maxDepth: bounded('maxDepth', given.maxDepth ?? 400, 8, 400),
    compress: compress === true ? 1 : compress === false || local ? 0 : 2,
    highWater: bounded('highWater', given.highWater ?? MiB, 1024, 1024 * MiB),
    maxQueued: bounded('maxQueued', given.maxQueued ?? 64 * MiB, 1024, 2 ** 40),
    maxInFlight: bounded('maxInFlight', given.maxInFlight ?? 1024, 1, 1_000_000),
    maxReferences: bounded('maxReferences', given.maxReferences ?? 1_000_000, 1, 2 ** 31),
    bigint: given.bigint ?? 'auto',
    freezeTuples: given.tuples !== 'array',
    refuseAsyncDuringSync: given.asyncHandlersDuringSync === 'error',
  };
}
