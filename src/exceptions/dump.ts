// What was thrown here as the payload of an EXCEPTION message: Python's terms (describe.ts), what is JavaScript's alone (js-error.ts), and the
// traceback. Whatever was thrown, this does not throw. Answers to dump of rpyc/core/vinegar.py.
import { EXC_STOP_ITERATION } from '../constants.ts';
import { Tag, type Transmit } from '../native/tape.ts';
import type { Config } from '../policy/config.ts';
import { exceptions } from '../python/exceptions.ts';
import { describe, type Payload, usableAttr } from './describe.ts';
import { jsErrorOf } from './js-error.ts';
import { JS_ERROR } from './natives.ts';
import { stackOf } from './stack.ts';
import { type Sent, safeRepr, sendable, writeSent } from './values.ts';

/** Errors of an AggregateError whose text is sent. */
const MAX_PARTS = 8;

/** Longest traceback sent, characters. */
const MAX_TRACEBACK = 64 * 1024;

/** Longest traceback of another error that travels with the one thrown. */
const MAX_OTHER_TRACEBACK = 4 * 1024;

function traceback(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `JavaScript threw a value that is no Error: ${safeRepr(thrown)}`;
  let text = '';
  const seen = new Set<unknown>();
  for (let at: unknown = thrown; at instanceof Error && !seen.has(at) && seen.size < 8; at = at.cause) {
    seen.add(at);
    text += `${text === '' ? '' : '\nCaused by: '}${stackOf(at)}`;
    if (at instanceof AggregateError && Array.isArray(at.errors))
      for (const [n, error] of at.errors.slice(0, MAX_PARTS).entries())
        text += `\nError ${n + 1} of ${at.errors.length}: ${error instanceof Error ? stackOf(error) : safeRepr(error)}`;
  }
  return text.slice(0, MAX_TRACEBACK).toWellFormed();
}

const UNREADABLE: Payload = {
  module: 'builtins',
  name: 'Exception',
  args: ['<an exception that cannot be read>'],
  attrs: [],
};

/** `vinegar.load` makes an exception without arguments, and these need them. */
const GROUPS: ReadonlySet<string> = new Set(['ExceptionGroup', 'BaseExceptionGroup']);

/** A module or class name for `type()`, which refuses a NUL. */
const loadable = (name: unknown): string => String(name).toWellFormed().replaceAll('\0', '').slice(0, 1000);

/** As Python's loader takes it. */
function loadablePayload(thrown: unknown): Payload {
  const { module, name, args, attrs } = describe(thrown);
  const payload: Payload = {
    module: loadable(module === 'builtins' && GROUPS.has(name) ? 'js' : module),
    name: loadable(name),
    args: [...args],
    attrs: [],
  };
  payload.attrs = attrs.filter(([attr, value]) => usableAttr(payload, attr, value));
  return payload;
}

interface Told {
  readonly payload: Payload;
  readonly js: Sent | undefined;
  readonly text: string;
}

/** What is thrown may be a Proxy or have getters that throw; whatever it is, this does not. undefined: StopIteration. */
function read(thrown: unknown, tracebacks: boolean): Told | undefined {
  try {
    if (thrown instanceof exceptions.StopIteration) return undefined;
    const payload = loadablePayload(thrown);
    const js = jsErrorOf(thrown, payload, tracebacks, (error) => ({
      payload: loadablePayload(error),
      text: tracebacks ? stackOf(error).slice(0, MAX_OTHER_TRACEBACK).toWellFormed() : '',
    }));
    return { payload, js, text: tracebacks ? traceback(thrown) : '<traceback denied>' };
  } catch {
    return { payload: UNREADABLE, js: undefined, text: '' };
  }
}

/**
 * Appends the payload of an EXCEPTION message for `thrown` to the message begun on `tape`.
 * @param version what we call ourselves
 * @param brief its class only
 */
export function writeException(tape: Transmit, thrown: unknown, config: Config, version: string, brief = false): void {
  const told = read(thrown, config.include_local_traceback);
  if (told === undefined) {
    tape.int(EXC_STOP_ITERATION);
    return;
  }
  const { payload, js, text } = told;
  const attrs: Sent[] = brief ? [] : payload.attrs.map(([name, value]) => [name, sendable(value)]);
  if (js !== undefined && !brief) attrs.push([JS_ERROR, js]);
  attrs.push(['_remote_version', config.include_local_version ? version : '<version denied>']);
  tape.container(Tag.TUPLE, 4);
  writeSent(tape, [payload.module, payload.name]);
  writeSent(tape, brief ? ['<too large to be sent>'] : payload.args.map(sendable));
  writeSent(tape, attrs);
  tape.str(brief ? '' : text);
}
