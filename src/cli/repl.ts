// `rpyc repl`: Node's REPL on a connection whose calls block, so that `conn.root.add(1, 2)` is 3.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type REPLServer, start } from 'node:repl';
import { inspect } from 'node:util';
import { of as classicOf, DEFAULT_SERVER_PORT } from '../client/classic.ts';
import * as rpyc from '../index.ts';
import { holderOf } from '../refs/holder.ts';
import { pendingOf } from '../refs/pending-ref.ts';
import type { Arguments, Command } from './command.ts';
import { completions } from './completion.ts';
import { describeError, EXIT, exitOfSignal } from './exit.ts';
import { Paint, print, tame, warn } from './output.ts';
import { handleSignals } from './program.ts';
import { CLIENT_OPTIONS, connectSync, describe, parseTarget } from './target.ts';

export const REPL: Command = {
  name: 'rpyc repl',
  usage: '[options] ADDRESS',
  about: 'Starts a JavaScript prompt on a connection: calls block, Tab completes the names of remote objects.',
  positionals: [1, 1],
  options: {
    classic: {
      help: `the peer is a slave (rpyc_classic, port ${DEFAULT_SERVER_PORT}): conn has modules, eval, execute and namespace`,
    },
    history: { value: 'FILE', help: "file of the lines typed (default ~/.rpyc_history; '' for none)" },
    ...CLIENT_OPTIONS,
  },
  notes: `At the prompt: conn is the connection, rpyc this package, rpyc.awaitable(ref) the form of a reference whose calls are awaited.
Ctrl-C ends a call that takes too long (the peer goes on with it), Ctrl-D the prompt.`,
  run,
};

async function run(args: Arguments): Promise<number> {
  const target = parseTarget(args.positionals[0]);
  const sync = connectSync(target, args);
  const conn = args.has('classic') ? classicOf(sync) : sync;
  const isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  const paint = new Paint(process.stdout);
  if (isTerminal)
    print(
      paint.dim(`connected to ${describe(target)} (RPyC ${sync.async.protocol}.x); try conn.root. and Tab, .exit ends`),
    );
  const repl = start({
    prompt: isTerminal ? paint.bold('rpyc> ') : '',
    // Values typed here are of the same realm as the package, which knows a Map by its class.
    useGlobal: true,
    terminal: isTerminal,
    // A preview would call what is being typed.
    preview: false,
    writer: shown,
  });
  Object.assign(repl.context, { conn, rpyc });
  // Read-only in the types; the line editor takes what is there when Tab is pressed.
  Object.assign(repl, { completer: completions(repl.context, repl.completer) });
  interruptible(repl);
  if (isTerminal) await remember(repl, args.text('history') ?? join(homedir(), '.rpyc_history'));
  const gone = (): void => warn(paint.red('\nthe peer closed the connection'));
  if (isTerminal) sync.async.once('close', gone);
  await new Promise<void>((resolve) => repl.once('exit', resolve));
  sync.async.off('close', gone);
  if (!sync.closed) sync.close();
  return EXIT.OK;
}

/** Characters of a repr; a remote list of a million items is not what a prompt is for. */
const MAX_REPR = 10_000;

/** A result or error as the prompt shows it: a remote object as the peer's repr of it, of a remote error its traceback, anything else as Node does. */
function shown(value: unknown): string {
  if (holderOf(value) !== undefined || pendingOf(value) !== undefined) {
    try {
      return tame(String(rpyc.repr(rpyc.sync(value))), MAX_REPR);
    } catch (error) {
      return `${inspect(value)} (its repr: ${(error as Error).message})`;
    }
  }
  if (value instanceof rpyc.PythonError) return tame(describeError(value), MAX_REPR);
  if (isOurs(value)) return `${value.name}: ${value.message}`;
  return inspect(value, { colors: new Paint(process.stdout).on, depth: 4 });
}

/** An error whose message says it all. */
const isOurs = (value: unknown): value is Error =>
  value instanceof Error && String((value as NodeJS.ErrnoException).code).startsWith('ERR_RPYC_');

/** A file that cannot be used costs the history, not the prompt. */
async function remember(repl: REPLServer, path: string): Promise<void> {
  if (path === '') return;
  await new Promise<void>((resolve) =>
    repl.setupHistory(path, (error) => {
      if (error !== null) warn(`history: ${error.message}`);
      resolve();
    }),
  );
}

/**
 * Ctrl-C while a line is being evaluated. The prompt's raw mode makes a character of it, which nobody reads during a blocking call; so it is
 * off meanwhile, and the signal ends the blocking call (ERR_RPYC_INTERRUPTED). What the line awaits, Node's REPL waits for; there the first
 * Ctrl-C says so and the second ends the program.
 */
function interruptible(repl: REPLServer): void {
  let evaluating = false;
  let warned = false;
  const begin = (on: boolean): void => {
    evaluating = on;
    warned = false;
    if (repl.terminal) process.stdin.setRawMode(!on);
  };
  handleSignals((signal) => {
    if (signal === 'SIGTERM' || warned) process.exit(exitOfSignal(signal));
    if (!evaluating) return;
    warned = true;
    warn('the line waits for a promise; Ctrl-C again ends the prompt');
  });
  const { eval: evaluate, displayPrompt } = repl;
  const interruptibly: typeof evaluate = function (this: REPLServer, code, context, file, done) {
    // The completer evaluates as well: no line, and so without its end.
    if (code.endsWith('\n')) begin(true);
    evaluate.call(this, code, context, file, done);
  };
  // What every line ends with; one that throws at once ends with nothing else.
  const atPrompt: typeof displayPrompt = function (this: REPLServer, preserveCursor) {
    begin(false);
    displayPrompt.call(this, preserveCursor);
  };
  Object.assign(repl, { eval: interruptibly, displayPrompt: atPrompt });
}
