// `npm run dev`: builds, then builds again whenever a source changes: dist/ by tsc, the addon by cargo's quick profile `dev-release`.
// Both go through setup.mjs, so its stamps stay true: the next `npm test` makes the addon that ships. (No `tsc --watch`: a whole compile
// takes less than a second, and the launcher of TypeScript 7 leaves the real watcher behind when it is ended.) Ctrl-C ends it.
import { existsSync, watch } from 'node:fs';
import { join } from 'node:path';
import { ensureNative, ensureTypeScript, root, runMain, SetupError, say, setUp } from './setup.mjs';

/** After a change, how long to wait for more of them, ms: editors and git write files in several steps. */
const SETTLE = 100;

const ended = new AbortController();
const { signal } = ended;

/** A build that runs once at a time, and once more when something changed meanwhile. */
class Build {
  running = Promise.resolve();
  timer = undefined;

  constructor(name, make) {
    this.name = name;
    this.make = make;
  }

  /** Something changed. */
  touch() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.now(), SETTLE);
  }

  /** Builds, after what is being built. */
  now() {
    this.running = this.running.then(() => this.once());
    return this.running;
  }

  /** A failure is told, and the next change tries again. */
  async once() {
    if (signal.aborted) return;
    try {
      await this.make();
      say(`${this.name} is up to date`);
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      if (!signal.aborted) say(`${this.name}: ${error.message}`);
    }
  }

  /** Starts nothing any more; resolves when the last build has ended. */
  async stop() {
    clearTimeout(this.timer);
    await this.running;
  }
}

await runMain(async () => {
  const typescript = new Build('dist/', () => ensureTypeScript({ signal }));
  const native = new Build('the addon', () => ensureNative({ profile: 'dev-release', signal }));
  const builds = [typescript, native];

  for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => ended.abort());
  await setUp();
  const watchers = [
    watch(join(root, 'src'), { recursive: true }, (_event, name) => {
      if (name === null || name.endsWith('.ts')) typescript.touch();
    }),
    watch(join(root, 'crates'), { recursive: true }, (_event, name) => {
      if (name === null || /\.rs$|Cargo\.toml$/.test(name)) native.touch();
    }),
    watch(root, (_event, name) => {
      if (name === 'tsconfig.json') typescript.touch();
      if (/^Cargo\.(toml|lock)$/.test(name ?? '') && existsSync(join(root, name))) native.touch();
    }),
  ];
  for (const build of builds) await build.now();
  if (!signal.aborted) {
    say('watching src/ and crates/; Ctrl-C stops it');
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  }
  for (const watcher of watchers) watcher.close();
  for (const build of builds) await build.stop();
  say('stopped');
});
