// Messages of RPyC written and read byte by byte, for peers that lie. Independent of the engine's codec on purpose: a small brine
// of its own, boxes, requests in both layouts, and a client of a Node server that speaks them.
import { onTestFinished } from 'vitest';
import { type Logger, Server, type ServerOptions, type ServiceSource } from '../../src/index.ts';
import { frame, payloadOf, type ScriptedConnection, ScriptedPeer } from '../support/scripted-peer.ts';

export const GETROOT = 3;
export const [PING, CLOSE, GETATTR, DELATTR, SETATTR, CALL, CALLATTR] = [1, 2, 4, 5, 6, 7, 8];
export const [REPR, STR, CMP, HASH, DIR, PICKLE, DEL, INSPECT] = [9, 10, 11, 12, 13, 14, 15, 16];
export const [BUFFITER, OLDSLICING, CTXEXIT, INSTANCECHECK] = [17, 18, 19, 20];

/** Brine of one value, or bytes that pretend to be it. */
export type Brine = Buffer;

const head = (tag: number, length: number, wide: number): Buffer => {
  if (length < 256) return Buffer.from([tag, length]);
  const bytes = Buffer.alloc(5);
  bytes[0] = wide;
  bytes.writeUInt32BE(length, 1);
  return bytes;
};

export const raw = (hex: string): Brine => Buffer.from(hex.replace(/\s+/g, ''), 'hex');
export const NONE = raw('00');
export const TRUE = raw('03');

export function int(value: number | bigint): Brine {
  if (value >= -48 && value <= 159) return Buffer.from([Number(value) + 0x50]);
  const text = Buffer.from(String(value));
  return Buffer.concat([head(0x16, text.length, 0x17), text]);
}

export function data(value: string | Uint8Array): Brine {
  const body = Buffer.from(value as string);
  if (body.length === 0) return raw('01');
  const tag = body.length <= 4 ? Buffer.from([0x09 + body.length]) : head(0x0e, body.length, 0x0f);
  return Buffer.concat([tag, body]);
}

export const str = (value: string | Uint8Array): Brine => Buffer.concat([raw('08'), data(value)]);

export function tuple(...items: Brine[]): Brine {
  const n = items.length;
  const tag = n === 0 ? raw('02') : n <= 4 ? Buffer.from([0x0f + n]) : head(0x14, n, 0x15);
  return Buffer.concat([tag, ...items]);
}

export const slice = (start: Brine, stop: Brine, step: Brine): Brine =>
  Buffer.concat([raw('19'), tuple(start, stop, step)]);

/** Boxes: a value, a tuple of boxes, an object of the receiver's, an object of the sender's. */
export const value = (item: Brine): Brine => tuple(int(1), item);
export const boxes = (...items: Brine[]): Brine => tuple(int(2), tuple(...items));
export const local = (pack: Brine): Brine => tuple(int(3), pack);
export const remote = (pack: Brine): Brine => tuple(int(4), pack);
export const idPack = (name: string, cls: number | bigint, instance: number | bigint): Brine =>
  tuple(str(name), int(cls), int(instance));

const message6 = (kind: number, seq: Brine, body: Brine): Buffer =>
  Buffer.concat([Buffer.from([kind]), tuple(seq, body)]);
const message5 = (kind: number, seq: Brine, body: Brine): Buffer => tuple(int(kind), seq, body);
const message = (kind: number, seq: number | Brine, body: Brine, version: 5 | 6): Buffer =>
  (version === 6 ? message6 : message5)(kind, typeof seq === 'number' ? int(seq) : seq, body);

/** Payload of a request whose arguments are boxes. */
export const request = (seq: number | Brine, handler: number | Brine, args: Brine[] = [], version: 5 | 6 = 6): Buffer =>
  message(1, seq, tuple(typeof handler === 'number' ? int(handler) : handler, boxes(...args)), version);
/** Payload of a request with any argument container. */
export const requestWith = (seq: number | Brine, handler: number, container: Brine): Buffer =>
  message(1, seq, tuple(int(handler), container), 6);
export const reply = (seq: number, box: Brine, version: 5 | 6 = 6): Buffer => message(2, seq, box, version);
export const exception = (seq: number, payload: Brine, version: 5 | 6 = 6): Buffer => message(3, seq, payload, version);

/** An id_pack as it was read, to be sent back. */
export interface Pack {
  name: string;
  cls: number;
  instance: number;
}
export const packOf = ({ name, cls, instance }: Pack): Brine => idPack(name, cls, instance);

/** What brine says: tuples as arrays, str as string, bytes as Buffer, None as null. */
export function readBrine(bytes: Buffer, start = 0): { value: any; end: number } {
  let at = start;
  const need = (n: number): Buffer => {
    if (at + n > bytes.length) throw new Error(`brine ends at ${bytes.length} inside a value`);
    at += n;
    return bytes.subarray(at - n, at);
  };
  const many = (n: number): any[] => Array.from({ length: n }, () => next());
  const next = (): any => {
    const tag = need(1)[0];
    if (tag >= 0x20 && tag <= 0xef) return tag - 0x50;
    if (tag >= 0x0a && tag <= 0x0d) return Buffer.from(need(tag - 0x09));
    if (tag >= 0x10 && tag <= 0x13) return many(tag - 0x0f);
    switch (tag) {
      case 0x00:
        return null;
      case 0x01:
        return Buffer.alloc(0);
      case 0x02:
        return [];
      case 0x03:
        return true;
      case 0x04:
        return false;
      case 0x05:
        return 'NotImplemented';
      case 0x06:
        return 'Ellipsis';
      case 0x08:
        return (next() as Buffer).toString('utf8');
      case 0x0e:
        return Buffer.from(need(need(1)[0]));
      case 0x0f:
        return Buffer.from(need(need(4).readUInt32BE()));
      case 0x14:
        return many(need(1)[0]);
      case 0x15:
        return many(need(4).readUInt32BE());
      case 0x16:
        return Number(need(need(1)[0]).toString());
      case 0x17:
        return BigInt(need(need(4).readUInt32BE()).toString());
      case 0x18:
        return need(8).readDoubleBE();
      case 0x19:
      case 0x1a:
        return next(); // a slice, a frozenset: what they are made of
      case 0x1b:
        return [need(8).readDoubleBE(), need(8).readDoubleBE()];
      default:
        throw new Error(`tag ${tag} at ${at - 1}`);
    }
  };
  return { value: next(), end: at };
}

/** A message of version 6 as it came. `box` is the label-first tree. */
export interface Heard {
  kind: number;
  seq: number;
  body: any;
}

export function readMessage(payload: Buffer): Heard {
  const [seq, body] = readBrine(payload, 1).value;
  return { kind: payload[0], seq, body };
}

/** `[name, text of the first argument]` of an exception payload; undefined for a reply. */
export function raisedBy(heard: Heard): [string, unknown] | undefined {
  if (heard.kind !== 3) return undefined;
  if (heard.body === 1) return ['StopIteration', undefined];
  const [[, name], args] = heard.body;
  return [name, args[0]];
}

/** A scripted client that has a server's root. */
export class Client {
  readonly link: ScriptedConnection;
  root!: Pack;
  #seq = 0;

  private constructor(link: ScriptedConnection) {
    this.link = link;
  }

  static async connect(port: number): Promise<Client> {
    const client = new Client(await ScriptedPeer.connect(port));
    client.root = asPack(await client.ask(GETROOT));
    return client;
  }

  /** Sends a request without waiting; returns its seq. */
  async send(handler: number | Brine, args: Brine[] = []): Promise<number> {
    const seq = this.#seq++;
    await this.link.sendFrame(request(seq, handler, args));
    return seq;
  }

  async sendWith(handler: number, container: Brine): Promise<number> {
    const seq = this.#seq++;
    await this.link.sendFrame(requestWith(seq, handler, container));
    return seq;
  }

  /** The answer of a request, whatever came before it. */
  async answer(seq: number): Promise<Heard> {
    for (;;) {
      const heard = readMessage(await this.link.nextPayload());
      if (heard.kind !== 1 && heard.seq === seq) return heard;
    }
  }

  async ask(handler: number | Brine, args: Brine[] = []): Promise<Heard> {
    return this.answer(await this.send(handler, args));
  }

  async askWith(handler: number, container: Brine): Promise<Heard> {
    return this.answer(await this.sendWith(handler, container));
  }

  get rootBox(): Brine {
    return local(packOf(this.root));
  }

  /** CALLATTR on the root. */
  call(name: string, ...args: Brine[]): Promise<Heard> {
    return this.ask(CALLATTR, [this.rootBox, value(str(name)), boxes(...args)]);
  }

  /** A PING that comes back: the connection is alive. */
  async isAlive(): Promise<boolean> {
    const heard = await this.ask(PING, [value(str('alive'))]);
    return heard.kind === 2 && heard.body[1] === 'alive';
  }
}

/** The object of ours that an answer names. */
export function asPack(heard: Heard): Pack {
  const [label, pack] = heard.body;
  if (heard.kind !== 2 || label !== 4) throw new Error(`no reference was answered: ${JSON.stringify(heard)}`);
  const [name, cls, instance] = pack;
  return { name, cls, instance };
}

/** A logger that remembers. */
export class Log implements Logger {
  readonly errors: unknown[][] = [];
  readonly debugs: unknown[][] = [];
  debug(...line: unknown[]): void {
    this.debugs.push(line);
  }
  info(): void {}
  warn(): void {}
  error(...line: unknown[]): void {
    this.errors.push(line);
  }
}

/** A Node server for this test. */
export async function serve(service: ServiceSource, options: ServerOptions = {}): Promise<Server> {
  const server = new Server(service, { logger: null, ...options });
  await server.start();
  onTestFinished(() => server.close());
  return server;
}

export { frame, payloadOf };
