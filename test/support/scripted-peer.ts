// A peer that says exactly what a test tells it to: plain node:net, no protocol of its own, no sleeps. It plays the
// server (ScriptedPeer.listen, then `accept()`) or the client (ScriptedPeer.connect). Frame helpers build and cut RPyC
// frames: u32be length, u8 compressed, payload, flusher 0a.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { inflateSync } from 'node:zlib';
import { onTestFinished } from 'vitest';

/** How long a scripted peer waits for bytes before it says what it has got instead, in ms. */
const PATIENCE = 10_000;

const toBuffer = (data: string | Uint8Array): Buffer =>
  typeof data === 'string' ? Buffer.from(data.replace(/\s+/g, ''), 'hex') : Buffer.from(data);

/** A whole frame around a payload (hex or bytes). */
export function frame(payload: string | Uint8Array, flag = 0): Buffer {
  const body = toBuffer(payload);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 0);
  head[4] = flag;
  return Buffer.concat([head, body, Buffer.from('\n')]);
}

/** The inflated payload of a whole frame. */
export function payloadOf(whole: Uint8Array): Buffer {
  const body = Buffer.from(whole.subarray(5, -1));
  return whole[4] ? inflateSync(body) : body;
}

/** One end of one connection. */
export class ScriptedConnection implements AsyncDisposable {
  readonly socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #ended: Error | true | undefined; // true: orderly end of stream
  #wake = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    socket.on('end', () => this.#end(true));
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(true));
  }

  /** What has arrived and was not taken yet. */
  get received(): Buffer {
    return this.#received;
  }

  /** Sends raw bytes (hex with spaces, or bytes); resolves when the kernel has them. */
  send(data: string | Uint8Array): Promise<void> {
    return new Promise((resolve, reject) =>
      this.socket.write(toBuffer(data), (error) => (error ? reject(error) : resolve())),
    );
  }

  /** Sends one frame around a payload. */
  sendFrame(payload: string | Uint8Array, flag = 0): Promise<void> {
    return this.send(frame(payload, flag));
  }

  /** The next `count` bytes, once they have arrived. */
  async expect(count: number): Promise<Buffer> {
    await this.#until(() => this.#received.length >= count, `${count} bytes`);
    const taken = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return taken;
  }

  /** The next whole frame, header and flusher included. */
  async nextFrame(): Promise<Buffer> {
    await this.#until(() => this.#received.length >= 5, 'a frame header');
    return this.expect(6 + this.#received.readUInt32BE(0));
  }

  /** The inflated payload of the next frame. */
  async nextPayload(): Promise<Buffer> {
    return payloadOf(await this.nextFrame());
  }

  /** Resolves when the other side has ended the stream: 'eof', or 'reset'. Bytes before it stay in `received`. */
  async untilEnd(): Promise<'eof' | 'reset'> {
    await this.#until(() => this.#ended !== undefined, 'the end of the stream', true);
    return this.#ended === true ? 'eof' : 'reset';
  }

  /** Ends our half of the stream (FIN); what the other side still sends is received. */
  end(): Promise<void> {
    return new Promise((resolve) => this.socket.end(resolve));
  }

  /** Closes the connection in order. */
  async close(): Promise<void> {
    if (this.socket.destroyed) return;
    this.socket.end();
    this.socket.destroySoon();
    await once(this.socket, 'close');
  }

  /** Breaks the connection off with a TCP reset. */
  async reset(): Promise<void> {
    if (this.socket.destroyed) return;
    this.socket.resetAndDestroy();
    await once(this.socket, 'close');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #end(how: Error | true): void {
    this.#ended ??= how;
    this.#wake();
  }

  async #until(done: () => boolean, what: string, ending = false): Promise<void> {
    const fail = (why: string) => {
      const head = this.#received.subarray(0, 64).toString('hex');
      return new Error(`waited for ${what}, ${why}; ${this.#received.length} bytes are here: ${head}`);
    };
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#wake();
    }, PATIENCE);
    try {
      while (!done()) {
        if (late) throw fail(`not there after ${PATIENCE} ms`);
        if (this.#ended && !ending) throw fail(this.#ended === true ? 'the stream ended' : this.#ended.message);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A listening scripted peer on 127.0.0.1 (or a Unix socket). */
export class ScriptedPeer implements AsyncDisposable {
  readonly #server: Server;
  readonly #connections: ScriptedConnection[] = []; // all of them, to close them
  readonly #waiting: ScriptedConnection[] = []; // not accepted yet
  #wake = () => {};

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      const connection = new ScriptedConnection(socket);
      this.#connections.push(connection);
      this.#waiting.push(connection);
      this.#wake();
    });
  }

  /** Starts to listen; `path` for a Unix socket. Inside a test it closes when the test ends. */
  static async listen(path?: string): Promise<ScriptedPeer> {
    const server = createServer({ allowHalfOpen: true });
    const peer = new ScriptedPeer(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      if (path) server.listen(path, resolve);
      else server.listen(0, '127.0.0.1', resolve);
    });
    closeWithTest(() => peer.close());
    return peer;
  }

  /** A scripted client, connected to a port of 127.0.0.1 or a Unix socket. */
  static async connect(to: number | string): Promise<ScriptedConnection> {
    const socket = typeof to === 'number' ? connect({ port: to, host: '127.0.0.1' }) : connect(to);
    const connection = new ScriptedConnection(socket);
    await once(socket, 'connect');
    closeWithTest(() => connection.close());
    return connection;
  }

  /** The TCP port it listens on. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The next connection that nobody has taken yet. */
  async accept(): Promise<ScriptedConnection> {
    for (;;) {
      const connection = this.#waiting.shift();
      if (connection) return connection;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Stops listening and closes every connection. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const connection of this.#connections) connection.socket.destroy();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function closeWithTest(close: () => Promise<void>): void {
  try {
    onTestFinished(close);
  } catch {
    // not inside a test: the caller closes
  }
}
