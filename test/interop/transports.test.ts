// The transport matrix: {tcp, ipv6, unix, tls, mutual tls, ssh, subprocess, stdio} x {who is the client} x RPyC 5.3.1 and 6.0.1, and both faces
// where Node is the client. In each cell: a call, an exception, a callback, a megabyte, an iterator. subprocess: the client has started the
// server; stdio: the server has started the client. Prints the table.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { root } from '../../scripts/setup.mjs';
import * as rpyc from '../../src/index.ts';
import { certificates } from '../support/certificates.ts';
import {
  type PythonPeer,
  peer,
  python,
  pythonJson,
  type RpycVersion,
  runPython,
  startPython,
} from '../support/python.ts';
import { describeSsh, type Sshd, startSshd } from '../support/sshd.ts';
import { CHECKS, check, Transported } from '../support/transports.ts';

const WAYS = ['tcp', 'ipv6', 'unix', 'tls', 'mutual tls', 'ssh', 'subprocess', 'stdio'] as const;
type Way = (typeof WAYS)[number];
const FACES = ['async', 'sync'] as const;
type Face = (typeof FACES)[number];
const VERSIONS = ['5.3.1', '6.0.1'] as const;

const PROGRAM = peer('transports.py');
const NODE = [
  process.execPath,
  '--import',
  join(root, 'scripts/ts.mjs'),
  fileURLToPath(new URL('../support/programs/transported.ts', import.meta.url)),
];

const protocolOf = (version: RpycVersion): 5 | 6 => (version === '6.0.1' ? 6 : 5);

const table = new Map<string, Set<Way>>();
const passed = (column: string, way: Way): void => {
  table.set(column, (table.get(column) ?? new Set()).add(way));
};

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'rpyc-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

describeSsh('The transport matrix', () => {
  let sshd: Sshd;
  beforeAll(async () => {
    sshd = await startSshd();
  });
  afterAll(() => sshd.stop());

  /** What a TLS end of Python's takes. */
  const pythonSsl = (way: Way, side: 'server' | 'client'): Record<string, string> => {
    const { ca, server, client } = certificates();
    if (side === 'client') return way === 'tls' ? { ca_certs: ca } : { ca_certs: ca, ...client };
    return way === 'tls' ? { ...server } : { ca_certs: ca, ...server };
  };

  // --- Python client, Node server ------------------------------------------------------------------------------------

  function serverOptions(way: Way): rpyc.ServerOptions {
    const { ca, server } = certificates();
    switch (way) {
      case 'ipv6':
        return { ipv6: true };
      case 'unix':
        return { socketPath: join(folder(), 'socket') };
      case 'tls':
        return { authenticator: new rpyc.SslAuthenticator(server) };
      case 'mutual tls':
        return { authenticator: new rpyc.SslAuthenticator({ ...server, caFile: ca }) };
      default:
        return {};
    }
  }

  async function pythonClient(version: RpycVersion, way: Way): Promise<string[]> {
    if (way === 'subprocess')
      return await pythonJson(version, PROGRAM, {
        args: ['client', way, JSON.stringify({ command: [...NODE, 'serve'] })],
      });
    if (way === 'stdio') {
      const result = join(folder(), 'result');
      const command = [python(version), '-u', PROGRAM, 'client', way, JSON.stringify({ result })];
      const conn = await rpyc.connectSubproc(command, { service: Transported, protocol: protocolOf(version) });
      await new Promise((resolve) => (conn.closed ? resolve(undefined) : conn.once('close', resolve)));
      return JSON.parse(readFileSync(result, 'utf8'));
    }
    await using server = await new rpyc.Server(Transported, { logger: null, ...serverOptions(way) }).start();
    const { host, port } = server.address;
    const options = {
      port,
      path: host,
      ssl: pythonSsl(way, 'client'),
      user: userInfo().username,
      sshPort: sshd.port,
      key: join(sshd.folder, 'user_key'),
      sshOptions: ['-F', 'none', '-o', `UserKnownHostsFile=${join(sshd.folder, 'known_hosts')}`],
    };
    return await pythonJson(version, PROGRAM, { args: ['client', way, JSON.stringify(options)] });
  }

  // --- Node client, Python server ------------------------------------------------------------------------------------

  type Either = rpyc.Connection | rpyc.SyncConnection;

  async function nodeConnection(way: Way, face: Face, { ready }: PythonPeer, path: string): Promise<Either> {
    const { ca, client } = certificates();
    const { port } = ready;
    const blocks = face === 'sync';
    switch (way) {
      case 'ipv6':
        return blocks ? rpyc.connectSync('::1', port) : await rpyc.connect('::1', port);
      case 'unix':
        return blocks ? rpyc.unixConnectSync(path) : await rpyc.unixConnect(path);
      case 'tls':
      case 'mutual tls': {
        const options = { caFile: ca, ...(way === 'tls' ? {} : client) };
        return blocks
          ? rpyc.sslConnectSync('localhost', port, options)
          : await rpyc.sslConnect('localhost', port, options);
      }
      case 'ssh':
        return blocks ? rpyc.sshConnectSync(sshd.target, port) : await rpyc.sshConnect(sshd.target, port);
      default:
        return blocks ? rpyc.connectSync('127.0.0.1', port) : await rpyc.connect('127.0.0.1', port);
    }
  }

  async function nodeClient(version: RpycVersion, way: Way, face: Face): Promise<string[]> {
    const protocol = protocolOf(version);
    if (way === 'subprocess') {
      const command = [python(version), '-u', PROGRAM, 'serve', way, '{}'];
      const conn =
        face === 'sync'
          ? rpyc.connectSubprocSync(command, { protocol })
          : await rpyc.connectSubproc(command, { protocol });
      try {
        return await check(conn.root);
      } finally {
        await conn.close();
      }
    }
    const path = join(folder(), 'socket');
    if (way === 'stdio') {
      const command = [...NODE, 'client', face, String(protocol), path];
      await pythonRun(version, ['serve', way, JSON.stringify({ command })]);
      return JSON.parse(readFileSync(path, 'utf8'));
    }
    const options = { path, ssl: pythonSsl(way, 'server') };
    await using server = await startPython(version, PROGRAM, { args: ['serve', way, JSON.stringify(options)] });
    const conn = await nodeConnection(way, face, server, path);
    try {
      return await check(conn.root);
    } finally {
      await conn.close();
    }
  }

  async function pythonRun(version: RpycVersion, args: string[]): Promise<void> {
    const { exit, stdout, stderr } = await runPython(version, PROGRAM, { args });
    if (exit !== 0) throw new Error(`Python ended with ${exit}\n${stdout}${stderr}`);
  }

  describe.each(VERSIONS)('RPyC %s', (version) => {
    test.each(WAYS)('a Python client of a Node server: %s', async (way) => {
      expect(await pythonClient(version, way)).toEqual(CHECKS);
      passed(`Python ${version} -> Node`, way);
    });

    describe.each(FACES)('%s', (face) => {
      test.each(WAYS)('a Node client of a Python server: %s', async (way) => {
        expect(await nodeClient(version, way, face)).toEqual(CHECKS);
        passed(`Node, ${face === 'sync' ? 'blocking' : 'awaited'} -> Python ${version}`, way);
      });
    });
  });

  test('has an outcome in every cell', () => {
    const columns = [...table.keys()].sort();
    const width = Math.max(...columns.map((column) => column.length));
    console.log(
      columns
        .map(
          (column) =>
            `${column.padEnd(width)}  ${WAYS.map((way) => (table.get(column)?.has(way) ? way : '-'.repeat(way.length))).join('  ')}`,
        )
        .join('\n'),
    );
    expect(columns).toHaveLength(VERSIONS.length * (1 + FACES.length));
    for (const ways of table.values()) expect([...ways].sort()).toEqual([...WAYS].sort());
  });
});
