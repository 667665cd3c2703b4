// Which request of which peer the current code serves: bind_threads peers want the requests nested in it marked with it, so that their
// blocked thread answers. Kept for those peers alone. Answers to the thread ids of rpyc/core/protocol.py (RPYC_BIND_THREADS).
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Link } from './link.ts';

const serving = new AsyncLocalStorage<{ link: Link; seq: number }>();

/** Runs `serve` as the service of the peer's request `seq`. */
export function nest(link: Link, seq: number, serve: () => void): void {
  serving.run({ link, seq }, serve);
}

/** seq + 1 of the peer's request that we are serving on this connection, 0 outside of one. */
export function nestedIn(link: Link): number {
  const current = serving.getStore();
  return current !== undefined && current.link === link ? current.seq + 1 : 0;
}
