// Servers on sockets that they were started with, and the clients of both languages: systemd's socket activation (the test plays systemd),
// a descriptor by number, and inetd, which gives one socket as standard input and output.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { root } from '../../scripts/setup.mjs';
import * as rpyc from '../../src/index.ts';
import { inheritedFd } from '../../src/server/inherited.ts';
import { describePython, runClient } from '../support/python.ts';

const fdOf = (handle: Server | Socket): number => (handle as unknown as { _handle: { fd: number } })._handle.fd;

/** A listening socket; it accepts here too until it is closed. */
async function listening(): Promise<{ fd: number; port: number; close: () => void }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return { fd: fdOf(server), port, close: () => server.close() };
}

interface Activated {
  child: ChildProcess;
  said: Record<string, any>;
}

/** Starts the service with these descriptors from 3 on, as systemd does: LISTEN_PID is its own. */
async function activated(
  options: Record<string, unknown>,
  fds: readonly number[],
  env: Record<string, string> = { LISTEN_FDS: String(fds.length) },
  pid = '$$',
): Promise<Activated> {
  const program = fileURLToPath(new URL('../support/programs/listening-service.ts', import.meta.url));
  const command = [process.execPath, '--import', './scripts/ts.mjs', program, JSON.stringify(options)];
  const child = spawn('sh', ['-c', `LISTEN_PID=${pid} exec "$0" "$@"`, ...command], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit', ...fds],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  for await (const line of createInterface(child.stdout as NodeJS.ReadableStream))
    return { child, said: JSON.parse(line) };
  throw new Error('it ended');
}

const SUM = 'out["sum"] = root.add(5, 10)\nout["back"] = root.call(lambda n: n * 2, 4)';

describePython('a server that systemd has started', () => {
  test('accepts on the socket that it was given, and takes the variables away', async () => {
    const socket = await listening();
    const { child, said } = await activated({ listenFds: true }, [socket.fd]);
    socket.close();
    expect(said).toEqual({ host: '127.0.0.1', port: socket.port, left: [] });
    expect(await runClient('6.0.1', socket.port, SUM)).toEqual({ sum: 15, back: 9 });
    expect(await runClient('5.3.1', socket.port, SUM)).toEqual({ sum: 15, back: 9 });
    const conn = await rpyc.connect('127.0.0.1', socket.port);
    expect((await conn.root.where())[0]).toBe(child.pid);
    const sync = rpyc.connectSync('127.0.0.1', socket.port);
    expect(sync.root.add(1, 2)).toBe(3);
    sync.close();
    await conn.close();
    const exited = once(child, 'exit');
    child.stdin?.end();
    expect(await exited).toEqual([0, null]);
  });

  test('takes the one of several sockets that is named', async () => {
    const [http, calls] = [await listening(), await listening()];
    const env = { LISTEN_FDS: '2', LISTEN_FDNAMES: 'http:calls' };
    const { said } = await activated({ listenFds: 'calls' }, [http.fd, calls.fd], env);
    expect(said.port).toBe(calls.port);
    for (const { close } of [http, calls]) close();
    expect(await runClient('6.0.1', calls.port, SUM)).toEqual({ sum: 15, back: 9 });
  });

  test('accepts on a descriptor that is given by number', async () => {
    const socket = await listening();
    const { said } = await activated({ fd: 3 }, [socket.fd], {});
    socket.close();
    expect(said.port).toBe(socket.port);
    expect(await runClient('6.0.1', socket.port, SUM)).toEqual({ sum: 15, back: 9 });
  });
});

describe('what is wrong with a socket that was given', () => {
  test('sockets for another process, or that do not listen, are errors of the start', async () => {
    const socket = await listening();
    onTestFinished(socket.close);
    const other = await activated({ listenFds: true }, [socket.fd], { LISTEN_FDS: '1' }, '1');
    expect(other.said.message).toMatch(
      /the sockets are meant for process 1 \(LISTEN_PID\), this is \d+: start node itself/,
    );
    const pipe = await activated({ fd: 0 }, []);
    expect(pipe.said).toMatchObject({ name: 'Error', code: 'EINVAL' });
    const none = await activated({ fd: 77 }, []);
    expect(none.said).toMatchObject({ name: 'Error', code: 'EBADF' });
  });

  test.each<[string, true | string, Record<string, string>, string | number]>([
    ['the only one', true, { LISTEN_FDS: '1' }, 3],
    ['one by its name', 'b', { LISTEN_FDS: '3', LISTEN_FDNAMES: 'a:b:c' }, 4],
    ['none', true, {}, 'was given no sockets'],
    ['no number', true, { LISTEN_FDS: 'x' }, 'LISTEN_FDS is "x"'],
    ['too many', true, { LISTEN_FDS: '100000' }, 'LISTEN_FDS is "100000"'],
    ['several without a choice', true, { LISTEN_FDS: '2', LISTEN_FDNAMES: 'a:b' }, 'name one of them (a, b)'],
    ['an unknown name', 'z', { LISTEN_FDS: '2', LISTEN_FDNAMES: 'a:b' }, 'no socket is called "z"; there are a, b'],
    ['a name beyond the count', 'b', { LISTEN_FDS: '1', LISTEN_FDNAMES: 'a:b' }, 'no socket is called "b"'],
  ])('systemd’s variables: %s', (_what, which, given, expected) => {
    const env: NodeJS.ProcessEnv = { ...given, LISTEN_PID: String(process.pid) };
    if (typeof expected === 'number') expect(inheritedFd(which, env)).toBe(expected);
    else expect(() => inheritedFd(which, env)).toThrow(expected);
  });

  test('options that contradict each other are refused when the server is made', () => {
    class Nothing extends rpyc.Service {}
    expect(() => new rpyc.Server(Nothing, { fd: -1 })).toThrow(RangeError);
    expect(() => new rpyc.Server(Nothing, { fd: 3, port: 18861 })).toThrow(TypeError);
    expect(() => new rpyc.Server(Nothing, { fd: 3, listenFds: true })).toThrow(TypeError);
    expect(() => new rpyc.Server(Nothing, { listenFds: 'a', socketPath: '/tmp/x' })).toThrow(TypeError);
    expect(new rpyc.Server(Nothing, { listenFds: false, port: 0 })).toBeInstanceOf(rpyc.Server);
  });
});

describePython('a service that inetd has started', () => {
  test.each(['6.0.1', '5.3.1'] as const)(
    'serves the one socket that is all its standard streams, and what it prints gets nowhere, to RPyC %s',
    async (version) => {
      const program = fileURLToPath(new URL('../support/programs/stdio-service.ts', import.meta.url));
      const inetd = createServer({ pauseOnConnect: true }, (socket) => {
        const fd = fdOf(socket);
        const child = spawn(process.execPath, ['--import', './scripts/ts.mjs', program], {
          cwd: root,
          stdio: [fd, fd, fd],
        });
        ended.push(once(child, 'exit'));
        socket.destroy();
      });
      const ended: Promise<unknown[]>[] = [];
      inetd.listen(0, '127.0.0.1');
      await once(inetd, 'listening');
      onTestFinished(() => void inetd.close());
      const { port } = inetd.address() as { port: number };
      expect(await runClient(version, port, SUM)).toEqual({ sum: 15, back: 9 });
      const sync = await rpyc.connect('127.0.0.1', port);
      expect(await sync.root.add(1, 2)).toBe(3);
      expect((await sync.root.echo(new Uint8Array(1_000_000))).length).toBe(1_000_000);
      await sync.close();
      expect(await Promise.all(ended)).toEqual([
        [0, null],
        [0, null],
      ]);
    },
  );
});
