// One definition of an operation for both faces: a generator yields the requests it needs, a driver answers them blocking or awaiting.
import type { Connection } from '../protocol/connection.ts';
import type { Face, Holder } from '../protocol/refs.ts';
import type { Kwargs } from '../python/values.ts';

/** A request that an operation needs answered. */
export type Ask =
  | { readonly kind: 'request'; readonly conn: Connection; readonly handler: number; readonly args: readonly unknown[] }
  | {
      readonly kind: 'call';
      readonly holder: Holder;
      readonly name: string | undefined;
      readonly args: readonly unknown[];
      readonly named: Kwargs | undefined;
    }
  | { readonly kind: 'fetch'; readonly what: { fetch(): Promise<unknown>; fetchSync(): unknown } };

/** An operation: asks, is answered (or thrown at), and returns. */
export type Steps<T> = Generator<Ask, T, unknown>;

/** Asks for one request's answer. A Holder among `args` stands for the remote object. */
export function* ask(holder: Holder, handler: number, ...args: unknown[]): Steps<unknown> {
  return yield { kind: 'request', conn: holder.conn, handler, args: [holder, ...args] };
}

/** Asks for a call of an attribute, or of the object itself. */
export function* askCall(
  holder: Holder,
  name: string | undefined,
  args: readonly unknown[] = [],
  named?: Kwargs,
): Steps<unknown> {
  return yield { kind: 'call', holder, name, args, named };
}

/** Asks for the object behind a path or stub. */
export function* askFetch(what: { fetch(): Promise<unknown>; fetchSync(): unknown }): Steps<unknown> {
  return yield { kind: 'fetch', what };
}

function answerSync(step: Ask, face: Face): unknown {
  if (step.kind === 'request') return step.conn.requestSync(face, step.handler, ...step.args);
  if (step.kind === 'call') return step.holder.conn.callSync(step.holder, step.name, step.args, step.named, face);
  return step.what.fetchSync();
}

function answerLater(step: Ask, face: Face): Promise<unknown> {
  if (step.kind === 'request') return step.conn.request(face, step.handler, ...step.args);
  if (step.kind === 'call') return step.holder.conn.call(step.holder, step.name, step.args, step.named, face);
  return step.what.fetch();
}

/** Runs an operation to its end, blocking. */
export function runSync<T>(steps: Steps<T>, face: Face = 'sync'): T {
  let step = steps.next();
  while (step.done !== true) {
    let answer: unknown;
    try {
      answer = answerSync(step.value, face);
    } catch (error) {
      step = steps.throw(error);
      continue;
    }
    step = steps.next(answer);
  }
  return step.value;
}

/** Runs an operation to its end, awaiting. The first request is sent before this returns. */
export async function runAsync<T>(steps: Steps<T>, face: Face = 'async'): Promise<T> {
  let step = steps.next();
  while (step.done !== true) {
    let answer: unknown;
    try {
      answer = await answerLater(step.value, face);
    } catch (error) {
      step = steps.throw(error);
      continue;
    }
    step = steps.next(answer);
  }
  return step.value;
}
