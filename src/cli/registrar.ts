// The registry that a server of a command registers with, by RPyC's flags. Answers to the registrar of rpyc/cli/rpyc_classic.py.

import type { Logger } from '../policy/logger.ts';
import type { Registrar } from '../registry/client.ts';
import { REGISTRY_PORT } from '../registry/messages.ts';
import { TCPRegistryClient } from '../registry/tcp-client.ts';
import { UDPRegistryClient } from '../registry/udp-client.ts';
import type { Arguments, Option } from './command.ts';
import { UsageError } from './exit.ts';

export const REGISTRAR_OPTIONS: Readonly<Record<string, Option>> = {
  register: { help: 'register with a registry, again every minute' },
  'registry-type': { value: 'TYPE', choices: ['UDP', 'TCP'], help: 'UDP (default) or TCP' },
  'registry-port': { value: 'PORT', help: `its port (default ${REGISTRY_PORT})` },
  'registry-host': {
    value: 'HOST',
    help: 'its host (UDP: default 255.255.255.255, whoever hears a broadcast; TCP: needed)',
  },
};

/** undefined: nothing is registered. @throws {UsageError} for TCP without a host */
export function registrarOf(args: Arguments, logger: Logger): Registrar | undefined {
  const type = args.text('registry-type') ?? 'UDP';
  const host = args.text('registry-host');
  const options = { port: args.integer('registry-port', 1, 65_535) ?? REGISTRY_PORT, logger };
  if (type === 'TCP' && host === undefined) throw new UsageError('--registry-type TCP needs --registry-host');
  if (!args.has('register')) return undefined;
  return type === 'TCP' ? new TCPRegistryClient(host as string, options) : new UDPRegistryClient(host, options);
}
