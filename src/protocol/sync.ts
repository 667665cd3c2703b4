// The blocking face of a connection. Owns nothing: every call goes to the one Connection.
import type { Connection } from './connection.ts';
import type { ConnectionStats } from './parts.ts';

/** A connection whose calls block this thread; `async` is the same connection, awaitable. */
export class SyncConnection {
  /** The awaitable face. */
  readonly async: Connection;

  constructor(connection: Connection) {
    this.async = connection;
  }

  /** The peer's service. Blocking: `conn.root.add(5, 10)` returns 15. */
  // biome-ignore lint/suspicious/noExplicitAny: a remote object has whatever attributes it has
  get root(): any {
    return this.async.fetchRootSync();
  }

  get closed(): boolean {
    return this.async.closed;
  }

  get stats(): ConnectionStats {
    return this.async.stats;
  }

  /**
   * Asks the peer to echo `data`.
   * @throws {TimeoutError} after `sync_request_timeout`, {ProtocolError} when the echo differs
   */
  ping(data?: string | Uint8Array): void {
    this.async.pingSync(data);
  }

  /** Says goodbye and closes. Waits a second at most for the peer to hang up. */
  close(): void {
    this.async.closeSync();
  }

  /** RPyC's `serve`: handles what arrives within `timeout` seconds (default 1), one batch at least. True: there was something. */
  serve(timeout = 1): boolean {
    return this.async.serveSync(timeout * 1000);
  }

  /** RPyC's `poll`: handles what has arrived; never waits longer than `timeout` seconds (default 0). */
  poll(timeout = 0): boolean {
    return this.async.serveSync(timeout * 1000);
  }

  /** RPyC's `poll_all`: handles everything that arrives within `timeout` seconds. */
  pollAll(timeout = 0): boolean {
    const deadline = Date.now() + timeout * 1000;
    let served = false;
    do {
      if (this.closed || !this.async.serveSync(Math.max(0, deadline - Date.now()))) break;
      served = true;
    } while (Date.now() < deadline);
    return served;
  }

  /** RPyC's `serve_all`: blocks this thread and serves until the connection is closed. The event loop does the same without blocking. */
  serveAll(): void {
    while (!this.closed) this.async.serveSync(1000);
  }

  unref(): this {
    this.async.unref();
    return this;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
