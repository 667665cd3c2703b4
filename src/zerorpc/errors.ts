// What can go wrong with a ZeroRPC call on this side, each with a stable `code`; the names are zerorpc's own (exceptions.py).

/** The peer's heartbeats stayed away for twice their interval. Answers to zerorpc's `LostRemote`. */
export class LostRemote extends Error {
  /** Name of the class. */
  override readonly name = 'LostRemote';
  /** Stable; see docs/errors.md. */
  readonly code = 'ERR_ZERORPC_LOST_REMOTE';
  /** `frequency` in milliseconds, as of the heartbeats. */
  constructor(frequency: number) {
    super(`Lost remote after ${(frequency * 2) / 1000}s heartbeat`);
  }
}

/** No answer in time; the remote work goes on. Answers to zerorpc's `TimeoutExpired`. */
export class TimeoutExpired extends Error {
  /** Name of the class. */
  override readonly name = 'TimeoutExpired';
  /** Stable; see docs/errors.md. */
  readonly code = 'ERR_ZERORPC_TIMEOUT';
  /** `timeout` in milliseconds; `when` says what was being done. */
  constructor(timeout: number, when?: string) {
    super(`timeout after ${timeout / 1000}s${when === undefined ? '' : `, when ${when}`}`);
  }
}

/** The channel of a call is closed, or the peer broke its rules. */
export class ChannelError extends Error {
  /** Name of the class. */
  override readonly name = 'ChannelError';
  /** Stable; see docs/errors.md. */
  readonly code = 'ERR_ZERORPC_CHANNEL';
}

/** Bytes that are no event. zerorpc logs and drops them; the caller's time-out is all that tells. */
export class EventError extends Error {
  /** Name of the class. */
  override readonly name = 'EventError';
  /** Stable; see docs/errors.md. */
  readonly code = 'ERR_ZERORPC_EVENT';
}

/** A value that msgpack cannot carry, or that Python would misread. */
export class EncodeError extends TypeError {
  /** Name of the class. */
  override readonly name = 'EncodeError';
  /** Stable; see docs/errors.md. */
  readonly code = 'ERR_ZERORPC_ENCODE';
}

/** The method failed at the other side. Answers to zerorpc's `RemoteError`. */
export class RemoteError extends Error {
  /** Name of the class. */
  override readonly name = 'RemoteError';
  /** Stable; see docs/errors.md. */
  readonly code = 'ERR_ZERORPC_REMOTE';
  /** Name of the error's class there, such as `ValueError`. */
  readonly remoteName: string;
  /** Its message. */
  readonly remoteMessage: string;
  /** Its traceback or stack as text; null where none came. */
  readonly traceback: string | null;
  /** From the arguments of an ERR event. */
  constructor(remoteName: string, remoteMessage: string, traceback: string | null) {
    super(remoteMessage === '' ? remoteName : `${remoteName}: ${remoteMessage}`);
    this.remoteName = remoteName;
    this.remoteMessage = remoteMessage;
    this.traceback = traceback;
  }
}
