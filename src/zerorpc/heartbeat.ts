// The heartbeats of one channel: when to send one, when the peer is lost. Time comes from outside. Answers to heartbeat.py.

/** Time, in milliseconds since any moment. */
export interface Clock {
  now(): number;
  /** Calls back once, later; the function that is returned prevents it. */
  after(ms: number, callback: () => void): () => void;
}

export interface HeartbeatOptions {
  /** Milliseconds between two; null: there are none. Both sides must use the same. */
  readonly frequency: number | null;
  /** Beat only after the peer's first beat. */
  readonly passive: boolean;
}

/**
 * Beats once per interval. The clock for the peer starts at the first beat of ours, so that a peer that is never heard is lost after three
 * intervals, one that falls silent between two and three.
 */
export class Heartbeat {
  readonly #frequency: number | null;
  readonly #clock: Clock;
  readonly #beat: () => void;
  readonly #lost: () => void;
  #heard: number | undefined;
  #cancel: (() => void) | undefined;
  #stopped = false;

  /** `beat` sends one, `lost` is called at most once. */
  constructor(options: HeartbeatOptions, clock: Clock, beat: () => void, lost: () => void) {
    this.#frequency = options.frequency;
    this.#clock = clock;
    this.#beat = beat;
    this.#lost = lost;
    if (!options.passive) this.#start();
  }

  /** A beat of the peer came; other events do not count. */
  heard(): void {
    this.#heard = this.#clock.now();
    this.#start();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  #start(): void {
    if (this.#frequency === null || this.#stopped || this.#cancel) return;
    this.#cancel = this.#clock.after(this.#frequency, this.#turn);
  }

  readonly #turn = (): void => {
    if (this.#frequency === null || this.#stopped) return;
    const now = this.#clock.now();
    this.#heard ??= now;
    if (now - this.#heard >= this.#frequency * 2) {
      this.#stopped = true;
      this.#lost();
      return;
    }
    this.#cancel = this.#clock.after(this.#frequency, this.#turn);
    this.#beat();
  };
}
