// Remote Python files as Node streams, for `pipeline`. Owns the requests in flight and, on request, the file's end.
import { Readable, Writable } from 'node:stream';
import { awaitable, type Ref } from '../netref/helpers.ts';
import { type Sent, send } from './moves.ts';

/** How a remote file is read or written as a stream. */
export interface RemoteStreamOptions {
  /** Bytes per request. Default 63,488. */
  chunkSize?: number;
  /** Requests in flight. Default 8. */
  window?: number;
  /** Close the remote file when the stream is over. Default true. */
  autoClose?: boolean;
}

const CHUNK = 62 * 1024;
const WINDOW = 8;

/**
 * A remote binary file object as a Readable: `pipeline(remoteReadable(file), createWriteStream('copy'))`. It is read ahead by `window`
 * requests, on the event loop; `file` may be a reference of either face, and must come from an awaitable or engine-owned connection.
 * @throws {TypeError} on the stream, where the file is not in binary mode
 */
export function remoteReadable(file: Ref, options: RemoteStreamOptions = {}): Readable {
  const { chunkSize = CHUNK, window = WINDOW, autoClose = true } = options;
  const ref = awaitable(file);
  const sent: Sent[] = [];
  let ended = false;
  let reading = false;
  const next = async (): Promise<Buffer | null> => {
    while (!ended && sent.length < window) sent.push(send('async', ref, 'read', chunkSize));
    const chunk = await sent.shift()?.result();
    if (!(chunk instanceof Uint8Array))
      throw new TypeError('the remote file does not read bytes: open it in binary mode');
    if (chunk.length > 0) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    ended = true;
    return null;
  };
  return new Readable({
    highWaterMark: chunkSize * 2,
    read() {
      if (reading) return;
      reading = true;
      next().then(
        (chunk) => {
          reading = false;
          this.push(chunk);
        },
        (error: Error) => this.destroy(error),
      );
    },
    destroy(error, done) {
      finish(autoClose, ref, error, done);
    },
  });
}

/**
 * A remote binary file object as a Writable: `pipeline(createReadStream('original'), remoteWritable(file))`. Up to `window` writes are in
 * flight; the stream finishes when the last one has been answered.
 */
export function remoteWritable(file: Ref, options: RemoteStreamOptions = {}): Writable {
  const { chunkSize = CHUNK, window = WINDOW, autoClose = true } = options;
  const ref = awaitable(file);
  const sent: Sent[] = [];
  const write = async (bytes: Buffer): Promise<void> => {
    for (let at = 0; at < bytes.length; at += chunkSize) {
      if (sent.length >= window) await sent.shift()?.result();
      sent.push(send('async', ref, 'write', bytes.subarray(at, at + chunkSize)));
    }
  };
  const settle = async (): Promise<void> => {
    for (let oldest = sent.shift(); oldest !== undefined; oldest = sent.shift()) await oldest.result();
    await ref.flush();
  };
  return new Writable({
    highWaterMark: chunkSize * window,
    write(chunk: Buffer, _encoding, done) {
      write(chunk).then(() => done(), done);
    },
    final(done) {
      settle().then(() => done(), done);
    },
    destroy(error, done) {
      finish(autoClose, ref, error, done);
    },
  });
}

function finish(autoClose: boolean, ref: Ref, error: Error | null, done: (error: Error | null) => void): void {
  if (!autoClose) {
    done(error);
    return;
  }
  ref.close().then(
    () => done(error),
    (failure: Error) => done(error ?? failure),
  );
}
