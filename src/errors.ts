// Errors that arise on this side, each with a stable `code`. What remote code raised is a PythonError (python/exceptions.ts).
// Four blames: the wire (ProtocolError), the link (EOFError, TimeoutError, ConnectError), remote code, the caller (TypeError, RangeError with a code).

export type RpycErrorCode =
  | 'ERR_RPYC_PROTOCOL'
  | 'ERR_RPYC_VERSION'
  | 'ERR_RPYC_CLOSED'
  | 'ERR_RPYC_TIMEOUT'
  | 'ERR_RPYC_CONNECT'
  | 'ERR_RPYC_INTERRUPTED'
  | 'ERR_RPYC_DEADLOCK'
  | 'ERR_RPYC_NESTING'
  | 'ERR_RPYC_BACKPRESSURE'
  | 'ERR_RPYC_BLOCKING_UNSUPPORTED'
  | 'ERR_RPYC_UNSENDABLE'
  | 'ERR_RPYC_INT_TOO_LARGE'
  | 'ERR_RPYC_FRAME_TOO_LARGE'
  | 'ERR_RPYC_SURROGATE'
  | 'ERR_RPYC_DEPTH'
  | 'ERR_RPYC_PICKLE'
  | 'ERR_RPYC_RELEASED'
  | 'ERR_RPYC_NOT_NETREF'
  | 'ERR_RPYC_OPERATION'
  | 'ERR_RPYC_ARGUMENT'
  | 'ERR_RPYC_ADDON'
  | 'ERR_RPYC_INTERNAL';

/** Gives a built-in error its code. */
export function codedError<E extends Error>(error: E, code: RpycErrorCode): E & { code: RpycErrorCode } {
  return Object.assign(error, { code });
}

/** The peer sent bytes that are not RPyC, or broke a limit. The connection is closed. */
export class ProtocolError extends Error {
  override readonly name: string = 'ProtocolError';
  readonly code: RpycErrorCode = 'ERR_RPYC_PROTOCOL';
}

/** No wire version that both ends speak. */
export class VersionError extends ProtocolError {
  override readonly name = 'VersionError';
  override readonly code = 'ERR_RPYC_VERSION';
}

/** The connection is closed, by either side. Answers to RPyC's `EOFError('stream has been closed')`. */
export class EOFError extends Error {
  override readonly name = 'EOFError';
  readonly code = 'ERR_RPYC_CLOSED';
  constructor(message = 'stream has been closed', options?: ErrorOptions) {
    super(message, options);
  }
}

/** A local wait ended before the answer came; the remote work goes on. Answers to RPyC's `AsyncResultTimeout('result expired')`. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
  readonly code = 'ERR_RPYC_TIMEOUT';
  constructor(message = 'result expired', options?: ErrorOptions) {
    super(message, options);
  }
}

/** No connection could be made. `cause` is the system error of the last address tried, `errors` those of all. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError';
  readonly code = 'ERR_RPYC_CONNECT';
  readonly errors: readonly Error[];
  constructor(message: string, errors: readonly Error[]) {
    super(message, errors.length === 0 ? undefined : { cause: errors[errors.length - 1] });
    this.errors = errors;
  }
}

/** A signal with a listener ended a blocking wait, so that the listener can run. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
  readonly code = 'ERR_RPYC_INTERRUPTED';
  /** Number of the signal: 2 is SIGINT, 15 SIGTERM. */
  readonly signal: number;
  constructor(signal: number) {
    super(`a blocking call was interrupted by signal ${signal}; the remote work goes on`);
    this.signal = signal;
  }
}

/** A blocking call that could never be answered. */
export class DeadlockError extends Error {
  override readonly name = 'DeadlockError';
  readonly code = 'ERR_RPYC_DEADLOCK';
}

/** More bytes are queued for a peer than `maxQueued` allows. Wait with `await conn.drained()`. */
export class BackpressureError extends Error {
  override readonly name = 'BackpressureError';
  readonly code = 'ERR_RPYC_BACKPRESSURE';
}

/** Bytes that are no pickle, break a bound, or name something that is not plain data (`refused: os.system`). Nothing was executed. */
export class UnpicklingError extends Error {
  override readonly name = 'UnpicklingError';
  readonly code = 'ERR_RPYC_PICKLE';
}

/** A string with a lone surrogate: it has no UTF-8 form, and CPython drops the connection over one. */
export class UnicodeEncodeError extends TypeError {
  override readonly name = 'UnicodeEncodeError';
  readonly code = 'ERR_RPYC_SURROGATE';
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
