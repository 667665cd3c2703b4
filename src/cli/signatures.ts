// Signatures of the peer's functions, as far as it lets them be read: by its own `inspect.signature` where it is a slave, else from
// `__text_signature__` and `__code__`, which a stock server hides unless its configuration opens them (allow_all_attrs).
import { getattr, type Ref, str } from '../netref/helpers.ts';
import { PythonError } from '../python/exceptions.ts';
import { className, patient } from './remote.ts';

/** Flags of a code object: it has *args, **kwargs. */
const VARARGS = 4;
const VARKEYWORDS = 8;

/** Parameters at most; a peer may claim billions. */
const MAX_PARAMETERS = 1000;

export class Signatures {
  private readonly timeout: number;
  /** Python's module `inspect` over there. */
  private readonly inspect: Ref | undefined;
  /** Nothing is read any more: what was asked first is hidden. */
  private hidden = false;

  constructor(timeout: number, inspect: Ref | undefined) {
    this.timeout = timeout;
    this.inspect = inspect;
  }

  /** `(a, b=1)`, or null where it is not known. */
  async of(ref: Ref): Promise<string | null> {
    try {
      if (this.inspect !== undefined)
        return String(await str(patient(await patient(this.inspect, this.timeout).signature(ref), this.timeout)));
      return this.hidden ? null : await this.read(ref);
    } catch (error) {
      if (error instanceof PythonError) return null;
      throw error;
    }
  }

  private get(ref: Ref, name: string): Promise<Ref> {
    return getattr(patient(ref, this.timeout), name) as Promise<Ref>;
  }

  private async read(ref: Ref): Promise<string | null> {
    let code: Ref;
    try {
      code = await this.get(ref, '__code__');
    } catch (error) {
      if (!(error instanceof PythonError)) throw error;
      // Denied, rather than not there: it would be denied everywhere.
      this.hidden = error.message.startsWith('cannot access');
      return this.hidden ? null : cleaned(await this.get(ref, '__text_signature__'));
    }
    const [names, count, positionOnly, keywordOnly, flags] = await Promise.all(
      ['co_varnames', 'co_argcount', 'co_posonlyargcount', 'co_kwonlyargcount', 'co_flags'].map((name) =>
        this.get(code, name),
      ),
    );
    const counts = [count, positionOnly, keywordOnly].map(Number);
    if (!Array.isArray(names) || counts.some((n) => !(n >= 0 && n <= MAX_PARAMETERS))) return null;
    const signature = parametersOf(names.map(String), counts as [number, number, number], Number(flags));
    // A bound method's first parameter is not the caller's.
    return `(${(className(ref) === 'builtins.method' ? signature.slice(1) : signature).join(', ')})`;
  }
}

function parametersOf(
  names: readonly string[],
  [count, positionOnly, keywordOnly]: readonly [number, number, number],
  flags: number,
): string[] {
  const parts = names.slice(0, count);
  if (positionOnly > 0) parts.splice(positionOnly, 0, '/');
  let at = count + keywordOnly;
  if ((flags & VARARGS) !== 0) parts.push(`*${names[at++]}`);
  else if (keywordOnly > 0) parts.push('*');
  parts.push(...names.slice(count, count + keywordOnly));
  if ((flags & VARKEYWORDS) !== 0) parts.push(`**${names[at]}`);
  return parts;
}

/** `($self, item, /)` is `(item, /)` to its caller. */
const cleaned = (text: unknown): string | null =>
  typeof text === 'string' ? text.replace(/^\(\$\w+(, )?(\/(, )?)?/, '(') : null;
