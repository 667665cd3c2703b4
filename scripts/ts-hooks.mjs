// The module hook of ts.mjs: types stripped, decorators and `using` lowered, by esbuild. Relative imports end with .ts and
// need no resolution.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';

export function load(url, context, nextLoad) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return nextLoad(url, context);
  const sourcefile = fileURLToPath(url);
  const options = { loader: 'ts', format: 'esm', target: 'es2022', sourcemap: 'inline', sourcefile };
  return {
    format: 'module',
    source: transformSync(readFileSync(sourcefile, 'utf8'), options).code,
    shortCircuit: true,
  };
}
