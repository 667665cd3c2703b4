// What one connection receives: batches of records from the engine, in order, the requests among them to dispatch, the answers to whoever
// waits for them. Owns the batches that are not processed yet; nested waits process those of outer ones first.
// Answers to Connection._dispatch of rpyc/core/protocol.py.
import type { BoxReader } from '../boxing/reader.ts';
import { MSG_EXCEPTION, MSG_REQUEST } from '../constants.ts';
import { loadException } from '../exceptions/load.ts';
import { enterBatch, leaveBatch } from '../native/engine.ts';
import { addon } from '../native/load.ts';
import { Arena, RECORD_WORDS } from '../native/tape.ts';
import type { RemoteObjects } from '../refs/remote.ts';
import type { OnewayCalls } from './oneway.ts';
import type { PendingTable } from './pending.ts';

interface Batch {
  readonly arena: Arena;
  readonly count: number;
  next: number;
}

/** Serves one REQUEST record; never throws. See dispatch.ts. */
export interface RequestServer {
  serve(arena: Arena, at: number, seq: number): void;
}

export class Inbox {
  private readonly batches: Batch[] = [];
  private readonly pending: PendingTable;
  private readonly reader: BoxReader;
  private readonly remote: RemoteObjects;
  private readonly server: RequestServer;
  private readonly oneway: OnewayCalls;

  constructor(
    pending: PendingTable,
    oneway: OnewayCalls,
    reader: BoxReader,
    remote: RemoteObjects,
    server: RequestServer,
  ) {
    this.pending = pending;
    this.oneway = oneway;
    this.reader = reader;
    this.remote = remote;
    this.server = server;
  }

  /** Processes the `count` records that the engine just delivered, after those of outer batches. */
  receive(count: number): void {
    this.batches.push({ arena: enterBatch(), count, next: 0 });
    try {
      this.drain();
    } finally {
      leaveBatch();
    }
  }

  /** Processes one message that was too large for an arena of the engine's. */
  receiveBig(handle: number): void {
    const [words, floats, bytes] = addon.takeBig(handle);
    this.batches.push({ arena: new Arena(words, floats, bytes, true), count: 1, next: 0 });
    this.drain();
    this.reader.rest();
  }

  /** Processes records in order, those of outer batches first: a nested wait may need one of them. */
  drain(): void {
    const { batches } = this;
    for (let batch = batches[0]; batch !== undefined; batch = batches[0]) {
      if (batch.next === batch.count) batches.shift();
      else this.onRecord(batch.arena, batch.next++ * RECORD_WORDS);
    }
  }

  /** The connection is over: what was not processed never will be. */
  clear(): void {
    this.batches.length = 0;
  }

  private onRecord(arena: Arena, at: number): void {
    const { words } = arena;
    const kind = words[at];
    const high = words[at + 2];
    const seq = (words[at + 1] >>> 0) + high * 0x100000000;
    if (kind === MSG_REQUEST) this.server.serve(arena, at, seq);
    else this.onAnswer(arena, words[at + 6], seq, kind);
  }

  private onAnswer(arena: Arena, at: number, seq: number, kind: number): void {
    const pending = this.pending.take(seq);
    if (pending === undefined) {
      let value: unknown;
      this.remote.discard(() => {
        value = this.reader.start(arena, at, 'async').value();
      });
      this.oneway.answered(seq, kind === MSG_EXCEPTION ? value : undefined);
      return;
    }
    let value: unknown;
    try {
      value = this.reader.start(arena, at, pending.face).value();
    } catch (error) {
      pending.reject(error);
      return;
    }
    if (kind === MSG_EXCEPTION) pending.reject(loadException(value));
    else pending.resolve(value);
  }
}
