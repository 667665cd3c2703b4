// async_, timed, oneway, call options, coroutines and BgServingThread: ways to call that are not a plain call (RPyC's test_async.py and
// helpers; its issues 356, 506, 542).
import { expect } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { connect, raised, settled } from './faces.ts';
import { describeNetrefs, served } from './netrefs.ts';

const { TimeoutError } = rpyc;
const PUBLIC = { allow_public_attrs: true };

/** A promise and what settles it. */
function gate<T>() {
  let open = (_value: T) => {};
  const promise = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}

describeNetrefs('async_ and timed', {}, (check) => {
  check('a result is awaited, waited for, asked and called back', function* ({ root, face }) {
    const add = rpyc.async_(root.add);
    const result = add(5, 10);
    const seen: unknown[] = [];
    result.addCallback((done) => seen.push(done.value));
    expect(result.expired).toBe(false);
    if (face === 'blocking') {
      expect(result.value).toBe(15);
      expect(result.wait()).toBeUndefined();
    } else {
      expect([result.ready, result.error]).toEqual([false, false]);
      expect(() => result.value).toThrow('has not arrived');
      expect(yield result.wait()).toBeUndefined();
    }
    expect([result.ready, result.error, result.value]).toEqual([true, false, 15]);
    result.addCallback((done) => seen.push(done.value));
    expect(seen).toEqual([15, 15]);
    expect(yield settled(result)).toBe(15);
    expect(yield settled(add(1, 2).then((value) => [value]))).toEqual([3]);
  });

  check('results of one tick overtake nobody, and a later blocking call serves them', function* ({ root, face }) {
    const echo = rpyc.async_(root.echo);
    const results = Array.from({ length: 20 }, (_, i) => echo(i));
    expect(yield root.add(1, 1)).toBe(2);
    if (face === 'blocking') expect(results.map((result) => result.ready)).toEqual(results.map(() => true));
    yield settled(Promise.all(results));
    expect(results.map((result) => result.value)).toEqual(results.map((_, i) => i));
  });

  check('a failed result is an error, is raised by its value, and hits nobody who does not look', function* ({ root }) {
    const result = rpyc.async_(root.div)(1, 0);
    expect(yield* raised(() => settled(result))).toBeInstanceOf(rpyc.exceptions.ZeroDivisionError);
    expect([result.ready, result.error, result.expired]).toEqual([true, true, false]);
    expect(() => result.value).toThrow(rpyc.exceptions.ZeroDivisionError);
    const ignored = rpyc.async_(root.div)(1, 0);
    yield ignored.wait();
    expect(ignored.error).toBe(true);
  });

  check(
    'kwargs, references and paths are arguments; held callables and chained paths are called',
    function* ({ root }) {
      expect(yield settled(rpyc.async_(root.kw)(1, rpyc.kwargs({ k: 2 })))).toEqual([1, ['k', 2]]);
      expect(yield settled(rpyc.async_(root.add)(root.const, 1))).toBe(18);
      const held = yield rpyc.getattr(root, 'echo');
      const list = yield root.make_list(1);
      expect(yield settled(rpyc.async_(held)(list))).toBe(list);
      expect(yield settled(rpyc.async_(root.nested.double)(4))).toBe(8);
      expect(() => rpyc.async_((() => 1) as any)).toThrow('a remote object is needed');
      expect(() => rpyc.async_(3 as any)).toThrow('a remote object is needed');
    },
  );

  check('an expired result is a TimeoutError, calls nobody back, and gives the late answer back', function* (client) {
    const { root, face, server } = client;
    const base = yield root.get_refs();
    const other = yield settled(rpyc.connect('127.0.0.1', server.ready.port));
    const result = rpyc.timed(root.behind_gate, 0.01)('late');
    const called: unknown[] = [];
    result.addCallback((done) => called.push(done));
    const error = yield* raised(() => result.wait());
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ code: 'ERR_RPYC_TIMEOUT' });
    expect([result.expired, result.ready, result.error]).toEqual([true, false, false]);
    expect(() => result.value).toThrow(TimeoutError);
    yield settled(other.root.open_gate());
    // Served after the answer that nobody waits for.
    expect(yield root.add(5, 10)).toBe(15);
    expect(yield root.get_refs()).toBe(base + (face === 'blocking' ? 1 : 0)); // RPyC's async_ holds the method
    expect(called).toEqual([]);
    yield settled(other.close());
  });

  check('an expiry can be taken back, and is checked', function* ({ root }) {
    const result = rpyc.async_(root.add)(1, 2);
    result.setExpiry(0);
    expect(result.expired).toBe(true);
    const lasting = rpyc.async_(root.add)(1, 2);
    lasting.setExpiry(1000);
    lasting.setExpiry(null);
    expect(yield settled(lasting)).toBe(3);
    expect(() => lasting.setExpiry(-1)).toThrow(RangeError);
    expect(String(lasting)).toBe('<AsyncResult object (ready)>');
  });

  check('a result of a connection that ends is an error', function* ({ root, conn, server }) {
    const result = rpyc.async_(root.behind_gate)(1);
    conn.abort();
    expect(yield* raised(() => settled(result))).toMatchObject({ code: 'ERR_RPYC_CLOSED' });
    expect(result.error).toBe(true);
    const other = yield settled(rpyc.connect('127.0.0.1', server.ready.port));
    yield settled(other.root.open_gate());
    yield settled(other.close());
  });
});

describeNetrefs('Call options', {}, (check) => {
  check('a timeout ends the wait, and the late answer is given back', function* ({ root, server }) {
    const base = yield root.get_refs();
    const other = yield settled(rpyc.connect('127.0.0.1', server.ready.port));
    const hasty = rpyc.withOptions(root, { timeout: 0.01 });
    const error = yield* raised(() => hasty.behind_gate('late'));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ code: 'ERR_RPYC_TIMEOUT' });
    yield settled(other.root.open_gate());
    expect(yield root.add(5, 10)).toBe(15);
    expect(yield root.get_refs()).toBe(base);
    yield settled(other.close());
  });

  check('a view is the same object: methods, attributes, helpers and iteration', function* (client) {
    const { root, face } = client;
    const patient = rpyc.withOptions(root, { timeout: 60 });
    expect(rpyc.same(patient, root)).toBe(true);
    expect(yield patient.add(1, 2)).toBe(3);
    expect(yield patient.const).toBe(17);
    expect(yield rpyc.getattr(patient, 'const')).toBe(17);
    expect(yield root.echo(patient)).toBe(root);
    expect(yield rpyc.withOptions(root.add, { timeout: 60 })(2, 3)).toBe(5);
    const list = rpyc.withOptions(yield root.make_list(3), { timeout: 60 });
    expect(yield rpyc.toArray(list)).toEqual([0, 1, 2]);
    expect(yield list[1]).toBe(1);
    expect(yield rpyc.len(face === 'blocking' ? rpyc.sync(list) : rpyc.awaitable(list))).toBe(3);
    expect(yield settled(rpyc.async_(rpyc.withOptions(root.add, { timeout: 60 }))(2, 3))).toBe(5);
    expect(() => rpyc.withOptions(root, { timeout: -1 })).toThrow(RangeError);
    expect(() => rpyc.withOptions(root, { signal: {} as AbortSignal })).toThrow(TypeError);
    expect(() => rpyc.withOptions({} as any, {})).toThrow('a remote object is needed');
  });

  check('the timeout of a view replaces sync_request_timeout', function* ({ face, server }) {
    const conn = yield settled(connect(face, server.ready.port, { config: { sync_request_timeout: 0.05 } }));
    const root = face === 'blocking' ? conn.sync.root : conn.root;
    // Two views, for the method is fetched within its own.
    const [slow] = [rpyc.withOptions(root, { timeout: 60 })];
    expect(yield slow.sleep(0.1)).toBe('slept');
    if (face === 'blocking') expect(yield* raised(() => root.sleep(0.1))).toBeInstanceOf(TimeoutError);
    yield settled(conn.close());
  });

  check('an abort rejects with its reason, before or after the request was sent', function* ({ root, face, server }) {
    const aborted = rpyc.withOptions(root, { signal: AbortSignal.abort() });
    yield* served(root);
    expect(yield* raised(() => aborted.add(1, 2))).toMatchObject({ name: 'AbortError' });
    expect((yield* served(root)).requests).toEqual([]);
    const reason = new Error('not needed any more');
    const controller = new AbortController();
    if (face === 'blocking') {
      // A callback can abort: the next request of the view is not sent. The one that waits goes on.
      const view = rpyc.withOptions(root, { signal: controller.signal });
      expect(view.call(() => controller.abort(reason))).toBe(null);
      expect(yield* raised(() => view.add(1, 2))).toBe(reason);
      return;
    }
    const base = yield root.get_refs();
    const other = yield settled(rpyc.connect('127.0.0.1', server.ready.port));
    const answer = rpyc.withOptions(root.behind_gate, { signal: controller.signal })('late');
    controller.abort(reason);
    expect(yield* raised(() => answer)).toBe(reason);
    yield settled(other.root.open_gate());
    expect(yield root.add(5, 10)).toBe(15); // after the answer that nobody waits for
    expect(yield root.get_refs()).toBe(base);
    yield settled(other.close());
  });

  check('a settled call leaves no listener behind', function* ({ root, face }) {
    const controller = new AbortController();
    const listeners = new Set<unknown>();
    const { signal } = controller;
    const [add, remove] = [signal.addEventListener, signal.removeEventListener];
    signal.addEventListener = (type: string, listener: any) => {
      listeners.add(listener);
      add.call(signal, type, listener);
    };
    signal.removeEventListener = (type: string, listener: any) => {
      listeners.delete(listener);
      remove.call(signal, type, listener);
    };
    const view = rpyc.withOptions(root, { signal, timeout: 1000 });
    const answers = Array.from({ length: 10 }, (_, i) => view.add(i, i));
    if (face === 'awaiting') expect(listeners.size).toBe(10);
    for (const answer of answers) yield answer;
    expect(yield* raised(() => view.div(1, 0))).toBeInstanceOf(rpyc.exceptions.ZeroDivisionError);
    expect(listeners.size).toBe(0);
  });
});

describeNetrefs('oneway and BgServingThread', {}, (check) => {
  check('a oneway call is sent, and its answer ignored and given back', function* ({ root }) {
    const base = yield root.get_refs();
    yield* served(root);
    expect(rpyc.oneway(root.make_list)(3)).toBeUndefined();
    expect(rpyc.oneway(root.div)(1, 0)).toBeUndefined();
    expect(yield root.add(5, 10)).toBe(15);
    const { requests } = yield* served(root);
    expect(requests.filter((name) => name === 'CALL' || name === 'CALLATTR')).toHaveLength(3);
    expect(yield root.get_refs()).toBeLessThanOrEqual(base + 2); // the methods themselves, on the blocking face
  });

  check('a oneway callback is called, whatever it does', function* ({ root, conn }) {
    const { promise, open } = gate<unknown>();
    yield root.hold((value: unknown) => {
      open(value);
      throw new Error('nobody is told');
    });
    const held = yield rpyc.getattr(root, 'echo');
    rpyc.oneway(held)(1, rpyc.kwargs({ unknown: 2 }));
    rpyc.oneway(root.call)((value: unknown) => open(value), 'called');
    yield root.add(1, 1);
    expect(yield settled(promise)).toBe('called');
    expect(() => rpyc.oneway((() => 1) as any)).toThrow('a remote object is needed');
    conn.abort();
    expect(() => rpyc.oneway(held)(1)).toThrow(rpyc.EOFError);
  });

  check('BgServingThread is there for ported code', function* ({ root, conn, face }) {
    const serving = new rpyc.BgServingThread(face === 'blocking' ? conn.sync : conn);
    expect(yield root.add(1, 1)).toBe(2);
    serving.stop();
    expect(() => serving.stop()).toThrow('stopped already');
    let ended = 0;
    new rpyc.BgServingThread(conn, () => ended++);
    const stopped = new rpyc.BgServingThread(conn, () => ended++);
    stopped.stop();
    conn.abort();
    expect(ended).toBe(1);
  });
});

describeNetrefs('Coroutines of a peer that allows public attributes', PUBLIC, (check) => {
  check('a coroutine runs over there, and its result comes back', function* ({ root }) {
    const coroutine = yield root.fetch(21);
    expect(typeof coroutine).toBe('object');
    expect(yield rpyc.coroutine(coroutine)).toBe(42);
    const item = yield rpyc.coroutine(yield root.fetch_item(5));
    expect(yield item.get()).toBe(5);
  });

  check('the way to run it is found once per connection', function* ({ root }) {
    yield rpyc.coroutine(yield root.fetch(1));
    const base = yield root.get_refs();
    const coroutine = yield root.fetch(2);
    yield* served(root);
    expect(yield rpyc.coroutine(coroutine)).toBe(4);
    expect((yield* served(root)).requests).toEqual(['CALL']);
    rpyc.release(coroutine);
    expect(yield root.get_refs()).toBe(base);
  });

  check('what a coroutine raises is raised here', function* ({ root }) {
    const failing = yield root.fail('no good');
    const error = yield* raised(() => rpyc.coroutine(failing));
    expect(error).toBeInstanceOf(rpyc.exceptions.ValueError);
    expect(error.message).toBe('no good');
    const spent = yield root.fetch(1);
    yield rpyc.coroutine(spent);
    expect(yield* raised(() => rpyc.coroutine(spent))).toBeInstanceOf(rpyc.exceptions.RuntimeError);
    expect(yield* raised(() => rpyc.coroutine(root))).toMatchObject({ code: 'ERR_RPYC_OPERATION' });
  });
});

describeNetrefs('Coroutines of any peer', {}, (check) => {
  check('a runner that the service exposes runs them', function* ({ root }) {
    expect(yield rpyc.coroutine(yield root.fetch(21), root.run)).toBe(42);
    const error = yield* raised(() => rpyc.coroutine(root, root.run));
    expect(error).toBeInstanceOf(rpyc.exceptions.ValueError);
  });

  check('without one, the error says what to do', function* ({ root }) {
    const coroutine = yield root.fetch(21);
    const error = yield* raised(() => rpyc.coroutine(coroutine));
    expect(error).toMatchObject({ code: 'ERR_RPYC_OPERATION' });
    expect(error.message).toContain('asyncio.run');
    expect(yield rpyc.coroutine(coroutine, root.run)).toBe(42);
  });
});
