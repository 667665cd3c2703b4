// Values off an arena's tape. Mapping section A2. Answers to Connection._unbox and rpyc/core/brine.py's load.
import { Buffer } from 'node:buffer';
import { codedError } from '../errors.ts';
import { nameOf } from '../native/engine.ts';
import { type Arena, type RawBuffer, Tag } from '../native/tape.ts';
import { FORBIDDEN } from '../objects/forbidden.ts';
import { exceptions } from '../python/exceptions.ts';
import { Complex, Ellipsis, FrozenSet, type Kwargs, kwargs, NotImplemented, Slice } from '../python/values.ts';
import type { Face } from '../refs/face.ts';

/** How values of one connection are read. */
export interface ReadOptions {
  /** Python ints: a number where it is exact, else a bigint ('auto'); or always one of them. */
  readonly bigint: 'auto' | 'always' | 'number';
  readonly freezeTuples: boolean;
}

/** Our objects by id, for those that come back: what the peer holds and nothing else, so not the class of what it holds. */
export interface OwnObjects {
  get(id: number): { readonly object: object } | undefined;
}

/** Who is told that a reference to a peer's object arrived, and says what stands for it. */
export interface Arrivals {
  arrive(rid: number, cls: number, isClass: boolean, face: Face): object;
}

/** Up to so many characters a loop beats the call into Buffer (bench/micro/text.ts). */
const SHORT_TEXT = 6;

const NO_WORDS = new Int32Array(0);
const NO_FLOATS = new Float64Array(0);

/**
 * Reads what one peer sent. `start` positions it, `value`, `tuple` and `kwargs` continue from there. Nothing of the user's runs while values
 * are read, so a connection needs one.
 */
export class BoxReader {
  private readonly options: ReadOptions;
  private readonly own: OwnObjects;
  private readonly arrivals: Arrivals;
  private words: Int32Array = NO_WORDS;
  private floats: Float64Array = NO_FLOATS;
  private bytes: RawBuffer | undefined;
  private owned = false;
  private pos = 0;
  private face: Face = 'async';

  constructor(options: ReadOptions, own: OwnObjects, arrivals: Arrivals) {
    this.options = options;
    this.own = own;
    this.arrivals = arrivals;
  }

  /** @param face how references are to be seen */
  start(arena: Arena, at: number, face: Face): this {
    this.words = arena.words;
    this.floats = arena.floats;
    this.bytes = arena.bytes;
    this.owned = arena.owned;
    this.pos = at;
    this.face = face;
    return this;
  }

  /** Lets go of the arena: of a large message it is the message's whole memory. */
  rest(): void {
    this.words = NO_WORDS;
    this.floats = NO_FLOATS;
    this.bytes = undefined;
  }

  /** The next value of the tape. */
  value(): unknown {
    const { words } = this;
    const word = words[this.pos++];
    switch (word & 0xff) {
      case Tag.NONE:
        return null;
      case Tag.TRUE:
        return true;
      case Tag.FALSE:
        return false;
      case Tag.INT:
        return this.options.bigint === 'always' ? BigInt(word >> 8) : word >> 8;
      case Tag.INT53: {
        const value = this.floats[words[this.pos++]];
        return this.options.bigint === 'always' ? BigInt(value) : value;
      }
      case Tag.BIGINT: {
        const text = this.latin1();
        return this.options.bigint === 'number' ? Number(text) : BigInt(text);
      }
      case Tag.FLOAT:
        return this.floats[words[this.pos++]];
      case Tag.STR:
        return word >> 8 === 1 ? this.latin1() : this.utf8();
      case Tag.EMPTY_STR:
        return '';
      case Tag.NAME:
        return nameOf(words[this.pos++]);
      case Tag.BYTES:
        return this.data();
      case Tag.EMPTY_BYTES:
        return Buffer.alloc(0);
      case Tag.TUPLE:
      case Tag.BOX: {
        const items = this.items();
        return this.options.freezeTuples ? Object.freeze(items) : items;
      }
      case Tag.REMOTE: {
        const rid = words[this.pos++];
        return this.arrivals.arrive(rid, words[this.pos++], word >> 8 === 1, this.face);
      }
      case Tag.LOCAL:
        return this.local();
      default:
        return this.rare(word);
    }
  }

  private rare(word: number): unknown {
    switch (word & 0xff) {
      case Tag.ELLIPSIS:
        return Ellipsis;
      case Tag.NOT_IMPLEMENTED:
        return NotImplemented;
      case Tag.FROZENSET:
        return new FrozenSet(this.items());
      case Tag.SLICE:
        return new Slice(this.value(), this.value(), this.value());
      case Tag.COMPLEX: {
        const at = this.words[this.pos++];
        return new Complex(this.floats[at], this.floats[at + 1]);
      }
      default:
        throw codedError(new Error(`tape word ${word} at ${this.pos - 1} has no meaning here`), 'ERR_RPYC_INTERNAL');
    }
  }

  /** The items of the tuple or box of boxes that comes next, as a fresh array. */
  tuple(): unknown[] {
    const tag = this.words[this.pos++] & 0xff;
    if (tag !== Tag.TUPLE && tag !== Tag.BOX) {
      this.pos--;
      const value = this.value();
      return Array.isArray(value) ? [...value] : [value];
    }
    return this.items();
  }

  /** The kwargs that come next, as one Kwargs; undefined for none. */
  kwargs(): Kwargs | undefined {
    const pairs = this.tuple();
    return pairs.length === 0 ? undefined : kwargsFromPairs(pairs);
  }

  private items(): unknown[] {
    const count = this.words[this.pos++];
    const items: unknown[] = new Array(count);
    for (let i = 0; i < count; i++) items[i] = this.value();
    return items;
  }

  /** Our own object that came back. */
  private local(): unknown {
    const id = this.words[this.pos++];
    const entry = this.own.get(id);
    if (entry === undefined) throw new exceptions.KeyError(id);
    return entry.object;
  }

  private latin1(): string {
    const bytes = this.bytes as RawBuffer;
    const offset = this.words[this.pos++];
    const length = this.words[this.pos++];
    if (length > SHORT_TEXT) return bytes.latin1Slice(offset, offset + length);
    let text = '';
    for (let i = offset; i < offset + length; i++) text += String.fromCharCode(bytes[i]);
    return text;
  }

  private utf8(): string {
    const offset = this.words[this.pos++];
    const length = this.words[this.pos++];
    return (this.bytes as RawBuffer).utf8Slice(offset, offset + length);
  }

  private data(): Buffer {
    const bytes = this.bytes as RawBuffer;
    const offset = this.words[this.pos++];
    const length = this.words[this.pos++];
    // A body that is most of a large message keeps that message's memory: it has no other user.
    if (this.owned && length > bytes.length / 2) return bytes.subarray(offset, offset + length);
    const copy = Buffer.allocUnsafe(length);
    bytes.copy(copy, 0, offset, offset + length);
    return copy;
  }
}

/** RPyC's `((name, value), …)`. @throws TypeError for a name that is no str, or forbidden */
export function kwargsFromPairs(pairs: readonly unknown[]): Kwargs {
  const named: Record<string, unknown> = Object.create(null);
  for (const pair of pairs) {
    const [name, value] = Array.isArray(pair) ? pair : [];
    if (typeof name !== 'string' || FORBIDDEN.has(name))
      throw new exceptions.TypeError(
        `bad keyword argument name ${typeof name === 'string' ? `'${name}'` : typeof name}`,
      );
    named[name] = value;
  }
  return kwargs(named);
}
