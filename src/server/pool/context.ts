// What a service knows of the worker that it runs in. Of this thread: set by worker.ts before the service module is loaded.

/** What a service module of a {@link WorkerPoolServer} is told: passed to the function that it exports, and by {@link workerContext}. */
export interface WorkerContext<S = unknown> {
  /** Index of the worker, from 0. One that replaces another has the same. */
  readonly worker: number;
  /** Number of workers of the pool. */
  readonly workers: number;
  /** The pool's option `sharedState`, or what it made for this worker. */
  readonly sharedState: S;
}

let context: WorkerContext | undefined;

export function setContext(given: WorkerContext): void {
  context = given;
}

/**
 * The worker of a {@link WorkerPoolServer} that this code runs in; undefined in any other thread.
 *
 *     const { sharedState } = rpyc.workerContext<SharedArrayBuffer>() ?? { sharedState: new SharedArrayBuffer(4) };
 */
export function workerContext<S = unknown>(): WorkerContext<S> | undefined {
  return context as WorkerContext<S> | undefined;
}
