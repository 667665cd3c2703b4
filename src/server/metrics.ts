// What a server counts: sums over its connections, those that are over included. Nothing is counted per message here; connections do that.
import type { Connection } from '../protocol/connection.ts';
import type { TimeoutReason } from './sweep.ts';

/**
 * Why a server cut a connection: its time-outs (`handshake`, `frame`, `send`, `idle`), answers beyond `maxQueued` (`backpressure`), bytes that
 * are not RPyC's (`protocol`), a drain that ran out of time (`drain`).
 */
export type CutReason = TimeoutReason | 'backpressure' | 'protocol' | 'drain';

/** What a server has done since it was made. */
export interface ServerMetrics {
  /** Connections. */
  connections: {
    /** Served now. */
    open: number;
    /** Served so far, those that are open included. */
    accepted: number;
    /** Accepted and closed at once: more than `maxConnections`. */
    refused: number;
    /** Not let in by the authenticator. */
    denied: number;
    /** Ended by the server itself, by reason. */
    cut: Record<CutReason, number>;
  };
  /** Requests of all clients. */
  requests: {
    /** Answered with a value. */
    served: number;
    /** Answered with an exception. */
    failed: number;
    /** Being served: their handlers have not answered yet. */
    inFlight: number;
    /** Waiting for one of those (`maxInFlight`). */
    waiting: number;
  };
  /** Bytes received. */
  bytesIn: number;
  /** Bytes written. */
  bytesOut: number;
  /** Objects of the server that clients hold. */
  references: number;
  /** Times that accepting a connection failed, for want of descriptors mostly. */
  acceptFailures: number;
  /** Seconds since the server was made. */
  uptime: number;
}

/** Sums of connections that are over, and counts of what happened to them. */
export class Counts {
  accepted = 0;
  readonly cut: Record<CutReason, number> = {
    handshake: 0,
    frame: 0,
    send: 0,
    idle: 0,
    backpressure: 0,
    protocol: 0,
    drain: 0,
  };
  private readonly since = performance.now();
  private served = 0;
  private failed = 0;
  private bytesIn = 0;
  private bytesOut = 0;

  /** A connection is over. @param reason why it was cut, if it was */
  ended({ stats }: Connection, reason: CutReason | undefined): void {
    this.served += stats.served;
    this.failed += stats.failed;
    this.bytesIn += stats.bytesIn;
    this.bytesOut += stats.bytesOut;
    if (reason !== undefined) this.cut[reason]++;
  }

  /** The figures now. @param gate what was not let in */
  metrics(open: ReadonlySet<Connection>, gate: { refused: number; refusals: number; failures: number }): ServerMetrics {
    const sum: ServerMetrics = {
      connections: {
        open: open.size,
        accepted: this.accepted,
        refused: gate.refused,
        denied: gate.refusals,
        cut: { ...this.cut },
      },
      requests: { served: this.served, failed: this.failed, inFlight: 0, waiting: 0 },
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
      references: 0,
      acceptFailures: gate.failures,
      uptime: (performance.now() - this.since) / 1000,
    };
    for (const { stats } of open) {
      sum.requests.served += stats.served;
      sum.requests.failed += stats.failed;
      sum.requests.inFlight += stats.inFlight;
      sum.requests.waiting += stats.waiting;
      sum.bytesIn += stats.bytesIn;
      sum.bytesOut += stats.bytesOut;
      sum.references += stats.localObjects;
    }
    return sum;
  }
}
