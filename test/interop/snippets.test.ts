// What a newcomer pastes: the snippets that `npm start` prints and those of the README, verbatim, with real RPyC on the other side.
// They run against dist/ as an installed package would. A port that is taken is the only thing that is ever replaced.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { root } from '../../scripts/setup.mjs';
import { describePython, python, runPython } from '../support/python.ts';
import { type Ended, listening, runNode, script, start, withFreePort } from './snippets.ts';

/** The snippets of one language in a text, by their fences or by their indentation under a heading. */
const fenced = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map((m) => m[1] as string);

function printed(text: string, heading: string): string {
  const lines = text
    .slice(text.indexOf(`\n${heading}`) + 1)
    .split('\n')
    .slice(2);
  const end = lines.findIndex((line) => line !== '' && !line.startsWith('    '));
  return lines
    .slice(0, end)
    .map((line) => line.slice(4))
    .join('\n');
}

describePython('what npm start prints', () => {
  async function demo(): Promise<{ text: string; stop: () => Promise<Ended> }> {
    const { child, stdout, ended } = start(process.execPath, ['examples/start.mjs'], { PORT: '18861' });
    while (!stdout.toString() || !stdout().includes('Ctrl-C stops it.')) await Promise.race([sleep(20), ended]);
    return {
      text: stdout(),
      stop: async () => {
        child.kill('SIGINT');
        return ended;
      },
    };
  }

  test.each(['6.0.1', '5.3.1', '4.1.5'] as const)('the Python snippet runs with stock rpyc %s', async (version) => {
    const { text, stop } = await demo();
    const result = await runPython(version, printed(text, 'Python'));
    expect(result.stderr).toBe('');
    expect(result.stdout).toMatch(/^15\n\[1, 4, 9\]\n\d{4}-\d\d-\d\dT[\d:.]+Z\n$/);
    expect((await stop()).status).toBe(0);
  });

  test('the Node snippet runs, and Ctrl-C stops the server cleanly', async () => {
    const { text, stop } = await demo();
    const result = await runNode('printed.mjs', printed(text, 'Node'));
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(result.stdout).toMatch(/^15\n1 .*Z\n2 .*Z\n3 .*Z\n15\n$/);
    const ended = await stop();
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    expect(ended.stdout).toMatch(/stopped\n$/);
  });

  test('the next free port is taken, and said so, when the usual one is in use', async () => {
    const first = await demo();
    const second = await demo();
    expect(second.text).toMatch(/port \d+ is taken, trying \d+/);
    await first.stop();
    await second.stop();
  });
});

describePython('the README', () => {
  const readme = readFileSync(`${root}/README.md`, 'utf8');
  const [pythonServer, pythonClient] = fenced(readme, 'python') as [string, string];
  const [awaited, blocking, nodeServer, classic] = fenced(readme, 'js') as [string, string, string, string];

  test.each(['6.0.1', '5.3.1', '4.1.5'] as const)(
    'calls Python %s from Node, awaited and blocking',
    async (version) => {
      const { port, texts } = await withFreePort(18871, pythonServer, awaited, blocking);
      start(python(version), [script('server.py', texts[0] as string)]);
      await listening(port);
      const first = await runNode('awaited.mjs', texts[1] as string);
      expect(first).toMatchObject({ status: 0, stderr: '' });
      expect(first.stdout).toBe("15\n0\n1\n2\n42\ntrue unsupported operand type(s) for +: 'int' and 'str'\n");
      const second = await runNode('blocking.mjs', texts[2] as string);
      expect(second).toEqual({ status: 0, stderr: '', stdout: '15\n[ 0, 1, 2 ]\ncalled back while we wait\n' });
    },
  );

  test.each(['6.0.1', '5.3.1', '4.1.5'] as const)('calls Node from Python %s', async (version) => {
    const { port, texts } = await withFreePort(18872, nodeServer, pythonClient);
    start(process.execPath, [script('server.mjs', texts[0] as string)]);
    await listening(port);
    const result = await runPython(version, texts[1] as string);
    expect(result).toMatchObject({ stdout: '15\n400\n', stderr: '' });
  });

  test.each(['6.0.1', '5.3.1', '4.1.5'] as const)('drives a classic server of Python %s', async (version) => {
    const serve = `from rpyc.utils.server import ThreadedServer
from rpyc import SlaveService
ThreadedServer(SlaveService, hostname="127.0.0.1", port=18812).start()
`;
    const { port, texts } = await withFreePort(18812, serve);
    start(python(version), [script('classic.py', texts[0] as string)]);
    await listening(port);
    const text = port === 18812 ? classic : classic.replace("'127.0.0.1'", `'127.0.0.1', ${port}`);
    const result = await runNode('classic.mjs', text);
    expect(result).toEqual({ status: 0, stderr: '', stdout: 'env\n2\n[ 3.141592653589793, [ 1, 2 ] ]\n' });
  });
});
