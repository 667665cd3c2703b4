// One bare brine value to and from bytes, for what is no connection: the registry's messages. Answers to dump and load of rpyc/core/brine.py.
import { ProtocolError } from '../errors.ts';
import { tx } from '../native/engine.ts';
import { addon } from '../native/load.ts';
import { Arena } from '../native/tape.ts';
import { BoxReader } from './reader.ts';
import { BoxWriter } from './writer.ts';

/** Nobody to lend an object to: only what travels by value can be written. */
const NOBODY = {
  lend(object: object): never {
    throw new TypeError(`not a value of brine: ${typeof object}. (A frozen array is a tuple.)`);
  },
};

const reader = new BoxReader(
  { bigint: 'auto', freezeTuples: true },
  { get: () => undefined },
  {
    arrive(): never {
      throw new ProtocolError('a reference outside of a connection');
    },
  },
);

/** @throws {TypeError} for what only travels by reference, such as an array that is not frozen */
export function dumpBrine(value: unknown): Uint8Array {
  tx.begin(0, 0, 0, 0, 0);
  try {
    new BoxWriter(tx, NOBODY, undefined).box(value, 0);
    return tx.brine();
  } finally {
    tx.rollback();
  }
}

/**
 * The value that `bytes` begin with; tuples are frozen arrays. What follows it is ignored, as Python does.
 * @returns undefined where `bytes` end inside the value
 * @throws {ProtocolError} for what is no brine
 */
export function loadBrine(bytes: Uint8Array): { value: unknown } | undefined {
  let tape: ReturnType<typeof addon.loadBrine>;
  try {
    tape = addon.loadBrine(bytes);
  } catch (cause) {
    throw new ProtocolError(`not brine: ${(cause as Error).message}`, { cause });
  }
  if (tape === null) return undefined;
  const [words, floats] = tape;
  try {
    return { value: reader.start(new Arena(words, floats, bytes, false), 0, 'async').value() };
  } finally {
    reader.rest();
  }
}
