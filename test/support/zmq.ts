// ZeroMQ sockets in processes of their own, driven by lines: ours (crates/zmtp/examples/peer.rs) and libzmq's (peers/zmq_socket.py).
// Parts of messages are strings of latin-1 characters, one per byte.
import { findCargo, root, run, zerorpcPython } from '../../scripts/setup.mjs';
import { type PythonPeer, peer, startProgram } from './python.ts';

/** libzmq alone has XPUB. */
export type SocketType = 'XPUB' | 'DEALER' | 'ROUTER' | 'PUSH' | 'PULL' | 'PUB' | 'SUB' | 'REQ' | 'REP';

export interface ZmqSocket {
  readonly port: number;
  send(...parts: string[]): void;
  /** `subscribe`, `cancel` or `ping` with an argument. */
  tell(command: string, argument?: string): void;
  /** The next line that starts with this word, without it; lines of other words are kept for later. */
  next(word: string): Promise<string>;
  /** The next message, as parts. */
  receive(): Promise<string[]>;
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): void;
  /** SIGSTOP. */
  stall(): void;
}

/** Builds the example with cargo; resolves with its path. Call it once, before the tests. */
export async function buildPeer(): Promise<string> {
  const args = ['build', '--release', '--locked', '-p', 'rpyc-zmtp', '--example', 'peer'];
  const json = await run(findCargo(), [...args, '--message-format=json-render-diagnostics'], {
    stdout: 'pipe',
    quiet: true,
  });
  const messages = json.split('\n').filter((line) => line.startsWith('{'));
  const made = messages.map((line) => JSON.parse(line)).find((message) => message.target?.name === 'peer');
  if (!made?.executable) throw new Error(`cargo built no example in ${root}`);
  return made.executable;
}

/** A socket of crates/zmtp. `args`: `bind=127.0.0.1:0`, `connect=127.0.0.1:5555`, `identity=<hex>`, `minor=0`, `ping=<ms>`. */
export async function ourSocket(program: string, type: SocketType, ...args: string[]): Promise<ZmqSocket> {
  return driven(await startProgram(program, { args: [type, ...args] }));
}

/** A socket of libzmq. `args`: `bind=tcp://127.0.0.1`, `connect=tcp://127.0.0.1:5555`, names of options with their values. */
export async function libzmqSocket(type: SocketType, ...args: string[]): Promise<ZmqSocket> {
  return driven(await startProgram(zerorpcPython(), { args: [peer('zmq_socket.py'), type, ...args] }));
}

/** A program of peers/ with real zerorpc. */
export const zerorpcProgram = (name: string, ...args: string[]): Promise<PythonPeer> =>
  startProgram(zerorpcPython(), { args: [peer(name), ...args] });

export const toHex = (text: string): string => Buffer.from(text, 'latin1').toString('hex');
export const fromHex = (text: string): string => Buffer.from(text, 'hex').toString('latin1');

function driven(child: PythonPeer): ZmqSocket {
  const kept: string[] = [];
  async function next(word: string): Promise<string> {
    const starts = (line: string) => line === word || line.startsWith(`${word} `);
    const at = kept.findIndex(starts);
    if (at >= 0) return (kept.splice(at, 1)[0] ?? '').slice(word.length + 1);
    for (;;) {
      const line = await child.nextLine();
      if (starts(line)) return line.slice(word.length + 1);
      kept.push(line);
    }
  }
  return {
    port: child.ready.port,
    send: (...parts) => child.writeLine(`send ${parts.map(toHex).join()}`),
    tell: (command, argument = '') => child.writeLine(`${command} ${toHex(argument)}`),
    next,
    receive: async () => (await next('recv')).split(',').map(fromHex),
    stop: child.stop,
    kill: () => void process.kill(child.pid, 'SIGKILL'),
    stall: () => void process.kill(child.pid, 'SIGSTOP'),
  };
}
