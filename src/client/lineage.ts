// Which remote objects can be found again after a reconnect: the root, and what was reached from it by names alone.
// Owns their paths; the holders stay those that the user has, and stand for the new objects from then on.
// How often an object was received before does not count any more: after a reconnect one `release` gives it back.
import { follow } from '../netref/links.ts';
import { runAsync } from '../netref/steps.ts';
import { type Holder, holderOf, type Lineage } from '../refs/holder.ts';

/** The names that lead to an object, from the root. */
type Names = readonly string[];

export class Lineages implements Lineage {
  private readonly names = new WeakMap<Holder, Names>();
  private readonly known = new Set<WeakRef<Holder>>();
  private readonly dropped = new FinalizationRegistry<WeakRef<Holder>>((ref) => this.known.delete(ref));
  /** What a holder stands for now has a holder of its own, which must live as long. */
  private readonly kept = new WeakMap<Holder, Holder>();
  private readonly refuse: (ending: Error) => Error;

  /** @param refuse see `Lineage.refusal` */
  constructor(refuse: (ending: Error) => Error) {
    this.refuse = refuse;
  }

  refusal(ending: Error): Error {
    return this.refuse(ending);
  }

  /** The root of a connection. */
  add(root: Holder, names: Names = []): void {
    if (this.names.has(root)) return;
    this.names.set(root, names);
    const ref = new WeakRef(root);
    this.known.add(ref);
    this.dropped.register(root, ref);
  }

  derived(from: Holder, name: string, to: unknown): void {
    const names = this.names.get(from);
    const holder = holderOf(to);
    if (names !== undefined && holder !== undefined) this.add(holder, [...names, name]);
  }

  /**
   * Finds everything again that somebody still holds, from the root of a new connection. What is not there any more stays stale.
   * @throws what ended the new connection meanwhile
   */
  async renew(root: Holder): Promise<void> {
    await Promise.all(
      [...this.known].map(async (ref) => {
        const holder = ref.deref();
        const names = holder === undefined ? undefined : this.names.get(holder);
        if (holder === undefined || names === undefined || holder.released) return;
        const found = await this.find(root, names);
        if (found === undefined) return;
        this.kept.set(holder, found);
        holder.rebind(found);
      }),
    );
  }

  private async find(root: Holder, names: Names): Promise<Holder | undefined> {
    if (names.length === 0) return root;
    try {
      const links = names.map((name) => ({ kind: 'get', name }) as const);
      return holderOf(await runAsync(follow(root, links), 'async', undefined));
    } catch (error) {
      if (root.peer.closed) throw error;
      return undefined;
    }
  }
}
