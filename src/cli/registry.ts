// `rpyc_registry`: a registry of services. Answers to rpyc/cli/rpyc_registry.py.
import { REGISTRY_PORT } from '../registry/messages.ts';
import { TCPRegistryServer } from '../registry/tcp-server.ts';
import { UDPRegistryServer } from '../registry/udp-server.ts';
import type { Arguments, Command } from './command.ts';
import { UsageError } from './exit.ts';
import { serveUntilSignal } from './lifetime.ts';
import { makeLogger } from './logging.ts';

/** RPyC's, seconds. */
const PRUNING_TIMEOUT = 240;

export const REGISTRY: Command = {
  name: 'rpyc_registry',
  usage: '[options]',
  about:
    'Serves a registry: servers register their names with it, clients ask it for servers. It believes whoever reaches it, and listens on all interfaces, since broadcasts arrive nowhere else.',
  positionals: [0, 0],
  options: {
    mode: { short: 'm', value: 'MODE', choices: ['UDP', 'TCP'], help: 'UDP (default: answers broadcasts, too) or TCP' },
    ipv6: { short: '6', help: 'IPv6 instead of IPv4' },
    port: { short: 'p', value: 'PORT', help: `its port (default ${REGISTRY_PORT})` },
    host: { value: 'HOST', help: 'address to listen on (default 0.0.0.0, with --ipv6 ::)' },
    timeout: {
      short: 't',
      value: 'SECONDS',
      help: `until a server is forgotten that was not heard of (default ${PRUNING_TIMEOUT})`,
    },
    listing: {
      short: 'l',
      value: 'BOOL',
      help: 'tell whoever asks the names of all services: true or false (default)',
    },
    logfile: { value: 'FILE', help: 'log into this file (default: stderr)' },
    quiet: { short: 'q', help: 'log errors only' },
  },
  run,
};

async function run(args: Arguments): Promise<number> {
  const mode = args.text('mode') ?? 'UDP';
  const ipv6 = args.has('ipv6');
  const port = args.port('port') ?? REGISTRY_PORT;
  const logger = makeLogger(`REGISTRY/${mode}/${port}`, args.has('quiet'), args.text('logfile'));
  const options = {
    host: args.text('host') ?? (ipv6 ? '::' : '0.0.0.0'),
    port,
    ipv6,
    pruningTimeout: args.number('timeout', 0.001, 315_360_000) ?? PRUNING_TIMEOUT,
    allowListing: truth('listing', args.text('listing') ?? 'false'),
    logger,
  };
  const registry = mode === 'UDP' ? new UDPRegistryServer(options) : new TCPRegistryServer(options);
  registry.on('serviceAdded', (name, [host, at]) => logger.info(`registered ${name} at ${host} port ${at}`));
  registry.on('serviceRemoved', (name, [host, at]) => logger.info(`forgot ${name} at ${host} port ${at}`));
  await registry.start();
  const living = {
    once: (event: 'close', listener: () => void) => registry.once(event, listener),
    drain: async () => {
      await registry.close();
      return 0;
    },
  };
  return serveUntilSignal(living, 0, () => undefined);
}

/** RPyC takes any text that is not empty for true, "false" too. @throws {UsageError} */
function truth(name: string, text: string): boolean {
  if (/^(1|true|yes|on)$/i.test(text)) return true;
  if (/^(0|false|no|off)$/i.test(text)) return false;
  throw new UsageError(`--${name} is true or false, not '${text}'`);
}
