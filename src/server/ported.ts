// RPyC's server of a thread pool, for ported code. (ThreadedServer is another name of Server, in index.ts.) Answers to rpyc/utils/server.py.
import type { ServiceSource } from '../service/service.ts';
import { Server, type ServerOptions } from './server.ts';

/** What RPyC's `ThreadPoolServer` takes beside the options of a server. There are no threads here, so both are accepted and ignored. */
export interface ThreadPoolOptions extends ServerOptions {
  /** Accepted and ignored: one event loop serves all connections. `maxInFlight` bounds what runs at a time. */
  nbThreads?: number;
  /** Accepted and ignored: the engine reads what there is. */
  requestBatchSize?: number;
}

/** RPyC's `ThreadPoolServer`: a {@link Server}, whose one event loop serves all connections, and which ignores what only threads need. */
export class ThreadPoolServer extends Server {
  /** @throws as {@link Server} */
  constructor(service: ServiceSource, options: ThreadPoolOptions = {}) {
    super(service, options);
  }
}
