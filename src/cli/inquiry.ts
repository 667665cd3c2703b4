// What an object of the peer's is and offers, as far as the peer lets that be known: one report. Bounded: a peer may name millions of attributes.
import { HANDLE_INSPECT } from '../constants.ts';
import { dir, getattr, len, perform, type Ref, repr } from '../netref/helpers.ts';
import type { Steps } from '../netref/steps.ts';
import { PythonError } from '../python/exceptions.ts';
import { type Holder, holderOf, IdPackOf } from '../refs/holder.ts';
import { NoJson, toJson } from './json.ts';
import { tameLine } from './output.ts';
import { className, patient } from './remote.ts';
import type { Signatures } from './signatures.ts';

/** Members that are asked about. */
const MAX_MEMBERS = 1000;
/** Requests under way at a time. */
const AT_ONCE = 16;
/** Characters of a repr and of a documentation. */
const MAX_TEXT = 10_000;

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
  type: string | null;
  repr: string;
  signature: string | null;
  doc: string | null;
  size: number | null;
  members: Member[];
  /** Names that were not asked about: there were too many. */
  left: number;
}

/** How a peer is asked. */
export class Inquiry {
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
async function whereGiven<T>(asked: unknown, otherwise: T): Promise<T> {
  try {
    return (await asked) as T;
  } catch (error) {
    if (error instanceof PythonError) return otherwise;
    throw error;
  }
}

const textOrNull = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value.slice(0, MAX_TEXT) : null;

/** The report on an object, or on a value. */
export async function inspect(ref: Ref, inquiry: Inquiry): Promise<Report> {
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
    repr: String(await whereGiven(repr(inquiry.of(ref)), '')).slice(0, MAX_TEXT),
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
