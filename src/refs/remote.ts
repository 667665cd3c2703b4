// The peer's objects that one connection holds: holders, the count of each, and the DELs that give them back.
// Holders are known weakly (by the engine), so that a blocking job of any length can find the dead ones; crates/DESIGN.md section 3.
// Answers to Connection._proxy_cache and BaseNetref.__del__.
import { collected, detail, send } from '../native/engine.ts';
import { addon } from '../native/load.ts';
import type { Face } from './face.ts';
import { Holder, type Peer, type RemoteClass } from './holder.ts';
import type { NetrefMaker } from './netrefs.ts';

/** Dead holders are looked for in slices of so many, so that no single call pays for all. */
const SWEEP_SLICE = 4096;
const dead = new Int32Array(SWEEP_SLICE);

/** Where DELs are written. */
export interface Returns {
  /** DEL of `count` references; goes out with the next write. */
  del(rid: number, count: number): void;
}

export class RemoteObjects {
  private readonly peer: Peer;
  private readonly handle: number;
  private readonly returns: Returns;
  private readonly netrefs: NetrefMaker;
  private readonly classes: RemoteClass[] = [];
  /** References received less references given back, by rid. */
  private readonly counts: number[] = [];
  /** Where the sweep goes on; -1: there is none. */
  private sweepAt = -1;
  /** References of the answer being read, if nobody waits for it. */
  private unclaimed: Holder[] | undefined;

  constructor(peer: Peer, handle: number, returns: Returns, netrefs: NetrefMaker) {
    this.peer = peer;
    this.handle = handle;
    this.returns = returns;
    this.netrefs = netrefs;
  }

  /** A reference arrived: its proxy, counted once more. */
  arrive(rid: number, cls: number, isClass: boolean, face: Face): object {
    let holder = addon.holder(this.handle, rid) as Holder | undefined;
    if (holder === undefined || holder.released) {
      holder = new Holder(this.peer, rid, this.classes[cls] ?? this.learnClass(cls), isClass);
      addon.setHolder(this.handle, rid, holder);
      // A holder that died since the last sweep leaves its count to this one: the object is the same.
      this.counts[rid] = (this.counts[rid] ?? 0) + 1;
    } else this.counts[rid]++;
    this.unclaimed?.push(holder);
    return this.netrefs.proxy(holder, face);
  }

  private learnClass(cls: number): RemoteClass {
    const [name] = addon.classInfo(this.handle, cls);
    const learned: RemoteClass = { name, methods: undefined };
    this.classes[cls] = learned;
    return learned;
  }

  /** Runs `read`, and gives back every reference that arrives meanwhile: nobody waits for what is read. */
  discard(read: () => void): void {
    const arrived: Holder[] = [];
    this.unclaimed = arrived;
    try {
      read();
    } catch {
      // It names an object of ours that is gone: nobody asks.
    } finally {
      this.unclaimed = undefined;
    }
    for (const holder of arrived) if (!holder.released) this.release(holder);
  }

  /** The id that the peer gave an object (Python's `id()`), in decimals; of a class, its class_id. Only while the connection is open. */
  idOf(holder: Holder): string {
    const [classId, instanceId] = addon.idPack(this.handle, holder.rid);
    return holder.isClass ? classId : instanceId;
  }

  /** Takes back one acquisition of a reference; with the last one it cannot be used any more. */
  release(holder: Holder): void {
    const { rid } = holder;
    const held = this.counts[rid];
    holder.released = held <= 1;
    this.counts[rid] = held - 1;
    this.returns.del(rid, 1);
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
      if (this.counts[rid] > 0) this.returns.del(rid, this.counts[rid]);
      this.counts[rid] = 0;
    }
    if (found > 0) send(false);
  }
}
