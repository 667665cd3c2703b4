// The pages of docs/ as programs: which fences there are, what each is joined to, and what it says that it prints.
//
//     ```python serve            a server; runs while the page's examples do
//     ```js                      a program
//     ```js begin=NAME           a program with a line `// …` (Python: `# …`), where the fragments of that name stand
//     ```js after=NAME           a fragment: runs in the place of that line
//     ```js no-run=REASON        is not run
//
// `ts` is checked by the compiler and then run. A program prints what the comments after its `console.log(…);` or `print(…)` say, in their
// order: `// 1 | 2` is two lines, `…` is anything.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/setup.mjs';

export interface Fence {
  /** File below docs/. */
  page: string;
  /** Line of the opening fence. */
  line: number;
  language: string;
  options: Record<string, string>;
  text: string;
}

const docs = join(root, 'docs');

/** Names of the pages. */
export const PAGES: readonly string[] = readdirSync(docs).filter((name) => name.endsWith('.md'));

export const pageText = (page: string): string => readFileSync(join(docs, page), 'utf8');

/** Languages whose fences are run. */
const RUN = new Set(['js', 'ts', 'python']);

/** The fences of a page that are programs. */
export function fencesOf(page: string): Fence[] {
  const text = pageText(page);
  return [...text.matchAll(/^```(\w+)([^\n]*)\n(.*?)^```$/gms)]
    .map(({ index, 1: language, 2: info, 3: body }) => ({
      page,
      line: text.slice(0, index).split('\n').length,
      language: language as string,
      options: optionsOf(info as string),
      text: body as string,
    }))
    .filter(({ language }) => RUN.has(language));
}

/** `begin=x serve` is `{begin: 'x', serve: ''}`; a reason may be quoted. */
function optionsOf(info: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [, name, quoted, plain] of info.matchAll(/([\w-]+)(?:=(?:"([^"]*)"|(\S+)))?/g))
    found[name as string] = quoted ?? plain ?? '';
  return found;
}

/** The line of a `begin` fence where its fragments stand. */
const PLACE = /^( *)(?:\/\/|#) ….*\n/m;

/** The whole program that a fence stands for. */
export function programOf(fence: Fence, fences: readonly Fence[]): string {
  const name = fence.options.after;
  if (name === undefined) return fence.text;
  const begin = fences.find(({ options }) => options.begin === name);
  if (begin === undefined || !PLACE.test(begin.text))
    throw new Error(`${fence.page}:${fence.line} continues ${name}, which is no fence with a line '// …'`);
  return begin.text.replace(PLACE, (_, indent: string) => fence.text.replace(/^(?=.)/gm, indent));
}

/** What a program prints, by its own comments; undefined for a line that prints and does not say what. */
export function promised(fence: Fence): RegExp | undefined {
  const [call, comment] =
    fence.language === 'python' ? [/\bprint\(/, / {2}# (.*)$/] : [/\bconsole\.log\(/, /; \/\/ (.*)$/];
  const lines: string[] = [];
  for (const line of fence.text.split('\n')) {
    if (!call.test(line)) continue;
    const said = comment.exec(line)?.[1];
    if (said === undefined) return undefined;
    lines.push(...said.split(' | '));
  }
  const literal = (text: string) => text.split('…').map(escaped).join('.*');
  return new RegExp(`^${lines.map((line) => `${literal(line)}\n`).join('')}$`);
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
