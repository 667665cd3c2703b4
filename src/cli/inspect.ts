// `rpyc inspect`: what an object of the peer's offers, as far as the peer lets that be known.
import type { Ref } from '../netref/helpers.ts';
import type { Connection } from '../protocol/connection.ts';
import { PythonError } from '../python/exceptions.ts';
import type { Arguments, Command } from './command.ts';
import { EXIT } from './exit.ts';
import { Inquiry, inspect, type Member, type Report } from './inquiry.ts';
import { writeJson } from './json.ts';
import { Paint, print, tame, tameLine } from './output.ts';
import { namesOf, patient, walk } from './remote.ts';
import { Signatures } from './signatures.ts';
import { CLIENT_OPTIONS, connect, describe, parseTarget, timeoutOf } from './target.ts';

export const INSPECT: Command = {
  name: 'rpyc inspect',
  usage: '[options] ADDRESS [PATH]',
  about:
    "Prints what the peer's service offers, or what its attribute a.b leads to: names, kinds, signatures, documentation, sizes.",
  positionals: [1, 2],
  options: {
    all: { short: 'a', help: 'also names with _ in front, and those that the peer lists and does not give' },
    classic: {
      help: 'the peer is a slave (rpyc_classic): ask its module inspect for signatures; PATH begins with a module',
    },
    json: { help: 'print one JSON object' },
    ...CLIENT_OPTIONS,
  },
  notes:
    'Attributes are read to tell their kind, properties too. A signature is shown where the peer lets it be read: by default a Python server\ndoes not, and it says (…).',
  run,
};

/** A report, and where it is from. */
interface Whole extends Report {
  readonly address: string;
  readonly path: string;
  readonly protocol: number;
}

async function run(args: Arguments): Promise<number> {
  const [address, path] = args.positionals;
  const target = parseTarget(address);
  const names = path === undefined ? [] : namesOf(path);
  const timeout = timeoutOf(args);
  const conn = await connect(target, args);
  const signatures = new Signatures(timeout, args.has('classic') ? await slaveInspect(conn, timeout) : undefined);
  const start =
    args.has('classic') && names.length > 0
      ? await slaveModule(conn, names.shift() as string, timeout)
      : await conn.root;
  const found = await walk(start, names, timeout);
  const report = await inspect(found, new Inquiry(timeout, signatures, args.has('all')));
  const whole: Whole = { address: describe(target), path: path ?? '', protocol: conn.protocol, ...report };
  await conn.close();
  print(args.has('json') ? writeJson(whole) : textOf(whole));
  return EXIT.OK;
}

/** A module of a slave. */
async function slaveModule(conn: Connection, name: string, timeout: number): Promise<Ref> {
  return patient(await conn.root, timeout).getmodule(name);
}

/** Python's `inspect`; undefined where the slave has none (it is Node). */
async function slaveInspect(conn: Connection, timeout: number): Promise<Ref | undefined> {
  try {
    return await slaveModule(conn, 'inspect', timeout);
  } catch (error) {
    if (error instanceof PythonError) return undefined;
    throw error;
  }
}

function textOf(report: Whole): string {
  const paint = new Paint(process.stdout);
  const lines = [
    `${paint.bold(`${report.address} ${report.path}`.trimEnd())}  ${paint.dim(`RPyC ${report.protocol}.x`)}`,
  ];
  lines.push(`${tameLine(report.repr)}  ${paint.dim(report.type ?? '')}${sizeText(report.size)}`.trimEnd());
  if (report.signature !== null) lines.push(tameLine(report.signature));
  if (report.doc !== null) lines.push(tame(report.doc.trimEnd()));
  if (report.members.length > 0) lines.push('');
  const heads = report.members.map((found) => tameLine(`${found.name}${signatureText(found)}`, 80));
  const width = Math.min(40, Math.max(0, ...heads.map((head) => head.length)));
  for (const [at, found] of report.members.entries()) {
    const head = paint.cyan(heads[at].padEnd(width));
    lines.push(`  ${head}  ${paint.dim(found.kind.padEnd(8))}  ${detail(found)}`.trimEnd());
  }
  if (report.left > 0) lines.push(`  … and ${report.left} more`);
  return lines.join('\n');
}

const sizeText = (size: number | null): string => (size === null ? '' : `, ${size} ${size === 1 ? 'item' : 'items'}`);

function signatureText({ kind, signature }: Member): string {
  if (!['method', 'function', 'class'].includes(kind)) return '';
  return signature ?? '(…)';
}

function detail({ kind, type, doc, size, value }: Member): string {
  if (kind === 'value') return `${type} ${value}`;
  if (kind === 'object') return `${type}${sizeText(size)}`;
  return tameLine(doc?.trim().split('\n')[0] ?? '', 100);
}
