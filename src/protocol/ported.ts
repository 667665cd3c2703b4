// RPyC's serve, poll, poll_all and serve_all for ported code. The event loop serves every connection by itself: these only wait until it did,
// or (blocking) serve this thread's own way. Answers to the methods of those names of rpyc/core/protocol.py.
import { performance } from 'node:perf_hooks';

/** What is waited for: an end, or that something was served. */
export class ServeWaits {
  private readonly waiting = new Set<(served: boolean) => void>();
  private ended = false;

  /**
   * Resolves when something was served, or after `timeout` seconds (null: no limit). True: something was.
   */
  serve(timeout: number | null): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = timeout === null ? undefined : setTimeout(() => done(false), timeout * 1000);
      const done = (served: boolean): void => {
        clearTimeout(timer);
        this.waiting.delete(done);
        resolve(served);
      };
      if (this.ended) done(false);
      else this.waiting.add(done);
    });
  }

  /** Resolves after `timeout` seconds, or at the end. True: something was served meanwhile. */
  async pollAll(timeout: number): Promise<boolean> {
    const deadline = performance.now() + timeout * 1000;
    let served = false;
    do served = (await this.serve(Math.max(0, deadline - performance.now()) / 1000)) || served;
    while (performance.now() < deadline && !this.ended);
    return served;
  }

  /** Resolves at the end. */
  async serveAll(): Promise<void> {
    while (!this.ended) await this.serve(null);
  }

  /** A batch was served. */
  served(): void {
    if (this.waiting.size !== 0) for (const done of this.waiting) done(true);
  }

  /** The connection is over. */
  end(): void {
    this.ended = true;
    for (const done of this.waiting) done(false);
  }
}

/** How a connection serves, blocking, as {@link pollAllSync} needs it. */
interface SyncServer {
  readonly closed: boolean;
  /** Serves one batch within `timeoutMs`. True: there was something. */
  serveSync(timeoutMs: number): boolean;
}

/** RPyC's `poll_all`, blocking: handles everything that arrives within `timeout` seconds. */
export function pollAllSync(server: SyncServer, timeout: number): boolean {
  const deadline = performance.now() + timeout * 1000;
  let served = false;
  do {
    if (server.closed || !server.serveSync(Math.max(0, deadline - performance.now()))) break;
    served = true;
  } while (performance.now() < deadline);
  return served;
}

/** RPyC's `serve_all`, blocking: serves until the connection is closed. */
export function serveAllSync(server: SyncServer): void {
  while (!server.closed) server.serveSync(1000);
}
