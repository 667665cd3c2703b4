#!/usr/bin/env node
// The program `rpyc`: finds the command, and runs it.
import { CALL } from './call.ts';
import { type Command, runCommand } from './command.ts';
import { EXIT, UsageError } from './exit.ts';
import { INSPECT } from './inspect.ts';
import { print, warn } from './output.ts';
import { PING } from './ping.ts';
import { runProgram } from './program.ts';
import { RELAY } from './relay.ts';
import { REPL } from './repl.ts';
import { SERVE } from './serve.ts';
import { SNIFF } from './sniff.ts';
import { version } from './version.ts';

const COMMANDS: readonly Command[] = [SERVE, CALL, INSPECT, REPL, PING, SNIFF, RELAY];

function help(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length)) + 2;
  const lines = COMMANDS.map(({ name, about }) => `  ${name.padEnd(width)}${about.split(/[.:](\s|$)/)[0]}`);
  return `Usage: rpyc COMMAND [options]

${lines.join('\n')}

'rpyc COMMAND --help' tells more of each; rpyc_classic and rpyc_registry are programs of their own.
Exit codes: 0 done, 1 it failed, 2 the command line makes no sense, 130 interrupted.`;
}

async function main([name, ...rest]: readonly string[]): Promise<number> {
  if (name === undefined) {
    warn(help());
    return EXIT.USAGE;
  }
  if (['-h', '--help', 'help'].includes(name)) print(help());
  else if (['-v', '--version'].includes(name)) print(`rpyc ${version()}`);
  else {
    const command = COMMANDS.find((each) => each.name === `rpyc ${name}`);
    if (command === undefined) throw new UsageError(`there is no command '${name}'`);
    return runCommand(command, rest);
  }
  return EXIT.OK;
}

const argv = process.argv.slice(2);
const command = COMMANDS.find(({ name }) => name === `rpyc ${argv[0]}`);
await runProgram(command?.name ?? 'rpyc', () => main(argv));
