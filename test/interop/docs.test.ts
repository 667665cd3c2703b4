// docs/: every example runs and prints what it says; every code, key and option, and every name of RPyC, stands where it is explained.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { transformSync } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root, zerorpcPython } from '../../scripts/setup.mjs';
import * as rpyc from '../../src/index.ts';
import { describePython, python, pythonJson } from '../support/python.ts';
import { HAS_SSHD, startTarget, type Target } from '../support/sshd.ts';
import { type Fence, fencesOf, PAGES, pageText, programOf, promised } from './docs.ts';
import { listening, runNode, type Started, script, start, withFreePort } from './snippets.ts';

const isProgram = ({ options }: Fence): boolean =>
  options.serve === undefined && options.begin === undefined && options['no-run'] === undefined;

/** JavaScript that Node 20 runs: TypeScript without its types, decorators and `using` as plain code. */
const lowered = (fence: Fence, program: string): string =>
  fence.language === 'ts' ? transformSync(program, { loader: 'ts', target: 'es2022', tsconfigRaw: {} }).code : program;

const pages = PAGES.map((page) => ({ page, fences: fencesOf(page) })).filter(({ fences }) => fences.length > 0);

/** The machine of docs/ssh.md, as the page writes it. */
const MACHINE = "'me@build-box'";

/** Each page with the newest and the oldest wire. */
const runs = pages
  .filter(({ page }) => HAS_SSHD || page !== 'ssh.md')
  .flatMap(({ page, fences }) => (['6.0.1', '4.1.5'] as const).map((version) => ({ page, fences, version })))
  // zerorpc.md has a Python of its own, with zerorpc.
  .filter(({ page, version }) => page !== 'zerorpc.md' || version === '6.0.1');

describePython.each(runs.map((run) => [run.page, run.version, run.fences] as const))(
  'the examples of docs/%s with Python %s',
  (page, version, fences) => {
    const servers: Started[] = [];
    /** Ports as they are written, and those that are used instead. */
    const ports = new Map<string, string>();
    /** The files that a page's examples make lie beside the programs, not in the checkout. */
    const folder = join(root, 'build/snippets');
    const interpreter = page === 'zerorpc.md' ? zerorpcPython() : python(version);
    let machine: Target | undefined;
    const ported = (text: string): string =>
      text
        .replace(/\b18\d{3}\b/g, (port) => ports.get(port) ?? port)
        .replace(/\bserver\.(crt|key)\b/g, (name) => join(folder, name))
        .replaceAll(MACHINE, machine === undefined ? MACHINE : JSON.stringify(machine.ssh));
    const nameOf = (fence: Fence, extension: string): string =>
      `docs-${page.replace('.md', '')}-${version}-${fence.line}.${extension}`;

    beforeAll(async () => {
      if (fences.some(({ text }) => text.includes(MACHINE)))
        machine = await startTarget({ python: version, node: true });
      for (const name of ['server.crt', 'server.key']) rmSync(join(folder, name), { force: true });
      for (const fence of fences.filter(({ options }) => options.serve !== undefined)) {
        const written = /(?:port[=:] ?|127\.0\.0\.1:)(\d+)/.exec(fence.text)?.[1] as string;
        const { port } = await withFreePort(Number(written));
        ports.set(written, String(port));
        const text = lowered(fence, ported(fence.text));
        const [command, name] =
          fence.language === 'python' ? [interpreter, nameOf(fence, 'py')] : [process.execPath, nameOf(fence, 'mjs')];
        servers.push(start(command, [script(name, text)], { PYTHONPATH: '' }, 300_000));
        await listening(port);
      }
    }, 60_000);

    afterAll(async () => {
      for (const server of servers) await server.stop();
      await machine?.stop();
    });

    const programs = fences.filter(isProgram).map((fence) => [fence.line, fence] as const);
    test.each(programs)('line %i: runs, and prints what it says', async (_line, fence) => {
      const expected = promised(fence);
      expect(expected, 'each console.log or print says in a comment what it prints').toBeDefined();
      const program = ported(programOf(fence, fences));
      const { stdout, stderr } =
        fence.language === 'python'
          ? await start(interpreter, [script(nameOf(fence, 'py'), program)]).ended
          : await runNode(nameOf(fence, 'mjs'), lowered(fence, program));
      expect({ stdout, stderr }).toEqual({ stdout: expect.stringMatching(expected as RegExp), stderr: '' });
    });
  },
);

describe('the fences of docs/', () => {
  const all = pages.flatMap(({ fences }) => fences);

  test('are run, all but a few that say why not', () => {
    const left = all.filter(({ options }) => options['no-run'] !== undefined);
    expect(left.filter(({ options }) => (options['no-run'] as string).length < 8)).toEqual([]);
    expect(left.length).toBeLessThanOrEqual(3);
    expect(all.filter(isProgram).length).toBeGreaterThan(40);
  });

  test('have no other options, and every beginning is continued', () => {
    const known = ['serve', 'begin', 'after', 'no-run'];
    expect(all.filter(({ options }) => Object.keys(options).some((name) => !known.includes(name)))).toEqual([]);
    for (const { page, fences } of pages)
      for (const { options } of fences.filter((fence) => fence.options.begin !== undefined))
        expect(
          fences.filter((fence) => fence.options.after === options.begin),
          `${page} ${options.begin}`,
        ).not.toEqual([]);
  });

  test('that are TypeScript satisfy its compiler, strictly', () => {
    const folder = join(root, 'build/snippets/ts');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const files = pages.flatMap(({ page, fences }) =>
      fences
        .filter(({ language, options }) => language === 'ts' && options.begin === undefined)
        .map((fence) => {
          const name = `${page.replace('.md', '')}-${fence.line}.mts`;
          writeFileSync(join(folder, name), programOf(fence, fences));
          return name;
        }),
    );
    expect(files).not.toEqual([]);
    const compilerOptions = {
      target: 'ES2022',
      lib: ['ES2023', 'ESNext.Disposable', 'ESNext.Decorators'],
      module: 'NodeNext',
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      types: ['node'],
      typeRoots: [join(root, 'node_modules/@types')],
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
    const args = [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder];
    const { status, stdout } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  }, 60_000);
});

/** GitHub's anchor of a heading. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');

test.each(PAGES)('every link of docs/%s leads to a file that is there, and to a heading in it', (page) => {
  const missing: string[] = [];
  for (const [, target] of pageText(page).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^https?:/.test(target as string)) continue;
    const [path, fragment] = (target as string).split('#');
    const file = path === '' ? join(root, 'docs', page) : join(root, 'docs', path as string);
    const headings = existsSync(file) && file.endsWith('.md') ? readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm) : [];
    const anchors = [...headings].map(([, heading]) => anchor(heading as string));
    if (!existsSync(file) || (fragment !== undefined && !anchors.includes(fragment))) missing.push(target as string);
  }
  expect(missing).toEqual([]);
});

/** All sources of the library, and of the addon, which throws codes of its own. */
function sources(folder: string): string {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|rs)$/.test(entry.name))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    .join('\n');
}

/** First cells of the tables below a heading, without their backticks. */
function firstCells(page: string, heading: string): string[] {
  const text = pageText(page);
  const from = text.indexOf(`\n## ${heading}\n`);
  expect(from, `docs/${page} has a heading '${heading}'`).toBeGreaterThanOrEqual(0);
  const to = text.indexOf('\n## ', from + 1);
  return [...text.slice(from, to < 0 ? undefined : to).matchAll(/^\| (`[^|]*`) \|/gm)].flatMap(([, cell]) =>
    [...(cell as string).matchAll(/`([^`]+)`/g)].map(([, name]) => name as string),
  );
}

test('docs/errors.md explains every code of the sources, and no other', () => {
  const thrown = new Set(
    (sources('src') + sources('crates/addon/src')).match(/\bERR_(?:RPYC|ZMTP|ZERORPC)_[A-Z_]+\b/g),
  );
  const explained = firstCells('errors.md', 'Codes');
  expect(explained.sort()).toEqual([...thrown].sort());
});

/** Members that an interface or class of the sources declares, `static` ones of a class. */
function membersOf(declaration: RegExp, member: RegExp, folder = 'src'): string[] {
  const text = sources(folder);
  const from = text.search(declaration);
  expect(from, String(declaration)).toBeGreaterThanOrEqual(0);
  const body = text.slice(from, text.indexOf('\n}', from));
  return [...body.matchAll(member)].map(([, name]) => name as string);
}

const OPTION = /^ {2}(?:readonly )?(\w+)\??:/gm;

describe('docs/services.md', () => {
  test('explains every configuration key, and no other', () => {
    expect(firstCells('services.md', 'Configuration keys').sort()).toEqual(Object.keys(rpyc.DEFAULT_CONFIG).sort());
  });

  test('explains every option, and no other', () => {
    const options = new Set(
      [
        'ConnectionOptions',
        'ConnectOptions',
        'StreamOptions',
        'ServerOptions',
        'ServerLimits',
        'RegisteringOptions',
        'ThreadPoolOptions',
        'WorkerPoolOptions',
        'DrainOptions',
        'CallOptions',
      ].flatMap((name) => membersOf(new RegExp(`export interface ${name}\\b`), OPTION)),
    );
    expect(firstCells('services.md', 'Options').sort()).toEqual([...options].sort());
  });

  test('explains every static member that a service may have, and no other', () => {
    const statics = membersOf(/export class Service\b/, /^ {2}static readonly (\w+):/gm);
    expect(firstCells('services.md', 'What a class says').sort()).toEqual([...statics, 'doc', 'rpycPlain'].sort());
  });
});

test.each([
  ['registry', 'Options of a registry', ['RegistryServerOptions', 'TCPRegistryServerOptions']],
  ['registry', 'Options of clients', ['RegistryClientOptions', 'UDPRegistryClientOptions']],
  ['registry', 'Finding services', ['DiscoverOptions', 'ListOptions']],
  ['relay', 'Options', ['RelayOptions']],
  ['ssh', 'Targets', ['SshTarget']],
  ['ssh', 'Deploy options', ['DeployContents', 'DeployOptions']],
])('docs/%s.md, %s: explains every option, and no other', (page, heading, interfaces) => {
  const options = interfaces.flatMap((name) => membersOf(new RegExp(`export interface ${name}\\b`), OPTION));
  expect(firstCells(`${page}.md`, heading).sort()).toEqual([...new Set(options)].sort());
});

test.each([
  ['Options of all ends', 'EndOptions'],
  ['Options of a server', 'ServerOptions'],
  ['Options of a client', 'ClientOptions'],
  ['Options of a call', 'CallOptions'],
])('docs/zerorpc.md, %s: explains every option, and no other', (heading, name) => {
  const options = membersOf(new RegExp(`export interface ${name}\\b`), OPTION, 'src/zerorpc');
  expect(firstCells('zerorpc.md', heading).sort()).toEqual(options.sort());
});

describePython('docs/rpyc.md', () => {
  const page = existsSync(join(root, 'docs/rpyc.md')) ? pageText('rpyc.md') : '';
  const named = new Set([...page.matchAll(/`([^`\n]+)`/g)].map(([, name]) => name as string));

  test('names only what this package has, where it says that it has it', () => {
    const missing = [...page.matchAll(/`rpyc\.((?!core\b|utils\b|cli\b)(?:classic\.)?\w+)/g)]
      .map(([, name]) => name as string)
      .filter((name) => {
        const [first, second] = name.split('.') as [string, string | undefined];
        const value = (rpyc as Record<string, unknown>)[first];
        return second === undefined ? value === undefined : (value as Record<string, unknown>)[second] === undefined;
      });
    // Types, which are nothing at run time, stand without the prefix.
    expect(missing).toEqual([]);
  });

  test('names everything that RPyC 6.0.1 has', async () => {
    const names = await pythonJson<Record<string, string[]>>('6.0.1', EVERYTHING);
    expect(Object.values(names).flat().length).toBeGreaterThan(150);
    const missing = Object.entries(names).flatMap(([module, found]) =>
      found.filter((name) => !named.has(name)).map((name) => `${module}: ${name}`),
    );
    expect(missing).toEqual([]);
  });
});

/** Public names of RPyC: what `rpyc` exports, what the modules of core, utils and cli define, methods of classes that users make or get. */
const EVERYTHING = `
import importlib, inspect, json, pkgutil
import rpyc
from rpyc.core.protocol import DEFAULT_CONFIG

PARTS = {"Connection", "AsyncResult", "Server", "RegistryServer", "RegistryClient", "DeployedServer", "MultiServerDeployment", "BgServingThread",
         "Service", "MasterService", "SlaveService", "Slave"}
found = {"rpyc": [], "config": sorted(DEFAULT_CONFIG)}
for name, value in vars(rpyc).items():
    if not name.startswith("_") and (inspect.isclass(value) or inspect.isfunction(value)) and value.__module__.startswith("rpyc"):
        found["rpyc"].append(name)
for package in ("rpyc.core", "rpyc.utils"):
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__):
        name = package + "." + info.name
        module = importlib.import_module(name)
        found[name] = [name]
        for key, value in vars(module).items():
            if key.startswith("_") or getattr(value, "__module__", None) != name:
                continue
            if inspect.isclass(value) or inspect.isfunction(value):
                found[name].append(key)
            if inspect.isclass(value) and key in PARTS:
                found[name] += [key + "." + part for part, member in vars(value).items()
                                if not part.startswith("_") and (callable(member) or isinstance(member, (property, classmethod, staticmethod)))]
for cli in ("rpyc_classic", "rpyc_registry"):
    module = importlib.import_module("rpyc.cli." + cli)
    application = module.ClassicServer if cli == "rpyc_classic" else module.RegistryServer
    flags = application(cli)._switches_by_name
    found["rpyc.cli." + cli] = ["rpyc.cli." + cli, cli] + ["--" + flag for flag in flags if len(flag) > 1 and not flag.startswith(("help", "version"))]
found["parameters"] = [name for function in (rpyc.utils.server.Server.__init__, rpyc.connect) for name in inspect.signature(function).parameters
                       if name != "self"]
print(json.dumps(found))
`;

test('the figures of docs/performance.md are those of the last measurement', () => {
  const { results } = JSON.parse(readFileSync(join(root, 'bench/results/first.json'), 'utf8'));
  const rows = [...pageText('performance.md').matchAll(/^\| ([^|]+) \| ([\d.,]+) us \| ([\d,]+) \|$/gm)];
  expect(rows.length).toBeGreaterThanOrEqual(8);
  for (const [, name, micros, perSecond] of rows) {
    const line = results.lines.find((each: { name: string }) => each.name === (name as string).replaceAll('**', ''));
    expect(line, name as string).toBeDefined();
    expect({ name, micros: Number((micros as string).replace(',', '')) }).toEqual({
      name,
      micros: Number((line.ns / 1000).toPrecision(3)),
    });
    expect({ name, perSecond: Number((perSecond as string).replaceAll(',', '')) }).toEqual({
      name,
      perSecond: Number((1e9 / line.ns).toPrecision(3)),
    });
  }
});

test('the figures of docs/worker-pool.md are those of the last measurement', () => {
  const { results } = JSON.parse(readFileSync(join(root, 'bench/results/pool.json'), 'utf8'));
  const ms = (ns: number): string => `${Number((ns / 1e6).toPrecision(3))} ms`;
  for (const { name, perSecond, p50, p99 } of results.lines)
    expect(pageText('worker-pool.md')).toContain(
      `| ${name} | ${perSecond.toLocaleString('en')} | ${ms(p50)} | ${ms(p99)} |`,
    );
});

test('docs/README.md leads to every other page', () => {
  const links = [...pageText('README.md').matchAll(/\]\(([^)#\s]+)/g)].map(([, target]) => target as string);
  const reached = links.map((target) => relative(join(root, 'docs'), join(root, 'docs', target)));
  expect(PAGES.filter((page) => page !== 'README.md' && !reached.includes(page))).toEqual([]);
});
