// How netrefs are made, as connections know it: netref/ gives them a NetrefMaker, so that nothing below has to import it.
import type { Face } from './face.ts';
import type { Holder } from './holder.ts';

/** What a path can start with: a connection (its root), or a module of a classic one. */
export interface RootSource {
  /** The awaitable reference, once it was fetched. */
  readonly root: unknown;
  fetchRoot(): Promise<object>;
  fetchRootSync(): object;
}

/** Makes what users touch; see netref/. */
export interface NetrefMaker {
  /** The proxy of a holder in one face. */
  proxy(holder: Holder, face: Face): object;
  /** `conn.root` before it was fetched. */
  rootPath(source: RootSource): object;
}
