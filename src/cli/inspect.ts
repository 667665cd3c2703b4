// `rpyc inspect`: what an object of the peer's offers, as far as the peer lets that be known.
import { HANDLE_INSPECT } from '../constants.ts';
import { dir, getattr, len, perform, type Ref, repr } from '../netref/helpers.ts';
import type { Steps } from '../netref/steps.ts';
import type { Connection } from '../protocol/connection.ts';
import { PythonError } from '../python/exceptions.ts';
import { type Holder, holderOf, IdPackOf } from '../refs/holder.ts';
import type { Arguments, Command } from './command.ts';
import { EXIT } from './exit.ts';
import { NoJson, toJson } from './json.ts';
import { Paint, print, tame, tameLine } from './output.ts';
import { className, namesOf, patient, walk } from './remote.ts';
import { Signatures } from './signatures.ts';
import { CLIENT_OPTIONS, connect, describe, parseTarget, timeoutOf } from './target.ts';

/** Members that are asked about; a peer may name millions. */
const MAX_MEMBERS = 1000;
/** Requests under way at a time. */
const AT_ONCE = 16;

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

/** One attribute. What the peer does not tell is null. */
export interface Member {
  name: string;
  /** `method`, `function`, `class`, `value`, `object`; `hidden`: listed, and not given. */
  kind: string;
  /** Python's name of its class. */
  type: string | null;
  /** `(a, b=1)`. */
  signature: string | null;
  doc: string | null;
  /** len() of a container. */
  size: number | null;
  /** JSON of what came by value, cut. */
  value: string | null;
}

/** An object: itself and its attributes. */
export interface Report {
  address: string;
  path: string;
  protocol: number;
  type: string | null;
  repr: string;
  signature: string | null;
  doc: string | null;
  size: number | null;
  members: Member[];
  /** Names that were not asked about: there were too many. */
  left: number;
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
  const whole: Report = { address: describe(target), path: path ?? '', protocol: conn.protocol, ...report };
  await conn.close();
  print(args.has('json') ? JSON.stringify(whole) : textOf(whole));
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

/** How a peer is asked. */
class Inquiry {
  readonly timeout: number;
  readonly signatures: Signatures;
  readonly all: boolean;
  constructor(timeout: number, signatures: Signatures, all: boolean) {
    this.timeout = timeout;
    this.signatures = signatures;
    this.all = all;
  }
  of(ref: Ref): Ref {
    return patient(ref, this.timeout);
  }
}

/** What `asked` resolves with, or `otherwise` where the peer has no such thing or hides it. */
export async function whereGiven<T>(asked: unknown, otherwise: T): Promise<T> {
  try {
    return (await asked) as T;
  } catch (error) {
    if (error instanceof PythonError) return otherwise;
    throw error;
  }
}

const textOrNull = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

async function inspect(ref: Ref, inquiry: Inquiry): Promise<Omit<Report, 'address' | 'path' | 'protocol'>> {
  if (holderOf(ref) === undefined)
    return {
      type: typeOfValue(ref),
      repr: valueText(ref),
      signature: null,
      doc: null,
      size: null,
      members: [],
      left: 0,
    };
  const listed = await whereGiven<readonly unknown[]>(dir(inquiry.of(ref)), []);
  const methods = await methodsOf(ref, inquiry);
  const names = shownNames(listed, inquiry.all);
  const members = await inTurns(names.slice(0, MAX_MEMBERS), (name) => member(ref, name, methods, inquiry));
  return {
    type: className(ref),
    repr: String(await whereGiven(repr(inquiry.of(ref)), '')),
    signature: await inquiry.signatures.of(ref),
    doc: await docOf(ref, inquiry),
    size: await sizeOf(ref, inquiry),
    members: members.filter((found) => inquiry.all || found.kind !== 'hidden'),
    left: Math.max(0, names.length - MAX_MEMBERS),
  };
}

const docOf = async (ref: Ref, inquiry: Inquiry): Promise<string | null> =>
  textOrNull(await whereGiven(getattr(inquiry.of(ref), '__doc__'), null));

/** Not of classes: theirs is the length of their instances. */
async function sizeOf(ref: Ref, inquiry: Inquiry): Promise<number | null> {
  if (holderOf(ref)?.isClass === true) return null;
  const size = await whereGiven<unknown>(len(inquiry.of(ref)), null);
  return typeof size === 'number' ? size : null;
}

/** Names as one writes them, each once: without `exposed_`, and by default without those that begin with _. */
function shownNames(listed: readonly unknown[], all: boolean): string[] {
  const names = listed
    .filter((name): name is string => typeof name === 'string')
    .map((name) => name.replace(/^exposed_/, ''));
  return [...new Set(names)].filter((name) => all || !name.startsWith('_')).sort();
}

/** Methods with their documentation, of the object's class: one request, INSPECT. */
async function methodsOf(ref: Ref, inquiry: Inquiry): Promise<Map<string, string | null>> {
  const listed = await whereGiven<unknown>(perform(inquiry.of(ref), askInspect), []);
  const methods = new Map<string, string | null>();
  for (const entry of Array.isArray(listed) ? listed : [])
    if (Array.isArray(entry) && typeof entry[0] === 'string')
      methods.set(entry[0].replace(/^exposed_/, ''), textOrNull(entry[1]));
  return methods;
}

function* askInspect(holder: Holder): Steps<unknown> {
  return yield { kind: 'request', peer: holder.peer, handler: HANDLE_INSPECT, args: [new IdPackOf(holder)] };
}

async function member(
  owner: Ref,
  name: string,
  methods: Map<string, string | null>,
  inquiry: Inquiry,
): Promise<Member> {
  const found: Member = {
    name,
    kind: 'hidden',
    type: null,
    signature: null,
    doc: methods.get(name) ?? null,
    size: null,
    value: null,
  };
  const value = await whereGiven<Ref>(getattr(inquiry.of(owner), name), NOT_GIVEN);
  if (value === NOT_GIVEN) return found;
  const holder = holderOf(value);
  if (holder === undefined) return { ...found, kind: 'value', type: typeOfValue(value), value: valueText(value) };
  found.type = className(value);
  found.kind = holder.isClass
    ? 'class'
    : methods.has(name)
      ? 'method'
      : FUNCTIONS.has(found.type)
        ? 'function'
        : 'object';
  found.doc ??= found.kind === 'object' ? null : await docOf(value, inquiry);
  if (found.kind === 'object') found.size = await sizeOf(value, inquiry);
  else found.signature = await inquiry.signatures.of(value);
  return found;
}

const NOT_GIVEN: unique symbol = Symbol('not given');
const FUNCTIONS: ReadonlySet<string> = new Set([
  'builtins.function',
  'builtins.method',
  'builtins.builtin_function_or_method',
]);

/** Python's name of the type of a value that came by value. */
function typeOfValue(value: unknown): string {
  if (value === null) return 'NoneType';
  if (Array.isArray(value)) return 'tuple';
  if (value instanceof Uint8Array) return 'bytes';
  const names: Record<string, string> = {
    string: 'str',
    boolean: 'bool',
    bigint: 'int',
    number: Number.isInteger(value) ? 'int' : 'float',
  };
  return names[typeof value] ?? (value as object).constructor.name;
}

/** A value that came by value, as text: JSON, where it has one. */
function valueText(value: unknown): string {
  try {
    return tameLine(toJson(value));
  } catch (error) {
    if (error instanceof NoJson) return tameLine(String(value));
    throw error;
  }
}

/** Does `act` for each item, some at a time; results in order. */
async function inTurns<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      results[at] = await act(items[at]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

// --- text -----------------------------------------------------------------------------------------------------------

function textOf(report: Report): string {
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
