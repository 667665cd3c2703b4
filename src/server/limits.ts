// How long and how many: the bounds of one server, checked once. Its connections' own bounds are policy/config.ts.

/** Bounds of a server. Times are seconds, as RPyC's time-outs are; null: no bound. */
export interface ServerLimits {
  /** Connections at a time; further ones are accepted and closed at once. Default 10,000. */
  maxConnections?: number;
  /** Connections accepted per second, on average and in bursts of one second at most; the rest waits in the backlog. Default null: as they come. */
  acceptRate?: number | null;
  /**
   * For the first message of a client that has begun to send one; longer, and it is cut. (One that connects and says nothing is legal: RPyC's do.)
   * Default 10.
   */
  handshakeTimeout?: number | null;
  /** For every further message that was begun, and a second more for each 16 KiB of it; longer, and the client is cut. Default 60. */
  frameTimeout?: number | null;
  /** For a client that reads nothing of what waits for it; longer, and it is cut. Default 60. */
  sendTimeout?: number | null;
  /** For a client that asks nothing, while none of its calls is being served and nothing waits for it; longer, and it is told goodbye. Default null. */
  idleTimeout?: number | null;
}

/** The same with their defaults; times in ms, Infinity for no bound. */
export interface ResolvedLimits {
  maxConnections: number;
  acceptRate: number;
  handshake: number;
  frame: number;
  send: number;
  idle: number;
}

/** Ten years: what is longer is a mistake in the unit. */
const LONGEST = 315_360_000;

/** @throws {RangeError} that names the option, its range and its value */
export function resolveLimits(given: ServerLimits): ResolvedLimits {
  const { maxConnections = 10_000, acceptRate = null } = given;
  if (!(Number.isInteger(maxConnections) && maxConnections >= 1 && maxConnections <= 10_000_000))
    throw new RangeError(`maxConnections is a whole number between 1 and 10000000, not ${maxConnections}`);
  if (acceptRate !== null && !(acceptRate > 0 && acceptRate <= 1_000_000))
    throw new RangeError(`acceptRate is a number of connections per second up to 1000000, or null, not ${acceptRate}`);
  return {
    maxConnections,
    acceptRate: acceptRate ?? Number.POSITIVE_INFINITY,
    handshake: milliseconds('handshakeTimeout', given.handshakeTimeout, 10),
    frame: milliseconds('frameTimeout', given.frameTimeout, 60),
    send: milliseconds('sendTimeout', given.sendTimeout, 60),
    idle: milliseconds('idleTimeout', given.idleTimeout, null),
  };
}

/** @throws {RangeError} for anything but a number of seconds above 0, or null */
export function milliseconds(name: string, given: number | null | undefined, otherwise: number | null): number {
  const seconds = given === undefined ? otherwise : given;
  if (seconds === null) return Number.POSITIVE_INFINITY;
  if (!(typeof seconds === 'number' && seconds > 0 && seconds <= LONGEST))
    throw new RangeError(`${name} is a number of seconds above 0, or null for no bound, not ${String(seconds)}`);
  return seconds * 1000;
}
