// Counterpart of RPyC's test_classic.py: the helpers of classic mode. Different: what is teleported is Python source (see rpyc-teleportation), and
// a copy holds plain data only (more of each in classic*.test.ts).
import { expect } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describeClassic } from './classic-faces.ts';
import { raised } from './faces.ts';

describeClassic('Classic mode', 'slave', (check) => {
  check('modules, builtins, eval, execute and namespace', function* ({ conn }) {
    expect(yield conn.modules.os.path.basename('/a/b')).toBe('b');
    expect(yield conn.modules['os.path'].join('a', 'b')).toBe('a/b');
    expect(yield conn.builtins.len(yield conn.builtins.list('abc'))).toBe(3);
    yield conn.execute('x = 5');
    expect([yield conn.eval('x * 2'), yield conn.namespace.x]).toEqual([10, 5]);
    expect(yield* raised(() => conn.eval('nothing'))).toBeInstanceOf(rpyc.exceptions.NameError);
  });

  check('obtain and deliver copy', function* ({ conn }) {
    yield conn.execute('data = {"k": [1, 2, (3, None)]}');
    const copy = yield rpyc.classic.obtain(yield conn.namespace.data);
    expect(copy).toEqual(new Map([['k', [1, 2, [3, null]]]]));
    const delivered = yield rpyc.classic.deliver(conn, { a: [1, 'two'] });
    expect(yield conn.builtins.repr(delivered)).toBe("{'a': [1, 'two']}");
  });

  check('a function of ours is called by builtins of the peer', function* ({ conn }) {
    const squares = yield conn.builtins.list(
      yield conn.builtins.map((n: number) => n * n, yield conn.eval('[1, 2, 3]')),
    );
    expect(yield rpyc.toArray(squares)).toEqual([1, 4, 9]);
  });
});
