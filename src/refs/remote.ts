// The peer's objects that one connection holds: holders, the count of each, and the DELs that give them back.
// Holders are known weakly (by the engine), so that a blocking job of any length can find the dead ones; crates/DESIGN.md section 3.
// Answers to Connection._proxy_cache and BaseNetref.__del__.
import { collected, detail, send } from '../native/engine.ts';
import { addon } from '../native/load.ts';
import type { Connection } from '../protocol/connection.ts';
import type { Outbox } from '../protocol/outbox.ts';
import { Holder, type RemoteClass } from './holder.ts';

/** Dead holders are looked for in slices of so many, so that no single call pays for all. */
const SWEEP_SLICE = 4096;
const dead = new Int32Array(SWEEP_SLICE);

export class RemoteObjects {
  private readonly conn: Connection;
  private readonly handle: number;
  private readonly outbox: Outbox;
  private readonly classes: RemoteClass[] = [];
  /** References received less references given back, by rid. */
  private readonly counts: number[] = [];
  /** Where the sweep goes on; -1: there is none. */
  private sweepAt = -1;

  constructor(conn: Connection, outbox: Outbox) {
    this.conn = conn;
    this.handle = conn.handle;
    this.outbox = outbox;
  }

  /** A reference arrived: its holder, counted once more. */
  arrive(rid: number, cls: number, isClass: boolean): Holder {
    let holder = addon.holder(this.handle, rid) as Holder | undefined;
    if (holder === undefined || holder.released) {
      holder = new Holder(this.conn, rid, this.classes[cls] ?? this.learnClass(cls), isClass);
      addon.setHolder(this.handle, rid, holder);
      // A holder that died since the last sweep leaves its count to this one: the object is the same.
      this.counts[rid] = (this.counts[rid] ?? 0) + 1;
    } else this.counts[rid]++;
    return holder;
  }

  private learnClass(cls: number): RemoteClass {
    const [name] = addon.classInfo(this.handle, cls);
    const learned: RemoteClass = { name, methods: undefined };
    this.classes[cls] = learned;
    return learned;
  }

  /** Takes back one acquisition of a reference; with the last one it cannot be used any more. */
  release(holder: Holder): void {
    const { rid } = holder;
    const held = this.counts[rid];
    holder.released = held <= 1;
    this.counts[rid] = held - 1;
    this.outbox.del(rid, 1);
    send(false);
  }

  /** To be called after each batch: sweeps on, and starts anew when garbage was collected. */
  sweepIfDue(): void {
    if (collected()) this.sweepAt = 0;
    if (this.sweepAt >= 0) this.sweep();
  }

  /** The whole sweep at once: nothing else is going on. */
  sweepAll(): void {
    this.sweepAt = 0;
    while (this.sweepAt >= 0) this.sweep();
  }

  /** Looks through one slice for dead holders and gives them back. The DELs go out with the next write. */
  private sweep(): void {
    const found = addon.sweep(this.handle, this.sweepAt, SWEEP_SLICE, dead);
    const next = detail();
    this.sweepAt = next === 0 ? -1 : next;
    for (let i = 0; i < found; i++) {
      const rid = dead[i];
      // 0: its DEL is on the tape already.
      if (this.counts[rid] > 0) this.outbox.del(rid, this.counts[rid]);
      this.counts[rid] = 0;
    }
    if (found > 0) send(false);
  }
}
