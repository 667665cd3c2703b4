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
  type ConnectOptions,
  connect,
  connectStream,
  connectSync,
  type ProtocolVersion,
  type StreamOptions,
  unixConnect,
  unixConnectSync,
} from './client/connect.ts';
export {
  BackpressureError,
  ConnectError,
  DeadlockError,
  EOFError,
  InterruptedError,
  ProtocolError,
  type RpycErrorCode,
  TimeoutError,
  UnicodeEncodeError,
  VersionError,
} from './errors.ts';
export { AsyncResult, async_, timed } from './netref/async-result.ts';
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
  same,
  setattr,
  setitem,
  str,
  sync,
  toArray,
} from './netref/helpers.ts';
export { op } from './netref/operators.ts';
export { type Config, type ConnectionOptions, DEFAULT_CONFIG, type Logger } from './protocol/config.ts';
export { Connection, type ConnectionStats } from './protocol/connection.ts';
export type { SyncConnection } from './protocol/sync.ts';
export { exceptions, PythonError, registerException } from './python/exceptions.ts';
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
export { Server, type ServerOptions } from './server/server.ts';
export { exposed, service } from './service/exposed.ts';
export { Service, type ServiceSource, VoidService } from './service/service.ts';
