// Names of RPyC's servers that are this package's Server, for ported code. Answers to rpyc/utils/server.py.
import type { ServiceSource } from '../service/service.ts';
import { Server, type ServerOptions } from './server.ts';

/** What RPyC's `ThreadPoolServer` takes beside the options of a server. There are no threads here, so both are accepted and ignored. */
export interface ThreadPoolOptions extends ServerOptions {
  /** Accepted and ignored: one event loop serves all connections. `maxInFlight` bounds what runs at a time. */
  nbThreads?: number;
  /** Accepted and ignored: the engine reads what there is. */
  requestBatchSize?: number;
}

/** RPyC's `ThreadedServer`: {@link Server}, whose one event loop needs no thread for each connection. */
export const ThreadedServer: new (service: ServiceSource, options?: ServerOptions) => Server = Server;
/** RPyC's `ThreadedServer`: {@link Server}. */
export type ThreadedServer = Server;

/** RPyC's `ThreadPoolServer`: {@link Server}, likewise; for several cores there is a server of worker threads. */
export const ThreadPoolServer: new (service: ServiceSource, options?: ThreadPoolOptions) => Server = Server;
/** RPyC's `ThreadPoolServer`: {@link Server}. */
export type ThreadPoolServer = Server;
