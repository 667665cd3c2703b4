// `rpyc sniff`: a proxy that prints every message that passes. It carries bytes, whatever they are; where they cannot be decoded, it says so
// and goes on carrying.

import { once } from 'node:events';
import { connect, createServer, type Server as NetServer, type Socket } from 'node:net';
import type { Arguments, Command } from './command.ts';
import { EXIT } from './exit.ts';
import { writeJson } from './json.ts';
import { untilSignal } from './lifetime.ts';
import { Paint, print, warn } from './output.ts';
import { Conversation, type Passed, Tally } from './sniffed.ts';
import { describe, parseTarget, type Target } from './target.ts';

const MAX_CONNECTIONS = 1000;
/** Lines that wait for who reads them; above, traffic waits too. */
const MAX_BACKLOG = 1024 * 1024;

export const SNIFF: Command = {
  name: 'rpyc sniff',
  usage: '[--listen ADDRESS] [options] TARGET',
  about:
    'Stands between clients and a server, and prints every message that passes: who asks what, the answer, sizes and times.',
  positionals: [1, 1],
  options: {
    listen: {
      short: 'l',
      value: 'ADDRESS',
      help: 'where clients connect: host:port (default 127.0.0.1:0, any free port), unix:/path',
    },
    json: { help: 'print a JSON object for each message' },
    'max-connections': { value: 'N', help: 'at a time (default 100)' },
  },
  notes: `TARGET is the server: host:port, [ipv6]:port or unix:/path. Ctrl-C ends it, and prints what was counted.
A line: seconds since the start, connection, > from the client or < from the server, number of the request, what, bytes of the frame,
and of an answer the milliseconds since its request. Values and texts are cut.
What passes is shown to whoever sees this: passwords and keys, too. TLS is carried, and cannot be decoded.`,
  run,
};

async function run(args: Arguments): Promise<number> {
  const target = parseTarget(args.positionals[0]);
  const listen = parseTarget(args.text('listen') ?? '127.0.0.1:0', 0);
  const json = args.has('json');
  const most = args.integer('max-connections', 1, MAX_CONNECTIONS) ?? 100;
  const tally = new Tally();
  const say = printer(json, tally);
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const conversation = new Conversation(++count, say, (why) =>
      warn(`connection ${conversation.number}: ${why}; it is carried on undecoded`),
    );
    join(client, dial(target), conversation, sockets);
  });
  server.maxConnections = most;
  await listening(server, listen);
  const note = json ? warn : print;
  note(`listening on ${addressOf(server, listen)}, for ${describe(target)}`);
  await untilSignal();
  server.close();
  for (const socket of sockets) socket.destroy();
  print(json ? writeJson({ summary: tally.summary }) : tally.text());
  return EXIT.OK;
}

function dial(target: Target): Socket {
  return 'path' in target
    ? connect({ path: target.path, allowHalfOpen: true })
    : connect({ host: target.host, port: target.port, allowHalfOpen: true, noDelay: true });
}

async function listening(server: NetServer, target: Target): Promise<void> {
  if ('path' in target) server.listen({ path: target.path });
  else server.listen({ host: target.host, port: target.port });
  await once(server, 'listening');
}

function addressOf(server: NetServer, target: Target): string {
  const bound = server.address();
  if ('path' in target || bound === null || typeof bound === 'string') return describe(target);
  return describe({ host: bound.address, port: bound.port });
}

/** Carries bytes both ways until both are at their end. */
function join(client: Socket, server: Socket, conversation: Conversation, sockets: Set<Socket>): void {
  client.setNoDelay(true);
  let open = 2;
  let reached = false;
  server.once('connect', () => {
    reached = true;
  });
  const closed = (socket: Socket): void => {
    sockets.delete(socket);
    if (--open === 0) conversation.close();
  };
  for (const [from, to, side] of [
    [client, server, 'client'],
    [server, client, 'server'],
  ] as const) {
    sockets.add(from);
    from.on('data', (chunk) => {
      conversation.pass(side, chunk);
      const waits = !to.write(chunk);
      if (waits) from.pause();
      else if (process.stdout.writableLength > MAX_BACKLOG) {
        from.pause();
        process.stdout.once('drain', () => from.resume());
      }
    });
    to.on('drain', () => from.resume());
    from.on('end', () => to.end());
    // Who breaks off is told to the other by an end of file; only that nobody answered is news.
    from.on('error', (error) => {
      if (from === server && !reached) warn(`connection ${conversation.number}: ${error.message}`);
    });
    from.on('close', () => {
      // What it said is written; it hears nothing any more.
      to.end();
      closed(from);
    });
  }
}

/** Prints each message, and counts it. */
function printer(json: boolean, tally: Tally): (passed: Passed) => void {
  const paint = new Paint(process.stdout);
  return (passed) => {
    tally.add(passed);
    if (json) {
      print(writeJson(passed));
      return;
    }
    const { t, connection, from, kind, seq, handler, text, bytes, ms } = passed;
    const arrow = from === 'client' ? paint.cyan('>') : paint.green('<');
    const what = handler !== null ? paint.bold(handler) : kind === 'exception' ? paint.red('exception') : kind;
    const size = `${bytes} B${ms === null ? '' : `, ${ms} ms`}`;
    print(`${t.toFixed(3).padStart(8)} #${connection} ${arrow} ${seq} ${what} ${text} ${paint.dim(`(${size})`)}`);
  };
}
