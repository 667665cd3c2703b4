// Commands for the target of ssh: text for whatever shell it runs, and the bridge between the session and a Unix socket there. (`ssh -W` takes
// a path since OpenSSH 9.4 only, and an older one waits for ever; and a target that forbids forwarding may still run programs.)

/** One word of a command, for every shell: sh, and as far as that goes csh and fish. No line breaks, which csh does not take. */
export function quote(word: string): string {
  if (/[\0\r\n]/.test(word))
    throw new TypeError(`a word for a remote shell has no line breaks: ${JSON.stringify(word)}`);
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** A Python program as one line, for `-c`. */
export const pythonLine = (program: string): string => `exec(${JSON.stringify(program)})`;

const PYTHON_BRIDGE = pythonLine(`
import os, socket, sys, threading
s = socket.socket(socket.AF_UNIX)
try:
    s.connect(sys.argv[1])
except OSError as error:
    sys.exit("cannot connect to %s: %s" % (sys.argv[1], error))
def up():
    try:
        while True:
            data = os.read(0, 65536)
            if not data:
                return s.shutdown(socket.SHUT_WR)
            s.sendall(data)
    except OSError:
        pass
threading.Thread(target=up, daemon=True).start()
try:
    while True:
        data = s.recv(65536)
        if not data:
            break
        while data:
            data = data[os.write(1, data):]
except OSError:
    pass
`);

// Standard output as a socket of its own: process.stdout would block both directions.
const NODE_BRIDGE = [
  'const { Socket, connect } = require("node:net"), path = process.argv[1], s = connect(path)',
  'const out = new Socket({ fd: 1, readable: false, writable: true })',
  's.once("error", (e) => { process.exitCode = 1; console.error("cannot connect to " + path + ": " + e.message); process.stdin.destroy() })',
  's.once("close", () => process.stdin.destroy())',
  'out.once("error", () => process.exit())',
  'process.stdin.on("error", () => s.end()).pipe(s); s.pipe(out)',
].join('; ');

/** Which program of the target bridges. */
export type Interpreter = { readonly kind: 'python' | 'node'; readonly path: string };

/** The command that joins its session to a Unix socket: with that interpreter, or with the first one that is there. */
export function bridgeTo(path: string, interpreter?: Interpreter): string {
  if (interpreter?.kind === 'python')
    return ['exec', ...[interpreter.path, '-c', PYTHON_BRIDGE, path].map(quote)].join(' ');
  if (interpreter?.kind === 'node')
    return ['exec', ...[interpreter.path, '-e', NODE_BRIDGE, path].map(quote)].join(' ');
  const choose =
    'if command -v python3 >/dev/null 2>&1; then exec python3 -c "$1" "$3"; ' +
    'elif command -v node >/dev/null 2>&1; then exec node -e "$2" "$3"; ' +
    'else echo "a Unix socket here needs python3 or node on the PATH" >&2; exit 127; fi';
  return ['exec sh -c', ...[choose, 'sh', PYTHON_BRIDGE, NODE_BRIDGE, path].map(quote)].join(' ');
}
