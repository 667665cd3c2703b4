// The way out of "cannot access 'v'": which of a service's declarations, or which key of its configuration, would offer the name. Made of
// the name alone: it neither depends on nor tells whether there is something behind it.
import { FORBIDDEN } from '../objects/forbidden.ts';

/** RPyC's words, in every release and here. */
const DENIED = /^cannot access '([^']{1,255})'/;

/** The keys of the configuration that let a peer have a name as it stands. */
const keyFor = (name: string): string => (name.startsWith('_') ? 'allow_all_attrs' : 'allow_public_attrs');

/**
 * What the owner of an object can do to offer the name that `message` says is denied; undefined where it says something else.
 * @param isNode is the owner a Node program?
 * @param prefix its `exposed_prefix`
 */
export function accessHint(message: string, isNode: boolean, prefix = 'exposed_'): string | undefined {
  const name = DENIED.exec(message)?.[1];
  if (name === undefined) return undefined;
  if (FORBIDDEN.has(name)) return `'${name}' is out of reach under every configuration`;
  const bare = name.startsWith(prefix) ? name.slice(prefix.length) : name;
  const more = 'writing takes allow_setattr besides, deleting allow_delattr';
  if (isNode)
    return `its owner offers '${bare}' if it is called ${prefix}${bare}, listed in \`static exposed = ['${bare}']\` or marked @exposed, or with config ${keyFor(bare)}; ${more}`;
  return `its owner offers '${bare}' if it is called ${prefix}${bare} or marked @rpyc.exposed, or with ${keyFor(bare)} in its protocol_config; ${more}`;
}
