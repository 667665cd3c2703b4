// What the threads of a pool tell each other. Plain data: errors, too, since a thread cannot clone everything that may hang on one.
import type { MessagePort } from 'node:worker_threads';
import type { Address } from '../../native/peer.ts';
import type { Where } from '../../native/socket.ts';
import type { ResolvedLimits } from '../limits.ts';
import type { ServerOptions } from '../server.ts';
import type { Board } from './board.ts';
import type { WorkerContext } from './context.ts';

/** An error without its class. */
export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code: string | undefined;
  readonly syscall: string | undefined;
}

/** Longest text of an error or a log line that is passed on, characters. */
export const LONGEST_TEXT = 10_000;

const text = (value: unknown): string | undefined =>
  typeof value === 'string' ? value.slice(0, LONGEST_TEXT) : undefined;

/** Anything that can be thrown. */
export function packError(thrown: unknown): ErrorData {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const { name, message, stack, code, syscall } = error as NodeJS.ErrnoException;
  return {
    name: text(name) ?? 'Error',
    message: text(message) ?? '',
    stack: text(stack),
    code: text(code),
    syscall: text(syscall),
  };
}

export function unpackError({ name, message, stack, code, syscall }: ErrorData): Error {
  const error = new Error(message);
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true });
  if (stack !== undefined) error.stack = stack;
  if (code !== undefined) Object.assign(error, { code });
  if (syscall !== undefined) Object.assign(error, { syscall });
  return error;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogLine {
  readonly is: 'log';
  readonly level: LogLevel;
  readonly text: string;
  readonly details: readonly (string | ErrorData)[];
}

/** Which levels somebody reads. */
export type Levels = readonly LogLevel[];

/** What every thread of a pool is started with. */
export interface Task {
  /** To the thread that started it. */
  readonly control: MessagePort;
  readonly board: Board;
  /** By descriptor: the mark of the worker that it is offered to, 0 for none. */
  readonly marks: Int32Array;
  readonly levels: Levels;
}

export interface WorkerTask extends Task {
  /** URL of the service module. */
  readonly module: string;
  readonly options: ServerOptions;
  /** This worker's mark: of this thread, not of its successor. */
  readonly mark: number;
  /** Descriptors that are offered; undefined: the worker listens for itself. */
  readonly offers: MessagePort | undefined;
  readonly context: WorkerContext;
  /** Where the pool listens; undefined where each worker does. */
  readonly address: Address | undefined;
  /** Milliseconds between two beats; undefined: nobody looks. */
  readonly beat: number | undefined;
}

export type ToWorker =
  | { readonly do: 'listen'; readonly options: ServerOptions }
  | { readonly do: 'drain'; readonly timeout: number | null }
  | { readonly do: 'close' };

export type FromWorker =
  | LogLine
  /** The service is loaded, which has these names in registries. */
  | { readonly is: 'ready'; readonly names: readonly string[] }
  | { readonly is: 'listening'; readonly address: Address }
  | { readonly is: 'failed'; readonly error: ErrorData }
  /** Drained or closed; so many connections were cut. */
  | { readonly is: 'over'; readonly cut: number };

export interface AcceptorTask extends Task {
  readonly where: Where;
  readonly limits: ResolvedLimits;
}

export type ToAcceptor =
  | { readonly do: 'add'; readonly mark: number; readonly port: MessagePort; readonly board: Board }
  | { readonly do: 'remove'; readonly mark: number }
  | { readonly do: 'open' }
  | { readonly do: 'close' };

export type FromAcceptor =
  | LogLine
  | { readonly is: 'listening'; readonly address: Address }
  | { readonly is: 'failed'; readonly error: ErrorData }
  | { readonly is: 'closed' };
