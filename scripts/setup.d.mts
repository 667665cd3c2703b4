// What TypeScript code uses of setup.mjs.

/** The RPyC releases that the tests talk to, oldest first. */
export const RPYC_VERSIONS: readonly string[];

/** Environment of the newest release that also has numpy: a name for `pythonOf`. */
export const WITH_NUMPY: string;

/** The ZeroRPC release that the tests talk to. */
export const ZERORPC_VERSION: string;

/** The root of the checkout. */
export const root: string;

/** The interpreter of the environment with this RPyC release. */
export function pythonOf(version: string): string;

/** The interpreter of the environment with ZeroRPC and pyzmq. */
export function zerorpcPython(): string;

/** How npm is started: the one that runs us, else the one on the PATH. `leading` are arguments before its own. */
export function npm(): { command: string; leading: readonly string[]; shell: boolean };

/** cargo on the PATH, or where rustup puts it. */
export function findCargo(): string;

/** Runs a program in the root of the checkout and resolves with its stdout (empty unless piped). */
export function run(command: string, args: readonly string[], options?: object): Promise<string>;

/** Path of the sshd that the SSH tests start. */
export const SSHD: string;
