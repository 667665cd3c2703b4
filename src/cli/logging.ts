// Logs of commands, in the form of RPyC's own: time, level, text; to stderr or a file. Answers to setup_logger of rpyc/lib/__init__.py.
import { openSync, writeSync } from 'node:fs';
import { inspect } from 'node:util';
import { DEBUGGING, type Logger } from '../policy/logger.ts';
import { UsageError } from './exit.ts';
import { warn } from './output.ts';

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** `Nov 25 07:14:31`, as RPyC writes it. */
function stamp(date: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${MONTHS[date.getMonth()]} ${two(date.getDate())} ${time}`;
}

/**
 * @param quiet errors only
 * @param file appended to, instead of stderr
 * @throws {UsageError} for a file that cannot be written
 */
export function makeLogger(name: string, quiet: boolean, file: string | undefined): Logger {
  const write = file === undefined ? warn : appender(file);
  const log =
    (level: string) =>
    (message: string, ...details: unknown[]): void => {
      const more = details.map((detail) => ` ${detail instanceof Error ? (detail.stack ?? detail) : inspect(detail)}`);
      write(`${stamp(new Date())} ${level} ${name}: ${message}${more.join('')}`);
    };
  const ignore = (): void => undefined;
  return {
    debug: DEBUGGING && !quiet ? log('DEBUG') : ignore,
    info: quiet ? ignore : log('INFO'),
    warn: quiet ? ignore : log('WARNING'),
    error: log('ERROR'),
  };
}

/** Lines are written at once: a log that is lost with a crash is of no use. A full disk loses lines, and nothing else. */
function appender(file: string): (line: string) => void {
  let fd: number;
  try {
    fd = openSync(file, 'a', 0o640);
  } catch (error) {
    throw new UsageError(`--logfile: ${(error as Error).message}`);
  }
  return (line) => {
    try {
      writeSync(fd, `${line}\n`);
    } catch {
      // There is no other place to tell it.
    }
  };
}
