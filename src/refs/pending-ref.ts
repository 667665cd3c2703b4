// Remote objects that were named and not fetched yet: paths (`conn.root.a.b`), method stubs, and the promises of calls.

/** A path, a method stub or the promise of a call: stands for a remote object that is not here yet. */
export interface PendingRef {
  fetch(): Promise<unknown>;
  fetchSync(): unknown;
  /** Somebody will fetch it, later: that what it starts with fails meanwhile is no unhandled rejection. */
  expected?(): void;
}

/** `path[PENDING]` is the PendingRef behind a path, a stub or the promise of a call; undefined on everything else. */
export const PENDING: unique symbol = Symbol('rpyc.pending');

export const pendingOf = (value: unknown): PendingRef | undefined =>
  typeof value === 'function' || value instanceof Promise
    ? (value as { readonly [PENDING]?: PendingRef })[PENDING]
    : undefined;
