// Where connections and servers report, and whether their innermost is wanted: the environment variable RPYC_DEBUG, read once.

/**
 * Where connections and servers report. `console` fits, and most logging packages. Each method takes a text, then what belongs to it (mostly an
 * Error).
 */
export interface Logger {
  /** For whoever looks for a fault. */
  debug(message: string, ...details: unknown[]): void;
  /** What happens. */
  info(message: string, ...details: unknown[]): void;
  /** What may be a fault. */
  warn(message: string, ...details: unknown[]): void;
  /** What is a fault. */
  error(message: string, ...details: unknown[]): void;
}

/** RPYC_DEBUG is set, to anything but 0: debug lines are printed, and stack traces have the frames of this package. */
export const DEBUGGING: boolean = !['', '0'].includes(process.env.RPYC_DEBUG ?? '');

const print = (message: string, ...details: unknown[]): void => console.error(message, ...details);
const ignore = (): void => {};

/** The default of servers: warnings and errors on stderr, the rest with RPYC_DEBUG. */
export const CONSOLE: Logger = Object.freeze({
  debug: DEBUGGING ? print : ignore,
  info: DEBUGGING ? print : ignore,
  warn: (message: string, ...details: unknown[]): void => console.warn(message, ...details),
  error: print,
});
