// Remote objects that were named and not fetched yet: paths (`conn.root.a.b`) and method stubs.

/** A path or method stub: stands for a remote object that was not fetched yet. */
export interface PendingRef {
  fetch(): Promise<unknown>;
  fetchSync(): unknown;
}

/** `path[PENDING]` is the PendingRef behind a path or stub; undefined on everything else. */
export const PENDING: unique symbol = Symbol('rpyc.pending');

export const pendingOf = (value: unknown): PendingRef | undefined =>
  typeof value === 'function' ? (value as { readonly [PENDING]?: PendingRef })[PENDING] : undefined;
