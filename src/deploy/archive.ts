// A tar archive in memory, as every `tar` reads it (ustar): the files of a deployment. Owns no policy: whoever asks names the files.

/** A file of an archive. */
export interface Entry {
  /** Path below the folder in which it is unpacked, with slashes; 100 bytes at most. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

const BLOCK = 512;

function header(name: string, size: number): Buffer {
  if (Buffer.byteLength(name) > 100) throw new RangeError(`a file name in an archive has at most 100 bytes: ${name}`);
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, width: number): void => {
    block.write(value.toString(8).padStart(width - 1, '0'), at, 'latin1');
  };
  block.write(name, 0);
  octal(0o600, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  block.write('        0', 148, 'latin1'); // the checksum counts as spaces; a plain file
  block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** The archive of these files. Folders come with their files. @throws {RangeError} for a name that is too long */
export function archive(entries: readonly Entry[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const { name, bytes } of entries) {
    parts.push(header(name, bytes.length), bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK));
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}
