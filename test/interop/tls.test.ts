// TLS and tokens with real Python on the other end: its SSLAuthenticator and ssl_connect, and the token's Python halves as docs/tls.md gives
// them. Awaited and blocking; values, callbacks and large values in both directions.
import { once } from 'node:events';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { type Certificates, certificates } from '../support/certificates.ts';
import { describePython } from '../support/python.ts';
import { clientPython, pythonHalves, servePython } from '../support/secure.ts';

const LARGE = 5 * 1024 * 1024;
const SECRET = 'a secret of more than sixteen bytes';

let files: Certificates;
beforeAll(() => {
  files = certificates();
});

/** What RPyC's SSLAuthenticator and ssl_connect take. */
const python = ({ certfile, keyfile }: { certfile: string; keyfile: string }, ca?: string) => ({
  certfile,
  keyfile,
  ...(ca !== undefined && { ca_certs: ca }),
});

/** Everything that a connection is for, awaited. */
async function exercise(conn: rpyc.Connection): Promise<void> {
  const { root } = conn;
  expect(await root.add(5, 10)).toBe(15);
  expect(await root.call((x: number) => x + 1, 41)).toBe(42);
  const large = Buffer.alloc(LARGE, 'abc');
  const [echoed, made] = await Promise.all([root.echo(large), root.big_bytes(LARGE)]);
  expect(large.equals(echoed)).toBe(true);
  expect(Buffer.alloc(LARGE, 0xab).equals(made)).toBe(true);
  expect(await Promise.all(Array.from({ length: 200 }, (_, i) => root.add(i, 1)))).toEqual(
    Array.from({ length: 200 }, (_, i) => i + 1),
  );
}

/** The same, blocking. */
function exerciseSync({ root }: rpyc.SyncConnection): void {
  expect(root.add(5, 10)).toBe(15);
  expect(root.call((x: number) => x + 1, 41)).toBe(42);
  const large = Buffer.alloc(LARGE, 'abc');
  for (let times = 0; times < 3; times++) expect(large.equals(root.echo(large))).toBe(true);
  expect(root.call_many((x: number) => x, 50)).toBe(1225);
}

class Peer extends rpyc.Service {
  exposed_add(x: number, y: number) {
    return x + y;
  }
  exposed_echo(value: unknown) {
    return value;
  }
  async exposed_call(callback: (value: unknown) => unknown, value: unknown) {
    return callback(value);
  }
}

/** A server here, and the connections that it got. */
async function serving(authenticator: rpyc.ServerOptions['authenticator']) {
  const server = new rpyc.Server(Peer, { logger: null, ...(authenticator !== undefined && { authenticator }) });
  const credentials: unknown[] = [];
  server.on('connection', (conn) => credentials.push(conn.credentials));
  await server.start();
  onTestFinished(() => server.close());
  return { server, port: server.port, credentials };
}

const CHECKS = `
  out["sum"] = root.add(5, 10)
  out["back"] = root.call(lambda n: n + 1, 41)
  large = b"abc" * ${LARGE / 5}
  out["large"] = root.echo(large) == large
`;
const RESULT = { sum: 15, back: 42, large: true };

describePython.each(['6.0.1', '5.3.1'] as const)('Node clients of Python servers, RPyC %s', (version) => {
  test('verify a server with an SSLAuthenticator, awaited and blocking, and know its certificate', async () => {
    const { ready } = await servePython(version, { ssl: python(files.server) });
    const conn = await rpyc.sslConnect('localhost', ready.port, { caFile: files.ca });
    await exercise(conn);
    expect(conn.credentials).toMatchObject({
      subject: { CN: 'localhost' },
      issuer: { CN: 'ca' },
      subjectaltname: expect.stringContaining('DNS:localhost'),
      fingerprint256: expect.stringMatching(/^([\dA-F]{2}:){31}[\dA-F]{2}$/),
      raw: expect.any(Buffer),
    });
    expect(await conn.root.credentials()).toBe('None');
    await conn.close();

    const sync = rpyc.sslConnectSync('127.0.0.1', ready.port, { ca_certs: files.ca });
    exerciseSync(sync);
    expect(sync.credentials).toMatchObject({ subject: { CN: 'localhost' } });
    sync.close();
  });

  test('accept a certificate made by the recipe of RPyC as its own authority', async () => {
    const { ready } = await servePython(version, { ssl: python(files.selfSigned) });
    const conn = await rpyc.sslConnect('localhost', ready.port, { caFile: files.selfSigned.certfile });
    expect(await conn.root.add(5, 10)).toBe(15);
    await conn.close();
    await expect(rpyc.sslConnect('localhost', ready.port)).rejects.toMatchObject({
      code: 'ERR_RPYC_TLS',
      reason: 'CERT_UNTRUSTED',
    });
    const any = await rpyc.sslConnect('localhost', ready.port, { verify: 'none' });
    expect(await any.root.add(1, 2)).toBe(3);
    await any.close();
  });

  test('show their own certificate where it is demanded, awaited and blocking', async () => {
    const { ready } = await servePython(version, { ssl: python(files.server, files.ca) });
    const options = { ...files.client, caFile: files.ca };
    const conn = await rpyc.sslConnect('localhost', ready.port, options);
    expect(await conn.root.credentials()).toContain("(('commonName', 'client'),)");
    await exercise(conn);
    await conn.close();
    const sync = rpyc.sslConnectSync('localhost', ready.port, options);
    expect(sync.root.credentials()).toContain("(('commonName', 'client'),)");
    exerciseSync(sync);
    sync.close();
  });

  test('are told at once where theirs is missing or not accepted', async () => {
    const { ready } = await servePython(version, { ssl: python(files.server, files.ca) });
    const refused = { name: 'TlsError', code: 'ERR_RPYC_TLS', reason: 'CERT_REFUSED' };
    const none = rpyc.sslConnect('localhost', ready.port, { caFile: files.ca });
    await expect(none).rejects.toMatchObject(refused);
    await expect(none).rejects.toThrow(`localhost:${ready.port}: the peer does not accept our certificate`);
    const stranger = rpyc.sslConnect('localhost', ready.port, { caFile: files.ca, ...files.stranger });
    await expect(stranger).rejects.toMatchObject(refused);
    expect(() => rpyc.sslConnectSync('localhost', ready.port, { caFile: files.ca })).toThrow(
      expect.objectContaining(refused),
    );
  });

  test('reach a slave by classic.sslConnect', async () => {
    const { ready } = await servePython(version, { ssl: python(files.server), classic: true });
    const conn = await rpyc.classic.sslConnect('localhost', ready.port, { caFile: files.ca });
    expect(await conn.eval('6 * 7')).toBe(42);
    await conn.close();
    const sync = rpyc.classic.sslConnectSync('localhost', ready.port, { caFile: files.ca });
    expect(sync.modules.os.path.basename('/a/b')).toBe('b');
    sync.close();
  });

  test('prove a token to the Python half of docs/tls.md, awaited and blocking, over TLS and without', async () => {
    const token = pythonHalves();
    const [plain, secure] = await Promise.all([
      servePython(version, { token, secret: SECRET }),
      servePython(version, { token, secret: SECRET, ssl: python(files.server) }),
    ]);
    const conn = await rpyc.connect('127.0.0.1', plain.ready.port, { token: { secret: SECRET, identity: 'zoë' } });
    expect(await conn.root.credentials()).toBe("'zoë'");
    expect(conn.credentials).toBeNull();
    await conn.close();
    const sync = rpyc.connectSync('127.0.0.1', plain.ready.port, { token: SECRET });
    expect(sync.root.credentials()).toBe("''");
    sync.close();
    const both = rpyc.sslConnectSync('localhost', secure.ready.port, { token: SECRET, caFile: files.ca });
    exerciseSync(both);
    both.close();

    const wrong = { name: 'AuthenticationError', code: 'ERR_RPYC_AUTHENTICATION' };
    const token2 = 'another secret of many bytes';
    await expect(rpyc.connect('127.0.0.1', plain.ready.port, { token: token2 })).rejects.toMatchObject(wrong);
    expect(() => rpyc.connectSync('127.0.0.1', plain.ready.port, { token: token2 })).toThrow(
      expect.objectContaining(wrong),
    );
  });

  test('without a token are told that one is asked for', async () => {
    const { ready } = await servePython(version, { token: pythonHalves(), secret: SECRET });
    await expect(rpyc.connect('127.0.0.1', ready.port)).rejects.toThrow('the server asks for a token');
  });

  test('without TLS are told at once by a server with TLS', async () => {
    const { ready } = await servePython(version, { ssl: python(files.server) });
    const started = performance.now();
    await expect(rpyc.connect('127.0.0.1', ready.port)).rejects.toThrow(/speaks TLS|closed the connection/);
    // Far from any time-out: the shortest is that of connecting, 10 s.
    expect(performance.now() - started).toBeLessThan(8000);
  });
});

describePython.each(['6.0.1', '5.3.1'] as const)('Python clients of Node servers, RPyC %s', (version) => {
  test('come by ssl_connect, with and without verifying', async () => {
    const { port } = await serving(new rpyc.SslAuthenticator(files.server));
    expect(await clientPython(version, { port, ssl: { ca_certs: files.ca }, checks: CHECKS })).toEqual(RESULT);
    expect(await clientPython(version, { port, ssl: {}, checks: CHECKS })).toEqual(RESULT);
    expect(await clientPython(version, { port, ssl: { ca_certs: files.otherCa } })).toEqual({
      failed: ['SSLCertVerificationError', expect.any(String)],
    });
  });

  test('show their certificate, which is their credentials', async () => {
    const { port, server, credentials } = await serving(
      new rpyc.SslAuthenticator({ ...files.server, ca_certs: files.ca }),
    );
    const ssl = python(files.client, files.ca);
    expect(await clientPython(version, { port, ssl, checks: CHECKS })).toEqual(RESULT);
    expect(credentials).toEqual([expect.objectContaining({ subject: expect.objectContaining({ CN: 'client' }) })]);

    expect(await clientPython(version, { port, ssl: {} })).toHaveProperty('failed');
    expect(await clientPython(version, { port, ssl: python(files.stranger, files.ca) })).toHaveProperty('failed');
    expect(server.metrics().connections).toMatchObject({ accepted: 1, denied: 2 });
  });

  test('may come without where it is optional', async () => {
    const { port, credentials } = await serving(
      new rpyc.SslAuthenticator({ ...files.server, caFile: files.ca, cert_reqs: 1 }),
    );
    expect(await clientPython(version, { port, ssl: {}, checks: CHECKS })).toEqual(RESULT);
    expect(await clientPython(version, { port, ssl: python(files.chained, files.ca), checks: CHECKS })).toEqual(RESULT);
    expect(credentials).toEqual([
      null,
      expect.objectContaining({ subject: expect.objectContaining({ CN: 'middle-client' }) }),
    ]);
  });

  test('prove a token with the Python half of docs/tls.md, over TLS and without', async () => {
    const token = pythonHalves();
    const { port, credentials, server } = await serving(new rpyc.TokenAuthenticator({ secret: SECRET }));
    const client = { port, token, secret: SECRET, identity: 'zoë', checks: CHECKS };
    expect(await clientPython(version, client)).toEqual(RESULT);
    expect(credentials).toEqual([{ identity: 'zoë' }]);
    expect(await clientPython(version, { ...client, secret: 'another secret of many bytes' })).toEqual({
      failed: ['AuthenticationError', expect.stringContaining('refused the token')],
    });
    expect(server.metrics().connections).toMatchObject({ accepted: 1, denied: 1 });

    const both = await serving([
      new rpyc.SslAuthenticator({ ...files.server, caFile: files.ca }),
      new rpyc.TokenAuthenticator({ secret: (name) => (name === 'zoë' ? SECRET : undefined) }),
    ]);
    const ssl = python(files.client, files.ca);
    expect(await clientPython(version, { ...client, port: both.port, ssl })).toEqual(RESULT);
    expect(both.credentials).toEqual([
      [expect.objectContaining({ subject: expect.objectContaining({ CN: 'client' }) }), { identity: 'zoë' }],
    ]);
    expect(await clientPython(version, { ...client, port: both.port, ssl, identity: 'zoe' })).toHaveProperty('failed');
  });

  test('that send no token are refused at once', async () => {
    const { port, server } = await serving(new rpyc.TokenAuthenticator({ secret: SECRET }));
    const refused = once(server, 'close').then(() => 'closed');
    const out = await clientPython(version, { port, ssl: {} });
    expect(out).toHaveProperty('failed');
    expect(server.metrics().connections).toMatchObject({ accepted: 0, denied: 1 });
    await server.close();
    expect(await refused).toBe('closed');
  });
});
