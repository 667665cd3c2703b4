// Question: what does TLS cost a call? `add(5, 10)` of a server in another process, plainly and over TLS, blocking, awaited, and 64 in flight;
// 1 MB there and back. The rival is node:tls with no RPC at all: 64 bytes there and back over a TLSSocket, awaited.
// Needs the `openssl` program for a certificate.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as nodeTls from 'node:tls';
import { fileURLToPath } from 'node:url';
import * as rpyc from '../../src/index.ts';
import { alternate, assertEqual, each } from '../lib/alternate.ts';
import { start } from '../lib/child.ts';
import { report } from '../lib/micro.ts';

class Peer extends rpyc.Service {
  exposed_add(a: number, b: number) {
    return a + b;
  }
  exposed_echo(value: unknown) {
    return value;
  }
}

async function serve(folder: string): Promise<void> {
  const [certfile, keyfile] = [join(folder, 'server.crt'), join(folder, 'server.key')];
  const plain = await new rpyc.Server(Peer).start();
  const secure = await new rpyc.Server(Peer, {
    authenticator: new rpyc.SslAuthenticator({ certfile, keyfile }),
  }).start();
  const back = (socket: Socket): void => void socket.setNoDelay(true).pipe(socket);
  const echo = createServer(back).listen(0, '127.0.0.1');
  const secureEcho = nodeTls
    .createServer({ cert: readFileSync(certfile), key: readFileSync(keyfile) }, back)
    .listen(0, '127.0.0.1');
  await Promise.all([once(echo, 'listening'), once(secureEcho, 'listening')]);
  const port = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;
  const ports = [plain.port, secure.port, port(echo), port(secureEcho)];
  console.log(`READY ${JSON.stringify(ports)}`);
  process.stdin.on('end', () => process.exit()).resume();
}

/** 64 bytes there and back, awaited. */
function pingPong(socket: Socket): () => Promise<number> {
  const bytes = Buffer.alloc(64, 'x');
  let [missing, done]: [number, (count: number) => void] = [0, () => undefined];
  socket.setNoDelay(true).on('data', (chunk) => {
    missing -= chunk.length;
    if (missing === 0) done(15);
  });
  return () =>
    new Promise((resolve) => {
      done = resolve;
      missing = bytes.length;
      socket.write(bytes);
    });
}

async function measure(folder: string): Promise<void> {
  const ca = join(folder, 'server.crt');
  const recipe = 'req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout server.key -out server.crt';
  execFileSync('openssl', recipe.split(' '), { cwd: folder, stdio: 'ignore' });
  await using peer = await start(process.execPath, [
    '--import',
    './scripts/ts.mjs',
    fileURLToPath(import.meta.url),
    folder,
  ]);
  const [plainPort, securePort, echoPort, secureEchoPort] = peer.ready as [number, number, number, number];
  const plain = await rpyc.connect('127.0.0.1', plainPort);
  const secure = await rpyc.sslConnect('localhost', securePort, { caFile: ca });
  const [p, s] = [plain.sync.root, secure.sync.root];
  const echo = connectTcp(echoPort, '127.0.0.1');
  const secureEcho = nodeTls.connect({ host: 'localhost', port: secureEchoPort, ca: readFileSync(ca) });
  await Promise.all([once(echo, 'connect'), once(secureEcho, 'secureConnect')]);
  const [ping, securePing] = [pingPong(echo), pingPong(secureEcho)];
  const many = async (root: typeof plain.root): Promise<number> =>
    (await Promise.all(Array.from({ length: 64 }, () => root.add(5, 10))))[0];
  const large = Buffer.alloc(1 << 20, 'abc');

  await report('tls', async (add) => {
    const one = {
      'blocking, plain': () => p.add(5, 10),
      'blocking, TLS': () => s.add(5, 10),
      'awaited, plain': () => plain.root.add(5, 10),
      'awaited, TLS': () => secure.root.add(5, 10),
      'node:net, 64 bytes, no RPC': ping,
      'node:tls, 64 bytes, no RPC': securePing,
    };
    const rounds = (count: number, variants: Record<string, () => unknown>) =>
      Object.fromEntries(Object.entries(variants).map(([name, run]) => [name, () => each(count, run)]));
    await assertEqual(one);
    add('one call', 0, await alternate(8, rounds(2000, one)));
    const flight = { plain: () => many(plain.root), TLS: () => many(secure.root) };
    await assertEqual(flight);
    add('64 awaited calls together', 0, await alternate(8, rounds(200, flight)));
    const megabyte = { 'blocking, plain': () => p.echo(large).length, 'blocking, TLS': () => s.echo(large).length };
    await assertEqual(megabyte);
    add('there and back', large.length, await alternate(8, rounds(30, megabyte)));
    const meet = {
      plain: async () => (await rpyc.connect('127.0.0.1', plainPort)).abort(),
      TLS: async () => (await rpyc.sslConnect('localhost', securePort, { caFile: ca })).abort(),
    };
    add('a connection: connect, handshake, root', 0, await alternate(4, rounds(30, meet)));
  });
  echo.destroy();
  secureEcho.destroy();
  await Promise.all([plain.close(), secure.close()]);
}

const [given] = process.argv.slice(2).filter((arg) => !arg.startsWith('-'));
if (given !== undefined) await serve(given);
else {
  const folder = mkdtempSync(join(tmpdir(), 'rpyc-bench-'));
  try {
    await measure(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
