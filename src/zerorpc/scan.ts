// Is it msgpack that we read? Checked before it is decoded, so that a few bytes cost neither a deep stack nor an extension that the decoder
// would act upon: exactly one value, whole, not nested too deep, with no extension but timestamps.
import { EventError } from './errors.ts';

/** Deepest nesting of lists and maps, in and out. */
export const MAX_NESTING = 256;
const TIMESTAMP = 0xff; // -1

/** Throws an EventError for anything else. */
export function scan(bytes: Uint8Array): void {
  const end = bytes.length;
  /** Values that are left in each list or map that is open. */
  const open: number[] = [];
  let at = 0;
  let left = 1;
  const number = (width: number): number => {
    if (at + width > end) throw short();
    let value = 0;
    for (let index = 0; index < width; index++) value = value * 256 + (bytes[at + index] as number);
    at += width;
    return value;
  };
  const pass = (length: number): void => {
    at += length;
    if (at > end) throw short();
  };
  const enter = (count: number): void => {
    if (count > end - at) throw short();
    if (open.length >= MAX_NESTING) throw new EventError(`values are nested more than ${MAX_NESTING} deep`);
    open.push(left);
    left = count;
  };
  for (;;) {
    while (left === 0) {
      const outer = open.pop();
      if (outer === undefined) {
        if (at !== end) throw new EventError(`${end - at} bytes follow the value`);
        return;
      }
      left = outer;
    }
    left--;
    const tag = number(1);
    if (tag < 0x80 || tag >= 0xe0) continue;
    if (tag < 0x90) enter((tag & 15) * 2);
    else if (tag < 0xa0) enter(tag & 15);
    else if (tag < 0xc0) pass(tag & 31);
    else if (tag === 0xc0 || tag === 0xc2 || tag === 0xc3) continue;
    else if (tag >= 0xc4 && tag <= 0xc6) pass(number(1 << (tag - 0xc4)));
    else if (tag >= 0xc7 && tag <= 0xc9) extension(number(1 << (tag - 0xc7)));
    else if (tag === 0xca) pass(4);
    else if (tag === 0xcb) pass(8);
    else if (tag >= 0xcc && tag <= 0xd3) pass(1 << ((tag - 0xcc) & 3));
    else if (tag >= 0xd4 && tag <= 0xd8) extension(1 << (tag - 0xd4));
    else if (tag >= 0xd9 && tag <= 0xdb) pass(number(1 << (tag - 0xd9)));
    else if (tag === 0xdc || tag === 0xdd) enter(number(2 << (tag - 0xdc)));
    else if (tag === 0xde || tag === 0xdf) enter(number(2 << (tag - 0xde)) * 2);
    else throw new EventError('the tag c1 has no meaning in msgpack');
  }
  function extension(length: number): void {
    const type = number(1);
    if (type !== TIMESTAMP || (length !== 4 && length !== 8 && length !== 12))
      throw new EventError(`an extension of type ${(type << 24) >> 24} with ${length} bytes is not read`);
    pass(length);
  }
}

const short = (): Error => new EventError('the bytes end inside a value');
