// What editors are told agrees with what the formatters do and what the scripts are called.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../../scripts/setup.mjs';

const read = (name: string): string => readFileSync(join(root, name), 'utf8');

/** The sections of .editorconfig: glob to its keys. */
function sections(): Record<string, Record<string, string>> {
  const found: Record<string, Record<string, string>> = { '': {} };
  let section = '';
  for (const line of read('.editorconfig').split('\n')) {
    const head = /^\[(.*)\]$/.exec(line)?.[1];
    const pair = /^(\w+)\s*=\s*(.*)$/.exec(line);
    if (head !== undefined) found[(section = head)] = {};
    else if (pair !== null) (found[section] as Record<string, string>)[pair[1] as string] = pair[2] as string;
  }
  return found;
}

test('.editorconfig says what biome does', () => {
  const { formatter } = JSON.parse(read('biome.json'));
  const { '*': all, '*.{ts,mts,cts,js,mjs,cjs,json,jsonc}': scripts } = sections();
  expect(all).toMatchObject({ indent_style: formatter.indentStyle, indent_size: String(formatter.indentWidth) });
  expect(scripts).toEqual({ max_line_length: String(formatter.lineWidth) });
});

test('the launch configurations name a program and a script that are there', () => {
  const { scripts } = JSON.parse(read('package.json'));
  const { configurations } = JSON.parse(read('.vscode/launch.json'));
  expect(configurations).toHaveLength(2);
  for (const { preLaunchTask } of configurations)
    expect(scripts[preLaunchTask.replace('npm: ', '')]).toBeTypeOf('string');
  expect(existsSync(join(root, configurations[0].program.replace(/^\$\{workspaceFolder\}/, '')))).toBe(true);
});
