// The public door of `rpyc/zerorpc`: ZeroRPC, compatible with Python's zerorpc 0.6.3. Nothing of RPyC is imported here.

export { ZmqError } from '../zmtp/errors.ts';
export { type CallOptions, Client, type ClientOptions, type Remote } from './client.ts';
export { Context, type Middleware, type TracedEvent } from './context.ts';
export { ChannelError, EncodeError, EventError, LostRemote, RemoteError, TimeoutExpired } from './errors.ts';
export type { EndOptions, Logger } from './events.ts';
export { type Description, describe, type Method, type Methods, type Parameter, stream } from './methods.ts';
export { type Notified, Publisher, Puller, Pusher, Subscriber } from './oneway.ts';
export { callSignal, Server, type ServerOptions } from './server.ts';
