// One command: its options, the help made of them, and the parsing of a command line, all by node:util's parseArgs.
import { parseArgs } from 'node:util';
import { UsageError } from './exit.ts';
import { print } from './output.ts';
import { version } from './version.ts';

/** One option of a command line. */
export interface Option {
  /** What its value is called in the help; without one it is a switch. */
  readonly value?: string;
  /** Its letter. */
  readonly short?: string;
  /** May be given several times. */
  readonly multiple?: boolean;
  /** What values it may have, in any case of letters. */
  readonly choices?: readonly string[];
  /** What the help says. */
  readonly help: string;
}

/** A parsed command line. */
export class Arguments {
  readonly positionals: readonly string[];
  private readonly values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

  constructor(values: Arguments['values'], positionals: readonly string[]) {
    this.values = values;
    this.positionals = positionals;
  }

  /** Was this switch given? */
  has(name: string): boolean {
    return this.values[name] === true;
  }

  text(name: string): string | undefined {
    const value = this.values[name];
    return typeof value === 'string' ? value : undefined;
  }

  /** All values of an option that may be given several times. */
  texts(name: string): readonly string[] {
    const value = this.values[name];
    return Array.isArray(value) ? value.map(String) : [];
  }

  /** @throws {UsageError} for what is no number, or out of its range */
  number(name: string, low: number, high: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!(value >= low && value <= high))
      throw new UsageError(`--${name} is a number between ${low} and ${high}, not '${text}'`);
    return value;
  }

  /** @throws {UsageError} for what is no whole number, or out of its range */
  integer(name: string, low: number, high: number): number | undefined {
    const value = this.number(name, low, high);
    if (value !== undefined && !Number.isInteger(value))
      throw new UsageError(`--${name} is a whole number, not '${this.text(name)}'`);
    return value;
  }

  port(name: string): number | undefined {
    return this.integer(name, 0, 65_535);
  }
}

/** What a command is. */
export interface Command {
  /** As it is typed: `rpyc call`. */
  readonly name: string;
  /** What follows the name in the first line of the help. */
  readonly usage: string;
  /** What it does: the first sentence stands in lists. */
  readonly about: string;
  readonly options: Readonly<Record<string, Option>>;
  /** Whole lines at the end of the help. */
  readonly notes?: string;
  /** How many arguments that are no options it takes. */
  readonly positionals: readonly [least: number, most: number];
  /** Arguments like -5 are numbers. */
  readonly negatives?: boolean;
  /** Does it; its exit code. */
  run(args: Arguments): Promise<number>;
}

const COMMON: Readonly<Record<string, Option>> = {
  help: { short: 'h', help: 'print this, and exit' },
  version: { short: 'v', help: 'print the version, and exit' },
};

/** Hides a leading minus from the parser, which would take -5 for an option. No argument of a process can hold this character. */
const HIDDEN = '\0';

/** Parses a command line. @throws {UsageError} */
export function parse(command: Command, argv: readonly string[]): Arguments {
  const options = { ...command.options, ...COMMON };
  const negative = (arg: string): string => (/^-[\d.]/.test(arg) ? HIDDEN + arg : arg);
  const shown = (arg: string): string => (arg.startsWith(HIDDEN) ? arg.slice(1) : arg);
  const config = Object.fromEntries(
    Object.entries(options).map(([name, { value, short, multiple }]) => [
      name,
      {
        type: value === undefined ? ('boolean' as const) : ('string' as const),
        ...(short === undefined ? {} : { short }),
        ...(multiple === undefined ? {} : { multiple }),
      },
    ]),
  );
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({
      args: command.negatives === true ? argv.map(negative) : [...argv],
      options: config,
      allowPositionals: true,
    });
  } catch (error) {
    // The rest of its message is about the parser.
    throw new UsageError((error as Error).message.split(/\. |\n/)[0]);
  }
  const values = Object.fromEntries(
    Object.entries(parsed.values).map(([name, value]) => [name, checked(name, value, options[name])]),
  );
  const positionals = parsed.positionals.map(shown);
  const args = new Arguments(values, positionals);
  const [least, most] = command.positionals;
  if (args.has('help') || args.has('version')) return args;
  if (positionals.length < least) throw new UsageError(`what is missing: ${command.usage}`);
  if (positionals.length > most) throw new UsageError(`what is '${positionals[most]}' for? Usage: ${command.usage}`);
  return args;
}

type Value = string | boolean | (string | boolean)[] | undefined;

/** A value that is one of a few, as the option spells it. @throws {UsageError} for another one */
function checked(name: string, value: Value, option: Option | undefined): Value {
  if (option?.choices === undefined || typeof value !== 'string') return value;
  const found = option.choices.find((choice) => choice.toLowerCase() === value.toLowerCase());
  if (found === undefined) throw new UsageError(`--${name} is ${option.choices.join(' or ')}, not '${value}'`);
  return found;
}

/** The lines of help for options. */
function optionLines(options: Readonly<Record<string, Option>>): string[] {
  const heads = Object.entries(options).map(([name, { short, value }]) => {
    const head = `${short === undefined ? '    ' : `-${short}, `}--${name}`;
    return value === undefined ? head : `${head} ${value}`;
  });
  const width = Math.min(30, Math.max(...heads.map((head) => head.length)));
  return Object.values(options).map(({ help }, at) => `  ${heads[at].padEnd(width)}  ${help}`);
}

/** What `--help` prints. */
export function helpOf({ name, usage, about, options, notes }: Command): string {
  const parts = [`Usage: ${name} ${usage}`, about, `Options:\n${optionLines({ ...options, ...COMMON }).join('\n')}`];
  if (notes !== undefined) parts.push(notes);
  return parts.join('\n\n');
}

/** Parses, and runs the command or prints what was asked about it; its exit code. @throws {UsageError}, and what the command throws */
export async function runCommand(command: Command, argv: readonly string[]): Promise<number> {
  const args = parse(command, argv);
  if (args.has('help')) print(helpOf(command));
  else if (args.has('version')) print(`${command.name} ${version()}`);
  else return command.run(args);
  return 0;
}
