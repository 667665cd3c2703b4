// What a service thread is told, and what it leaves behind in shared memory: a parent that is inside a blocking call hears no event.
import type { ServerOptions } from '../server/server.ts';

/** What a service thread gets as its workerData. */
export interface ThreadTask {
  /** URL of the service module. */
  readonly module: string;
  readonly options: ServerOptions;
  readonly args?: Record<string, unknown>;
  /** Its end of the connection. */
  readonly fd: number;
  readonly words: SharedArrayBuffer;
}

const SIZE = 2048;
const TAKEN = 0;
const LENGTH = 1;
const TEXT = 8;

/** `[is the descriptor taken, bytes of text, text]` */
export class LastWords {
  readonly memory: SharedArrayBuffer;
  private readonly numbers: Int32Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(SIZE)) {
    this.memory = memory;
    this.numbers = new Int32Array(memory, 0, 2);
  }

  /** The thread owns its descriptor. */
  take(): void {
    Atomics.store(this.numbers, TAKEN, 1);
  }

  get isTaken(): boolean {
    return Atomics.load(this.numbers, TAKEN) === 1;
  }

  write(text: string): void {
    const { written } = new TextEncoder().encodeInto(text, new Uint8Array(this.memory, TEXT));
    Atomics.store(this.numbers, LENGTH, written);
  }

  /** '' when nothing was said. */
  read(): string {
    const length = Atomics.load(this.numbers, LENGTH);
    // The decoder takes no shared memory.
    return new TextDecoder().decode(new Uint8Array(this.memory, TEXT, length).slice());
  }
}
