/**
 * RPyC for Node.js: Python objects as JavaScript objects and the other way round, blocking or awaited.
 *
 *     import * as rpyc from 'rpyc';
 *     const conn = await rpyc.connect('localhost', 18861);
 *     await conn.root.add(5, 10);
 *
 * @packageDocumentation
 */

export {
  AuthChannel,
  type Authenticator,
  type AuthenticatorFunction,
  type AuthenticatorObject,
  SslAuthenticator,
} from './auth/authenticator.ts';
export type { PeerCertificate, TlsClientOptions, TlsOptions, TlsServerOptions } from './auth/tls.ts';
export {
  type Token,
  TokenAuthenticator,
  type TokenCredentials,
  type TokenOptions,
  type TokenSecret,
} from './auth/token.ts';
export { asValue, byValue } from './boxing/by-value.ts';
export type { ProcessOptions } from './children/child.ts';
/**
 * Classic mode: everything of a remote interpreter at hand. Connecting to a slave (`connect` and its relatives), its files (`upload`,
 * `download`, `remoteReadable`), its objects by value (`obtain`, `deliver`), its standard streams (`redirectedStdio`, `interact`, `pm`).
 * Answers to rpyc/utils/classic.py.
 */
export * as classic from './children/classic.ts';
export {
  connectMultiprocess,
  connectMultiprocessSync,
  connectSubproc,
  connectSubprocSync,
  type MultiprocessOptions,
  type ProcessConnectOptions,
  type Subproc,
} from './children/subproc.ts';
export {
  connectThread,
  connectThreadSync,
  type SyncThreadConnection,
  type ThreadConnection,
  type ThreadOptions,
} from './children/thread.ts';
export {
  type AwaitedOptions,
  type ConnectOptions,
  connect,
  connectStream,
  connectSync,
  type ProtocolVersion,
  type Reconnects,
  type SslConnectOptions,
  type StreamOptions,
  sslConnect,
  sslConnectSync,
  unixConnect,
  unixConnectSync,
} from './client/connect.ts';
export {
  type ConnectByServiceOptions,
  connectByService,
  connectByServiceSync,
  type DiscoverOptions,
  discover,
  discoverSync,
  type ListOptions,
  listServices,
  listServicesSync,
} from './client/discover.ts';
export { connectPipes, connectPipesSync, connectStdpipes, connectStdpipesSync } from './client/pipes.ts';
export type { ProcessConnection, SyncProcessConnection } from './client/process.ts';
export {
  type Reconnecting,
  ReconnectingConnection,
  type ReconnectOptions,
  type ReconnectState,
} from './client/reconnect.ts';
export type { KeepAliveOptions, RetryOptions } from './client/retry.ts';
export { sshConnect, sshConnectSync } from './client/ssh.ts';
export type { SshDestination, SshRemote, SshTarget } from './client/ssh-target.ts';
export type { DeployContents } from './deploy/contents.ts';
export { DeployedServer, type DeployOptions, deploy } from './deploy/deploy.ts';
export { MultiServerDeployment } from './deploy/multi.ts';
export {
  AuthenticationError,
  BackpressureError,
  ConnectError,
  DeadlockError,
  DiscoveryError,
  EOFError,
  ForbiddenError,
  InterruptedError,
  ProtocolError,
  type RpycErrorCode,
  StaleNetrefError,
  TimeoutError,
  TlsError,
  type TlsReason,
  UnicodeEncodeError,
  UnpicklingError,
  VersionError,
} from './errors.ts';
export { AsyncResult, async_, timed } from './netref/async-result.ts';
export { type Context, enter, withContext } from './netref/context.ts';
export { coroutine } from './netref/coroutine.ts';
export {
  type Answer,
  awaitable,
  bool,
  buffiter,
  contains,
  delattr,
  delitem,
  dir,
  getattr,
  getitem,
  hasattr,
  hash,
  isinstance,
  isRemote,
  len,
  type Ref,
  release,
  repr,
  rootAs,
  same,
  setattr,
  setitem,
  str,
  sync,
  toArray,
  withOptions,
} from './netref/helpers.ts';
export type { Buffering } from './netref/iteration.ts';
export { map, type RemoteMap, type SyncRemoteMap } from './netref/map.ts';
export { op } from './netref/operators.ts';
export type { CallOptions } from './netref/options.ts';
export { BgServingThread, oneway } from './netref/serving.ts';
export { type RemoteSet, type SyncRemoteSet, set } from './netref/set.ts';
export type { Argument, ByValue, Called, Netref, Path, Result, SyncNetref, SyncResult } from './netref/types.ts';
export { type Copied, type CopiedObject, type ValueOptions, value } from './netref/value.ts';
export { type Config, type ConnectionOptions, DEFAULT_CONFIG } from './policy/config.ts';
export type { Logger } from './policy/logger.ts';
export { Connection, type SyncConnection } from './protocol/connection.ts';
export type {
  Connected,
  Disconnected,
  RequestEnd,
  RequestError,
  RequestStart,
  ServedCall,
} from './protocol/observe.ts';
export type { ConnectionStats } from './protocol/statistics.ts';
export { exceptions, PythonError, registerException } from './python/exceptions.ts';
export {
  dumps,
  loads,
  type NdArray,
  ndarray,
  PyDate,
  PyDateTime,
  PyDecimal,
  PyTime,
  PyTimedelta,
  type ReadOptions,
  type TypedArray,
  type WriteOptions,
} from './python/pickle.ts';
export { PyFraction } from './python/pickle-types.ts';
export {
  Complex,
  Ellipsis,
  FrozenSet,
  float,
  int,
  type Kwargs,
  kwargs,
  NotImplemented,
  PyFloat,
  PyInt,
  Slice,
  slice,
  tuple,
} from './python/values.ts';
export { type RegisterOptions, type Registrar, RegistryClient, type RegistryClientOptions } from './registry/client.ts';
export { REGISTRY_PORT, type ServerAddress } from './registry/messages.ts';
export { type RegistryEvents, RegistryServer, type RegistryServerOptions } from './registry/server.ts';
export type { Secret } from './registry/signing.ts';
export { TCPRegistryClient } from './registry/tcp-client.ts';
export { TCPRegistryServer, type TCPRegistryServerOptions } from './registry/tcp-server.ts';
export { UDPRegistryClient, type UDPRegistryClientOptions } from './registry/udp-client.ts';
export { UDPRegistryServer } from './registry/udp-server.ts';
export { Relay, type RelayMetrics, type RelayOptions, type RelayTarget } from './relay/relay.ts';
export type { ListeningAddress } from './server/address.ts';
export { type ForkingMetrics, ForkingServer } from './server/forking.ts';
export type { ServerLimits } from './server/limits.ts';
export type { CutReason, ServerMetrics } from './server/metrics.ts';
export { OneShotServer } from './server/oneshot.ts';
export { type WorkerContext, workerContext } from './server/pool/context.ts';
export type { WorkerEvent, WorkerExitReason, WorkerState } from './server/pool/member.ts';
export type { WorkerPoolOptions } from './server/pool/options.ts';
export { type PoolMetrics, type WorkerMetrics, WorkerPoolServer } from './server/pool/pool.ts';
export { type ThreadPoolOptions, ThreadPoolServer } from './server/ported.ts';
export { type DrainOptions, Server, Server as ThreadedServer, type ServerOptions } from './server/server.ts';
export { type StdioOptions, serveStdio } from './server/stdio.ts';
export type { TimeoutReason } from './server/sweep.ts';
export {
  ClassicClient,
  ClassicService,
  FakeSlaveService,
  MasterService,
  SlaveService,
  SlaveService as JsSlaveService,
} from './service/classic.ts';
export { classpartial } from './service/classpartial.ts';
export { exposed, service } from './service/exposed.ts';
export { restricted } from './service/restricted.ts';
export { Service, type ServiceSource, VoidService } from './service/service.ts';
