// What can go wrong with a ZeroMQ socket on our side, with stable codes.

/** A mistake in the use of a socket, or too much at once. */
export class ZmqError extends Error {
  /** Name of the class. */
  override readonly name = 'ZmqError';
  /** Stable; see docs/errors.md. */
  readonly code: 'ERR_ZMTP_ENDPOINT' | 'ERR_ZMTP_MISUSE' | 'ERR_ZMTP_FULL' | 'ERR_ZMTP_CLOSED';
  /** Made by this package alone. */
  constructor(code: ZmqError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** An endpoint that is none. */
export const badEndpoint = (endpoint: string, why: string): Error =>
  new ZmqError(
    'ERR_ZMTP_ENDPOINT',
    `not an endpoint: ${JSON.stringify(endpoint)}: ${why}; write tcp://host:port or ipc:///path`,
  );

/** A message that this socket cannot send. */
export const unsendable = (why: string): Error => new ZmqError('ERR_ZMTP_MISUSE', why);

/** Too much waits to be sent already. */
export const full = (messages: number): Error =>
  new ZmqError(
    'ERR_ZMTP_FULL',
    `${messages} messages wait already for peers that take none: send less, or connect one`,
  );

/** The socket is closed. */
export const closed = (): Error => new ZmqError('ERR_ZMTP_CLOSED', 'the socket is closed');
