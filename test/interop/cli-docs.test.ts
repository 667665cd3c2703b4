// The console examples of docs/command-line.md, run one after the other as a reader would type them, against dist/cli: each prints what
// stands below it. `…` in a line is anything, a line of it any lines; a command with `&` is stopped at the end. Ports may be others.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../../scripts/setup.mjs';
import { programPath } from '../support/cli.ts';
import { fencesOf, pageText } from './docs.ts';
import { type Started, start, withFreePort } from './snippets.ts';

const PAGE = 'command-line.md';

interface Example {
  command: string;
  expected: string[];
}

function examples(text: string): Example[] {
  const found: Example[] = [];
  for (const [, fence] of text.matchAll(/^```console\n(.*?)^```$/gms))
    for (const line of (fence as string).trimEnd().split('\n'))
      if (line.startsWith('$ ')) found.push({ command: line.slice(2), expected: [] });
      else found.at(-1)?.expected.push(line);
  return found;
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function pattern(lines: readonly string[], end: '$' | ''): RegExp {
  const parts = lines.map((line) => (line === '…' ? '(?:.*\n)*' : `${line.split('…').map(escaped).join('.*')} *\n`));
  return new RegExp(`^${parts.join('')}${end}`);
}

test('every console example of docs/command-line.md prints what stands below it', async () => {
  let text = pageText(PAGE);
  for (const port of new Set(text.match(/\b1887\d\b/g)))
    text = (await withFreePort(Number(port), text)).texts[0] as string;
  const folder = join(root, 'build/snippets/command-line');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const service = fencesOf(PAGE).find(({ language }) => language === 'js');
  writeFileSync(join(folder, 'jukebox.mjs'), service?.text ?? '');
  writeFileSync(join(folder, 'rpyc'), `#!/bin/sh\nexec '${process.execPath}' '${programPath('rpyc')}' "$@"\n`);
  chmodSync(join(folder, 'rpyc'), 0o755);
  const env = { PATH: `${folder}${delimiter}${process.env.PATH}`, NO_COLOR: '1', RPYC_DEBUG: '' };

  const running: { example: Example; started: Started }[] = [];
  let status = 0;
  const found = examples(text);
  expect(found.length).toBeGreaterThan(10);
  for (const example of found) {
    const { command, expected } = example;
    if (command.endsWith(' &')) {
      const started = start('bash', ['-c', `cd '${folder}' && exec ${command.slice(0, -2)}`], env);
      running.push({ example, started });
      while (!started.stdout().includes('\n'))
        await Promise.race([once(started.child.stdout as NodeJS.ReadableStream, 'data'), started.ended]);
      continue;
    }
    const script = `cd '${folder}'; (exit ${status}); ${command}`;
    const shell = spawn('bash', ['-c', `{ ${script}\n} 2>&1`], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    shell.stdout.setEncoding('utf8').on('data', (chunk) => (printed += chunk));
    [status] = (await once(shell, 'close')) as [number];
    expect(printed, command).toMatch(pattern(expected, '$'));
  }
  for (const { example, started } of running) {
    const { stdout, status: code } = await started.stop();
    expect({ code, stdout }, example.command).toEqual({
      code: 0,
      stdout: expect.stringMatching(pattern(example.expected, '')),
    });
  }
}, 60_000);
