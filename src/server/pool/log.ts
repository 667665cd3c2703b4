// Log lines of a pool's threads, on their way to its logger. Bounded: a thread that logs faster than they are read drops lines, and says how many.
import { inspect } from 'node:util';
import type { MessagePort } from 'node:worker_threads';
import { CONSOLE, DEBUGGING, type Logger } from '../../policy/logger.ts';
import { type Board, Word } from './board.ts';
import {
  type ErrorData,
  type Levels,
  LONGEST_TEXT,
  type LogLevel,
  type LogLine,
  packError,
  unpackError,
} from './messages.ts';

/** Lines under way from one thread. */
const UNDER_WAY = 256;

/** Which levels the logger reads, so that the others need not be sent. */
export const levelsOf = (logger: Logger | null): Levels =>
  logger === null ? [] : logger === CONSOLE && !DEBUGGING ? ['warn', 'error'] : ['debug', 'info', 'warn', 'error'];

/** A logger that sends its lines through `port`; null where nobody reads any. */
export function sender(port: MessagePort, { words }: Board, levels: Levels): Logger | null {
  if (levels.length === 0) return null;
  let sent = 0;
  let dropped = 0;
  const send = (level: LogLevel, message: string, details: unknown[]): void => {
    if (((sent - Atomics.load(words, Word.LOGGED)) | 0) >= UNDER_WAY) {
      dropped++;
      return;
    }
    const missed = dropped === 0 ? '' : ` (${dropped} lines before this one were dropped: they came too fast)`;
    dropped = 0;
    sent = (sent + 1) | 0;
    port.postMessage({
      is: 'log',
      level,
      text: String(message).slice(0, LONGEST_TEXT) + missed,
      details: details.slice(0, 8).map(packed),
    } satisfies LogLine);
  };
  const level =
    (name: LogLevel) =>
    (message: string, ...details: unknown[]): void => {
      if (levels.includes(name)) send(name, message, details);
    };
  return { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') };
}

const packed = (detail: unknown): string | ErrorData =>
  detail instanceof Error
    ? packError(detail)
    : (typeof detail === 'string' ? detail : inspect(detail)).slice(0, LONGEST_TEXT);

/** Hands a line that arrived to the logger. */
export function receive(line: LogLine, { words }: Board, logger: Logger | null): void {
  Atomics.add(words, Word.LOGGED, 1);
  logger?.[line.level](
    line.text,
    ...line.details.map((detail) => (typeof detail === 'string' ? detail : unpackError(detail))),
  );
}
