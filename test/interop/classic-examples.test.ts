// examples/monkey-patch.mjs, as a user runs it: against the built package.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { root } from '../../scripts/setup.mjs';
import { describePython, PYTHONS, python } from '../support/python.ts';

describePython.each(PYTHONS)('RPyC %s', (version) => {
  test('a program that uses fs runs unchanged with a remote Node fs and with Python files', async () => {
    expect(existsSync(join(root, 'dist', 'index.js')), 'npm run build makes dist/').toBe(true);
    const env = { ...process.env, PYTHON: python(version) };
    const { stdout } = await promisify(execFile)(process.execPath, ['examples/monkey-patch.mjs'], { cwd: root, env });
    const said = [
      'a.txt: 2 lines, 13 bytes',
      'b.txt: 1 lines, 6 bytes',
      'b.txt exists: false',
      'reading it: no such file',
      'left: 0',
    ];
    const block = said.map((line) => `  ${line}`).join('\n');
    expect(stdout).toBe(
      `with the fs of this process\n${block}\nwith the fs of another Node process\n${block}\nwith Python's files\n${block}\n`,
    );
  });
});
