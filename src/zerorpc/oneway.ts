// Events without answers: pushed to one of several, or published to all. Answers to Pusher, Puller, Publisher and Subscriber of core.py.
import type { Event } from './event.ts';
import { type EndOptions, Events, idMaker } from './events.ts';
import { type Exposed, type Methods, methodsOf } from './methods.ts';

/** What an end can listen at, and connect to. */
abstract class End {
  /** @internal */
  protected readonly events: Events;

  /** @internal */
  protected constructor(events: Events) {
    this.events = events;
  }

  /** Listens; resolves with the endpoint as it is. See `Server.bind`. */
  bind(endpoint: string): Promise<string> {
    return this.events.bind(endpoint);
  }

  /** Connects, again whenever the connection is lost. */
  connect(endpoint: string): void {
    this.events.connect(endpoint);
  }

  /** Ends everything at once. */
  close(): void {
    this.events.socket.close();
  }

  /** `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}

/** Names of methods that the other sides offer. Nothing comes back: not whether it ran, nor how it ended. */
export type Notified = {
  /** Has the method of this name run elsewhere. */
  readonly [name: string]: (...args: unknown[]) => void;
};

abstract class Sender extends End {
  /** `pusher.remote.work(1)` has `work(1)` run elsewhere. */
  readonly remote: Notified;
  readonly #newId = idMaker();

  /** @internal */
  protected constructor(type: 'PUSH' | 'PUB', options: EndOptions) {
    super(new Events(type, () => undefined, options));
    this.remote = new Proxy({} as Notified, {
      get: (_, name) =>
        typeof name === 'string' && name !== 'then' ? (...args: unknown[]) => void this.send(name, args) : undefined,
    });
  }

  /**
   * Sends an event. False: nobody takes it now, so it waits; `writable` resolves when there is room again.
   * @throws {EncodeError} for what cannot be sent, ERR_ZMTP_FULL when 10,000 events wait already
   */
  send(method: string, args: readonly unknown[] = []): boolean {
    this.events.send({
      header: { message_id: this.#newId(), v: 3, ...this.events.context?.taskContext() },
      name: method,
      args,
      identity: [],
    });
    return this.events.socket.isWritable;
  }

  /** Resolves when nothing waits for want of room. */
  writable(): Promise<void> {
    return this.events.socket.writable();
  }

  /** Resolves when all is on its way to peers, or after so many seconds: false. To be awaited before `close`. */
  flushed(timeout = 30): Promise<boolean> {
    return this.events.socket.flushed(timeout * 1000);
  }
}

abstract class Taker extends End {
  readonly #methods: ReadonlyMap<string, Exposed>;

  /** @internal */
  protected constructor(type: 'PULL' | 'SUB', methods: Methods, options: EndOptions) {
    super(new Events(type, (event) => void this.#run(event), options));
    this.#methods = methodsOf(methods);
  }

  async #run(event: Event): Promise<void> {
    const { name, args, header } = event;
    const { context } = this.events;
    try {
      const method = this.#methods.get(name);
      if (!method) throw new Error('there is no such method');
      if (!Array.isArray(args)) throw new TypeError('the arguments are no list');
      context?.load(header);
      context?.beforeExec(event);
      await method.call(args);
      context?.afterExec(event, undefined);
    } catch (error) {
      this.events.warn(`${name} failed: ${error instanceof Error ? error.message : String(error)}`);
      this.#inspect(event, error);
    }
  }

  #inspect(event: Event, error: unknown): void {
    try {
      this.events.context?.inspectException(event, undefined, error);
    } catch (failure) {
      this.events.warn(`middleware failed: ${String(failure)}`);
    }
  }
}

/** Gives each event to one of the pullers, in turn. Answers to `zerorpc.Pusher`. */
export class Pusher extends Sender {
  /** Not connected yet: `bind` or `connect`. */
  constructor(options: EndOptions = {}) {
    super('PUSH', options);
  }
}

/** Runs the methods that pushers name. Errors are told to the logger alone. Answers to `zerorpc.Puller`. */
export class Puller extends Taker {
  /** `methods` as of a `Server`. */
  constructor(methods: Methods, options: EndOptions = {}) {
    super('PULL', methods, options);
  }
}

/** Gives each event to all subscribers that are there. Answers to `zerorpc.Publisher`. */
export class Publisher extends Sender {
  /** Not connected yet: `bind` or `connect`. */
  constructor(options: EndOptions = {}) {
    super('PUB', options);
  }
}

/** Runs the methods that publishers name. Answers to `zerorpc.Subscriber`. */
export class Subscriber extends Taker {
  /** `methods` as of a `Server`. */
  constructor(methods: Methods, options: EndOptions = {}) {
    super('SUB', methods, options);
    this.events.socket.subscribe(new Uint8Array(0));
  }
}
