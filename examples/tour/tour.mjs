// A tour of what a Python object can do in Node: `node examples/tour/tour.mjs` (after `npm run build`). It starts server.py itself, with
// $PYTHON, or the Python that `npm run setup` has made, or python3 (which then needs `pip install rpyc`). Every line is printed with what
// it gave.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as rpyc from 'rpyc';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const venv = path('../../.venv/rpyc-6.0.1/bin/python');
const python = process.env.PYTHON ?? (existsSync(venv) ? venv : 'python3');

/** Starts server.py; what it prints later goes to our output. */
async function startServer() {
  const child = spawn(python, ['-u', path('server.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout);
  const port = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status) => reject(new Error(`${python} ended with ${status}`)));
    lines.on('line', (line) => {
      const [, listening] = /^listening on (\d+)$/.exec(line) ?? [];
      if (listening === undefined) console.log(`   (server: ${line})`);
      else resolve(Number(listening));
    });
  });
  return { port, stop: () => child.stdin.end() };
}

const chapter = (title) => console.log(`\n${title}`);
const show = (line, value) =>
  console.log(
    `   ${line.padEnd(60)} ${typeof value === 'string' ? value : rpyc.isRemote(value) ? String(value) : JSON.stringify(value)}`,
  );

const { port, stop } = await startServer();

chapter('1. Connect and call');
const conn = await rpyc.connect('127.0.0.1', port);
const { root } = conn;
show('await root.add(5, 10)', await root.add(5, 10));
show("await root.add('a', 'b')", await root.add('a', 'b'));
show(
  "await root.words('a-b', rpyc.kwargs({ sep: '-' }))",
  await rpyc.toArray(await root.words('a-b', rpyc.kwargs({ sep: '-' }))),
);

chapter('2. An object of Python');
const account = await new root.Account('Ada');
await account.deposit(40);
show('await account.deposit(2)', await account.deposit(2));
show('await account.balance', await account.balance);
await rpyc.setattr(account, 'owner', 'Grace');
show('await rpyc.repr(account)', await rpyc.repr(account));
show('await rpyc.len(account)', await rpyc.len(account));
show("await rpyc.hasattr(account, 'interest')", await rpyc.hasattr(account, 'interest'));
show('await rpyc.isinstance(account, root.Account)', await rpyc.isinstance(account, root.Account));

chapter('3. Containers');
const words = await root.words('the quick brown fox');
show('await words[1]', await words[1]);
show('await rpyc.getitem(words, -1)', await rpyc.getitem(words, -1));
show(
  'await rpyc.toArray(rpyc.getitem(words, rpyc.slice(0, 2)))',
  await rpyc.toArray(await rpyc.getitem(words, rpyc.slice(0, 2))),
);
show("await rpyc.contains(words, 'fox')", await rpyc.contains(words, 'fox'));
const seen = [];
for await (const word of words) seen.push(word);
show('for await (const word of words)', seen);
const counted = [];
for await (const n of await root.count(1_000_000)) {
  counted.push(n);
  if (n === 3) break;
}
show('for await (const n of await root.count(1e6)), break', counted);

chapter('4. Python calls us');
show('await root.apply((a, b) => a * b, 6, 7)', await root.apply((a, b) => a * b, 6, 7));
show('await root.apply(async (x) => ..., 1)', await root.apply(async (x) => x + (await root.add(1, 1)), 1));
show('await root.summary({ apples: 3, pears: 4 })', await root.summary({ apples: 3, pears: 4 }));
show('await root.summary(new Map([...]))', await root.summary(new Map([['plums', 5]])));

chapter('5. Exceptions');
try {
  await account.deposit(-1);
} catch (error) {
  show('error instanceof rpyc.exceptions.ValueError', error instanceof rpyc.exceptions.ValueError);
  show('error.message', error.message);
  show("error.remoteTraceback.includes('in deposit')", error.remoteTraceback.includes('in deposit'));
}
const failure = await root.apply(() => JSON.parse('{')).catch((error) => error);
show('our own error, through Python and back', failure instanceof SyntaxError);

chapter('6. The context managers of Python');
show('await rpyc.withContext(account, (a) => a.owner)', await rpyc.withContext(account, async (a) => await a.owner));

chapter('7. The same, blocking');
const sync = rpyc.sync(account);
sync.balance = 100;
show('sync.balance = 100; sync.deposit(1)', sync.deposit(1));
show('String(sync)', String(sync));
show("[...conn.sync.root.words('no await')]", [...conn.sync.root.words('no await')]);

chapter('8. Many calls at once');
const sums = await Promise.all(Array.from({ length: 1000 }, (_, i) => root.add(i, i)));
show('1000 calls in one tick, last result', sums.at(-1));
const later = rpyc.async_(root.add)(1, 2);
await later.wait();
show('rpyc.async_(root.add)(1, 2).value', later.value);

chapter('9. Good-bye');
const other = await new root.Account('Bob');
rpyc.release(other);
show('rpyc.release(other); await other.deposit(1)', await other.deposit(1).catch((error) => error.code));
await conn.close();
show('conn.closed', conn.closed);
stop();
