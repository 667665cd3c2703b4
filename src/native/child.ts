// What the engine knows of a child process without the event loop: how it ended, and what it said last.
import { constants } from 'node:os';
import { addon } from './load.ts';

/** How a process ended, as a phrase; undefined: it runs after `timeoutMs`, or Node has noticed its end by itself. */
export function endOf(pid: number, timeoutMs: number): string | undefined {
  const code = addon.exitOf(pid, timeoutMs);
  if (code === null) return undefined;
  return code >= 0 ? `ended with status ${code}` : `was ended by ${signalName(-code)}`;
}

const signalName = (signo: number): string =>
  Object.entries(constants.signals).find(([, number]) => number === signo)?.[0] ?? `signal ${signo}`;

/** The end of what a child writes to its standard error, read by a thread: the child never waits for us, nor we for it. */
export class Tail {
  /** To be given to the child, and closed here. */
  readonly fd: number;
  private readonly id: number;
  private said: string | undefined;

  /** @param forward to our own standard error as well */
  constructor(forward: boolean) {
    const [reading, writing] = addon.socketPair();
    this.fd = writing;
    this.id = addon.tail(reading, forward);
  }

  /** At most 4 KB; waits for the child's end of it to be closed, `timeoutMs` at most. The first answer stays. */
  text(timeoutMs: number): string {
    this.said ??= addon.tailText(this.id, timeoutMs);
    return this.said;
  }
}
