// `rpyc relay`: joins peers of different versions of RPyC.
import { Relay, type RelayOptions } from '../relay/relay.ts';
import type { Arguments, Command } from './command.ts';
import { EXIT } from './exit.ts';
import { untilSignal } from './lifetime.ts';
import { makeLogger } from './logging.ts';
import { print } from './output.ts';
import { describe, parseTarget, type Target } from './target.ts';

export const RELAY: Command = {
  name: 'rpyc relay',
  usage: '[--listen ADDRESS] [options] TARGET',
  about:
    'Joins clients to a server of another version: RPyC 4.1 to 5.x and 6.x, either way. It asks nobody who they are.',
  positionals: [1, 1],
  options: {
    listen: {
      short: 'l',
      value: 'ADDRESS',
      help: 'where clients connect: host:port (default 127.0.0.1:0, any free port), unix:/path',
    },
    protocol: { value: '5|6', choices: ['5', '6'], help: 'what the server speaks (default: found out)' },
    'client-protocol': {
      value: '5|6',
      choices: ['5', '6'],
      help: 'what clients speak, where they never speak first (default: found out)',
    },
    'max-connections': { value: 'N', help: 'at a time (default 1000)' },
    logfile: { value: 'FILE', help: 'log into this file (default: stderr)' },
    quiet: { short: 'q', help: 'log errors only' },
  },
  notes: 'TARGET is the server: host:port, [ipv6]:port or unix:/path.',
  run,
};

async function run(args: Arguments): Promise<number> {
  const target = parseTarget(args.positionals[0]);
  const listen = parseTarget(args.text('listen') ?? '127.0.0.1:0', 0);
  const logger = makeLogger('relay', args.has('quiet'), args.text('logfile'));
  const relay = new Relay(
    { ...listeningOn(listen), ...versionOf(args, 'client-protocol'), ...mostOf(args), logger },
    { ...('path' in target ? { socketPath: target.path } : target), ...versionOf(args, 'protocol') },
  );
  await relay.start();
  const { host, port } = relay.address;
  print(`listening on ${describe('path' in listen ? listen : { host, port })}, for ${describe(target)}`);
  await untilSignal();
  await relay.close();
  return EXIT.OK;
}

const listeningOn = (at: Target): RelayOptions =>
  'path' in at ? { socketPath: at.path } : { hostname: at.host, port: at.port };

function versionOf(args: Arguments, name: string): { protocol?: 5 | 6 } {
  const given = args.text(name);
  return given === undefined ? {} : { protocol: given === '5' ? 5 : 6 };
}

function mostOf(args: Arguments): { maxConnections?: number } {
  const most = args.integer('max-connections', 1, 1_000_000);
  return most === undefined ? {} : { maxConnections: most };
}
