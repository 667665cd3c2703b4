// Connections to processes that are started for them. Answers to connect_subproc and connect_multiprocess of rpyc/utils/factory.py.
import type { ChildProcess } from 'node:child_process';
import { type AwaitedOptions, type ConnectOptions, open, openSync, type Route } from '../client/connect.ts';
import { type ProcessConnection, type SyncProcessConnection, withProcess } from '../client/process.ts';
import { FORKED, nodeFlags, writeTask } from '../server/child.ts';
import { connectionOptions } from '../server/copied.ts';
import { urlOf } from '../server/module.ts';
import { checkServerOptions, type ServerOptions } from '../server/server.ts';
import { Child, type Command, type ProcessOptions } from './child.ts';

/** What `connectSubproc` takes of connecting. A process that was started is not dialled again but started anew. */
export type ProcessConnectOptions = Omit<ConnectOptions, 'keepalive' | 'retry'>;

/** What `connectSubproc` starts. */
export interface Subproc extends ProcessOptions {
  /** The program and its arguments: `['python3', '-u', 'service.py']`. It speaks RPyC over its standard input and output. */
  command: readonly string[];
}

/** What `connectMultiprocess` starts. */
export interface MultiprocessOptions extends ProcessConnectOptions, ProcessOptions {
  /** What the other side's `namespace` (of a slave) or `exposed_namespace` is given, copied. As RPyC's `args`. */
  args?: Record<string, unknown>;
  /** What the process gets of a server's options; they are copied. */
  remote?: Omit<ServerOptions, 'port' | 'hostname' | 'socketPath'>;
}

/** A way to a process that is started for each attempt: one for each version that has to be tried. @internal */
export class ProcessRoute implements Route {
  readonly endpoint: string;
  private child: Child | undefined;
  private readonly start: () => Child;

  constructor(program: string, start: () => Child) {
    this.endpoint = `subprocess ${program}`;
    this.start = start;
  }
  async dial(): Promise<Child['peer']> {
    return this.dialSync();
  }
  dialSync(): Child['peer'] {
    this.child = this.start();
    return this.child.peer;
  }
  /** The one that answered. */
  get process(): ChildProcess {
    return (this.child as Child).process;
  }
}

/** @internal */
export async function connected(
  route: ProcessRoute,
  options: ConnectOptions & AwaitedOptions,
): Promise<ProcessConnection> {
  return withProcess(await open(route, options), route.process);
}

/** @internal */
export function connectedSync(route: ProcessRoute, options: ConnectOptions): SyncProcessConnection {
  return withProcess(openSync(route, options), route.process);
}

const isCommand = (what: unknown): what is Command =>
  Array.isArray(what) && what.length > 0 && what.every((text) => typeof text === 'string') && what[0] !== '';

function commandRoute(what: readonly string[] | Subproc): ProcessRoute {
  const { command, ...how } = typeof what === 'object' && 'command' in what ? what : { command: what };
  if (!isCommand(command))
    throw new TypeError(
      "what is started is a list of texts, the program first: ['python3', '-u', 'service.py']; a service module is for connectMultiprocess",
    );
  return new ProcessRoute(command[0], () => new Child(command, ['connection', 'connection'], how));
}

/**
 * RPyC's `connect_subproc`: starts a program that speaks RPyC over its standard input and output, and connects to it. `conn.proc` is the
 * process. It ends with the connection, and the connection with it: an EOFError then tells its exit status and its last lines of standard error.
 *
 *     const conn = await rpyc.connectSubproc(['python3', '-u', '-m', 'rpyc.cli.rpyc_classic', '-m', 'stdio']);
 *
 * Standard input and output of the child are one socket. Unless `protocol` tells the version, a child that speaks 5.x is started a second time.
 * A Node program serves with {@link serveStdio}; a module that is but a service is for {@link connectMultiprocess}. On POSIX systems only.
 * @param what the program and its arguments, or these with an environment, working directory and so on
 * @throws {ConnectError} where it cannot be started, {EOFError} where it ends before it answers, {ProtocolError} where it prints something
 * else; else as `connect`
 */
export async function connectSubproc(
  what: readonly string[] | Subproc,
  options: ProcessConnectOptions & AwaitedOptions = {},
): Promise<ProcessConnection> {
  return connected(commandRoute(what), options);
}

/** {@link connectSubproc} that blocks, with calls that block. @throws as {@link connectSubproc} */
export function connectSubprocSync(
  what: readonly string[] | Subproc,
  options: ProcessConnectOptions = {},
): SyncProcessConnection {
  return connectedSync(commandRoute(what), options);
}

/** The connection is descriptor 3, the task comes over standard input. */
function moduleRoute(module: URL | string, { args, remote = {}, ...how }: MultiprocessOptions): ProcessRoute {
  checkServerOptions(remote);
  const url = urlOf(module);
  const task = writeTask({
    module: url,
    options: connectionOptions(remote, 'a child process'),
    ...(args === undefined ? {} : { args }),
  });
  const start = (): Child =>
    new Child([process.execPath, ...nodeFlags(process.execArgv), FORKED], [task, 'inherit', 'connection'], how);
  return new ProcessRoute(url, start);
}

/**
 * RPyC's `connect_multiprocess`: serves a module in a Node process of its own, and connects to it. `conn.proc` is the process, whose standard
 * output is ours.
 *
 *     const conn = await rpyc.connectMultiprocess(new URL('./service.js', import.meta.url), { args: { limit: 10 } });
 *
 * The module's default export is a Service class, an instance, or a function that returns one. `args` are put into its namespace, as copies:
 * processes share no memory here (threads do, see {@link connectThread}); pass callbacks and objects over the connection for that.
 * @throws {TypeError} for `args` or options that cannot be copied; else as {@link connectSubproc}
 */
export async function connectMultiprocess(
  module: URL | string,
  options: MultiprocessOptions & AwaitedOptions = {},
): Promise<ProcessConnection> {
  return connected(moduleRoute(module, options), { protocol: 6, ...options });
}

/** {@link connectMultiprocess} that blocks, with calls that block. @throws as {@link connectMultiprocess} */
export function connectMultiprocessSync(
  module: URL | string,
  options: MultiprocessOptions = {},
): SyncProcessConnection {
  return connectedSync(moduleRoute(module, options), { protocol: 6, ...options });
}
