// Making client connections: dial, find the wire version that the server speaks, hand over a Connection. Answers to rpyc/utils/factory.py.
import type { Duplex } from 'node:stream';
import { ClientTls, type PeerCertificate, type TlsClientOptions } from '../auth/tls.ts';
import { ClientToken, type Token } from '../auth/token.ts';
import {
  AuthenticationError,
  codedError,
  DeadlockError,
  EOFError,
  InterruptedError,
  ProtocolError,
  TimeoutError,
  TlsError,
  VersionError,
} from '../errors.ts';
import type { Channel, Waits } from '../native/channel.ts';
import { isLocal, type KeepAliveTimes, type RawPeer, servesHere } from '../native/peer.ts';
import { describeTarget, dial, dialSync, type Target } from '../native/socket.ts';
import { StreamTransport, type Transport } from '../native/transport.ts';
import { netrefs } from '../netref/maker.ts';
import { type ConnectionOptions, makeConfig, type ResolvedOptions, resolveOptions } from '../policy/config.ts';
import type { SyncConnection } from '../protocol/connection.ts';
import { Connection } from '../protocol/connection.ts';
import { rootOf, type ServiceSource, VoidService } from '../service/service.ts';
import { ReconnectingConnection, type ReconnectOptions } from './reconnect.ts';
import { type KeepAliveOptions, keepAliveOf, type RetryOptions, retrying, retryingSync, secondsOf } from './retry.ts';

/** Wire version: RPyC 4.1 to 5.x speak 5, RPyC 6 speaks 6; `'auto'` finds out. */
export type ProtocolVersion = 'auto' | 5 | 6;

/** What `connect` and its relatives take. */
export interface ConnectOptions extends ConnectionOptions {
  /** What we offer to the server. Default: nothing (VoidService). */
  service?: ServiceSource;
  /** Default 'auto': version 6 is tried first, a server that refuses it is called again with what it spoke, and remembered. */
  protocol?: ProtocolVersion;
  /** Send thread ids (servers run with RPYC_BIND_THREADS=true). Default: found out like the version. */
  bindThreads?: boolean;
  /** Seconds for connecting and the handshake, all addresses together; of each attempt. Default 10. */
  connectTimeout?: number;
  /** Try again when nobody accepts: true is RPyC's 6 attempts. Default: one attempt. */
  retry?: boolean | RetryOptions;
  /**
   * Have the kernel find out that the other end vanished without a word: true asks after 60 s of silence and gives up after 5 questions, as
   * RPyC's does; a number is other seconds. TCP only. Default false.
   */
  keepalive?: boolean | number | KeepAliveOptions;
  /** The secret of a server with a {@link TokenAuthenticator}, before anything else is said. */
  token?: Token;
}

/** What connecting takes where it is awaited. */
export interface AwaitedOptions {
  /** Gives up connecting, between attempts as well; once connected it has no meaning. */
  signal?: AbortSignal;
}

/** What `connect` and `unixConnect` take to come back after the line broke. */
export interface Reconnects {
  /** true, or how: heartbeats, pauses, attempts. `keepalive` is on with it. Default: the end of the line is the end of the connection. */
  reconnect: true | ReconnectOptions;
}

type Opening = ConnectOptions & AwaitedOptions & { reconnect?: boolean | ReconnectOptions };
/** What `sslConnect` and its relatives take. */
export type SslConnectOptions = ConnectOptions & TlsClientOptions;

/** What was found out about a server: version, and whether it wants thread ids. */
interface Dialect {
  variant: 5 | 6;
  bound: boolean;
}

const V6: Dialect = { variant: 6, bound: false };
/** Seconds. */
const CONNECT_TIMEOUT = 10;
/** Dialects of servers that were not V6, by endpoint; bounded, oldest out. */
const remembered = new Map<string, Dialect>();
const MAX_REMEMBERED = 1024;

function remember(endpoint: string, dialect: Dialect): void {
  remembered.delete(endpoint);
  remembered.set(endpoint, dialect);
  if (remembered.size > MAX_REMEMBERED) remembered.delete(remembered.keys().next().value as string);
}

/** How a server is reached, as often as finding its dialect takes. */
export interface Route {
  /** For messages, and the key under which the server's dialect is remembered. */
  readonly endpoint: string;
  dial(timeoutMs: number, signal?: AbortSignal): Promise<RawPeer>;
  dialSync(timeoutMs: number): RawPeer;
  /** What comes before the protocol; returns the server's credentials. */
  readonly prepare?: ((channel: Channel) => Waits<unknown>) | undefined;
}

const routeTo = (target: Target, { token }: ConnectOptions, tls?: ClientTls): Route => ({
  endpoint: describeTarget(target),
  dial: (timeoutMs, signal) => dial(target, timeoutMs, signal),
  dialSync: (timeoutMs) => dialSync(target, timeoutMs),
  prepare: preparation(tls, token === undefined ? undefined : new ClientToken(token)),
});

/** TLS, and the token over it. Undefined where there is neither. */
function preparation(tls: ClientTls | undefined, token: ClientToken | undefined): Route['prepare'] {
  if (tls === undefined && token === undefined) return undefined;
  return function* (channel): Waits<PeerCertificate | null> {
    const certificate = tls === undefined ? null : yield* tls.secure(channel);
    if (token !== undefined) yield* token.prove(channel);
    return certificate;
  };
}

/** What does not change between two attempts to speak with one server. */
class Attempt {
  readonly options: ConnectOptions;
  private readonly endpoint: string;
  private readonly tried: Dialect[] = [];
  private readonly deadline: number;
  private readonly keepAlive: KeepAliveTimes | undefined;

  constructor(endpoint: string, options: ConnectOptions) {
    this.options = options;
    this.endpoint = endpoint;
    this.deadline = Date.now() + timeoutOf(options);
    this.keepAlive = keepAliveOf(options.keepalive);
  }

  get timeLeft(): number {
    return Math.max(1, this.deadline - Date.now());
  }

  /** The dialect to try now. */
  dialect(): Dialect {
    const { protocol = 'auto', bindThreads } = this.options;
    const known = remembered.get(this.endpoint) ?? V6;
    const first = { variant: protocol === 'auto' ? known.variant : protocol, bound: bindThreads ?? known.bound };
    return this.tried.at(-1) ?? first;
  }

  /** The server hung up. True: it told another dialect, which `dialect()` now returns. */
  retryAs(conn: Connection, used: Dialect): boolean {
    const told: Dialect = { variant: conn.protocol === 5 ? 5 : 6, bound: conn.bound };
    if (conn.protocol === 0 || (told.variant === used.variant && told.bound === used.bound)) return false;
    const { protocol = 'auto', bindThreads } = this.options;
    if (
      (protocol !== 'auto' && protocol !== told.variant) ||
      (bindThreads !== undefined && bindThreads !== told.bound) ||
      this.tried.length > 1
    )
      throw new VersionError(
        `the server at ${this.endpoint} speaks ${nameDialect(told)}, we spoke ${nameDialect(used)}`,
      );
    this.tried.push(told);
    return true;
  }

  succeeded(used: Dialect): void {
    if (used.variant !== 6 || used.bound) remember(this.endpoint, used);
    else remembered.delete(this.endpoint);
  }

  /**
   * @param meets may the other end be this same thread?
   * @param credentials what came of `Route.prepare`; undefined where nothing was prepared
   */
  connection(peer: RawPeer, used: Dialect, meets: boolean, credentials: unknown): Connection {
    if (this.keepAlive !== undefined) peer.keepAlive(this.keepAlive);
    const options =
      credentials === undefined ? this.options : { ...this.options, config: { ...this.options.config, credentials } };
    return connectionOver(peer, used, options, isLocal(peer.peerAddress), meets);
  }

  /** What `Route.prepare` threw, with where it happened. */
  unprepared(error: unknown): unknown {
    const { endpoint } = this;
    if (error instanceof TlsError)
      return new TlsError(error.reason, `${endpoint}: ${error.message}${hint(error)}`, { cause: error });
    if (error instanceof AuthenticationError)
      return new AuthenticationError(`${endpoint}: ${error.message}`, { cause: error });
    if (error instanceof EOFError)
      return new EOFError(`${endpoint} closed the connection before the handshake: ${error.message}`, { cause: error });
    if (error instanceof TimeoutError)
      return new TimeoutError(
        `${endpoint} accepted, but did not go on with what comes before RPyC's handshake (TLS, token) in time: does that port expect it? A server that speaks neither waits like this`,
        { cause: error },
      );
    return error;
  }

  describe(error: unknown): unknown {
    // With TLS 1.3 a server refuses a certificate after the client's handshake is over.
    if (error instanceof TlsError) return this.unprepared(error);
    if (error instanceof EOFError)
      return new EOFError(`${this.endpoint} closed the connection during the handshake: ${error.message}`, {
        cause: error,
      });
    if (error instanceof ProtocolError && !(error instanceof VersionError))
      return new ProtocolError(`what ${this.endpoint} says is not RPyC: ${error.message}`, { cause: error });
    if (error instanceof TimeoutError)
      return new TimeoutError(`${this.endpoint} accepted, but did not answer the handshake in time`, { cause: error });
    return error;
  }
}

const HINTS: Partial<Record<TlsError['reason'], string>> = {
  CERT_NAME_MISMATCH:
    '; the option servername says whose certificate to expect, and checkHostname: false accepts any name',
  HANDSHAKE_CLOSED: ': does that port speak TLS?',
  NOT_TLS: ': use connect for a server without TLS',
};
const hint = ({ reason }: TlsError): string => HINTS[reason] ?? '';

const nameDialect = (dialect: Dialect): string =>
  `RPyC ${dialect.variant}.x${dialect.bound ? ' with RPYC_BIND_THREADS' : ''}`;

function makeConnection(
  transport: (options: ResolvedOptions) => Transport,
  options: ConnectOptions,
  local: boolean,
  ownListener: boolean,
): Connection {
  const resolved = resolveOptions(options, local);
  const root = rootOf(options.service ?? VoidService);
  const config = makeConfig(options.config);
  return new Connection({
    // Last: it owns the peer from here on.
    transport: transport(resolved),
    root,
    config,
    options: resolved,
    netrefs,
    ownListener,
  });
}

/** A connection over a peer, which is closed where the options cannot be. */
function connectionOver(
  peer: RawPeer,
  { variant, bound }: Dialect,
  options: ConnectOptions,
  local: boolean,
  ownListener: boolean,
): Connection {
  try {
    return makeConnection(
      (resolved) => peer.transport({ ...resolved, variant, bound: bound ? 1 : 0 }),
      options,
      local,
      ownListener,
    );
  } catch (error) {
    peer.close();
    throw error;
  }
}

const timeoutOf = ({ connectTimeout = CONNECT_TIMEOUT }: ConnectOptions): number =>
  secondsOf('connectTimeout', connectTimeout);

/** Connects by a route, with calls that are awaited. */
export function open(route: Route, options: ConnectOptions & AwaitedOptions): Promise<Connection> {
  return retrying(options.retry, options.signal, () => openOnce(route, options));
}

/** `open`, for connections that may come back. */
export function openLasting(route: Route, options: Opening): Promise<Connection | ReconnectingConnection> {
  const { reconnect = false, signal, ...rest } = options;
  if (reconnect === false) return open(route, options);
  const first = { keepalive: true, ...rest, ...(signal === undefined ? {} : { signal }) };
  // Each attempt to come back is one, with pauses of its own.
  return ReconnectingConnection.open(
    (closing) => open(route, closing === undefined ? first : { ...first, retry: false, signal: closing }),
    reconnect,
  );
}

async function openOnce(route: Route, options: ConnectOptions & AwaitedOptions): Promise<Connection> {
  const { signal } = options;
  const attempt = new Attempt(route.endpoint, options);
  for (;;) {
    const dialect = attempt.dialect();
    const peer = await route.dial(attempt.timeLeft, signal);
    const meets = peer.mayMeetItself;
    const credentials = await prepared(route, peer, attempt, signal);
    const conn = attempt.connection(peer, dialect, meets, credentials);
    conn.start();
    try {
      await handshake(conn, meets, attempt.timeLeft, signal);
      attempt.succeeded(dialect);
      return conn;
    } catch (error) {
      conn.abort();
      signal?.throwIfAborted();
      if (!attempt.retryAs(conn, dialect)) throw attempt.describe(error);
    }
  }
}

async function prepared(
  { prepare }: Route,
  peer: RawPeer,
  attempt: Attempt,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  if (prepare === undefined) return undefined;
  let stop = (): void => undefined;
  try {
    const channel = peer.channel();
    stop = () => channel.cancel(new EOFError('connecting was given up'));
    signal?.addEventListener('abort', stop);
    return await channel.run(prepare(channel), attempt.timeLeft);
  } catch (error) {
    peer.close();
    throw attempt.unprepared(error);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

function preparedSync({ prepare }: Route, peer: RawPeer, attempt: Attempt): unknown {
  if (prepare === undefined) return undefined;
  try {
    const channel = peer.channel();
    return channel.runSync(prepare(channel), attempt.timeLeft);
  } catch (error) {
    peer.close();
    throw attempt.unprepared(error);
  }
}

/** @param meets may the other end be this same thread? */
async function handshake(conn: Connection, meets: boolean, timeoutMs: number, signal?: AbortSignal): Promise<void> {
  const aborted = (): void => conn.abort();
  signal?.addEventListener('abort', aborted);
  if (signal?.aborted) aborted();
  const timer = setTimeout(
    () => conn.fail(new TimeoutError(`no answer to the handshake within ${Math.round(timeoutMs)} ms`)),
    timeoutMs,
  );
  try {
    await conn.fetchRoot();
    if (meets) await conn.meet();
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', aborted);
  }
}

/** Connects by a route, blocking. */
export function openSync(route: Route, options: ConnectOptions): SyncConnection {
  return retryingSync(options.retry, () => openOnceSync(route, options));
}

function openOnceSync(route: Route, options: ConnectOptions): SyncConnection {
  const attempt = new Attempt(route.endpoint, options);
  for (;;) {
    const dialect = attempt.dialect();
    const peer = route.dialSync(attempt.timeLeft);
    if (peer.isOwnListener) {
      peer.close();
      throw new DeadlockError(
        `${route.endpoint} is served by this same thread, which a blocking call would stop: it could never be answered. Connect with await connect(), or serve in a worker thread`,
      );
    }
    const conn = attempt.connection(peer, dialect, false, preparedSync(route, peer, attempt));
    conn.start();
    try {
      conn.fetchRootSync(attempt.timeLeft);
      attempt.succeeded(dialect);
      return conn.sync;
    } catch (error) {
      conn.abort();
      if (error instanceof InterruptedError || !attempt.retryAs(conn, dialect)) throw attempt.describe(error);
    }
  }
}

function tcp(host: string, port: number): Target {
  if (typeof host !== 'string' || host === '') throw new TypeError('host is a name or an address');
  if (!(Number.isInteger(port) && port > 0 && port < 65_536))
    throw new RangeError(`port is between 1 and 65535, not ${port}`);
  return { host, port };
}

/**
 * RPyC's `connect`: a connection whose calls are awaited.
 *
 *     const conn = await rpyc.connect('localhost', 18861);
 *     await conn.root.add(5, 10);
 *
 * Answers to `connect` in rpyc/utils/factory.py.
 * With `{ reconnect: true }` it is a {@link ReconnectingConnection}, which comes back when the line breaks.
 * @param host name or address; all addresses of a name are tried
 * @param port 1 to 65535; RPyC has no default for services
 * @throws {ConnectError} when nobody accepts, {VersionError} when no wire version fits, {TimeoutError} when the server accepts and says
 * nothing, {EOFError} when it hangs up; {RangeError} or {TypeError} for an option out of its range
 */
export function connect(
  host: string,
  port: number,
  options: ConnectOptions & AwaitedOptions & Reconnects,
): Promise<ReconnectingConnection>;
export function connect(
  host: string,
  port: number,
  options?: ConnectOptions & AwaitedOptions & { reconnect?: false },
): Promise<Connection>;
export async function connect(
  host: string,
  port: number,
  options: Opening = {},
): Promise<Connection | ReconnectingConnection> {
  return openLasting(routeTo(tcp(host, port), options), options);
}

/**
 * `connect` that blocks, with calls that block: `connectSync('localhost', 18861).root.add(5, 10)` returns 15. `.async` is the awaitable face.
 * Answers to `connect` in rpyc/utils/factory.py, which blocks.
 * @throws {DeadlockError} for a server of the same thread; else as {@link connect}
 */
export function connectSync(host: string, port: number, options: ConnectOptions = {}): SyncConnection {
  return openSync(routeTo(tcp(host, port), options), options);
}

/** RPyC's `unix_connect`: over a Unix socket, with calls that are awaited. @throws as {@link connect} */
export function unixConnect(
  path: string,
  options: ConnectOptions & AwaitedOptions & Reconnects,
): Promise<ReconnectingConnection>;
export function unixConnect(
  path: string,
  options?: ConnectOptions & AwaitedOptions & { reconnect?: false },
): Promise<Connection>;
export async function unixConnect(path: string, options: Opening = {}): Promise<Connection | ReconnectingConnection> {
  return openLasting(routeTo({ path }, options), options);
}

/** {@link unixConnect} that blocks, with calls that block. @throws as {@link connectSync} */
export function unixConnectSync(path: string, options: ConnectOptions = {}): SyncConnection {
  return openSync(routeTo({ path }, options), options);
}

/**
 * RPyC's `ssl_connect`: `connect` over TLS. `conn.credentials` is the server's certificate.
 *
 *     const conn = await rpyc.sslConnect('example.org', 18871, { caFile: 'server.crt' });
 *
 * Unlike RPyC it verifies the server unless told otherwise: the certificate must come from an authority in `caFile` or `ca` (without them,
 * from one that Node trusts), and be for `host`. With `certfile` and `keyfile` the server learns who we are, if it asks.
 * @throws {TlsError} when TLS fails, at once and with its `reason`; {TypeError} for options that cannot be; else as {@link connect}
 */
export async function sslConnect(host: string, port: number, options: SslConnectOptions = {}): Promise<Connection> {
  const target = tcp(host, port);
  return open(routeTo(target, options, new ClientTls(host, options)), options);
}

/** {@link sslConnect} that blocks, with calls that block. @throws as {@link sslConnect} and {@link connectSync} */
export function sslConnectSync(host: string, port: number, options: SslConnectOptions = {}): SyncConnection {
  const target = tcp(host, port);
  return openSync(routeTo(target, options, new ClientTls(host, options)), options);
}

/** What `connectStream` and its relatives take. */
export interface StreamOptions extends Omit<ConnectOptions, 'retry' | 'keepalive'> {
  /** Nobody can reconnect a stream, so the version must be told. Default 6. */
  protocol?: 5 | 6;
}

/**
 * RPyC's `connect_stream`: over any Node Duplex (TLS socket, SSH channel). Awaited calls only: a blocking one throws
 * ERR_RPYC_BLOCKING_UNSUPPORTED, since only the event loop can read a Node stream.
 *
 *     const conn = await rpyc.connectStream(tls.connect(18821, 'host'));
 *
 * @throws {VersionError} when the server speaks another version than `protocol`
 */
export async function connectStream(stream: Duplex, options: StreamOptions = {}): Promise<Connection> {
  if (options.token !== undefined)
    throw codedError(
      new TypeError('token needs a socket of the engine: connect, unixConnect, sslConnect'),
      'ERR_RPYC_OPERATION',
    );
  const dialect = dialectOf(options);
  const conn = makeConnection(
    (resolved) => new StreamTransport(stream, { ...resolved, variant: dialect.variant, bound: dialect.bound ? 1 : 0 }),
    options,
    false,
    false,
  );
  conn.start();
  try {
    // Nothing tells where a stream leads; where this thread listens, it may lead back here.
    await handshake(conn, servesHere(), timeoutOf(options));
    return conn;
  } catch (error) {
    conn.abort();
    throw streamError(conn, dialect, error);
  }
}

/** A stream cannot be dialled again, so its version is for the caller to tell. */
function streamError(conn: Connection, used: Dialect, error: unknown): unknown {
  if (conn.protocol === 0 || conn.protocol === used.variant) return error;
  return new VersionError(
    `the peer of this stream speaks RPyC ${conn.protocol}.x: pass { protocol: ${conn.protocol} }`,
    { cause: error },
  );
}

const dialectOf = ({ protocol = 6, bindThreads = false }: StreamOptions): Dialect => ({
  variant: protocol,
  bound: bindThreads,
});

/** A connection over descriptors that are connected already, and cannot be dialled again. */
export async function openOver(makePeer: () => RawPeer, options: StreamOptions & AwaitedOptions): Promise<Connection> {
  const dialect = dialectOf(options);
  const timeoutMs = timeoutOf(options);
  options.signal?.throwIfAborted();
  const conn = overPeer(makePeer(), dialect, options);
  try {
    await handshake(conn, servesHere(), timeoutMs, options.signal);
    return conn;
  } catch (error) {
    conn.abort();
    options.signal?.throwIfAborted();
    throw streamError(conn, dialect, error);
  }
}

/** `openOver`, blocking. */
export function openOverSync(makePeer: () => RawPeer, options: StreamOptions): SyncConnection {
  const dialect = dialectOf(options);
  const timeoutMs = timeoutOf(options);
  const conn = overPeer(makePeer(), dialect, options);
  try {
    conn.fetchRootSync(timeoutMs);
    return conn.sync;
  } catch (error) {
    conn.abort();
    throw streamError(conn, dialect, error);
  }
}

function overPeer(peer: RawPeer, dialect: Dialect, options: StreamOptions): Connection {
  const conn = connectionOver(peer, dialect, options, true, false);
  conn.start();
  return conn;
}
