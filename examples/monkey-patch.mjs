// Monkey-patching: a program that works with `fs` through an injected object runs unchanged with the `fs` of another process, and with
// Python's files. Blocking throughout, no `await` in the program. One command, after `npm run build` (the interpreter needs `rpyc`):
//
//     PYTHON=.venv/rpyc-6.0.1/bin/python node examples/monkey-patch.mjs
import { spawn } from 'node:child_process';
import localFs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as rpyc from 'rpyc';

/** The program. It knows nothing of RPyC: it makes notes in a directory, lists them, and removes them. */
function program(fs, directory) {
  fs.mkdirSync(join(directory, 'notes'), { recursive: true });
  fs.writeFileSync(join(directory, 'notes', 'a.txt'), 'first\nsecond\n');
  fs.writeFileSync(join(directory, 'notes', 'b.txt'), 'third\n');
  const lines = [];
  for (const name of fs.readdirSync(join(directory, 'notes'))) {
    const text = fs.readFileSync(join(directory, 'notes', name), 'utf8');
    lines.push(
      `${name}: ${text.trimEnd().split('\n').length} lines, ${fs.statSync(join(directory, 'notes', name)).size} bytes`,
    );
  }
  fs.renameSync(join(directory, 'notes', 'b.txt'), join(directory, 'notes', 'c.txt'));
  lines.push(`b.txt exists: ${fs.existsSync(join(directory, 'notes', 'b.txt'))}`);
  try {
    fs.readFileSync(join(directory, 'notes', 'b.txt'), 'utf8');
  } catch (error) {
    lines.push(
      `reading it: ${error.message.includes('b.txt') || error.message.includes('No such file') ? 'no such file' : error}`,
    );
  }
  fs.rmSync(join(directory, 'notes'), { recursive: true });
  lines.push(`left: ${[...fs.readdirSync(directory)].length}`);
  return lines;
}

/** The part of `fs` that the program uses, over Python's `os`, `shutil` and `open`. */
function fsOfPython(conn) {
  const { os, shutil } = conn.modules;
  const { open, sorted } = conn.builtins;
  return {
    mkdirSync: (path, { recursive = false } = {}) =>
      recursive ? os.makedirs(path, rpyc.kwargs({ exist_ok: true })) : os.mkdir(path),
    writeFileSync(path, text) {
      const file = open(path, 'w');
      file.write(text);
      file.close();
    },
    readFileSync(path, encoding) {
      const file = open(path, 'r', rpyc.kwargs({ encoding }));
      const text = file.read();
      file.close();
      return text;
    },
    readdirSync: (path) => rpyc.toArray(sorted(os.listdir(path))),
    statSync: (path) => ({ size: os.stat(path).st_size }),
    renameSync: (from, to) => os.rename(from, to),
    existsSync: (path) => os.path.exists(path),
    rmSync: (path) => shutil.rmtree(path),
  };
}

/** A Node slave in a process of its own, for this one connection. */
async function nodeSlave() {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), '--slave'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [port] = await new Promise((resolve, reject) => {
    child.stdout.once('data', (data) => resolve([Number(String(data))]));
    child.once('exit', () => reject(new Error('the slave ended')));
  });
  return { port, stop: () => child.stdin.end() };
}

async function main() {
  const directory = () => localFs.mkdtempSync(join(tmpdir(), 'rpyc-notes-'));
  const show = (title, run) => {
    const where = directory();
    const lines = run(where);
    localFs.rmSync(where, { recursive: true });
    console.log(`${title}\n  ${lines.join('\n  ')}`);
  };

  show('with the fs of this process', (where) => program(localFs, where));

  const slave = await nodeSlave();
  const node = rpyc.classic.connectSync('127.0.0.1', slave.port);
  show('with the fs of another Node process', (where) => program(node.modules.fs, where));
  node.close();
  slave.stop();

  const python = rpyc.classic.connectSubprocSync({ python: process.env.PYTHON ?? 'python3' });
  show("with Python's files", (where) => program(fsOfPython(python), where));
  python.close();
}

if (process.argv[2] === '--slave') {
  const server = await new rpyc.Server(rpyc.JsSlaveService, { logger: null }).start();
  process.stdin.resume().on('end', () => process.exit());
  console.log(server.port);
} else await main();
