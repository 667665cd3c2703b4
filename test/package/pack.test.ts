// The package as a stranger gets it: packed, installed into an empty folder without network, compiled against by strict TypeScript
// projects that check our declarations too (`skipLibCheck: false`), then imported, required and run there.
// Needs dist/ and the addon (built by `npm test` and `npm run check`).
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { npm, root } from '../../scripts/setup.mjs';

/** Folders of node_modules that hold the releases of TypeScript that a user may have: the oldest supported, the last one in JavaScript, ours. */
const COMPILERS = ['typescript-5.5', 'typescript-6.0', 'typescript'] as const;

let consumer = '';
let packed: string[] = [];

interface Ran {
  status: number | null;
  stdout: string;
  stderr: string;
}

function run(command: string, args: readonly string[], cwd: string): Ran {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** Runs npm; what a `npm test` around this set in the environment is about this checkout, not about the consumer's folder. */
function runNpm(args: readonly string[], cwd: string): string {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')));
  const { command, leading, shell } = npm();
  const { status, stdout, stderr } = spawnSync(command, [...leading, ...args], { cwd, env, encoding: 'utf8', shell });
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

beforeAll(() => {
  consumer = mkdtempSync(join(tmpdir(), 'rpyc-consumer-'));
  const [{ filename, files }] = JSON.parse(runNpm(['pack', '--json', '--pack-destination', consumer], root));
  packed = files.map(({ path }: { path: string }) => path);
  writeFileSync(join(consumer, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
  // Without network: its one dependency as it lies here, without that one's optional, native half.
  const [dependency] = JSON.parse(
    runNpm(
      ['pack', '--json', '--ignore-scripts', '--pack-destination', consumer, join(root, 'node_modules/msgpackr')],
      root,
    ),
  );
  const tarballs = [filename, dependency.filename].map((name: string) => join(consumer, name));
  runNpm(['install', '--offline', '--omit=optional', '--no-audit', '--no-fund', ...tarballs], consumer);
}, 60_000);

afterAll(() => rmSync(consumer, { recursive: true, force: true }));

/** A service of the consumer's; prints its port. */
const SERVER = `
import * as rpyc from 'rpyc';

class Calculator extends rpyc.Service {
  static override readonly byValue = ['rows'];
  exposed_add(a: number, b: number): number {
    return a + b;
  }
  exposed_numbers(n: number): number[] {
    return Array.from({ length: n }, (_, i) => i);
  }
  async exposed_twice(callback: (value: number) => Promise<number>, value: number): Promise<number> {
    return callback(await callback(value));
  }
  exposed_fail(): never {
    throw new rpyc.exceptions.ValueError('bad');
  }
}

const options: rpyc.ServerOptions = { config: { allow_public_attrs: false }, logger: null, maxFrame: 1024 * 1024 };
const server: rpyc.Server = await new rpyc.Server(Calculator, options).start();
console.log(String(server.port));
`;

/** What a client program does; \`rpyc\` is in scope, and \`port\`. */
const CLIENT = `
interface Calculator {
  add(a: number, b: number): number;
  numbers(n: number): number[];
  twice(callback: (value: number) => number, value: number): number;
  fail(): void;
}

async function awaited(): Promise<void> {
  const options: rpyc.ConnectOptions = { config: { sync_request_timeout: 10 }, connectTimeout: 5 };
  const conn: rpyc.Connection = await rpyc.connect('127.0.0.1', port, options);
  const root: rpyc.Netref<Calculator> = conn.root;
  const sum: number = await root.add(5, 10);
  const numbers: rpyc.Netref<number[]> = await root.numbers(3);
  const seen: number[] = [];
  for await (const n of numbers) seen.push(n);
  const later: rpyc.AsyncResult = rpyc.async_(conn.root.add)(1, 2);
  console.log(sum, seen, await later, await root.twice((x) => x * 10, 4), await rpyc.len(numbers));
  try {
    await root.fail();
  } catch (error) {
    console.log(error instanceof rpyc.exceptions.ValueError, error instanceof rpyc.PythonError);
  }
  await conn.close();
}

function blocking(): void {
  const conn: rpyc.SyncConnection = rpyc.connectSync('127.0.0.1', port);
  const root: rpyc.SyncNetref<Calculator> = conn.root;
  const sum: number = root.add(5, 10);
  console.log(sum, [...root.numbers(3)], rpyc.value(conn.root.numbers(2)));
  conn.close();
}
`;

const ESM_CLIENT = `
import * as rpyc from 'rpyc';
const port: number = Number(process.argv[2]);
${CLIENT}
await awaited();
blocking();
`;

/** CommonJS by \`require\` of an ES module, which TypeScript knows since 5.8. */
const CJS_CLIENT = `
import rpyc = require('rpyc');
const port: number = Number(process.argv[2]);
${CLIENT}
void awaited().then(blocking);
`;

/** ZeroRPC, both ends in one process. */
const ZERORPC = `
import { Client, RemoteError, Server, type ClientOptions } from 'rpyc/zerorpc';

const server: Server = new Server({
  add(a: number, b: number): number {
    return a + b;
  },
  async *count(n: number): AsyncGenerator<number> {
    for (let at = 0; at < n; at++) yield at;
  },
});
const options: ClientOptions = { timeout: 10 };
const client: Client = new Client(await server.bind('tcp://127.0.0.1:*'), options);
const sum: number = await client.call<number>('add', [5, 10]);
const seen: number[] = [];
for await (const at of client.stream<number>('count', [3])) seen.push(at);
const failed: unknown = await client.remote['nosuch']?.().catch((error: unknown) => error);
console.log(sum, seen, failed instanceof RemoteError && failed.remoteName);
client.close();
server.close();
`;

/** CommonJS for any TypeScript. */
const LAZY_CLIENT = `
async function main(): Promise<void> {
  const rpyc = await import('rpyc');
  const conn = await rpyc.connect('127.0.0.1', Number(process.argv[2]));
  console.log(await conn.root.add(5, 10));
  await conn.close();
}
void main();
`;

const PRINTED = '15 [ 0, 1, 2 ] 3 400 3\ntrue true\n15 [ 0, 1, 2 ] [ 0, 1 ]\n';

/** Compiles a strict project of these files in the consumer's folder; returns where its output is. */
function compile(compiler: string, files: Record<string, string>): string {
  const project = join(consumer, `with-${compiler}`);
  mkdirSync(project, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text);
  const compilerOptions = {
    target: 'ES2022',
    module: 'NodeNext',
    moduleResolution: 'NodeNext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noImplicitOverride: true,
    noPropertyAccessFromIndexSignature: true,
    skipLibCheck: false,
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
    rootDir: '.',
    outDir: 'out',
  };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: Object.keys(files) }));
  const result = run(process.execPath, [join(root, 'node_modules', compiler, 'bin/tsc'), '-p', project], consumer);
  expect(result).toEqual({ status: 0, stdout: '', stderr: '' });
  return join(project, 'out');
}

/** Starts a server in the consumer's folder; resolves with its first line, mostly its port. Stopped when the test ends. */
async function serve(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { cwd: consumer, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  onTestFinished(async () => {
    child.kill();
    await ended;
  });
  for await (const line of createInterface(child.stdout)) return line;
  throw new Error('the server ended before it told its port');
}

describe('the packed package', () => {
  test('holds the compiled sources with their declarations, the addon, and nothing of the workshop', () => {
    const folders = new Set(packed.map((path) => path.split('/')[0]));
    expect([...folders].sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'build', 'dist', 'package.json']);
    expect(packed.filter((path) => path.startsWith('build/'))).toEqual(['build/rpyc.node']);
    expect(packed).toEqual(expect.arrayContaining(['dist/index.js', 'dist/index.d.ts']));
    expect(packed.filter((path) => !/^(dist\/.*\.(js|d\.ts|js\.map)|build\/rpyc\.node|[^/]+)$/.test(path))).toEqual([]);
  });

  test('brings no other package than msgpackr', () => {
    const names = readdirSync(join(consumer, 'node_modules')).filter((name) => !name.startsWith('.'));
    expect(names).toEqual(['msgpackr', 'rpyc']);
  });

  test('its programs run by their names', async () => {
    const bin = (name: string): string => join(consumer, 'node_modules/.bin', name);
    const { bin: bins } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(packed).toEqual(expect.arrayContaining(Object.values(bins)));
    for (const name of Object.keys(bins)) {
      const { status, stdout, stderr } = run(bin(name), ['--version'], consumer);
      expect({ status, stderr, stdout }).toEqual({
        status: 0,
        stderr: '',
        stdout: expect.stringMatching(/^rpyc.* \d+\.\d/),
      });
    }
    writeFileSync(
      join(consumer, 'adder.mjs'),
      "import { Service } from 'rpyc';\nexport default class Adder extends Service {\n  exposed_add(a, b) { return a + b; }\n}\n",
    );
    const listens = await serve(bin('rpyc'), ['serve', 'adder.mjs']);
    const address = listens.replace('listening on ', '');
    expect(run(bin('rpyc'), ['call', address, 'add', '5', '10'], consumer)).toEqual({
      status: 0,
      stdout: '15\n',
      stderr: '',
    });
  });

  describe.each(COMPILERS)('with %s, strict and without skipLibCheck', (compiler) => {
    test('compiles, and a server, an awaited and a blocking client run', async () => {
      const out = compile(compiler, {
        'server.ts': SERVER,
        'client.ts': ESM_CLIENT,
        'lazy.cts': LAZY_CLIENT,
        'zerorpc.ts': ZERORPC,
        ...(compiler === 'typescript-5.5' ? {} : { 'client.cts': CJS_CLIENT }),
      });
      const port = await serve(process.execPath, [join(out, 'server.js')]);
      const clients: Record<string, string> = {
        'client.js': PRINTED,
        'lazy.cjs': '15\n',
        'zerorpc.js': '15 [ 0, 1, 2 ] NameError\n',
      };
      if (compiler !== 'typescript-5.5') clients['client.cjs'] = PRINTED;
      for (const [name, stdout] of Object.entries(clients))
        expect(run(process.execPath, [join(out, name), port], consumer)).toEqual({ status: 0, stdout, stderr: '' });
    }, 60_000);
  });

  test('a program without TypeScript requires it', async () => {
    writeFileSync(
      join(consumer, 'plain.cjs'),
      `const rpyc = require('rpyc');
const conn = rpyc.connectSync('127.0.0.1', Number(process.argv[2]));
console.log(conn.root.add(5, 10), [...conn.root.numbers(3)]);
conn.close();
`,
    );
    writeFileSync(
      join(consumer, 'plain-server.mjs'),
      `import { Server, Service } from 'rpyc';
class Calculator extends Service {
  exposed_add(a, b) { return a + b; }
  exposed_numbers(n) { return Array.from({ length: n }, (_, i) => i); }
}
const server = await new Server(Calculator).start();
console.log(String(server.port));
`,
    );
    const port = await serve(process.execPath, ['plain-server.mjs']);
    const result = run(process.execPath, ['plain.cjs', port], consumer);
    expect(result).toEqual({ status: 0, stdout: '15 [ 0, 1, 2 ]\n', stderr: '' });
  });
});
