// What a connection tells of its traffic and tables. Owns nothing: the engine, the exports and the pending table count.
import type { Exports } from '../boxing/exports.ts';
import type { Flow } from './flow.ts';
import type { Link } from './link.ts';
import type { PendingTable } from './pending.ts';

/** Traffic of one connection. */
export interface ConnectionStats {
  /** Bytes received. */
  bytesIn: number;
  /** Bytes written; what is queued is not among them. */
  bytesOut: number;
  /** Messages received: requests, answers, exceptions. */
  messagesIn: number;
  /** Messages sent, those still queued included. */
  messagesOut: number;
  /** Bytes waiting to be written. */
  queued: number;
  /** Objects of the peer that we hold. */
  remoteObjects: number;
  /** Objects of ours that the peer holds. */
  localObjects: number;
  /** Calls of ours without an answer yet. */
  pending: number;
  /** Requests of the peer whose handler has not answered yet. */
  inFlight: number;
  /** Requests of the peer that wait for one of those; see `maxInFlight`. */
  waiting: number;
  /** Requests of the peer that were answered with a value. */
  served: number;
  /** Requests of the peer that were answered with an exception. */
  failed: number;
  /** Bytes received of messages that are not complete. */
  undecoded: number;
  /** Is nothing read from the peer, because it asks faster than it is served, or does not read its answers? */
  paused: boolean;
}

/** Counts the requests of one peer that were answered. */
export interface Answered {
  readonly served: number;
  readonly failed: number;
}

export function statisticsOf(
  link: Link,
  exports: Exports,
  pending: PendingTable,
  flow: Flow,
  answered: Answered,
): ConnectionStats {
  // By index: a server's sweep asks thousands of connections, and iterating over a typed array costs more than the rest.
  const { traffic } = link;
  const queued = traffic[4];
  return {
    bytesIn: traffic[0],
    bytesOut: traffic[1],
    messagesIn: traffic[2],
    messagesOut: traffic[3],
    queued,
    remoteObjects: traffic[5],
    localObjects: exports.size,
    pending: pending.size,
    inFlight: flow.inFlight,
    waiting: flow.waiting,
    served: answered.served,
    failed: answered.failed,
    undecoded: traffic[6],
    paused: link.paused || (pending.size === 0 && queued > link.options.highWater / 2),
  };
}
