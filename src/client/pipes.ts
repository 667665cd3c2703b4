// Connections over a descriptor to read from and one to write to: pipes, and this process's standard streams. Answers to connect_pipes and
// connect_stdpipes of rpyc/utils/factory.py, and to PipeStream of rpyc/core/stream.py.
import { Duplex, type Readable, type Writable } from 'node:stream';
import { adoptPipes, takeStdio } from '../native/socket.ts';
import type { Connection, SyncConnection } from '../protocol/connection.ts';
import { type AwaitedOptions, connectStream, openOver, openOverSync, type StreamOptions } from './connect.ts';

/**
 * RPyC's `connect_pipes`: over descriptors (numbers), or over Node streams, of which calls can only be awaited. The connection owns the
 * descriptors from here on, and closes them.
 *
 *     const conn = await rpyc.connectPipes(child.stdout, child.stdin);
 *
 * @throws {VersionError} when the peer speaks another version than `protocol`, {ConnectError} for regular files, a system error for a
 * descriptor that is not open
 */
export async function connectPipes(
  input: number | Readable,
  output: number | Writable,
  options: StreamOptions & AwaitedOptions = {},
): Promise<Connection> {
  if (typeof input === 'number' && typeof output === 'number')
    return openOver(() => adoptPipes(checked(input), checked(output)), options);
  if (typeof input === 'number' || typeof output === 'number')
    throw new TypeError('connectPipes takes two descriptors or two streams, not one of each');
  return connectStream(Duplex.from({ readable: input, writable: output }), options);
}

/** {@link connectPipes} that blocks, with calls that block; over descriptors only. @throws as {@link connectPipes} */
export function connectPipesSync(input: number, output: number, options: StreamOptions = {}): SyncConnection {
  return openOverSync(() => adoptPipes(checked(input), checked(output)), options);
}

/**
 * RPyC's `connect_stdpipes`: over this process's standard input and output, for a program that its peer has started (or inetd, where both are
 * one socket). They belong to the connection from here on: what the program prints goes to standard error instead (nowhere
 * where that is the connection too), that of libraries and of child processes included, and reading standard input finds its end.
 * @throws as {@link connectPipes}
 */
export async function connectStdpipes(options: StreamOptions & AwaitedOptions = {}): Promise<Connection> {
  return openOver(() => adoptPipes(...takeStdio()), options);
}

/** {@link connectStdpipes} that blocks, with calls that block. @throws as {@link connectPipes} */
export function connectStdpipesSync(options: StreamOptions = {}): SyncConnection {
  return openOverSync(() => adoptPipes(...takeStdio()), options);
}

function checked(fd: number): number {
  if (Number.isInteger(fd) && fd >= 0 && fd < 2 ** 31) return fd;
  throw new TypeError(`a descriptor is a whole number, not ${String(fd)}`);
}
