// Python's own texts of values (`str`, `repr`), read back: dates, Decimal, Fraction, literals. Nothing is evaluated: each reader knows one
// grammar, and answers undefined to text outside of it. Answers to isoformat, timedelta.__str__, ast.literal_eval.
import { Buffer } from 'node:buffer';
import { dateTime, PyDate, PyDecimal, PyFraction, PyTime, PyTimedelta } from './pickle-types.ts';

/** Digits of an int, as many as CPython itself would print. */
const MAX_DIGITS = 4300;
/** Deepest nesting of a literal. */
const MAX_NESTING = 50;

const DAY = '(\\d{4})-(\\d\\d)-(\\d\\d)';
const CLOCK = '(\\d\\d):(\\d\\d):(\\d\\d)(?:\\.(\\d{6}))?';
const DATE = new RegExp(`^${DAY}$`);
const TIME = new RegExp(`^${CLOCK}$`);
const DATETIME = new RegExp(`^${DAY}[ T]${CLOCK}(?:([+-])(\\d\\d):(\\d\\d)(?::(\\d\\d)(?:\\.(\\d{6}))?)?)?$`);
const TIMEDELTA = /^(?:(-?\d{1,9}) days?, )?(\d{1,2}):(\d\d):(\d\d)(?:\.(\d{6}))?$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const numbers = (texts: readonly (string | undefined)[]): number[] => texts.map((text) => Number(text ?? 0));

function isDay(year: number, month: number, day: number): boolean {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return year >= 1 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

const isClock = (hour: number, minute: number, second: number): boolean => hour < 24 && minute < 60 && second < 60;

/** `str(datetime)` or its isoformat: a Date of an aware one (to the millisecond, rounded down), a PyDateTime of a naive one. */
export function readDateTime(text: string): Date | undefined {
  const found = DATETIME.exec(text);
  if (found === null) return undefined;
  const fields = numbers(found.slice(1, 8));
  const [year, month, day, hour, minute, second, microsecond] = fields;
  if (!isDay(year, month, day) || !isClock(hour, minute, second)) return undefined;
  if (found[8] === undefined) return dateTime(fields, null);
  const [hours, minutes, seconds, micros] = numbers(found.slice(9, 13));
  if (!isClock(hours, minutes, seconds)) return undefined;
  const offset = (((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros) * (found[8] === '-' ? -1 : 1);
  const wholeSecond = dateTime(fields.slice(0, 6), 0).getTime();
  return new Date(wholeSecond + Math.floor((microsecond - offset) / 1000));
}

/** `str(date)`. */
export function readDate(text: string): PyDate | undefined {
  const [year, month, day] = numbers(DATE.exec(text)?.slice(1) ?? []);
  return isDay(year, month, day) ? new PyDate(year, month, day) : undefined;
}

/** `str(time)` of one without a time zone. */
export function readTime(text: string): PyTime | undefined {
  const [hour, minute, second, microsecond] = numbers(TIME.exec(text)?.slice(1) ?? []);
  return isClock(hour, minute, second) ? new PyTime(hour, minute, second, microsecond) : undefined;
}

/** `str(timedelta)`: `-1 day, 23:59:59.000001`. */
export function readTimedelta(text: string): PyTimedelta | undefined {
  const [days, hours, minutes, seconds, micros] = numbers(TIMEDELTA.exec(text)?.slice(1) ?? []);
  return isClock(hours, minutes, seconds)
    ? new PyTimedelta(days, (hours * 60 + minutes) * 60 + seconds, micros)
    : undefined;
}

/** `str(decimal)`. */
export function readDecimal(text: string): PyDecimal | undefined {
  try {
    return new PyDecimal(text);
  } catch {
    return undefined;
  }
}

/** `str(fraction)`: `-1/3`, or `2`. */
export function readFraction(text: string): PyFraction | undefined {
  if (text.length > 2 * MAX_DIGITS + 2) return undefined;
  const found = /^(-?\d+)(?:\/([1-9]\d*))?$/.exec(text);
  return found === null ? undefined : new PyFraction(BigInt(found[1]), BigInt(found[2] ?? 1));
}

/** `str(uuid)`. */
export const readUuid = (text: string): string | undefined => (UUID.test(text) ? text : undefined);

/** The text of a JavaScript Date at a Node peer. An invalid one is invalid here too. */
export function readJsDate(text: string): Date | undefined {
  if (text === 'Invalid Date') return new Date(Number.NaN);
  const date = new Date(text);
  return !Number.isNaN(date.getTime()) && date.toISOString() === text ? date : undefined;
}

/** A value in a box, so that None is told from nothing. */
export interface Found {
  readonly value: unknown;
}

/** `repr` of None, bool, int, float, str, bytes, and of tuples and lists of them. Tuples are frozen arrays. */
export function readLiteral(text: string): Found | undefined {
  const reader = new LiteralReader(text);
  const found = reader.value(0);
  return found !== undefined && reader.ended ? found : undefined;
}

/**
 * The `name=value` parts of a repr as dataclasses and namedtuples write it, in their order: `Point(x=1, y='a, b=2')` has x and y.
 * Undefined where the text does not have that form, or a value in it confuses quotes and brackets.
 */
export function readFieldNames(repr: string): string[] | undefined {
  const open = /^[\p{L}_][\p{L}\p{N}_.<>]*\(/u.exec(repr);
  if (open === null || !repr.endsWith(')')) return undefined;
  const names: string[] = [];
  let at = open[0].length;
  const end = repr.length - 1;
  while (at < end) {
    const name = FIELD.exec(((FIELD.lastIndex = at), repr));
    if (name === null) return undefined;
    names.push(name[1]);
    const next = endOfPart(repr, FIELD.lastIndex, end);
    if (next === undefined || (next < end && !repr.startsWith(', ', next))) return undefined;
    at = next < end ? next + 2 : end;
  }
  return names;
}

const FIELD = /([\p{L}_][\p{L}\p{N}_]*)=/uy;
const QUOTED = /'[^'\\]*(?:\\[\s\S][^'\\]*)*'|"[^"\\]*(?:\\[\s\S][^"\\]*)*"/y;

/** Where the comma after a part is, brackets and quotes respected; `end` after the last. */
function endOfPart(text: string, from: number, end: number): number | undefined {
  let depth = 0;
  for (let at = from; at < end; at++) {
    const c = text[at];
    if (c === "'" || c === '"') {
      QUOTED.lastIndex = at;
      if (!QUOTED.test(text) || QUOTED.lastIndex > end) return undefined;
      at = QUOTED.lastIndex - 1;
    } else if (c === '(' || c === '[' || c === '{') depth++;
    else if (c === ')' || c === ']' || c === '}') depth--;
    else if (c === ',' && depth === 0) return at;
    if (depth < 0) return undefined;
  }
  return depth === 0 ? end : undefined;
}

const WORDS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['None', null],
  ['True', true],
  ['False', false],
  ['inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
  ['nan', Number.NaN],
]);
const WORD = /-?[A-Za-z]+/y;
const NUMBER = /-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/y;
const TEXT = /(b?)('[^'\\]*(?:\\[\s\S][^'\\]*)*'|"[^"\\]*(?:\\[\s\S][^"\\]*)*")/y;
const ESCAPE = /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|([nrt\\'"]))/g;
const SIMPLE: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

class LiteralReader {
  private readonly text: string;
  private at = 0;
  constructor(text: string) {
    this.text = text;
  }

  get ended(): boolean {
    return this.at === this.text.length;
  }

  value(depth: number): Found | undefined {
    const c = this.text[this.at];
    if (c === '(' || c === '[') return depth < MAX_NESTING ? this.sequence(c, depth) : undefined;
    const quoted = this.match(TEXT);
    if (quoted !== undefined) return { value: unescape(quoted[2].slice(1, -1), quoted[1] === 'b') };
    const number = this.match(NUMBER)?.[0];
    if (number !== undefined) return readNumber(number);
    const word = this.match(WORD)?.[0];
    return word !== undefined && WORDS.has(word) ? { value: WORDS.get(word) } : undefined;
  }

  private match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text) ?? undefined;
    if (found !== undefined) this.at = pattern.lastIndex;
    return found;
  }

  private skip(text: string): boolean {
    const there = this.text.startsWith(text, this.at);
    if (there) this.at += text.length;
    return there;
  }

  private sequence(open: string, depth: number): Found | undefined {
    this.at++;
    const close = open === '(' ? ')' : ']';
    const items: unknown[] = [];
    let comma = false;
    while (!this.skip(close)) {
      if (items.length > 0 && !comma) return undefined;
      const item = this.value(depth + 1);
      if (item === undefined) return undefined;
      items.push(item.value);
      comma = this.skip(', ') || this.skip(',');
    }
    // `(1)` is no tuple.
    if (open === '(' && items.length === 1 && !comma) return undefined;
    return { value: open === '(' ? Object.freeze(items) : items };
  }
}

function readNumber(text: string): Found | undefined {
  if (/[.e]/.test(text)) return { value: Number(text) };
  if (text.length > MAX_DIGITS + 1) return undefined;
  const value = Number(text);
  return { value: Number.isSafeInteger(value) ? value : BigInt(text) };
}

function unescape(body: string, isBytes: boolean): string | Buffer {
  const text = body.replace(ESCAPE, (_, two, four, eight, simple) =>
    simple === undefined
      ? String.fromCodePoint(Math.min(0x10ffff, Number.parseInt(two ?? four ?? eight, 16)))
      : (SIMPLE[simple] ?? simple),
  );
  return isBytes ? Buffer.from(text, 'latin1') : text;
}
