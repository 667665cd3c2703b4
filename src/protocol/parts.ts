// What a connection is made of, and what it tells of itself: types only.
import type { Transport } from '../native/transport.ts';
import type { Config, ResolvedOptions } from '../policy/config.ts';
import type { Face, MakeProxy } from '../refs/holder.ts';
import type { Connection } from './connection.ts';

/** Who answers on our side. Services implement it (service/service.ts). */
export interface LocalRoot {
  /** The object that GETROOT returns. */
  readonly object: object;
  /** Face of references that enter our handlers. */
  readonly face: Face;
  /** GETROOT waits for it. */
  connected(conn: Connection): void | Promise<void>;
  disconnected(conn: Connection): void;
}

/** How netrefs are made; see netref/. */
export interface NetrefMaker {
  proxy: MakeProxy;
  /** `conn.root` before it was fetched. */
  rootPath(conn: Connection): object;
}

export interface ConnectionParts {
  transport: Transport;
  root: LocalRoot;
  config: Config;
  options: ResolvedOptions;
  netrefs: NetrefMaker;
  /** Servers: wire version to speak if we have to talk before the peer did. */
  speaks?: 5 | 6;
}

/** Traffic of one connection. */
export interface ConnectionStats {
  bytesIn: number;
  bytesOut: number;
  messagesIn: number;
  messagesOut: number;
  /** Bytes waiting to be written. */
  queued: number;
  /** Objects of the peer that we hold. */
  remoteObjects: number;
  /** Objects of ours that the peer holds. */
  localObjects: number;
  /** Calls of ours without an answer yet. */
  pending: number;
}
