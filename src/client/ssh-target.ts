// Where `ssh` is to go, and its command line: checked, never through a shell, never asking a question. Starts nothing.
import { isIPv6 } from 'node:net';
import { bridgeTo } from './ssh-bridge.ts';

/** A machine that the system's `ssh` reaches. What is left out, `ssh` takes from its own configuration (`~/.ssh/config`). */
export interface SshTarget {
  /** Name, address, or a `Host` of the ssh configuration. */
  host: string;
  /** Port of the SSH server. */
  port?: number;
  /** Whom to log in as. */
  user?: string;
  /** Private key to log in with, and no other one. */
  identityFile?: string;
  /** Never ask for a password or a host key: fail instead. Default true; false lets `ssh` ask on the terminal, if there is one. */
  batchMode?: boolean;
  /** Further arguments of `ssh`, before ours; of an option that is given twice it takes the first: `['-o', 'ServerAliveInterval=15']`. */
  extraArgs?: readonly string[];
  /** The program. Default `ssh`, of OpenSSH. */
  program?: string;
}

/** A target, or `host`, `user@host`, `host:port`, `user@host:port`, `[::1]:port`. */
export type SshDestination = SshTarget | string;

/** Where a server listens on the target, as the target sees it: a port there, a host and port reachable from there, or a Unix socket there. */
export type SshRemote =
  | number
  | {
      /** Host, as seen from the target. Default `localhost`, the target itself. */
      remoteHost?: string;
      /** Port of that host. */
      remotePort: number;
    }
  | {
      /** Absolute path of a Unix socket on the target. */
      remoteSocket: string;
    };

/** A word of a command line that is a name: no option, nothing that a shell or a protocol would take apart. */
function checkName(what: string, value: unknown): asserts value is string {
  if (typeof value !== 'string' || value === '') throw new TypeError(`${what} is a text that is not empty`);
  if (value.startsWith('-')) throw new TypeError(`${what} must not begin with a dash: ${JSON.stringify(value)}`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  if (/[\s\x00-\x1f\x7f]/.test(value))
    throw new TypeError(`${what} has a space or a control character in it: ${JSON.stringify(value)}`);
}

function checkPort(what: string, port: unknown): asserts port is number {
  if (!(Number.isInteger(port) && (port as number) > 0 && (port as number) < 65_536))
    throw new RangeError(`${what} is between 1 and 65535, not ${String(port)}`);
}

function parse(text: string): SshTarget {
  const match = /^(?:(.+)@)?(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d+))?$/.exec(text);
  if (match === null)
    throw new TypeError(`an SSH target is host, user@host:port or [IPv6 address]:port, not ${JSON.stringify(text)}`);
  const [, user, address, name, port] = match;
  const target: SshTarget = { host: (address ?? name) as string };
  if (user !== undefined) target.user = user;
  if (port !== undefined) target.port = Number(port);
  return target;
}

/** @throws {TypeError} or {RangeError} that names what is wrong */
export function targetOf(destination: SshDestination): SshTarget {
  const target = typeof destination === 'string' ? parse(destination) : { ...destination };
  checkName('host', target.host);
  if (target.user !== undefined) checkName('user', target.user);
  if (target.port !== undefined) checkPort('port', target.port);
  if (target.identityFile !== undefined && (typeof target.identityFile !== 'string' || target.identityFile === ''))
    throw new TypeError('identityFile is the path of a private key');
  return target;
}

/** For messages: `user@host:port`. */
export function nameOf({ user, host, port }: SshTarget): string {
  const where = isIPv6(host) ? `[${host}]` : host;
  return `${user === undefined ? '' : `${user}@`}${where}${port === undefined ? '' : `:${port}`}`;
}

/** What `ssh` is asked to do. */
export interface Errand {
  /** For messages: what it leads to. */
  readonly name: string;
  /** Further options. */
  readonly options: readonly string[];
  /** Command to run on the target, for its shell. */
  readonly command?: string;
}

/** To a port, or a Unix socket, of the target. @throws {TypeError} or {RangeError} that names what is wrong */
export function errandTo(remote: SshRemote): Errand {
  if (typeof remote === 'object' && 'remoteSocket' in remote) {
    const path = remote.remoteSocket;
    if (typeof path !== 'string' || !/^\/[^\0\r\n]*$/.test(path))
      throw new TypeError(`remoteSocket is an absolute path, not ${JSON.stringify(path)}`);
    return { name: path, options: [], command: bridgeTo(path) };
  }
  const { remoteHost = 'localhost', remotePort } = typeof remote === 'object' ? remote : { remotePort: remote };
  checkName('remoteHost', remoteHost);
  checkPort('remotePort', remotePort);
  const name = `${remoteHost.includes(':') ? `[${remoteHost}]` : remoteHost}:${remotePort}`;
  return { name, options: ['-W', name] };
}

/**
 * The command line of `ssh`: options, then the host, then the command.
 * @param timeoutMs for connecting; ssh gives up a little earlier than its caller, so that it can still say why
 */
export function argumentsFor(target: SshTarget, timeoutMs: number, errand: Errand): string[] {
  const { host, port, user, identityFile, batchMode = true, extraArgs = [] } = target;
  const options = [
    `BatchMode=${batchMode ? 'yes' : 'no'}`,
    `ConnectTimeout=${Math.max(1, Math.floor(timeoutMs / 1000) - 1)}`,
    // A connection that others share would outlive ours, with our descriptors.
    'ControlMaster=no',
    ...(identityFile === undefined ? [] : ['IdentitiesOnly=yes']),
  ].flatMap((option) => ['-o', option]);
  if (port !== undefined) options.push('-p', String(port));
  if (user !== undefined) options.push('-l', user);
  if (identityFile !== undefined) options.push('-i', identityFile);
  // Neither the agent nor the display is the target's business.
  const command = errand.command === undefined ? [] : [errand.command];
  return [...extraArgs, '-a', '-x', '-T', ...options, ...errand.options, '--', host, ...command];
}

/** What `ssh` said that tells why it failed: its last lines, without those that it says of every new or old host. */
export function lastWords(text: string): string {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(Warning: Permanently added|\*\* )/.test(line));
  return lines.slice(-6).join('; ').slice(-1000);
}
