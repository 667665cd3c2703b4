// test/fixtures/rpyc-vectors.json: bytes captured from real RPyC. Its first entry, `format`, says how to read it; this is that, in code.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/setup.mjs';
import { Complex, Ellipsis, FrozenSet, NotImplemented, Slice } from '../../src/python/values.ts';

/** A run-length coded hex string. */
type Hex = string | [string, number][];

/** A described Python value; see `format`. */
export type Described = null | boolean | string | { readonly [tag: string]: any };

/** A described box. */
export type DescribedBox =
  | { box: 'value'; value: Described }
  | { box: 'tuple'; items: DescribedBox[] }
  | { box: 'remote_ref' | 'local_ref'; id: [name: string, classId: string, instanceId: string] };

export type DescribedMessage =
  | { kind: 'request'; seq: number; handler: string; args: DescribedBox }
  | { kind: 'reply'; seq: number; result: DescribedBox }
  | { kind: 'exception'; seq: number; exception: Described };

export interface ValueVector {
  name: string;
  bytes: Buffer;
  value: Described;
}

export interface FrameVector {
  /** `connection / step / frame number`. */
  name: string;
  fromClient: boolean;
  /** The whole frame. */
  bytes: Buffer;
  compressed: boolean;
  /** Inflated. */
  payload: Buffer;
  message: DescribedMessage;
}

export interface RegistryVector {
  name: string;
  rpyc: string;
  from: 'client' | 'registry';
  bytes: Buffer;
  value: Described;
}

export interface ConnectionVector {
  id: string;
  version: 5 | 6;
  bound: boolean;
  frames: FrameVector[];
}

const HANDLERS =
  ' PING CLOSE GETROOT GETATTR DELATTR SETATTR CALL CALLATTR REPR STR CMP HASH DIR PICKLE DEL INSPECT BUFFITER OLDSLICING CTXEXIT INSTANCECHECK'.split(
    ' ',
  );

/** RPyC's number of a handler's name, or of `#number`. */
export function handlerNumber(name: string): number {
  return name.startsWith('#') ? Number(name.slice(1)) : HANDLERS.indexOf(name);
}

const path = join(root, 'test/fixtures/rpyc-vectors.json');
const document = JSON.parse(readFileSync(path, 'utf8'));

export const values: ValueVector[] = document.values.map((form: any) => ({
  name: form.name,
  bytes: bytesOf(form.hex),
  value: form.value,
}));

export const connections: ConnectionVector[] = document.connections.map((form: any) => ({
  id: form.id,
  version: form.rpyc.startsWith('6') ? 6 : 5,
  bound: form.bind_threads,
  frames: form.steps.flatMap((step: any) => step.frames.map((frame: any) => frameOf(form.id, step.name, frame))),
}));

/** Messages of registries, whole datagrams or what a TCP client or registry sent. */
export const registry: RegistryVector[] = document.registry.map((form: any) => ({
  name: form.name,
  rpyc: form.rpyc,
  from: form.from,
  bytes: bytesOf(form.hex),
  value: form.value,
}));

function frameOf(id: string, step: string, form: any): FrameVector {
  const bytes = bytesOf(form.hex);
  return {
    name: `${id} / ${step} / frame ${form.order}`,
    fromClient: form.from === 'client',
    bytes,
    compressed: form.compressed,
    payload: form.compressed ? bytesOf(form.payload_hex) : bytes.subarray(5, -1),
    message: form.message,
  };
}

function bytesOf(hex: Hex): Buffer {
  if (typeof hex === 'string') return Buffer.from(hex, 'hex');
  return Buffer.concat(hex.flatMap(([run, times]) => Array<Buffer>(times).fill(Buffer.from(run, 'hex'))));
}

/** The number with these bits. */
export function floatOf(bits: string): number {
  return Buffer.from(bits, 'hex').readDoubleBE();
}

/** The items of a described tuple, string or bytes `n` times over. */
export function repeated([unit, times]: [any, number]): Described {
  if (typeof unit === 'string') return unit.repeat(times);
  if ('bytes' in unit) return { bytes: unit.bytes.repeat(times) };
  return { tuple: Array<Described[]>(times).fill(unit.tuple).flat() };
}

/** What a described value is in JavaScript: mapping section A2. */
export function jsOf(value: Described): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const [tag, body] = Object.entries(value)[0] as [string, any];
  switch (tag) {
    case 'int':
      return Number.isSafeInteger(Number(body)) ? Number(body) : BigInt(body);
    case 'float':
      return floatOf(body);
    case 'complex':
      return new Complex(floatOf(body[0]), floatOf(body[1]));
    case 'bytes':
      return bytesOf(body);
    case 'tuple':
      return Object.freeze(body.map(jsOf));
    case 'frozenset':
      return new FrozenSet(body.map(jsOf));
    case 'slice':
      return new Slice(jsOf(body[0]), jsOf(body[1]), jsOf(body[2]));
    case 'ellipsis':
      return Ellipsis;
    case 'notimplemented':
      return NotImplemented;
    case 'repeat':
      return jsOf(repeated(body));
    default:
      throw new Error(`unknown description ${tag}`);
  }
}
