// Events on a ZeroMQ socket: encoded, decoded, and dropped where they are none. Answers to Events of events.py, and to SocketBase.
import { randomBytes } from 'node:crypto';
import { type SocketType, ZmqSocket } from '../zmtp/socket.ts';
import type { Context } from './context.ts';
import { type Event, fromParts, type Id, toParts } from './event.ts';
import type { Clock } from './heartbeat.ts';
import { msgpack } from './msgpack.ts';

/** Where something is told that is nobody's error: events that were dropped, connections that were lost. `console` is one. */
export interface Logger {
  /** One line. */
  warn(message: string): void;
}

/** What all ends have in common. */
export interface EndOptions {
  /** Where is told what was dropped and lost. Default: nowhere. */
  readonly logger?: Logger | null;
  /** Middleware. Default: none. */
  readonly context?: Context;
  /** Largest message in bytes, in and out. Default 64 MiB. */
  readonly maxMessage?: number;
}

export class Events {
  readonly socket: ZmqSocket;
  readonly context: Context | undefined;
  readonly #logger: Logger | null;
  readonly #addressed: boolean;

  /** `heard` is called with each event. */
  constructor(type: SocketType, heard: (event: Event) => void, { logger = null, maxMessage, context }: EndOptions) {
    this.context = context;
    this.#logger = logger;
    this.#addressed = type === 'DEALER' || type === 'ROUTER';
    this.socket = new ZmqSocket(
      type,
      {
        message: (parts) => {
          let event: Event;
          try {
            event = fromParts(parts, msgpack);
          } catch (error) {
            this.warn(`a message was dropped: ${(error as Error).message}`);
            return;
          }
          heard(event);
        },
        lost: (reason) => this.warn(`a connection was lost: ${reason}`),
      },
      { ...(maxMessage === undefined ? {} : { maxMessage }) },
    );
  }

  /** Sends an event. Control events are dropped where there is no way to send them: nobody waits for one. */
  send(event: Event): void {
    try {
      this.socket.send(toParts(event, this.#addressed, msgpack));
    } catch (error) {
      if (!event.name.startsWith('_zpc_')) throw error;
      this.warn(`${event.name} was not sent: ${(error as Error).message}`);
    }
  }

  bind(endpoint: string): Promise<string> {
    return this.socket.bind(this.context?.resolveEndpoint(endpoint) ?? endpoint);
  }

  connect(endpoint: string): void {
    this.socket.connect(this.context?.resolveEndpoint(endpoint) ?? endpoint);
  }

  warn(message: string): void {
    this.#logger?.warn(`zerorpc: ${message}`);
  }
}

/** Makes ids as Python does: 32 characters as bytes, 8 of them a counter. */
export function idMaker(): () => Id {
  const suffix = randomBytes(12).toString('hex');
  let counter = randomBytes(4).readUInt32BE();
  return () => {
    counter = (counter + 1) >>> 0;
    return Buffer.from(counter.toString(16).padStart(8, '0') + suffix, 'latin1');
  };
}

export const clock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, 2 ** 31 - 1));
    return () => clearTimeout(timer);
  },
};

/** Seconds, as zerorpc's options are, to milliseconds. */
export const inMs = (seconds: number | null): number | null => (seconds === null ? null : seconds * 1000);
