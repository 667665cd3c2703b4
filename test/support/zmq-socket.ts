// src/zmtp's sockets for tests: what they received and were told, to be awaited. Parts are strings of latin-1 characters, one per byte.
import { onTestFinished } from 'vitest';
import { type SocketType, type ZmqOptions, ZmqSocket } from '../../src/zmtp/socket.ts';

export const latin1 = (part: Uint8Array): string =>
  Buffer.from(part.buffer, part.byteOffset, part.length).toString('latin1');
export const toBytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

export interface TestSocket {
  readonly socket: ZmqSocket;
  /** Reasons of `lost` so far. */
  readonly reasons: string[];
  send(...parts: string[]): boolean;
  /** The next message. */
  receive(): Promise<string[]>;
  /** Messages received that nobody has asked for. */
  readonly messages: string[][];
  /** Resolves once so many peers shook hands, ever. */
  peers(count: number): Promise<void>;
  /** Resolves once so many connections were lost, ever. */
  lost(count: number): Promise<void>;
}

/** A socket that is closed with the test. */
export function zmqSocket(type: SocketType, options: ZmqOptions = {}): TestSocket {
  const messages: string[][] = [];
  const reasons: string[] = [];
  let ready = 0;
  let waiting: (() => void)[] = [];
  const news = () => {
    const wake = waiting;
    waiting = [];
    for (const go of wake) go();
  };
  const until = async (is: () => boolean): Promise<void> => {
    while (!is()) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const socket = new ZmqSocket(
    type,
    {
      message: (parts) => {
        messages.push(parts.map(latin1));
        news();
      },
      peer: () => {
        ready++;
        news();
      },
      lost: (reason) => {
        reasons.push(reason);
        news();
      },
    },
    options,
  );
  onTestFinished(() => socket.close());
  return {
    socket,
    reasons,
    messages,
    send: (...parts) => socket.send(parts.map(toBytes)),
    receive: async () => {
      await until(() => messages.length > 0);
      return messages.shift() as string[];
    },
    peers: (count) => until(() => ready >= count),
    lost: (count) => until(() => reasons.length >= count),
  };
}
