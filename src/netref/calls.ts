// Calls through a proxy: positional and keyword arguments, paths among them resolved first; the usual call in one step.
import { isKwargs, type Kwargs, kwargs, splitKwargs } from '../python/values.ts';
import type { Holder } from '../refs/holder.ts';
import { pendingOf } from '../refs/pending-ref.ts';
import { type CallOptions, limitsOf } from './options.ts';
import { askCall, askFetch, runAsync, runSync, type Steps } from './steps.ts';

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

/** Are there no kwargs and no paths among the arguments? The usual case, and the fast one. */
export function isSimple(args: readonly unknown[]): boolean {
  for (const arg of args)
    if (typeof arg === 'object' ? isKwargs(arg) : typeof arg === 'function' && pendingOf(arg) !== undefined)
      return false;
  return true;
}

/** Sends the call before it returns, unless arguments have to be fetched. */
export function callLater(
  holder: Holder,
  name: string | undefined,
  args: readonly unknown[],
  options: CallOptions | undefined,
): Promise<unknown> {
  if (isSimple(args)) return holder.peer.call(holder, name, args, undefined, 'async', limitsOf(options));
  const [positional, named] = splitKwargs(args);
  return runAsync(resolveAndCall(holder, name, positional, named), 'async', options);
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
