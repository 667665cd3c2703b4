// The package as its users load it: by `import`, and by `require` of the same ES module, without a warning.
// Needs dist/ (built by `npm test` and `npm run check`).
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../../scripts/setup.mjs';

/** Runs code in a Node of its own, in this package, which Node lets itself be loaded by name. */
function run(type: 'module' | 'commonjs', code: string): unknown {
  const args = [`--input-type=${type}`, '--eval', code];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

const NAMES =
  'console.log(JSON.stringify(Object.keys(rpyc).filter((name) => name !== "default" && name !== "__esModule").sort()))';

test('import and require give the same names, without a warning', () => {
  const imported = run('module', `import * as rpyc from 'rpyc'; ${NAMES}`);
  const required = run('commonjs', `const rpyc = require('rpyc'); ${NAMES}`);
  expect(imported).not.toEqual([]);
  expect(required).toEqual(imported);
});

test('rpyc/zerorpc is imported and required likewise', () => {
  const names = (code: string) =>
    `${code} console.log(JSON.stringify(Object.keys(z).filter((name) => name !== '__esModule').sort()))`;
  const imported = run('module', names("import * as z from 'rpyc/zerorpc';"));
  expect(imported).toEqual(expect.arrayContaining(['Client', 'Server', 'Pusher', 'Puller', 'Publisher', 'Subscriber']));
  expect(run('commonjs', names("const z = require('rpyc/zerorpc');"))).toEqual(imported);
});

test('import and require give the same module', () => {
  const code =
    "const a = require('rpyc'); import('rpyc').then((b) => console.log(Object.keys(a).every((name) => a[name] === b[name])))";
  expect(run('commonjs', code)).toBe(true);
});

test('msgpackr alone is needed at run time, by rpyc/zerorpc alone, and no registry host stands in the lock file', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  expect(manifest.dependencies).toEqual({ msgpackr: expect.stringMatching(/^\d+\.\d+\.\d+$/) });
  expect(manifest.engines.node).toBe('>=20.19');
  expect(readFileSync(join(root, 'package-lock.json'), 'utf8')).not.toContain('"resolved"');
});
