// How many events may be on their way: one channel, one direction. Numbers only. Answers to BufferedChannel of channel.py.

/** More than any honest peer has room for: without an end, a stream to one that does not read would never wait. */
const MAX_SLOTS = 1_000_000;

/** What the peer lets us send. Every event costs 1, but for the control events (`_zpc_…`); the first is free. */
export class SendCredit {
  #slots = 1;

  /** Takes a slot, if there is one. */
  take(): boolean {
    if (this.#slots <= 0) return false;
    this.#slots--;
    return true;
  }

  /** A `_zpc_more` came. Additional slots, as in Python; zerorpc-node sets them instead, and both work. */
  grant(slots: number): void {
    this.#slots = Math.min(this.#slots + slots, MAX_SLOTS);
  }
}

/** What we let the peer send. Grants are 100, then 51 each time 51 events were taken (of a queue of 100). */
export class ReceiveCredit {
  readonly size: number;
  #reserved = 1;
  #first = true;

  /** `size`: of the queue. */
  constructor(size: number) {
    this.size = size;
  }

  /** Somebody is about to take an event: how many slots the peer is to be given before, 0: none. A plain call takes one event, and gives none. */
  beforeTaking(): number {
    const first = this.#first;
    this.#first = false;
    if (first || this.#reserved >= Math.floor(this.size / 2)) return 0;
    const slots = this.size - this.#reserved;
    this.#reserved = this.size;
    return slots;
  }

  /** An event was taken out of the queue. */
  taken(): void {
    this.#reserved--;
  }
}
