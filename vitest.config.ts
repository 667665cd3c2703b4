// Tests run in forked processes (a native addon must be able to take its process down), import src/ directly, and load
// the addon from build/rpyc.node. Standard decorators and `using` are lowered by esbuild (vite 7; vite 8 rejects them).
import { defineConfig } from 'vitest/config';

export default defineConfig({
  esbuild: { target: 'es2022' },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/build/**'],
    pool: 'forks',
    execArgv: ['--expose-gc'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    teardownTimeout: 10_000,
  },
});
