// Writes what a benchmark found to bench/results/<name>.json; the tables in README are made from these files.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/setup.mjs';
import { type Machine, machine } from './machine.ts';

/** The form of a results file. */
export interface Results<T> {
  name: string;
  machine: Machine;
  results: T;
}

/** Writes `bench/results/<name>.json` and returns its path below the root. */
export function writeResults<T>(name: string, results: T): string {
  const content: Results<T> = { name, machine: machine(), results };
  const path = `bench/results/${name}.json`;
  mkdirSync(join(root, 'bench/results'), { recursive: true });
  writeFileSync(join(root, path), `${JSON.stringify(content, null, 2)}\n`);
  return path;
}
