// The two ways to use a remote object.

/** How a reference is used: awaitable (every operation a promise) or blocking. */
export type Face = 'async' | 'sync';
