// `rpyc_classic`: RPyC's classic server with Node's SlaveService behind it. Answers to rpyc/cli/rpyc_classic.py.
import { isatty } from 'node:tty';
import { SslAuthenticator } from '../auth/authenticator.ts';
import { DEFAULT_SERVER_PORT, DEFAULT_SERVER_SSL_PORT } from '../client/classic.ts';
import { adoptPipes, takeStdio } from '../native/socket.ts';
import type { Logger } from '../policy/logger.ts';
import { ForkingServer } from '../server/forking.ts';
import { OneShotServer } from '../server/oneshot.ts';
import { Server, type ServerOptions } from '../server/server.ts';
import { SlaveService } from '../service/classic.ts';
import type { Arguments, Command } from './command.ts';
import { UsageError } from './exit.ts';
import { serveUntilSignal } from './lifetime.ts';
import { makeLogger } from './logging.ts';
import { print } from './output.ts';
import { REGISTRAR_OPTIONS, registrarOf } from './registrar.ts';
import { SSL_SERVER_OPTIONS, serverFiles } from './tls.ts';

/** Seconds for calls that are being served when a signal comes. */
const DRAIN_TIMEOUT = 10;

export const CLASSIC: Command = {
  name: 'rpyc_classic',
  usage: '[options]',
  about:
    'Serves classic mode: whoever connects can import modules and run code in this process. Listens on this machine only, unless told otherwise.',
  positionals: [0, 0],
  options: {
    mode: {
      short: 'm',
      value: 'MODE',
      choices: ['threaded', 'forking', 'stdio', 'oneshot'],
      help: 'threaded (default: all connections in one event loop), forking (a process for each), stdio (one client, on stdin and stdout: for inetd and connect_subproc), oneshot (one connection)',
    },
    port: {
      short: 'p',
      value: 'PORT',
      help: `TCP port (default ${DEFAULT_SERVER_PORT}, with TLS ${DEFAULT_SERVER_SSL_PORT})`,
    },
    host: { value: 'HOST', help: 'address or name to listen on (default 127.0.0.1, with --ipv6 ::1)' },
    ipv6: { help: 'listen on IPv6' },
    ...SSL_SERVER_OPTIONS,
    ...REGISTRAR_OPTIONS,
    logfile: { value: 'FILE', help: 'log into this file (default: stderr)' },
    quiet: { short: 'q', help: 'log errors only' },
  },
  notes:
    'The first SIGTERM or SIGINT lets calls that are being served end, the second ends at once.\nWith -m oneshot the first lines of stdout are "rpyc-oneshot" and "host<tab>port".',
  run,
};

async function run(args: Arguments): Promise<number> {
  const mode = args.text('mode') ?? 'threaded';
  const ipv6 = args.has('ipv6');
  const tls = serverFiles(args);
  const port = args.port('port') ?? (tls === undefined ? DEFAULT_SERVER_PORT : DEFAULT_SERVER_SSL_PORT);
  const logger = makeLogger(`SLAVE/${port}`, args.has('quiet'), args.text('logfile'));
  const warn = (line: string): void => logger.warn(line);
  if (mode === 'stdio') return serveUntilSignal(stdioSlave(), DRAIN_TIMEOUT, warn);
  const registrar = registrarOf(args, logger);
  const hostname = args.text('host') ?? (ipv6 ? '::1' : '127.0.0.1');
  const options: ServerOptions = { hostname, port, ipv6, logger, ...(registrar === undefined ? {} : { registrar }) };
  const server = await start(mode, options, tls);
  const { host, port: bound } = server.address;
  if (mode === 'oneshot') print(`rpyc-oneshot\n${host}\t${bound}`);
  logger.info(`server started on [${host}]:${bound}`);
  return serveUntilSignal(server, DRAIN_TIMEOUT, warn);
}

type Slaves = Server | ForkingServer;

function start(mode: string, options: ServerOptions, tls: Record<string, string> | undefined): Promise<Slaves> {
  if (mode === 'forking') {
    // Its children make the authenticator themselves: of what it is made of, they know by the module's URL.
    const module = new URL('./slave.js', import.meta.url);
    module.search = new URLSearchParams(tls).toString();
    return new ForkingServer(module, options).start();
  }
  const guarded = tls === undefined ? options : { ...options, authenticator: new SslAuthenticator(tls) };
  const server = mode === 'oneshot' ? new OneShotServer(SlaveService, guarded) : new Server(SlaveService, guarded);
  logConnections(server, options.logger as Logger);
  return server.start();
}

/** `serveStdio`, but that what the slave prints goes nowhere, as in RPyC. */
function stdioSlave(): OneShotServer {
  if (isatty(0) || isatty(1))
    throw new UsageError(
      '-m stdio speaks RPyC on its standard streams, and these are a terminal: start it from a client',
    );
  const server = new OneShotServer(SlaveService, { logger: null });
  server.accept(adoptPipes(...takeStdio(true)));
  return server;
}

/** RPyC's words. */
function logConnections(server: Server, logger: Logger): void {
  server.on('connection', (conn) => {
    const [host, port] = (conn.config.endpoints?.[1] ?? []) as [string?, number?];
    const who = `[${host}]:${port}`;
    logger.info(`welcome ${who}`);
    conn.once('close', () => logger.info(`goodbye ${who}`));
  });
}
