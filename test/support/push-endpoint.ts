// One push endpoint of the addon, read and written by the real boxing: frames in, records out, values in, frames out. No connection, no policy.

import { Exports } from '../../src/boxing/exports.ts';
import { BoxReader } from '../../src/boxing/reader.ts';
import { BoxWriter } from '../../src/boxing/writer.ts';
import type { OpenOptions } from '../../src/native/addon.ts';
import { Status } from '../../src/native/addon.ts';
import { enterBatch, flush, leaveBatch, nameId, tx } from '../../src/native/engine.ts';
import { addon } from '../../src/native/load.ts';
import { Arena, RECORD_WORDS } from '../../src/native/tape.ts';

export const OPTIONS: OpenOptions = {
  maxFrame: 1 << 28,
  maxInflated: 1 << 28,
  maxDepth: 400,
  compress: 0,
  variant: 0,
  bound: 2,
  highWater: 1 << 20,
};

/** The peer's object, as it came. */
export class Remote {
  readonly id: readonly [string, string, string];
  constructor(id: readonly [string, string, string]) {
    this.id = id;
  }
}

/** An object of this side that came back. */
export class Local {
  readonly id: number;
  constructor(id: number) {
    this.id = id;
  }
}

/** An inbound message. */
export interface Message {
  kind: number;
  seq: number;
  handler: number;
  /** The boxed arguments, the boxed result or the exception. */
  value: unknown;
  /** Tag of the value's first word. */
  tag: number;
}

export class PushEndpoint implements Disposable {
  readonly handle: number;
  /** rid of each id_pack that arrived. */
  readonly rids = new Map<string, number>();
  readonly writer: BoxWriter;
  private readonly reader: BoxReader;

  constructor(options: Partial<OpenOptions> = {}) {
    const o = { ...OPTIONS, ...options };
    this.handle = addon.openPush(o.maxFrame, o.maxInflated, o.maxDepth, o.compress, o.variant, o.bound, o.highWater);
    this.reader = new BoxReader(
      { bigint: 'auto', freezeTuples: true },
      { get: (id) => ({ object: new Local(id) }) },
      { arrive: (rid, cls) => this.arrive(rid, cls) },
    );
    this.writer = new BoxWriter(tx, new Exports(nameId), undefined);
  }

  private arrive(rid: number, cls: number): Remote {
    const [name] = addon.classInfo(this.handle, cls);
    const id = [name, ...addon.idPack(this.handle, rid)] as const;
    this.rids.set(id.join(), rid);
    return new Remote(id);
  }

  /** Everything that `bytes` complete, and the status that ended it: 0 = waits for more. */
  receive(bytes: Uint8Array): { messages: Message[]; status: number } {
    addon.feed(this.handle, bytes);
    return this.drain();
  }

  drain(): { messages: Message[]; status: number } {
    const messages: Message[] = [];
    for (;;) {
      const code = addon.next(this.handle);
      if (code > 0) {
        const arena = enterBatch();
        for (let i = 0; i < code; i++) messages.push(this.read(arena, i * RECORD_WORDS));
        leaveBatch();
      } else if (code === Status.BIG) {
        const [words, floats, body] = addon.takeBig(this.handle);
        messages.push(this.read(new Arena(words, floats, body, true), 0));
      } else return { messages, status: code };
    }
  }

  private read({ words, ...arena }: Arena, at: number): Message {
    const [kind, low, high, handler, , , pos] = words.subarray(at, at + RECORD_WORDS) as unknown as number[];
    return {
      kind,
      seq: (low >>> 0) + high * 2 ** 32,
      handler,
      value: this.reader.start({ words, ...arena } as Arena, pos, 'async').value(),
      tag: words[pos] & 0xff,
    };
  }

  /** The bytes of one message whose value `write` puts on the tape. */
  encode(kind: number, seq: number, handler: number, write: () => void): Uint8Array {
    tx.begin(this.handle, kind, seq, handler, 0);
    try {
      write();
    } catch (error) {
      tx.rollback();
      throw error;
    }
    tx.commit(2 ** 30);
    flush();
    return addon.takeOutput(this.handle) ?? new Uint8Array();
  }

  /** The bytes of a message with one box. */
  box(kind: number, seq: number, value: unknown): Uint8Array {
    return this.encode(kind, seq, 0, () => this.writer.box(value, 0));
  }

  [Symbol.dispose](): void {
    addon.close(this.handle);
  }
}
