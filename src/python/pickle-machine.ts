// What a pickle's opcodes work on: bytes, stack, marks and memo, as in CPython's Unpickler. Names resolve only in pickle-globals.ts, and every
// length, count and depth is bounded before anything is made. The opcodes themselves are pickle-read.ts.
import { Buffer } from 'node:buffer';
import { UnpicklingError } from '../errors.ts';
import { Global, globalNamed, Unbuilt } from './pickle-globals.ts';

/** How {@link loads} reads a pickle, and `classic.obtain`. */
export interface ReadOptions {
  /** How dicts come: as Map (default), or as null-prototype objects where every key is a string. */
  dicts?: 'map' | 'object';
  /** Python ints: 'auto' gives a number where it is exact, else a bigint; 'always' and 'number' give one of them. */
  bigint?: 'auto' | 'always' | 'number';
  /** Deepest nesting of containers. Default 400. */
  maxDepth?: number;
}

const MAX_DEPTH = 400;
/** Digits of a decimal int, as CPython bounds them. */
const MAX_DIGITS = 4300;
/** Places of the memo that may hold one object before it is built; picklers use one. */
const MAX_MENTIONS = 4;
/** Bytes of a binary int. */
const MAX_INT_BYTES = 65_536;

export function fail(what: string): never {
  throw new UnpicklingError(`malformed pickle: ${what}`);
}

type Dict = Map<unknown, unknown>;

/** One opcode. */
export type Step = (m: Machine) => void;

export class Machine {
  private readonly bytes: Buffer;
  private readonly maxDepth: number;
  private readonly bigint: 'auto' | 'always' | 'number';
  private at = 0;
  private readonly stack: unknown[] = [];
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, unknown>();
  /** Where the memo holds what is not built yet. */
  private readonly unbuilt = new Map<Unbuilt, number[]>();
  /** Nesting of containers; a leaf has none. */
  private readonly depths = new WeakMap<object, number>();

  constructor(bytes: Buffer, { maxDepth = MAX_DEPTH, bigint = 'auto' }: ReadOptions) {
    this.bytes = bytes;
    this.maxDepth = maxDepth;
    this.bigint = bigint;
  }

  /** Runs to the STOP. */
  run(opcodes: readonly (Step | undefined)[]): unknown {
    for (let op = this.u8(); op !== STOP; op = this.u8()) {
      const step = opcodes[op];
      if (step === undefined) fail(`opcode 0x${op.toString(16).padStart(2, '0')} at ${this.at - 1}`);
      step(this);
    }
    const value = this.pop();
    if (this.stack.length !== 0) fail(`${this.stack.length} values left on the stack`);
    return this.plain(value);
  }

  // --- bytes ---

  take(length: number): Buffer {
    const end = this.at + length;
    if (!(length >= 0 && end <= this.bytes.length))
      fail(`${length} bytes wanted at ${this.at}, ${this.bytes.length - this.at} are left`);
    const taken = this.bytes.subarray(this.at, end);
    this.at = end;
    return taken;
  }

  /** The length of a frame: what is in it is read like anything else. */
  checkLeft(length: number): void {
    if (length > this.bytes.length - this.at)
      fail(`a frame of ${length} bytes, ${this.bytes.length - this.at} are left`);
  }

  u8(): number {
    return this.take(1)[0];
  }
  u16(): number {
    return this.take(2).readUInt16LE();
  }
  u32(): number {
    return this.take(4).readUInt32LE();
  }
  i32(): number {
    return this.take(4).readInt32LE();
  }
  /** A length of eight bytes. */
  u64(): number {
    return Number(this.take(8).readBigUInt64LE());
  }

  line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) fail(`a line at ${this.at} does not end`);
    const text = this.bytes.toString('latin1', this.at, end);
    this.at = end + 1;
    return text.endsWith('\r') ? text.slice(0, -1) : text;
  }

  utf8(length: number): string {
    const bytes = this.take(length);
    try {
      return UTF8.decode(bytes);
    } catch {
      return fail('a str that is not UTF-8');
    }
  }

  ascii(bytes: Buffer): string {
    if (bytes.some((byte) => byte > 0x7f)) fail('a Python 2 string beyond ASCII');
    return bytes.toString('latin1');
  }

  /** Bytes that the caller may keep. */
  copy(length: number): Buffer {
    return Buffer.from(this.take(length));
  }

  // --- stack and memo ---

  push(value: unknown): void {
    this.stack.push(value);
  }

  pop(): unknown {
    const floor = this.marks.at(-1) ?? 0;
    if (this.stack.length <= floor) fail(`nothing on the stack at ${this.at - 1}`);
    return this.stack.pop();
  }

  top(): unknown {
    const value = this.pop();
    this.stack.push(value);
    return value;
  }

  mark(): void {
    this.marks.push(this.stack.length);
  }

  popMark(): unknown[] {
    const from = this.marks.pop();
    return from === undefined ? fail(`no mark at ${this.at - 1}`) : this.stack.splice(from);
  }

  /** POP also removes a mark, where one is on top. */
  popAny(): void {
    if (this.marks.at(-1) === this.stack.length) this.marks.pop();
    else this.pop();
  }

  remember(index: number): void {
    if (!(Number.isSafeInteger(index) && index >= 0)) fail(`memo index ${index}`);
    const value = this.top();
    this.memo.set(index, value);
    if (value instanceof Unbuilt)
      this.unbuilt.set(value, [...(this.unbuilt.get(value) ?? []), index].slice(-MAX_MENTIONS));
  }

  rememberNext(): void {
    this.remember(this.memo.size);
  }

  recall(index: number): void {
    if (!this.memo.has(index)) fail(`memo ${index} was never set`);
    this.push(this.memo.get(index));
  }

  // --- values ---

  /** A value that may be in a container or be the result: no name and nothing half made. */
  plain(value: unknown): unknown {
    if (value instanceof Global) throw new UnpicklingError(`refused: ${value.name} as a value`);
    if (value instanceof Unbuilt && !this.helper(value)) fail('an object without its state');
    return value;
  }

  /** dtypes lie in the tuples that arrays are built from. */
  private helper(value: Unbuilt): boolean {
    return 'code' in value;
  }

  depthOf(value: unknown): number {
    return typeof value === 'object' && value !== null ? (this.depths.get(value) ?? 0) : 0;
  }

  /** `container` gets `values`: their nesting counts. */
  hold<T extends object>(container: T, values: Iterable<unknown>): T {
    let depth = Math.max(1, this.depthOf(container));
    for (const value of values) depth = Math.max(depth, this.depthOf(value) + 1);
    if (depth > this.maxDepth) throw new UnpicklingError(`containers nested deeper than ${this.maxDepth}`);
    this.depths.set(container, depth);
    return container;
  }

  int(value: bigint): void {
    const exact = value >= -MAX_SAFE && value <= MAX_SAFE;
    this.push(this.bigint === 'always' || (this.bigint === 'auto' && !exact) ? value : Number(value));
  }

  decimal(text: string): void {
    if (!/^-?\d+$/.test(text) || text.length > MAX_DIGITS) fail(`an int of ${text.length} characters`);
    this.int(BigInt(text));
  }

  binaryInt(length: number): void {
    if (length > MAX_INT_BYTES) fail(`an int of ${length} bytes`);
    const bytes = this.take(length);
    const hex = length === 0 ? '0' : Buffer.from(bytes).reverse().toString('hex');
    this.int(BigInt.asIntN(length * 8, BigInt(`0x${hex}`)));
  }

  float(text: string): void {
    const value = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i.test(text)
      ? Number(text)
      : { inf: Number.POSITIVE_INFINITY, '-inf': Number.NEGATIVE_INFINITY, nan: Number.NaN, '-nan': Number.NaN }[text];
    this.push(value ?? fail('a float that is no number'));
  }

  tuple(items: unknown[]): void {
    for (const item of items) this.element(item);
    this.push(Object.freeze(this.hold(items, items)));
  }

  /** In tuples, which also carry the arguments of REDUCE, the names and half-made objects of numpy are legal; see `plain`. */
  private element(item: unknown): void {
    if (item instanceof Global && item.make !== undefined) this.plain(item);
  }

  list(): unknown[] {
    const list = this.top();
    return Array.isArray(list) && !Object.isFrozen(list) ? list : fail('APPEND to what is no list');
  }

  append(items: unknown[]): void {
    const list = this.list();
    for (const item of items) list.push(this.plain(item));
    this.hold(list, items);
  }

  setItems(items: unknown[]): void {
    const dict = this.top();
    if (!(dict instanceof Map)) fail('SETITEM on what is no dict');
    this.fill(dict as Dict, items);
  }

  fill(dict: Dict, items: unknown[]): Dict {
    if (items.length % 2 !== 0) fail('a dict with a key and no value');
    for (let i = 0; i < items.length; i += 2) dict.set(this.plain(items[i]), this.plain(items[i + 1]));
    return this.hold(dict, items);
  }

  add(items: unknown[]): void {
    const set = this.top();
    if (!(set instanceof Set)) fail('ADDITEMS to what is no set');
    for (const item of items) set.add(this.plain(item));
    this.hold(set, items);
  }

  global(module: string, name: string): void {
    this.push(globalNamed(module, name));
  }

  stackGlobal(): void {
    const name = this.pop();
    const module = this.pop();
    if (typeof module !== 'string' || typeof name !== 'string') fail('STACK_GLOBAL without names');
    this.global(module as string, name as string);
  }

  reduce(args: unknown, callee: unknown): void {
    if (!(callee instanceof Global)) fail('REDUCE of what is no name');
    if (!Array.isArray(args) || !Object.isFrozen(args)) fail('arguments that are no tuple');
    if (callee.make === undefined) throw new UnpicklingError(`refused: calling ${callee.name}`);
    const made = callee.make(args);
    this.push(typeof made === 'object' && made !== null ? this.hold(made, [args]) : made);
  }

  build(): void {
    const state = this.pop();
    const object = this.pop();
    if (!(object instanceof Unbuilt)) throw new UnpicklingError('refused: BUILD of an object that has no state');
    const built = object.build(state);
    this.push(built);
    if (built === object) return;
    for (const index of this.unbuilt.get(object) ?? [])
      if (this.memo.get(index) === object) this.memo.set(index, built);
    this.unbuilt.delete(object);
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
const STOP = 0x2e;
