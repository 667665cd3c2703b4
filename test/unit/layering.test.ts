// Who may import whom, in src/ and between the crates: the table of the design, held against the sources.
// Type-only imports count: a type is knowledge of the other layer, and tomorrow's value import.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from '../../scripts/setup.mjs';

/**
 * The rooms of src/, lowest first: folder (or file) -> rooms that it may import besides itself and errors; '*' = any. src/README.md tells
 * what each is for.
 */
const LAYERS: Record<string, readonly string[]> = {
  errors: [],
  constants: [],
  python: [],
  native: [],
  refs: ['native', 'python'],
  objects: ['constants', 'refs', 'python'],
  boxing: ['objects', 'refs', 'native', 'python'],
  policy: ['boxing', 'objects', 'refs', 'python'],
  exceptions: ['policy', 'objects', 'constants', 'native', 'python'],
  protocol: ['exceptions', 'policy', 'boxing', 'objects', 'refs', 'constants', 'native', 'python'],
  netref: ['protocol', 'boxing', 'refs', 'constants', 'python'],
  auth: ['native'],
  service: ['netref', 'protocol', 'policy', 'objects', 'refs', 'python'],
  registry: ['boxing', 'policy', 'native', 'python'],
  client: ['auth', 'registry', 'service', 'netref', 'protocol', 'policy', 'refs', 'constants', 'native', 'python'],
  server: ['auth', 'registry', 'service', 'netref', 'protocol', 'policy', 'native'],
  children: ['server', 'client', 'service', 'protocol', 'native'],
  deploy: ['server', 'client', 'service', 'policy', 'native'],
  relay: ['server', 'policy'],
  zmtp: ['native'],
  zerorpc: ['zmtp', 'native'],
  infi: ['native', 'zerorpc'],
  index: ['*'],
  internals: ['boxing', 'native', 'netref'],
  cli: ['*'],
};

/** What is outside of src/ and imports the project -> the files of src/ that it may import: doors, never the middle. */
const DOORS: Record<string, readonly string[]> = {
  bench: ['index.ts', 'internals.ts'],
  examples: [],
};

/** Packages (Node's own with `node:`) that only these folders may import; every other package is forbidden everywhere. */
const PACKAGES: Record<string, readonly string[]> = {
  // Without msgpackr-extract, the native half that 'msgpackr' would load.
  'msgpackr/pack': ['zerorpc', 'infi'],
};

/** Modules of Node that a folder never imports. */
const NEVER: Record<string, readonly string[]> = {
  client: ['node:worker_threads'],
};

/** Crate -> its dependencies, as far as they are restricted: crates of ours, and others. */
const CRATES: Record<string, { ours: readonly string[]; others: readonly string[] }> = {
  'rpyc-wire': { ours: [], others: ['zlib-rs'] },
  'rpyc-wire-fuzz': { ours: ['rpyc-wire', 'rpyc-zmtp'], others: ['libfuzzer-sys', 'serde', 'serde_json'] },
  'rpyc-zmtp': { ours: [], others: [] },
  'rpyc-net': { ours: [], others: ['libc'] },
  'rpyc-addon': { ours: ['rpyc-wire', 'rpyc-net', 'rpyc-zmtp'], others: ['libc', 'napi-sys'] },
};

interface Source {
  /** Path below src/ (of the rooms outside: below the root), with slashes. */
  path: string;
  text: string;
}

describe('layers of src/', () => {
  test('every import keeps to the table', () => {
    expect(violations(sources())).toEqual([]);
  });

  test('no file imports itself through others, by types or values', () => {
    expect(circles(sources())).toEqual([]);
  });

  test('the table has no circle either, and names the rooms from the lowest up', () => {
    const rooms = Object.keys(LAYERS);
    const upward = rooms.flatMap((room, at) =>
      (LAYERS[room] ?? []).filter((other) => rooms.indexOf(other) > at).map((other) => `${room} -> ${other}`),
    );
    expect(upward).toEqual([]);
  });

  test('the circle finder names a circle by its path, type-only imports included', () => {
    const files = [
      { path: 'a/x.ts', text: "import { y } from './y.ts';" },
      { path: 'a/y.ts', text: "import type { Z } from '../b/z.ts';" },
      { path: 'b/z.ts', text: "export type { X } from '../a/x.ts';" },
      { path: 'b/free.ts', text: "import { z } from './z.ts';\n// import '../b/free.ts'" },
    ];
    expect(circles(files)).toEqual(['a/x.ts -> a/y.ts -> b/z.ts -> a/x.ts']);
  });

  test('every folder and file of src/ stands in the table', () => {
    const names = readdirSync(join(root, 'src'))
      .filter((name) => name !== 'README.md')
      .map((name) => name.replace(/\.ts$/, ''));
    expect(names.filter((name) => !(name in LAYERS))).toEqual([]);
  });

  test.each([
    [
      'protocol/a.ts',
      "\nimport { x } from '../netref/proxy.ts';",
      'src/protocol/a.ts:2: protocol may not import netref',
    ],
    [
      'protocol/a.ts',
      "import type { X } from '../server/x.ts';",
      'src/protocol/a.ts:1: protocol may not import server',
    ],
    ['python/a.ts', "export * from '../native/tape.ts';", 'src/python/a.ts:1: python may not import native'],
    ['server/a.ts', "const x = await import('../client/x.ts');", 'src/server/a.ts:1: server may not import client'],
    [
      'client/a.ts',
      "import {\n  Worker,\n} from 'node:worker_threads';",
      'src/client/a.ts:1: client may not import node:worker_threads',
    ],
    ['netref/a.ts', "import '../native/load.ts';", 'src/netref/a.ts:1: netref may not import native'],
    ['errors.ts', "import { x } from './python/x.ts';", 'src/errors.ts:1: errors may not import python'],
    ['server/a.ts', "import { pack } from 'msgpackr';", 'src/server/a.ts:1: server may not import msgpackr'],
    ['index.ts', "import fs from 'fs';", 'src/index.ts:1: write node:fs for a module of Node'],
    ['client/a.ts', "process.dlopen(m, 'x');", 'src/client/a.ts:1: only src/native loads the addon'],
    ['client/a.ts', "require('../../build/rpyc.node');", 'src/client/a.ts:1: only src/native loads the addon'],
    ['client/a.ts', "import x from '../../bench/x.ts';", 'src/client/a.ts:1: client may not import ../bench'],
    ['odd/a.ts', 'export {};', 'src/odd/a.ts:1: odd stands in no layer'],
  ])('the checker finds a breach in %s: %j', (path, text, found) => {
    expect(violations([{ path, text }])).toContain(found);
  });

  test('the checker leaves comments, strings and allowed imports alone', () => {
    const text = [
      "// import { x } from '../server/x.ts';",
      "/* import '../server/y.ts' */",
      "import { a } from './b.ts';",
      "import { y } from '../native/tape.ts';",
      "import { z } from '../errors.ts';",
      "import { readFileSync } from 'node:fs';",
    ].join('\n');
    expect(violations([{ path: 'protocol/a.ts', text }])).toEqual([]);
  });
});

describe('rooms outside of src/', () => {
  test.each(Object.keys(DOORS))('%s imports src/ by its doors only', (room) => {
    const files = below(room, /\.(ts|mjs|js)$/).filter(({ path }) => !/\/(build|node_modules|target)\//.test(path));
    expect(files.length).toBeGreaterThan(0);
    expect(files.flatMap((file) => doorViolations(room, file))).toEqual([]);
  });

  test('the checker finds an import from the middle', () => {
    const text = "import { tx } from '../../src/native/engine.ts';\nimport { addon } from '../../src/internals.ts';";
    expect(doorViolations('bench', { path: 'bench/micro/a.ts', text })).toEqual([
      'bench/micro/a.ts:1: bench may not import src/native/engine.ts',
    ]);
  });
});

describe('layers of crates/', () => {
  const crates = readdirSync(join(root, 'crates'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(root, 'crates', entry.name, 'Cargo.toml')))
    .map((entry) => ({ path: `crates/${entry.name}/Cargo.toml` }))
    .filter(({ path }) => !path.includes('/fuzz/'))
    .map(({ path }) => ({ path, text: readFileSync(join(root, path), 'utf8') }));

  test('every dependency keeps to the table', () => {
    expect(crates.length).toBeGreaterThanOrEqual(3);
    expect(crates.flatMap(crateViolations)).toEqual([]);
  });

  test('wire does no I/O and knows no clock, environment or thread', () => {
    const forbidden = /\bstd::(net|fs|io|os|env|process|thread|time)\b/;
    expect(
      rustLines('crates/wire/src')
        .filter(([, line]) => forbidden.test(line))
        .map(([at]) => at),
    ).toEqual([]);
  });

  test('the checker finds a forbidden dependency', () => {
    const text =
      '[package]\nname = "rpyc-net"\n[dependencies]\nlibc = "0.2"\nrpyc-wire = { path = "../wire" }\n[dev-dependencies]\nproptest = "1"\n';
    expect(crateViolations({ path: 'crates/net/Cargo.toml', text })).toEqual([
      'crates/net/Cargo.toml:5: rpyc-net may not depend on rpyc-wire',
    ]);
  });
});

function sources(): Source[] {
  return below('src', /\.ts$/).map(({ path, text }) => ({ path: path.slice('src/'.length), text }));
}

/** Files below a folder of the root. */
function below(folder: string, names: RegExp): Source[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && names.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(root, path).split(sep).join('/'), text: readFileSync(path, 'utf8') }));
}

/** Specifiers that a file imports, with where. */
function* importsOf(code: string): Generator<[specifier: string, at: number]> {
  for (const match of code.matchAll(IMPORT)) yield [match[1] ?? match[2] ?? '', match.index];
}

/** Import circles among the files, each once, as a path from its first file back to it. */
function circles(files: readonly Source[]): string[] {
  const graph = new Map(
    files.map(({ path, text }) => [
      path,
      [...importsOf(withoutComments(text))]
        .filter(([specifier]) => specifier.startsWith('.'))
        .map(([specifier]) => posix.join(dirname(path), specifier)),
    ]),
  );
  const found: string[] = [];
  const done = new Set<string>();
  const walk = (path: string, above: readonly string[]): void => {
    const at = above.indexOf(path);
    if (at >= 0) found.push([...above.slice(at), path].join(' -> '));
    if (at >= 0 || done.has(path)) return;
    for (const next of graph.get(path) ?? []) walk(next, [...above, path]);
    done.add(path);
  };
  for (const path of [...graph.keys()].sort()) walk(path, []);
  return found;
}

/** Imports of src/ that are not by a door of `room`. */
function doorViolations(room: string, { path, text }: Source): string[] {
  const code = withoutComments(text);
  return [...importsOf(code)]
    .map(
      ([specifier, at]) => [specifier.startsWith('.') ? posix.join(dirname(path), specifier) : specifier, at] as const,
    )
    .filter(([target]) => target.startsWith('src/') && !DOORS[room]?.includes(target.slice('src/'.length)))
    .map(([target, at]) => `${path}:${lineOf(code, at)}: ${room} may not import ${target}`);
}

const lineOf = (code: string, at: number): number => code.slice(0, at).split('\n').length;

/** What breaks the table, as `src/<file>:<line>: <rule>`. */
function violations(files: readonly Source[]): string[] {
  const found: string[] = [];
  for (const { path, text } of files) {
    const layer = layerOf(path);
    const code = withoutComments(text);
    const report = (offset: number, rule: string) => {
      found.push(`src/${path}:${lineOf(code, offset)}: ${rule}`);
    };
    if (!LAYERS[layer]) report(0, `${layer} stands in no layer`);
    for (const [specifier, at] of importsOf(code)) {
      const rule = breach(layer, path, specifier);
      if (rule) report(at, rule);
    }
    if (layer !== 'native') {
      for (const match of code.matchAll(/\bdlopen\b|rpyc\.node\b/g))
        report(match.index, 'only src/native loads the addon');
    }
  }
  return found;
}

/** `import … from 'x'`, `import 'x'`, `export … from 'x'`; `import('x')` and `require('x')`, in types as well. */
const IMPORT =
  /\b(?:import|export)\b(?:[^'"`;()]*?\bfrom)?\s*['"]([^'"]+)['"]|\b(?:import|require)\s*\(\s*['"]([^'"]+)['"]/g;

/** The rule that an import breaks, if any. */
function breach(layer: string, path: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) {
    if (specifier.startsWith('node:'))
      return NEVER[layer]?.includes(specifier) ? `${layer} may not import ${specifier}` : undefined;
    if (NODE_MODULES.test(specifier)) return `write node:${specifier} for a module of Node`;
    return PACKAGES[specifier]?.includes(layer) ? undefined : `${layer} may not import ${specifier}`;
  }
  const target = posix.join(dirname(path), specifier);
  if (target.startsWith('..')) {
    if (target.endsWith('.node')) return undefined; // reported as loading the addon
    return `${layer} may not import ${target.split('/').slice(0, 2).join('/')}`;
  }
  const other = layerOf(target);
  const allowed = LAYERS[layer] ?? [];
  if (other === layer || allowed.includes('*') || allowed.includes(other)) return undefined;
  if (other === 'errors') return undefined;
  return `${layer} may not import ${other}`;
}

const NODE_MODULES =
  /^(assert|buffer|child_process|crypto|dgram|dns|events|fs|http|https|module|net|os|path|process|stream|timers|tls|url|util|v8|vm|worker_threads|zlib)(\/|$)/;

const layerOf = (path: string): string => (path.split('/')[0] ?? '').replace(/\.ts$/, '');

/** The text with comments blanked, line breaks kept. Strings are respected; regular expressions are not parsed. */
function withoutComments(text: string): string {
  const token = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
  return text.replace(token, (found) => (/^\/[/*]/.test(found) ? found.replace(/[^\n]/g, ' ') : found));
}

function crateViolations({ path, text }: Source): string[] {
  const name = /^name\s*=\s*"([^"]+)"/m.exec(text)?.[1] ?? '';
  const rule = CRATES[name];
  if (!rule) return [`${path}:1: ${name} stands in no layer`];
  const found: string[] = [];
  let section = '';
  for (const [index, line] of text.split('\n').entries()) {
    const head = /^\[(.*)\]\s*$/.exec(line)?.[1];
    if (head !== undefined) section = head;
    const dependency =
      /(?:^|\.)dependencies\.([\w-]+)$/.exec(head ?? '')?.[1] ??
      (/(?:^|\.)dependencies$/.test(section) ? /^([\w-]+)\s*[.=]/.exec(line)?.[1] : undefined);
    if (dependency === undefined) continue;
    const allowed = dependency.startsWith('rpyc-') ? rule.ours.includes(dependency) : rule.others.includes(dependency);
    if (!allowed) found.push(`${path}:${index + 1}: ${name} may not depend on ${dependency}`);
  }
  return found;
}

/** `[file:line, code]` of every line of Rust outside comments and test modules. */
function rustLines(folder: string): [string, string][] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.rs') && !/^tests?\.rs$/.test(entry.name))
    .flatMap((entry) => {
      const path = join(entry.parentPath, entry.name);
      const text = readFileSync(path, 'utf8').split(/^#\[cfg\(test\)\]/m)[0] ?? '';
      return text
        .split('\n')
        .map((line, index): [string, string] => [`${relative(root, path)}:${index + 1}`, line.replace(/\/\/.*$/, '')]);
    });
}
