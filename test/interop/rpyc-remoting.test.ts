// Counterpart of RPyC's test_remoting.py: files, standard output and subprocesses of the peer. Different: the local files are Node's.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describeClassic } from './classic-faces.ts';

describeClassic('Remoting', 'slave', (check) => {
  check('uploads and downloads files and directories', function* ({ conn }) {
    const base = mkdtempSync(join(tmpdir(), 'rpyc-remoting-'));
    try {
      mkdirSync(join(base, 'local/deep'), { recursive: true });
      writeFileSync(join(base, 'local/a.txt'), 'a'.repeat(100_000));
      writeFileSync(join(base, 'local/deep/b.bin'), Buffer.from([0, 255, 10]));
      yield rpyc.classic.upload(conn, join(base, 'local'), join(base, 'remote'));
      expect(yield conn.modules.os.path.getsize(join(base, 'remote/a.txt'))).toBe(100_000);
      yield rpyc.classic.download(conn, join(base, 'remote'), join(base, 'back'));
      expect(readFileSync(join(base, 'back/a.txt'), 'utf8')).toBe('a'.repeat(100_000));
      expect([...readFileSync(join(base, 'back/deep/b.bin'))]).toEqual([0, 255, 10]);
    } finally {
      rmSync(base, { recursive: true });
    }
  });

  check('reads and writes files of the peer', function* ({ conn }) {
    const base = mkdtempSync(join(tmpdir(), 'rpyc-remoting-'));
    try {
      const file = yield conn.builtins.open(join(base, 'f'), 'w');
      yield rpyc.withContext(file, (f: any) => f.write('one\ntwo\n'));
      const lines = yield conn.builtins.open(join(base, 'f'));
      expect(yield rpyc.toArray(lines)).toEqual(['one\n', 'two\n']);
      yield lines.close();
    } finally {
      rmSync(base, { recursive: true });
    }
  });

  check('runs programs over there', function* ({ conn }) {
    const sys = yield conn.modules.sys;
    const text = yield conn.modules.subprocess.check_output(rpyc.tuple(yield sys.executable, '-c', 'print(6 * 7)'));
    expect(text.toString().trim()).toBe('42');
  });
});
