// Bytes of a socket before it has a protocol: read, written, put into TLS. One generator for each, which yields what it waits for, and two
// ways to run it: awaited and blocking. Owns no descriptor: the peer that it came from does.
import { EOFError, InterruptedError, TimeoutError } from '../errors.ts';
import { LoopEvent, Status } from './addon.ts';
import { detail, registerSocket, unregister } from './engine.ts';
import { addon } from './load.ts';
import { type TlsContext, tlsError } from './tls.ts';

const READABLE = 1;
const WRITABLE = 2;
/** Most bytes that one read may ask for: memory is taken before the peer has sent them. */
const MAX_READ = 1024 * 1024;

/** Something done with a channel: yields the readiness (a bit mask) without which it cannot go on. */
export type Waits<T> = Generator<number, T, void>;

export class Channel {
  private readonly handle: number;
  /** Ends what is under way. */
  private stop: ((error: Error) => void) | undefined;

  constructor(handle: number) {
    this.handle = handle;
  }

  /** Exactly `length` bytes, and none behind them. @throws {EOFError} where there are fewer, {TlsError} */
  *read(length: number): Waits<Buffer> {
    if (!(Number.isInteger(length) && length >= 0 && length <= MAX_READ))
      throw new RangeError(`a read is of 0 to ${MAX_READ} bytes, not of ${length}`);
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; ) {
      const count = this.checked(() => addon.rawRead(this.handle, bytes.subarray(at)));
      if (count === Status.EOF) throw new EOFError(`the peer closed the connection after ${at} of ${length} bytes`);
      if (count === 0) yield READABLE;
      at += count;
    }
    return bytes;
  }

  /** Writes all of it. */
  *write(bytes: Uint8Array): Waits<void> {
    for (let at = 0; at < bytes.byteLength; ) {
      const count = this.checked(() => addon.rawWrite(this.handle, bytes.subarray(at)));
      if (count === 0) yield WRITABLE;
      at += count;
    }
  }

  /**
   * Speaks TLS from here on. Returns the peer's certificate as DER; null where it has none.
   * @param serverName whom to ask for
   * @param name whose certificate it must be; '' for anybody's
   * @throws {TlsError}
   */
  *secure(context: TlsContext, serverName: string, name: string): Waits<Uint8Array | null> {
    context.start(this.handle, serverName, name);
    for (;;) {
      const events = this.checked(() => addon.tlsHandshake(this.handle), 'handshake');
      if (events === 0) return addon.tlsPeer(this.handle);
      yield events;
    }
  }

  private checked(call: () => number, phase?: 'handshake'): number {
    try {
      return call();
    } catch (caught) {
      const error = caught as NodeJS.ErrnoException;
      if (phase === undefined && error.syscall !== undefined)
        throw new EOFError(`the connection broke off (${error.code})`, { cause: error });
      throw tlsError(error, phase);
    }
  }

  /** Runs it by the event loop. @throws {TimeoutError} after `timeoutMs` */
  run<T>(waits: Waits<T>, timeoutMs = Number.POSITIVE_INFINITY): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.stop !== undefined)
        throw new TypeError('another read or write of this channel is under way: await it first');
      const { handle } = this;
      let timer: NodeJS.Timeout | undefined;
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        unregister(handle);
        this.stop = undefined;
        settle();
      };
      this.stop = (error) => end(() => reject(error));
      const step = (): void => {
        try {
          const { done, value } = waits.next();
          if (done === true) end(() => resolve(value));
          else addon.rawAwait(handle, value);
        } catch (error) {
          end(() => reject(error));
        }
      };
      registerSocket(handle, (event) => {
        if (event === LoopEvent.READY) step();
      });
      if (timeoutMs !== Number.POSITIVE_INFINITY)
        timer = setTimeout(() => this.stop?.(expired(timeoutMs)), Math.min(timeoutMs, 2 ** 31 - 1));
      step();
    });
  }

  /** Runs it, blocking this thread. @throws {TimeoutError} after `timeoutMs`, {InterruptedError} for a signal that has a listener */
  runSync<T>(waits: Waits<T>, timeoutMs: number): T {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const { done, value } = waits.next();
      if (done === true) return value;
      const code = addon.rawWait(this.handle, value, Math.max(0, deadline - performance.now()));
      if (code === Status.INTERRUPTED) throw new InterruptedError(detail());
      if (code === Status.TIMEOUT) throw expired(timeoutMs);
    }
  }

  /** Ends what is under way by `error`. To be called before the peer is closed. */
  cancel(error: Error): void {
    this.stop?.(error);
  }
}

const expired = (timeoutMs: number): TimeoutError =>
  new TimeoutError(`the peer did not go on within ${Math.round(timeoutMs) / 1000} s`);
