// Connections through the system's ssh and a real sshd on loopback: awaited and blocking, to Python and Node, and every way in which it fails.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { startNode } from '../support/node.ts';
import { python, type RpycVersion, startPython, startServer } from '../support/python.ts';
import { ScriptedPeer } from '../support/scripted-peer.ts';
import { describeSsh, type Sshd, startSshd } from '../support/sshd.ts';

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rpyc-ssh-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The error's `code` and message. */
async function failure(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  return promise.then(
    () => expect.fail('it connected'),
    (error) => error,
  );
}

function failureSync(connect: () => unknown): Error & { code?: string } {
  try {
    connect();
  } catch (error) {
    return error as Error & { code?: string };
  }
  return expect.fail('it connected');
}

/** The process is over; bounded by the test's time-out. */
async function ended(proc: { exitCode: number | null; signalCode: string | null }): Promise<void> {
  if (proc.exitCode === null && proc.signalCode === null) await once(proc as never, 'exit');
}

class Echo extends rpyc.Service {
  exposed_echo(value: unknown) {
    return value;
  }
}

describeSsh('through ssh', () => {
  let sshd: Sshd;
  beforeAll(async () => {
    sshd = await startSshd();
  });
  afterAll(() => sshd.stop());

  test.each(['6.0.1', '5.3.1', '4.1.5'] as const)('Python %s answers awaited calls', async (version) => {
    const server = await startServer(version);
    await using conn = await rpyc.sshConnect(sshd.target, server.ready.port);
    expect(await conn.root.add(5, 10)).toBe(15);
    expect(await conn.root.big_bytes(3_000_000)).toHaveLength(3_000_000);
    const seen: number[] = [];
    await conn.root.call(async (n: number) => void seen.push(n), 7);
    expect(seen).toEqual([7]);
    expect(conn.protocol).toBe(version === '6.0.1' ? 6 : 5);
  });

  test.each(['6.0.1', '5.3.1', '4.1.5'] as const)('Python %s answers blocking calls', async (version) => {
    const server = await startServer(version);
    const conn = rpyc.sshConnectSync(sshd.target, server.ready.port);
    expect(conn.root.add(5, 10)).toBe(15);
    expect(conn.root.call((n: number) => n * 2, 21)).toBe(42);
    expect(conn.proc.pid).toBeGreaterThan(0);
    conn.close();
    await ended(conn.proc);
  });

  test('a Node server answers, by a host name that the target resolves', async () => {
    const server = await startNode();
    const { port } = server;
    await using conn = await rpyc.sshConnect(sshd.target, { remoteHost: 'localhost', remotePort: port });
    expect(await conn.root.add(1, 2)).toBe(3);
  });

  describe.each([
    ['python3', python('6.0.1').replace(/[^/]+$/, '')],
    ['node', process.execPath.replace(/[^/]+$/, '')],
  ])('a Unix socket on the target, bridged by its %s', (name, folder) => {
    let only: Sshd;
    let bare: string;
    beforeAll(async () => {
      // A target with nothing else on its PATH.
      bare = mkdtempSync(join(tmpdir(), 'rpyc-bare-'));
      symlinkSync(join(folder, name), join(bare, name));
      symlinkSync('/bin/sh', join(bare, 'sh'));
      only = await startSshd({ env: { PATH: bare } });
    });
    afterAll(async () => {
      await only.stop();
      rmSync(bare, { recursive: true });
    });

    test('is reached by its path, whatever is in it, and gets large values both ways', async () => {
      const path = join(scratch(), "a:b's $HOME.sock");
      const server = new rpyc.Server(Echo, { socketPath: path });
      await server.start();
      onTestFinished(() => server.close());
      const conn = await rpyc.sshConnect(only.target, { remoteSocket: path });
      const big = Buffer.alloc(5_000_000, 'x1y2z3');
      expect(big.equals(await conn.root.echo(big))).toBe(true);
      await conn.close();
      await ended(conn.proc);
      expect(server.metrics().connections.open).toBe(0);
    });

    test('blocks as well', async () => {
      const path = join(scratch(), 'server.sock');
      await startServer('6.0.1', {}, { args: [path] });
      const conn = rpyc.sshConnectSync(only.target, { remoteSocket: path });
      expect(conn.root.add(1, 2)).toBe(3);
      conn.close();
    });

    test('that is not there is named', async () => {
      const error = await failure(rpyc.sshConnect(only.target, { remoteSocket: '/nonexistent/s.sock' }));
      expect(error.code).toBe('ERR_RPYC_CONNECT');
      expect(error.message).toMatch(/cannot connect to \/nonexistent\/s\.sock: /);
    });
  });

  test('a blocking call to a server of this same thread fails at once, though no address tells', async () => {
    const server = new rpyc.Server(rpyc.VoidService);
    await server.start();
    onTestFinished(() => server.close());
    await using conn = await rpyc.sshConnect(sshd.target, server.port);
    expect(failureSync(() => conn.sync.root.anything()).code).toBe('ERR_RPYC_DEADLOCK');
  });

  test.each(['6.0.1', '4.1.5'] as RpycVersion[])('a slave of Python %s is driven, in both faces', async (version) => {
    const slave = await startPython(
      version,
      `
from rpyc import SlaveService
from rpyc.utils.server import ThreadedServer
server = ThreadedServer(SlaveService, hostname="127.0.0.1", port=0)
print('READY {"port": %d}' % server.port)
server.start()
`,
    );
    await using conn = await rpyc.classic.sshConnect(sshd.target, slave.ready.port);
    expect(await conn.eval('6 * 7')).toBe(42);
    expect(conn.proc.pid).toBeGreaterThan(0);
    const blocking = rpyc.classic.sshConnectSync(sshd.target, slave.ready.port);
    expect(blocking.modules.os.path.basename('/a/b')).toBe('b');
    blocking.close();
  });

  test('closing ends ssh, and what was sent last arrives', async () => {
    const server = await startServer('6.0.1');
    const conn = await rpyc.sshConnect(sshd.target, server.ready.port);
    await conn.close();
    await ended(conn.proc);
    expect(conn.proc.exitCode).toBe(0);
  });

  test('ssh killed with -9 ends the connection: EOFError for whoever waits', async () => {
    const server = await startServer('6.0.1');
    const conn = await rpyc.sshConnect(sshd.target, server.ready.port);
    const waiting = failure(conn.root.eval('time.sleep(20)'));
    conn.proc.kill('SIGKILL');
    expect((await waiting).code).toBe('ERR_RPYC_CLOSED');
    expect(conn.closed).toBe(true);
  });

  test('ssh killed with -9 ends a blocking call', async () => {
    const server = await startServer('6.0.1');
    const conn = rpyc.sshConnectSync(sshd.target, server.ready.port);
    const killing = `import os, signal, threading, time; threading.Timer(0.2, os.kill, (${conn.proc.pid}, signal.SIGKILL)).start()`;
    conn.root.eval(`exec(${JSON.stringify(killing)}, {})`);
    expect(failureSync(() => conn.root.eval('time.sleep(20)')).code).toBe('ERR_RPYC_CLOSED');
  });

  test('the sshd of a session killed with -9 ends its connections, and no other session', async () => {
    const [server, doomed] = [await startServer('6.0.1'), await startSshd()];
    onTestFinished(() => doomed.stop());
    const conn = await rpyc.sshConnect(doomed.target, server.ready.port);
    await using other = await rpyc.sshConnect(sshd.target, server.ready.port);
    const waiting = failure(conn.root.eval('time.sleep(20)'));
    doomed.killSessions();
    expect((await waiting).code).toBe('ERR_RPYC_CLOSED');
    expect((await failure(conn.root.add(1, 2))).code).toBe('ERR_RPYC_CLOSED');
    await ended(conn.proc);
    expect(await other.root.add(1, 2)).toBe(3);
    // The one that listens is still there.
    await using again = await rpyc.sshConnect(doomed.target, server.ready.port);
    expect(await again.root.add(2, 2)).toBe(4);
    doomed.killListener();
    expect(await again.root.add(3, 3)).toBe(6);
    await expect
      .poll(() => failure(rpyc.sshConnect(doomed.target, server.ready.port)).then(({ message }) => message))
      .toMatch(/Connection refused/);
  });

  test('the sshd of a session killed with -9 ends a blocking call', async () => {
    const [server, doomed] = [await startServer('6.0.1'), await startSshd()];
    onTestFinished(() => doomed.stop());
    const conn = rpyc.sshConnectSync(doomed.target, server.ready.port);
    const killing = doomed
      .sessions()
      .map((pid) => `os.kill(${pid}, signal.SIGKILL)`)
      .join('; ');
    expect(killing).not.toBe('');
    const later = `import os, signal, threading\ndef kill():\n    ${killing}\nthreading.Timer(0.2, kill).start()`;
    conn.root.eval(`exec(${JSON.stringify(later)}, {})`);
    expect(failureSync(() => conn.root.eval('time.sleep(20)')).code).toBe('ERR_RPYC_CLOSED');
    await ended(conn.proc);
  });

  test('a target may be a text, with the user, host and port in it', async () => {
    const server = await startServer('6.0.1');
    const { user, host, port, identityFile, extraArgs } = sshd.target;
    const folder = scratch();
    // Everything else comes from the configuration, as it does for users.
    const known = (extraArgs as string[]).find((arg) => arg.startsWith('UserKnownHostsFile=')) as string;
    writeFileSync(join(folder, 'config'), `Host *\n  IdentityFile ${identityFile}\n  ${known.replace('=', ' ')}\n`);
    const program = join(folder, 'ssh');
    writeFileSync(program, `#!/bin/sh\nexec ssh -F ${folder}/config "$@"\n`, { mode: 0o755 });
    const text = `${user}@${host}:${port}`;
    const oldPath = process.env.PATH;
    // `ssh` is looked up on the PATH: this one comes first, and calls the real one.
    writeFileSync(program, `#!/bin/sh\nPATH='${oldPath}' exec ssh -F ${folder}/config "$@"\n`, { mode: 0o755 });
    process.env.PATH = `${folder}:${oldPath}`;
    try {
      await using conn = await rpyc.sshConnect(text, server.ready.port);
      expect(await conn.root.add(1, 1)).toBe(2);
    } finally {
      process.env.PATH = oldPath;
    }
  });

  // --- failures ----------------------------------------------------------------------------------------------------

  test('a port that refuses is named at once, in both faces', async () => {
    const gone = await ScriptedPeer.listen();
    const { port } = gone;
    await gone.close();
    const error = await failure(rpyc.sshConnect(sshd.target, port));
    expect(error.code).toBe('ERR_RPYC_CONNECT');
    expect(error.message).toMatch(new RegExp(`localhost:${port}: .*Connection refused`));
    const blocking = failureSync(() => rpyc.sshConnectSync(sshd.target, port));
    expect(blocking.code).toBe('ERR_RPYC_CONNECT');
    expect(blocking.message).toMatch(/Connection refused/);
  });

  test('a key that the target does not know: permission denied, at once and without a question', async () => {
    const key = join(scratch(), 'other');
    expect(spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]).status).toBe(0);
    const target = { ...sshd.target, identityFile: key };
    const error = await failure(rpyc.sshConnect(target, 18861));
    expect(error.code).toBe('ERR_RPYC_CONNECT');
    expect(error.message).toMatch(/Permission denied \(publickey\)/);
    expect(failureSync(() => rpyc.sshConnectSync(target, 18861)).message).toMatch(/Permission denied \(publickey\)/);
  });

  test('a host key that nobody vouches for is refused, not accepted', async () => {
    const none = ['-F', 'none', '-o', 'UserKnownHostsFile=none', '-o', 'GlobalKnownHostsFile=none'];
    const error = await failure(rpyc.sshConnect({ ...sshd.target, extraArgs: none }, 18861));
    expect(error.code).toBe('ERR_RPYC_CONNECT');
    expect(error.message).toMatch(/Host key verification failed/);
  });

  test('nobody at the SSH port: connection refused', async () => {
    const gone = await ScriptedPeer.listen();
    const { port } = gone;
    await gone.close();
    const error = await failure(rpyc.sshConnect({ ...sshd.target, port }, 18861));
    expect(error.code).toBe('ERR_RPYC_CONNECT');
    expect(error.message).toMatch(/Connection refused/);
  });

  test('an SSH port that says nothing ends with the time-out', async () => {
    const silent = await ScriptedPeer.listen();
    onTestFinished(() => silent.close());
    const error = await failure(rpyc.sshConnect({ ...sshd.target, port: silent.port }, 18861, { connectTimeout: 2.5 }));
    expect(['ERR_RPYC_CONNECT', 'ERR_RPYC_TIMEOUT']).toContain(error.code);
    expect(error.message).toMatch(/timed out|in time/i);
  });

  test('a server behind the tunnel that hangs up is an EOFError, as without a tunnel', async () => {
    const peer = await ScriptedPeer.listen();
    onTestFinished(() => peer.close());
    const failing = failure(rpyc.sshConnect(sshd.target, peer.port));
    await (await peer.accept()).close();
    expect((await failing).code).toBe('ERR_RPYC_CLOSED');
  });

  test('a program that is not there is named', async () => {
    const target = { ...sshd.target, program: '/nonexistent/ssh' };
    const error = await failure(rpyc.sshConnect(target, 18861));
    expect(error.code).toBe('ERR_RPYC_CONNECT');
    expect(error.message).toContain('/nonexistent/ssh');
    expect(failureSync(() => rpyc.sshConnectSync(target, 18861)).message).toContain('/nonexistent/ssh');
  });

  test('forwarding that the target forbids is said', async () => {
    const strict = await startSshd({ config: ['AllowTcpForwarding no'] });
    onTestFinished(() => strict.stop());
    const error = await failure(rpyc.sshConnect(strict.target, 18861));
    expect(error.code).toBe('ERR_RPYC_CONNECT');
    expect(error.message).toMatch(/administratively prohibited/);
  });
});
