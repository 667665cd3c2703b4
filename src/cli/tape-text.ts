// Values on an inbound tape as text for people: cut to a length, nothing of them made. A walk over the whole value all the same, since it
// finds the references in it. Mirrors BoxReader, which makes values.
import { nameOf } from '../native/engine.ts';
import { type Arena, Tag } from '../native/tape.ts';
import { tameLine } from './output.ts';

/** Texts and bytes inside a message are cut to so many of them. */
const MAX_TEXT = 60;
/** Items of a container that are shown. */
const MAX_ITEMS = 10;

/** Names of what stands on the tape by number. */
export interface Naming {
  /** An object that arrives from its owner. */
  arrived(rid: number, cls: number, isClass: boolean): string;
  /** One that goes back to its owner. */
  returned(rid: number): string;
}

/** One value, as it is shown, and what it consists of where it is a tuple. */
export interface Shown {
  readonly text: string;
  readonly items: readonly Shown[] | undefined;
  /** The text itself, where it is one. */
  readonly string: string | undefined;
}

const plain = (text: string): Shown => ({ text, items: undefined, string: undefined });

export class TapeText {
  private readonly arena: Arena;
  private readonly naming: Naming;
  private pos: number;

  constructor(arena: Arena, at: number, naming: Naming) {
    this.arena = arena;
    this.pos = at;
    this.naming = naming;
  }

  /** The next value, to its end. */
  next(): Shown {
    const { words, floats } = this.arena;
    const word = words[this.pos++];
    switch (word & 0xff) {
      case Tag.NONE:
        return plain('None');
      case Tag.TRUE:
        return plain('True');
      case Tag.FALSE:
        return plain('False');
      case Tag.ELLIPSIS:
        return plain('Ellipsis');
      case Tag.NOT_IMPLEMENTED:
        return plain('NotImplemented');
      case Tag.INT:
        return plain(String(word >> 8));
      case Tag.INT53:
        return plain(String(floats[words[this.pos++]]));
      case Tag.FLOAT:
        return plain(floatText(floats[words[this.pos++]]));
      case Tag.COMPLEX: {
        const at = words[this.pos++];
        return plain(`complex(${floatText(floats[at])}, ${floatText(floats[at + 1])})`);
      }
      case Tag.BIGINT:
        return plain(shorten(this.bytes().toString('latin1')));
      case Tag.STR:
        return text(this.bytes().toString('utf8'));
      case Tag.NAME:
        return text(nameOf(words[this.pos++]));
      case Tag.EMPTY_STR:
        return text('');
      case Tag.BYTES: {
        const bytes = this.bytes();
        const shown = bytes.subarray(0, MAX_TEXT / 2).toString('hex');
        return plain(`<${bytes.length} bytes ${shown}${bytes.length > MAX_TEXT / 2 ? '…' : ''}>`);
      }
      case Tag.EMPTY_BYTES:
        return plain('<0 bytes>');
      case Tag.TUPLE:
      case Tag.BOX:
        return this.items('(', ')');
      case Tag.FROZENSET:
        return this.items('frozenset(', ')');
      case Tag.SLICE: {
        const parts = [this.next(), this.next(), this.next()];
        return plain(`slice(${parts.map((part) => part.text).join(', ')})`);
      }
      case Tag.REMOTE: {
        const rid = words[this.pos++];
        return plain(this.naming.arrived(rid, words[this.pos++], word >> 8 === 1));
      }
      case Tag.REF:
        return plain(this.naming.returned(words[this.pos++]));
      case Tag.LOCAL:
        this.pos++;
        return plain('<an object that is none>');
      default:
        return plain(`<tape word ${word}>`);
    }
  }

  private items(open: string, close: string): Shown {
    const count = this.arena.words[this.pos++];
    const items: Shown[] = [];
    for (let i = 0; i < count; i++) {
      const item = this.next();
      if (i < MAX_ITEMS) items.push(item);
    }
    const more = count > MAX_ITEMS ? `, … ${count} in all` : count === 1 && open === '(' ? ',' : '';
    return { text: `${open}${items.map((item) => item.text).join(', ')}${more}${close}`, items, string: undefined };
  }

  /** A view, valid as long as the batch. */
  private bytes(): Buffer {
    const { words, bytes } = this.arena;
    const offset = words[this.pos++];
    return bytes.subarray(offset, offset + words[this.pos++]);
  }
}

const floatText = (value: number): string => (Number.isInteger(value) ? value.toFixed(1) : String(value));

const shorten = (value: string): string =>
  value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}… (${value.length})` : value;

const text = (value: string): Shown => ({
  text: `'${tameLine(shorten(value), MAX_TEXT + 20)}'`,
  items: undefined,
  string: value,
});
