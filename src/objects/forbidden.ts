// Names that no path from the wire reaches, as attribute, key, keyword or exception attribute. Mapping section E.

/** They lead from any object to its class, and from any class to code of the peer's choice. */
export const FORBIDDEN: ReadonlySet<string> = new Set(
  '__proto__ constructor prototype __defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__ caller callee arguments'.split(
    ' ',
  ),
);

/** The policy of a class is asked, not shown: these are no attributes either. */
export const POLICY_HOOKS: ReadonlySet<string> = new Set(['_rpyc_getattr', '_rpyc_setattr', '_rpyc_delattr']);

/** Functions that make code of text. Not even a service that hands one out lets a peer call it. */
const CODE_MAKERS: ReadonlySet<unknown> = new Set<unknown>([
  Function,
  // biome-ignore lint/security/noGlobalEval: to refuse it
  eval,
  (async () => {}).constructor,
  function* () {}.constructor,
  async function* () {}.constructor,
]);

/** Would calling this turn text of the peer's into code? */
export const makesCode = (callee: unknown): boolean => CODE_MAKERS.has(callee);
