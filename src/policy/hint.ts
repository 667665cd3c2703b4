// The way out of "cannot access 'v'": which of a service's declarations, or which key of its configuration, would offer the name. Made of
// the name alone: it neither depends on nor tells whether there is something behind it.
import { FORBIDDEN } from '../objects/forbidden.ts';

/** RPyC's words, in every release and here. */
const DENIED = /^cannot access '([^']{1,255})'/;

/** The keys of the configuration that let a peer have a name as it stands. */
const keyFor = (name: string): string => (name.startsWith('_') ? 'allow_all_attrs' : 'allow_public_attrs');

/**
 * What the owner of an object can do to offer the name that `message` says is denied; undefined where it says something else.
 * @param version of the owner's RPyC, as it names it: `6.0.1+node`, `5.3.1`, or nothing that tells
 */
export function accessHint(message: string, version: string): string | undefined {
  const name = DENIED.exec(message)?.[1];
  if (name === undefined) return undefined;
  if (FORBIDDEN.has(name)) return `'${name}' is out of reach under every configuration`;
  const bare = name.replace(/^exposed_/, '');
  const more = 'writing takes allow_setattr besides, deleting allow_delattr';
  if (version.endsWith('+node'))
    return `its owner offers '${bare}' if it is called exposed_${bare}, listed in \`static exposed = ['${bare}']\` or marked @exposed, or with config ${keyFor(bare)}; ${more}`;
  return `its owner offers '${bare}' if it is called exposed_${bare} or marked @rpyc.exposed, or with ${keyFor(bare)} in its protocol_config; ${more}`;
}
