// No import circle among the modules of a crate, and imports downward only: the twin of layering.test.ts for Rust.
// The floors are those of "Rooms of the crates" in crates/DESIGN.md, so that the map cannot lie. An import is every path
// that leads to another file: in a `use`, in code, by `crate::`, `super::` or a child's name. Declaring `mod x;` is none.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from '../../scripts/setup.mjs';

interface Source {
  /** Path below the crate's src/, with slashes. */
  path: string;
  text: string;
}

/** That one module names another. */
interface Import {
  /** `<file>:<line>` below src/. */
  at: string;
  /** Modules as `a::b`; `lib` is the crate's root. */
  from: string;
  to: string;
}

const crates = readdirSync(join(root, 'crates')).filter((name) => existsSync(join(root, 'crates', name, 'Cargo.toml')));
const rooms = readRooms(readFileSync(join(root, 'crates/DESIGN.md'), 'utf8'));

describe('modules of the crates', () => {
  test('every crate has its table in DESIGN.md', () => {
    expect([...rooms.keys()].sort()).toEqual([...crates].sort());
  });

  test.each(crates)('those of crates/%s import each other without a circle', (crate) => {
    const found = imports(crate, sources(crate));
    expect(found.length).toBeGreaterThan(0);
    expect(circles(found)).toEqual([]);
  });

  test.each(crates)(
    'those of crates/%s stand in DESIGN.md, in floor order, and import from lower floors only',
    (crate) => {
      const floors = rooms.get(crate) ?? new Map<string, number>();
      const files = sources(crate);
      expect([...floors.keys()].sort()).toEqual(files.map(({ path }) => shown(moduleOf(path))).sort());
      expect([...floors.values()]).toEqual([...floors.values()].sort((a, b) => a - b));
      expect(breaches(imports(crate, files), floors)).toEqual([]);
    },
  );
});

describe('the checker of modules', () => {
  test.each<[string, Record<string, string>, string[]]>([
    ['`use` of an item', { a: 'use crate::b::B;', b: 'use crate::a::A;' }, ['a -> b -> a']],
    ['`use` of a module', { a: 'use crate::b;', b: 'use crate::a as other;' }, ['a -> b -> a']],
    [
      'groups',
      { a: 'use crate::{c::D, b::{self, B}};', b: '', c: 'pub use crate::{\n  a::{x::*},\n};' },
      ['a -> c -> a'],
    ],
    [
      'groups in groups',
      { a: 'use crate::{b::{c::{D, E}}};', 'b/mod': '', 'b/c': 'use crate::{a};' },
      ['a -> b::c -> a'],
    ],
    ['a path in code', { a: 'fn f() { crate::b::g(); }', b: 'fn g(x: Vec<crate::a::A>) {}' }, ['a -> b -> a']],
    ['a longer way', { a: 'use crate::b::X;', b: 'use crate::c::X;', c: 'use crate::a::X;' }, ['a -> b -> c -> a']],
    ['`super`', { a: 'use super::b::B;', b: 'fn f() { super::a::g() }' }, ['a -> b -> a']],
    ['`super` of a nested file', { 'a/x': 'use super::super::b;', b: 'use crate::a::x::X;' }, ['a::x -> b -> a::x']],
    [
      '`super` of an inline module',
      { a: 'mod m { use super::super::b::B; }', b: 'use crate::a::m::M;' },
      ['a -> b -> a'],
    ],
    ['parent and child', { 'a/mod': 'mod x; pub use x::X;', 'a/x': 'use super::Y;' }, ['a -> a::x -> a']],
    ['re-exports of lib.rs', { lib: 'mod a; pub use a::A;', a: 'use crate::A;' }, ['lib -> a -> lib']],
    ["the crate's own name", { lib: 'pub use a::A;', a: 'fn f() { rpyc_x::A::new(); }' }, ['lib -> a -> lib']],
    ['a lifetime before it', { a: "fn f<'a>(x: &'a u8) { crate::b::g::<'a>() }", b: 'use crate::a;' }, ['a -> b -> a']],
    ['a non-test cfg', { a: '#[cfg(not(test))]\nuse crate::b::B;', b: 'use crate::a::A;' }, ['a -> b -> a']],
    [
      'code behind tests',
      { a: '#[cfg(test)]\nmod t { fn f() {} }\nuse crate::b;', b: 'use crate::a;' },
      ['a -> b -> a'],
    ],
  ])('finds a circle through %s', (_, files, expected) => {
    expect(circles(imports('x', named(files)))).toEqual(expected);
  });

  test.each<[string, string]>([
    ['comments', '// use crate::a::A;\n/* crate::a::f() /* nested */ crate::a::f() */\n/// [`crate::a`]\n//! crate::a'],
    [
      'strings',
      'const S: &str = "crate::a::\\"f"; const R: &str = r#"use "crate::a"; "#; const C: &CStr = c"crate::a::f";',
    ],
    ['characters', "const Q: char = '\"'; // crate::a::f()\nconst P: u8 = b'\\''; // crate::a::f()"],
    ['tests', '#[cfg(test)]\n#[rustfmt::skip]\nmod tests { use crate::a::A; mod deep { fn f() { crate::a::f() } } }'],
    ['one import of tests', '#[cfg(test)]\nuse crate::{a::{A}};'],
    ['declarations', 'mod a;\npub(crate) mod c;'],
    ['other crates and std', 'use a::crate_of_that_name;\nuse std::a;\nfn f() { ::a::f(); std::crate_::a::f(); }'],
    ['its own items', 'use self::inner::X; mod inner { use super::Y; } fn f() { crate::b::inner::g() }'],
  ])('leaves %s alone', (_, text) => {
    expect(circles(imports('x', named({ a: 'use crate::b::B;', b: text })))).toEqual([]);
  });

  test('leaves a file of tests alone', () => {
    const files = {
      a: 'use crate::b;',
      b: '#[cfg(test)]\nmod tests;',
      'b/tests': 'use crate::a;',
      'b/tests/deep': 'use crate::b;',
    };
    expect(imports('x', named(files))).toEqual([{ at: 'a.rs:1', from: 'a', to: 'b' }]);
  });

  test('finds an import of the same or a higher floor', () => {
    const files = named({ a: '/* 1\n2 */ use std::io;\nuse crate::{b, c};', b: '', c: '', lib: 'pub use a::A;' });
    const floors = readRooms(
      '### Rooms\n**crates/x/src**\n| 1 | `a` | |\n| 1 | `b` | |\n| 0 | `c` | |\n| 2 | `lib` | |',
    );
    expect(breaches(imports('x', files), floors.get('x') ?? new Map())).toEqual([
      'a.rs:3: a (floor 1) may not import b (floor 1)',
    ]);
  });
});

function sources(crate: string): Source[] {
  const below = join(root, 'crates', crate, 'src');
  return readdirSync(below, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.rs'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(below, path).split(sep).join('/'), text: readFileSync(path, 'utf8') }));
}

const named = (files: Record<string, string>): Source[] =>
  Object.entries(files).map(([name, text]) => ({ path: `${name}.rs`, text }));

/** Crate -> module -> floor: rows `| floor | `module` | … |` below a line `**crates/<crate>/src**`. */
function readRooms(text: string): Map<string, Map<string, number>> {
  const found = new Map<string, Map<string, number>>();
  let floors = new Map<string, number>();
  for (const line of text.split('\n')) {
    const crate = /^\*\*crates\/([\w-]+)\/src\*\*/.exec(line)?.[1];
    if (crate !== undefined) {
      floors = new Map();
      found.set(crate, floors);
    }
    const [, floor, module] = /^\| (\d+) \| `([\w:]+)` \|/.exec(line) ?? [];
    if (module !== undefined) floors.set(module, Number(floor));
  }
  return found;
}

function breaches(found: readonly Import[], floors: ReadonlyMap<string, number>): string[] {
  const floor = (module: string) => floors.get(module) ?? Number.NaN;
  return found
    .filter(({ from, to }) => !(floor(to) < floor(from)))
    .map(({ at, from, to }) => `${at}: ${from} (floor ${floor(from)}) may not import ${to} (floor ${floor(to)})`);
}

/** One circle `a -> b -> a` for each import that closes one. */
function circles(found: readonly Import[]): string[] {
  const below = new Map<string, Set<string>>();
  for (const { from, to } of found) below.set(from, (below.get(from) ?? new Set()).add(to));
  const closed: string[] = [];
  const done = new Set<string>();
  const walk = (module: string, path: readonly string[]): void => {
    const start = path.indexOf(module);
    if (start >= 0) closed.push([...path.slice(start), module].join(' -> '));
    if (start >= 0 || done.has(module)) return;
    for (const next of below.get(module) ?? []) walk(next, [...path, module]);
    done.add(module);
  };
  for (const module of below.keys()) walk(module, []);
  return closed;
}

/** `lib.rs` -> '', `a.rs` and `a/mod.rs` -> 'a', `a/b.rs` -> 'a::b'. */
const moduleOf = (path: string): string => path.replace(/^(lib|main)\.rs$|\/mod\.rs$|\.rs$/, '').replaceAll('/', '::');
const shown = (module: string): string => module || 'lib';

function imports(crate: string, files: readonly Source[]): Import[] {
  const read = files.map(({ path, text }) => ({ path, module: moduleOf(path), ...withoutTests(blanked(text)) }));
  const tests = read.flatMap(({ module, tests }) => tests.map((name) => (module ? `${module}::${name}` : name)));
  const live = read.filter(({ module }) => !tests.some((test) => module === test || module.startsWith(`${test}::`)));
  const modules = new Set(live.map(({ module }) => module));
  return live.flatMap(({ path, module, code }) => {
    const inner = inlineModules(code);
    return paths(code).flatMap(({ offset, path: named }): Import[] => {
      const nested = inner.filter(({ start, end }) => start < offset && offset < end).map(({ name }) => name);
      const here = [...(module ? module.split('::') : []), ...nested];
      const to = resolve(named, here, modules, `rpyc_${crate.replaceAll('-', '_')}`);
      if (to === undefined || to === module) return [];
      return [{ at: `${path}:${code.slice(0, offset).split('\n').length}`, from: shown(module), to: shown(to) }];
    });
  });
}

/** The module whose file a path leads to; undefined: none of this crate. */
function resolve(
  path: readonly string[],
  here: readonly string[],
  modules: ReadonlySet<string>,
  crate: string,
): string | undefined {
  const [first = '', ...rest] = path;
  let at = [...here];
  if (['crate', '$crate', crate].includes(first)) at = [];
  else if (first === 'super') at.pop();
  else if (first !== 'self') {
    at.push(first);
    if (!modules.has(at.join('::'))) return undefined;
  }
  for (; rest[0] === 'super'; rest.shift()) at.pop();
  at.push(...rest);
  while (at.length > 0 && !modules.has(at.join('::'))) at.pop();
  return at.join('::');
}

/** Every path of two names or more, and every path of a `use`, with groups taken apart. */
function paths(code: string): { offset: number; path: string[] }[] {
  const found: { offset: number; path: string[] }[] = [];
  const add = (offset: number, text: string) => {
    const path = text.replace(/\s+as\s.*/s, '').replace(/\s/g, '');
    if (!path.startsWith('::')) found.push({ offset, path: path.split('::').filter((name) => name && name !== '*') });
  };
  const inline = code.replace(/\buse\s+([^;]+);/g, (statement, tree: string, offset: number) => {
    for (const path of leaves(tree)) add(offset, path);
    return statement.replace(/[^\n]/g, ' ');
  });
  for (const match of inline.matchAll(/(?<![\w:$])(?:::\s*)?\$?[A-Za-z_]\w*(?:\s*::\s*[A-Za-z_]\w*)+/g))
    add(match.index, match[0]);
  return found;
}

/** `a::{b, c::{self, D}}` -> `a::b`, `a::c::`, `a::c::D`. */
function leaves(tree: string): string[] {
  const open = tree.indexOf('{');
  if (open < 0) return [tree.replace(/(?<=::\s*)self\s*$/, '')];
  const parts: string[] = [];
  let [depth, start] = [0, open + 1];
  for (let at = open; at < tree.length; at++) {
    if (tree[at] === '{') depth++;
    else if (tree[at] === '}') depth--;
    if (depth === 0 || (depth === 1 && tree[at] === ',')) {
      parts.push(tree.slice(start, at));
      start = at + 1;
    }
    if (depth === 0) break;
  }
  return parts.filter((part) => part.trim()).flatMap((part) => leaves(tree.slice(0, open) + part));
}

function inlineModules(code: string): { name: string; start: number; end: number }[] {
  return [...code.matchAll(/\bmod\s+(\w+)\s*\{/g)].map((match) => ({
    name: match[1] ?? '',
    start: match.index,
    end: endOfItem(code, match.index),
  }));
}

/** Position behind the item that starts at `start`: behind its `;`, or behind its body. */
function endOfItem(code: string, start: number): number {
  const bodyless = /^\s*(?:pub(?:\([^)]*\))?\s+)?(?:use|const|static|type)\b/.test(code.slice(start, start + 200));
  let depth = 0;
  for (let at = start; at < code.length; at++) {
    if ('{(['.includes(code[at] ?? '')) depth++;
    else if ('})]'.includes(code[at] ?? '')) depth--;
    if (depth === 0 && (code[at] === ';' || (code[at] === '}' && !bodyless))) return at + 1;
  }
  return code.length;
}

/** The code without items under `#[cfg(test)]`, and the names of the files that were declared there. */
function withoutTests(text: string): { code: string; tests: string[] } {
  const tests: string[] = [];
  let code = text;
  for (let found = CFG_TEST.exec(code); found; found = CFG_TEST.exec(code)) {
    const start = found.index + found[0].length;
    const end = endOfItem(code, start);
    const file = /\bmod\s+(\w+)\s*;/.exec(code.slice(start, end))?.[1];
    if (file !== undefined) tests.push(file);
    code = code.slice(0, found.index) + code.slice(found.index, end).replace(/[^\n]/g, ' ') + code.slice(end);
  }
  return { code, tests };
}

/** The attribute and those behind it. */
const CFG_TEST = /#\[cfg\(\s*(?:all\(\s*)?test\b[^\]]*\](?:\s*#\[[^\]]*\])*/;

/** The text with comments, strings and characters blanked, line breaks kept. */
function blanked(text: string): string {
  const token =
    /\/\/[^\n]*|\/\*|\b[bc]?r(#*)"[\s\S]*?"\1|\b[bc]?"(?:\\[\s\S]|[^"\\])*"|"(?:\\[\s\S]|[^"\\])*"|'(?:\\.[^'\n]*|[^'\\\n])'/g;
  let [code, done] = ['', 0];
  for (let found = token.exec(text); found; found = token.exec(text)) {
    if (found[0] === '/*') token.lastIndex = endOfComment(text, found.index);
    code += text.slice(done, found.index) + text.slice(found.index, token.lastIndex).replace(/[^\n]/g, ' ');
    done = token.lastIndex;
  }
  return code + text.slice(done);
}

/** Block comments nest. */
function endOfComment(text: string, start: number): number {
  let depth = 0;
  for (const { 0: mark, index } of text.slice(start).matchAll(/\/\*|\*\//g)) {
    depth += mark === '/*' ? 1 : -1;
    if (depth === 0) return start + index + 2;
  }
  return text.length;
}
