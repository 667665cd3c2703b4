// One question to another service and its answer, blocking: what node:dgram and node:net cannot do. For services that are no RPyC peers.
import { isIP } from 'node:net';
import { ConnectError, codedError, InterruptedError } from '../errors.ts';
import { detail } from './engine.ts';
import { addon } from './load.ts';
import { OWNS_SOCKETS } from './peer.ts';
import { describeTarget, dialHandleSync } from './socket.ts';

/** Whom to ask what. */
export interface Question {
  host: string;
  port: number;
  message: Uint8Array;
  timeoutMs: number;
}

/**
 * Sends a datagram and blocks until one comes from that port.
 * @param family of the address, where `host` is a name
 * @returns undefined: none came in time
 * @throws {ConnectError} where it cannot be sent, {InterruptedError} for a signal that has a listener
 */
export function askDatagramSync(question: Question, broadcast: boolean, family: 4 | 6): Uint8Array | undefined {
  const { host, port, message, timeoutMs } = question;
  if (!OWNS_SOCKETS) throw codedError(new TypeError('blocking calls need Node'), 'ERR_RPYC_BLOCKING_UNSUPPORTED');
  return answerOf(question, () => {
    const found = isIP(host) ? [host] : addon.resolve(host);
    const address = found.find((one) => isIP(one.split('%')[0]) === family) ?? found[0];
    return addon.askDatagram(address, port, broadcast, message, timeoutMs);
  });
}

/**
 * Connects, sends, and blocks until the peer ends the connection.
 * @returns undefined: it did not in time
 * @throws as {@link askDatagramSync}
 */
export function askStreamSync(question: Question): Uint8Array | undefined {
  const until = Date.now() + question.timeoutMs;
  const handle = dialHandleSync({ host: question.host, port: question.port }, question.timeoutMs);
  try {
    return answerOf(question, () => addon.askStream(handle, question.message, Math.max(0, until - Date.now())));
  } finally {
    addon.close(handle);
  }
}

function answerOf(question: Question, ask: () => Uint8Array | null): Uint8Array | undefined {
  let answer: Uint8Array | null;
  try {
    answer = ask();
  } catch (error) {
    throw new ConnectError(`cannot ask ${describeTarget(question)}: ${(error as Error).message}`, [error as Error]);
  }
  if (answer !== null) return answer;
  if (detail() !== 0) throw new InterruptedError(detail());
  return undefined;
}

/** Numeric addresses of a name, blocking. @throws a system error */
export function resolveSync(host: string): string[] {
  return addon.resolve(host);
}
