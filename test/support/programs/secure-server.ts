// A server in a process of its own, for clients that block the test's: `secure-server.ts {tls?, secret?}`; says {port}.
import * as rpyc from '../../../src/index.ts';
import { say } from './say.ts';

class Peer extends rpyc.Service {
  private conn: rpyc.Connection | undefined;
  override onConnect(conn: rpyc.Connection): void {
    this.conn = conn;
  }
  exposed_add(x: number, y: number) {
    return x + y;
  }
  exposed_echo(value: unknown) {
    return value;
  }
  exposed_call(callback: (value: unknown) => unknown, value: unknown) {
    return callback(value);
  }
  exposed_credentials() {
    return JSON.stringify(this.conn?.credentials);
  }
}

const { tls, secret } = JSON.parse(process.argv[2] ?? '{}') as { tls?: rpyc.TlsServerOptions; secret?: string };
const authenticator: rpyc.Authenticator[] = [];
if (tls !== undefined) authenticator.push(new rpyc.SslAuthenticator(tls));
if (secret !== undefined) authenticator.push(new rpyc.TokenAuthenticator({ secret }));
const options: rpyc.ServerOptions = { logger: null, ...(authenticator.length > 0 && { authenticator }) };
const server = await new rpyc.Server(Peer, options).start();
say({ port: server.port });
