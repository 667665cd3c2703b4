// The registry's messages: one brine value each, of which nothing is believed before it was looked at. Answers to rpyc/utils/registry.py.
//
//     ("RPYC", "QUERY", (name,))              -> ((host, port), …)
//     ("RPYC", "REGISTER", ((name, …), port)) -> "OK"
//     ("RPYC", "UNREGISTER", (port,))         -> "OK"
//     ("RPYC", "LIST", ((host or None,),))    -> (name, …), or None where listing is off
import { dumpBrine, loadBrine } from '../boxing/brine.ts';
import { ProtocolError } from '../errors.ts';
import { tuple } from '../python/values.ts';

/** RPyC's port of registries, UDP and TCP. */
export const REGISTRY_PORT = 18811;
/** Longest message that RPyC's peers read, bytes; */
export const MAX_MESSAGE = 1500;
/** and longest answer to LIST that they read over UDP. */
export const MAX_LIST = 15_000;

const MAX_NAME = 255;
const MAGIC = 'RPYC';

/** Where a server is: the address that it registered from, and its port. */
export type ServerAddress = readonly [host: string, port: number];

/** What a registry is asked. Names are in upper case. */
export type Request =
  | { command: 'QUERY'; name: string }
  | { command: 'LIST'; host: string | null }
  | { command: 'REGISTER'; names: readonly string[]; port: number }
  | { command: 'UNREGISTER'; port: number };

/** A request as bytes. */
export function writeRequest(request: Request): Uint8Array {
  return dumpBrine(tuple(MAGIC, request.command, argumentsOf(request)));
}

function argumentsOf(request: Request): readonly unknown[] {
  switch (request.command) {
    case 'QUERY':
      return tuple(request.name);
    case 'LIST':
      return tuple(tuple(request.host));
    case 'REGISTER':
      return tuple(tuple(...request.names), request.port);
    case 'UNREGISTER':
      return tuple(request.port);
  }
}

/**
 * @returns undefined where the bytes end inside the message
 * @throws {ProtocolError} that says what is wrong with it
 */
export function readRequest(bytes: Uint8Array): Request | undefined {
  const loaded = loadBrine(bytes);
  if (loaded === undefined) return undefined;
  const parts = loaded.value;
  if (!(Array.isArray(parts) && parts.length === 3 && parts[0] === MAGIC)) throw bad('it does not begin with "RPYC"');
  const [, command, given] = parts as unknown[];
  if (typeof command !== 'string' || !Array.isArray(given)) throw bad('it has no command and arguments');
  const [first, second] = given as unknown[];
  const expect = (count: number): void => {
    if (given.length !== count) throw bad(`${given.length} arguments`);
  };
  switch (command.toUpperCase()) {
    case 'QUERY':
      expect(1);
      return { command: 'QUERY', name: nameOf(first) };
    case 'LIST':
      expect(1);
      return { command: 'LIST', host: filterOf(first) };
    case 'REGISTER':
      expect(2);
      if (!(Array.isArray(first) && first.length > 0)) throw bad('no tuple of names');
      return { command: 'REGISTER', names: first.map(nameOf), port: portOf(second) };
    case 'UNREGISTER':
      expect(1);
      return { command: 'UNREGISTER', port: portOf(first) };
    default:
      throw bad('an unknown command');
  }
}

const bad = (what: string): ProtocolError => new ProtocolError(`no message of a registry: ${what}`);

const isName = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= MAX_NAME;

export const isPort = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536;

function nameOf(value: unknown): string {
  if (!isName(value)) throw bad('a name that is none');
  return value.toUpperCase();
}

function portOf(value: unknown): number {
  if (!isPort(value)) throw bad('a port that is none');
  return value;
}

/** Python sends `(None,)`, or `(host,)`. */
function filterOf(value: unknown): string | null {
  const host: unknown = Array.isArray(value) ? value[0] : undefined;
  if (host === null || host === '') return null;
  if (!isName(host)) throw bad('a host that is none');
  return host;
}

/** The answer to REGISTER and UNREGISTER. */
export const OK: Uint8Array = dumpBrine('OK');
/** The answer to LIST where listing is off. */
export const DENIED: Uint8Array = dumpBrine(null);

/** The answer to QUERY or LIST, with as many of the last of `items` as fit into `room` bytes. */
export function writeList(items: readonly (string | ServerAddress)[], room: number): Uint8Array {
  // None takes less than 3 bytes.
  let kept = items.slice(-Math.ceil(room / 3));
  for (;;) {
    const bytes = dumpBrine(tuple(...kept.map((item) => (typeof item === 'string' ? item : tuple(...item)))));
    if (bytes.length <= room) return bytes;
    kept = kept.slice(Math.ceil(kept.length * (1 - room / bytes.length)));
  }
}

function answered(bytes: Uint8Array): unknown {
  const loaded = loadBrine(bytes);
  if (loaded === undefined) throw bad('the answer is cut short');
  return loaded.value;
}

/** @throws {ProtocolError} for anything but an answer to QUERY; pairs in it that are no address are left out */
export function readServers(bytes: Uint8Array): ServerAddress[] {
  const pairs = answered(bytes);
  if (!Array.isArray(pairs)) throw bad('the answer is no tuple of addresses');
  return pairs.filter(
    (pair): pair is ServerAddress =>
      Array.isArray(pair) && pair.length === 2 && isName(pair[0]) && !/\s|\p{C}/u.test(pair[0]) && isPort(pair[1]),
  );
}

/** @returns null: listing is off. @throws {ProtocolError} for anything but an answer to LIST */
export function readNames(bytes: Uint8Array): string[] | null {
  const names = answered(bytes);
  if (names === null) return null;
  if (!Array.isArray(names)) throw bad('the answer is no tuple of names');
  return names.filter(isName);
}

/** @throws {ProtocolError} for anything but "OK" */
export function readOk(bytes: Uint8Array): true {
  if (answered(bytes) !== 'OK') throw bad('the answer is not "OK"');
  return true;
}
