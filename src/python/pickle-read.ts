// Reads pickles of protocols 0 to 5 that hold plain data: the opcodes, for the machine of pickle-machine.ts. Nothing is imported or executed.
import { Buffer } from 'node:buffer';
import { UnpicklingError } from '../errors.ts';
import { fail, Machine, type ReadOptions, type Step } from './pickle-machine.ts';
import { FrozenSet } from './values.ts';

export type { ReadOptions };

/** Text of UNICODE: raw-unicode-escape. */
function unescapeRaw(text: string): string {
  return text.replace(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (_, four: string, eight: string) => {
    const code = Number.parseInt(four ?? eight, 16);
    return code > 0x10ffff ? fail('a character beyond Unicode') : String.fromCodePoint(code);
  });
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\', "'": "'", '"': '"' };

/** Text of STRING: a quoted literal of Python 2. */
function unquote(text: string): string {
  const quote = text[0];
  if (text.length < 2 || (quote !== "'" && quote !== '"') || text.at(-1) !== quote) fail('a string without quotes');
  return text.slice(1, -1).replace(/\\(?:x([0-9a-fA-F]{2})|([nrt\\'"]))|\\/g, (_, hex: string, simple: string) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    return ESCAPES[simple] ?? fail('an unknown escape in a string');
  });
}

const refusing = (what: string) => (): never => {
  throw new UnpicklingError(`refused: ${what}`);
};

/** By opcode, as the table in Lib/pickletools.py. */
const OPCODES: (Step | undefined)[] = new Array(256).fill(undefined);
const define = (op: string | number, step: Step): void => {
  OPCODES[typeof op === 'string' ? op.charCodeAt(0) : op] = step;
};

// Framing and stack
define(0x80, (m) => {
  const version = m.u8();
  if (version > 5) throw new UnpicklingError(`pickle protocol ${version} is not known: 0 to 5 are`);
});
define(0x95, (m) => {
  const length = m.u64();
  m.checkLeft(length);
});
define('(', (m) => m.mark());
define('0', (m) => m.popAny());
define('1', (m) => void m.popMark());
define('2', (m) => m.push(m.top()));
// Singletons and numbers
define('N', (m) => m.push(null));
define(0x88, (m) => m.push(true));
define(0x89, (m) => m.push(false));
define('I', (m) => {
  const text = m.line();
  if (text === '01' || text === '00') m.push(text === '01');
  else m.decimal(text);
});
define('L', (m) => m.decimal(m.line().replace(/L$/, '')));
define('J', (m) => m.int(BigInt(m.i32())));
define('K', (m) => m.int(BigInt(m.u8())));
define('M', (m) => m.int(BigInt(m.u16())));
define(0x8a, (m) => m.binaryInt(m.u8()));
define(0x8b, (m) => {
  const length = m.i32();
  if (length < 0) fail('an int of negative length');
  m.binaryInt(length);
});
define('F', (m) => m.float(m.line()));
define('G', (m) => m.push(m.take(8).readDoubleBE()));
// Text and bytes
define('S', (m) => m.push(m.ascii(Buffer.from(unquote(m.line()), 'latin1'))));
define('T', (m) => {
  const length = m.i32();
  if (length < 0) fail('a string of negative length');
  m.push(m.ascii(m.take(length)));
});
define('U', (m) => m.push(m.ascii(m.take(m.u8()))));
define('V', (m) => m.push(unescapeRaw(m.line())));
define('X', (m) => m.push(m.utf8(m.u32())));
define(0x8c, (m) => m.push(m.utf8(m.u8())));
define(0x8d, (m) => m.push(m.utf8(m.u64())));
define('B', (m) => m.push(m.copy(m.u32())));
define('C', (m) => m.push(m.copy(m.u8())));
define(0x8e, (m) => m.push(m.copy(m.u64())));
define(0x96, (m) => m.push(Uint8Array.from(m.take(m.u64()))));
// Containers
define(')', (m) => m.tuple([]));
define('t', (m) => m.tuple(m.popMark()));
define(0x85, (m) => m.tuple([m.pop()]));
define(0x86, (m) => {
  const second = m.pop();
  m.tuple([m.pop(), second]);
});
define(0x87, (m) => {
  const third = m.pop();
  const second = m.pop();
  m.tuple([m.pop(), second, third]);
});
define(']', (m) => m.push(m.hold([], [])));
define('l', (m) => {
  const items = m.popMark();
  m.push([]);
  m.append(items);
});
define('a', (m) => m.append([m.pop()]));
define('e', (m) => m.append(m.popMark()));
define('}', (m) => m.push(m.hold(new Map(), [])));
define('d', (m) => m.push(m.fill(new Map(), m.popMark())));
define('s', (m) => {
  const value = m.pop();
  m.setItems([m.pop(), value]);
});
define('u', (m) => m.setItems(m.popMark()));
define(0x8f, (m) => m.push(m.hold(new Set(), [])));
define(0x90, (m) => m.add(m.popMark()));
define(0x91, (m) => {
  const items = m.popMark();
  for (const item of items) m.plain(item);
  m.push(m.hold(new FrozenSet(items), items));
});
// Memo
define('p', (m) => m.remember(memoIndex(m.line())));
define('q', (m) => m.remember(m.u8()));
define('r', (m) => m.remember(m.u32()));
define(0x94, (m) => m.rememberNext());
define('g', (m) => m.recall(memoIndex(m.line())));
define('h', (m) => m.recall(m.u8()));
define('j', (m) => m.recall(m.u32()));
// Names, and objects made with them
define('c', (m) => m.global(m.line(), m.line()));
define(0x93, (m) => m.stackGlobal());
define('R', (m) => {
  const args = m.pop();
  m.reduce(args, m.pop());
});
define(0x81, (m) => {
  const args = m.pop();
  m.reduce(args, m.pop());
});
define(0x92, (m) => {
  const named = m.pop();
  if (!(named instanceof Map && named.size === 0)) throw new UnpicklingError('refused: keyword arguments');
  const args = m.pop();
  m.reduce(args, m.pop());
});
define('b', (m) => m.build());
define('i', (m) => {
  m.global(m.line(), m.line());
  const cls = m.pop();
  m.reduce(Object.freeze(m.popMark()), cls);
});
define('o', (m) => {
  const [cls, ...args] = m.popMark();
  m.reduce(Object.freeze(args), cls);
});
// What is never plain data
define('P', refusing('a persistent id'));
define('Q', refusing('a persistent id'));
define(0x82, refusing('an extension code'));
define(0x83, refusing('an extension code'));
define(0x84, refusing('an extension code'));
define(0x97, refusing('an out-of-band buffer'));
define(0x98, (m) => void m.top());

function memoIndex(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : fail('a memo index that is no number');
}

/** Dicts whose keys are all strings as objects, everywhere in `value`; each container once. */
function asObjects(value: unknown): unknown {
  const known = new Map<object, unknown>();
  const convert = (item: unknown): unknown => {
    if (typeof item !== 'object' || item === null) return item;
    if (known.has(item)) return known.get(item);
    if (item instanceof Map) {
      const asObject = [...item.keys()].every((key) => typeof key === 'string');
      if (asObject) {
        const made: Record<string, unknown> = Object.create(null);
        known.set(item, made);
        for (const [key, entry] of item) made[key as string] = convert(entry);
        return made;
      }
      known.set(item, item);
      for (const [key, entry] of item) item.set(key, convert(entry));
    } else if (Array.isArray(item) && Object.isFrozen(item)) {
      known.set(item, item);
      const made = Object.freeze(item.map(convert));
      known.set(item, made);
      return made;
    } else if (Array.isArray(item)) {
      known.set(item, item);
      for (const [i, entry] of item.entries()) item[i] = convert(entry);
    }
    return item;
  };
  return convert(value);
}

/**
 * The value in a pickle of plain data: null, booleans, numbers and bigints, strings, bytes (Buffer), bytearray (Uint8Array), tuples (frozen
 * arrays), lists, dicts (Map), sets, FrozenSet, Complex, Slice, datetimes, Decimal, numpy arrays and scalars. Answers to `pickle.loads`.
 * @throws {UnpicklingError} for anything else, by name; nothing is ever executed
 */
export function loads(pickle: Uint8Array, options: ReadOptions = {}): unknown {
  const value = new Machine(Buffer.from(pickle.buffer, pickle.byteOffset, pickle.byteLength), options).run(OPCODES);
  return options.dicts === 'object' ? asObjects(value) : value;
}
