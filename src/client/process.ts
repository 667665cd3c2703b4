// A connection and the process that was started for it, as RPyC's `conn.proc`.
import type { ChildProcess } from 'node:child_process';
import type { Connection, SyncConnection } from '../protocol/connection.ts';

/** A connection with the process that was started for it. */
export type ProcessConnection = Connection & {
  /** The process that was started for this connection, and ends with it: the other end, or the `ssh` on the way there. */
  readonly proc: ChildProcess;
};

/** {@link ProcessConnection}, blocking. */
export type SyncProcessConnection = SyncConnection & {
  /** The process that was started for this connection, and ends with it: the other end, or the `ssh` on the way there. */
  readonly proc: ChildProcess;
};

/** The process stands on both faces. */
export function withProcess<C extends Connection | SyncConnection>(
  made: C,
  proc: ChildProcess,
): C & { proc: typeof proc } {
  const conn: Connection = 'async' in made ? made.async : (made as Connection);
  for (const face of [conn, conn.sync])
    Object.defineProperty(face, 'proc', { value: proc, configurable: true, enumerable: false });
  return made as C & { proc: typeof proc };
}
