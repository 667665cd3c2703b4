#!/usr/bin/env node
// The program `rpyc_classic`.
import { CLASSIC } from './classic.ts';
import { runCommand } from './command.ts';
import { runProgram } from './program.ts';

await runProgram(CLASSIC.name, () => runCommand(CLASSIC, process.argv.slice(2)));
