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
function withoutOwnFrames(stack: string, most = Number.POSITIVE_INFINITY): string {
  if (DEBUGGING || (most === Number.POSITIVE_INFINITY && !OWN.some((folder) => stack.includes(folder)))) return stack;
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
export function setStack(error: Error, stack: unknown): void {
  Reflect.defineProperty(error, 'stack', { value: stack, writable: true, configurable: true, enumerable: false });
}

/** Frames of ours between where an error is made and the code that asked for it, at most. */
const OURS = 16;

/**
 * Gives an error a stack of its caller's frames, as many as there would be with none of ours between, and text of ours after them.
 * Frames are put into words when somebody reads them: many an error is only caught.
 * @param below the function of ours that made it: its frame and those above are not taken
 */
export function setCallerStack(error: Error, after: string, below: (...args: never[]) => unknown): void {
  const trace: { stack?: string } = {};
  const limit = Error.stackTraceLimit;
  const wide = Reflect.set(Error, 'stackTraceLimit', limit > 0 ? limit + OURS : limit);
  Error.captureStackTrace(trace, below);
  if (wide) Error.stackTraceLimit = limit;
  Reflect.defineProperty(error, 'stack', {
    get(this: Error) {
      const frames = String(trace.stack ?? '').replace(/^[^\n]*/, '');
      const stack = `${String(error)}${withoutOwnFrames(frames, DEBUGGING ? undefined : limit)}${after}`;
      if (this === error) setStack(error, stack);
      return stack;
    },
    set(this: Error, stack: unknown) {
      setStack(this, stack);
    },
    configurable: true,
    enumerable: false,
  });
}

/** Makes an error that takes no stack of its own. */
export function withoutStack<E extends Error>(make: () => E): E {
  const limit = Error.stackTraceLimit;
  if (!Reflect.set(Error, 'stackTraceLimit', 0)) return make();
  try {
    return make();
  } finally {
    Error.stackTraceLimit = limit;
  }
}
