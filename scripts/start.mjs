// `npm start`: set-up without Python, then the demo server of examples/start.mjs in this process.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, runMain, SetupError, setUp } from './setup.mjs';

await runMain(async () => {
  await setUp('native', 'typescript');
  const demo = join(root, 'examples/start.mjs');
  if (!existsSync(demo)) throw new SetupError('examples/start.mjs is missing');
  await import(pathToFileURL(demo).href);
});
