// `rpyc call`: one call, its result on stdout.
import { PythonError } from '../python/exceptions.ts';
import type { Arguments, Command } from './command.ts';
import { describeError, EXIT, UsageError } from './exit.ts';
import { parseArgument, parseKwarg, writeJson } from './json.ts';
import { print, tame } from './output.ts';
import { callMethod, namesOf, type Shown, show, walk } from './remote.ts';
import { CLIENT_OPTIONS, connect, parseTarget, timeoutOf } from './target.ts';

export const CALL: Command = {
  name: 'rpyc call',
  usage: '[options] ADDRESS METHOD [ARGUMENT…]',
  about: "Calls a method of the peer's service, or of what its attributes lead to (a.b.method), and prints the result.",
  positionals: [2, 10_000],
  negatives: true,
  options: {
    kwarg: { short: 'k', value: 'NAME=VALUE', multiple: true, help: 'a keyword argument; as often as there are some' },
    json: { help: 'print one JSON object: {"value": …}, {"repr": …, "class": …} or {"error": {…}}' },
    raw: { short: 'r', help: 'print a text without quotes, and bytes as they are' },
    ...CLIENT_OPTIONS,
  },
  notes: `ADDRESS is host:port, [ipv6]:port or unix:/path.
Arguments and values are JSON where they are JSON (3, true, null, '[1, 2]', '"3"'), and else texts.
The result is printed as JSON where it has a value, else as the peer's repr of it.
An exception of the peer: its traceback on stderr, exit code 1.

Examples:
  rpyc call localhost:18861 add 5 10
  rpyc call unix:/run/calc.sock stats.mean '[1, 2, 6]' --kwarg digits=2`,
  run,
};

async function run(args: Arguments): Promise<number> {
  const [address, path, ...given] = args.positionals;
  const target = parseTarget(address);
  const names = namesOf(path);
  const positional = given.map(parseArgument);
  const named = args.texts('kwarg').map(parseKwarg);
  if (args.has('json') && args.has('raw')) throw new UsageError('--json and --raw are two forms: leave one out');
  try {
    const conn = await connect(target, args);
    const timeout = timeoutOf(args);
    const owner = await walk(await conn.root, names.slice(0, -1), timeout);
    printResult(await show(await callMethod(owner, names.at(-1) as string, positional, named, timeout), timeout), args);
    await conn.close();
    return EXIT.OK;
  } catch (error) {
    if (!args.has('json') || error instanceof UsageError) throw error;
    print(writeJson({ error: errorRecord(error) }));
    return EXIT.FAILURE;
  }
}

function printResult(shown: Shown, args: Arguments): void {
  if (args.has('json')) {
    print('json' in shown ? `{"value": ${shown.json}}` : writeJson({ repr: shown.repr, class: shown.className }));
    return;
  }
  if ('repr' in shown) print(tame(shown.repr));
  else if (!args.has('raw') || shown.raw === undefined) print(shown.json);
  // It may go to a file: nothing in it is changed.
  else process.stdout.write(typeof shown.raw === 'string' ? `${shown.raw}\n` : shown.raw);
}

/** An error for a program. */
function errorRecord(error: unknown): object {
  if (error instanceof PythonError) {
    const type = error.pyModule === 'builtins' ? error.pyName : `${error.pyModule}.${error.pyName}`;
    return { type, message: error.message, traceback: error.remoteTraceback };
  }
  const { name = 'Error', message = describeError(error), code } = error as NodeJS.ErrnoException;
  return { type: name, message, ...(code === undefined ? {} : { code }) };
}
