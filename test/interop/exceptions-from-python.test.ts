// Counterpart of rpyc's tests/test_remote_exception.py: what Python of every release raises, as Node sees it, and what Node's callbacks throw there.
// Unlike Python, Node never imports a class that a peer names: it is registered, or the exception is a PythonError.
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, PYTHONS, startPython } from '../support/python.ts';

const SERVER = `
import rpyc, json, builtins
from rpyc.utils.server import ThreadedServer
class CustomError(Exception):
    def __init__(self, *args):
        super().__init__(*args)
        self.code = "overwritten?"
        self.detail = (1, "two")
        self.thing = [1]
class RegisteredError(Exception):
    pass
class Thrower(rpyc.Service):
    def exposed_throw(self, name, *args):
        raise getattr(builtins, name)(*args)
    def exposed_custom(self):
        raise CustomError("c", 5)
    def exposed_registered(self):
        raise RegisteredError("r", 5)
    def exposed_caused(self):
        try:
            1 / 0
        except ZeroDivisionError as e:
            raise ValueError("outer") from e
    def exposed_group(self):
        raise ExceptionGroup("several", [ValueError("v")])
    def exposed_hostile(self):
        e = ValueError("v")
        for name in ("constructor", "__proto__x", "prototype", "then", "toJSON", "stack", "message", "caller", "callee"):
            setattr(e, name, "hostile")
        raise e
    def exposed_call(self, f):
        return f()
    def exposed_caught_by(self, f):
        try:
            f()
        except BaseException as e:
            return (type(e).__name__.split(".")[-1], str(e).split("\\n")[0], isinstance(e, Exception))
    def exposed_add(self, a, b): return a + b
server = ThreadedServer(Thrower, hostname="127.0.0.1", port=0)
server.listener.listen(16)
print("READY", json.dumps({"port": server.port}), flush=True)
server.start()
`;

describePython.each(PYTHONS)('From a Python server of RPyC %s', (version) => {
  test('exceptions arrive with class, args, attributes and traceback, on both faces', async () => {
    const { ready } = await startPython(version, SERVER);
    const conn = await rpyc.connect('127.0.0.1', ready.port);
    const caught = async (f: () => unknown): Promise<any> => {
      try {
        await f();
      } catch (error) {
        return error;
      }
      throw new Error('nothing was thrown');
    };
    const { exceptions } = rpyc;
    for (const name of [
      'KeyError',
      'ValueError',
      'OSError',
      'TypeError',
      'SystemExit',
      'StopIteration',
      'StopAsyncIteration',
      'GeneratorExit',
      'RecursionError',
      'Warning',
    ] as const) {
      for (const face of [conn.root, conn.sync.root]) {
        const error = await caught(() => face.throw(name, 'x'));
        expect(error, name).toBeInstanceOf(exceptions[name]);
        if (name !== 'StopIteration') expect(error.args, name).toEqual(['x']);
      }
    }
    const custom = await caught(() => conn.root.custom());
    expect(custom).toBeInstanceOf(rpyc.PythonError);
    expect(custom).toMatchObject({ name: '__main__.CustomError', message: 'c, 5', detail: [1, 'two'], thing: '[1]' });
    expect(custom.attrs.code).toBe('overwritten?');
    expect(custom.code).not.toBe('overwritten?');
    class Custom extends Error {}
    rpyc.registerException('__main__.RegisteredError', Custom);
    expect(await caught(() => conn.root.registered())).toBeInstanceOf(Custom);
    const caused = await caught(() => conn.root.caused());
    expect(caused).toBeInstanceOf(exceptions.ValueError);
    expect(caused.stack).toMatch(/Remote Traceback \(1\)[\s\S]*ZeroDivisionError[\s\S]*direct cause/);
    const group = await caught(() => conn.root.group());
    expect(group.message).toContain('several');
    const hostileError = await caught(() => conn.root.hostile());
    expect(hostileError).toBeInstanceOf(exceptions.ValueError);
    expect(hostileError.constructor).toBe(exceptions.ValueError);
    expect([hostileError.then, hostileError.toJSON, hostileError.message]).toEqual([undefined, undefined, 'v']);
    expect(hostileError.stack).toContain('Remote Traceback');
    expect(await conn.root.add(1, 2)).toBe(3);
    await conn.close();
  });

  test('what a callback of ours throws is caught there, and an interrupt or exit ends neither side', async () => {
    const { ready } = await startPython(version, SERVER);
    const conn = await rpyc.connect('127.0.0.1', ready.port);
    const catches = (error: unknown) =>
      conn.root.caught_by(() => {
        throw error;
      });
    const { exceptions } = rpyc;
    expect(await catches(new exceptions.KeyError('k'))).toEqual(['KeyError', "'k'", true]);
    expect(await catches(new TypeError('t'))).toEqual(['TypeError', 't', true]);
    expect(await catches(new exceptions.KeyboardInterrupt('i'))).toEqual(['KeyboardInterrupt', 'i', false]);
    expect(await catches(new exceptions.SystemExit(1))).toEqual(['SystemExit', '1', false]);
    for (const name of ['KeyboardInterrupt', 'SystemExit'] as const) {
      const through = conn.root.call(() => {
        throw new exceptions[name]('out');
      });
      await expect(through).rejects.toBeInstanceOf(exceptions[name]);
    }
    const nested = await conn.root
      .call(async () => {
        await conn.root.throw('ValueError', 'deep');
      })
      .catch((error: Error) => error);
    expect(nested).toBeInstanceOf(exceptions.ValueError);
    expect(nested.stack).toContain('Remote Traceback (3)');
    expect(await conn.root.add(1, 2)).toBe(3);
    await conn.close();
  });
});
