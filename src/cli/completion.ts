// Tab at the prompt: the names of remote objects, asked of the peer; of everything else, Node's own.
import type { AsyncCompleter, CompleterResult } from 'node:readline';
import type { Context } from 'node:vm';
import { dir, sync } from '../netref/helpers.ts';
import { holderOf } from '../refs/holder.ts';
import { pendingOf } from '../refs/pending-ref.ts';

/** A path of names at the end of the line, and the beginning of the next name: nothing else is evaluated. */
const PATH = /([A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*)\.([A-Za-z_$][\w$]*)?$/;

/** Names offered at most. */
const MAX_NAMES = 2000;

const isName = (name: unknown): name is string => typeof name === 'string' && /^[A-Za-z_$][\w$]*$/.test(name);

type Completer = (line: string, done: (error?: null | Error, result?: CompleterResult) => void) => void;

/** @param otherwise Node's own completer */
export function completions(context: Context, otherwise: unknown): AsyncCompleter {
  return (line, done) => {
    const [, path, begun = ''] = PATH.exec(line) ?? [];
    let names: string[] | undefined;
    try {
      names = path === undefined ? undefined : remoteNames(context, path.split('.'), begun);
    } catch {
      // The path leads nowhere, or the peer is gone: there is nothing to offer.
      names = [];
    }
    if (names === undefined) (otherwise as Completer)(line, done);
    else done(null, [names.map((name) => `${path}.${name}`), line.slice((PATH.exec(line) as RegExpExecArray).index)]);
  };
}

/** undefined: the path does not lead to a remote object. Reads each attribute on the way. */
function remoteNames(context: Context, path: readonly string[], begun: string): string[] | undefined {
  let at: unknown = context[path[0]];
  for (const name of path.slice(1)) at = (at as Record<string, unknown>)[name];
  if (holderOf(at) === undefined && pendingOf(at) === undefined) return undefined;
  const listed = dir(sync(at)) as readonly unknown[];
  const names = listed.filter(isName).map((name) => name.replace(/^exposed_/, ''));
  // Private names are for who asks for them.
  const wanted = names.filter((name) => name.startsWith(begun) && (begun !== '' || !name.startsWith('_')));
  return [...new Set(wanted)].sort().slice(0, MAX_NAMES);
}
