// The documented tour, as a user runs it: one command, against dist/, with a stock Python server of each release.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { describePython, PYTHONS, python } from '../support/python.ts';

const TOUR = fileURLToPath(new URL('../../examples/tour/tour.mjs', import.meta.url));

/** What each line of the tour gives. */
const GIVES: Record<string, string> = {
  'await root.add(5, 10)': '15',
  "await root.add('a', 'b')": 'ab',
  "await root.words('a-b', rpyc.kwargs({ sep: '-' }))": '["a","b"]',
  'await account.deposit(2)': '42',
  'await account.balance': '42',
  'await rpyc.repr(account)': "Account('Grace', 42)",
  'await rpyc.len(account)': '42',
  "await rpyc.hasattr(account, 'interest')": 'false',
  'await rpyc.isinstance(account, root.Account)': 'true',
  'await words[1]': 'quick',
  'await rpyc.getitem(words, -1)': 'fox',
  'await rpyc.toArray(rpyc.getitem(words, rpyc.slice(0, 2)))': '["the","quick"]',
  "await rpyc.contains(words, 'fox')": 'true',
  'for await (const word of words)': '["the","quick","brown","fox"]',
  'for await (const n of await root.count(1e6)), break': '[0,1,2,3]',
  'await root.apply((a, b) => a * b, 6, 7)': '42',
  'await root.apply(async (x) => ..., 1)': '3',
  'await root.summary({ apples: 3, pears: 4 })': '2 things, 7 pieces: apples, pears',
  'await root.summary(new Map([...]))': '1 things, 5 pieces: plums',
  'error instanceof rpyc.exceptions.ValueError': 'true',
  'error.message': 'a deposit of -1',
  "error.remoteTraceback.includes('in deposit')": 'true',
  'our own error, through Python and back': 'true',
  'await rpyc.withContext(account, (a) => a.owner)': 'Grace',
  'sync.balance = 100; sync.deposit(1)': '101',
  'String(sync)': "Account('Grace', 101)",
  "[...conn.sync.root.words('no await')]": '["no","await"]',
  '1000 calls in one tick, last result': '1998',
  'rpyc.async_(root.add)(1, 2).value': '3',
  'rpyc.release(other); await other.deposit(1)': 'ERR_RPYC_RELEASED',
  'conn.closed': 'true',
};

describePython.each(PYTHONS)('The tour, with a server of RPyC %s,', (version) => {
  test('prints what each line gave', async () => {
    const child = spawn(process.execPath, [TOUR], { env: { ...process.env, PYTHON: python(version), PYTHONPATH: '' } });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    const ended = once(child, 'close');
    onTestFinished(async () => {
      child.kill('SIGKILL');
      await ended;
    });
    const [status] = await ended;
    expect(status, stderr).toBe(0);
    const lines = stdout.split('\n');
    const given = (line: string) =>
      lines
        .find((found) => found.startsWith(`   ${line} `))
        ?.slice(3 + line.length)
        .trim();
    expect(Object.fromEntries(Object.keys(GIVES).map((line) => [line, given(line)]))).toEqual(GIVES);
    expect(lines.filter((line) => /^\d\. /.test(line))).toHaveLength(9);
    expect(stdout).toContain('(server: the account of Grace is put away)');
  });
});
