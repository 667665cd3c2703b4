// Calls of ours whose answer nobody waits for (`oneway`): what the peer raises for one would be seen by nobody, so the logger is told.
// The wire knows no such calls: the peer answers as always, and its answer is given back unread (inbox.ts).
import { loadException } from '../exceptions/load.ts';
import type { Config } from '../policy/config.ts';

/** Unanswered calls that are remembered. A peer that never serves answers none; then the oldest are forgotten. */
const MAX_REMEMBERED = 16_384;

export class OnewayCalls {
  private readonly config: Config;
  /** What was called, by seq. */
  private readonly names = new Map<number, string>();

  constructor(config: Config) {
    this.config = config;
  }

  sent(seq: number, name: string): void {
    this.names.set(seq, name);
    if (this.names.size > MAX_REMEMBERED) this.names.delete(this.names.keys().next().value as number);
  }

  /** An answer to nobody came. @param payload of an EXCEPTION, else undefined */
  answered(seq: number, payload: unknown): void {
    const name = this.names.size === 0 ? undefined : this.names.get(seq);
    if (name === undefined) return;
    this.names.delete(seq);
    if (payload !== undefined) this.raised(name, loadException(payload));
  }

  /** Tells the logger. Whatever that does, the connection goes on. */
  raised(name: string, error: unknown): void {
    const { logger, connid, log_exceptions } = this.config;
    if (!log_exceptions) return;
    try {
      logger?.error(`${connid}: ${name}, called oneway, raised:`, error);
    } catch {
      // A logger that throws has been told.
    }
  }

  clear(): void {
    this.names.clear();
  }
}
