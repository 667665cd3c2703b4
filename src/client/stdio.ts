// The slave's standard streams here, and what is built on them: the remote interpreter and the post-mortem debugger.
// Owns the objects that stand for files there, and puts the slave's own streams back. Answers to redirected_stdio, interact and pm in
// rpyc/utils/classic.py.
import fs from 'node:fs';
import { createInterface } from 'node:readline';
import { getattr, type Ref, setattr, setitem } from '../netref/helpers.ts';
import { exceptions } from '../python/exceptions.ts';
import type { Face } from '../refs/face.ts';
import type { AnyClassic, ClassicConnection, SyncClassicConnection } from '../service/master.ts';
import { drive, type Moves } from './moves.ts';

/** Where lines come from: a stream, any iterable of lines, or a function that returns the next line (null at the end). */
export type LineSource =
  | NodeJS.ReadableStream
  | Iterable<string>
  | AsyncIterable<string>
  | (() => string | null | Promise<string | null>);

/** Where text goes. Any Writable is one. */
export interface TextSink {
  /** Takes some text; what it returns is not looked at. */
  write(text: string): unknown;
}

/** The three streams; by default those of this process. A blocking connection needs lines that are there without waiting. */
export interface Stdio {
  /** Where the slave reads. Default: `process.stdin`. */
  stdin?: LineSource;
  /** Where the slave writes. Default: `process.stdout`. */
  stdout?: TextSink;
  /** Where the slave writes its errors. Default: `process.stderr`. */
  stderr?: TextSink;
}

/** What stands for `sys.stdout` there. Only what is `exposed_` can be reached. */
class OutputFile {
  readonly exposed_encoding = 'utf-8';
  readonly exposed_errors = 'strict';
  readonly #sink: TextSink;
  constructor(sink: TextSink) {
    this.#sink = sink;
  }
  /** Returns the number of characters, as Python does. */
  exposed_write(text: string): number {
    this.#sink.write(String(text));
    return [...String(text)].length;
  }
  exposed_flush(): void {}
  exposed_isatty(): boolean {
    return false;
  }
}

type NextLine = () => string | null | Promise<string | null>;

/** What stands for `sys.stdin` there. */
class InputFile {
  readonly exposed_encoding = 'utf-8';
  readonly exposed_errors = 'strict';
  readonly #next: NextLine;
  constructor(next: NextLine) {
    this.#next = next;
  }
  /** The next line with its end, '' when there is none. */
  exposed_readline(): string | Promise<string> {
    const line = this.#next();
    return line instanceof Promise ? line.then(withEnd) : withEnd(line);
  }
  exposed_isatty(): boolean {
    return false;
  }
}

const withEnd = (line: string | null): string => (line === null ? '' : line.endsWith('\n') ? line : `${line}\n`);

/** Lines of descriptor 0, blocking. */
function* linesOfStdin(): Generator<string> {
  const byte = Buffer.alloc(1);
  let line: number[] = [];
  while (fs.readSync(0, byte, 0, 1, null) === 1) {
    line.push(byte[0]);
    if (byte[0] !== 0x0a) continue;
    yield Buffer.from(line).toString('utf8');
    line = [];
  }
  if (line.length > 0) yield Buffer.from(line).toString('utf8');
}

function fromIterator(iterator: Iterator<string> | AsyncIterator<string>): NextLine {
  const value = (step: IteratorResult<string>): string | null => (step.done === true ? null : `${step.value}`);
  return () => {
    const step = iterator.next();
    return step instanceof Promise ? step.then(value) : value(step as IteratorResult<string>);
  };
}

/** `close` gives the stream back. */
function lines(source: LineSource, face: Face): { next: NextLine; close: () => void } {
  const keep = (next: NextLine) => ({ next, close: () => undefined });
  if (typeof source === 'function') return keep(source);
  if (source === process.stdin && face === 'sync') return keep(fromIterator(linesOfStdin()));
  if ('read' in source && 'on' in source) {
    // Made at the first line, so that a program that reads nothing does not start the stream.
    let made: ReturnType<typeof createInterface> | undefined;
    let next: NextLine | undefined;
    return {
      next: () => {
        made ??= createInterface({ input: source });
        next ??= fromIterator(made[Symbol.asyncIterator]());
        return next();
      },
      close: () => made?.close(),
    };
  }
  if (Symbol.iterator in source) return keep(fromIterator(source[Symbol.iterator]()));
  return keep(fromIterator((source as AsyncIterable<string>)[Symbol.asyncIterator]()));
}

/** Puts the slave's own streams back: `restore()`, or the end of a `using` block. Doing it twice is doing it once. */
export interface Redirection<Restored> {
  /** Puts them back. */
  restore(): Restored;
}

const NAMES = ['stdin', 'stdout', 'stderr'] as const;

function* redirect(conn: AnyClassic, stdio: Stdio): Moves<() => Moves<void>> {
  const input = lines(stdio.stdin ?? process.stdin, conn.face);
  const ours = {
    stdin: new InputFile(input.next),
    stdout: new OutputFile(stdio.stdout ?? process.stdout),
    stderr: new OutputFile(stdio.stderr ?? process.stderr),
  };
  const sys: Ref = conn.face === 'async' ? yield conn.modules.sys : conn.modules.sys;
  const theirs: [string, unknown][] = [];
  for (const name of NAMES) theirs.push([name, yield getattr(sys, name)]);
  function* restore(): Moves<void> {
    input.close();
    for (const [name, file] of theirs.splice(0)) yield setattr(sys, name, file);
  }
  try {
    for (const name of NAMES) yield setattr(sys, name, ours[name]);
  } catch (error) {
    yield* restore();
    throw error;
  }
  return restore;
}

/**
 * RPyC's `redirected_stdio`: the slave's `sys.stdin`, `sys.stdout` and `sys.stderr` are ours until it is restored, for its whole process.
 *
 *     await using redirected = await rpyc.classic.redirectedStdio(conn);   // or: try { … } finally { await redirected.restore(); }
 *     await conn.execute('print("printed here")');
 *
 * On a blocking connection `stdin` must give its lines without promises; by default it is this process's, read blocking.
 */
export function redirectedStdio(
  conn: ClassicConnection,
  stdio?: Stdio,
): Promise<Redirection<Promise<void>> & AsyncDisposable>;
export function redirectedStdio(conn: SyncClassicConnection, stdio?: Stdio): Redirection<void> & Disposable;
export function redirectedStdio(conn: AnyClassic, stdio: Stdio = {}): unknown {
  return drive(
    conn.face,
    (function* (): Moves<unknown> {
      const moves = yield* redirect(conn, stdio);
      const restore = (): unknown => drive(conn.face, moves());
      return { restore, [conn.face === 'sync' ? Symbol.dispose : Symbol.asyncDispose]: restore };
    })(),
  );
}

function* redirected(conn: AnyClassic, stdio: Stdio, body: () => Moves<void>): Moves<void> {
  const restore = yield* redirect(conn, stdio);
  try {
    yield* body();
  } finally {
    yield* restore();
  }
}

/** What the remote interpreter gets. */
export interface InteractOptions extends Stdio {
  /** Names for the interpreter, beside `conn` (the slave's end of this connection). */
  namespace?: Record<string, unknown>;
}

const RINTERACT = `def _rinteract(ns):
    import code
    code.interact(local = dict(ns))`;

function* interactMoves(conn: AnyClassic, options: InteractOptions): Moves<void> {
  yield conn.execute(RINTERACT);
  const names: Ref = yield conn.builtins.dict();
  const connection: Ref = yield conn.root.getconn();
  for (const [name, value] of Object.entries({ conn: connection, ...options.namespace }))
    yield setitem(names, name, value);
  yield* redirected(conn, options, function* () {
    try {
      yield conn.namespace._rinteract(names);
    } catch (error) {
      // `exit()` was said there.
      if (!(error instanceof exceptions.SystemExit)) throw error;
    }
  });
}

/**
 * RPyC's `interact`: Python's interactive interpreter in the slave, on our streams. Ends with the input, or with `exit()`.
 * A blocking connection waits as long as `sync_request_timeout` says: give it `config: { sync_request_timeout: null }`.
 */
export function interact(conn: ClassicConnection, options?: InteractOptions): Promise<void>;
export function interact(conn: SyncClassicConnection, options?: InteractOptions): void;
export function interact(conn: AnyClassic, options: InteractOptions = {}): void | Promise<void> {
  return drive(conn.face, interactMoves(conn, options));
}

function* pmMoves(conn: AnyClassic, stdio: Stdio): Moves<void> {
  const connection: Ref = yield conn.root.getconn();
  const traceback: Ref = yield getattr(connection, '_last_traceback');
  if (traceback === null)
    throw new exceptions.ValueError('nothing was raised on this connection: there is no traceback to look at');
  yield* redirected(conn, stdio, function* () {
    yield conn.modules.pdb.post_mortem(traceback);
  });
}

/**
 * RPyC's `pm`: Python's debugger at the place where the last exception of this connection was raised, on our streams. Ends with `q` or the
 * end of the input.
 * @throws ValueError (rpyc.exceptions) where nothing was raised
 */
export function pm(conn: ClassicConnection, stdio?: Stdio): Promise<void>;
export function pm(conn: SyncClassicConnection, stdio?: Stdio): void;
export function pm(conn: AnyClassic, stdio: Stdio = {}): void | Promise<void> {
  return drive(conn.face, pmMoves(conn, stdio));
}
