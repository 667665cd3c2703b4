// Lets plain Node run TypeScript files of the checkout (benchmarks and their worker threads):
//
//     node --import ./scripts/ts.mjs bench/micro/seam.ts

import { register } from 'node:module';

register('./ts-hooks.mjs', import.meta.url);
