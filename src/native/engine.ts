// The engine of this thread: control block, arenas, transmit tape, the flush schedule and the dispatch of loop events to endpoints.
// Owns no connection state: an endpoint registers under its handle and is told what happens to it.
import { isMainThread } from 'node:worker_threads';
import { codedError } from '../errors.ts';
import { Ctl, LoopEvent } from './addon.ts';
import { addon } from './load.ts';
import { Arena, reentered, Transmit } from './tape.ts';

/** What the engine tells the owner of a handle. */
export interface Endpoint {
  /** A batch (or a Status) from the loop. */
  onBatch(code: number): void;
  /** The write queue fell below half the high-water mark. */
  onDrained(): void;
  /** Garbage was collected: netref holders may have died. */
  onCollected(): void;
  /** Does the peer owe us an answer? Then reading goes on, whatever waits for it: the answer may be what it writes before it reads on. */
  readonly awaits: boolean;
}

/** What it tells the owner of a connecting or listening handle. */
export type SocketEvent = (event: number, arg: number) => void;

/** Nested blocking waits at most. Each level costs JS stack (566 were seen to overflow it) and one arena. */
export const MAX_DEPTH = 100;

const ctl = new Int32Array(Ctl.LENGTH);
const endpoints = new Map<number, Endpoint>();
const sockets = new Map<number, SocketEvent>();
const nodes = new Map<number, SocketEvent>();
const pushOutputs = new Set<() => void>();
const arenas: Arena[] = [];

addon.init(ctl, onEvent);
addArena();

/** The transmit tape of this thread. */
export const tx = new Transmit(ctl);

function addArena(): void {
  const arena = Arena.shared();
  addon.addArena(arena.words, arena.floats, arena.bytes);
  arenas.push(arena);
}

function onEvent(handle: number, event: number, arg: number): void {
  if (event === LoopEvent.BATCH) endpoints.get(handle)?.onBatch(arg);
  else if (event === LoopEvent.DRAINED) endpoints.get(handle)?.onDrained();
  else if (event < LoopEvent.ZMQ_MESSAGES) sockets.get(handle)?.(event, arg);
  else nodes.get(handle)?.(event, arg);
}

export function register(handle: number, endpoint: Endpoint): void {
  endpoints.set(handle, endpoint);
}

export function registerSocket(handle: number, event: SocketEvent): void {
  sockets.set(handle, event);
}

/** ZeroMQ sockets have handles of their own kind. */
export function registerNode(node: number, event: SocketEvent): void {
  nodes.set(node, event);
}

export function unregisterNode(node: number): void {
  nodes.delete(node);
}

export function unregister(handle: number): void {
  endpoints.delete(handle);
  sockets.delete(handle);
}

/** Second result of the last addon call; see Status. */
export function detail(): number {
  return ctl[Ctl.DETAIL];
}

/** Number of batches being drained on this stack: 0 outside the engine. */
export function depth(): number {
  return ctl[Ctl.DEPTH];
}

/** Begins to drain the batch that was just delivered; `leaveBatch` must follow. Returns where it lies. */
export function enterBatch(): Arena {
  const at = ctl[Ctl.DEPTH];
  ctl[Ctl.DEPTH] = at + 1;
  if (arenas.length === at + 1) addArena();
  return arenas[at];
}

export function leaveBatch(): void {
  ctl[Ctl.DEPTH]--;
}

/** Throws before a wait would nest too deep for the stack. */
export function checkDepth(): void {
  if (ctl[Ctl.DEPTH] >= MAX_DEPTH)
    throw codedError(
      new RangeError(`blocking calls are nested ${MAX_DEPTH} deep: each side keeps calling back into the other`),
      'ERR_RPYC_NESTING',
    );
}

/** Did a garbage collection happen since the last question? */
export function collected(): boolean {
  if (ctl[Ctl.GC] === 0) return false;
  ctl[Ctl.GC] = 0;
  return true;
}

const names: string[] = [];
const nameIds = new Map<string, number>();

/** Id of an interned name; 0 when the engine's table is full or the name too long. */
export function nameId(name: string): number {
  let id = nameIds.get(name);
  if (id === undefined) {
    id = addon.intern(name);
    if (id !== 0) {
      nameIds.set(name, id);
      names[id] = name;
    }
  }
  return id;
}

/** The name of an interned id. */
export function nameOf(id: number): string {
  const known = names[id];
  return known === undefined ? (names[id] = addon.name(id)) : known;
}

let scheduled = false;

/** Sends the committed messages at the end of this tick (or of this inbound batch), or now when `atOnce`. */
export function send(atOnce: boolean): void {
  if (atOnce) {
    flush();
    return;
  }
  if (scheduled) return;
  // Rust flushes by itself after its call, but what it leaves for push transports has to be taken here.
  if (ctl[Ctl.IN_LOOP] === 1 && pushOutputs.size === 0) return;
  scheduled = true;
  process.nextTick(flushTick);
}

function flushTick(): void {
  scheduled = false;
  flush();
}

/** Encodes and writes everything on the tape. */
export function flush(): void {
  if (tx.writing) throw reentered();
  if (ctl[Ctl.TX_WORDS] !== 0) {
    if (tx.blobs.length === 0) addon.flush();
    else {
      const blobs = tx.blobs;
      tx.blobs = [];
      addon.flush(blobs);
    }
    if (tx.grown) tx.shrink();
  }
  if (ctl[Ctl.PUSH_OUTPUT] !== 0) takePushOutput();
}

let pulse: Int32Array | undefined;

/** Blocking waits of this thread raise the first of `words` with each slice, as a sign of life for who watches it. */
export function beatAt(words: Int32Array): void {
  pulse = words;
}

/** A sign of life; see `beatAt`. */
export function beat(): void {
  if (pulse !== undefined) Atomics.add(pulse, 0, 1);
}

/** `flush`, then a blocking wait for messages of `handle`. */
export function wait(handle: number, timeoutMs: number): number {
  if (tx.writing) throw reentered();
  const blobs = tx.blobs;
  beat();
  if (blobs.length === 0) return addon.wait(handle, timeoutMs);
  tx.blobs = [];
  return addon.wait(handle, timeoutMs, blobs);
}

/** Push transports ask to be called when there may be output to take. */
export function onPushOutput(take: () => void): () => void {
  pushOutputs.add(take);
  return () => pushOutputs.delete(take);
}

function takePushOutput(): void {
  ctl[Ctl.PUSH_OUTPUT] = 0;
  for (const take of pushOutputs) take();
}

// libuv installs its handler when a listener comes: the next wait must see it, however soon it is.
if (isMainThread) {
  const onListener = (event: string | symbol): void => {
    if (event === 'SIGINT' || event === 'SIGTERM') ctl[Ctl.SIGNALS] = 1;
  };
  process.on('newListener', onListener);
  process.on('removeListener', onListener);
}

// Without traffic nobody would look for dead holders: a finalised sentinel says that there was a collection.
const sentinels = new FinalizationRegistry<undefined>(() => {
  watchCollections();
  ctl[Ctl.GC] = 0;
  for (const endpoint of [...endpoints.values()]) endpoint.onCollected();
});

function watchCollections(): void {
  sentinels.register({}, undefined);
}
watchCollections();
