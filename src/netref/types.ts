// Types of remote objects: a user's interface of what is over there, as it is used from here, awaitable or blocking.
// Types only. What is by value and what by reference is mapping section A1; the faces are section B.
import type { Complex, FrozenSet, Kwargs, PyFloat, PyInt, Slice } from '../python/values.ts';

/** What crosses by value: it arrives as itself. */
export type ByValue =
  | null
  | undefined
  // biome-ignore lint/suspicious/noConfusingVoidType: what a function that returns nothing is declared to return
  | void
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | ArrayBuffer
  | DataView
  | FrozenSet
  | Slice
  | Complex
  | PyFloat
  | PyInt;

// biome-ignore lint/suspicious/noExplicitAny: infers any function
type AnyFunction = (...args: any[]) => any;
// biome-ignore lint/suspicious/noExplicitAny: infers any constructor
type AnyClass = abstract new (...args: any[]) => any;

/** Is it untyped? */
export type IsAny<T> = 0 extends 1 & T ? true : false;

/** A tuple (a readonly array) travels by value, item by item; a mutable array is a list, by reference. */
type IsTuple<T> = T extends readonly unknown[] ? (T extends unknown[] ? false : true) : false;

/** What a remote iterable yields. */
type ItemOf<T> =
  T extends Map<infer K, unknown> ? K : T extends Iterable<infer I> ? I : T extends AsyncIterable<infer I> ? I : never;
type Iterates<T> = T extends Iterable<unknown> | AsyncIterable<unknown> ? true : false;

/** What stays local, however the interface declares it. */
type LocalKeys = 'then' | 'catch' | 'finally' | 'toJSON' | 'constructor' | 'prototype' | 'toString' | 'valueOf';
type Member<K> = K extends symbol | LocalKeys ? never : K;

/** Python's list: what a mutable array of the interface is over there. */
interface PyList<I> {
  readonly [index: number]: I;
  append(item: I): void;
  extend(items: Iterable<I>): void;
  insert(index: number, item: I): void;
  pop(index?: number): I;
  remove(item: I): void;
  index(item: I): number;
  count(item: I): number;
  reverse(): void;
  clear(): void;
  copy(): I[];
}

/** Python's dict: what a Map of the interface is over there. */
interface PyDict<K, V> {
  get(key: K, otherwise?: V): V;
  keys(): Iterable<K>;
  values(): Iterable<V>;
  items(): Iterable<readonly [K, V]>;
  pop(key: K, otherwise?: V): V;
  setdefault(key: K, otherwise: V): V;
  update(other: Map<K, V>): void;
  clear(): void;
  copy(): Map<K, V>;
}

/** Python's set: what a Set of the interface is over there. */
interface PySet<I> {
  add(item: I): void;
  discard(item: I): void;
  remove(item: I): void;
  pop(): I;
  clear(): void;
  copy(): Set<I>;
}

/** The interface as Python has it: containers by Python's methods. */
type There<T> = T extends readonly (infer I)[]
  ? PyList<I>
  : T extends Map<infer K, infer V>
    ? PyDict<K, V>
    : T extends Set<infer I>
      ? PySet<I>
      : T;

/**
 * What may be given where the interface declares `P`: the value, a remote object of that type in either face, or a path to one.
 * A function of ours is called from over there: its parameters arrive as remote objects, and it may answer later.
 */
export type Argument<P> =
  IsAny<P> extends true
    ? P
    : P extends ByValue
      ? P | PyFloatFor<P> | PromiseLike<P>
      : P extends AnyFunction
        ? Callback<P>
        : IsTuple<P> extends true
          ? { readonly [K in keyof P]: Argument<P[K]> }
          : P extends Kwargs
            ? P
            : P | Netref<P> | SyncNetref<P> | PromiseLike<Netref<P>>;

/** A number may be marked as Python's float or int. */
type PyFloatFor<P> = P extends number | bigint ? PyFloat | PyInt : never;

/** A function that we hand out: what arrives in it is remote, what it returns is an argument. */
type Callback<F> = F extends (...args: infer A) => infer R
  ? (
      ...args: { [K in keyof A]: Result<A[K]> }
    ) => Argument<Awaited<R>> | Promise<Argument<Awaited<R>>> | MaybeNothing<R>
  : never;

// biome-ignore lint/suspicious/noConfusingVoidType: a callback that is declared to return nothing may do so
type MaybeNothing<R> = [R] extends [void] ? void : never;

type Arguments<A extends readonly unknown[]> = { [K in keyof A]: Argument<A[K]> };

/** What an awaited operation that is declared as `R` resolves to: values as they are, objects as {@link Netref}. */
export type Result<R> =
  IsAny<R> extends true
    ? R
    : Awaited<R> extends infer V
      ? V extends ByValue
        ? V
        : IsTuple<V> extends true
          ? { readonly [K in keyof V]: Result<V[K]> }
          : Netref<V>
      : never;

/** What a blocking operation that is declared as `R` returns: values as they are, objects as {@link SyncNetref}. */
export type SyncResult<R> =
  IsAny<R> extends true
    ? R
    : Awaited<R> extends infer V
      ? V extends ByValue
        ? V
        : IsTuple<V> extends true
          ? { readonly [K in keyof V]: SyncResult<V[K]> }
          : SyncNetref<V>
      : never;

/** Calls of a remote function, awaited: keyword arguments go last, as `kwargs({…})`. */
type AsyncCall<T> = T extends (...args: infer A) => infer R
  ? (...args: [...Arguments<A>, named?: Kwargs] | Arguments<A>) => Called<R>
  : unknown;
type AsyncConstruct<T> = T extends abstract new (
  ...args: infer A
) => infer I
  ? new (
      ...args: [...Arguments<A>, named?: Kwargs] | Arguments<A>
    ) => Called<I>
  : unknown;
type SyncCall<T> = T extends (...args: infer A) => infer R
  ? (...args: [...Arguments<A>, named?: Kwargs] | Arguments<A>) => SyncResult<R>
  : unknown;
type SyncConstruct<T> = T extends abstract new (
  ...args: infer A
) => infer I
  ? new (
      ...args: [...Arguments<A>, named?: Kwargs] | Arguments<A>
    ) => SyncNetref<I>
  : unknown;

/**
 * What an awaited call that is declared as `R` returns: a promise, which can be gone on with before it is awaited:
 * `await root.point(1, 2).scale(2).norm()`, `await root.list().length`, `for await (const item of root.list())`.
 */
export type Called<R> = Promise<Result<R>> & PathMembers<Awaited<R>>;

/** An attribute of the awaitable face: nothing is sent until it is awaited or called, and what is below it can be named before that. */
export type Path<V> = PromiseLike<Result<V>> & AsyncCall<V> & AsyncConstruct<V> & PathMembers<Awaited<V>>;

/** What can be named of a `V` that is not there yet. */
type PathMembers<V> =
  IsAny<V> extends true
    ? Unknown
    : V extends ByValue
      ? ValueMembers<V>
      : IsTuple<V> extends true
        ? TupleMembers<V>
        : { readonly [K in keyof There<V> as Member<K>]: Path<There<V>[K]> } & ListIdioms<V> & Iteration<V>;

/** Of what is declared as `any`, everything can be named. */
interface Unknown {
  // biome-ignore lint/suspicious/noExplicitAny: an untyped remote object has whatever attributes it has
  readonly [name: string]: any;
}

type Iteration<V> = Iterates<V> extends true ? AsyncIterable<Result<ItemOf<V>>> : unknown;

/** Members of what comes by value, by JavaScript's own names: `await root.name().toUpperCase()`. */
type ValueMembers<V> = V extends string
  ? MembersOf<InstanceType<StringConstructor>>
  : V extends number
    ? MembersOf<InstanceType<NumberConstructor>>
    : V extends Uint8Array | FrozenSet | Slice | Complex
      ? MembersOf<V>
      : unknown;
/** A mapped type over a primitive is that primitive; over its interface it is not. */
type MembersOf<V extends object> = { readonly [K in keyof V as Member<K>]: ValuePath<V[K]> };
type ValuePath<V> = V extends (...args: never[]) => infer R
  ? PromiseLike<V> & ((...args: unknown[]) => Promise<Awaited<R>> & ValueMembers<Awaited<R>>)
  : PromiseLike<V> & ValueMembers<V>;

/** Members of a tuple, whose items come with it. */
type TupleMembers<V> = V extends readonly unknown[]
  ? { readonly [K in Exclude<keyof V, keyof (readonly unknown[])>]: Path<V[K]> } & ArrayIdioms<Result<V[number]>> &
      Iteration<V>
  : unknown;

/** An Array that was made here of a remote list's items, and is awaited or gone on with. */
type Items<I> = Promise<I[]> & ArrayIdioms<I> & AsyncIterable<I>;
type Each<I, R> = (item: I, index: number, all: readonly I[]) => R;

/** Methods of Array on a remote list, awaited: over one fetch of all items, with callbacks that run here. */
interface ArrayIdioms<I> {
  readonly length: Path<number>;
  map<U>(callback: Each<I, U>, self?: unknown): Items<U>;
  filter<S extends I>(predicate: (item: I, index: number, all: readonly I[]) => item is S, self?: unknown): Items<S>;
  filter(predicate: Each<I, unknown>, self?: unknown): Items<I>;
  forEach(callback: Each<I, void>, self?: unknown): Promise<void>;
  reduce(callback: (sum: I, item: I, index: number, all: readonly I[]) => I): Promise<I>;
  reduce<S>(callback: (sum: S, item: I, index: number, all: readonly I[]) => S, first: S): Promise<S>;
  reduceRight(callback: (sum: I, item: I, index: number, all: readonly I[]) => I): Promise<I>;
  reduceRight<S>(callback: (sum: S, item: I, index: number, all: readonly I[]) => S, first: S): Promise<S>;
  some(predicate: Each<I, unknown>, self?: unknown): Promise<boolean>;
  every(predicate: Each<I, unknown>, self?: unknown): Promise<boolean>;
  find(predicate: Each<I, unknown>, self?: unknown): Promise<I | undefined>;
  findIndex(predicate: Each<I, unknown>, self?: unknown): Promise<number>;
  findLast(predicate: Each<I, unknown>, self?: unknown): Promise<I | undefined>;
  findLastIndex(predicate: Each<I, unknown>, self?: unknown): Promise<number>;
  includes(item: unknown, from?: number): Promise<boolean>;
  indexOf(item: unknown, from?: number): Promise<number>;
  lastIndexOf(item: unknown, from?: number): Promise<number>;
  join(separator?: string): Called<string>;
  slice(start?: number, end?: number): Items<I>;
  concat<U = I>(...others: (U | readonly U[])[]): Items<I | U>;
  flat(depth?: number): Items<unknown>;
  flatMap<U>(callback: Each<I, U | readonly U[]>, self?: unknown): Items<U>;
  entries(): Promise<IterableIterator<[number, I]>> & AsyncIterable<[number, I]>;
  keys(): Promise<IterableIterator<number>> & AsyncIterable<number>;
  values(): Promise<IterableIterator<I>> & AsyncIterable<I>;
  toSorted(compare?: (a: I, b: I) => number): Items<I>;
  toReversed(): Items<I>;
}

/** What a mutable array of the interface has besides Python's methods, awaited. */
type ListIdioms<T> = T extends readonly (infer I)[]
  ? ArrayIdioms<Result<I>> & {
      at(index: number): Promise<Result<I> | undefined> & PathMembers<Awaited<I>>;
      push(...items: Argument<I>[]): Promise<number>;
      unshift(...items: Argument<I>[]): Promise<number>;
    }
  : unknown;

/** As {@link ListIdioms}, blocking: Array's own. */
type SyncListIdioms<T> = T extends readonly (infer I)[]
  ? Readonly<Pick<SyncResult<I>[], Extract<keyof SyncResult<I>[], Exclude<keyof ArrayIdioms<I>, 'flat'> | 'at'>>> & {
      flat(depth?: number): unknown[];
      push(...items: Argument<I>[]): number;
      unshift(...items: Argument<I>[]): number;
    }
  : unknown;

/**
 * A remote `T` through the awaitable face: methods return promises (that can be gone on with), properties are paths to await, iterables are iterated by `for await`.
 * `T` is an interface of what is over there, written as if it were local: `interface Calculator { add(a: number, b: number): number }`.
 *
 *     const root: rpyc.Netref<Calculator> = conn.root;      // or rpyc.rootAs<Calculator>(conn)
 *     const sum: number = await root.add(1, 2);
 */
export type Netref<T> =
  IsAny<T> extends true
    ? // biome-ignore lint/suspicious/noExplicitAny: an untyped remote object has whatever attributes it has
      any
    : { readonly [K in keyof There<T> as Member<K>]: Path<There<T>[K]> } & AsyncCall<T> &
        AsyncConstruct<T> &
        ListIdioms<T> &
        Iteration<T> &
        AsyncDisposable &
        Disposable;

/** A property of the blocking face; a method is called, everything else is read. Writing needs the peer's `allow_setattr`. */
type SyncMember<V> = V extends AnyFunction | AnyClass ? SyncCall<V> & SyncConstruct<V> : SyncResult<V>;

/**
 * A remote `T` through the blocking face: methods and properties answer with values, iterables are iterated by `for…of`.
 *
 *     const root: rpyc.SyncNetref<Calculator> = conn.sync.root;
 *     const sum: number = root.add(1, 2);
 */
export type SyncNetref<T> =
  IsAny<T> extends true
    ? // biome-ignore lint/suspicious/noExplicitAny: an untyped remote object has whatever attributes it has
      any
    : { [K in keyof There<T> as Member<K>]: SyncMember<There<T>[K]> } & SyncCall<T> &
        SyncConstruct<T> &
        SyncListIdioms<T> &
        (Iterates<T> extends true ? Iterable<SyncResult<ItemOf<T>>> : unknown) &
        Disposable;

/** What an operation on a reference of type `R` gives: a promise on an awaitable one, the value on a blocking one, either on an untyped one. */
export type OfFace<R, T> =
  IsAny<R> extends true
    ? T | Promise<T>
    : R extends AsyncDisposable | PromiseLike<unknown>
      ? Promise<T>
      : R extends Disposable
        ? T
        : T | Promise<T>;
