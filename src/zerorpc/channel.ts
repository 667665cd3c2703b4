// One call's channel: events in order both ways, with credit and heartbeats. Answers to Channel, HeartBeatOnChannel and BufferedChannel,
// which lie on each other in zerorpc-python; here they are one, since each event passes through all of them.
import { ReceiveCredit, SendCredit } from './credit.ts';
import { ChannelError, LostRemote, TimeoutExpired } from './errors.ts';
import type { Event, Header } from './event.ts';
import { type Clock, Heartbeat, type HeartbeatOptions } from './heartbeat.ts';

/** A heartbeat. To a peer of protocol 2 and older it is a grant as well. */
const BEAT = '_zpc_hb';
/** A grant of so many additional events. */
const MORE = '_zpc_more';

/** What a channel needs of the socket below it. */
export interface Line {
  /** Sends an event of this channel; the header's own keys are the line's. */
  send(name: string, args: unknown, context?: Header): void;
  /** The channel hears nothing more. */
  release(): void;
}

export interface ChannelOptions {
  readonly heartbeat: HeartbeatOptions;
  /** Events that are queued at most. Default 100, as in Python. */
  readonly slots?: number;
}

interface Taker {
  take(event: Event): void;
  fail(error: Error): void;
}

const CLOSED = (): Error => new ChannelError('the channel is closed');

export class Channel {
  readonly #line: Line;
  readonly #clock: Clock;
  readonly #heartbeat: Heartbeat;
  readonly #sending = new SendCredit();
  readonly #receiving: ReceiveCredit;
  readonly #queue: Event[] = [];
  readonly #takers: Taker[] = [];
  /** Who waits for a slot, in order. */
  readonly #waiting: { go(): void; fail(error: Error): void }[] = [];
  #last: ((event: Event) => boolean) | undefined;
  #old: boolean | undefined;
  #released = false;
  /** Why it ended. Most channels end well, and nobody asks: the error is made for who does. */
  #end: (() => Error) | undefined;
  #error: Error | undefined;
  #cut = false;
  #abort: AbortController | undefined;

  constructor(line: Line, clock: Clock, { heartbeat, slots = 100 }: ChannelOptions) {
    this.#line = line;
    this.#clock = clock;
    this.#receiving = new ReceiveCredit(slots);
    const lost = () => this.#finish(() => new LostRemote(heartbeat.frequency ?? 0), true);
    this.#heartbeat = new Heartbeat(heartbeat, clock, () => line.send(BEAT, [0]), lost);
  }

  /** Did it end before its time: the peer is lost, or broke the rules, or our side was closed? */
  get isCut(): boolean {
    return this.#cut;
  }

  /** Aborted with the reason when that happens. */
  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.#cut) this.#abort.abort(this.#reason);
    }
    return this.#abort.signal;
  }

  /** Sends an event; resolves when the peer has room for it. `context`: keys for the header. */
  emit(name: string, args: unknown, context?: Header): Promise<void> {
    if (this.#end) return Promise.reject(this.#reason);
    if (this.#released) return Promise.reject(new ChannelError('the peer has sent its last event'));
    if (this.#waiting.length === 0 && this.#sending.take()) return this.#send(name, args, context);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ go: () => resolve(this.#send(name, args, context)), fail: reject });
    });
  }

  /** Sends with a slot that was taken, and gives it back where that fails: a value that cannot be packed. */
  async #send(name: string, args: unknown, context?: Header): Promise<void> {
    try {
      this.#line.send(name, args, context);
    } catch (error) {
      this.#sending.grant(1);
      throw error;
    }
  }

  /** The next event. `timeout` in milliseconds, with what is being done for its message. */
  receive(timeout?: { readonly ms: number; readonly when?: string }): Promise<Event> {
    if (!this.#released) {
      const slots = this.#receiving.beforeTaking();
      if (slots > 0) this.#line.send(this.#old ? BEAT : MORE, [slots]);
    }
    const queued = this.#queue.shift();
    if (queued) {
      this.#receiving.taken();
      return Promise.resolve(queued);
    }
    if (this.#end) return Promise.reject(this.#reason);
    if (this.#released) return Promise.reject(new ChannelError('the peer has sent its last event'));
    return new Promise((resolve, reject) => {
      const cancel = timeout && this.#clock.after(timeout.ms, () => expire());
      const taker: Taker = {
        take: (event) => {
          cancel?.();
          this.#receiving.taken();
          resolve(event);
        },
        fail: (error) => {
          cancel?.();
          reject(error);
        },
      };
      const expire = () => {
        this.#takers.splice(this.#takers.indexOf(taker), 1);
        reject(new TimeoutExpired(timeout?.ms ?? 0, timeout?.when));
      };
      this.#takers.push(taker);
    });
  }

  /** After an event that is so, the peer is neither heard nor sent anything; what is queued can still be received. */
  lastIf(last: (event: Event) => boolean): void {
    this.#last = last;
  }

  /** Ends the channel; `cut`: before its time. Nothing is sent: ZeroRPC has no word for it. */
  close(cut = false): void {
    this.#finish(CLOSED, cut);
  }

  /** An event came for this channel. */
  deliver(event: Event): void {
    this.#old ??= !(typeof event.header.v === 'number' && event.header.v >= 3);
    if (event.name === BEAT) this.#heartbeat.heard();
    if (event.name === MORE || (event.name === BEAT && this.#old)) this.#grant(event.args);
    if (event.name === MORE || event.name === BEAT) return;
    if (this.#queue.length >= this.#receiving.size) {
      const { size } = this.#receiving;
      this.#finish(() => new ChannelError(`the peer sent more than the ${size} events it has room for`), true);
      return;
    }
    const taker = this.#takers.shift();
    if (taker) taker.take(event);
    else this.#queue.push(event);
    if (this.#last?.(event)) this.#release();
  }

  #grant(args: unknown): void {
    const slots: unknown = Array.isArray(args) ? args[0] : undefined;
    if (typeof slots !== 'number' || !(slots > 0)) return; // as good as none
    this.#sending.grant(Math.floor(slots));
    while (this.#waiting.length > 0 && this.#sending.take()) this.#waiting.shift()?.go();
  }

  #finish(error: () => Error, cut: boolean): void {
    if (this.#end) return;
    this.#end = error;
    this.#cut = cut;
    this.#release();
    for (const taker of this.#takers.splice(0)) taker.fail(this.#reason);
    for (const sender of this.#waiting.splice(0)) sender.fail(this.#reason);
    if (cut) this.#abort?.abort(this.#reason);
  }

  get #reason(): Error {
    this.#error ??= (this.#end ?? CLOSED)();
    return this.#error;
  }

  #release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#heartbeat.stop();
    this.#line.release();
  }
}
