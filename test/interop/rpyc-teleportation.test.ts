// Counterpart of RPyC's test_teleportation.py: a function of ours, run over there. Different: RPyC sends byte code of the interpreter's own
// version, Node sends source.
import { expect } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describeClassic } from './classic-faces.ts';
import { raised } from './faces.ts';

describeClassic('Teleportation', 'slave', (check) => {
  check('runs a function there, with defaults, keywords and globals', function* ({ conn }) {
    const b = yield rpyc.classic.teleport(
      conn,
      'import sys\ndef b(x, y=2, *rest, k=3, **named):\n    return (sys.byteorder, x + y + k, rest, tuple(named))\n',
    );
    expect(yield b(1)).toEqual(['little', 6, [], []]);
    expect(yield b(1, 1, 9, rpyc.kwargs({ k: 1, z: 0 }))).toEqual(['little', 3, [9], ['z']]);
  });

  check('runs nested functions and generators', function* ({ conn }) {
    const made = yield rpyc.classic.teleport(
      conn,
      'def squares(n):\n    def square(x):\n        return x * x\n    return (square(i) for i in range(n))\n',
    );
    expect(yield rpyc.toArray(yield made(4))).toEqual([0, 1, 4, 9]);
  });

  check('passes exceptions back with their line', function* ({ conn }) {
    const failing = yield rpyc.classic.teleport(conn, 'def failing():\n    raise KeyError("there")\n');
    const error = yield* raised(() => failing());
    expect(error).toBeInstanceOf(rpyc.exceptions.KeyError);
    expect(error.remoteTraceback).toContain('in failing');
  });
});
