// Which servers were last seen when, by the names of their services. Knows no sockets and no clock: whoever asks says what time it is, in ms.
// Answers to RegistryServer of rpyc/utils/registry.py.
import type { ServerAddress } from './messages.ts';

/** Bounds, and who is told of changes. */
export interface ServiceTableOptions {
  /** What was not seen for longer is forgotten, ms. */
  readonly pruneAfter: number;
  /** Different names at a time. */
  readonly maxServices: number;
  /** Servers at a time, of all names together. */
  readonly maxServers: number;
  added(name: string, server: ServerAddress): void;
  removed(name: string, server: ServerAddress): void;
}

interface Seen {
  readonly server: ServerAddress;
  at: number;
}

const keyOf = ([host, port]: ServerAddress): string => `${host} ${port}`;

/** Each name's servers are in the order in which they were last seen. */
export class ServiceTable {
  private readonly options: ServiceTableOptions;
  private readonly services = new Map<string, Map<string, Seen>>();
  private count = 0;

  constructor(options: ServiceTableOptions) {
    this.options = options;
  }

  /** Adds the server under each name, or says that it is still there. @returns false, with nothing added: there would be too many */
  register(names: readonly string[], server: ServerAddress, now: number): boolean {
    const key = keyOf(server);
    const wanted = [...new Set(names)];
    if (!this.hasRoom(wanted, key)) this.prune(now);
    if (!this.hasRoom(wanted, key)) return false;
    const added: string[] = [];
    for (const name of wanted) {
      let servers = this.services.get(name);
      if (servers === undefined) this.services.set(name, (servers = new Map()));
      if (servers.delete(key)) this.count--;
      else added.push(name);
      servers.set(key, { server, at: now });
      this.count++;
    }
    for (const name of added) this.options.added(name, server);
    return true;
  }

  private hasRoom(names: readonly string[], key: string): boolean {
    const { maxServices, maxServers } = this.options;
    const fresh = names.filter((name) => !this.services.has(name));
    const more = names.filter((name) => this.services.get(name)?.has(key) !== true);
    return this.services.size + fresh.length <= maxServices && this.count + more.length <= maxServers;
  }

  /** Forgets the server under all names. */
  unregister(server: ServerAddress): void {
    const key = keyOf(server);
    for (const name of [...this.services.keys()]) this.remove(name, key);
  }

  private remove(name: string, key: string): void {
    const servers = this.services.get(name);
    const seen = servers?.get(key);
    if (servers === undefined || seen === undefined) return;
    servers.delete(key);
    this.count--;
    if (servers.size === 0) this.services.delete(name);
    this.options.removed(name, seen.server);
  }

  /** The servers of a name, those last seen at the end. */
  query(name: string, now: number): ServerAddress[] {
    this.pruneName(name, now);
    return [...(this.services.get(name)?.values() ?? [])].map(({ server }) => server);
  }

  /** The names that have a server, on this host. */
  names(host: string | null, now: number): string[] {
    this.prune(now);
    const entries = [...this.services];
    if (host === null) return entries.map(([name]) => name);
    return entries
      .filter(([, servers]) => [...servers.values()].some(({ server }) => server[0] === host))
      .map(([name]) => name);
  }

  /** Forgets every server that was not seen for too long. */
  prune(now: number): void {
    for (const name of [...this.services.keys()]) this.pruneName(name, now);
  }

  private pruneName(name: string, now: number): void {
    for (const [key, { at }] of this.services.get(name) ?? []) {
      if (now - at <= this.options.pruneAfter) return;
      this.remove(name, key);
    }
  }
}
