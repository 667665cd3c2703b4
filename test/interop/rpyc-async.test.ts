// Counterpart of RPyC's test_async.py: async_ and timed. Different: an AsyncResult of an awaitable reference
// is awaited, and its `wait()` is a promise, since the event loop serves; of a blocking one `wait()`, `value` and `ready` are RPyC's.
import { expect } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describeClients, raised, settled } from './faces.ts';

describeClients('async_', {}, (check) => {
  check('answers at once, and is ready when its answer came', function* ({ conn }) {
    const { root } = conn;
    const result = rpyc.async_(root.add)(3, 4);
    expect([result.ready, result.expired, result.error]).toEqual([false, false, false]);
    expect(() => result.value).toThrow(TypeError);
    yield settled(result.wait());
    expect([result.ready, result.value]).toEqual([true, 7]);
    expect(yield settled(rpyc.async_(root.kw)(1, rpyc.kwargs({ x: 2 })))).toEqual([1, ['x', 2]]);
  });

  check('calls back when it is ready, also when it was before', function* ({ conn }) {
    const seen: unknown[] = [];
    const result = rpyc.async_(conn.root.add)(1, 1);
    result.addCallback((done) => seen.push(done.value));
    yield settled(result.wait());
    result.addCallback((done) => seen.push(done.value));
    expect(seen).toEqual([2, 2]);
  });

  check('keeps errors until they are asked for', function* ({ conn }) {
    const result = rpyc.async_(conn.root.div)(1, 0);
    yield settled(result.wait());
    expect([result.ready, result.error]).toEqual([true, true]);
    expect(() => result.value).toThrow(rpyc.exceptions.ZeroDivisionError);
  });

  check('expires, and the connection goes on', function* ({ conn }) {
    let open: (value: unknown) => void = () => undefined;
    const never = () =>
      new Promise((resolve) => {
        open = resolve;
      });
    const result = rpyc.async_(conn.root.call)(never);
    result.setExpiry(0.05);
    expect(yield* raised(() => settled(result.wait()))).toBeInstanceOf(rpyc.TimeoutError);
    expect([result.ready, result.error, result.expired]).toEqual([false, false, true]);
    expect(() => result.value).toThrow(rpyc.TimeoutError);
    open(null);
    expect(yield settled(conn.root.add(1, 2))).toBe(3);
  });

  check('timed is async_ with an expiry', function* ({ conn }) {
    const add = rpyc.timed(conn.root.add, 20);
    expect(yield settled(add(1, 2))).toBe(3);
  });
});
