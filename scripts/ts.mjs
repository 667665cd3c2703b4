// Lets plain Node run TypeScript files of the checkout (benchmarks and their worker threads):
//
//     node --import ./scripts/ts.mjs bench/micro/seam.ts

import * as module from 'node:module';

// Node 26 says in every process that `register` is deprecated; 20 has nothing else.
if (Number.parseInt(process.versions.node, 10) >= 26) module.registerHooks(await import('./ts-hooks.mjs'));
else module.register('./ts-hooks.mjs', import.meta.url);
