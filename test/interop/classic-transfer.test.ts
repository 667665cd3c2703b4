// Files to and from real Python slaves: upload, download, packages, streams.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { expect, onTestFinished, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, PYTHONS, python } from '../support/python.ts';
import { describeClassic } from './classic-faces.ts';
import { raised } from './faces.ts';

function folder(): string {
  const path = fs.mkdtempSync(join(tmpdir(), 'rpyc-'));
  onTestFinished(() => fs.rmSync(path, { recursive: true }));
  return path;
}

const CHUNK = 62 * 1024;
const SIZES = { empty: 0, small: 10, exact: CHUNK, several: CHUNK * 20 + 1 };

/** A directory with files of several sizes, one below, and names to filter. */
function tree(): string {
  const root = join(folder(), 'tree');
  fs.mkdirSync(join(root, 'below', 'deeper'), { recursive: true });
  for (const [name, size] of Object.entries(SIZES)) fs.writeFileSync(join(root, name), randomBytes(size));
  fs.writeFileSync(join(root, 'below', 'deeper', 'é €'), 'text');
  fs.writeFileSync(join(root, 'below', 'no.pyc'), 'x');
  fs.symlinkSync('/no/such/target', join(root, 'dangling'));
  return root;
}

function expectEqualTrees(a: string, b: string): void {
  for (const name of Object.keys(SIZES))
    expect(fs.readFileSync(join(b, name)).equals(fs.readFileSync(join(a, name))), name).toBe(true);
  expect(fs.readFileSync(join(b, 'below', 'deeper', 'é €'), 'utf8')).toBe('text');
  expect(fs.readdirSync(b).sort()).toEqual(['below', 'empty', 'exact', 'several', 'small']);
  expect(fs.readdirSync(join(b, 'below'))).toEqual(['deeper']);
}

describeClassic('files: a slave', 'slave', (check) => {
  const filter = (name: string) => !name.endsWith('.pyc');

  check('takes and gives back directories', function* ({ conn }) {
    const [from, base] = [tree(), folder()];
    const [there, back] = [join(base, 'there', 'new'), join(base, 'back', 'new')];
    yield rpyc.classic.upload(conn, from, there, { filter });
    expectEqualTrees(from, there);
    yield rpyc.classic.download(conn, there, back, { filter });
    expectEqualTrees(from, back);
  });

  check('in chunks and windows of any size', function* ({ conn }) {
    const base = folder();
    const bytes = randomBytes(100_003);
    fs.writeFileSync(join(base, 'a'), bytes);
    for (const options of [
      { chunkSize: 1000, window: 1 },
      { chunkSize: 777, window: 64 },
      { chunkSize: 10_000_000 },
      { chunkSize: 200_000, window: 3 },
    ]) {
      yield rpyc.classic.uploadFile(conn, join(base, 'a'), join(base, 'b'), options);
      yield rpyc.classic.downloadFile(conn, join(base, 'b'), join(base, 'c'), options);
      expect(fs.readFileSync(join(base, 'c')).equals(bytes)).toBe(true);
    }
    expect((yield* raised(() => rpyc.classic.upload(conn, base, base, { chunkSize: 0 }))).message).toContain(
      'chunkSize',
    );
    expect((yield* raised(() => rpyc.classic.upload(conn, base, base, { window: 0.5 }))).message).toContain('window');
  });

  check('tells the progress', function* ({ conn }) {
    const base = folder();
    fs.writeFileSync(join(base, 'a'), randomBytes(2500));
    fs.writeFileSync(join(base, 'empty'), '');
    const told: rpyc.classic.Progress[] = [];
    const options = { chunkSize: 1000, progress: (p: rpyc.classic.Progress) => told.push(p) };
    yield rpyc.classic.upload(conn, join(base, 'a'), join(base, 'b'), options);
    yield rpyc.classic.download(conn, join(base, 'b'), join(base, 'c'), options);
    yield rpyc.classic.upload(conn, join(base, 'empty'), join(base, 'empty2'), options);
    expect(told.map(({ bytes, total }) => [bytes, total])).toEqual([
      [1000, 2500], [2000, 2500], [2500, 2500], [1000, 2500], [2000, 2500], [2500, 2500], [0, 0],
    ]); // biome-ignore format: pairs
    expect(told[0]).toMatchObject({ local: join(base, 'a'), remote: join(base, 'b') });
    expect(told[3]).toMatchObject({ local: join(base, 'c'), remote: join(base, 'b') });
  });

  check('keeps several requests in flight', function* ({ conn }) {
    const base = folder();
    fs.writeFileSync(join(base, 'a'), randomBytes(10_000));
    let most = 0;
    const progress = () => {
      most = Math.max(most, conn.connection.stats.pending);
    };
    yield rpyc.classic.download(conn, join(base, 'a'), join(base, 'b'), { chunkSize: 100, window: 5, progress });
    // One at a time would never show two; how many of the five show depends on how many answers arrive together.
    expect(most).toBeGreaterThanOrEqual(2);
  });

  check('reports what is no file, a full disk, and a denied one', function* ({ conn }) {
    const base = folder();
    expect(yield* raised(() => rpyc.classic.upload(conn, join(base, 'no'), join(base, 'b')))).toBeInstanceOf(
      rpyc.exceptions.ValueError,
    );
    expect(yield* raised(() => rpyc.classic.download(conn, join(base, 'no'), join(base, 'b')))).toBeInstanceOf(
      rpyc.exceptions.ValueError,
    );
    yield rpyc.classic.upload(conn, join(base, 'no'), join(base, 'b'), { ignoreInvalid: true });
    yield rpyc.classic.download(conn, join(base, 'no'), join(base, 'b'), { ignoreInvalid: true });
    expect(fs.readdirSync(base)).toEqual([]);
    fs.writeFileSync(join(base, 'a'), randomBytes(200_000));
    expect(yield* raised(() => rpyc.classic.uploadFile(conn, join(base, 'a'), '/dev/full'))).toBeInstanceOf(
      rpyc.exceptions.OSError,
    );
    expect(yield* raised(() => rpyc.classic.uploadFile(conn, join(base, 'a'), join(base, 'no', 'b')))).toBeInstanceOf(
      rpyc.exceptions.FileNotFoundError,
    );
    expect(yield* raised(() => rpyc.classic.downloadFile(conn, join(base, 'a'), join(base, 'no', 'b')))).toMatchObject({
      code: 'ENOENT',
    });
    expect(yield conn.eval('1 + 1')).toBe(2);
  });

  check('cannot make files outside of the directory', function* ({ conn }) {
    const base = folder();
    const listdir = yield conn.modules.os.listdir;
    yield conn.execute('def lie(path): return ["../escaped"]');
    yield rpyc.setattr(conn.modules.os, 'listdir', yield conn.namespace.lie);
    try {
      const error = yield* raised(() => rpyc.classic.downloadDir(conn, base, join(base, 'into')));
      expect(error.message).toContain('"../escaped"');
    } finally {
      yield rpyc.setattr(conn.modules.os, 'listdir', listdir);
    }
  });

  check('takes a package and imports it', function* ({ conn, face, version }) {
    const base = folder();
    const name = `pkg_${face}_${version.replaceAll('.', '_')}`;
    fs.mkdirSync(join(base, name, '__pycache__'), { recursive: true });
    fs.writeFileSync(join(base, name, '__init__.py'), 'from .part import value\n');
    fs.writeFileSync(join(base, name, 'part.py'), 'value = 17\n');
    fs.writeFileSync(join(base, name, '__pycache__', 'part.pyc'), 'x');
    const library = join(folder(), 'lib');
    const remotePath = join(library, name);
    expect(yield rpyc.classic.uploadPackage(conn, join(base, name), { remotePath })).toBe(remotePath);
    expect(fs.readdirSync(remotePath).sort()).toEqual(['__init__.py', 'part.py']);
    yield conn.modules.sys.path.insert(0, library);
    expect(yield conn.modules[name].value).toBe(17);
    yield conn.modules.sys.path.remove(library);
  });
});

describePython.each(PYTHONS)('RPyC %s', (version) => {
  test('its files are Node streams', async () => {
    const base = folder();
    const bytes = randomBytes(1_000_001);
    fs.writeFileSync(join(base, 'a'), bytes);
    await using conn = await rpyc.classic.connectSubproc({ python: python(version) });
    const source = await conn.builtins.open(join(base, 'a'), 'rb');
    await pipeline(rpyc.classic.remoteReadable(source), fs.createWriteStream(join(base, 'b')));
    expect(fs.readFileSync(join(base, 'b')).equals(bytes)).toBe(true);
    expect(await source.closed).toBe(true);

    const target = await conn.builtins.open(join(base, 'c'), 'wb');
    await pipeline(
      fs.createReadStream(join(base, 'a')),
      rpyc.classic.remoteWritable(target, { chunkSize: 10_000, window: 3 }),
    );
    expect(fs.readFileSync(join(base, 'c')).equals(bytes)).toBe(true);
    expect(await target.closed).toBe(true);

    const text = await conn.builtins.open(join(base, 'a'), 'r', rpyc.kwargs({ encoding: 'latin-1' }));
    await expect(pipeline(rpyc.classic.remoteReadable(text), fs.createWriteStream(join(base, 'd')))).rejects.toThrow(
      'binary mode',
    );
    const kept = await conn.builtins.open(join(base, 'a'), 'rb');
    await pipeline(rpyc.classic.remoteReadable(kept, { autoClose: false }), fs.createWriteStream(join(base, 'e')));
    expect(await kept.closed).toBe(false);
    const full = await conn.builtins.open('/dev/full', 'wb', 0);
    await expect(pipeline(fs.createReadStream(join(base, 'a')), rpyc.classic.remoteWritable(full))).rejects.toThrow(
      rpyc.exceptions.OSError,
    );
  });
});
