#!/usr/bin/env node
// The program `rpyc_registry`.
import { runCommand } from './command.ts';
import { runProgram } from './program.ts';
import { REGISTRY } from './registry.ts';

await runProgram(REGISTRY.name, () => runCommand(REGISTRY, process.argv.slice(2)));
