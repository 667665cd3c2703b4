// Python's `with` on remote objects (mapping B and F9; RPyC's test_context_managers.py). RPyC does not carry true exceptions to `__exit__`:
// it sees a TypeError, whichever client tells it; what it decides counts.
import { expect } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { raised, settled } from './faces.ts';
import { describeNetrefs, served } from './netrefs.ts';

describeNetrefs('Context managers', {}, (check) => {
  check('withContext enters, runs the body and exits, and returns what the body did', function* ({ root, face }) {
    const managed = yield root.managed();
    const body = face === 'blocking' ? (value: any) => value.told() : async (value: any) => await value.told();
    expect(yield rpyc.withContext(managed, body)).toEqual(['enter']);
    expect(yield managed.told()).toEqual(['enter', 'exit']);
  });

  check('an error of the body is told, and thrown on unless it is suppressed', function* ({ root }) {
    const strict = yield root.managed();
    const error = new RangeError('out of it');
    const fail = () => {
      throw error;
    };
    expect(yield* raised(() => rpyc.withContext(strict, fail))).toBe(error);
    expect(yield strict.told()).toEqual(['enter', 'exit with an error']);
    const lenient = yield root.managed(true);
    expect(yield rpyc.withContext(lenient, fail)).toBeUndefined();
    expect(yield lenient.told()).toEqual(['enter', 'exit with an error']);
  });

  check('a remote error in the body is told as well', function* ({ root, face }) {
    const managed = yield root.managed(true);
    const body = face === 'blocking' ? () => root.div(1, 0) : async () => await root.div(1, 0);
    expect(yield rpyc.withContext(managed, body)).toBeUndefined();
    expect(yield managed.told()).toEqual(['enter', 'exit with an error']);
  });

  check('what __enter__ raises keeps the body from running', function* ({ root }) {
    const managed = yield root.managed(false, true);
    let ran = false;
    const error = yield* raised(() =>
      rpyc.withContext(managed, () => {
        ran = true;
      }),
    );
    expect(error).toBeInstanceOf(rpyc.exceptions.ValueError);
    expect(ran).toBe(false);
    expect(yield managed.told()).toEqual(['enter']);
  });

  check('a blocking reference takes no async body', function* ({ root, face }) {
    const managed = yield root.managed();
    const body = async () => 1;
    if (face === 'awaiting') expect(yield rpyc.withContext(managed, body)).toBe(1);
    else {
      expect(() => rpyc.withContext(managed, body)).toThrow('cannot wait for a promise');
      expect(managed.told()).toEqual(['enter', 'exit with an error']);
    }
  });

  check('enter lasts until the end of the scope', function* ({ root, face }) {
    const managed = yield root.managed();
    if (face === 'blocking') {
      {
        using entered = rpyc.enter(managed);
        expect(entered.value).toBe(managed);
        expect(managed.told()).toEqual(['enter']);
      }
    } else {
      const scopes = async () => {
        {
          await using entered = rpyc.enter(managed);
          expect(await entered.value).toBe(managed);
          expect(await managed.told()).toEqual(['enter']);
        }
        expect(await managed.told()).toEqual(['enter', 'exit']);
        {
          await using entered = await rpyc.enter(managed);
          expect(entered.value).toBe(managed);
        }
        expect(await managed.told()).toEqual(['enter', 'exit', 'enter', 'exit']);
      };
      yield scopes();
    }
    expect((yield managed.told()).slice(-2)).toEqual(['enter', 'exit']);
  });

  check('a scope that was not entered reports why, and does not exit', function* ({ root, face }) {
    const managed = yield root.managed(false, true);
    const scope =
      face === 'blocking'
        ? () => {
            using entered = rpyc.enter(managed);
            void entered;
          }
        : async () => {
            await using entered = rpyc.enter(managed);
            void entered;
          };
    expect(yield* raised(scope)).toBeInstanceOf(rpyc.exceptions.ValueError);
    expect(yield managed.told()).toEqual(['enter']);
  });

  check('entering is one request, leaving another', function* ({ root }) {
    const managed = yield root.managed();
    yield* served(root);
    yield rpyc.withContext(managed, () => 1);
    expect((yield* served(root)).requests).toEqual(['CALLATTR', 'CTXEXIT']);
  });

  check('using gives a reference back; it is not the context manager', function* ({ root }) {
    const base = yield root.get_refs();
    {
      using managed = yield root.managed();
      expect(yield root.get_refs()).toBe(base + 1);
      expect(yield managed.told()).toEqual([]);
    }
    expect(yield root.get_refs()).toBe(base);
    const scope = async () => {
      await using managed = await rpyc.awaitable(root).managed();
      expect(await managed.told()).toEqual([]);
    };
    yield settled(scope());
    expect(yield root.get_refs()).toBe(base);
  });
});
