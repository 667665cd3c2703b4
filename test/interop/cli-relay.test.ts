// rpyc relay between real Python peers of different versions.
import { expect, test } from 'vitest';
import { rpyc, startCli } from '../support/cli.ts';
import { describePython, runClient, startServer } from '../support/python.ts';
import { ScriptedPeer } from '../support/scripted-peer.ts';

describePython.each([
  ['4.1.5', '6.0.1'],
  ['6.0.1', '5.3.1'],
] as const)('rpyc relay for a client of RPyC %s and a server of %s', (ours, theirs) => {
  test('joins them, callbacks and exceptions included', async () => {
    await using server = await startServer(theirs);
    const relay = startCli('rpyc', ['relay', '--listen', '127.0.0.1:0', `127.0.0.1:${server.ready.port}`]);
    const [, port] = await relay.line(/^listening on 127\.0\.0\.1:(\d+), for 127\.0\.0\.1:\d+$/);
    const out = await runClient(
      ours,
      Number(port),
      `
out["sum"] = root.add(5, 10)
out["back"] = root.call(lambda n: n + 1, 41)
try:
    root.raise_value("no")
except ValueError as error:
    out["raised"] = True
`,
    );
    expect(out).toMatchObject({ sum: 15, back: 42, raised: true });
    relay.child.kill('SIGTERM');
    expect(await relay.ended).toMatchObject({ exit: 0, stderr: '' });
  });
});

test('a taken port is exit code 1, an address that is none exit code 2', async () => {
  const taken = await ScriptedPeer.listen();
  expect(await rpyc('relay', '-l', `127.0.0.1:${taken.port}`, '127.0.0.1:1')).toEqual({
    exit: 1,
    stdout: '',
    stderr: expect.stringMatching(/^rpyc relay: .*EADDRINUSE.*\n$/),
  });
  expect(await rpyc('relay', 'nowhere')).toMatchObject({ exit: 2 });
  expect(await rpyc('relay', '127.0.0.1:1', '--protocol', '4')).toMatchObject({ exit: 2 });
});
