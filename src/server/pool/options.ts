// Options of a worker pool, checked once.
import { availableParallelism } from 'node:os';
import { MessagePort, type ResourceLimits, type Transferable } from 'node:worker_threads';
import { milliseconds } from '../limits.ts';
import type { ServerOptions } from '../server.ts';

/** A slice of a blocking wait is 50 ms: with less than this, one would look stuck. Seconds. */
const SHORTEST_STUCK = 0.2;

/** What a {@link WorkerPoolServer} takes: the options of a {@link Server}, of which those that are functions stay in the thread that made it. */
export interface WorkerPoolOptions extends ServerOptions {
  /** Worker threads. Default: as many as the machine runs at a time (`os.availableParallelism()`). At most 1024. */
  workers?: number;
  /**
   * What the service modules find as `sharedState` of their {@link WorkerContext}: a value that is cloned to each worker (a SharedArrayBuffer is
   * shared), or a function that makes each worker's, called in this thread whenever a worker starts. MessagePorts that it returns, alone or among
   * the items of an object or Array, are transferred.
   */
  sharedState?: unknown;
  /**
   * Seconds without a sign of life after which a worker is terminated and replaced; its clients see the end of their connections. A blocking call
   * that waits for a peer is a sign of life, a handler that computes for so long is not. 0.2 at least. Default null: never.
   */
  stuckAfter?: number | null;
  /**
   * Crashes in a row, each within 5 s of a worker's start, after which it is not replaced any more. The waits in between grow from none to 30 s.
   * Default 10.
   */
  maxCrashes?: number;
  /** Memory of each worker, as `node:worker_threads` takes it. One that needs more ends, and is replaced. Default: Node's. */
  resourceLimits?: ResourceLimits;
}

/** The pool's own part of them. */
export interface PoolSettings {
  readonly workers: number;
  /** What a worker gets; its transfer list. */
  readonly stateFor: (worker: number) => { readonly state: unknown; readonly transfer: readonly Transferable[] };
  /** ms, Infinity for never. */
  readonly stuckAfter: number;
  readonly maxCrashes: number;
  readonly resourceLimits: ResourceLimits | undefined;
}

/** @throws {RangeError} or {TypeError} for an option that cannot be; the rest of `options` is not looked at */
export function poolSettings({
  workers = availableParallelism(),
  sharedState,
  stuckAfter = null,
  maxCrashes = 10,
  resourceLimits,
}: WorkerPoolOptions): PoolSettings {
  if (!(Number.isInteger(workers) && workers >= 1 && workers <= 1024))
    throw new RangeError(`workers is a whole number between 1 and 1024, not ${String(workers)}`);
  if (!(Number.isInteger(maxCrashes) && maxCrashes >= 1 && maxCrashes <= 1_000_000))
    throw new RangeError(`maxCrashes is a whole number between 1 and 1000000, not ${String(maxCrashes)}`);
  if (stuckAfter !== null && stuckAfter < SHORTEST_STUCK)
    throw new RangeError(`stuckAfter is ${SHORTEST_STUCK} s at least, not ${stuckAfter}`);
  return {
    workers,
    stateFor: stateMaker(sharedState),
    stuckAfter: milliseconds('stuckAfter', stuckAfter, null),
    maxCrashes,
    resourceLimits,
  };
}

function stateMaker(sharedState: unknown): PoolSettings['stateFor'] {
  if (typeof sharedState === 'function')
    return (worker) => {
      const state: unknown = sharedState(worker);
      return { state, transfer: portsOf(state) };
    };
  if (portsOf(sharedState).length !== 0)
    throw new TypeError(
      'sharedState holds a MessagePort, which one worker alone can have: give a function that makes one for each, (worker) => port',
    );
  try {
    structuredClone(sharedState);
  } catch (cause) {
    throw new TypeError(
      `sharedState cannot be cloned to the workers: ${(cause as Error).message}. Give what can be, a SharedArrayBuffer for instance, or a function that makes each worker's`,
      { cause },
    );
  }
  return () => ({ state: sharedState, transfer: [] });
}

const portsOf = (state: unknown): MessagePort[] =>
  [state, ...(typeof state === 'object' && state !== null ? Object.values(state) : [])].filter(
    (value): value is MessagePort => value instanceof MessagePort,
  );
