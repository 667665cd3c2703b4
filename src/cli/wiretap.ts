// One direction of a conversation between two others, decoded by the engine: bytes in, messages out. Owns a push endpoint of the engine, and
// gives back at once what it counts there, so that a tap of any length takes bounded memory.
import { HANDLER_NAMES, MSG_REPLY, MSG_REQUEST } from '../constants.ts';
import { Status } from '../native/addon.ts';
import { enterBatch, flush, leaveBatch, tx } from '../native/engine.ts';
import { addon } from '../native/load.ts';
import { Arena, KIND_DEL, RECORD_WORDS, Tag } from '../native/tape.ts';
import { resolveOptions } from '../policy/config.ts';
import { FrameSizes } from './frame-sizes.ts';
import { tameLine } from './output.ts';
import { type Naming, type Shown, TapeText } from './tape-text.ts';

export type Kind = 'request' | 'reply' | 'exception';
const KINDS: readonly (Kind | undefined)[] = [undefined, 'request', 'reply', 'exception'];

/** A message as it passed. */
export interface Message {
  readonly kind: Kind;
  readonly seq: number;
  /** Of a request: what is asked, as the wire calls it. */
  readonly handler: string | undefined;
  /** What is in it, for people; cut. */
  readonly text: string;
  /** The frame's size, header included. */
  readonly bytes: number;
}

/** Names of objects by their id, for both directions of one conversation; the oldest are forgotten. */
export class ObjectNames {
  private readonly names = new Map<string, string>();
  private static readonly most = 65_536;

  learn(id: string, name: string): void {
    if (this.names.size >= ObjectNames.most) this.names.delete(this.names.keys().next().value as string);
    this.names.set(id, name);
  }

  of(id: string): string {
    return this.names.get(id) ?? 'object';
  }
}

/** Text of a message at most. */
const MAX_TEXT = 300;
/** `variant` of the engine: with thread ids. */
const BOUND = 256;

export class Wiretap implements Naming {
  private readonly handle: number;
  private readonly names: ObjectNames;
  private readonly onMessage: (message: Message) => void;
  private readonly sizes = new FrameSizes();
  private readonly classes: string[] = [];
  private readonly seen = new Map<number, number>();
  private returns = 0;
  private closed = false;
  /** Why decoding ended; undefined: it goes on. */
  broken: string | undefined;

  constructor(names: ObjectNames, onMessage: (message: Message) => void) {
    this.names = names;
    this.onMessage = onMessage;
    const o = resolveOptions({}, true);
    this.handle = addon.openPush(o.maxFrame, o.maxInflated, o.maxDepth, 0, 0, 2, o.highWater);
    addon.observe(this.handle);
  }

  /** What passed. Never throws over what it is. */
  feed(chunk: Uint8Array): void {
    if (this.closed || this.broken !== undefined) return;
    this.sizes.feed(chunk);
    addon.feed(this.handle, chunk);
    while (this.broken === undefined) {
      const code = addon.next(this.handle);
      if (code === 0) break;
      if (code > 0) this.batch(code);
      else if (code === Status.BIG) {
        const [words, floats, bytes] = addon.takeBig(this.handle);
        this.record(new Arena(words, floats, bytes, true), 0);
      } else this.broken = code === Status.PROTOCOL ? addon.lastError(this.handle) : 'it cannot be decoded';
    }
    flush();
    addon.takeOutput(this.handle);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    addon.close(this.handle);
  }

  private batch(count: number): void {
    const arena = enterBatch();
    try {
      for (let i = 0; i < count; i++) this.record(arena, i * RECORD_WORDS);
    } finally {
      leaveBatch();
    }
  }

  private record(arena: Arena, at: number): void {
    const { words } = arena;
    const kind = KINDS[words[at]] ?? 'request';
    const seq = (words[at + 1] >>> 0) + words[at + 2] * 0x100000000;
    const isRequest = words[at] === MSG_REQUEST;
    const handler = isRequest ? (HANDLER_NAMES[words[at + 3]] ?? `handler ${words[at + 3]}`) : undefined;
    const value = new TapeText(arena, words[at + 6], this).next();
    const text = handler !== undefined ? requestText(handler, value) : kind === 'reply' ? value.text : raised(value);
    this.giveBack(isRequest ? seq : undefined);
    this.onMessage({ kind, seq, handler, text: tameLine(text, MAX_TEXT), bytes: this.sizes.take() });
  }

  /** The engine counts references until they are given back, and remembers who asked until they are answered. */
  private giveBack(asked: number | undefined): void {
    for (const [rid, count] of this.seen) {
      tx.begin(this.handle, KIND_DEL, ++this.returns, rid, count);
      commit();
    }
    this.seen.clear();
    if (asked === undefined || (addon.variant(this.handle) & BOUND) === 0) return;
    tx.begin(this.handle, MSG_REPLY, asked, 0, 0);
    tx.word(Tag.NONE);
    commit();
  }

  private id(rid: number): string {
    this.seen.set(rid, (this.seen.get(rid) ?? 0) + 1);
    return addon.idPack(this.handle, rid).join('.');
  }

  arrived(rid: number, cls: number, isClass: boolean): string {
    const id = this.id(rid);
    this.classes[cls] ??= tameLine(addon.classInfo(this.handle, cls)[0], 80);
    const name = isClass ? `class ${this.classes[cls]}` : this.classes[cls];
    this.names.learn(id, name);
    return `<${name} ${shortId(id)}>`;
  }

  returned(rid: number): string {
    const id = this.id(rid);
    return `<${this.names.of(id)} ${shortId(id)}>`;
  }
}

/** Nothing that a tap says is large. */
function commit(): void {
  tx.commit(Number.MAX_SAFE_INTEGER);
  if (tx.urgent) flush();
}

/** The instance's id, of a class the class's, in the base in which Python's repr has it. */
function shortId(id: string): string {
  const [cls, instance] = id.split('.');
  const digits = instance === '0' || instance === undefined ? cls : instance;
  return /^\d+$/.test(digits) ? `0x${BigInt(digits).toString(16)}` : digits;
}

/** A request's arguments, those of the usual ones as one would write them. */
function requestText(handler: string, { text, items = [] }: Shown): string {
  const [object, name, args, named] = items;
  const called = (): string => {
    const list = handler === 'call' ? name : args;
    const pairs = handler === 'call' ? args : named;
    return `(${[...(list?.items ?? []).map((item) => item.text), ...(pairs?.items ?? []).map(pairText)].join(', ')})`;
  };
  if (handler === 'callattr' && name?.string !== undefined) return `${object.text}.${name.string}${called()}`;
  if (handler === 'call' && object !== undefined) return `${object.text}${called()}`;
  if (['getattr', 'delattr'].includes(handler) && name?.string !== undefined) return `${object.text}.${name.string}`;
  if (handler === 'setattr' && name?.string !== undefined) return `${object.text}.${name.string} = ${args?.text}`;
  return items.length === 0 ? '' : items.length === 1 ? object.text : text;
}

const pairText = ({ items, text }: Shown): string =>
  items?.length === 2 && items[0].string !== undefined ? `${items[0].string}=${items[1].text}` : text;

/** Vinegar: ((module, name), args, attributes, traceback). */
function raised({ items, text }: Shown): string {
  const [cls, args] = items ?? [];
  const [module, name] = cls?.items ?? [];
  if (module?.string === undefined || name?.string === undefined) return text === '1' ? 'StopIteration' : text;
  return `${module.string === 'builtins' ? '' : `${module.string}.`}${name.string}${args?.text ?? ''}`;
}
