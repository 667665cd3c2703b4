// How an object of the peer's is copied, told by its class: by name, or (Enum members, namedtuples, dataclasses) by what it shows of itself.
// Asks only what a peer answers about any object (DIR, INSPECT, REPR) and attributes that its policy lets us read; nothing is executed or imported.
import * as H from '../constants.ts';
import { exceptions } from '../python/exceptions.ts';
import {
  readDate,
  readDateTime,
  readDecimal,
  readFieldNames,
  readFraction,
  readJsDate,
  readTime,
  readTimedelta,
  readUuid,
} from '../python/texts.ts';
import { type Holder, holderOf, IdPackOf, type RemoteClass } from '../refs/holder.ts';
import { ask, askCall, giveBack, type Steps } from './steps.ts';

export type Container = 'list' | 'tuple' | 'set' | 'frozenset' | 'dict' | 'bytes';

/** How the objects of one class are copied. `read` makes a value of `str(object)`; undefined: it is no such text. */
export type Shape =
  | { readonly is: 'container'; readonly of: Container }
  | { readonly is: 'text'; read(text: string): unknown }
  | { readonly is: 'enum'; valueHidden: boolean }
  | { readonly is: 'namedtuple'; names: readonly string[] | undefined }
  | { readonly is: 'dataclass'; names: readonly string[] | undefined };

const container = (of: Container): Shape => ({ is: 'container', of });
const text = (read: (text: string) => unknown): Shape => ({ is: 'text', read });

const BY_NAME: Readonly<Record<string, Shape>> = named([
  [container('list'), 'builtins', 'list range dict_keys dict_values dict_items odict_keys odict_values odict_items'],
  [container('list'), 'collections', 'deque'],
  [container('list'), 'array', 'array'],
  [container('tuple'), 'builtins', 'tuple'],
  [container('set'), 'builtins', 'set'],
  [container('frozenset'), 'builtins', 'frozenset'],
  [container('dict'), 'builtins', 'dict mappingproxy'],
  [container('dict'), 'collections', 'OrderedDict defaultdict Counter'],
  [container('bytes'), 'builtins', 'bytearray memoryview'],
  [text(readJsDate), 'js', 'Date'],
  [text(readDateTime), 'datetime', 'datetime'],
  [text(readDate), 'datetime', 'date'],
  [text(readTime), 'datetime', 'time'],
  [text(readTimedelta), 'datetime', 'timedelta'],
  [text(readDecimal), 'decimal', 'Decimal'],
  [text(readFraction), 'fractions', 'Fraction'],
  [text(readUuid), 'uuid', 'UUID'],
  [text(String), 'pathlib', 'PosixPath WindowsPath PurePosixPath PureWindowsPath'],
  [text(String), 'pathlib._local', 'PosixPath WindowsPath PurePosixPath PureWindowsPath'],
]);

function named(rows: readonly (readonly [Shape, module: string, classes: string])[]): Record<string, Shape> {
  const table: Record<string, Shape> = Object.create(null);
  for (const [shape, module, classes] of rows) for (const cls of classes.split(' ')) table[`${module}.${cls}`] = shape;
  return table;
}

/** What a class turned out to be; null: nothing that is copied. A class is the connection's, and so is its policy. */
const discovered = new WeakMap<RemoteClass, Shape | null>();

/** The shape of an object's class; null: it is not copied; undefined: {@link discover} has to ask. */
export function shapeOf(holder: Holder): Shape | null | undefined {
  if (holder.isClass) return null;
  const { cls } = holder;
  return BY_NAME[cls.name] ?? (/^(?:builtins|js)\./.test(cls.name) ? null : discovered.get(cls));
}

/** Finds out what the class of an object is, for all objects of it. */
export function* discover(holder: Holder): Steps<Shape | null> {
  const shown = yield* ask(holder, H.HANDLE_DIR);
  const names = new Set<unknown>(Array.isArray(shown) ? shown : []);
  const shape: Shape | null = isEnum(names)
    ? { is: 'enum', valueHidden: false }
    : names.has('_fields') && names.has('_asdict')
      ? { is: 'namedtuple', names: yield* tupleNames(holder) }
      : names.has('__dataclass_fields__')
        ? { is: 'dataclass', names: yield* fieldNames(holder, names) }
        : null;
  discovered.set(holder.cls, shape);
  return shape;
}

/** An Enum's members list next to nothing, unless they are int or str as well; any other object has an `__init__`. */
const isEnum = (names: ReadonlySet<unknown>): boolean =>
  names.has('name') && names.has('value') && (names.has('_value_') || !names.has('__init__'));

const areNames = (found: unknown): found is readonly string[] =>
  Array.isArray(found) && found.every((name) => typeof name === 'string');

/** What an attribute is; undefined where the peer's policy hides it, or it is not there. */
export function* readable(holder: Holder, name: string): Steps<{ readonly value: unknown } | undefined> {
  try {
    return { value: yield* ask(holder, H.HANDLE_GETATTR, name) };
  } catch (error) {
    if (error instanceof exceptions.AttributeError) return undefined;
    throw error;
  }
}

export function* reprOf(holder: Holder): Steps<string> {
  return String(yield* ask(holder, H.HANDLE_REPR));
}

/** A namedtuple's `_fields`, else the names in its repr; undefined where neither tells. */
function* tupleNames(holder: Holder): Steps<readonly string[] | undefined> {
  const fields = (yield* readable(holder, '_fields'))?.value;
  return areNames(fields) ? fields : readFieldNames(yield* reprOf(holder));
}

/**
 * Fields of a dataclass: exactly, where its `__dataclass_fields__` can be read; else those of its public attributes that its repr shows, or
 * undefined where the repr is its own: they may differ from object to object then.
 */
function* fieldNames(holder: Holder, shown: ReadonlySet<unknown>): Steps<readonly string[] | undefined> {
  const fields = (yield* readable(holder, '__dataclass_fields__'))?.value;
  const exact = holderOf(fields) === undefined ? undefined : yield* realFields(holderOf(fields) as Holder);
  giveBack(fields);
  if (exact !== undefined) return exact;
  const names = readFieldNames(yield* reprOf(holder));
  return names?.every((name) => shown.has(name)) === true && names.length > 0 ? names : undefined;
}

/** Names in `__dataclass_fields__`, without what only looks like a field there (ClassVar, InitVar). */
function* realFields(fields: Holder): Steps<readonly string[] | undefined> {
  const names = yield* ask(fields, H.HANDLE_BUFFITER, 2 ** 16);
  if (!areNames(names)) return undefined;
  const kinds = new Map<Holder, boolean>();
  const real: string[] = [];
  for (const name of names) {
    const field = yield* askCall(fields, '__getitem__', [name]);
    const kind = holderOf(field) && holderOf((yield* readable(holderOf(field) as Holder, '_field_type'))?.value);
    if (kind !== undefined && !kinds.has(kind)) kinds.set(kind, (yield* ask(kind, H.HANDLE_STR)) === '_FIELD');
    if (kind === undefined || kinds.get(kind) === true) real.push(name);
    giveBack(field);
  }
  return real;
}

/** What one object of a dataclass with a repr of its own shows: public attributes that are no methods. */
export function* attributeNames(holder: Holder): Steps<readonly string[]> {
  const shown = yield* ask(holder, H.HANDLE_DIR);
  const methods = yield { kind: 'request', peer: holder.peer, handler: H.HANDLE_INSPECT, args: [new IdPackOf(holder)] };
  const called = new Set<unknown>(
    Array.isArray(methods) ? methods.map((method) => (Array.isArray(method) ? method[0] : method)) : [],
  );
  return areNames(shown) ? shown.filter((name) => !name.startsWith('_') && !called.has(name)) : [];
}
