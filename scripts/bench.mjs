// `npm run bench:micro [-- NAME]`, `npm run bench:first` and `npm run bench -- pool`: set-up, then bench/micro/*.ts (one process per file) or
// bench/macro/NAME.ts. Benchmarks import the package as shipped (`rpyc`, from dist/) or ../../src/ for single parts.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root, run, runMain, SetupError, setUp } from './setup.mjs';

await runMain(async () => {
  const [suite, ...args] = process.argv.slice(2);
  const micro = suite === 'micro';
  const folder = micro ? 'bench/micro' : 'bench/macro';
  const names = existsSync(join(root, folder)) ? readdirSync(join(root, folder)) : [];
  const wanted = micro ? args.filter((arg) => !arg.startsWith('-')) : [suite];
  const files = names.filter((name) => name.endsWith('.ts') && (!wanted.length || wanted.includes(name.slice(0, -3))));
  if (!files.length) throw new SetupError(`no benchmark ${wanted.join(' ')} in ${folder}`);
  await setUp('native', 'typescript', 'bench', ...(micro ? [] : ['python']));
  const rest = micro ? args.filter((arg) => arg.startsWith('-')) : args;
  for (const file of files.sort()) {
    await run(process.execPath, ['--expose-gc', '--import', './scripts/ts.mjs', `${folder}/${file}`, ...rest]);
  }
});
