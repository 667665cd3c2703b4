// What others may watch without touching the protocol: channels of node:diagnostics_channel, one per kind of event. Where nobody subscribes an
// event costs one look, and nothing of it is computed. Subscribers run in the middle of things: they should note, and not wait.
//
//     import { subscribe } from 'node:diagnostics_channel';
//     subscribe('rpyc:request:end', ({ connid, name, duration }) => histogram.observe({ name }, duration));
import { channel } from 'node:diagnostics_channel';

/** Published as `rpyc:call` for every request that we served. */
export interface ServedCall {
  /** Attribute called, or the name of the handler. */
  readonly name: string;
  /** From dispatch to reply, ms. */
  readonly duration: number;
  /** Did it end in an exception? */
  readonly failed: boolean;
}

/** Published as `rpyc:request:start` when a request of the peer begins to be served; not while it waits for its turn (`maxInFlight`). */
export interface RequestStart {
  /** `config.connid` of the connection. */
  readonly connid: string | null;
  /** The peer's number of the request, unique in its connection: what starts and ends with the same one belongs together. */
  readonly seq: number;
  /** Attribute called, or the name of the handler. */
  readonly name: string;
}

/** Published as `rpyc:request:end` when it is answered with a value. */
export interface RequestEnd extends RequestStart {
  /** Since its start, ms. */
  readonly duration: number;
}

/** Published as `rpyc:request:error` when it is answered with an exception. A request that could not be read has no start. */
export interface RequestError extends RequestEnd {
  /** What was thrown. */
  readonly error: unknown;
}

/** Published as `rpyc:connect` when a connection begins, of clients and of servers. */
export interface Connected {
  /** `config.connid` of the connection. */
  readonly connid: string | null;
  /** `[local, remote]` addresses; null where this side is the client. */
  readonly endpoints: readonly [unknown, unknown] | null;
  /** The Connection. */
  readonly connection: object;
}

/** Published as `rpyc:disconnect` when it is over. */
export interface Disconnected {
  /** `config.connid` of the connection. */
  readonly connid: string | null;
  /** Why; an EOFError for an orderly end. */
  readonly error: Error;
  /** Did the peer say goodbye? */
  readonly closedByPeer: boolean;
  /** ConnectionStats, as they were at the end. */
  readonly stats: object;
  /** The Connection. */
  readonly connection: object;
}

export const connects = channel('rpyc:connect');
export const disconnects = channel('rpyc:disconnect');

const servedCalls = channel('rpyc:call');
const starts = channel('rpyc:request:start');
const ends = channel('rpyc:request:end');
const errors = channel('rpyc:request:error');

/** When a request began that somebody watches, in ms; 0: nobody does. */
export function startClock(): number {
  return servedCalls.hasSubscribers || ends.hasSubscribers || errors.hasSubscribers || starts.hasSubscribers
    ? performance.now()
    : 0;
}

/** A request begins. For one whose clock was started. */
export function publishStart(connid: string | null, seq: number, name: string): void {
  if (starts.hasSubscribers) starts.publish({ connid, seq, name } satisfies RequestStart);
}

/** It was answered with a value. */
export function publishEnd(connid: string | null, seq: number, name: string, started: number): void {
  const duration = performance.now() - started;
  if (servedCalls.hasSubscribers) servedCalls.publish({ name, duration, failed: false } satisfies ServedCall);
  if (ends.hasSubscribers) ends.publish({ connid, seq, name, duration } satisfies RequestEnd);
}

/** It was answered with an exception. */
export function publishError(connid: string | null, seq: number, name: string, started: number, error: unknown): void {
  const duration = performance.now() - started;
  if (servedCalls.hasSubscribers) servedCalls.publish({ name, duration, failed: true } satisfies ServedCall);
  if (errors.hasSubscribers) errors.publish({ connid, seq, name, duration, error } satisfies RequestError);
}
