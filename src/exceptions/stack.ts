// Stack traces without the frames of this package: what is between two lines of a user's is ours to know. RPYC_DEBUG shows them all.
// Frames are known by the directory that this file lies in, never by a name.
import { sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { DEBUGGING } from '../policy/logger.ts';

/** The package: frames may name its sources or what was compiled of them. */
const HOME = fileURLToPath(new URL('../..', import.meta.url));
const OWN: readonly string[] = ['src', 'dist'].flatMap((room) => {
  const folder = `${HOME}${room}${sep}`;
  return [folder, pathToFileURL(folder).href];
});

const isFrame = (line: string): boolean => /^ {4}at /.test(line);
const isOwnFrame = (line: string): boolean => isFrame(line) && OWN.some((folder) => line.includes(folder));

/** The text of a stack without frames of this package, `most` frames at most. */
export function withoutOwnFrames(stack: string, most = Number.POSITIVE_INFINITY): string {
  if (DEBUGGING) return stack;
  let frames = 0;
  const kept = stack.split('\n').filter((line) => !isOwnFrame(line) && (!isFrame(line) || ++frames <= most));
  return kept.join('\n');
}

/** The stack of an error, or its text where it has none, without frames of this package. */
export function stackOf(error: Error): string {
  const { stack } = error;
  return typeof stack === 'string' ? withoutOwnFrames(stack) : String(stack ?? error);
}

/** Takes the frames of this package out of the stack of what was thrown, where that can be. */
export function hideOwnFrames(thrown: unknown): void {
  if (DEBUGGING || !(thrown instanceof Error) || typeof thrown.stack !== 'string') return;
  const shown = withoutOwnFrames(thrown.stack);
  if (shown.length !== thrown.stack.length) setStack(thrown, shown);
}

/** Sets the stack of an error, as hidden as it always is. */
export function setStack(error: Error, stack: string): void {
  Reflect.defineProperty(error, 'stack', { value: stack, writable: true, configurable: true, enumerable: false });
}

/** Frames of ours between where an error is made and the code that asked for it, at most. */
const OURS = 24;

/** Makes an error whose stack goes as far into its caller's frames as if there were none of ours between. */
export function withCallerFrames<E extends Error>(make: () => E): E {
  const limit = Error.stackTraceLimit;
  if (DEBUGGING || !(limit > 0) || !Reflect.set(Error, 'stackTraceLimit', limit + OURS)) return make();
  try {
    const error = make();
    const { stack } = error;
    if (typeof stack === 'string') setStack(error, withoutOwnFrames(stack, limit));
    return error;
  } finally {
    Error.stackTraceLimit = limit;
  }
}
