// Errors that arise on this side, each with a stable `code`. What remote code raised is a PythonError (python/exceptions.ts).
// Four blames: the wire (ProtocolError), the link (EOFError, TimeoutError, ConnectError), remote code, the caller (TypeError, RangeError with a code).

/**
 * Codes of the errors that arise on this side, as their property `code`: stable, for programs to look at instead of the message. What each
 * means, what causes it and what to do about it stands in docs/errors.md. Errors that remote code raised have none of these.
 */
export type RpycErrorCode =
  | 'ERR_RPYC_PROTOCOL'
  | 'ERR_RPYC_VERSION'
  | 'ERR_RPYC_CLOSED'
  | 'ERR_RPYC_TIMEOUT'
  | 'ERR_RPYC_CONNECT'
  | 'ERR_RPYC_DISCOVERY'
  | 'ERR_RPYC_FORBIDDEN'
  | 'ERR_RPYC_TLS'
  | 'ERR_RPYC_TLS_CONFIG'
  | 'ERR_RPYC_AUTHENTICATION'
  | 'ERR_RPYC_INTERRUPTED'
  | 'ERR_RPYC_DEADLOCK'
  | 'ERR_RPYC_NESTING'
  | 'ERR_RPYC_BACKPRESSURE'
  | 'ERR_RPYC_REFERENCES'
  | 'ERR_RPYC_BLOCKING_UNSUPPORTED'
  | 'ERR_RPYC_UNSENDABLE'
  | 'ERR_RPYC_INT_TOO_LARGE'
  | 'ERR_RPYC_FRAME_TOO_LARGE'
  | 'ERR_RPYC_SURROGATE'
  | 'ERR_RPYC_DEPTH'
  | 'ERR_RPYC_PICKLE'
  | 'ERR_RPYC_RELEASED'
  | 'ERR_RPYC_STALE'
  | 'ERR_RPYC_NOT_NETREF'
  | 'ERR_RPYC_OPERATION'
  | 'ERR_RPYC_ARGUMENT'
  | 'ERR_RPYC_WORKER'
  | 'ERR_RPYC_ADDON'
  | 'ERR_RPYC_INTERNAL';

/** Gives a built-in error its code. */
export function codedError<E extends Error>(error: E, code: RpycErrorCode): E & { code: RpycErrorCode } {
  return Object.assign(error, { code });
}

/**
 * The peer sent bytes that are not RPyC, or broke a limit (`maxFrame`, `maxInflated`, `maxDepth`). The connection is closed, no other one is
 * touched.
 */
export class ProtocolError extends Error {
  /** `'ProtocolError'`, or the name of the subclass. */
  override readonly name: string = 'ProtocolError';
  /** `'ERR_RPYC_PROTOCOL'`, or the code of the subclass. */
  readonly code: RpycErrorCode = 'ERR_RPYC_PROTOCOL';
}

/** No wire version that both ends speak: RPyC 4.0 and older, or another version than the options `protocol` and `bindThreads` insist on. */
export class VersionError extends ProtocolError {
  /** Always `'VersionError'`. */
  override readonly name = 'VersionError';
  /** Always `'ERR_RPYC_VERSION'`. */
  override readonly code = 'ERR_RPYC_VERSION';
}

/** The connection is closed, by either side. Answers to RPyC's `EOFError('stream has been closed')`. */
export class EOFError extends Error {
  /** Always `'EOFError'`. */
  override readonly name = 'EOFError';
  /** Always `'ERR_RPYC_CLOSED'`. */
  readonly code = 'ERR_RPYC_CLOSED';
  /** An error with RPyC's own words, unless there are better ones. */
  constructor(message = 'stream has been closed', options?: ErrorOptions) {
    super(message, options);
  }
}

/** A local wait ended before the answer came; the remote work goes on. Answers to RPyC's `AsyncResultTimeout('result expired')`. */
export class TimeoutError extends Error {
  /** Always `'TimeoutError'`. */
  override readonly name = 'TimeoutError';
  /** Always `'ERR_RPYC_TIMEOUT'`. */
  readonly code = 'ERR_RPYC_TIMEOUT';
  /** An error with RPyC's own words, unless there are better ones. */
  constructor(message = 'result expired', options?: ErrorOptions) {
    super(message, options);
  }
}

/** No connection could be made: nobody listens, or not in time. `cause` is the system error of the last address tried, `errors` those of all. */
export class ConnectError extends Error {
  /** Always `'ConnectError'`. */
  override readonly name = 'ConnectError';
  /** Always `'ERR_RPYC_CONNECT'`. */
  readonly code = 'ERR_RPYC_CONNECT';
  /** System errors of all the addresses tried, in their order; each has a `code` such as `ECONNREFUSED`. */
  readonly errors: readonly Error[];
  /** An error with the last of `errors`, what each address answered, as its cause. */
  constructor(message: string, errors: readonly Error[]) {
    super(message, errors.length === 0 ? undefined : { cause: errors[errors.length - 1] });
    this.errors = errors;
  }
}

/**
 * No server of a service was found: the registry knows none, no registry answered, or none of those that it knows could be reached (`errors`
 * tells why). Answers to RPyC's `DiscoveryError`.
 */
export class DiscoveryError extends Error {
  /** Always `'DiscoveryError'`. */
  override readonly name = 'DiscoveryError';
  /** Always `'ERR_RPYC_DISCOVERY'`. */
  readonly code = 'ERR_RPYC_DISCOVERY';
  /** What each server that was tried answered, in their order. */
  readonly errors: readonly Error[];
  /** An error with the last of `errors` as its cause. */
  constructor(message: string, errors: readonly Error[] = []) {
    super(message, errors.length === 0 ? undefined : { cause: errors[errors.length - 1] });
    this.errors = errors;
  }
}

/** The registry does not tell which services there are: it was started without `allowListing`. Answers to RPyC's `ForbiddenError`. */
export class ForbiddenError extends Error {
  /** Always `'ForbiddenError'`. */
  override readonly name = 'ForbiddenError';
  /** Always `'ERR_RPYC_FORBIDDEN'`. */
  readonly code = 'ERR_RPYC_FORBIDDEN';
}

/**
 * A remote object of a line that broke, used after the reconnect: it was a call's result, or is not there any more, and belongs to the server
 * as it was before. Ask for it again. See `reconnect` in docs/connecting.md.
 */
export class StaleNetrefError extends Error {
  /** Always `'StaleNetrefError'`. */
  override readonly name = 'StaleNetrefError';
  /** Always `'ERR_RPYC_STALE'`. */
  readonly code = 'ERR_RPYC_STALE';
}

/**
 * Why TLS failed; `reason` of a {@link TlsError}. The names of certificates' faults are OpenSSL's and Node's.
 *
 * - `CERT_HAS_EXPIRED`, `CERT_NOT_YET_VALID`, `CERT_REVOKED`: by its dates, or its authority's list
 * - `CERT_UNTRUSTED`: no authority of ours has signed it, or it is none's but its own
 * - `CERT_NAME_MISMATCH`: it is for another host
 * - `CERT_INVALID`: anything else that is wrong with it
 * - `CERT_MISSING`: the peer has none, and we demand one
 * - `CERT_REFUSED`: the peer does not accept ours, or demands one and we have none
 * - `NOT_TLS`: the peer's first bytes are not TLS
 * - `NO_COMMON_VERSION`, `NO_COMMON_CIPHER`: both sides speak TLS, and differ too much
 * - `HANDSHAKE_CLOSED`: the peer hung up before the handshake was over
 * - `BROKEN`: what came later is not what TLS promises: bytes were changed on the way, or the peer has a fault
 */
export type TlsReason =
  | 'CERT_HAS_EXPIRED'
  | 'CERT_NOT_YET_VALID'
  | 'CERT_REVOKED'
  | 'CERT_UNTRUSTED'
  | 'CERT_NAME_MISMATCH'
  | 'CERT_INVALID'
  | 'CERT_MISSING'
  | 'CERT_REFUSED'
  | 'NOT_TLS'
  | 'NO_COMMON_VERSION'
  | 'NO_COMMON_CIPHER'
  | 'HANDSHAKE_CLOSED'
  | 'BROKEN';

/** TLS with the peer failed. Nothing was sent that is not encrypted; `reason` tells programs why. */
export class TlsError extends Error {
  /** Always `'TlsError'`. */
  override readonly name = 'TlsError';
  /** Always `'ERR_RPYC_TLS'`. */
  readonly code = 'ERR_RPYC_TLS';
  /** Why. */
  readonly reason: TlsReason;
  /** An error with a reason for programs and a sentence for people. */
  constructor(reason: TlsReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/**
 * One end did not accept who the other is. Throw it in an authenticator to refuse a client, which then sees its connection closed, and nothing
 * of the message. Answers to RPyC's `AuthenticationError`.
 */
export class AuthenticationError extends Error {
  /** Always `'AuthenticationError'`. */
  override readonly name = 'AuthenticationError';
  /** Always `'ERR_RPYC_AUTHENTICATION'`. */
  readonly code = 'ERR_RPYC_AUTHENTICATION';
}

/** A signal that has a listener (`process.on('SIGINT', …)`) ended a blocking wait, so that the listener can run. The remote work goes on. */
export class InterruptedError extends Error {
  /** Always `'InterruptedError'`. */
  override readonly name = 'InterruptedError';
  /** Always `'ERR_RPYC_INTERRUPTED'`. */
  readonly code = 'ERR_RPYC_INTERRUPTED';
  /** Number of the signal: 2 is SIGINT, 15 SIGTERM. */
  readonly signal: number;
  /** An error for the signal of this number. */
  constructor(signal: number) {
    super(`a blocking call was interrupted by signal ${signal}; the remote work goes on`);
    this.signal = signal;
  }
}

/** A blocking call that could never be answered: its peer is a server of the same thread, which cannot serve while it waits. */
export class DeadlockError extends Error {
  /** Always `'DeadlockError'`. */
  override readonly name = 'DeadlockError';
  /** Always `'ERR_RPYC_DEADLOCK'`. */
  readonly code = 'ERR_RPYC_DEADLOCK';
}

/**
 * More bytes are queued for a peer than `maxQueued` allows: wait with `await conn.drained()`. A connection ends with this error when its peer
 * asks and does not read the answers.
 */
export class BackpressureError extends Error {
  /** Always `'BackpressureError'`. */
  override readonly name = 'BackpressureError';
  /** Always `'ERR_RPYC_BACKPRESSURE'`. */
  readonly code = 'ERR_RPYC_BACKPRESSURE';
}

/** Bytes that are no pickle, break a bound, or name something that is not plain data (`refused: os.system`). Nothing was executed. */
export class UnpicklingError extends Error {
  /** Always `'UnpicklingError'`. */
  override readonly name = 'UnpicklingError';
  /** Always `'ERR_RPYC_PICKLE'`. */
  readonly code = 'ERR_RPYC_PICKLE';
}

/** A string with a lone surrogate: it has no UTF-8 form, and CPython drops the connection over one. */
export class UnicodeEncodeError extends TypeError {
  /** Always `'UnicodeEncodeError'`. */
  override readonly name = 'UnicodeEncodeError';
  /** Always `'ERR_RPYC_SURROGATE'`. */
  readonly code = 'ERR_RPYC_SURROGATE';
  /** An error for a string that cannot be sent; the message names the surrogate and its place. */
  constructor(value: string) {
    const at = loneSurrogate(value);
    const unit = value.charCodeAt(at).toString(16);
    super(`string cannot be sent: lone surrogate \\u${unit} at index ${at} of ${value.length}`);
  }
}

function loneSurrogate(value: string): number {
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i);
    if (c < 0xd800 || c > 0xdfff) continue;
    const next = value.charCodeAt(i + 1);
    if (c > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return i;
    i++;
  }
  return -1;
}
