// TLS and authenticators when something is wrong: certificates of every bad kind, peers that speak something else, too slowly, or stop; wrong
// tokens; bounds; and no descriptor left behind.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { type AddressInfo, connect as connectPlain, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as nodeTls from 'node:tls';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { type Certificates, certificates, type Pair } from '../support/certificates.ts';
import { serveNode } from '../support/secure.ts';

const SECRET = 'a secret of more than sixteen bytes';

let files: Certificates;
beforeAll(() => {
  files = certificates();
});

class Peer extends rpyc.Service {
  exposed_add(x: number, y: number) {
    return x + y;
  }
  exposed_echo(value: unknown) {
    return value;
  }
}

async function serve(authenticator: rpyc.ServerOptions['authenticator'], options: rpyc.ServerOptions = {}) {
  const lines: string[] = [];
  const logger = { debug: () => undefined, error: (message: string) => lines.push(message) } as unknown as rpyc.Logger;
  const server = await new rpyc.Server(Peer, {
    logger,
    ...(authenticator !== undefined && { authenticator }),
    ...options,
  }).start();
  onTestFinished(() => server.close());
  return { server, port: server.port, lines, counts: () => server.metrics().connections };
}

/** A plain socket to a port, what it received, and its end. */
async function raw(port: number): Promise<{ socket: Socket; received: () => Buffer; ended: Promise<unknown> }> {
  const socket = connectPlain(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk)).on('error', () => undefined);
  await once(socket, 'connect');
  return {
    socket,
    received: () => Buffer.concat(chunks),
    ended: new Promise((resolve) => socket.once('close', resolve)),
  };
}

/** A listener that does what it is told with whoever connects. */
async function listener(onConnection: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** Waits for something that comes from elsewhere. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('a server certificate', () => {
  const bad: [string, keyof Certificates, rpyc.TlsReason, string][] = [
    ['that has expired', 'expired', 'CERT_HAS_EXPIRED', 'has expired'],
    ['that is not valid yet', 'early', 'CERT_NOT_YET_VALID', 'is not valid yet'],
    ['for another host', 'wrongHost', 'CERT_NAME_MISMATCH', 'servername'],
    ['that signed itself', 'selfSigned', 'CERT_UNTRUSTED', 'caFile'],
  ];
  test.each(bad)('%s is refused, awaited and blocking, and the server learns it', async (_text, name, reason, hint) => {
    const { port, counts, lines } = await serve(new rpyc.SslAuthenticator(files[name] as Pair));
    const error = await rpyc.sslConnect('localhost', port, { caFile: files.ca }).catch((e) => e);
    expect(error).toMatchObject({ name: 'TlsError', code: 'ERR_RPYC_TLS', reason });
    expect(error.message).toContain(hint);
    expect(error.message).toContain(`localhost:${port}`);
    await until(() => counts().denied === 1);
    expect(lines).toEqual([expect.stringContaining('was not let in')]);

    const other = await serveNode({ tls: files[name] });
    expect(() => rpyc.sslConnectSync('localhost', other, { caFile: files.ca })).toThrow(
      expect.objectContaining({ code: 'ERR_RPYC_TLS', reason }),
    );
  });

  test('of another authority is refused, and accepted where nothing is verified', async () => {
    const { port } = await serve(new rpyc.SslAuthenticator(files.server));
    for (const options of [{ caFile: files.otherCa }, {}])
      await expect(rpyc.sslConnect('localhost', port, options)).rejects.toMatchObject({ reason: 'CERT_UNTRUSTED' });
    const conn = await rpyc.sslConnect('localhost', port, { cert_reqs: 0 });
    expect(await conn.root.add(1, 2)).toBe(3);
    await conn.close();
  });

  test('for another host is accepted by its name, or without looking at names', async () => {
    const { port } = await serve(new rpyc.SslAuthenticator(files.wrongHost));
    for (const options of [{ servername: 'elsewhere.example' }, { checkHostname: false }]) {
      const conn = await rpyc.sslConnect('127.0.0.1', port, { caFile: files.ca, ...options });
      expect(await conn.root.add(1, 2)).toBe(3);
      await conn.close();
    }
  });

  test('for an address is checked against the address', async () => {
    const { port } = await serve(new rpyc.SslAuthenticator(files.server));
    const conn = await rpyc.sslConnect('127.0.0.1', port, { caFile: files.ca });
    expect(await conn.root.add(1, 2)).toBe(3);
    await conn.close();
    const other = await serve(new rpyc.SslAuthenticator(files.selfSigned));
    await expect(rpyc.sslConnect('127.0.0.1', other.port, { caFile: files.selfSigned.certfile })).rejects.toMatchObject(
      { reason: 'CERT_NAME_MISMATCH' },
    );
  });

  test('comes as text and bytes, its key encrypted', async () => {
    const text = (path: string): string => readFileSync(path, 'latin1');
    const authenticator = new rpyc.SslAuthenticator({
      cert: readFileSync(files.server.certfile),
      key: text(files.lockedKey),
      passphrase: 'open sesame',
    });
    const { port } = await serve(authenticator);
    const ca = [text(files.otherCa), readFileSync(files.ca)];
    const conn = await rpyc.sslConnect('localhost', port, { ca });
    expect(await conn.root.add(1, 2)).toBe(3);
    await conn.close();
  });
});

describe('both sides speak TLS, and differ', () => {
  test('in the version', async () => {
    const { port } = await serve(new rpyc.SslAuthenticator({ ...files.server, minVersion: 'TLSv1.3' }));
    const socket = nodeTls.connect({ port, host: '127.0.0.1', maxVersion: 'TLSv1.2', rejectUnauthorized: false });
    const [error] = await once(socket, 'error');
    expect(error.code).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');

    const old = nodeTls.createServer({
      key: readFileSync(files.server.keyfile),
      cert: readFileSync(files.server.certfile),
      maxVersion: 'TLSv1.2',
    });
    old.on('tlsClientError', () => undefined).listen(0, '127.0.0.1');
    await once(old, 'listening');
    onTestFinished(() => void old.close());
    const oldPort = (old.address() as AddressInfo).port;
    await expect(
      rpyc.sslConnect('localhost', oldPort, { caFile: files.ca, minVersion: 'TLSv1.3' }),
    ).rejects.toMatchObject({ code: 'ERR_RPYC_TLS', reason: 'NO_COMMON_VERSION' });
  });

  test('in the ciphers', async () => {
    const server = new rpyc.SslAuthenticator({ ...files.server, ciphers: 'TLS_AES_128_GCM_SHA256' });
    const { port } = await serve(server);
    const options = { caFile: files.ca, minVersion: 'TLSv1.3' } as const;
    await expect(
      rpyc.sslConnect('localhost', port, { ...options, ciphers: 'TLS_CHACHA20_POLY1305_SHA256' }),
    ).rejects.toMatchObject({ code: 'ERR_RPYC_TLS', reason: 'NO_COMMON_CIPHER' });
    const conn = await rpyc.sslConnect('localhost', port, { ...options, ciphers: 'TLS_AES_128_GCM_SHA256' });
    expect(await conn.root.add(1, 2)).toBe(3);
    await conn.close();
  });

  test('a client that wants to renegotiate is not renegotiated with', async () => {
    const { port } = await serve(new rpyc.SslAuthenticator(files.server));
    const socket = nodeTls.connect({ port, host: '127.0.0.1', maxVersion: 'TLSv1.2', rejectUnauthorized: false });
    onTestFinished(() => void socket.destroy());
    await once(socket, 'secureConnect');
    const errors: unknown[] = [];
    socket.on('error', (error) => errors.push(error));
    const renegotiated = new Promise((resolve) => {
      socket.renegotiate({}, (error) => resolve(error ?? 'renegotiated'));
      socket.once('close', () => resolve(errors[0] ?? 'closed'));
    });
    expect(await renegotiated).not.toBe('renegotiated');
  });
});

describe('only one side speaks TLS', () => {
  test('a plain client of a TLS server is told at once, awaited and blocking', async () => {
    const { port, counts, lines } = await serve(new rpyc.SslAuthenticator(files.server));
    await expect(rpyc.connect('127.0.0.1', port)).rejects.toThrow('the peer speaks TLS, and this end does not');
    await until(() => counts().denied === 1);
    expect(lines[0]).toContain('the peer does not speak TLS');
    const other = await serveNode({ tls: files.server });
    expect(() => rpyc.connectSync('127.0.0.1', other)).toThrow('the peer speaks TLS, and this end does not');
  });

  test('a TLS client of a plain server is told at once, and so is the server', async () => {
    const { server, port } = await serve(undefined);
    const broken = new Promise<Error>((resolve) => server.on('connection', (conn) => conn.once('close', resolve)));
    await expect(rpyc.sslConnect('localhost', port, { caFile: files.ca })).rejects.toMatchObject({
      code: 'ERR_RPYC_TLS',
      reason: 'HANDSHAKE_CLOSED',
      message: expect.stringContaining('does that port speak TLS?'),
    });
    expect(await broken).toMatchObject({
      code: 'ERR_RPYC_PROTOCOL',
      message: expect.stringContaining('the peer speaks TLS, and this end does not'),
    });
    const other = await serveNode({});
    expect(() => rpyc.sslConnectSync('localhost', other, { caFile: files.ca })).toThrow(
      expect.objectContaining({ reason: 'HANDSHAKE_CLOSED' }),
    );
  });

  test('a server that answers with something else is named', async () => {
    const port = await listener((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await expect(rpyc.sslConnect('localhost', port, { verify: 'none' })).rejects.toMatchObject({
      reason: 'NOT_TLS',
      message: expect.stringContaining('use connect for a server without TLS'),
    });
  });

  test.each([
    ['silent', () => undefined],
    ['that sends half an answer', (socket: Socket) => socket.write(Buffer.from([0x16, 3, 3, 0, 90, 2]))],
  ])('a server %s costs connectTimeout and no more, awaited and blocking', async (_text, behave) => {
    const port = await listener((socket) => void behave(socket));
    const options = { verify: 'none', connectTimeout: 0.2 } as const;
    const late = { code: 'ERR_RPYC_TIMEOUT', message: expect.stringContaining('does that port expect it?') };
    await expect(rpyc.sslConnect('127.0.0.1', port, options)).rejects.toMatchObject(late);
    expect(() => rpyc.sslConnectSync('127.0.0.1', port, options)).toThrow(expect.objectContaining(late));
  });

  test('a blocking client of a server of its own thread is told before the handshake', async () => {
    const { port } = await serve(new rpyc.SslAuthenticator(files.server));
    expect(() => rpyc.sslConnectSync('localhost', port, { caFile: files.ca })).toThrow(
      expect.objectContaining({ code: 'ERR_RPYC_DEADLOCK' }),
    );
  });
});

describe('a client in the handshake', () => {
  test.each([
    ['garbage', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a record that is too long', Buffer.from([0x16, 3, 1, 0xff, 0xff])],
    ['a handshake of noise', Buffer.concat([Buffer.from([0x16, 3, 1, 0, 64, 1, 0, 0, 60]), Buffer.alloc(60, 0xee)])],
    ['an alert', Buffer.from([0x15, 3, 1, 0, 2, 2, 80])],
  ])('that sends %s is cut at once', async (_text, bytes) => {
    const { port, counts } = await serve(new rpyc.SslAuthenticator(files.server));
    const { socket, ended } = await raw(port);
    socket.write(bytes);
    await ended;
    expect(counts()).toMatchObject({ open: 0, accepted: 0, denied: 1 });
  });

  test('that hangs up is forgotten', async () => {
    const { port, counts } = await serve(new rpyc.SslAuthenticator(files.server));
    const { socket } = await raw(port);
    socket.write(Buffer.from([0x16, 3, 1, 0, 64, 1]), () => socket.resetAndDestroy());
    await until(() => counts().denied === 1);
  });

  test('that takes its time, byte by byte, is cut after handshakeTimeout', async () => {
    const { port, counts, lines } = await serve(new rpyc.SslAuthenticator(files.server), { handshakeTimeout: 0.2 });
    const { socket, ended } = await raw(port);
    socket.write(Buffer.from([0x16, 3, 1, 1, 0, 1, 0, 0, 252, 3, 3]));
    const drip = setInterval(() => socket.write(Buffer.from([0])), 20);
    await ended;
    clearInterval(drip);
    expect(counts()).toMatchObject({ accepted: 0, denied: 1, cut: { handshake: 1 } });
    expect(lines[0]).toContain('handshakeTimeout is 0.2 s');
  });

  test('counts for maxConnections, and makes room when it is cut', async () => {
    const { port, counts } = await serve(new rpyc.SslAuthenticator(files.server), {
      handshakeTimeout: 0.3,
      maxConnections: 2,
    });
    const slow = await Promise.all([raw(port), raw(port)]);
    const third = await raw(port);
    await third.ended;
    expect(counts()).toMatchObject({ open: 0, refused: 1 });
    await Promise.all(slow.map(({ ended }) => ended));
    const conn = await rpyc.sslConnect('localhost', port, { caFile: files.ca });
    expect(await conn.root.add(1, 2)).toBe(3);
    await conn.close();
  });

  test('keeps nobody else waiting, and the end of the server not either', async () => {
    const { server, port } = await serve(new rpyc.SslAuthenticator(files.server));
    const slow = await raw(port);
    const conn = await rpyc.sslConnect('localhost', port, { caFile: files.ca });
    expect(await conn.root.add(1, 2)).toBe(3);
    await Promise.all([server.drain({ timeout: 5 }), slow.ended, once(conn, 'close')]);
  });
});

describe('a TLS connection', () => {
  test('that is cut without a goodbye is at its end, on both sides', async () => {
    const { server, port } = await serve(new rpyc.SslAuthenticator(files.server));
    const there = new Promise<Error>((resolve) => server.on('connection', (conn) => conn.once('close', resolve)));
    const cut: (() => void)[] = [];
    const between = await listener((client) => {
      const onward = connectPlain(port, '127.0.0.1');
      onward.on('error', () => undefined).pipe(client);
      client.pipe(onward);
      cut.push(() => [onward, client].forEach((socket) => void socket.end()));
    });
    const conn = await rpyc.sslConnect('localhost', between, { caFile: files.ca });
    const here = once(conn, 'close');
    for (const end of cut) end();
    expect(await there).toMatchObject({ code: 'ERR_RPYC_CLOSED' });
    expect((await here)[0]).toMatchObject({ code: 'ERR_RPYC_CLOSED' });
  });

  test('says goodbye when it is closed', async () => {
    const { server, port } = await serve(new rpyc.SslAuthenticator(files.server));
    const socket = nodeTls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    socket.resume();
    // Without close_notify node:tls has no 'end'.
    const ended = once(socket, 'end');
    await until(() => server.connections.size === 1);
    for (const conn of server.connections) conn.abort();
    await ended;
  });

  test('whose bytes are changed on the way is broken, and says so', async () => {
    const { server, port } = await serve(new rpyc.SslAuthenticator(files.server));
    const broken = new Promise<Error>((resolve) => server.on('connection', (conn) => conn.once('close', resolve)));
    let damage = false;
    const between = await listener((client) => {
      const onward = connectPlain(port, '127.0.0.1');
      onward.on('error', () => undefined).pipe(client);
      client.on('data', (chunk) => {
        if (damage) chunk[chunk.length - 1] ^= 1;
        onward.write(chunk);
      });
    });
    const conn = await rpyc.sslConnect('localhost', between, { caFile: files.ca });
    damage = true;
    await expect(conn.root.add(1, 2)).rejects.toMatchObject({ code: 'ERR_RPYC_TLS', reason: 'BROKEN' });
    expect(await broken).toMatchObject({ code: 'ERR_RPYC_TLS', reason: 'BROKEN' });
  });

  test('carries large messages whose last bytes come with the last read of a turn', async () => {
    const { port } = await serve(new rpyc.SslAuthenticator(files.server));
    const conn = await rpyc.sslConnect('localhost', port, { caFile: files.ca });
    const large = Buffer.alloc(5 * 1024 * 1024, 'abc');
    for (let times = 0; times < 40; times++) expect(large.equals(await conn.root.echo(large))).toBe(true);
    await conn.close();
  });

  test('loses nothing of many small messages that the kernel has no room for', async () => {
    const { port } = await serve(new rpyc.SslAuthenticator(files.server));
    let paused = true;
    const sockets: Socket[] = [];
    const between = await listener((client) => {
      const onward = connectPlain(port, '127.0.0.1');
      sockets.push(client);
      onward.on('error', () => undefined).pipe(client);
      client.on('data', (chunk) => onward.write(chunk));
      client.on('close', () => onward.destroy());
    });
    const conn = await rpyc.sslConnect('localhost', between, { caFile: files.ca });
    sockets[0]?.pause();
    setTimeout(() => {
      paused = false;
      sockets[0]?.resume();
    }, 100);
    const values = Array.from({ length: 20_000 }, (_, i) => `${i}:${'x'.repeat(i % 500)}`);
    const echoes = values.map((value) => conn.root.echo(value));
    expect(paused).toBe(true);
    expect(await Promise.all(echoes)).toEqual(values);
    await conn.close();
  });

  test('leaves no descriptor behind, however it ends', async () => {
    const { port, counts } = await serve(new rpyc.SslAuthenticator(files.server), { handshakeTimeout: 0.1 });
    const descriptors = (): number => readdirSync('/proc/self/fd').length;
    const round = async (): Promise<void> => {
      const conn = await rpyc.sslConnect('localhost', port, { caFile: files.ca });
      await conn.close();
      await rpyc.sslConnect('localhost', port, { caFile: files.otherCa }).catch(() => undefined);
      await rpyc.connect('127.0.0.1', port).catch(() => undefined);
      const silent = await raw(port);
      await silent.ended;
      const { socket } = await raw(port);
      socket.resetAndDestroy();
    };
    await round();
    const before = descriptors();
    for (let times = 0; times < 10; times++) await round();
    await until(() => counts().open === 0 && descriptors() <= before);
    expect(descriptors()).toBeLessThanOrEqual(before);
  });

  test('is one that the openssl program accepts, and SNI and chain are told', async () => {
    const { port } = await serve(new rpyc.SslAuthenticator({ ...files.chained }));
    const out = await new Promise<string>((resolve) => {
      const args = [
        's_client',
        '-connect',
        `127.0.0.1:${port}`,
        '-CAfile',
        files.ca,
        '-verify_return_error',
        '-showcerts',
      ];
      const child = execFile('openssl', args, (_error, stdout) => resolve(stdout));
      child.stdin?.end();
    });
    expect(out).toContain('Verify return code: 0 (ok)');
    expect(out.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);

    const names: string[] = [];
    const context = nodeTls.createSecureContext({
      key: readFileSync(files.server.keyfile),
      cert: readFileSync(files.server.certfile),
    });
    const named = nodeTls.createServer({ SNICallback: (name, done) => (names.push(name), done(null, context)) }, (s) =>
      s.destroy(),
    );
    named.on('tlsClientError', () => undefined).listen(0, '127.0.0.1');
    await once(named, 'listening');
    onTestFinished(() => void named.close());
    const namedPort = (named.address() as AddressInfo).port;
    await rpyc.sslConnect('localhost', namedPort, { caFile: files.ca }).catch(() => undefined);
    await rpyc
      .sslConnect('127.0.0.1', namedPort, { verify: 'none', servername: 'other.example' })
      .catch(() => undefined);
    expect(names).toEqual(['localhost', 'other.example']);
  });
});

describe('TLS options that cannot be', () => {
  const config = { code: 'ERR_RPYC_TLS_CONFIG' };
  const client: [string, rpyc.SslConnectOptions, string][] = [
    ['a file that is not there', { caFile: '/nowhere/ca.crt' }, 'caFile cannot be read: ENOENT'],
    ['a text without a certificate', { ca: 'no certificate' }, 'ca: no start line'],
    ['a damaged certificate', { ca: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' }, 'ca: '],
    ['both names of one option', { caFile: 'a', ca_certs: 'b' }, 'caFile and ca_certs are the same option'],
    ['a key alone', { key: 'x' }, 'a key without its certificate'],
    ['an unknown version', { minVersion: 'SSLv3' as 'TLSv1.2' }, "minVersion is 'TLSv1.2' or 'TLSv1.3', not SSLv3"],
    ['an unknown demand', { verify: 'maybe' as 'none' }, 'verify is one of none, required, not maybe'],
    ['a demand of servers', { cert_reqs: 1 as 0 }, 'verify is one of none, required, not 1'],
    ['no such cipher', { ciphers: 'NO-SUCH-CIPHER' }, 'ciphers: no cipher match'],
    ['an endless name', { servername: 'x'.repeat(256) }, 'servername is a name of 1 to 255 characters'],
    ['a zero byte', { ciphers: 'AES\0' }, 'ciphers holds a zero byte'],
  ];
  test.each(client)('%s', async (_text, options, message) => {
    const error = await rpyc.sslConnect('localhost', 1, options).catch((e) => e);
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject(config);
    expect(error.message).toContain(message);
    expect(() => rpyc.sslConnectSync('localhost', 1, options)).toThrow(message);
  });

  test('of servers, and none of them tells a secret', () => {
    const server = (options: rpyc.TlsServerOptions) => () => new rpyc.SslAuthenticator(options);
    expect(server({})).toThrow(expect.objectContaining(config));
    expect(server({ ...files.server, verify: 'required' })).toThrow('nobody is trusted to sign');
    expect(server({ certfile: files.server.certfile, keyfile: files.client.keyfile })).toThrow(
      'key does not belong to cert',
    );
    expect(server({ certfile: files.server.certfile, keyfile: files.lockedKey })).toThrow('TLS options: key');
    const locked = { certfile: files.server.certfile, keyfile: files.lockedKey, passphrase: 'wrong sesame' };
    expect(server(locked)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('sesame') }));
  });
});

describe('a token', () => {
  test('is proven by both sides; what follows it reaches the protocol', async () => {
    const { port, server } = await serve(new rpyc.TokenAuthenticator({ secret: SECRET }));
    const conn = await rpyc.connect('127.0.0.1', port, { token: { secret: Buffer.from(SECRET), identity: 'me' } });
    expect(await conn.root.add(1, 2)).toBe(3);
    expect([...server.connections].map(({ credentials }) => credentials)).toEqual([{ identity: 'me' }]);
    await conn.close();
    const other = await serveNode({ secret: SECRET });
    const sync = rpyc.connectSync('127.0.0.1', other, { token: SECRET });
    expect(sync.root.add(1, 2)).toBe(3);
    expect(JSON.parse(sync.root.credentials())).toEqual({ identity: '' });
    sync.close();
  });

  test('goes over a Unix socket, and over TLS on IPv6', async () => {
    const authenticator = new rpyc.TokenAuthenticator({ secret: SECRET });
    const socketPath = join(mkdtempSync(join(tmpdir(), 'rpyc-token-')), 'socket');
    await serve(authenticator, { socketPath });
    const unix = await rpyc.unixConnect(socketPath, { token: SECRET });
    expect(await unix.root.add(1, 2)).toBe(3);
    await unix.close();
    const { port } = await serve([new rpyc.SslAuthenticator(files.server), authenticator], { hostname: '::1' });
    const conn = await rpyc.sslConnect('::1', port, { caFile: files.ca, token: SECRET });
    expect(await conn.root.add(1, 2)).toBe(3);
    expect(conn.credentials).toMatchObject({ subject: { CN: 'localhost' } });
    await conn.close();
  });

  test('to a server that breaks off is no system error', async () => {
    const port = await listener((socket) => {
      socket.write(Buffer.concat([Buffer.from('RPYC\x01'), Buffer.alloc(32)]));
      socket.once('data', () => socket.resetAndDestroy());
    });
    await expect(rpyc.connect('127.0.0.1', port, { token: SECRET })).rejects.toMatchObject({
      code: 'ERR_RPYC_AUTHENTICATION',
      message: expect.stringContaining('closed the connection over the token'),
    });
  });

  test('that is wrong is refused, and stays out of error and log', async () => {
    const { port, lines, counts } = await serve(new rpyc.TokenAuthenticator({ secret: SECRET }));
    const wrong = 'quite another secret, and long';
    const error = await rpyc
      .connect('127.0.0.1', port, { token: { secret: wrong, identity: 'eve\n' } })
      .catch((e) => e);
    expect(error).toMatchObject({ name: 'AuthenticationError', code: 'ERR_RPYC_AUTHENTICATION' });
    expect(error.message).toContain('the server refused the token');
    expect(counts()).toMatchObject({ accepted: 0, denied: 1 });
    expect(lines).toEqual([expect.stringContaining('does not know the secret of "eve\\n"')]);
    for (const secret of [wrong, SECRET]) expect(`${error.message}${lines}`).not.toContain(secret);
  });

  test('of a name that nobody knows is refused like a wrong one', async () => {
    const secrets: Record<string, string> = { anna: SECRET };
    const { port } = await serve(new rpyc.TokenAuthenticator({ secret: async (name) => secrets[name] }));
    const conn = await rpyc.connect('127.0.0.1', port, { token: { secret: SECRET, identity: 'anna' } });
    await conn.close();
    await expect(rpyc.connect('127.0.0.1', port, { token: { secret: SECRET, identity: 'berta' } })).rejects.toThrow(
      'the server refused the token',
    );
  });

  test('is not given to a server that does not know it', async () => {
    const port = await listener((socket) => {
      socket.write(Buffer.concat([Buffer.from('RPYC\x01'), Buffer.alloc(32, 7)]));
      // It lets everybody in, and proves nothing.
      socket.once('data', () => socket.write(Buffer.concat([Buffer.from([1]), Buffer.alloc(32)])));
    });
    await expect(rpyc.connect('127.0.0.1', port, { token: SECRET })).rejects.toThrow('without knowing the secret');
  });

  test('cannot be reflected: what the server proves is not what a client proves', async () => {
    const { port, counts } = await serve(new rpyc.TokenAuthenticator({ secret: SECRET }));
    // A server without the secret passes everything on to one that has it, and back; then says what the client said.
    const mirror = await listener((socket) => {
      socket.write(Buffer.concat([Buffer.from('RPYC\x01'), Buffer.alloc(32, 7)]));
      socket.once('data', (answer) => socket.write(Buffer.concat([Buffer.from([1]), answer.subarray(34, 66)])));
    });
    await expect(rpyc.connect('127.0.0.1', mirror, { token: SECRET })).rejects.toThrow('without knowing the secret');
    const { socket, ended } = await raw(port);
    const [hello] = (await once(socket, 'data')) as [Buffer];
    socket.write(Buffer.concat([Buffer.from([1, 0]), hello.subarray(5), Buffer.alloc(32, 9)]));
    await ended;
    expect(counts().denied).toBe(1);
  });

  test.each([
    ['of a server that asks for none', Buffer.from([0, 0, 0, 5, 0]), 'closed the connection before the handshake'],
    ['of a server that begins otherwise', Buffer.alloc(64, 'x'), 'does not ask for a token'],
    ['of another version', Buffer.concat([Buffer.from('RPYC\x02'), Buffer.alloc(32)]), 'of version 2'],
  ])('%s is not sent', async (_text, hello, message) => {
    const sent: Buffer[] = [];
    const port = await listener((socket) => {
      socket.on('data', (chunk) => sent.push(chunk));
      socket.end(hello);
    });
    await expect(rpyc.connect('127.0.0.1', port, { token: SECRET })).rejects.toThrow(message);
    expect(sent).toEqual([]);
  });

  test('that is asked for and not there is named', async () => {
    const { port, lines, counts } = await serve(new rpyc.TokenAuthenticator({ secret: SECRET }));
    await expect(rpyc.connect('127.0.0.1', port)).rejects.toThrow('the server asks for a token');
    await until(() => counts().denied === 1);
    expect(lines[0]).toContain('the client sent no token of version 1: its first byte is 0');
  });

  test('that comes too slowly is cut', async () => {
    const { port, counts } = await serve(new rpyc.TokenAuthenticator({ secret: SECRET }), { handshakeTimeout: 0.2 });
    const { socket, ended, received } = await raw(port);
    socket.write(Buffer.from([1, 255]));
    await ended;
    expect(received().subarray(0, 5).toString('latin1')).toBe('RPYC\x01');
    expect(counts()).toMatchObject({ denied: 1, cut: { handshake: 1 } });
  });

  test('has bounds', async () => {
    for (const secret of ['short', new Uint8Array(15), Buffer.alloc(64 * 1024 + 1)]) {
      expect(() => new rpyc.TokenAuthenticator({ secret })).toThrow(RangeError);
      expect(() => rpyc.connectSync('127.0.0.1', 1, { token: secret })).toThrow('secret is of 16 to 65536 bytes');
    }
    expect(() => new rpyc.TokenAuthenticator({ secret: 5 as unknown as string })).toThrow(TypeError);
    expect(() => rpyc.connectSync('127.0.0.1', 1, { token: { secret: SECRET, identity: 'é'.repeat(128) } })).toThrow(
      'identity is a text of 255 bytes at most',
    );
  });
});

describe('an authenticator', () => {
  const connected = async (authenticator: rpyc.ServerOptions['authenticator'], options: rpyc.ServerOptions = {}) => {
    const served = await serve(authenticator, options);
    const conn = await rpyc.connect('127.0.0.1', served.port);
    return { ...served, conn };
  };

  test('is any function, or a list, and what it returns is what the service sees', async () => {
    const { conn, server } = await connected([
      ({ peerAddress: [host] }) => ({ host }),
      { authenticate: async (channel: rpyc.AuthChannel) => channel.certificate },
    ]);
    expect(await conn.root.add(1, 2)).toBe(3);
    const [there] = server.connections;
    expect(there?.credentials).toEqual([{ host: '127.0.0.1' }, null]);
    expect(there?.sync.credentials).toBe(there?.config.credentials);
    expect(conn.credentials).toBeNull();
    await conn.close();
  });

  test('that returns nothing lets in, without credentials, whatever the configuration says', async () => {
    const { conn, server } = await connected(() => undefined, { config: { credentials: 'root' } });
    expect([...server.connections][0]?.credentials).toBeNull();
    await conn.close();
  });

  test('reads exactly what it asks for, and the rest is the protocol', async () => {
    const words: string[] = [];
    const { port } = await serve(async (channel) => {
      words.push(
        (await channel.read(3)).toString(),
        (await channel.read(0)).toString(),
        (await channel.read(2)).toString(),
      );
      await channel.write(Buffer.from('ok'));
    });
    const { socket, received, ended } = await raw(port);
    // GETROOT in the words of RPyC 6, in one piece with what the authenticator reads.
    const getroot = Buffer.from('0000000b00' + '1351' + '5011' + '5331' + '1251' + '535011'.slice(0, 4), 'hex');
    socket.write(Buffer.concat([Buffer.from('abcde'), getroot.subarray(0, 5), Buffer.alloc(12, 1)]));
    await until(() => received().length >= 2);
    expect(received().subarray(0, 2).toString()).toBe('ok');
    expect(words).toEqual(['abc', '', 'de']);
    // The twelve bytes are no message: the protocol has read them.
    await ended;
  });

  test.each([
    [
      'throws',
      () => {
        throw new rpyc.AuthenticationError('you are not on the list');
      },
      'you are not on the list',
    ],
    [
      'rejects',
      async () => {
        throw new Error('the list is lost');
      },
      'the list is lost',
    ],
    ['asks for more than the client sends', (channel: rpyc.AuthChannel) => channel.read(1000), 'in time'],
    ['never decides', () => new Promise(() => undefined), 'in time'],
    ['asks for too much', (channel: rpyc.AuthChannel) => channel.read(2 ** 20 + 1), 'a read is of 0 to 1048576 bytes'],
    [
      'reads twice at a time',
      (channel: rpyc.AuthChannel) => Promise.all([channel.read(500), channel.read(1)]),
      'await it first',
    ],
  ])('that %s refuses, and the client is told nothing', async (_text, authenticator, line) => {
    const { port, counts, lines } = await serve(authenticator, { handshakeTimeout: 0.3 });
    await expect(rpyc.connect('127.0.0.1', port)).rejects.toMatchObject({ code: 'ERR_RPYC_CLOSED' });
    expect(counts()).toMatchObject({ open: 0, accepted: 0, denied: 1 });
    expect(lines).toEqual([expect.stringContaining(line)]);
  });

  test('cannot use its channel when it has decided', async () => {
    let kept: rpyc.AuthChannel | undefined;
    const { conn } = await connected((channel) => {
      kept = channel;
    });
    await expect(kept?.read(1)).rejects.toThrow('its channel is closed');
    await expect(kept?.write(Buffer.from('x'))).rejects.toThrow('its channel is closed');
    expect(await conn.root.add(1, 2)).toBe(3);
    await conn.close();
  });

  test('has to be one', () => {
    for (const authenticator of [{}, 5, null, [], [{}], 'x'])
      expect(() => new rpyc.Server(Peer, { authenticator: authenticator as rpyc.Authenticator })).toThrow(TypeError);
  });

  test('is asked by a OneShotServer, which ends with a client that is refused', async () => {
    const server = new rpyc.OneShotServer(Peer, {
      authenticator: new rpyc.TokenAuthenticator({ secret: SECRET }),
      logger: null,
    });
    await server.start();
    const ended = once(server, 'close');
    const conn = await rpyc.connect('127.0.0.1', server.port, { token: SECRET });
    expect(await conn.root.add(1, 2)).toBe(3);
    await conn.close();
    await ended;

    const other = new rpyc.OneShotServer(Peer, {
      authenticator: new rpyc.TokenAuthenticator({ secret: SECRET }),
      logger: null,
    });
    await other.start();
    const over = once(other, 'close');
    await expect(rpyc.connect('127.0.0.1', other.port)).rejects.toThrow();
    await over;
  });

  test('cannot be copied to the children of a ForkingServer, which says so', () => {
    const authenticator = new rpyc.TokenAuthenticator({ secret: SECRET });
    expect(() => new rpyc.ForkingServer('./x.js', { authenticator })).toThrow('export it from the service module');
  });

  test('cannot be answered over a stream', async () => {
    const { socket } = await raw(await listener(() => undefined));
    await expect(rpyc.connectStream(socket, { token: SECRET })).rejects.toMatchObject({ code: 'ERR_RPYC_OPERATION' });
  });
});
