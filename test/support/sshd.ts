// A real sshd on loopback: the current user's, on a free port, with host key, user key and known_hosts in a folder of its own. It runs in
// the foreground and is ended by its handle. Needs Debian's openssh-server (scripts/setup.mjs installs it where it may).
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, onTestFinished } from 'vitest';
import { SSHD } from '../../scripts/setup.mjs';
import type { SshTarget } from '../../src/index.ts';
import { listening } from '../interop/snippets.ts';
import { python, type RpycVersion } from './python.ts';

/** May the tests use an sshd? */
export const HAS_SSHD: boolean = process.env.RPYC_TEST_SSHD !== 'skip';

/** `describe` for tests with a real sshd and Python: left out where RPYC_TEST_PYTHON=skip or RPYC_TEST_SSHD=skip (which CI never sets). */
export const describeSsh: typeof describe | typeof describe.skip =
  process.env.RPYC_TEST_PYTHON === 'skip' || !HAS_SSHD ? describe.skip : describe;

export interface Sshd {
  readonly port: number;
  /** How to reach it, as `sshConnect` takes it. */
  readonly target: SshTarget;
  /** Folder with `user_key`, `known_hosts` and `log`. */
  readonly folder: string;
  readonly log: () => string;
  /** kill -9 of the one that listens. */
  killListener(): void;
  /** Processes that serve a session each. */
  sessions(): number[];
  /** kill -9 of these; what they run is not touched. */
  killSessions(): void;
  stop(): Promise<void>;
}

/** Processes below this one that are called sshd, or sshd-session as newer ones are. */
function sshdsBelow(parent: number): number[] {
  const children = readdirSync('/proc').flatMap((name) => {
    try {
      const [, comm, ppid] = /^\d+ \((.*)\) \S+ (\d+) /s.exec(readFileSync(`/proc/${name}/stat`, 'utf8')) ?? [];
      return Number(ppid) === parent && comm?.startsWith('sshd') ? [Number(name)] : [];
    } catch {
      return []; // no process, or one that is gone
    }
  });
  return children.flatMap((pid) => [pid, ...sshdsBelow(pid)]);
}

function keygen(path: string): void {
  const { status, stderr } = spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path]);
  if (status !== 0) throw new Error(`ssh-keygen failed: ${stderr}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export interface SshdOptions {
  /** Further lines of its configuration. */
  config?: readonly string[];
  /** Environment of what it runs. HOME is a folder of its own, without the user's shell files. */
  env?: Record<string, string>;
}

/** Starts it; `stop()` is the caller's. */
export async function startSshd({ config = [], env = {} }: SshdOptions = {}): Promise<Sshd> {
  const folder = mkdtempSync(join(tmpdir(), 'rpyc-sshd-'));
  const at = (name: string): string => join(folder, name);
  // sshd run by root insists on the empty folder of its own that a service manager would make.
  if (process.getuid?.() === 0 && !existsSync('/run/sshd')) mkdirSync('/run/sshd', { mode: 0o755 });
  mkdirSync(at('home'));
  keygen(at('host_key'));
  keygen(at('user_key'));
  writeFileSync(at('authorized_keys'), readFileSync(at('user_key.pub')));
  chmodSync(at('authorized_keys'), 0o600);
  const port = await freePort();
  writeFileSync(
    at('known_hosts'),
    `[127.0.0.1]:${port} ${readFileSync(at('host_key.pub'), 'utf8').split(' ').slice(0, 2).join(' ')}\n`,
  );
  writeFileSync(
    at('sshd_config'),
    [
      ...config,
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${at('host_key')}`,
      `AuthorizedKeysFile ${at('authorized_keys')}`,
      `PidFile none`,
      'UsePAM no',
      'StrictModes no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin prohibit-password',
      'MaxStartups 100',
      'LogLevel VERBOSE',
      `SetEnv ${Object.entries({ HOME: at('home'), ...env })
        .map(([name, value]) => `${name}=${value}`)
        .join(' ')}`,
      '',
    ].join('\n'),
  );
  const child: ChildProcess = spawn(SSHD, ['-D', '-e', '-f', at('sshd_config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr?.setEncoding('utf8').on('data', (text) => (log += text));
  const ended = once(child, 'close');
  ended.catch(() => undefined);
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const stop = async (): Promise<void> => {
    process.off('exit', kill);
    child.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const sessions = (): number[] => sshdsBelow(child.pid ?? 0);
  const killSessions = (): void => {
    for (const pid of sessions()) process.kill(pid, 'SIGKILL');
  };
  try {
    await Promise.race([
      listening(port),
      ended.then(() => {
        throw new Error('sshd ended before it listened');
      }),
    ]);
  } catch (error) {
    kill();
    throw new Error(
      `sshd did not start (${(error as Error).message}): is ${SSHD} there (Debian, Ubuntu: apt-get install openssh-server)? ${log}`,
    );
  }
  const target: SshTarget = {
    host: '127.0.0.1',
    port,
    user: userInfo().username,
    identityFile: at('user_key'),
    extraArgs: ['-F', 'none', '-o', `UserKnownHostsFile=${at('known_hosts')}`, '-o', 'GlobalKnownHostsFile=none'],
  };
  return { port, target, folder, log: () => log, killListener: kill, sessions, killSessions, stop };
}

/** What a Unix has anyway. */
const TOOLS = ['sh', 'mktemp', 'head', 'tar', 'cat', 'sleep', 'rm'];

/** A machine to log in to. */
export interface Target {
  readonly ssh: SshTarget;
  /** Names in its temporary folder. */
  left(): string[];
  /** kill -9 of the sshd that serves a session. */
  killSessions(): void;
  stop(): Promise<void>;
}

/** What is on its PATH. */
export interface Has {
  /** A Python with this RPyC; 'bare': without any. */
  python?: RpycVersion | 'bare';
  /** As which name. */
  as?: string;
  node?: boolean;
  config?: readonly string[];
  without?: string;
}

/** A target with only that on its PATH, and a temporary folder of its own. Inside a test it is stopped when the test ends. */
export async function startTarget({
  python: version,
  as = 'python3',
  node,
  config = [],
  without,
}: Has): Promise<Target> {
  const folder = mkdtempSync(join(tmpdir(), 'rpyc-target-'));
  const bin = join(folder, 'bin');
  const temporary = join(folder, 'tmp');
  for (const each of [bin, temporary]) mkdirSync(each);
  for (const tool of TOOLS.filter((name) => name !== without)) {
    const found = ['/bin', '/usr/bin'].map((place) => join(place, tool)).find((path) => existsSync(path)) as string;
    symlinkSync(found, join(bin, tool));
  }
  const wrapper = (name: string, program: string, ...args: string[]): void =>
    writeFileSync(join(bin, name), `#!/bin/sh\nexec '${program}' ${args.join(' ')} "$@"\n`, { mode: 0o755 });
  if (version === 'bare') wrapper(as, python('6.0.1'), '-S');
  else if (version !== undefined) wrapper(as, python(version));
  if (node === true) wrapper('node', process.execPath);
  const sshd = await startSshd({ config, env: { PATH: bin, TMPDIR: temporary } });
  const stop = async (): Promise<void> => {
    await sshd.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    onTestFinished(stop);
  } catch {
    // not inside a test: the caller stops it
  }
  return { ssh: sshd.target, left: () => readdirSync(temporary), killSessions: sshd.killSessions, stop };
}
