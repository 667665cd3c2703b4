// The set-up scripts where a tool is missing, in an empty checkout of their own: one clear line, no stack trace.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { root } from '../../scripts/setup.mjs';

/** A checkout without packages, crates and sources. */
function emptyCheckout(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rpyc-setup-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(root, 'scripts'), join(folder, 'scripts'), { recursive: true });
  for (const name of ['crates', 'src', 'node_modules']) mkdirSync(join(folder, name));
  const lock = JSON.stringify({ lockfileVersion: 3, packages: { '': {} } });
  writeFileSync(join(folder, 'package-lock.json'), lock);
  writeFileSync(join(folder, 'node_modules/.package-lock.json'), lock);
  return folder;
}

function setUp(step: string, env: Record<string, string> = {}): { status: number | null; lines: string[] } {
  const folder = emptyCheckout();
  const bare = { PATH: '', HOME: folder, CARGO_HOME: join(folder, 'no-cargo'), ...env };
  const { status, stderr } = spawnSync(process.execPath, ['scripts/setup.mjs', step], {
    cwd: folder,
    env: bare,
    encoding: 'utf8',
  });
  return { status, lines: stderr.trim().split('\n') };
}

test('without cargo one line names it and where to get it', () => {
  const { status, lines } = setUp('native');
  expect(status).toBe(1);
  expect(lines).toEqual([expect.stringMatching(/^\[rpyc\] cargo not found: .*https:\/\/rustup\.rs/)]);
});

test('without python3 one line names it and where to get it', () => {
  const { status, lines } = setUp('python');
  expect(status).toBe(1);
  expect(lines).toEqual([expect.stringMatching(/^\[rpyc\] python3 not found: .*https:\/\/www\.python\.org/)]);
});

test('a wrong RPYC_PYTHON is named', () => {
  const { status, lines } = setUp('python', { RPYC_PYTHON: '/nonexistent/python' });
  expect(status).toBe(1);
  expect(lines).toEqual([expect.stringContaining('RPYC_PYTHON=/nonexistent/python')]);
});

test('an unknown step is named', () => {
  expect(setUp('nonsense').lines).toEqual([expect.stringContaining('no such step: nonsense')]);
});
