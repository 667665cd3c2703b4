// What is uploaded: the program that serves, the service module, and the package that it needs. Reads local files, opens nothing else.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENGINE } from '../native/load.ts';
import { archive, type Entry } from './archive.ts';
import { PYTHON_START } from './programs.ts';

/** What is put on a target. */
export interface DeployContents {
  /**
   * The service module, as a URL or a path: a `.py` file with one subclass of `rpyc.Service`, or with a global `service`; or an `.mjs`, `.js` or
   * `.cjs` file as {@link ForkingServer} takes it, which may import `rpyc` and what Node has. Default: a SlaveService (classic mode).
   */
  service?: URL | string;
  /** Serve with Python: the interpreter there, or true for the first of `python3` and `python` on its PATH. Default for a `.py` service, and for none. */
  python?: string | true;
  /** Serve with Node: the program there, or true for `node` on its PATH. Default for a JavaScript service. */
  node?: string | true;
  /** A local folder with the Python package `rpyc`, to be uploaded (`…/site-packages/rpyc`). Default: the one that the target's Python has. */
  rpycPath?: string;
  /** Python's server class. Default `rpyc.utils.server.ThreadedServer`. */
  serverClass?: string;
}

/** What is to be unpacked, and how it is run. */
export interface Upload {
  readonly kind: 'python' | 'node';
  readonly bytes: Buffer;
  /** The program to run. */
  readonly program: string;
  /** Interpreters to try, in their order. */
  readonly interpreters: readonly string[];
}

/** The package itself: src/deploy and dist/deploy lie equally deep. */
const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));

const text = (name: string, value: string): Entry => ({ name, bytes: Buffer.from(value) });

/** Files below a local folder, under `as`. */
function below(folder: string, as: string, wanted: (path: string) => boolean): Entry[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(wanted)
    .map((path) => ({ name: `${as}/${relative(folder, path).split(sep).join('/')}`, bytes: readFileSync(path) }));
}

function pathOf(service: URL | string): string {
  const path = service instanceof URL || service.startsWith('file:') ? fileURLToPath(service) : service;
  if (!existsSync(path)) throw new TypeError(`there is no service module ${path}`);
  return path;
}

/** Is a `.js` file an ES module, by the package.json next above it? */
function isModule(path: string): boolean {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest)) return JSON.parse(readFileSync(manifest, 'utf8')).type === 'module';
    if (folder === dirname(folder)) return false;
  }
}

function runtimeOf({ python, node }: DeployContents, extension: string | undefined): 'python' | 'node' {
  const byModule = extension === undefined ? undefined : extension === '.py' ? 'python' : 'node';
  if (python !== undefined && node !== undefined) throw new TypeError('python and node exclude each other');
  const asked = python !== undefined ? 'python' : node !== undefined ? 'node' : undefined;
  if (asked !== undefined && byModule !== undefined && asked !== byModule)
    throw new TypeError(`a ${extension} service is not served by ${asked}`);
  return asked ?? byModule ?? 'python';
}

function pythonUpload(contents: DeployContents, service: string | undefined): Upload {
  const { python, rpycPath, serverClass = 'rpyc.utils.server.ThreadedServer' } = contents;
  if (!/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$/.test(serverClass))
    throw new TypeError(`serverClass is a dotted name, not ${JSON.stringify(serverClass)}`);
  if (rpycPath !== undefined && (basename(rpycPath) !== 'rpyc' || !existsSync(join(rpycPath, '__init__.py'))))
    throw new TypeError(`rpycPath is a folder rpyc with the Python package in it, not ${rpycPath}`);
  const entries = [
    text('start.py', PYTHON_START.replace('%CLASS%', serverClass)),
    ...(service === undefined ? [] : [{ name: 'service.py', bytes: readFileSync(service) }]),
    ...(rpycPath === undefined ? [] : below(rpycPath, 'rpyc', (path) => path.endsWith('.py'))),
  ];
  return {
    kind: 'python',
    bytes: packed(entries),
    program: 'start.py',
    interpreters: typeof python === 'string' ? [python] : ['python3', 'python'],
  };
}

function nodeUpload({ node }: DeployContents, service: string | undefined): Upload {
  const dist = join(PACKAGE, 'dist');
  if (!existsSync(ENGINE) || !existsSync(dist))
    throw new Error(`the package in ${PACKAGE} is not built, so that it cannot be uploaded: npm run build`);
  const at = 'node_modules/rpyc';
  const entries = [
    text('platform', `${process.platform} ${process.arch}`),
    { name: `${at}/package.json`, bytes: readFileSync(join(PACKAGE, 'package.json')) },
    ...below(dist, `${at}/dist`, (path) => path.endsWith('.js')),
    { name: `${at}/${relative(PACKAGE, ENGINE)}`, bytes: readFileSync(ENGINE) },
  ];
  if (service !== undefined) {
    const isEsm = extname(service) === '.mjs' || (extname(service) === '.js' && isModule(service));
    entries.push({ name: isEsm ? 'service.mjs' : 'service.cjs', bytes: readFileSync(service) });
  }
  return {
    kind: 'node',
    bytes: packed(entries),
    program: `${at}/dist/deploy/start.js`,
    interpreters: [typeof node === 'string' ? node : 'node'],
  };
}

/** The last file says that all are there. */
const packed = (entries: readonly Entry[]): Buffer => archive([...entries, text('complete', '')]);

/** @throws {TypeError} for options that do not fit together, and for files that are not there */
export function uploadOf(contents: DeployContents): Upload {
  const service = contents.service === undefined ? undefined : pathOf(contents.service);
  const extension = service === undefined ? undefined : extname(service);
  if (
    service !== undefined &&
    !(['.py', '.mjs', '.js', '.cjs'].includes(extension as string) && statSync(service).isFile())
  )
    throw new TypeError(`a service module is a .py, .mjs, .js or .cjs file, not ${service}`);
  return runtimeOf(contents, extension) === 'python' ? pythonUpload(contents, service) : nodeUpload(contents, service);
}
