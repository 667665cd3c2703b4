// What others may watch without touching the protocol: a diagnostics channel per kind of event. Costs one check where nobody listens.
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

export const servedCalls = channel('rpyc:call');
