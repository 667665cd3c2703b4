// A pool whose service is written in TypeScript: what tsc and esbuild make of it is served, and what has not been built says so.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { expect, onTestFinished, test } from 'vitest';
import { root } from '../../scripts/setup.mjs';
import { rpyc, startPool } from '../support/pool.ts';
import { describePython, runClient } from '../support/python.ts';

const run = promisify(execFile);

/** Two files in TypeScript, with what needs translation: types, decorators, parameter properties, enums, an import of the other. */
const SOURCES = {
  'shapes.ts': `
export enum Unit { metre = 'm', foot = 'ft' }
export interface Shape { area(): number }
export class Square implements Shape {
  constructor(private readonly side: number, readonly unit: Unit = Unit.metre) {}
  area(): number { return this.side ** 2; }
}
`,
  'service.ts': `
import * as rpyc from 'rpyc';
import { Square, Unit, type Shape } from './shapes.js';

export default ({ worker }: rpyc.WorkerContext<SharedArrayBuffer>): typeof rpyc.Service => {
  class Areas extends rpyc.Service {
    static override readonly ALIASES = ['AREAS'];
    private calls = 0;
    exposed_area(side: number): number { this.calls++; const shape: Shape = new Square(side); return shape.area(); }
    exposed_unit(): string { return new Square(1, Unit.foot).unit; }
    exposed_worker(): number { return worker; }
    @rpyc.exposed async twice(f: (n: number) => Promise<number>, n: number): Promise<number> { return (await f(await f(n))) + 0; }
    exposed_count(): number { return this.calls; }
  }
  return Areas;
};
`,
};

/** A folder of this checkout with the sources in it. */
function folder(name: string): string {
  const path = join(root, 'build/snippets', name);
  mkdirSync(path, { recursive: true });
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  for (const [file, text] of Object.entries(SOURCES)) writeFileSync(join(path, file), text);
  return path;
}

async function tsc(): Promise<string> {
  const path = folder('pool-tsc');
  const out = join(path, 'out');
  const options =
    '--ignoreConfig --strict --target es2022 --module nodenext --moduleResolution nodenext --types node'.split(' ');
  const program = join(root, 'node_modules/typescript/bin/tsc');
  await run(process.execPath, [program, ...options, '--rootDir', path, '--outDir', out, join(path, 'service.ts')], {
    cwd: root,
  });
  return join(out, 'service.js');
}

async function esbuild(): Promise<string> {
  const path = folder('pool-esbuild');
  const outfile = join(path, 'out.mjs');
  await build({
    entryPoints: [join(path, 'service.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    sourcemap: true,
    logLevel: 'silent',
  });
  return outfile;
}

describePython.each([
  ['tsc', tsc],
  ['esbuild', esbuild],
] as const)('built by %s', (_name, make) => {
  test('it is served in every worker, for Python', async () => {
    const { port } = await startPool({ workers: 2 }, pathToFileURL(await make()));
    const out = await runClient(
      '6.0.1',
      port,
      `
      other = rpyc.connect("127.0.0.1", ${port})
      out["areas"] = [conn.root.area(3), other.root.area(4), conn.root.count()]
      out["unit"] = conn.root.unit()
      out["workers"] = sorted([conn.root.worker(), other.root.worker()])
      out["twice"] = conn.root.twice(lambda n: n * 3, 2)
      other.close()
      `,
    );
    expect(out).toEqual({ areas: [9, 16, 1], unit: 'ft', workers: [0, 1], twice: 18 });
  });
});

test('given as a path, it is served as well', async () => {
  const server = new rpyc.WorkerPoolServer(await esbuild(), { workers: 1, logger: null });
  onTestFinished(() => server.close());
  await server.start();
  const conn = await rpyc.connect('127.0.0.1', server.port);
  expect(await conn.root.area(5)).toBe(25);
  await conn.close();
});

test('one that is not built is refused at the start, and the error says what to give', async () => {
  const module = pathToFileURL(join(folder('pool-unbuilt'), 'service.ts'));
  const server = new rpyc.WorkerPoolServer(module, { workers: 1, logger: null });
  await expect(server.start()).rejects.toMatchObject({
    code: 'ERR_RPYC_WORKER',
    message: expect.stringMatching(
      /this Node does not run the TypeScript of file:.*service\.ts: name the file that it is built to/,
    ),
  });
});

test('a bundle with a copy of the package in it is refused at the start, and the error says what to leave out', async () => {
  const path = folder('pool-bundled');
  const outfile = join(path, 'out.mjs');
  await build({
    stdin: { contents: "import { Service } from 'rpyc'; export default class extends Service {}", resolveDir: root },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'silent',
  });
  const server = new rpyc.WorkerPoolServer(pathToFileURL(outfile), { workers: 1, logger: null });
  await expect(server.start()).rejects.toMatchObject({
    code: 'ERR_RPYC_WORKER',
    message: expect.stringMatching(/the native engine did not load .*a bundler has to leave rpyc external$/),
  });
});

test('a service of another copy of the package is refused at the start, and the error says so', async () => {
  const path = folder('pool-copies');
  // As a second installation.
  cpSync(join(root, 'dist'), join(path, 'copy/dist'), { recursive: true });
  cpSync(join(root, 'build/rpyc.node'), join(path, 'copy/build/rpyc.node'));
  const module = join(path, 'service.mjs');
  writeFileSync(module, "import { Service } from './copy/dist/index.js'; export default class extends Service {}");
  const server = new rpyc.WorkerPoolServer(pathToFileURL(module), { workers: 1, logger: null });
  await expect(server.start()).rejects.toMatchObject({
    code: 'ERR_RPYC_WORKER',
    message: expect.stringContaining('it is a service of another copy of the package: install one'),
  });
});
