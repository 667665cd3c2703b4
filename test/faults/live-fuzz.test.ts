// A live fuzzer: captured conversations of real RPyC, damaged, against a running server and running clients. Whatever arrives, a
// connection ends in a typed error or behaves, its tables are empty afterwards, what it was sent is well-formed, the process lives
// without an unhandled rejection, and a healthy connection beside it answers rightly all the time.
//
//     RPYC_FUZZ_SEED=1234 RPYC_FUZZ_ROUNDS=5000 npm test -- test/faults/live-fuzz.test.ts
//
// The seed is printed; the same seed and number of rounds choose the same frames and the same damage.
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { start } from '../support/programs/run.ts';
import { type ScriptedConnection, ScriptedPeer } from '../support/scripted-peer.ts';
import * as b from './bytes.ts';
import { Dice, mutate } from './mutations.ts';
import { type Conversation, conversations, inDialect, packsIn, readIn, renumbered, retargeted } from './replay.ts';

const SEED = Number(process.env['RPYC_FUZZ_SEED'] ?? Date.now() % 2 ** 31);
/** Hostile connections in all: half of them to the server, the rest to both kinds of clients. */
const ROUNDS = Number(process.env['RPYC_FUZZ_ROUNDS'] ?? 4000);
/** Enough for the default on a slow machine, and for as many more rounds as are asked for. */
const TIMEOUT = 60_000 + 100 * ROUNDS;

const LIMITS = { maxFrame: 1 << 20, maxInflated: 1 << 20, logger: null };
const OPEN = {
  allow_public_attrs: true,
  allow_all_attrs: true,
  allow_setattr: true,
  allow_delattr: true,
  allow_pickle: true,
};

class Point {
  constructor(
    public x: number,
    public y: number,
  ) {}
  exposed_norm() {
    return Math.hypot(this.x, this.y);
  }
  __enter__() {
    return this;
  }
  __exit__() {
    return false;
  }
}

/** Offers what the captured clients ask for, and holds what it is given. */
class Target extends rpyc.Service {
  exposed_lst: unknown[] = [10, 20, 30];
  exposed_dct = new Map<unknown, unknown>([
    ['a', 1],
    ['b', [2]],
  ]);
  exposed_const = 17;
  readonly kept: unknown[] = [];

  exposed_things() {
    const { exposed_lst, exposed_dct } = this;
    const plain = { key: 'value' };
    const fn = async (first: any, ...rest: unknown[]) => (rpyc.isRemote(first) ? first(...rest) : first);
    return rpyc.tuple(fn, exposed_lst, exposed_dct, new Set([1]), plain, new Point(3, 4), Point, [1, 2].values());
  }
  exposed_add(a: any, z: any) {
    return a + z;
  }
  exposed_echo(first: unknown = null) {
    return first;
  }
  exposed_kw(...args: unknown[]) {
    return args.length;
  }
  exposed_point(x: number, y: number) {
    return new Point(x, y);
  }
  *exposed_gen() {
    for (let i = 0; i < 20; i++) yield i * i;
  }
  async *exposed_talker() {
    for (let i = 0; i < 20; i++) yield i;
  }
  exposed_keep(object: unknown) {
    this.kept.push(object);
  }
  async exposed_call(callback: any, ...args: unknown[]) {
    return callback(...args);
  }
  exposed_apply(_expression: unknown, ...args: unknown[]) {
    return rpyc.tuple(...args);
  }
  async exposed_run(_code: unknown, ...args: any[]) {
    return await Promise.all(args.map((arg) => arg?.x));
  }
  exposed_call_later(callback: any) {
    setImmediate(async () => {
      try {
        await callback();
      } catch {
        // No function, or its owner is gone.
      }
    });
  }
  async exposed_list_of(items: any) {
    return rpyc.toArray(items);
  }
  async exposed_len(items: any) {
    return rpyc.len(items);
  }
  async exposed_type(object: any) {
    return rpyc.repr(object);
  }
  exposed_tup() {
    return rpyc.tuple(1, [2], 'x');
  }
  exposed_big() {
    return Buffer.alloc(4000, 1);
  }
  async exposed_sleep() {
    await turn();
    return 'slept';
  }
  exposed_raise_value() {
    throw new rpyc.exceptions.ValueError('bad', 7);
  }
  exposed_raise_stop() {
    throw new rpyc.exceptions.StopIteration(5);
  }
  async exposed_raise_custom() {
    throw Object.assign(new Error('cust'), { payload: [1, 2] });
  }
}

/** May this be what a connection or a call ends with? */
function isTyped(error: unknown): boolean {
  if (error instanceof rpyc.PythonError) return true;
  return error instanceof Error && /^ERR_RPYC_[A-Z_]+$/.test(String((error as { code?: unknown }).code));
}

const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown): void => {
  unhandled.push(reason);
};
const INTRINSICS = [Object.prototype, Function.prototype, Array.prototype, Promise.prototype, Map.prototype, Buffer];
const shapes = (): unknown => INTRINSICS.map((each) => Reflect.ownKeys(each));
let before: unknown;

beforeAll(() => {
  process.on('unhandledRejection', onUnhandled);
  before = shapes();
  console.log(`live fuzz: RPYC_FUZZ_SEED=${SEED} RPYC_FUZZ_ROUNDS=${ROUNDS}`);
});

afterAll(() => {
  process.off('unhandledRejection', onUnhandled);
});

/** Runs rounds, each with dice of its own; a failure names the round. */
async function rounds(count: number, salt: number, play: (dice: Dice, round: number) => Promise<void>): Promise<void> {
  for (let round = 0; round < count; round++) {
    try {
      await play(new Dice(SEED + salt + round * 7919), round);
    } catch (cause) {
      throw new Error(`round ${round} of RPYC_FUZZ_SEED=${SEED}: ${(cause as Error).message}`, { cause });
    }
    expect(unhandled, `round ${round} of RPYC_FUZZ_SEED=${SEED}`).toEqual([]);
  }
  await turn();
  expect(unhandled).toEqual([]);
  expect(shapes()).toEqual(before);
}

/** Several captured messages in a row, each whole or damaged, cut into segments anywhere. */
function damaged(payloads: readonly Buffer[], dice: Dice): Buffer[] {
  const harm = dice.pick([0, 0.1, 0.4, 1]);
  const bytes = Buffer.concat(
    payloads.map((payload) => (dice.chance(harm) ? mutate(payload, dice, dice.pick(payloads)) : b.frame(payload))),
  );
  const cut = dice.below(bytes.length + 1);
  return dice.chance(0.3) ? [bytes.subarray(0, cut), bytes.subarray(cut)] : [bytes];
}

/** Sends segments, and ends the stream; a peer that hung up meanwhile is no failure. */
async function sendAll(link: ScriptedConnection, segments: readonly Buffer[], end = true): Promise<void> {
  try {
    for (const segment of segments) await link.send(segment);
    if (end && !link.socket.destroyed) await link.end();
  } catch {
    // EPIPE, ECONNRESET: it has hung up.
  }
}

/** Every whole message that was received and not taken. @throws where one is not well-formed */
function heard(link: ScriptedConnection, { dialect }: Conversation): b.Heard[] {
  const messages: b.Heard[] = [];
  for (let { received } = link; received.length >= 5; ) {
    const end = 6 + received.readUInt32BE(0);
    if (received.length < end) break; // cut off by a reset
    messages.push(readIn(dialect, b.payloadOf(received.subarray(0, end))));
    received = received.subarray(end);
  }
  return messages;
}

function run(frames: Conversation['frames'], dice: Dice): Conversation['frames'] {
  const from = dice.below(frames.length);
  return frames.slice(from, from + 1 + dice.below(10));
}

/** What a scripted peer knows of the other side: the objects that it has sent, and the numbers of its requests that wait. */
class Known {
  readonly packs: b.Pack[] = [];
  readonly seqs: number[] = [];
  note({ kind, seq, body }: b.Heard): void {
    if (kind !== 1) return;
    this.seqs.push(seq);
    this.packs.push(...packsIn(body));
  }
}

const alive = (refs: readonly WeakRef<object>[]): number => refs.filter((ref) => ref.deref() !== undefined).length;

const EMPTY = { localObjects: 0, remoteObjects: 0, pending: 0, queued: 0 };

describe.each([
  ['with the default configuration', {}],
  ['that allows everything', OPEN],
])('a running server %s', (_name, config) => {
  const clients = conversations('client');

  /** Gets the root and some objects of ours, as this conversation's client would. */
  async function greet(link: ScriptedConnection, { dialect }: Conversation): Promise<b.Pack[]> {
    const ask = async (seq: number, handler: number, args: b.Brine[]): Promise<b.Pack[]> => {
      await link.sendFrame(inDialect(dialect, b.request(seq, handler, args, dialect.version)));
      return packsIn(readIn(dialect, await link.nextPayload()).body);
    };
    const [root] = (await ask(0, b.GETROOT, [])) as [b.Pack];
    const args = [b.local(b.packOf(root)), b.value(b.str('things')), b.boxes()];
    return [root, ...(await ask(1, b.CALLATTR, args))];
  }

  test('outlives hostile clients, and serves a healthy one meanwhile', { timeout: TIMEOUT }, async () => {
    const server = await b.serve(Target, { ...LIMITS, config: { log_exceptions: false, ...config } });
    const healthy = await rpyc.connect('127.0.0.1', server.port);
    const ended: Record<string, number> = {};
    const answered: number[] = [0, 0, 0, 0];
    const met: WeakRef<rpyc.Connection>[] = [];
    await rounds(Math.ceil(ROUNDS / 4), 1, async (dice, round) => {
      const talk = dice.pick(clients);
      const accepted = new Promise<rpyc.Connection>((resolve) => server.once('connection', resolve));
      const link = await ScriptedPeer.connect(server.port);
      const conn = await accepted;
      met.push(new WeakRef(conn));
      const end = new Promise<Error>((resolve) => conn.once('close', resolve));
      const packs = dice.chance(0.85) ? await greet(link, talk) : [];
      const chosen = new Map<string, b.Pack | undefined>();
      const choose = (id: string, name: string): b.Pack | undefined => {
        if (packs.length === 0) return undefined;
        // The service for the service and a function for functions, mostly; anything for the rest.
        const alike = name.endsWith('Service') ? packs[0] : /method|function/.test(name) ? packs[1] : undefined;
        if (!chosen.has(id)) chosen.set(id, dice.chance(0.1) ? dice.pick(packs) : (alike ?? dice.pick(packs)));
        return chosen.get(id);
      };
      const known = new Known();
      const said = (): Buffer[] =>
        run(talk.frames, dice).map((vector) => {
          const payload = retargeted(vector, choose);
          const seq = vector.message.kind === 'request' ? undefined : known.seqs.shift();
          return seq === undefined ? payload : renumbered(talk.dialect, vector, payload, seq);
        });
      const sending = sendAll(link, damaged(said(), dice), false);
      expect(await healthy.root.add(round, 1)).toBe(round + 1);
      expect(await healthy.root.call((text: string) => `${text}!`, 'back')).toBe('back!');
      await sending;
      // By now the server has asked back, where it wanted to: a second burst may answer it.
      for (const message of heard(link, talk)) known.note(message);
      await sendAll(link, damaged(said(), dice));
      if (dice.chance(0.2)) await link.reset();
      const error = await end;
      expect(isTyped(error), String(error.stack)).toBe(true);
      const code = (error as { code?: string }).code ?? '';
      ended[code] = (ended[code] ?? 0) + 1;
      for (const { kind } of heard(link, talk)) answered[kind]++;
      await link.close();
      expect(conn.stats).toMatchObject(EMPTY);
      expect(server.connections.size).toBe(1);
    });
    // Much of it is understood, is worth an exception, and makes the server ask back: the damage does not end at the door.
    for (const kind of [1, 2, 3]) expect(answered[kind], `messages of kind ${kind}`).toBeGreaterThan(ROUNDS / 100);
    // Both ends were met: the damage is neither all fatal nor all harmless.
    expect(Object.keys(ended).sort()).toEqual(['ERR_RPYC_CLOSED', 'ERR_RPYC_PROTOCOL']);
    await healthy.close();
    expect(server.connections.size).toBe(0);
    // Nothing holds what is over: not the engine, a timer, a table, or an answer that never came. (The last rounds' stack may.)
    for (let i = 0; i < 20 && alive(met) > 3; i++) {
      await turn(); // looking keeps them until the job ends
      (global.gc as () => void)();
    }
    expect(alive(met)).toBeLessThanOrEqual(3);
  });
});

describe('a running client', () => {
  const servers = conversations('server');

  /** Captured messages of a server, for this client's objects and, mostly, as answers to its requests. */
  function answers({ frames, dialect }: Conversation, known: Known, dice: Dice): Buffer[] {
    return run(frames, dice).map((vector) => {
      const payload = retargeted(vector, () => dice.pick(known.packs));
      if (vector.message.kind === 'request' || dice.chance(0.1)) return payload;
      return renumbered(dialect, vector, payload, known.seqs.shift() ?? dice.below(20));
    });
  }

  async function greeted(link: ScriptedConnection, { dialect }: Conversation): Promise<void> {
    await link.nextFrame();
    const root = b.remote(b.idPack('srv.Service', 140, 280));
    await link.sendFrame(inDialect(dialect, b.reply(0, root, dialect.version)));
  }

  /** What a program does with a connection; each promise settles some time, typed. */
  const USES: readonly ((root: any, conn: rpyc.Connection) => Promise<unknown>)[] = [
    (root) => root.add(1, 2),
    (root) => root.call((...args: unknown[]) => args.length, { key: 'value' }),
    (root) => root.call(async (each: any) => rpyc.str(each), [1, 2, 3]),
    (root) => root.keep(new Map([['a', [1]]]), new Point(1, 2), Point, new Set([1])),
    (root) => rpyc.getattr(root, 'lst'),
    (root) => rpyc.setattr(root, 'x', 1),
    (root) => rpyc.str(root),
    (root) => rpyc.dir(root),
    (root) => rpyc.len(root.lst),
    (root) => rpyc.toArray(root.lst),
    (root) => rpyc.value(root),
    (root) => rpyc.isinstance(root, root),
    async (root) => {
      const items: unknown[] = [];
      const list = await root.gen(3);
      if (rpyc.isRemote(list)) for await (const item of list) items.push(item);
      return items;
    },
    async (root) => {
      const point = await root.point(1, 2);
      return rpyc.isRemote(point) ? (point as any).norm(await (point as any).x) : point;
    },
    (_root, conn) => conn.ping(),
  ];

  test('outlives hostile servers, awaiting', { timeout: TIMEOUT }, async () => {
    const peer = await ScriptedPeer.listen();
    const server = await b.serve(Target);
    const healthy = await rpyc.connect('127.0.0.1', server.port);
    let [values, errors] = [0, 0];
    await rounds(Math.ceil(ROUNDS / 4), 2, async (dice, round) => {
      const talk = dice.pick(servers);
      const { version, threads } = talk.dialect;
      const opening = rpyc.connect('127.0.0.1', peer.port, {
        ...LIMITS,
        service: Target,
        protocol: version,
        bindThreads: threads.length > 0,
        config: dice.chance(0.5) ? OPEN : {},
      });
      const link = await peer.accept();
      await greeted(link, talk);
      const conn = await opening;
      const end = new Promise<Error>((resolve) => conn.once('close', resolve));
      const root = await conn.root;
      // The first one surely sends something: it is waited for.
      const uses = [USES[0], ...Array.from({ length: dice.below(4) }, () => dice.pick(USES))];
      const settled = Promise.allSettled(uses.map((use) => use?.(root, conn)));
      const known = new Known();
      known.note(readIn(talk.dialect, await link.nextPayload()));
      await turn();
      for (const message of heard(link, talk)) known.note(message);
      const sending = sendAll(link, damaged(answers(talk, known, dice), dice));
      expect(await healthy.root.add(round, 1)).toBe(round + 1);
      await sending;
      if (dice.chance(0.2)) await link.reset();
      const error = await end;
      expect(isTyped(error), String(error.stack)).toBe(true);
      for (const outcome of await settled) {
        if (outcome.status === 'fulfilled') {
          values++;
          // What came by reference is of no use any more, and says so.
          if (rpyc.isRemote(outcome.value))
            await expect(rpyc.getattr(outcome.value, 'x')).rejects.toMatchObject({ code: 'ERR_RPYC_CLOSED' });
        } else {
          errors++;
          expect(isTyped(outcome.reason), String(outcome.reason?.stack ?? outcome.reason)).toBe(true);
        }
      }
      heard(link, talk);
      await link.close();
      expect(conn.stats).toMatchObject(EMPTY);
    });
    expect(values).toBeGreaterThan(0);
    expect(errors).toBeGreaterThan(0);
    await healthy.close();
  });

  test('outlives hostile servers, blocking', { timeout: TIMEOUT }, async () => {
    const talks = servers.filter(({ dialect }) => dialect.threads.length === 0);
    const peer = await ScriptedPeer.listen();
    const count = Math.ceil(ROUNDS / 4);
    const program = start('fuzzed-client', [peer.port, count], { timeoutMs: TIMEOUT });
    await rounds(count, 3, async (dice, round) => {
      // The program tries both versions in turns.
      const talk = dice.pick(talks.filter(({ dialect }) => dialect.version === 6 - (round % 2)));
      const link = await peer.accept();
      await greeted(link, talk);
      const known = new Known();
      known.note(readIn(talk.dialect, await link.nextPayload()));
      await sendAll(link, damaged(answers(talk, known, dice), dice));
      const { outcomes, closed, stats } = await program.next();
      for (const { error } of outcomes) expect(error?.typed ?? true, JSON.stringify(error)).toBe(true);
      expect(closed).toBe(true);
      expect(stats).toMatchObject(EMPTY);
      heard(link, talk);
      await link.close();
    });
    expect(await program.next()).toEqual({ unhandled: [], rounds: count });
    expect(await program.ended).toBe(0);
    expect(program.stderr()).toBe('');
  });
});

test('the seed alone decides what is sent', () => {
  const talk = conversations('client')[0] as Conversation;
  const sent = (): Buffer => {
    const dice = new Dice(SEED);
    return Buffer.concat(
      damaged(
        run(talk.frames, dice).map(({ payload }) => payload),
        dice,
      ),
    );
  };
  expect(sent().equals(sent())).toBe(true);
  onTestFinished(() => expect(unhandled).toEqual([]));
});
