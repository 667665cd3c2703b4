// Which Python type a JavaScript object poses as, and under which name it travels. Mapping section A3.
// Names in Python's `builtin_classes_cache` cost the peer no INSPECT; everything else is `js.<class>`.

import { type Holder, holderOf } from '../refs/holder.ts';
import { className, isClass } from './classes.ts';
import {
  DATA_FACADE,
  DICT_FACADE,
  type Facade,
  GENERATOR_FACADE,
  instanceFacade,
  LIST_FACADE,
  NO_FACADE,
  OBJECT_FACADE,
  SET_FACADE,
} from './facade.ts';

export interface Kind {
  /** `module.class` of the id_pack. */
  readonly namePack: string;
  /** What instances of one class share: the constructor, or the name of a builtin. */
  readonly classKey: unknown;
  /** The class of ours, if it is one that the peer may ask about. */
  readonly constructor: object | undefined;
  /** Is the object itself a class? Then its instance_id is 0. */
  readonly isClass: boolean;
  /** Python operations that the object answers beside its own properties. */
  readonly facade: Facade;
  /** Containers of Python are unhashable, unless the table says how. */
  readonly hashable: boolean;
  /** The object is a reference of another connection: requests are forwarded to its owner (chain.ts). */
  readonly upstream?: Holder;
}

const builtin = (name: string, facade: Facade, hashable: boolean): Kind =>
  Object.freeze({
    namePack: `builtins.${name}`,
    classKey: name,
    constructor: undefined,
    isClass: false,
    facade,
    hashable,
  });

const LIST = builtin('list', LIST_FACADE, false);
const MAP = builtin('dict', DICT_FACADE, false);
const OBJECT = builtin('dict', OBJECT_FACADE, false);
const DATA = builtin('dict', DATA_FACADE, false);
const SET = builtin('set', SET_FACADE, false);
const FUNCTION = builtin('builtin_function_or_method', NO_FACADE, true);
const GENERATOR = builtin('generator', GENERATOR_FACADE, true);

const ITERATOR_PROTOTYPE = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
const ASYNC_ITERATOR_PROTOTYPE = Object.getPrototypeOf(
  Object.getPrototypeOf((async function* () {})()).constructor.prototype,
);
const isA = (prototype: object, object: object): boolean => Object.prototype.isPrototypeOf.call(prototype, object);

const instances = new WeakMap<object, Kind>();
const classes = new WeakMap<object, Kind>();
const chained = new WeakMap<Holder, Kind>();

export function kindOf(object: object): Kind {
  if (Array.isArray(object)) return LIST;
  const holder = holderOf(object);
  if (holder !== undefined) return chainedKind(holder);
  if (typeof object === 'function') return isClass(object) ? classKind(object) : FUNCTION;
  const prototype = Object.getPrototypeOf(object);
  if (prototype === Object.prototype || prototype === null) return OBJECT;
  const known = instances.get(prototype);
  if (known !== undefined) return known;
  if (object instanceof Map) return MAP;
  if (object instanceof Set) return SET;
  if (ArrayBuffer.isView(object)) return LIST;
  if (isA(ITERATOR_PROTOTYPE, object) || isA(ASYNC_ITERATOR_PROTOTYPE, object)) return GENERATOR;
  return instanceKind(object, prototype);
}

/** Is this the kind of plain objects? */
export const isLiteral = (kind: Kind): boolean => kind === OBJECT;

/** The kind of a plain object whose methods are not shown; any other kind is itself. */
export const withoutMethods = (kind: Kind): Kind => (kind === OBJECT ? DATA : kind);

function instanceKind(object: object, prototype: object): Kind {
  const constructor = ownConstructor(prototype);
  const kind: Kind = Object.freeze({
    namePack: isPlain(constructor) ? 'builtins.object' : className(constructor),
    classKey: constructor ?? prototype,
    constructor,
    isClass: false,
    facade: instanceFacade(object),
    hashable: true,
  });
  instances.set(prototype, kind);
  return kind;
}

/**
 * `static rpycPlain = true`: the instances travel as `builtins.object`, which spares Python one question an instance. It then knows none of
 * their operators (`len`, `[]`, `with`), and takes them for callable.
 */
const isPlain = (constructor: unknown): boolean =>
  typeof constructor === 'function' && (constructor as { rpycPlain?: unknown }).rpycPlain === true;

function ownConstructor(prototype: object): object | undefined {
  const value = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  return typeof value === 'function' ? value : undefined;
}

function classKind(cls: object): Kind {
  let kind = classes.get(cls);
  if (kind === undefined) {
    kind = Object.freeze({
      namePack: className(cls),
      classKey: cls,
      constructor: cls,
      isClass: true,
      facade: NO_FACADE,
      hashable: true,
    });
    classes.set(cls, kind);
  }
  return kind;
}

/** A reference of another connection travels under its own class's name, with ids of ours. */
function chainedKind(holder: Holder): Kind {
  let kind = chained.get(holder);
  if (kind === undefined) {
    kind = Object.freeze({
      namePack: holder.cls.name,
      classKey: holder.cls,
      constructor: undefined,
      isClass: holder.isClass,
      facade: NO_FACADE,
      hashable: true,
      upstream: holder,
    });
    chained.set(holder, kind);
  }
  return kind;
}
