// Arguments of calls through a proxy, paths and promises among them resolved first; and the blocking call. The awaited one is path.ts.
import { isKwargs, type Kwargs, kwargs, splitKwargs } from '../python/values.ts';
import type { Holder } from '../refs/holder.ts';
import { pendingOf } from '../refs/pending-ref.ts';
import { type CallOptions, limitsOf } from './options.ts';
import { askCall, askFetch, runSync, type Steps } from './steps.ts';

/** Fetches what paths among the arguments stand for. */
export function* resolveArgs(args: readonly unknown[]): Steps<readonly unknown[]> {
  const resolved: unknown[] = [];
  for (const arg of args) {
    const pending = pendingOf(arg);
    resolved.push(pending === undefined ? arg : yield* askFetch(pending));
  }
  return resolved;
}

/** As {@link resolveArgs}, of keyword arguments. */
export function* resolveNamed(named: Kwargs | undefined): Steps<Kwargs | undefined> {
  if (named === undefined || !Object.values(named).some((value) => pendingOf(value) !== undefined)) return named;
  const values = yield* resolveArgs(Object.values(named));
  return kwargs(Object.fromEntries(Object.keys(named).map((name, at) => [name, values[at]])));
}

function* resolveAndCall(
  holder: Holder,
  name: string | undefined,
  args: readonly unknown[],
  named: Kwargs | undefined,
): Steps<unknown> {
  return yield* askCall(holder, name, yield* resolveArgs(args), yield* resolveNamed(named));
}

/** Are there no kwargs, no paths and no promises of calls among the arguments? The usual case, and the fast one. */
export function isSimple(args: readonly unknown[]): boolean {
  for (const arg of args)
    if ((typeof arg === 'object' || typeof arg === 'function') && (isKwargs(arg) || pendingOf(arg) !== undefined))
      return false;
  return true;
}

export function callNow(
  holder: Holder,
  name: string | undefined,
  args: readonly unknown[],
  options: CallOptions | undefined,
): unknown {
  if (isSimple(args)) return holder.peer.callSync(holder, name, args, undefined, 'sync', limitsOf(options));
  const [positional, named] = splitKwargs(args);
  return runSync(resolveAndCall(holder, name, positional, named), 'sync', options);
}
