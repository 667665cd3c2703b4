// rpyc repl in a real terminal: Python's pty gives it one, types, and reads what it shows. And without a terminal, as a filter.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { programPath, runCli } from '../support/cli.ts';
import { describePython, type PythonPeer, peer, pythonJson, startPython, startServer } from '../support/python.ts';

/** Types each text when the screen shows what it waits for, and prints the screen: `[wait, type]`, …; then the exit status. */
const TERMINAL = `
import json, os, pty, re, select, sys, time
argv, steps, env = json.loads(sys.argv[1])
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(env)
    os.execv(argv[0], argv)
screen, at, deadline = "", 0, time.time() + 40
def read():
    global screen
    if not select.select([fd], [], [], max(0, deadline - time.time()))[0]:
        raise SystemExit("the terminal shows nothing more:\\n" + screen)
    try:
        more = os.read(fd, 65536)
    except OSError:
        more = b""
    screen += more.decode("utf-8", "replace")
    return more
for wanted, typed in steps:
    while True:
        found = re.search(wanted, screen[at:])
        if found:
            break
        if not read():
            raise SystemExit("the program ended before %r:\\n%s" % (wanted, screen))
    at += found.end()
    os.write(fd, typed.encode())
while read():
    pass
_, status = os.waitpid(pid, 0)
print(json.dumps({"screen": screen, "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)}))
`;

type Step = readonly [shown: string, typed: string];

function terminal(args: readonly string[], steps: readonly Step[], env: Record<string, string> = {}) {
  const argv = [process.execPath, ...args];
  return pythonJson<{ screen: string; exit: number }>('6.0.1', TERMINAL, {
    args: [JSON.stringify([argv, steps, { TERM: 'xterm', NO_COLOR: '1', ...env }])],
  });
}

const ENTER = '\r';
const TAB = '\t';
const CTRL_C = '\x03';
const CTRL_D = '\x04';
const REPL = programPath('rpyc');

describePython.each(['6.0.1', '5.3.1'] as const)('rpyc repl on a server of RPyC %s', (version) => {
  let server: PythonPeer;
  let at = '';
  let history = '';
  beforeAll(async () => {
    server = await startServer(version);
    at = `127.0.0.1:${server.ready.port}`;
    history = mkdtempSync(join(tmpdir(), 'rpyc-cli-'));
  });
  afterAll(async () => {
    await server.stop();
    rmSync(history, { recursive: true, force: true });
  });

  test('Tab completes remote names, calls block, references show as their repr', async () => {
    const file = join(history, 'lines');
    const { screen, exit } = await terminal(
      [REPL, 'repl', at, '--history', file],
      [
        ['rpyc> ', `conn.root.make_po${TAB}`],
        ['make_point', `(3, 4)${ENTER}`],
        ['\nPoint\\(3, 4\\)\r\n.*rpyc> ', `conn.root.nested.do${TAB}`],
        ['nested\\.double', `(21)${ENTER}`],
        ['\n42\r\n.*rpyc> ', `conn.root.make_${TAB}`],
        ['make_', TAB],
        ['conn\\.root\\.make_function', `list(3)${ENTER}`],
        ['\n\\[0, 1, 2\\]\r\n.*rpyc> ', `conn.root.raise_value('no good')${ENTER}`],
        ['ValueError: no good\r\n.*rpyc> ', `await rpyc.awaitable(conn.root).add(1, 2)${ENTER}`],
        ['\n3\r\n.*rpyc> ', `conn.pi${TAB}`],
        ['conn\\.ping', `${ENTER}`],
        ['\n.*rpyc> ', CTRL_D],
      ],
    );
    expect(exit).toBe(0);
    expect(screen).toContain('Traceback (most recent call last)');
    const lines = readFileSync(file, 'utf8').split('\n');
    expect(lines).toContain('conn.root.make_point(3, 4)');
    // What was typed stays: the arrow up finds it in the next session.
    const next = await terminal(
      [REPL, 'repl', at, '--history', file],
      [
        ['rpyc> ', `\x1b[A\x1b[A${ENTER}`],
        ['\n3\r\n.*rpyc> ', CTRL_D],
      ],
    );
    expect(next.exit).toBe(0);
  });

  test('Ctrl-C ends a call that takes too long, and not the prompt', async () => {
    const { exit } = await terminal(
      [REPL, 'repl', at, '--history', ''],
      [
        ['rpyc> ', `console.log('begun'); conn.root.sleep(1)${ENTER}`],
        ['\nbegun\r\n', CTRL_C],
        ['InterruptedError: [^\r]*\r\n.*rpyc> ', `1 + 1${ENTER}`],
        ['\n2\r\n.*rpyc> ', `await new Promise(() => console.log('waits'))${ENTER}`],
        ['\nwaits\r\n', CTRL_C],
        ['Ctrl-C again', CTRL_C],
      ],
    );
    expect(exit).toBe(130);
  });

  test('without a terminal it is a filter', async () => {
    const stdin =
      'x = conn.root.add(1, 2)\nconn.root.make_point(x, 4)\nrpyc.value(conn.root.make_dict(1))\nconn.root.nope\n';
    const { exit, stdout, stderr } = await runCli('rpyc', ['repl', at], { stdin });
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(stdout).toMatch(/^3\nPoint\(3, 4\)\nMap\(1\) \{ 'k0' => 0 \}\n/);
    expect(stdout).toContain("AttributeError: cannot access 'nope'\nHint: ");
  });
});

describePython('in a terminal', () => {
  test('rpyc repl --classic has the modules of a slave, and completes their names', async () => {
    await using slave = await startPython('6.0.1', peer('classic.py'), { args: ['slave'] });
    const { exit } = await terminal(
      [REPL, 'repl', '--classic', `127.0.0.1:${slave.ready.port}`, '--history', ''],
      [
        ['rpyc> ', `conn.modules.os.path.basen${TAB}`],
        ['basename', `('/a/b')${ENTER}`],
        ["\n'b'\r\n.*rpyc> ", `conn.eval('1 + 2')${ENTER}`],
        ['\n3\r\n.*rpyc> ', `.exit${ENTER}`],
      ],
    );
    expect(exit).toBe(0);
  });

  test('it says that the peer is gone', async () => {
    await using server = await startServer('6.0.1');
    const { exit } = await terminal(
      [REPL, 'repl', `127.0.0.1:${server.ready.port}`, '--history', ''],
      [
        ['rpyc> ', `conn.root.exit()${ENTER}`],
        ['the peer closed the connection', `conn.root.add(1, 2)${ENTER}`],
        ['EOFError: .*\r\n.*rpyc> ', CTRL_D],
      ],
    );
    expect(exit).toBe(0);
  });

  test('there are colours, and with NO_COLOR none', async () => {
    await using server = await startServer('6.0.1');
    const args = [REPL, 'inspect', `127.0.0.1:${server.ready.port}`, 'nested'];
    const colours = '\x1b[36m';
    expect((await terminal(args, [], { NO_COLOR: '' })).screen).toContain(colours);
    expect((await terminal(args, [])).screen).not.toContain(colours);
  });

  test('rpyc_classic -m stdio refuses it', async () => {
    const { screen, exit } = await terminal([programPath('rpyc_classic'), '-m', 'stdio'], []);
    expect({ exit, screen }).toEqual({ exit: 2, screen: expect.stringContaining('these are a terminal') });
  });
});
