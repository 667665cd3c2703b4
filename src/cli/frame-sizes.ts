// Sizes of the frames in a stream of bytes, as they pass: 4 bytes of length, 1 of compression, the payload, 1 that flushes. Keeps no payload.
// Answers to Channel of rpyc/core/channel.py.
const HEADER = 5;
const AROUND = HEADER + 1;

/** Sizes that wait; messages follow their last byte at once, so there are few. */
const MOST = 65_536;

export class FrameSizes {
  private readonly header = new Uint8Array(4);
  private have = 0;
  private left = 0;
  private size = 0;
  private readonly done: number[] = [];

  feed(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.left > 0) {
        const step = Math.min(this.left, chunk.length - at);
        this.left -= step;
        at += step;
        if (this.left === 0) this.finish();
      } else {
        this.header[this.have++] = chunk[at++];
        if (this.have === 4) this.begin();
      }
    }
  }

  private begin(): void {
    const [a, b, c, d] = this.header;
    const length = a * 0x1000000 + ((b << 16) | (c << 8) | d);
    this.have = 0;
    this.size = length + AROUND;
    this.left = length + AROUND - 4;
  }

  /** An empty payload is a keep-alive, and no message. */
  private finish(): void {
    if (this.size > AROUND && this.done.length < MOST) this.done.push(this.size);
  }

  /** The size of the next frame that was not taken; 0 where it is not known. */
  take(): number {
    return this.done.shift() ?? 0;
  }
}
