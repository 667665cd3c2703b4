// A server of one connection that is there already: standard input and output, for inetd and for whoever starts this process. The same for
// `rpyc_classic -m stdio`, which drops what is printed: cli/classic.ts.
import { adoptPipes, takeStdio } from '../native/socket.ts';
import type { ServiceSource } from '../service/service.ts';
import { OneShotServer } from './oneshot.ts';
import type { ServerOptions } from './server.ts';

/** What `serveStdio` takes: the options of a server, but for those of listening and of many connections. */
export type StdioOptions = Omit<
  ServerOptions,
  | 'hostname'
  | 'port'
  | 'ipv6'
  | 'socketPath'
  | 'fd'
  | 'listenFds'
  | 'backlog'
  | 'reuseAddr'
  | 'reusePort'
  | 'maxConnections'
  | 'acceptRate'
  | 'registrar'
  | 'autoRegister'
>;

/**
 * Serves whoever started this process, over its standard input and output: RPyC's `connect_subproc` and {@link connectSubproc} on the other
 * side, `ssh host node service.js`, inetd and systemd's `Accept=yes` (where both are one socket). Returns the server, which has its connection
 * already and emits `close` at its end.
 *
 *     rpyc.serveStdio(Calculator);
 *
 * Standard output carries messages from here on: what the program prints, libraries and child processes included, goes to standard error
 * (nowhere where that is the connection too), and standard input is at its end for everybody else. Call it first.
 * @throws {ConnectError} where they are regular files; a system error where they are closed
 */
export function serveStdio(service: ServiceSource, options: StdioOptions = {}): OneShotServer {
  const server = new OneShotServer(service, options);
  server.accept(adoptPipes(...takeStdio()));
  return server;
}
