// Time-outs of a server's connections: one timer for all of them, which compares counters. Owns what each connection's were the last time.
// What a time-out does is the server's business. Costs nothing per message.
import type { Connection } from '../protocol/connection.ts';
import type { ResolvedLimits } from './limits.ts';

/** Why a connection was ended by its server. */
export type TimeoutReason = 'handshake' | 'frame' | 'send' | 'idle';

/** Longest time between two sweeps, ms. */
const INTERVAL = 1000;
/** Bytes per second that a message of any length may take its time with. */
const SLOWEST = 16 * 1024;

/** What one connection did, and when; times in ms of the sweep's own clock. */
interface Seen {
  messages: number;
  /** It sent its last message, or was busy. */
  heard: number;
  /** A message that is not complete yet was seen first; -1: none is. */
  begun: number;
  bytesOut: number;
  /** It read last, or nothing waited for it. */
  read: number;
}

export class Sweep {
  private readonly limits: ResolvedLimits;
  private readonly onTimeout: (conn: Connection, reason: TimeoutReason, message: string) => void;
  private readonly connections = new Map<Connection, Seen>();
  private readonly interval: number;
  private timer: NodeJS.Timeout | undefined;
  /** Advances by two intervals a sweep at most: what this thread did not look at (a long handler, a suspended machine), no client is to blame for. */
  private clock = 0;
  private last = 0;

  /** @param onTimeout is told once per connection, unless it goes on for as long again */
  constructor(limits: ResolvedLimits, onTimeout: (conn: Connection, reason: TimeoutReason, message: string) => void) {
    this.limits = limits;
    this.onTimeout = onTimeout;
    const shortest = Math.min(limits.handshake, limits.frame, limits.send, limits.idle);
    this.interval = shortest === Number.POSITIVE_INFINITY ? shortest : Math.max(20, Math.min(INTERVAL, shortest / 4));
  }

  add(conn: Connection): void {
    if (this.interval === Number.POSITIVE_INFINITY) return;
    const { clock } = this;
    this.connections.set(conn, { messages: 0, heard: clock, begun: -1, bytesOut: 0, read: clock });
    if (this.timer !== undefined) return;
    this.last = performance.now();
    this.timer = setInterval(() => this.sweep(), this.interval).unref();
  }

  delete(conn: Connection): void {
    if (!this.connections.delete(conn) || this.connections.size !== 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private sweep(): void {
    const now = performance.now();
    this.clock += Math.min(now - this.last, 2 * this.interval);
    this.last = now;
    for (const [conn, seen] of this.connections) this.look(conn, seen);
  }

  private look(conn: Connection, seen: Seen): void {
    const { clock, limits } = this;
    const { messagesIn, bytesOut, queued, undecoded, paused, inFlight, waiting, pending } = conn.stats;
    const isFirst = messagesIn === 0;
    if (messagesIn !== seen.messages) {
      seen.messages = messagesIn;
      seen.heard = clock;
      seen.begun = -1;
    }
    if (inFlight + waiting + pending + queued !== 0) seen.heard = clock;
    if (undecoded === 0 || paused) seen.begun = -1;
    else if (seen.begun < 0) seen.begun = clock;
    if (queued === 0 || bytesOut !== seen.bytesOut) {
      seen.bytesOut = bytesOut;
      seen.read = clock;
    }

    const forFrame = isFirst ? limits.handshake : limits.frame + (undecoded * 1000) / SLOWEST;
    if (seen.begun >= 0 && clock - seen.begun > forFrame) {
      seen.begun = clock;
      const name = isFirst ? 'handshakeTimeout' : 'frameTimeout';
      const limit = (isFirst ? limits.handshake : limits.frame) / 1000;
      const text = `${isFirst ? 'its first message' : 'a message'} was begun and is not complete: ${undecoded} bytes came (${name} is ${limit} s)`;
      this.onTimeout(conn, isFirst ? 'handshake' : 'frame', text);
    } else if (clock - seen.read > limits.send) {
      seen.read = clock;
      const text = `the peer has read nothing of ${queued} bytes that wait for it (sendTimeout is ${limits.send / 1000} s)`;
      this.onTimeout(conn, 'send', text);
    } else if (clock - seen.heard > limits.idle) {
      seen.heard = clock;
      this.onTimeout(conn, 'idle', `the peer asked nothing (idleTimeout is ${limits.idle / 1000} s)`);
    }
  }
}
