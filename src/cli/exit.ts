// How a command ends: the exit codes, in this one place, and how what was thrown becomes a line on stderr and one of them.
import { constants } from 'node:os';
import { inspect } from 'node:util';
import { DEBUGGING } from '../policy/logger.ts';
import { PythonError } from '../python/exceptions.ts';
import { tame, warn } from './output.ts';

/** Exit codes of every command. Those of a signal are 128 and its number, as a shell says it: 130 for Ctrl-C. */
export const EXIT = {
  OK: 0,
  /** What was to be done failed: no connection, a remote exception, a taken port. */
  FAILURE: 1,
  /** The command line makes no sense; nothing was done. */
  USAGE: 2,
} as const;

/** The exit code of an end by this signal. */
export const exitOfSignal = (signal: NodeJS.Signals): number => 128 + constants.signals[signal];

/** The command line makes no sense: exit code 2, and the way to the help. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What was to be done failed, and the message says it all. */
export class Failure extends Error {
  override readonly name = 'Failure';
}

/** Errors whose message is meant for who typed the command: no stack is shown. */
const isPlain = (error: Error): boolean => {
  const { code } = error as NodeJS.ErrnoException;
  return error instanceof Failure || (typeof code === 'string' && /^(ERR_RPYC_|E[A-Z0-9]+$)/.test(code));
};

/** What stderr says of an error: of a remote one its traceback, of ours the message, of a bug the whole stack. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return inspect(error);
  if (error instanceof PythonError) {
    const hint = (error as { hint?: string }).hint;
    const said = error.remoteTraceback.trimEnd();
    // "<traceback denied>" and the like do not name the exception.
    const named = said.includes(error.pyName) ? said : `${said}\n${error.pyName}: ${error.message}`.trimStart();
    return hint === undefined ? named : `${named}\nHint: ${hint}`;
  }
  return isPlain(error) && !DEBUGGING ? error.message : (error.stack ?? String(error));
}

/** Characters of an error on stderr: a traceback of the peer may be as long as a frame. */
const MAX_SAID = 65_536;

/** Runs a command to its end: its exit code. */
export async function exitCodeOf(command: string, run: () => Promise<number>): Promise<number> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof UsageError) {
      warn(`${command}: ${error.message}\nTry '${command} --help'.`);
      return EXIT.USAGE;
    }
    // Much of it may be the peer's words.
    const said = tame(describeError(error), MAX_SAID);
    warn(error instanceof PythonError ? said : `${command}: ${said}`);
    return EXIT.FAILURE;
  }
}
