// The asking end. Answers to Client of core.py, and to the client's half of patterns.py.
import type { Channel } from './channel.ts';
import type { Context, TracedEvent } from './context.ts';
import { ChannelError, RemoteError } from './errors.ts';
import type { Event } from './event.ts';
import { clock, type EndOptions, Events, idMaker, inMs } from './events.ts';
import { Multiplexer } from './multiplexer.ts';

/** What a client is made with. */
export interface ClientOptions extends EndOptions {
  /** Seconds to wait for the first answer to a call, null for ever. Default 30. */
  readonly timeout?: number | null;
  /** Seconds between two heartbeats per call, null for none. The server must use the same. Default 5. */
  readonly heartbeat?: number | null;
  /** Beat only after the server did. Default false. */
  readonly passiveHeartbeat?: boolean;
}

/** What one call may have of its own. */
export interface CallOptions {
  /** As of the client. */
  readonly timeout?: number | null;
  /** Items of a stream that wait here at most. Default 100. */
  readonly slots?: number;
  /** Ends the call at this side: the server is not told, since ZeroRPC has no word for it. */
  readonly signal?: AbortSignal;
}

/** The methods of a server, by name. The result of one is its value, or an async iterator where it streams. */
export type Remote = {
  /** Calls the method of this name. */
  // biome-ignore lint/suspicious/noExplicitAny: what a method returns is the caller's to know
  readonly [name: string]: (...args: unknown[]) => Promise<any>;
};

/** Calls the methods of a ZeroRPC server. Answers to `zerorpc.Client`. */
export class Client {
  /** `client.remote.add(5, 10)` calls `add`. */
  readonly remote: Remote;
  readonly #events: Events;
  readonly #multiplexer: Multiplexer;
  readonly #options: ClientOptions;

  /** `endpoint`: where to connect, such as `tcp://127.0.0.1:4242`; more with `connect`. */
  constructor(endpoint?: string, options: ClientOptions = {}) {
    this.#options = options;
    this.#events = new Events('DEALER', (event) => this.#multiplexer.deliver(event), options);
    this.#multiplexer = new Multiplexer({
      clock,
      newId: idMaker(),
      send: (event) => this.#events.send(event),
      dropped: (event, why) => this.#events.warn(`${event.name} was dropped: ${why}`),
    });
    this.remote = new Proxy({} as Remote, {
      // `then`: an awaited proxy is no promise.
      get: (_, name) =>
        typeof name === 'string' && name !== 'then' ? (...args: unknown[]) => this.call(name, args) : undefined,
    });
    if (endpoint !== undefined) this.connect(endpoint);
  }

  /**
   * Connects to a server; again whenever the connection is lost. Calls can be made at once: they wait. A client of several servers gives each
   * call to the next of them; heartbeats and streams get lost in that, as with the original.
   */
  connect(endpoint: string): void {
    this.#events.connect(endpoint);
  }

  /** Listens, for servers that connect (`Server.connect`). */
  bind(endpoint: string): Promise<string> {
    return this.#events.bind(endpoint);
  }

  /**
   * Calls a method. Resolves with its value; with an async iterator where it streams.
   * @throws {RemoteError} where it failed there, {TimeoutExpired}, {LostRemote}, {EncodeError} for arguments that cannot be sent
   */
  async call<T = unknown>(method: string, args: readonly unknown[] = [], options: CallOptions = {}): Promise<T> {
    const { heartbeat = 5, passiveHeartbeat = false } = this.#options;
    options.signal?.throwIfAborted();
    const channel = this.#multiplexer.open({
      heartbeat: { frequency: inMs(heartbeat), passive: passiveHeartbeat },
      ...(options.slots === undefined ? {} : { slots: options.slots }),
    });
    channel.lastIf((event) => event.name === 'STREAM_DONE');
    const aborted = () => channel.close();
    options.signal?.addEventListener('abort', aborted);
    const { context } = this.#events;
    const header = context?.taskContext();
    const request: TracedEvent = { header: header ?? {}, name: method, args };
    const done = (reply?: Event, error?: unknown): void => {
      options.signal?.removeEventListener('abort', aborted);
      channel.close();
      context?.afterRequest(request, reply, error);
    };
    let event: Event | undefined;
    try {
      context?.beforeRequest(request);
      await channel.emit(method, args, header);
      const { timeout: seconds = this.#options.timeout === undefined ? 30 : this.#options.timeout } = options;
      const timeout = inMs(seconds);
      const limit = timeout === null ? undefined : { ms: timeout, when: `calling remote method ${method}` };
      event = await channel.receive(limit);
      if (event.name === 'STREAM' || event.name === 'STREAM_DONE') return items(channel, event, context, done) as T;
      const value = valueOf(event, context);
      done(event);
      return value as T;
    } catch (error) {
      done(event, error);
      options.signal?.throwIfAborted();
      throw error;
    }
  }

  /** Calls a method that streams. Leaving the loop early ends it at this side; the server notices when heartbeats stay away. */
  async *stream<T = unknown>(
    method: string,
    args: readonly unknown[] = [],
    options: CallOptions = {},
  ): AsyncGenerator<T, void, undefined> {
    const result: unknown = await this.call(method, args, options);
    if (!isStream(result)) throw new ChannelError(`${method} answered with a value, not with a stream: use call`);
    yield* result as AsyncGenerator<T, void, undefined>;
  }

  /** Calls that are open. */
  get pending(): number {
    return this.#multiplexer.size;
  }

  /** Ends all calls, with a ChannelError, and the connection. */
  close(): void {
    this.#multiplexer.close();
    this.#events.socket.close();
  }

  /** `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}

const streams = new WeakSet<object>();
const isStream = (value: unknown): boolean => typeof value === 'object' && value !== null && streams.has(value);

/** The items of a stream whose first event is there. `done` is called once, at its end. */
function items(
  channel: Channel,
  first: Event,
  context: Context | undefined,
  done: (reply?: Event, error?: unknown) => void,
): AsyncGenerator<unknown, void, undefined> {
  let over = false;
  const end = (reply?: Event, error?: unknown): void => {
    if (over) return;
    over = true;
    done(reply, error);
  };
  const generator = (async function* () {
    let event = first;
    try {
      while (event.name === 'STREAM') {
        yield event.args;
        event = await channel.receive();
      }
      if (event.name !== 'STREAM_DONE') valueOf(event, context); // throws
      end(event);
    } catch (error) {
      end(event, error);
      throw error;
    } finally {
      end();
    }
  })();
  // A generator that never began runs no `finally`.
  const leave = generator.return.bind(generator);
  generator.return = (value) => {
    end();
    return leave(value);
  };
  streams.add(generator);
  return generator;
}

/** What an OK carries; throws what an ERR does. */
function valueOf(event: Event, context?: Context): unknown {
  const { name, args, header } = event;
  if (name === 'OK' && Array.isArray(args)) return args[0];
  if (name !== 'ERR' || !Array.isArray(args))
    throw new ChannelError(`${JSON.stringify(name.slice(0, 100))} is no answer to a call`);
  const other = context?.remoteError(event);
  if (other) throw other;
  if (typeof header.v === 'number' && header.v >= 2) {
    const [remoteName, message, traceback] = args as unknown[];
    throw new RemoteError(String(remoteName), String(message), typeof traceback === 'string' ? traceback : null);
  }
  throw new RemoteError('RemoteError', String(args[0]), null);
}
