// The answering end: a task per event that opens a channel. Answers to Server of core.py, and to the server's half of patterns.py.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Channel } from './channel.ts';
import { LostRemote, RemoteError } from './errors.ts';
import type { Event } from './event.ts';
import { clock, type EndOptions, Events, idMaker, inMs } from './events.ts';
import { Exposed, type Methods, methodsOf } from './methods.ts';
import { Multiplexer } from './multiplexer.ts';

/** What a server is made with. */
export interface ServerOptions extends EndOptions {
  /** By which it goes in `_zerorpc_ping` and `_zerorpc_inspect`. Default: the name of the methods' class. */
  readonly name?: string;
  /** Seconds between two heartbeats per call, null for none. Clients must use the same. Default 5. */
  readonly heartbeat?: number | null;
  /** Calls that run at a time; further ones wait. Default: no limit but `maxChannels`. */
  readonly poolSize?: number;
  /** Calls at a time, those that wait included, and methods that go on after their client is lost; further ones are dropped. Default 10,000. */
  readonly maxChannels?: number;
  /** Do errors carry their stack to the client, as in Python? Default true. */
  readonly tracebacks?: boolean;
}

const MAX_CHANNELS = 10_000;

/** Items of a stream that are sent before others have their turn. */
const ITEMS_PER_TURN = 256;

const calls = new AsyncLocalStorage<Channel>();

/**
 * Inside a method that a server runs: aborted when the client of this call is lost, or the server is closed. Python kills the method's greenlet
 * then; JavaScript cannot, so a method that takes long should look here. Generators are ended by themselves.
 */
export function callSignal(): AbortSignal | undefined {
  return calls.getStore()?.signal;
}

/** Offers the methods of an object to ZeroRPC clients. Answers to `zerorpc.Server`. */
export class Server {
  /** By which it goes. */
  readonly name: string;
  readonly #methods: ReadonlyMap<string, Exposed>;
  readonly #events: Events;
  readonly #multiplexer: Multiplexer;
  readonly #options: ServerOptions;
  readonly #waiting: Channel[] = [];
  #running = 0;
  #closed = false;

  /** `methods`: an instance of a class, or an object of functions; what begins with `_` stays private. */
  constructor(methods: Methods, options: ServerOptions = {}) {
    const { heartbeat = 5, maxChannels = MAX_CHANNELS } = options;
    this.#options = options;
    this.name = options.name ?? nameOf(methods);
    this.#methods = this.#withBuiltins(methodsOf(methods));
    this.#events = new Events('ROUTER', (event) => this.#multiplexer.deliver(event), options);
    const frequency = inMs(heartbeat);
    this.#multiplexer = new Multiplexer({
      clock,
      newId: idMaker(),
      maxChannels,
      send: (event) => this.#events.send(event),
      accept: (channel) => this.#accept(channel),
      // A peer of protocol 1 knows no heartbeats until it sends one.
      channelFor: ({ header }) => ({ heartbeat: { frequency, passive: !isModern(header.v) } }),
      dropped: (event, why) => this.#events.warn(`${event.name} was dropped: ${why}`),
    });
  }

  /**
   * Listens at `tcp://host:port` or `ipc:///path`; `*` stands for all addresses or any port. Resolves with the endpoint as it is.
   * @throws a system error, EADDRINUSE for a taken address
   */
  bind(endpoint: string): Promise<string> {
    return this.#events.bind(endpoint);
  }

  /** Connects to a client, or a broker, that listens; again whenever the connection is lost. */
  connect(endpoint: string): void {
    this.#events.connect(endpoint);
  }

  /** Calls that are open. */
  get pending(): number {
    return this.#multiplexer.size;
  }

  /** Stops at once: calls under way get no answer, their signals are aborted. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#multiplexer.close();
    this.#events.socket.close();
  }

  /** `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  #accept(channel: Channel): void {
    const { poolSize = Number.POSITIVE_INFINITY, maxChannels = MAX_CHANNELS } = this.#options;
    // Methods that go on though their client is lost count as well.
    if (this.#running + this.#waiting.length >= maxChannels) {
      channel.close(true);
      this.#events.warn(`a call was dropped: there are ${maxChannels} already`);
    } else if (this.#running >= poolSize) this.#waiting.push(channel);
    else this.#run(channel);
  }

  #run(channel: Channel): void {
    this.#running++;
    void this.#task(channel).finally(() => {
      this.#running--;
      const next = this.#waiting.shift();
      if (next) this.#run(next);
    });
  }

  /** One call, from its event to its last answer. Never rejects. */
  async #task(channel: Channel): Promise<void> {
    let event: Event;
    try {
      event = await channel.receive();
      await calls.run(channel, () => this.#serve(channel, event));
    } catch (error) {
      // Nobody to be told is there any more, or what tells him failed itself.
      this.#events.warn(`a call got no answer: ${textOf(error)}`);
    } finally {
      channel.close();
    }
  }

  async #serve(channel: Channel, event: Event): Promise<void> {
    const { context } = this.#events;
    try {
      context?.load(event.header);
      await this.#answer(channel, event);
    } catch (error) {
      if (channel.isCut) throw error;
      const header = context?.taskContext();
      const args = this.#described(error, !isModern(event.header.v));
      context?.inspectException(event, { header: header ?? {}, name: 'ERR', args }, error);
      await channel.emit('ERR', args, header);
    }
  }

  async #answer(channel: Channel, event: Event): Promise<void> {
    const { name, args } = event;
    const { context } = this.#events;
    const method = this.#methods.get(name);
    if (!method) throw named('NameError', name);
    if (!Array.isArray(args)) throw new TypeError(`the arguments of ${name} are no list`);
    context?.beforeExec(event);
    const result = await method.call(args);
    const header = context?.taskContext();
    const last = (name: string, args: unknown): Promise<void> => {
      context?.afterExec(event, { header: header ?? {}, name, args });
      return channel.emit(name, args, header);
    };
    const items = method.items(result);
    if (!items) return last('OK', [result]);
    let sent = 0;
    for await (const item of items) {
      await channel.emit('STREAM', item, header);
      // A generator that never waits, to a peer that has much room, is not to keep others from their turn.
      if (++sent % ITEMS_PER_TURN === 0) await new Promise(setImmediate);
    }
    return last('STREAM_DONE', null);
  }

  /** The arguments of an ERR. */
  #described(error: unknown, old: boolean): string[] {
    const name = error instanceof Error ? nameOfError(error) : typeof error;
    const message = error instanceof RemoteError ? error.remoteMessage : textOf(error);
    if (old) return [`${name}(${JSON.stringify(message)})`];
    const { tracebacks = true } = this.#options;
    return [name, message, tracebacks && error instanceof Error ? String(error.stack) : ''];
  }

  #withBuiltins(methods: Map<string, Exposed>): Map<string, Exposed> {
    const names = [...methods.keys()];
    const known = (name: unknown): Exposed => {
      const method = typeof name === 'string' && !name.startsWith('_') ? methods.get(name) : undefined;
      if (!method) throw named('KeyError', String(name));
      return method;
    };
    const builtins = {
      _zerorpc_list: () => names,
      _zerorpc_name: () => this.name,
      _zerorpc_ping: () => ['pong', this.name],
      _zerorpc_help: (name: unknown) => known(name).doc,
      _zerorpc_args: (name: unknown) => {
        const parameters = known(name).parameters;
        if (!parameters) return null;
        const defaults = parameters.filter((each) => 'default' in each).map((each) => each.default);
        return [parameters.map((each) => each.name), null, null, defaults.length > 0 ? defaults : null];
      },
      _zerorpc_inspect: () => ({
        name: this.name,
        methods: Object.fromEntries(
          names.map((name) => [name, { args: known(name).parameters, doc: known(name).doc }]),
        ),
      }),
    };
    const all = new Map(methods);
    for (const [name, method] of Object.entries(builtins)) all.set(name, new Exposed(builtins, method));
    return all;
  }
}

/** Protocol 2 and later: the header says so. */
const isModern = (version: unknown): boolean => typeof version === 'number' && version >= 2;

function nameOf(methods: object): string {
  const own = (methods as { name?: unknown }).name;
  if (typeof methods === 'function' && typeof own === 'string') return own;
  return methods.constructor?.name ?? 'Object';
}

const named = (name: string, message: string): Error => Object.assign(new Error(message), { name });

/** For a log: anything can be thrown. */
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** As Python would call it, where it says so: a failure that came from elsewhere keeps its name. */
function nameOfError(error: Error): string {
  if (error instanceof RemoteError) return error.remoteName;
  if (error instanceof LostRemote) return 'LostRemote';
  return String(error.name || error.constructor.name);
}
