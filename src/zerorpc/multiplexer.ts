// The channels of one socket: events go to the channel that they answer, or open one. Answers to ChannelMultiplexer of channel.py.
//
// A channel is known by its id and the way back to its peer, so that nobody feeds another peer's channel by its id.
import { Channel, type ChannelOptions } from './channel.ts';
import { type Event, type Header, type Id, idKey } from './event.ts';
import type { Clock } from './heartbeat.ts';

export interface MultiplexerOptions {
  readonly clock: Clock;
  /** Writes an event to the socket. */
  send(event: Event): void;
  /** A new id. */
  newId(): Id;
  /** A peer opened a channel, with an event that waits in it. Absent: nobody may (a client's socket). */
  accept?(channel: Channel): void;
  /** How channels are that peers open. */
  channelFor?(event: Event): ChannelOptions;
  /** Most channels that peers have open at a time. Default 10,000. */
  readonly maxChannels?: number;
  /** An event was dropped: for the log. */
  dropped?(event: Event, why: string): void;
}

const VERSION = 3;
const BY_DEFAULT: ChannelOptions = { heartbeat: { frequency: 5000, passive: false } };
/** For a peer of protocol 1, which knows no heartbeats. */
const PASSIVE: ChannelOptions = { heartbeat: { frequency: 5000, passive: true } };

export class Multiplexer {
  readonly #options: MultiplexerOptions;
  readonly #channels = new Map<string, Channel>();
  #accepted = 0;

  constructor(options: MultiplexerOptions) {
    this.#options = options;
  }

  /** Channels that are open. */
  get size(): number {
    return this.#channels.size;
  }

  /** A channel of our own; its first event gives it its id. */
  open(options: ChannelOptions = BY_DEFAULT): Channel {
    let id: Id | undefined;
    const channel: Channel = new Channel(
      {
        send: (name, args, context) => {
          if (id !== undefined) this.#send(id, [], name, args, context);
          if (id !== undefined || name.startsWith('_zpc_')) return; // nobody beats on a channel that the peer does not know
          id = this.#options.newId();
          this.#channels.set(keyOf(id, []) ?? '', channel);
          this.#options.send({ header: { message_id: id, v: VERSION, ...context }, name, args, identity: [] });
        },
        release: () => void (id !== undefined && this.#channels.delete(keyOf(id, []) ?? '')),
      },
      this.#options.clock,
      options,
    );
    return channel;
  }

  /** An event came from the socket. */
  deliver(event: Event): void {
    const { response_to: id } = event.header;
    const why = id === undefined || id === null ? this.#opening(event) : this.#answering(event, id);
    if (why !== undefined) this.#options.dropped?.(event, why);
  }

  /** Cuts all channels. */
  close(): void {
    for (const channel of [...this.#channels.values()]) channel.close(true);
  }

  /** Gives an event to its channel, or says why not. */
  #answering(event: Event, id: Id): string | undefined {
    // A socket that opens channels itself has one peer, or several that are as good as one.
    const key = keyOf(id, this.#options.accept ? event.identity : []);
    const channel = key === undefined ? undefined : this.#channels.get(key);
    channel?.deliver(event);
    return channel ? undefined : 'it belongs to no channel that is open';
  }

  /** Opens a channel with its first event, or says why not. */
  #opening(event: Event): string | undefined {
    const { accept, channelFor, clock, maxChannels = 10_000 } = this.#options;
    if (!accept) return 'nobody opens channels here';
    const { message_id: id } = event.header;
    const key = keyOf(id, event.identity);
    if (key === undefined || id === undefined) return 'it has no message_id';
    if (this.#channels.has(key)) return 'its channel is open already';
    if (this.#accepted >= maxChannels) return `there are ${maxChannels} channels already`;
    const line = {
      send: (name: string, args: unknown, context?: Header) => this.#send(id, event.identity, name, args, context),
      release: () => {
        this.#channels.delete(key);
        this.#accepted--;
      },
    };
    const channel = new Channel(
      line,
      clock,
      channelFor?.(event) ?? (Number(event.header.v) >= 2 ? BY_DEFAULT : PASSIVE),
    );
    this.#channels.set(key, channel);
    this.#accepted++;
    channel.deliver(event);
    accept(channel);
    return undefined;
  }

  #send(id: Id, identity: readonly Uint8Array[], name: string, args: unknown, context?: Header): void {
    const header = { message_id: this.#options.newId(), v: VERSION, ...context, response_to: id };
    this.#options.send({ header, name, args, identity });
  }
}

/** A key for the channel of this id and peer; undefined: that is no id. Lengths keep the parts of the way back apart. */
function keyOf(id: unknown, identity: readonly Uint8Array[]): string | undefined {
  let key = idKey(id);
  if (key !== undefined) for (const part of identity) key = `${part.length}${idKey(part)}${key}`;
  return key;
}
