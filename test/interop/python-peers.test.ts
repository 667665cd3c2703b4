// The Python peers among themselves: what the other interop tests rely on, without any code of ours in between.
import { expect, test } from 'vitest';
import { describePython, PYTHONS, pythonJson, runClient, runPython, startServer } from '../support/python.ts';

describePython.each(PYTHONS)('real RPyC %s', (version) => {
  test('is the release that its environment is named after', async () => {
    const code = 'import importlib.metadata, json; print(json.dumps(importlib.metadata.version("rpyc")))';
    expect(await pythonJson(version, code)).toBe(version);
  });

  test('a Python client calls the Python peer service', async () => {
    const server = await startServer(version, { allow_public_attrs: true });
    const out = await runClient(
      version,
      server.ready.port,
      `
      out["add"] = root.add(5, 10)
      numbers = root.make_list(3)
      out["refs"] = root.get_refs()
      out["callback"] = root.call(lambda a, b=0: a + b, 1, b=5)
      out["x"] = root.make_point(1, 2).x
      out["error"] = raised(root.raise_custom, "m")[0]
      `,
    );
    expect(out).toEqual({ add: 15, refs: 3, callback: 6, x: 1, error: 'server.CustomError' });
    await server.stop();
  });

  test('a program that fails is reported with its traceback', async () => {
    const { exit, stderr } = await runPython(version, 'import rpyc; 1 / 0');
    expect(exit).toBe(1);
    expect(stderr).toContain('ZeroDivisionError');
  });

  test('a program that hangs is ended after its lifetime', async () => {
    const { exit } = await runPython(version, 'import time; time.sleep(60)', { timeoutMs: 300 });
    expect(exit).toBe('SIGKILL');
  });
});
