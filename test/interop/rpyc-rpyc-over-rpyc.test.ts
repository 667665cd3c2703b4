// Counterpart of RPyC's test_rpyc_over_rpyc.py: a middle hands out objects of its upstream. Different: the middle is Node, gives them ids of its
// own, and every use is checked by its own policy first (more of it in netref-chained.test.ts).
import { expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, PYTHONS, runClient, startServer } from '../support/python.ts';
import { serve } from './nodes.ts';

describePython.each(PYTHONS)('Through a Node middle, RPyC %s', (version) => {
  test('reaches objects of another server: attributes, calls, items, exceptions, callbacks', async () => {
    const upstream = await startServer(version, { allow_public_attrs: true });
    const conn = await rpyc.connect('127.0.0.1', upstream.ready.port);
    class Middle extends rpyc.Service {
      exposed_upstream = () => conn.root;
      exposed_point = () => conn.root.make_point(3, 4);
    }
    const { port } = await serve(Middle, { allow_public_attrs: true });
    const out = await runClient(
      version,
      port,
      `
      up = root.upstream()
      out["calls"] = [up.add(5, 10), up.const, up.kw(1, x=2)]
      l = up.make_list(3)
      out["list"] = [len(l), l[1], list(l), isinstance(l, list), repr(l), 2 in l]
      p = root.point()
      out["point"] = [p.x, p.norm(), str(p), p == p, p.scale(2).x]
      out["error"] = raised(up.div, 1, 0)[0]
      out["callback"] = up.call(lambda x: x * 2, 21)
      out["echo"] = up.echo(p) is p
      `,
    );
    expect(out).toEqual({
      calls: [15, 17, [1, ['x', 2]]],
      list: [3, 1, [0, 1, 2], true, '[0, 1, 2]', true],
      point: [3, 5, '<3,4>', true, 6],
      error: 'ZeroDivisionError',
      callback: 42,
      echo: true,
    });
    await conn.close();
  });
});
