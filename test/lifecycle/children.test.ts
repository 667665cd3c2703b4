// Children that were started for a connection, when something is wrong with them: killed, dead before the handshake, printing where messages
// should be, deaf to the end. Each is an error that tells a person what happened, and nothing stays behind.
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describePython, python } from '../support/python.ts';

type Face = 'async' | 'sync';

/** Connects in this face; what is thrown comes back. */
async function failing(face: Face, what: readonly string[] | rpyc.Subproc, options: rpyc.ProcessConnectOptions = {}) {
  try {
    if (face === 'async') await rpyc.connectSubproc(what, options);
    else rpyc.connectSubprocSync(what, options);
  } catch (error) {
    return error as Error & { code?: string };
  }
  throw new Error('it connected');
}

const quiet = (command: readonly string[], closeTimeout?: number): rpyc.Subproc => ({
  command,
  stderr: 'ignore',
  ...(closeTimeout === undefined ? {} : { closeTimeout }),
});
const shell = (text: string): rpyc.Subproc => quiet(['sh', '-c', text]);
const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** Processes that this one has started and that are there, zombies included. */
function children(): string[] {
  const status = (pid: string): string => {
    try {
      return readFileSync(`/proc/${pid}/stat`, 'utf8');
    } catch {
      return '';
    }
  };
  return readdirSync('/proc').filter(
    (name) => /^\d+$/.test(name) && new RegExp(`\\) \\S ${process.pid} `).test(status(name)),
  );
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await sleep(10);
}

describe.each(['async', 'sync'] as const)('a child, %s', (face) => {
  test('that cannot be started is a ConnectError that names it', async () => {
    const error = await failing(face, ['/no/such/program']);
    expect(error).toBeInstanceOf(rpyc.ConnectError);
    expect(error.message).toContain('cannot start /no/such/program');
    const elsewhere = await failing(face, { command: ['true'], cwd: '/no/such/folder' });
    expect(elsewhere.message).toContain('/no/such/folder');
    for (const what of [[], [''], 'node service.js', new URL(import.meta.url), { command: [1] }] as never[]) {
      const wrong = await failing(face, what);
      expect(wrong).toBeInstanceOf(TypeError);
      expect(wrong.message).toContain('a service module is for connectMultiprocess');
    }
  });

  test('that ends before the handshake is an EOFError with its status and its last words', async () => {
    const error = await failing(face, shell('echo "cannot read the configuration" >&2; exit 4'));
    expect(error).toMatchObject({ name: 'EOFError', code: 'ERR_RPYC_CLOSED' });
    expect(error.message).toMatch(
      /^subprocess sh closed the connection during the handshake: sh \(pid \d+\) ended with status 4; it said last:\ncannot read the configuration$/,
    );
  });

  test('that talks much before it dies is quoted by its last lines, and never waits for us', async () => {
    const error = await failing(
      face,
      shell('i=0; while [ $i -lt 20000 ]; do echo "line $i" >&2; i=$((i+1)); done; exit 1'),
    );
    const lines = error.message.split('\n').slice(1);
    expect(lines).toHaveLength(12);
    expect(lines.at(-1)).toBe('line 19999');
  });

  test('that is killed by a signal is an EOFError with its name', async () => {
    const error = await failing(face, shell('kill -9 $$'));
    expect(error.message).toMatch(/sh \(pid \d+\) was ended by SIGKILL$/);
  });

  test('that prints garbage is a ProtocolError that quotes it', async () => {
    const error = await failing(face, shell('echo "Welcome to \\"this\\" machine"; cat > /dev/null'));
    expect(error).toMatchObject({ name: 'ProtocolError', code: 'ERR_RPYC_PROTOCOL' });
    expect(error.message).toContain('what subprocess sh says is not RPyC');
    expect(error.message).toContain('the peer began with "Welcome to \\"this\\" machine\\n"');
    const long = await failing(face, shell('printf "\\033[1mx%0200d" 0; cat > /dev/null'));
    expect(long.message).toContain(`the peer began with "\\u{1b}[1mx${'0'.repeat(55)}"…`);
  });

  test('that says nothing at all is a TimeoutError after connectTimeout', async () => {
    const error = await failing(face, quiet(['sleep', '60'], 0), { connectTimeout: 0.3 });
    expect(error).toMatchObject({ name: 'TimeoutError', code: 'ERR_RPYC_TIMEOUT' });
    await until(() => children().length === 0);
  });
});

describePython('a Python child', () => {
  const classic = (): readonly string[] => [
    python('6.0.1'),
    '-u',
    '-c',
    'import rpyc; rpyc.utils.factory.connect_stdpipes(rpyc.SlaveService).serve_all()',
  ];

  test('that is killed with -9 ends pending and later calls with an EOFError that says so', async () => {
    const conn = await rpyc.connectSubproc(quiet(classic()));
    const sleeping = conn.root.eval('__import__("time").sleep(60)').catch((error: Error) => error);
    process.kill(conn.proc.pid as number, 'SIGKILL');
    const error = await sleeping;
    expect(error).toMatchObject({ name: 'EOFError', code: 'ERR_RPYC_CLOSED' });
    expect(error.message).toMatch(/python\S* \(pid \d+\) was ended by SIGKILL$/);
    await expect(conn.root.eval('1')).rejects.toThrow('was ended by SIGKILL');
  });

  test('that dies in a blocking call ends it with its traceback', () => {
    const conn = rpyc.connectSubprocSync(quiet(classic()));
    const die = 'import os, sys; sys.stderr.write("the disk is full"); sys.stderr.flush(); os._exit(9)';
    expect(() => conn.root.execute(die)).toThrow(/ended with status 9; it said last:\nthe disk is full$/);
  });

  test('that does not end by itself gets SIGTERM, and one that ignores that SIGKILL', async () => {
    const conn = await rpyc.connectSubproc(quiet(classic(), 0.05));
    const exited = once(conn.proc, 'exit');
    await conn.root.execute('import threading, time; threading.Thread(target=time.sleep, args=(60,)).start()');
    await conn.close();
    expect(await exited).toEqual([null, 'SIGTERM']);

    const deaf = await rpyc.connectSubproc(quiet(classic(), 0.05));
    const killed = once(deaf.proc, 'exit');
    await deaf.root.execute('import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)');
    await deaf.root.execute('import threading, time; threading.Thread(target=time.sleep, args=(60,)).start()');
    await deaf.close();
    expect(await killed).toEqual([null, 'SIGKILL']);
  });

  test('is its standard error to read, where that is wanted', async () => {
    const conn = await rpyc.connectSubproc({ command: classic(), stderr: 'pipe' });
    let said = '';
    conn.proc.stderr?.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
    await conn.root.execute('import sys; sys.stderr.write("seen"); sys.stderr.flush()');
    const closed = once(conn.proc, 'close');
    await conn.close();
    await closed;
    expect(said).toContain('seen');
  });

  test('leaves neither a descriptor nor a process behind, however it ends', async () => {
    await (await rpyc.connectSubproc(quiet(classic()))).close();
    await until(() => children().length === 0);
    const before = descriptors();
    for (let i = 0; i < 3; i++) {
      const conn = await rpyc.connectSubproc(quiet(classic()));
      await conn.root.eval('1');
      await conn.close();
      rpyc.connectSubprocSync(quiet(classic())).close();
      const killed = await rpyc.connectSubproc(quiet(classic()));
      killed.proc.kill('SIGKILL');
      await once(killed, 'close');
      for (const face of ['async', 'sync'] as const) {
        await failing(face, shell('exit 1'));
        await failing(face, shell('echo garbage; exit 1'));
        await failing(face, ['/no/such/program']);
      }
    }
    await until(() => children().length === 0);
    await until(() => descriptors() <= before);
    expect(children()).toEqual([]);
  });
});
