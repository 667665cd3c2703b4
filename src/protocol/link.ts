// The line to the peer: its transport, the wire version that is spoken on it, and its life: open, closing, ended. Owns no message;
// whoever has something to clean up when it ends is told by its owner (connection.ts). Answers to the `closed` of rpyc/core/protocol.py.
import { EOFError } from '../errors.ts';
import { type Endpoint, flush } from '../native/engine.ts';
import { addon } from '../native/load.ts';
import type { Transport } from '../native/transport.ts';
import type { Config, ResolvedOptions } from '../policy/config.ts';
import type { Lineage } from '../refs/holder.ts';

/** What a link tells its owner. */
export interface LinkEvents {
  /** Once, after everything queued got its last chance to be written: nothing can be sent or received any more. */
  onEnd(error: Error): void;
  /** The peer broke the protocol or the link failed; `onEnd` was told. */
  onFailure(error: Error): void;
}

/** As Addon.stats fills it; one for all links, since an array that the addon has seen takes memory outside the heap. */
const counters = new Float64Array(7);

export class Link {
  readonly config: Config;
  readonly options: ResolvedOptions;
  readonly handle: number;
  /** Why it ended; undefined while it has not. */
  ending: Error | undefined;
  /** Is the other end served by this same thread? Then a blocking call could never be answered. See meeting.ts. */
  sameThread: boolean;
  /** Did the peer say goodbye (CLOSE), rather than just vanish? */
  closedByPeer = false;

  /** Of a connection that comes back; see client/reconnect.ts. */
  lineage: Lineage | undefined;

  /** Has reading from the peer stopped? See flow.ts. */
  paused = false;

  private readonly transport: Transport;
  private readonly events: LinkEvents;
  private closing = false;
  /** What the peer spoke; see `variant`. */
  private wire = 0;
  /** Servers follow their client; until it spoke, this is what a request of ours is written in. 0: told by the transport. */
  private speaks: 0 | 5 | 6;
  /** Traffic as it was at the end. */
  private last: readonly number[] | undefined;

  constructor(
    transport: Transport,
    config: Config,
    options: ResolvedOptions,
    speaks: 0 | 5 | 6,
    sameThread: boolean,
    events: LinkEvents,
  ) {
    this.sameThread = sameThread;
    this.transport = transport;
    this.handle = transport.handle;
    this.config = config;
    this.options = options;
    this.speaks = speaks;
    this.events = events;
  }

  /** Traffic goes to `endpoint` from now on. */
  start(endpoint: Endpoint): void {
    this.transport.start(endpoint);
  }

  /** Does the connection keep the process alive? */
  ref(on: boolean): void {
    this.transport.ref(on);
  }

  // --- what is spoken ----------------------------------------------------------------------------------------------

  private get variant(): number {
    if (this.wire === 0 && this.ending === undefined) this.wire = addon.variant(this.handle);
    return this.wire;
  }

  /** Wire version that the peer speaks (5 or 6), 0 before its first message. */
  get protocol(): number {
    return this.variant & 0xff;
  }

  /** Does the peer send thread ids (RPYC_BIND_THREADS)? */
  get bound(): boolean {
    return this.variant > 0xff;
  }

  private speakFirst(version: 5 | 6): void {
    this.speaks = 0;
    if (this.protocol === 0) addon.setVariant(this.handle, version, 2);
  }

  // --- life --------------------------------------------------------------------------------------------------------

  /** Can this thread wait for the transport without the event loop? */
  get canBlock(): boolean {
    return this.transport.canBlock;
  }

  /** Is it over, or being closed? */
  get closed(): boolean {
    return this.closing || this.ending !== undefined;
  }

  /** Is it over? */
  get ended(): boolean {
    return this.ending !== undefined;
  }

  /** Before each request. @throws {EOFError} when nothing more can be sent */
  checkOpen(): void {
    if (this.ending !== undefined)
      throw this.lineage?.refusal(this.ending) ?? new EOFError(this.ending.message, { cause: this.ending });
    if (this.closing) throw new EOFError();
    if (this.speaks !== 0) this.speakFirst(this.speaks);
    // The answer could not be read otherwise.
    if (this.paused) this.resume();
  }

  /** Stops reading from the peer; what is queued for it is still written. */
  pause(): void {
    if (this.paused || this.closed) return;
    this.paused = true;
    this.transport.pause(true);
  }

  /** Undoes `pause`. */
  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    if (this.ending === undefined) this.transport.pause(false);
  }

  /** Says goodbye by `write`, and lets nothing follow it. */
  goodbye(write: () => void): void {
    if (this.speaks !== 0) this.speakFirst(this.speaks);
    write();
    this.resume();
    this.closing = true;
    this.transport.shutdown();
  }

  /** The peer said CLOSE: it waits for us to hang up. */
  hangUp(): void {
    this.closedByPeer = true;
    this.lost(new EOFError('the peer closed the connection'));
  }

  /** The connection is broken. */
  fail(error: Error): void {
    if (this.ending !== undefined) return;
    this.config.logger?.error(`${this.config.connid}: ${error.message}`);
    this.end(error);
    this.events.onFailure(error);
  }

  /** The peer is gone, whom nobody here has told to. */
  lost(error: EOFError): void {
    if (this.ending === undefined) this.end(this.closing ? error : (this.transport.explain?.(error) ?? error));
  }

  /** It is over, by `error`; the first one counts. */
  end(error: Error): void {
    if (this.ending !== undefined) return;
    void this.variant;
    flush();
    const [bytesIn, bytesOut, messagesIn, messagesOut] = this.traffic;
    this.last = [bytesIn, bytesOut, messagesIn, messagesOut, 0, 0, 0];
    this.ending = error;
    this.transport.close();
    this.events.onEnd(error);
  }

  // --- counters ----------------------------------------------------------------------------------------------------

  /**
   * `[bytes in, bytes out, messages in, messages out, bytes queued, live rids, bytes received and not decoded]`, to be read at once: the next
   * question, about any link, is answered in the same place. After the end, what it was then.
   */
  get traffic(): ArrayLike<number> & Iterable<number> {
    if (this.last !== undefined) return this.last;
    addon.stats(this.handle, counters);
    counters[4] += this.transport.backlog;
    return counters;
  }

  /** Bytes waiting to be written. */
  get queued(): number {
    return this.traffic[4];
  }
}
