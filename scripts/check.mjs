// `npm run check`: rustfmt, clippy, tsc, biome, the API reference, and the unit tests. Runs every step, then names those that failed.

import { join } from 'node:path';
import { findCargo, root, run, runMain, say, setUp } from './setup.mjs';
import { vitest } from './test.mjs';

const bin = (path) => [process.execPath, join(root, 'node_modules', path)];

await runMain(async () => {
  await setUp('native', 'typescript');
  const cargo = findCargo();
  const [node, tsc] = bin('typescript/bin/tsc');
  const steps = {
    rustfmt: [cargo, 'fmt', '--all', '--check'],
    clippy: [cargo, 'clippy', '--quiet', '--workspace', '--all-targets', '--locked', '--', '-D', 'warnings'],
    'tsc (src)': [node, tsc, '-p', 'tsconfig.json', '--noEmit'],
    'tsc (test, bench, examples)': [node, tsc, '-p', 'tsconfig.test.json'],
    biome: [...bin('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings'],
    'API reference': [node, 'scripts/docs.mjs'],
  };
  const failed = [];
  for (const [name, [command, ...args]] of Object.entries(steps)) {
    say(name);
    if ((await run(command, args, { check: false })).status !== 0) failed.push(name);
  }
  say('unit tests');
  if ((await vitest(['test/unit'], 'dot')).failed) failed.push('unit tests');
  console.log(failed.length ? `check failed: ${failed.join(', ')}` : 'check passed');
  process.exitCode = failed.length ? 1 : 0;
});
