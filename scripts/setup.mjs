// Set-up on a machine that has Node, Rust and Python 3: npm packages, the Rust addon, dist/, the Python environments and
// the C programs of the tests and benchmarks. Plain Node without dependencies, since it runs before node_modules exists.
// Every step looks whether its result is up to date, says what it does, and is idempotent. What is up to date is decided
// by a hash of its inputs, kept in a stamp file beside the result and written last.
//
//     node scripts/setup.mjs all | node native typescript python sshd abi bench

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the checkout. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The RPyC releases that the tests talk to, oldest first, and what each environment gets. */
export const RPYC_VERSIONS = ['4.1.5', '5.3.1', '6.0.1'];
const PLUMBUM = '1.9.0';
/** The environment of the newest release that also has numpy, for the tests that exchange arrays. */
export const WITH_NUMPY = '6.0.1-numpy';
const NUMPY = 'numpy>=1.24';
/** The ZeroRPC release that the tests talk to; pyzmq, msgpack and gevent come with it. */
export const ZERORPC_VERSION = '0.6.3';

/** A set-up step cannot go on; the message is one line for the user. */
export class SetupError extends Error {}

const windows = process.platform === 'win32';

// ---- steps

/** `npm ci`, unless node_modules already holds what package-lock.json asks for. */
export async function ensureNodeModules() {
  if (installedMatchesLock()) return;
  say('installing npm packages (npm ci)');
  const { command, leading, shell } = npm();
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  await run(command, [...leading, ...args], { shell });
}

/**
 * The Rust addon at build/rpyc.node. `profile` is Cargo's, for a quicker build than the one that ships (`dev-release`): what it makes
 * counts as missing for everybody else. `signal` ends cargo.
 */
export async function ensureNative({ profile = 'release', signal } = {}) {
  const target = join(root, 'build/rpyc.node');
  const inputs = [
    'Cargo.toml',
    'Cargo.lock',
    'rust-toolchain.toml',
    '.cargo/config.toml',
    ...filesUnder('crates', isCrateSource),
  ];
  const stampOf = (made) =>
    hashOf(inputs, `${process.platform} ${process.arch}${made === 'release' ? '' : ` ${made}`}`);
  if (existsSync(target) && [profile, 'release'].some((made) => isStamped(target, stampOf(made)))) return;
  const cargo = findCargo();
  const stamp = stampOf(profile);
  say(
    `building the Rust addon (cargo build --profile ${profile})${profile === 'release' ? ', about half a minute the first time' : ''}`,
  );
  const args = [
    'build',
    '--profile',
    profile,
    '--locked',
    '-p',
    'rpyc-addon',
    '--message-format=json-render-diagnostics',
  ];
  const lines = (await run(cargo, args, { stdout: 'pipe', quiet: true, signal }))
    .split('\n')
    .filter((line) => line.startsWith('{'));
  const artifact = lines
    .map((line) => JSON.parse(line))
    .findLast((m) => m.reason === 'compiler-artifact' && m.target.name === 'rpyc_addon');
  const library = artifact?.filenames.find((name) => /\.(so|dylib|dll)$/.test(name));
  if (!library) throw new SetupError('cargo built no shared library for rpyc-addon');
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(library, `${target}.${process.pid}`); // a running Node may have the old file mapped: never write into it
  renameSync(`${target}.${process.pid}`, target);
  writeStamp(target, stamp);
}

/** dist/ from src/, by tsc. Files are replaced one by one, so that programs that use dist/ find it at any time. `signal` ends tsc. */
export async function ensureTypeScript({ signal } = {}) {
  const target = join(root, 'dist');
  const sources = filesUnder('src', (name) => name.endsWith('.ts'));
  const stamp = hashOf(['tsconfig.json', 'package-lock.json', ...sources]);
  if (existsSync(target) && isStamped(target, stamp)) return;
  say('building dist/ (tsc)');
  rmSync(stampFile(target), { force: true }); // a build that fails leaves files behind, but no stamp
  await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json'], { signal });
  const made = new Set(sources.map((path) => path.replace(/^src(.*)\.ts$/, 'dist$1')));
  for (const path of filesUnder('dist', () => true))
    if (!made.has(path.replace(/\.(d\.ts|js|js\.map)$/, ''))) rmSync(join(root, path)); // of a source that is gone
  writeStamp(target, stamp);
}

/** One virtual environment per release of RPyC and ZeroRPC under .venv/; the environment variable RPYC_PYTHON names another interpreter. */
export async function ensurePython() {
  const missing = ENVIRONMENTS.filter(
    ({ name, stamp }) => !existsSync(interpreterOf(name)) || !isStamped(venvOf(name), stamp),
  );
  if (!missing.length) return;
  const base = findPython();
  say(`making the Python environments ${missing.map(({ name }) => name).join(', ')} (${base.path})`);
  for (const environment of missing) await makeVenv(base, environment);
}

/** The interpreter of the environment with this RPyC release. */
export const pythonOf = (version) => interpreterOf(`rpyc-${version}`);

/** The interpreter of the environment with ZeroRPC and pyzmq. */
export const zerorpcPython = () => interpreterOf(`zerorpc-${ZERORPC_VERSION}`);

/** Where Debian and most others have it; not on the PATH of a user. */
export const SSHD = ['/usr/sbin/sshd', '/usr/local/sbin/sshd'].find((path) => existsSync(path)) ?? '/usr/sbin/sshd';

/**
 * The sshd that the SSH tests start for themselves. Root gets Debian's package, without its service; others are told.
 * The environment variable RPYC_TEST_SSHD=skip goes without.
 */
export async function ensureSshd() {
  if (windows || process.env.RPYC_TEST_SSHD === 'skip' || existsSync(SSHD)) return;
  const wanted =
    'the SSH tests need a real sshd: install it (Debian, Ubuntu: apt-get install openssh-server), or leave them out with RPYC_TEST_SSHD=skip';
  if (process.getuid() !== 0 || !pathFolders().some((place) => existsSync(join(place, 'apt-get'))))
    throw new SetupError(wanted);
  say('installing openssh-server for the SSH tests (apt-get), without starting its service');
  // Debian's packages ask this program whether they may start what they install: 101 is no.
  const policy = '/usr/sbin/policy-rc.d';
  const ours = !existsSync(policy);
  if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const install = ['install', '-qq', '-y', '--no-install-recommends', 'openssh-server', 'openssh-client'];
    const { status } = await run('apt-get', install, { stdout: 'pipe', quiet: true, check: false, env });
    if (status !== 0) {
      await run('apt-get', ['update', '-qq'], { stdout: 'pipe', quiet: true, check: false, env });
      await run('apt-get', install, { stdout: 'pipe', quiet: true, env });
    }
  } finally {
    if (ours) rmSync(policy);
  }
  if (!existsSync(SSHD)) throw new SetupError(wanted);
}

/** test/abi: the constants of the running Node's C headers, as an addon. */
export const ensureAbi = () => ensureGyp('test/abi', 'abi.node');

/** bench/native: the C programs that every benchmark is measured against. */
export const ensureBench = () => ensureGyp('bench/native', windows ? 'pingpong.exe' : 'pingpong');

// ---- how

const pathFolders = () => (process.env.PATH ?? '').split(delimiter).filter(Boolean);

function installedMatchesLock() {
  const read = (path) => JSON.parse(readFileSync(join(root, path), 'utf8')).packages;
  if (!existsSync(join(root, 'node_modules/.package-lock.json'))) return false;
  const installed = read('node_modules/.package-lock.json'); // npm's own record, written last
  return Object.entries(read('package-lock.json')).every(([path, wanted]) => {
    if (path === '') return true;
    return installed[path]
      ? installed[path].version === wanted.version
      : wanted.optional === true || wanted.peer === true;
  });
}

/** How npm is started: the one that runs us, else the one on the PATH. `leading` are arguments before its own. */
export function npm() {
  const running = process.env.npm_execpath;
  if (running && /\.[cm]?js$/.test(running)) return { command: process.execPath, leading: [running], shell: false };
  return { command: windows ? 'npm.cmd' : 'npm', leading: [], shell: windows };
}

/** cargo on the PATH, or where rustup puts it. */
export function findCargo() {
  const name = windows ? 'cargo.exe' : 'cargo';
  const places = [...pathFolders(), join(process.env.CARGO_HOME ?? join(homedir(), '.cargo'), 'bin')];
  const found = places.map((place) => join(place, name)).find((path) => existsSync(path));
  if (!found) throw new SetupError('cargo not found: install Rust from https://rustup.rs, then run this again');
  return found;
}

/** `{path, pip}` of the first Python 3.8+ that can make environments; `pip` where it can only do so with its own pip. */
function findPython() {
  const named = process.env.RPYC_PYTHON;
  const names = windows ? ['python.exe'] : ['python3', 'python'];
  const places = pathFolders();
  const candidates = named
    ? [named]
    : places.flatMap((place) => names.map((name) => join(place, name))).filter((path) => existsSync(path));
  const code = `
import sys, importlib.util as u
has = lambda name: u.find_spec(name) is not None
how = "none" if not has("venv") else "venv" if has("ensurepip") else "pip" if has("pip") else "none"
print(how if sys.version_info >= (3, 8) else "old")`;
  const able = candidates.map((path) => ({
    path,
    kind: (spawnSync(path, ['-c', code], { encoding: 'utf8' }).stdout ?? '').trim(),
  }));
  const best = able.find((each) => each.kind === 'venv') ?? able.find((each) => each.kind === 'pip');
  if (best) return { path: best.path, pip: best.kind === 'pip' };
  const unable = able.find((each) => each.kind === 'none');
  if (unable) {
    throw new SetupError(
      `${unable.path} cannot make virtual environments: install python3-venv (Debian, Ubuntu), or name another Python in RPYC_PYTHON`,
    );
  }
  if (named) throw new SetupError(`RPYC_PYTHON=${named} is no usable Python 3.8 or later`);
  throw new SetupError(
    'python3 not found: install Python 3.8 or later from https://www.python.org/downloads (Debian, Ubuntu: python3 python3-venv), then run this again',
  );
}

async function makeVenv(base, { name, packages, stamp }) {
  const folder = venvOf(name);
  rmSync(folder, { recursive: true, force: true });
  const pip = ['-m', 'pip', '--disable-pip-version-check', '--no-input', '--quiet'];
  const env = { ...process.env, PYTHONPATH: '', PIP_ROOT_USER_ACTION: 'ignore' };
  await run(base.path, ['-m', 'venv', ...(base.pip ? ['--without-pip'] : []), folder], { env });
  if (base.pip) await run(base.path, [...pip, '--python', interpreterOf(name), 'install', ...packages], { env });
  else await run(interpreterOf(name), [...pip, 'install', ...packages], { env });
  writeStamp(folder, stamp);
}

/** What lies under .venv/: folder, packages, and the stamp of a finished one. */
const ENVIRONMENTS = [
  ...[...RPYC_VERSIONS, WITH_NUMPY].map((version) => ({
    name: `rpyc-${version}`,
    packages: [
      `rpyc==${version.replace('-numpy', '')}`,
      `plumbum==${PLUMBUM}`,
      ...(version === WITH_NUMPY ? [NUMPY] : []),
    ],
    stamp: stampWith(`rpyc ${version} plumbum ${PLUMBUM} ${version === WITH_NUMPY ? NUMPY : ''}`),
  })),
  {
    name: `zerorpc-${ZERORPC_VERSION}`,
    packages: [`zerorpc==${ZERORPC_VERSION}`],
    stamp: stampWith(`zerorpc ${ZERORPC_VERSION} `),
  },
];

function stampWith(packages) {
  return `${packages}${process.env.RPYC_PYTHON ?? ''}`.trim();
}

function venvOf(name) {
  return join(root, '.venv', name);
}

function interpreterOf(name) {
  return join(venvOf(name), windows ? 'Scripts/python.exe' : 'bin/python');
}

async function ensureGyp(folder, product) {
  const target = join(root, folder, 'build/Release', product);
  const sources = readdirSync(join(root, folder)).filter((name) => /\.(gyp|c|h)$/.test(name));
  const stamp = hashOf(
    sources.map((name) => `${folder}/${name}`),
    `${process.version} ${process.arch}`,
  );
  if (existsSync(target) && isStamped(dirname(target), stamp)) return;
  say(`building ${folder} (node-gyp)`);
  // The running Node's own headers where it brought some; else npm's nodedir or a download, as node-gyp decides.
  const own = dirname(dirname(process.execPath));
  const nodedir = existsSync(join(own, 'include/node/node_api.h')) ? [`--nodedir=${own}`] : [];
  const args = [
    join(root, 'node_modules/node-gyp/bin/node-gyp.js'),
    'rebuild',
    '--loglevel=error',
    `--directory=${folder}`,
    ...nodedir,
  ];
  await run(process.execPath, args, { stdout: 'pipe' });
  writeStamp(dirname(target), stamp);
}

// ---- tools

/** Prints one line about what is being done. */
export function say(text) {
  console.log(`[rpyc] ${text}`);
}

/**
 * Runs a program in the root of the checkout, without a stdin, and resolves with its stdout (empty unless piped).
 * Rejects with a SetupError when it fails, unless `check` is false: then resolves with `{status, stdout}`.
 * `quiet` keeps what was piped from being shown when it fails.
 */
export function run(command, args, { stdout = 'inherit', check = true, quiet = false, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', stdout, 'inherit'], ...options });
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    child.on('error', (error) => reject(new SetupError(`cannot run ${command}: ${error.message}`)));
    child.on('close', (status, signal) => {
      if (!check) return resolve({ status: status ?? 1, stdout: text });
      if (status === 0) return resolve(text);
      if (!quiet) process.stderr.write(text);
      reject(new SetupError(`${[command, ...args].join(' ').slice(0, 200)} failed (${signal ?? `status ${status}`})`));
    });
  });
}

const isCrateSource = (name) => /\.rs$|Cargo\.toml$/.test(name);

/** Files under a folder of the checkout, sorted, as relative paths; build outputs are left out. */
function filesUnder(folder, wanted) {
  const skipped = new Set(['target', 'tests', 'benches', 'examples', 'wire-fuzz', 'node_modules']);
  const found = [];
  const walk = (path) => {
    for (const entry of readdirSync(join(root, path), { withFileTypes: true })) {
      if (entry.isDirectory()) skipped.has(entry.name) || walk(`${path}/${entry.name}`);
      else if (wanted(entry.name)) found.push(`${path}/${entry.name}`);
    }
  };
  walk(folder);
  return found.sort();
}

function hashOf(paths, extra = '') {
  const hash = createHash('sha256').update(extra);
  for (const path of paths) {
    const full = join(root, path);
    if (existsSync(full)) hash.update(`\0${path}\0`).update(readFileSync(full));
  }
  return hash.digest('hex');
}

// In a folder that we make, but beside the addon, and outside dist/, which is published whole.
const stampFile = (target) =>
  target.endsWith('dist')
    ? join(root, 'build/dist.stamp')
    : target.endsWith('.node')
      ? `${target}.stamp`
      : join(target, '.stamp');
const isStamped = (target, stamp) => existsSync(stampFile(target)) && readFileSync(stampFile(target), 'utf8') === stamp;

function writeStamp(target, stamp) {
  mkdirSync(dirname(stampFile(target)), { recursive: true });
  writeFileSync(stampFile(target), stamp);
}

/** Runs `main`; a SetupError becomes its one line and exit status 1. */
export async function runMain(main) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(`[rpyc] ${error.message}`);
    process.exit(1);
  }
}

const STEPS = {
  node: ensureNodeModules,
  native: ensureNative,
  typescript: ensureTypeScript,
  python: ensurePython,
  sshd: ensureSshd,
  abi: ensureAbi,
  bench: ensureBench,
};

/** Runs steps in their order; npm packages come with every one of them. */
export async function setUp(...names) {
  for (const name of names) {
    if (!STEPS[name]) throw new SetupError(`no such step: ${name} (there are all, ${Object.keys(STEPS).join(', ')})`);
  }
  for (const [name, step] of Object.entries(STEPS)) {
    if (name === 'node' || names.includes(name)) await step();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = process.argv.slice(2);
  await runMain(() => setUp(...(names.includes('all') ? Object.keys(STEPS) : names)));
}
