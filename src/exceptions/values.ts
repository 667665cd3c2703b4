// Values of exceptions on the tape: by value where brine knows them, else as their repr. Nothing here throws, whatever is to be sent:
// real Python drops the connection where its encoder does.
import { Buffer } from 'node:buffer';
import { types } from 'node:util';
import { Tag, type Transmit } from '../native/tape.ts';
import { pyRepr } from '../objects/repr.ts';
import { PyFloat, PyInt } from '../python/values.ts';

/** What brine knows. Arrays are tuples. */
export type Sent = null | boolean | number | bigint | string | PyFloat | Buffer | readonly Sent[];

/** The value of an argument or attribute as it is sent. */
export function sendable(value: unknown): Sent {
  switch (typeof value) {
    case 'boolean':
    case 'number':
      return value;
    case 'string':
      return value.toWellFormed();
    case 'bigint':
      return value.toString().length < 4000 ? value : '<an integer of more than 4000 digits>';
    default:
      if (value === null || value === undefined) return null;
      if (value instanceof PyFloat) return value;
      if (value instanceof PyInt) return sendable(value.value);
      if (isShortTuple(value, 0)) return value.map(sendable);
      if (types.isUint8Array(value) && value.byteLength < 65_536) return Buffer.from(value);
      return safeRepr(value);
  }
}

/** A tuple of tuples and primitives is sent as such, KeyError((1, 2)) for one. */
function isShortTuple(value: unknown, depth: number): value is readonly unknown[] {
  if (!Array.isArray(value) || !Object.isFrozen(value) || value.length > 64 || depth > 4) return false;
  for (let i = 0; i < value.length; i++) {
    const descriptor = Object.getOwnPropertyDescriptor(value, i);
    const item: unknown = descriptor?.value;
    if (descriptor === undefined || !('value' in descriptor)) return false;
    const simple =
      (typeof item !== 'object' || item === null) && typeof item !== 'function' && typeof item !== 'symbol';
    if (!simple && !isShortTuple(item, depth + 1)) return false;
  }
  return true;
}

/** `repr(value)`, or a text that says there is none. */
export function safeRepr(value: unknown): string {
  try {
    return pyRepr(value).toWellFormed();
  } catch {
    return '<unprintable object>';
  }
}

/** Writes one value. */
export function writeSent(tape: Transmit, value: Sent): void {
  switch (typeof value) {
    case 'boolean':
      tape.word(value ? Tag.TRUE : Tag.FALSE);
      return;
    case 'number':
      tape.number(value);
      return;
    case 'string':
      tape.str(value);
      return;
    case 'bigint':
      tape.bigint(value);
      return;
    default:
      if (value === null) tape.word(Tag.NONE);
      else if (value instanceof PyFloat) tape.float(value.value);
      else if (Buffer.isBuffer(value)) tape.data(value);
      else {
        tape.container(Tag.TUPLE, value.length);
        for (const item of value) writeSent(tape, item);
      }
  }
}
