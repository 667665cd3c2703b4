// The authenticator that a service module exports decides in each worker of a pool: TLS and tokens with real Python and Node clients, and those
// that should not come in or take their time over it.
import { once } from 'node:events';
import { connect as dial } from 'node:net';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Certificates, certificates } from '../support/certificates.ts';
import { descriptors, rpyc, serviceModule, startPool, until } from '../support/pool.ts';
import { describePython } from '../support/python.ts';
import { clientPython, pythonHalves } from '../support/secure.ts';

const SECRET = 'a secret of more than sixteen bytes';

let files: Certificates;
beforeAll(() => {
  files = certificates();
});

/** A module whose service knows its client, let in by this expression. */
const guarded = (name: string, authenticator: string): URL =>
  serviceModule(
    `
import * as rpyc from 'rpyc';
export const authenticator = ${authenticator};
const { worker } = rpyc.workerContext();
export default class PoolService extends rpyc.Service {
  onConnect(conn) { this.conn = conn; }
  exposed_add(a, b) { return a + b; }
  exposed_worker() { return worker; }
  async exposed_call(f, x) { return await f(x); }
  exposed_echo(value) { return value; }
  exposed_who() { return JSON.stringify(this.conn.credentials); }
}
`,
    `pool-${name}.mjs`,
  );
const tls = (more: object = {}): string => `new rpyc.SslAuthenticator(${JSON.stringify({ ...files.server, ...more })})`;
const token = `new rpyc.TokenAuthenticator({ secret: '${SECRET}' })`;

/** A client that sends bytes of its own. */
async function raw(port: number) {
  const socket = dial(port, '127.0.0.1').on('error', () => {});
  const ended = new Promise((resolve) => socket.once('close', resolve));
  await once(socket, 'connect');
  socket.resume();
  return { socket, ended };
}

/** A hello of TLS that is begun and not ended. */
const HELLO = Buffer.from([0x16, 3, 1, 1, 0, 1, 0, 0, 252, 3, 3]);

const CHECKS = `
  out["sum"] = root.add(5, 10)
  out["back"] = root.call(lambda n: n + 1, 41)
  large = b"abc" * 1_000_000
  out["large"] = root.echo(large) == large
  out["who"] = root.who()
`;

describePython.each(['6.0.1', '5.3.1'] as const)('clients of RPyC %s', (version) => {
  test('come by ssl_connect to every worker, and their certificate is their credentials', async () => {
    const { server, port } = await startPool({ workers: 2 }, guarded('mutual', tls({ caFile: files.ca })));
    const ssl = { ...files.client, ca_certs: files.ca };
    const several = `${CHECKS}
  conns = [rpyc.ssl_connect("127.0.0.1", ${port}, **${JSON.stringify(ssl)}) for _ in range(3)]
  out["workers"] = sorted([root.worker()] + [c.root.worker() for c in conns])
  for c in conns: c.close()
`;
    const { who, ...out } = await clientPython(version, { port, ssl, checks: several });
    expect(out).toEqual({ sum: 15, back: 42, large: true, workers: [0, 0, 1, 1] });
    expect(JSON.parse(who)).toMatchObject({ subject: { CN: 'client' } });

    expect(await clientPython(version, { port, ssl: {} })).toHaveProperty('failed');
    await until(() => server.metrics().connections.denied === 1);
    expect(server.metrics().connections).toMatchObject({ accepted: 4, open: 0 });
  });

  test('prove a token, over TLS and with reusePort as well', async () => {
    const client = { token: pythonHalves(), secret: SECRET, identity: 'zoë', checks: CHECKS };
    for (const [name, authenticator, options, ssl] of [
      ['token', token, {}, undefined],
      ['both', `[${tls()}, ${token}]`, { reusePort: true }, { ca_certs: files.ca }],
    ] as const) {
      const { port, server } = await startPool({ workers: 2, ...options }, guarded(name, authenticator));
      const secured = { ...client, port, ...(ssl !== undefined && { ssl }) };
      const { who, ...out } = await clientPython(version, secured);
      expect(out).toEqual({ sum: 15, back: 42, large: true });
      expect(JSON.parse(who)).toEqual(ssl === undefined ? { identity: 'zoë' } : [null, { identity: 'zoë' }]);
      expect(await clientPython(version, { ...secured, secret: 'another secret of many bytes' })).toEqual({
        failed: ['AuthenticationError', expect.stringContaining('refused the token')],
      });
      await until(() => server.metrics().connections.denied === 1);
    }
  });
});

describe('clients of Node', () => {
  test('prove a token, awaited and blocking; a wrong one is refused, and neither is logged', async () => {
    const pool = await startPool({ workers: 2 }, guarded('token', token));
    const conn = await rpyc.connect('127.0.0.1', pool.port, { token: { secret: SECRET, identity: 'zoë' } });
    expect(await conn.root.who()).toBe('{"identity":"zoë"}');
    const blocking = rpyc.connectSync('127.0.0.1', pool.port, { token: SECRET });
    expect(blocking.root.add(1, 2)).toBe(3);
    blocking.close();
    const wrong = 'a wrong secret of many bytes';
    await expect(rpyc.connect('127.0.0.1', pool.port, { token: wrong })).rejects.toMatchObject({
      code: 'ERR_RPYC_AUTHENTICATION',
    });
    await expect(rpyc.connect('127.0.0.1', pool.port)).rejects.toThrow('the server asks for a token');
    await until(() => pool.server.metrics().connections.denied === 2);
    await until(() => pool.log.length > 0);
    expect(pool.log.join('\n')).toContain('was not let in');
    for (const secret of [SECRET, wrong]) expect(pool.log.join('\n')).not.toContain(secret);
    expect(await conn.root.add(1, 2)).toBe(3);
    await conn.close();
  });

  test('come by sslConnect, awaited and blocking; a plain one is told at once', async () => {
    const { port } = await startPool({ workers: 1 }, guarded('tls', tls()));
    const conn = await rpyc.sslConnect('localhost', port, { caFile: files.ca });
    expect(await conn.root.call((n: number) => n + 1, 41)).toBe(42);
    await conn.close();
    const blocking = rpyc.sslConnectSync('localhost', port, { caFile: files.ca });
    expect(blocking.root.call((n: number) => n + 1, 41)).toBe(42);
    blocking.close();
    await expect(rpyc.connect('127.0.0.1', port)).rejects.toThrow('the peer speaks TLS, and this end does not');
  });
});

describe('a client that takes its time over the handshake', () => {
  test('byte by byte is cut after handshakeTimeout, and holds up nobody of its worker', async () => {
    const quiet = descriptors();
    const pool = await startPool({ workers: 1, handshakeTimeout: 0.5 }, guarded('tls', tls()));
    const slow = await Promise.all(Array.from({ length: 20 }, () => raw(pool.port)));
    for (const { socket } of slow) socket.write(HELLO);
    const drip = setInterval(() => {
      for (const { socket } of slow) socket.write(Buffer.from([0]));
    }, 20);
    const conn = await rpyc.sslConnect('localhost', pool.port, { caFile: files.ca });
    expect(await conn.root.add(1, 2)).toBe(3);
    await Promise.all(slow.map(({ ended }) => ended));
    clearInterval(drip);
    await until(() => pool.server.metrics().connections.cut.handshake === 20);
    expect(pool.server.metrics().connections).toMatchObject({ open: 1, accepted: 1, denied: 20 });
    expect(await conn.root.add(1, 2)).toBe(3);
    await conn.close();
    await pool.server.close();
    await until(() => descriptors() <= quiet);
  });

  test('counts for maxConnections of the pool, and makes room when it is cut', async () => {
    const pool = await startPool({ workers: 2, handshakeTimeout: 0.5, maxConnections: 4 }, guarded('tls', tls()));
    const slow = await Promise.all(Array.from({ length: 4 }, () => raw(pool.port)));
    await (await raw(pool.port)).ended;
    expect(pool.server.metrics().connections).toMatchObject({ open: 0, refused: 1 });
    await Promise.all(slow.map(({ ended }) => ended));
    const conn = await rpyc.sslConnect('localhost', pool.port, { caFile: files.ca });
    expect(await conn.root.add(1, 2)).toBe(3);
    await conn.close();
  });

  test('does not hold up the end of the pool', async () => {
    const pool = await startPool({ workers: 2 }, guarded('tls', tls()));
    const slow = await Promise.all(Array.from({ length: 4 }, () => raw(pool.port)));
    for (const { socket } of slow) socket.write(HELLO);
    const conn = await rpyc.sslConnect('localhost', pool.port, { caFile: files.ca });
    expect(await conn.root.add(1, 2)).toBe(3);
    const [cut] = await Promise.all([pool.server.drain({ timeout: 10 }), ...slow.map(({ ended }) => ended)]);
    expect(cut).toBe(0);
  });
});
