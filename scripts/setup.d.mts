// What TypeScript code uses of setup.mjs.

/** The RPyC releases that the tests talk to, oldest first. */
export const RPYC_VERSIONS: readonly string[];

/** The root of the checkout. */
export const root: string;

/** The interpreter of the environment with this RPyC release. */
export function pythonOf(version: string): string;
