// Iterating remote objects: `for…of` and `for await`, item by item or in growing buffers where reading ahead swallows nothing.
// Answers to rpyc/utils/helpers.py's buffiter and to BaseNetref's iteration.
import { HANDLE_BUFFITER } from '../constants.ts';
import { codedError, ProtocolError } from '../errors.ts';
import { exceptions } from '../python/exceptions.ts';
import { type Holder, holderOf } from '../refs/holder.ts';
import type { CallOptions } from './options.ts';
import { ask, askCall, runAsync, runSync, type Steps } from './steps.ts';

/** Containers whose iterator is theirs alone: what is read ahead and not used is lost to nobody. */
const PREFETCHABLE: ReadonlySet<string> = new Set(
  'list dict set frozenset range dict_keys dict_values dict_items'.split(' ').map((name) => `builtins.${name}`),
);

/** Iterators whose `__iter__` is themselves: it is not asked for, and they are not ours to give back. */
const ITERATORS: ReadonlySet<string> = new Set(
  `generator list_iterator list_reverseiterator tuple_iterator dict_keyiterator dict_valueiterator dict_itemiterator set_iterator
range_iterator str_iterator bytes_iterator map filter zip enumerate reversed`
    .split(/\s+/)
    .map((name) => `builtins.${name}`),
);

/** How {@link buffiter} reads ahead; RPyC's parameters, with its defaults. */
export interface Buffering {
  /** Items asked for first. */
  chunk: number;
  /** Items asked for at most. */
  maxChunk: number;
  /** Growth from one request to the next. */
  factor: number;
}

export const DEFAULT_BUFFERING: Buffering = { chunk: 10, maxChunk: 1000, factor: 2 };

const isOneOf = (holder: Holder, names: ReadonlySet<string>): boolean => names.has(holder.cls.name) && !holder.isClass;

/**
 * Asks for the next items of an iterator or iterable, at most `count` (BUFFITER).
 * @throws {ProtocolError} where the peer answers with something else than a tuple
 */
export function* askItems(holder: Holder, count: number): Steps<readonly unknown[]> {
  const items = yield* ask(holder, HANDLE_BUFFITER, count);
  if (!Array.isArray(items))
    throw new ProtocolError(
      `the peer answered BUFFITER of ${holder.cls.name} with a ${typeof items}, not with a tuple`,
    );
  return items;
}

/** One remote iterator, advanced chunk by chunk. */
class Cursor {
  private iterator: Holder | undefined;
  private wanted: number;
  private readonly holder: Holder;
  private readonly buffering: Buffering | undefined;

  constructor(holder: Holder, buffering: Buffering | undefined) {
    this.holder = holder;
    this.buffering = buffering;
    this.wanted = buffering?.chunk ?? 1;
  }

  /** The next items; empty at the end. */
  *advance(): Steps<readonly unknown[]> {
    if (this.iterator === undefined && isOneOf(this.holder, ITERATORS)) this.iterator = this.holder;
    if (this.iterator === undefined) {
      const iterator = holderOf(yield* askCall(this.holder, '__iter__'));
      if (iterator === undefined)
        throw codedError(
          new TypeError(`__iter__ of ${this.holder.cls.name} returned a value, not an iterator`),
          'ERR_RPYC_OPERATION',
        );
      this.iterator = iterator;
    }
    if (this.buffering !== undefined) return yield* this.chunk(this.iterator, this.buffering);
    try {
      return [yield* askCall(this.iterator, '__next__')];
    } catch (error) {
      if (error instanceof exceptions.StopIteration) return [];
      throw error;
    }
  }

  private *chunk(iterator: Holder, { maxChunk, factor }: Buffering): Steps<readonly unknown[]> {
    const items = yield* askItems(iterator, this.wanted);
    this.wanted = Math.min(maxChunk, Math.ceil(this.wanted * factor));
    return items;
  }

  /** Gives the remote iterator back at once. */
  close(): void {
    const { iterator } = this;
    if (iterator !== undefined && iterator !== this.holder) iterator.peer.release(iterator);
    this.iterator = undefined;
  }
}

/**
 * Iterates a remote object. Without `buffering` it reads ahead only where that swallows nothing.
 * @param options limit each request, not the loop
 */
export function iterate(
  holder: Holder,
  options?: CallOptions,
  buffering: Buffering | undefined = isOneOf(holder, PREFETCHABLE) ? DEFAULT_BUFFERING : undefined,
): { sync(): Generator<unknown>; async(): AsyncGenerator<unknown> } {
  const cursor = new Cursor(holder, buffering);
  const next = () => runSync(cursor.advance(), 'sync', options);
  const nextLater = () => runAsync(cursor.advance(), 'async', options);
  return {
    *sync() {
      try {
        for (let items = next(); items.length > 0; items = next()) yield* items;
      } finally {
        cursor.close();
      }
    },
    async *async() {
      try {
        for (let items = await nextLater(); items.length > 0; items = await nextLater())
          for (const item of items) yield item;
      } finally {
        cursor.close();
      }
    },
  };
}
