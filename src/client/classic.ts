// Classic mode for its users: connecting to a slave, and what one does with it; children/classic.ts starts one. Answers to rpyc/utils/classic.py.
import type { Duplex, Readable, Writable } from 'node:stream';
import type { Ref } from '../netref/helpers.ts';
import type { Connection, SyncConnection } from '../protocol/connection.ts';
import { ClassicClient } from '../service/classic.ts';
import {
  type AnyClassic,
  type ClassicConnection,
  classicOf,
  type SyncClassicConnection,
  syncClassicOf,
  type Teleportable,
} from '../service/master.ts';
import type { ServiceSource } from '../service/service.ts';
import * as factory from './connect.ts';
import * as pipes from './pipes.ts';
import type { ProcessConnection, SyncProcessConnection } from './process.ts';
import * as ssh from './ssh.ts';
import type { SshDestination, SshRemote } from './ssh-target.ts';

export { ClassicConnection, type Modules, SyncClassicConnection, type Teleportable } from '../service/master.ts';
export { deliver, obtain } from './copies.ts';
export { type RemoteStreamOptions, remoteReadable, remoteWritable } from './file-streams.ts';
export {
  type InteractOptions,
  interact,
  type LineSource,
  pm,
  type Redirection,
  redirectedStdio,
  type Stdio,
  type TextSink,
} from './stdio.ts';
export {
  download,
  downloadDir,
  downloadFile,
  type PackageOptions,
  type Progress,
  type Transfer,
  type TransferOptions,
  upload,
  uploadDir,
  uploadFile,
  uploadModule,
  uploadPackage,
} from './transfer.ts';

/** TCP port of a classic server, 18812. */
export const DEFAULT_SERVER_PORT = 18812;
/** TCP port of a classic server over TLS, 18821. */
export const DEFAULT_SERVER_SSL_PORT = 18821;

/**
 * Like the options of `rpyc.connect`. `service` is what the slave may use of us: by default `ClassicClient`, which is nothing.
 * RPyC's own `classic.connect` gives the server everything; `{ service: rpyc.ClassicService }` does that here.
 */
export type ClassicOptions = factory.ConnectOptions;

const asMaster = <O extends { service?: ServiceSource }>(options: O): O => ({ service: ClassicClient, ...options });

/** A classic connection with the process that was started for it. */
export type ClassicProcessConnection = ClassicConnection & Pick<ProcessConnection, 'proc'>;
/** {@link ClassicProcessConnection}, blocking. */
export type SyncClassicProcessConnection = SyncClassicConnection & Pick<SyncProcessConnection, 'proc'>;

/** The classic view of a connection whose peer is a slave; `of(conn)` awaits and `of(connectSync(…))` blocks. Nothing is sent. */
export function of(conn: SyncProcessConnection): SyncClassicProcessConnection;
export function of(conn: ProcessConnection): ClassicProcessConnection;
export function of(conn: SyncConnection): SyncClassicConnection;
export function of(conn: Connection): ClassicConnection;
export function of(conn: Connection | SyncConnection): AnyClassic {
  return 'async' in conn ? syncClassicOf(conn.async) : classicOf(conn);
}

/**
 * RPyC's `classic.connect`: a connection to a slave (`rpyc_classic`, or any server of SlaveService or ClassicService).
 *
 *     const conn = await rpyc.classic.connect('localhost');
 *     await conn.modules.os.getcwd();
 *
 * @param port default 18812
 * @throws {ConnectError} when nobody accepts, {VersionError} when no wire version fits
 */
export async function connect(
  host: string,
  port: number = DEFAULT_SERVER_PORT,
  options: ClassicOptions = {},
): Promise<ClassicConnection> {
  return classicOf(await factory.connect(host, port, asMaster(options)));
}

/** {@link connect} that blocks: `connectSync('localhost').modules.os.getcwd()` is a string. @throws as {@link connect} */
export function connectSync(
  host: string,
  port: number = DEFAULT_SERVER_PORT,
  options: ClassicOptions = {},
): SyncClassicConnection {
  return syncClassicOf(factory.connectSync(host, port, asMaster(options)).async);
}

/** RPyC's `classic.ssl_connect`: {@link connect} over TLS, to port 18821 by default. @throws as `rpyc.sslConnect` */
export async function sslConnect(
  host: string,
  port: number = DEFAULT_SERVER_SSL_PORT,
  options: factory.SslConnectOptions = {},
): Promise<ClassicConnection> {
  return classicOf(await factory.sslConnect(host, port, asMaster(options)));
}

/** {@link sslConnect} that blocks. @throws as `rpyc.sslConnectSync` */
export function sslConnectSync(
  host: string,
  port: number = DEFAULT_SERVER_SSL_PORT,
  options: factory.SslConnectOptions = {},
): SyncClassicConnection {
  return syncClassicOf(factory.sslConnectSync(host, port, asMaster(options)).async);
}

/** RPyC's `classic.unix_connect`: to a slave on a Unix socket. @throws as {@link connect} */
export async function unixConnect(path: string, options: ClassicOptions = {}): Promise<ClassicConnection> {
  return classicOf(await factory.unixConnect(path, asMaster(options)));
}

/** {@link unixConnect} that blocks. @throws as {@link connect} */
export function unixConnectSync(path: string, options: ClassicOptions = {}): SyncClassicConnection {
  return syncClassicOf(factory.unixConnectSync(path, asMaster(options)).async);
}

/** RPyC's `classic.connect_stream`: over a Node Duplex (TLS, SSH). Awaited calls only; `protocol` must be the slave's. */
export async function connectStream(stream: Duplex, options: factory.StreamOptions = {}): Promise<ClassicConnection> {
  return classicOf(await factory.connectStream(stream, asMaster(options)));
}

/** RPyC's `classic.connect_pipes`: over descriptors or Node streams, one to read from and one to write to. See `rpyc.connectPipes`. */
export async function connectPipes(
  input: number | Readable,
  output: number | Writable,
  options: factory.StreamOptions = {},
): Promise<ClassicConnection> {
  return classicOf(await pipes.connectPipes(input, output, asMaster(options)));
}

/** {@link connectPipes} that blocks, over descriptors only. */
export function connectPipesSync(
  input: number,
  output: number,
  options: factory.StreamOptions = {},
): SyncClassicConnection {
  return syncClassicOf(pipes.connectPipesSync(input, output, asMaster(options)).async);
}

/** RPyC's `classic.connect_stdpipes`: over this process's standard input and output. See `rpyc.connectStdpipes`. */
export async function connectStdpipes(options: factory.StreamOptions = {}): Promise<ClassicConnection> {
  return classicOf(await pipes.connectStdpipes(asMaster(options)));
}

/** {@link connectStdpipes} that blocks. */
export function connectStdpipesSync(options: factory.StreamOptions = {}): SyncClassicConnection {
  return syncClassicOf(pipes.connectStdpipesSync(asMaster(options)).async);
}

/**
 * RPyC's `classic.ssh_connect`: to a slave that listens on another machine, through the system's `ssh`. `conn.proc` is the `ssh` process.
 * @throws as {@link sshConnect | rpyc.sshConnect}
 */
export async function sshConnect(
  target: SshDestination,
  remote: SshRemote = DEFAULT_SERVER_PORT,
  options: ClassicOptions = {},
): Promise<ClassicProcessConnection> {
  return of(await ssh.sshConnect(target, remote, asMaster(options)));
}

/** {@link sshConnect} that blocks. @throws as {@link sshConnect} */
export function sshConnectSync(
  target: SshDestination,
  remote: SshRemote = DEFAULT_SERVER_PORT,
  options: ClassicOptions = {},
): SyncClassicProcessConnection {
  return of(ssh.sshConnectSync(target, remote, asMaster(options)));
}

/**
 * Sends a function to the slave and returns it as a remote callable. To Python goes source text (`def double(x): return 2 * x`; the last
 * function defined at its top level is returned, and all of it lands in `namespace`), because byte code is tied to one release of Python.
 * To a Node slave goes a JavaScript function, by its source: what it closes over stays here.
 * Answers to teleport_function in rpyc/utils/classic.py.
 * @throws {TypeError} for a JavaScript function to Python, a native or bound function, and text that defines none
 */
export function teleport(conn: ClassicConnection, fn: Teleportable): Promise<Ref>;
export function teleport(conn: SyncClassicConnection, fn: Teleportable): Ref;
export function teleport(conn: AnyClassic, fn: Teleportable): Ref {
  return conn.teleport(fn);
}
