// Files and directories to and from a Python slave. Owns the windows (chunks in flight) and the local files it opens.
// A stock server sends a reply of more than 64,000 bytes in three writes, which costs 40 ms each on a quiet connection: chunks stay below,
// and several are in flight. Answers to upload, download and upload_package in rpyc/utils/classic.py.
import fs from 'node:fs';
import path from 'node:path';
import type { Ref } from '../netref/helpers.ts';
import { exceptions } from '../python/exceptions.ts';
import type { Face } from '../refs/face.ts';
import type { AnyClassic, ClassicConnection, SyncClassicConnection } from '../service/master.ts';
import { drive, type Moves, type Sent, send } from './moves.ts';

/** What has been transferred of one file. */
export interface Progress {
  /** The file on this side. */
  readonly local: string;
  /** The file on the other side. */
  readonly remote: string;
  /** Bytes of this file that have arrived. */
  readonly bytes: number;
  /** Bytes of this file, as far as known when the transfer began. */
  readonly total: number;
}

/** How files are transferred. */
export interface TransferOptions {
  /** Accepts the names (not paths) of files and directories below the one that is transferred. Default: all. */
  filter?: (name: string) => boolean;
  /** Skip what is neither a file nor a directory at the top, instead of throwing; below the top it is always skipped. Default false. */
  ignoreInvalid?: boolean;
  /** Bytes per request. Default 63,488: the reply of a stock server leaves in one piece. */
  chunkSize?: number;
  /** Requests in flight. Default 8. */
  window?: number;
  /** Called after every chunk, and once for an empty file. */
  progress?: (progress: Progress) => void;
}

const CHUNK = 62 * 1024;
const WINDOW = 8;

interface Job {
  readonly conn: AnyClassic;
  readonly face: Face;
  readonly chunkSize: number;
  readonly window: number;
  readonly options: TransferOptions;
}

function job(conn: AnyClassic, options: TransferOptions): Job {
  const { chunkSize = CHUNK, window = WINDOW } = options;
  if (!(Number.isInteger(chunkSize) && chunkSize > 0))
    throw new RangeError(`chunkSize is a number of bytes, not ${chunkSize}`);
  if (!(Number.isInteger(window) && window > 0)) throw new RangeError(`window is a number of requests, not ${window}`);
  return { conn, face: conn.face, chunkSize, window, options };
}

/** Local files, in the connection's way: blocking, or by promises. */
function local(face: Face) {
  const later = face === 'async';
  return {
    stat: (name: string): unknown =>
      later ? fs.promises.stat(name).catch(() => undefined) : fs.statSync(name, { throwIfNoEntry: false }),
    open: (name: string, flags: string): unknown => (later ? fs.promises.open(name, flags) : fs.openSync(name, flags)),
    read: (file: LocalFile, into: Buffer): unknown =>
      typeof file === 'number'
        ? fs.readSync(file, into, 0, into.length, null)
        : file.read(into, 0, into.length, null).then(({ bytesRead }) => bytesRead),
    write: (file: LocalFile, bytes: Buffer): unknown =>
      typeof file === 'number' ? fs.writeFileSync(file, bytes) : file.writeFile(bytes),
    close: (file: LocalFile): unknown => (typeof file === 'number' ? fs.closeSync(file) : file.close()),
    names: (name: string): unknown => (later ? fs.promises.readdir(name) : fs.readdirSync(name)),
    mkdir: (name: string): unknown =>
      later ? fs.promises.mkdir(name, { recursive: true }) : fs.mkdirSync(name, { recursive: true }),
  };
}
type LocalFile = number | fs.promises.FileHandle;

// --- uploading -----------------------------------------------------------------------------------------------------

function* uploadAny(job: Job, from: string, to: string, ignoreInvalid: boolean): Moves<void> {
  const stat: fs.Stats | undefined = yield local(job.face).stat(from);
  if (stat?.isDirectory()) yield* uploadTree(job, from, to);
  else if (stat?.isFile()) yield* uploadOne(job, from, to);
  else if (!ignoreInvalid) throw new exceptions.ValueError(`cannot upload '${from}'`);
}

function* uploadTree(job: Job, from: string, to: string): Moves<void> {
  const { os } = job.conn.modules;
  if (!(yield os.path.isdir(to))) yield os.makedirs(to);
  const names: string[] = yield local(job.face).names(from);
  for (const name of names.sort())
    if (job.options.filter?.(name) ?? true)
      yield* uploadAny(job, path.join(from, name), yield os.path.join(to, name), true);
}

function* uploadOne(job: Job, from: string, to: string): Moves<void> {
  const files = local(job.face);
  const source: LocalFile = yield files.open(from, 'r');
  try {
    const stat: fs.Stats | undefined = yield files.stat(from);
    const target: Ref = yield job.conn.builtins.open(to, 'wb');
    const report = reporter(job, from, to, stat?.size ?? 0);
    try {
      const sent: { call: Sent; bytes: number }[] = [];
      const settle = function* (): Moves<void> {
        const oldest = sent.shift();
        if (oldest === undefined) return;
        yield oldest.call.result();
        report(oldest.bytes);
      };
      for (;;) {
        const chunk = Buffer.allocUnsafe(job.chunkSize);
        const length: number = yield files.read(source, chunk);
        if (length === 0) break;
        if (sent.length === job.window) yield* settle();
        sent.push({ call: send(job.face, target, 'write', chunk.subarray(0, length)), bytes: length });
      }
      while (sent.length > 0) yield* settle();
      report(0);
    } finally {
      yield target.close();
    }
  } finally {
    yield files.close(source);
  }
}

/** Tells the user: after every chunk, and an empty file once. */
function reporter({ options }: Job, here: string, there: string, total: number): (bytes: number) => void {
  let arrived = 0;
  let told = false;
  return (bytes) => {
    if (bytes === 0 && told) return;
    told = true;
    arrived += bytes;
    options.progress?.({ local: here, remote: there, bytes: arrived, total: Math.max(total, arrived) });
  };
}

// --- downloading ---------------------------------------------------------------------------------------------------

function* downloadAny(job: Job, from: string, to: string, ignoreInvalid: boolean): Moves<void> {
  const { os } = job.conn.modules;
  if (yield os.path.isdir(from)) yield* downloadTree(job, from, to);
  else if (yield os.path.isfile(from)) yield* downloadOne(job, from, to);
  else if (!ignoreInvalid) throw new exceptions.ValueError(`cannot download '${from}'`);
}

/** A name of the other side becomes one here: it must not lead out of the directory. */
function checkName(name: string): void {
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name) || (path.sep === '\\' && /[\\:]/.test(name)))
    throw new exceptions.ValueError(`the peer names a file ${JSON.stringify(name)}, which is a path and not a name`);
}

function* downloadTree(job: Job, from: string, to: string): Moves<void> {
  const { os } = job.conn.modules;
  yield local(job.face).mkdir(to);
  const listed: Ref = yield os.listdir(from);
  // The items of a remote list in one round trip.
  const names: readonly string[] = yield job.conn.builtins.tuple(listed);
  for (const name of [...names].sort())
    if (job.options.filter?.(name) ?? true) {
      checkName(name);
      yield* downloadAny(job, yield os.path.join(from, name), path.join(to, name), true);
    }
}

function* downloadOne(job: Job, from: string, to: string): Moves<void> {
  const files = local(job.face);
  const source: Ref = yield job.conn.builtins.open(from, 'rb');
  try {
    const total: number = yield job.conn.modules.os.path.getsize(from);
    const target: LocalFile = yield files.open(to, 'w');
    const report = reporter(job, to, from, total);
    try {
      yield* receive(job, source, function* (chunk) {
        yield files.write(target, chunk);
        report(chunk.length);
      });
      report(0);
    } finally {
      yield files.close(target);
    }
  } finally {
    yield source.close();
  }
}

/** Reads a remote file to its end, `window` requests ahead; a peer answers the requests of one connection in their order. */
function* receive(job: Job, source: Ref, take: (chunk: Buffer) => Moves<void>): Moves<void> {
  const sent: Sent[] = [];
  let ended = false;
  for (;;) {
    while (!ended && sent.length < job.window) sent.push(send(job.face, source, 'read', job.chunkSize));
    const oldest = sent.shift();
    if (oldest === undefined) return;
    const chunk: unknown = yield oldest.result();
    if (!(chunk instanceof Uint8Array))
      throw new TypeError('the remote file does not read bytes: open it in binary mode');
    if (chunk.length === 0) ended = true;
    else yield* take(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
  }
}

// --- what users call -----------------------------------------------------------------------------------------------

/** A transfer in either face: a promise on an awaitable connection, done when it returns on a blocking one. */
export interface Transfer {
  /** Awaited. */
  (conn: ClassicConnection, from: string, to: string, options?: TransferOptions): Promise<void>;
  /** Blocking. */
  (conn: SyncClassicConnection, from: string, to: string, options?: TransferOptions): void;
}

const transfer = (moves: (job: Job, from: string, to: string) => Moves<void>): Transfer =>
  ((conn: AnyClassic, from: string, to: string, options: TransferOptions = {}) => {
    const made = job(conn, options);
    return drive(made.face, moves(made, from, to));
  }) as Transfer;

/**
 * RPyC's `upload`: a local file or directory to a remote path; directories are made as needed.
 * @throws ValueError (rpyc.exceptions) where `from` is neither, unless `ignoreInvalid`
 */
export const upload: Transfer = transfer((made, from, to) =>
  uploadAny(made, from, to, made.options.ignoreInvalid ?? false),
);
/** RPyC's `upload_file`: one local file to a remote path. @throws what opening or writing it raises, here or there */
export const uploadFile: Transfer = transfer(uploadOne);
/** RPyC's `upload_dir`: a local directory and all below it to a remote path. @throws as {@link uploadFile} */
export const uploadDir: Transfer = transfer(uploadTree);
/**
 * RPyC's `download`: a remote file or directory to a local path; directories are made as needed. Names that the peer lists must be names.
 * @throws ValueError (rpyc.exceptions) where `from` is neither, unless `ignoreInvalid`
 */
export const download: Transfer = transfer((made, from, to) =>
  downloadAny(made, from, to, made.options.ignoreInvalid ?? false),
);
/** RPyC's `download_file`: one remote file to a local path. @throws what opening or reading it raises, here or there */
export const downloadFile: Transfer = transfer(downloadOne);
/** RPyC's `download_dir`: a remote directory and all below it to a local path. @throws as {@link downloadFile} */
export const downloadDir: Transfer = transfer(downloadTree);

/** How a package is uploaded. */
export interface PackageOptions extends TransferOptions {
  /** Where the package comes to lie there. Default: a directory of its name in the slave's library (`sysconfig`'s `purelib`). */
  remotePath?: string;
}

function* uploadPackageMoves(made: Job, from: string, { remotePath }: PackageOptions): Moves<string> {
  const { modules } = made.conn;
  const name = path.basename(from).replace(/\.py$/, '');
  let to = remotePath;
  if (to === undefined) {
    const library: unknown = yield modules.sysconfig.get_path('purelib');
    to = yield modules.os.path.join(library, from.endsWith('.py') ? path.basename(from) : name);
  }
  yield* uploadAny(made, from, to as string, false);
  yield modules.importlib.invalidate_caches();
  return to as string;
}

/**
 * RPyC's `upload_package`: a Python package (a directory) or module (a `.py` file) of this side to the slave's library. `__pycache__` stays
 * here unless `filter` says otherwise. Returns the remote path.
 */
export function uploadPackage(conn: ClassicConnection, from: string, options?: PackageOptions): Promise<string>;
export function uploadPackage(conn: SyncClassicConnection, from: string, options?: PackageOptions): string;
export function uploadPackage(conn: AnyClassic, from: string, options: PackageOptions = {}): string | Promise<string> {
  const made = job(conn, { filter: (name) => name !== '__pycache__', ...options });
  return drive(made.face, uploadPackageMoves(made, path.resolve(from), options));
}

/** RPyC's other name of `uploadPackage`. */
export const uploadModule: typeof uploadPackage = uploadPackage;
