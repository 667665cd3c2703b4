// `npm run dev` in a small checkout of its own, with a compiler and a cargo that are real: it builds what changes, survives what does not
// compile, and ends with all its children.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { root } from '../../scripts/setup.mjs';

/** A checkout with one TypeScript file and one crate without dependencies. */
function smallCheckout(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rpyc-dev-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ['scripts', 'package.json', 'package-lock.json', 'tsconfig.json'])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  mkdirSync(join(folder, 'src'));
  write(folder, 'src/one.ts', 'export const one: number = 1;\n');
  mkdirSync(join(folder, 'crates/addon/src'), { recursive: true });
  write(folder, 'crates/addon/src/lib.rs', rust(1));
  write(
    folder,
    'crates/addon/Cargo.toml',
    '[package]\nname = "rpyc-addon"\nversion = "0.1.0"\nedition = "2021"\n[lib]\nname = "rpyc_addon"\ncrate-type = ["cdylib"]\n',
  );
  write(
    folder,
    'Cargo.toml',
    '[workspace]\nresolver = "2"\nmembers = ["crates/addon"]\n[profile.dev-release]\ninherits = "release"\n',
  );
  write(folder, 'Cargo.lock', 'version = 3\n\n[[package]]\nname = "rpyc-addon"\nversion = "0.1.0"\n');
  return folder;
}

const write = (folder: string, name: string, text: string) => writeFileSync(join(folder, name), text);
const rust = (n: number): string =>
  `#[no_mangle]\npub extern "C" fn answer() -> *const u8 {\n    "answer number ${n}".as_ptr()\n}\n`;

test('npm run dev builds what changes, survives what does not compile, and ends on Ctrl-C with all it started', async () => {
  const folder = smallCheckout();
  const env = { ...process.env, CARGO_TARGET_DIR: join(folder, 'target') };
  const child = spawn(process.execPath, ['scripts/dev.mjs'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  let read = 0;
  let wake = () => {};
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk) => {
      output += chunk;
      wake();
    });
  // Also ends only when nobody holds its pipes any more: its children are gone as well.
  const closed = once(child, 'close');
  closed.then(() => wake());

  /** Waits until it prints this, after what was waited for before. */
  async function says(text: string): Promise<void> {
    for (let at = output.indexOf(text, read); ; at = output.indexOf(text, read)) {
      if (at >= 0) {
        read = at + text.length;
        return;
      }
      if (child.exitCode !== null) throw new Error(`it ended before it said '${text}':\n${output}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  const made = (name: string): string => readFileSync(join(folder, name), 'latin1');

  await says('watching src/ and crates/');
  expect(made('dist/one.js')).toContain('one = 1');
  expect(made('build/rpyc.node')).toContain('answer number 1');

  write(folder, 'src/one.ts', 'export const one: number = 2;\n');
  await says('dist/ is up to date');
  expect(made('dist/one.js')).toContain('one = 2');

  write(folder, 'crates/addon/src/lib.rs', rust(2));
  await says('the addon is up to date');
  expect(made('build/rpyc.node')).toContain('answer number 2');

  write(folder, 'src/one.ts', "export const one: number = 'two';\n");
  await says('TS2322');
  await says('dist/: ');
  write(folder, 'crates/addon/src/lib.rs', 'no rust\n');
  await says('error');
  await says('the addon: ');
  expect(made('build/rpyc.node')).toContain('answer number 2');

  rmSync(join(folder, 'src/one.ts'));
  write(folder, 'src/three.ts', 'export const three: number = 3;\n');
  await says('dist/ is up to date');
  expect(made('dist/three.js')).toContain('three = 3');
  expect(existsSync(join(folder, 'dist/one.js'))).toBe(false);

  child.kill('SIGINT');
  expect(await closed).toEqual([0, null]);
  expect(output).toMatch(/stopped\n$/);
}, 60_000);
