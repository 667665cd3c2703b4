// `rpyc serve`: the service of a module, served until a signal comes.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { loadAuthenticator, loadService } from '../server/module.ts';
import { WorkerPoolServer } from '../server/pool/pool.ts';
import { Server, type ServerOptions } from '../server/server.ts';
import type { ServiceSource } from '../service/service.ts';
import type { Arguments, Command } from './command.ts';
import { EXIT, Failure, UsageError } from './exit.ts';
import { serveUntilSignal } from './lifetime.ts';
import { makeLogger } from './logging.ts';
import { print } from './output.ts';
import { serveMetrics } from './prometheus.ts';
import { describe } from './target.ts';
import { authenticatorOf, SSL_SERVER_OPTIONS } from './tls.ts';

export const SERVE: Command = {
  name: 'rpyc serve',
  usage: '[options] MODULE',
  about:
    'Serves the service that a module exports by default: a subclass of rpyc.Service, an instance of one, or a function that returns one of these.',
  positionals: [1, 1],
  options: {
    port: { short: 'p', value: 'PORT', help: 'TCP port (default: any free one)' },
    host: { value: 'HOST', help: 'address or name to listen on (default 127.0.0.1, with --ipv6 ::1)' },
    ipv6: { help: 'listen on IPv6' },
    workers: {
      short: 'w',
      value: 'N',
      help: 'serve with so many threads, each with the service of its own (default: one, without)',
    },
    unix: { value: 'PATH', help: 'listen on a Unix socket instead' },
    'max-connections': { value: 'N', help: 'connections at a time (default 10000)' },
    'max-in-flight': { value: 'N', help: 'requests of one connection served at a time (default 1024)' },
    'idle-timeout': { value: 'SECONDS', help: 'for clients that ask nothing (default: none)' },
    'allow-public-attrs': { help: 'let clients reach every attribute that does not begin with _' },
    ...SSL_SERVER_OPTIONS,
    'drain-timeout': { value: 'SECONDS', help: 'for calls being served when a signal comes (default 30)' },
    'metrics-port': { value: 'PORT', help: 'serve Prometheus metrics at http://127.0.0.1:PORT/metrics' },
    'metrics-host': { value: 'HOST', help: 'the address for that (default 127.0.0.1)' },
    logfile: { value: 'FILE', help: 'log into this file (default: stderr)' },
    quiet: { short: 'q', help: 'log errors only' },
  },
  notes: 'The first SIGTERM or SIGINT lets calls that are being served end, the second ends at once.',
  run,
};

async function run(args: Arguments): Promise<number> {
  const logger = makeLogger('serve', args.has('quiet'), args.text('logfile'));
  const options = serverOptions(args);
  const metricsPort = args.port('metrics-port');
  const drainTimeout = args.number('drain-timeout', 0.001, 1e6) ?? 30;
  const server = await makeServer(args, { ...options, logger });
  await server.start();
  const metrics =
    metricsPort === undefined
      ? undefined
      : await serveMetrics(args.text('metrics-host') ?? '127.0.0.1', metricsPort, () => server.metrics());
  const { host, port } = server.address;
  const where = describe(options.socketPath === undefined ? { host, port } : { path: host });
  print(`listening on ${where}${metrics === undefined ? '' : `, metrics on port ${metrics.port}`}`);
  const failed = new Promise<number>((resolve) => {
    server.once('error', (error) => {
      logger.error(error.message);
      resolve(EXIT.FAILURE);
    });
  });
  const code = await Promise.race([serveUntilSignal(server, drainTimeout, (line) => logger.warn(line)), failed]);
  metrics?.close();
  return code;
}

/** One event loop, or a pool of threads. @throws {UsageError} for options that contradict each other; {Failure} as `fileOf` */
async function makeServer(args: Arguments, options: ServerOptions): Promise<Server | WorkerPoolServer> {
  const authenticator = authenticatorOf(args);
  const workers = args.integer('workers', 1, 1024);
  const file = fileOf(args.positionals[0]);
  if (workers !== undefined) {
    if (authenticator !== undefined)
      throw new UsageError('--workers takes no --ssl-keyfile: export an authenticator from the module');
    return new WorkerPoolServer(file, { ...options, workers });
  }
  const service = await serviceOf(file);
  const guard = await loadAuthenticator(pathToFileURL(file).href);
  if (authenticator === undefined) return new Server(service, { ...options, ...guard });
  if (guard.authenticator !== undefined)
    throw new UsageError('the module exports an authenticator, which --ssl-keyfile would replace: leave one out');
  return new Server(service, { ...options, authenticator });
}

/** @throws {UsageError} for a number out of its range, or options that contradict each other */
function serverOptions(args: Arguments): ServerOptions {
  const socketPath = args.text('unix');
  if (socketPath !== undefined && (args.text('port') ?? args.text('host')) !== undefined)
    throw new UsageError('--unix and --port or --host are two places to listen: leave one out');
  const given: Record<string, unknown> = {
    hostname: args.text('host'),
    port: args.port('port'),
    ipv6: args.has('ipv6') || undefined,
    socketPath: socketPath === undefined ? undefined : resolve(socketPath),
    maxConnections: args.integer('max-connections', 1, 10_000_000),
    maxInFlight: args.integer('max-in-flight', 1, 1_000_000),
    idleTimeout: args.number('idle-timeout', 0.001, 1e8),
    config: args.has('allow-public-attrs') ? { allow_public_attrs: true } : undefined,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as ServerOptions;
}

/** Classes of two copies of the package are not the same. */
const OTHER_COPY =
  '. (If it is: of the rpyc that runs this command. Where the module has an rpyc of its own, serve it with npx rpyc)';

/** @throws {Failure} for a file that is not there */
function fileOf(path: string): string {
  const file = resolve(path);
  if (!existsSync(file)) throw new Failure(`there is no ${file}`);
  return file;
}

/** @throws {Failure} for a file that exports no service; what the module throws */
async function serviceOf(file: string): Promise<ServiceSource> {
  const url = pathToFileURL(file).href;
  try {
    return await loadService(url);
  } catch (error) {
    // Ours, rather than the module's: it names the module.
    if (error instanceof TypeError && error.message.includes(url))
      throw new Failure(`${error.message}${OTHER_COPY}`, { cause: error });
    throw error;
  }
}
