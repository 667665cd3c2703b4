// How remote objects were come by, for whoever wants to find them again on another connection; see client/reconnect.ts.
import type { Holder } from './holder.ts';

/** Is told what is read of one connection's objects, and asked what those are told who use them after its end. Ordinary connections have none. */
export interface Lineage {
  /** `name` of `from` was read, and is `to`. */
  derived(from: Holder, name: string, to: unknown): void;
  /** What a request gets, now that the line has ended by `ending`. */
  refusal(ending: Error): Error;
}
