// The slave's standard streams, its interpreter and its debugger on streams of ours, against real Python.
import { PassThrough } from 'node:stream';
import { expect } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { describeClassic } from './classic-faces.ts';
import { raised } from './faces.ts';

class Text {
  text = '';
  write(text: string): void {
    this.text += text;
  }
}

describeClassic('streams: a slave', 'slave', (check) => {
  check('prints and reads here while redirected', function* ({ conn }) {
    const [stdout, stderr] = [new Text(), new Text()];
    const before = yield conn.modules.sys.stdout;
    const redirection = yield rpyc.classic.redirectedStdio(conn, { stdin: ['first', 'second\n'], stdout, stderr });
    yield conn.execute(
      'import sys\nprint("é€", 5)\nprint("bad", file=sys.stderr, flush=True)\nlines = [input("? "), sys.stdin.readline()]',
    );
    yield conn.execute('try:\n    input()\nexcept EOFError:\n    lines.append("EOF")');
    yield redirection.restore();
    yield redirection.restore();
    expect(stdout.text).toBe('é€ 5\n? ');
    expect(stderr.text).toBe('bad\n');
    expect([...(yield rpyc.classic.obtain(yield conn.namespace.lines))]).toEqual(['first', 'second\n', 'EOF']);
    expect(rpyc.same(yield conn.modules.sys.stdout, before)).toBe(true);
    expect(yield* raised(() => conn.eval('1 / 0'))).toBeInstanceOf(rpyc.exceptions.ZeroDivisionError);
  });

  check('gives its streams back at the end of a `using` block', function* ({ conn, face }) {
    const stdout = new Text();
    const redirection = yield rpyc.classic.redirectedStdio(conn, { stdin: [], stdout, stderr: stdout });
    yield conn.execute('print("here")');
    yield face === 'blocking' ? redirection[Symbol.dispose]() : redirection[Symbol.asyncDispose]();
    yield conn.execute('print("there")');
    expect(stdout.text).toBe('here\n');
  });

  check('reads a line from a function', function* ({ conn }) {
    const redirection = yield rpyc.classic.redirectedStdio(conn, { stdin: () => 'typed', stdout: new Text() });
    expect(yield conn.eval('input()')).toBe('typed');
    yield redirection.restore();
  });

  check('has an interactive interpreter', function* ({ conn }) {
    const [stdout, stderr] = [new Text(), new Text()];
    const stdin = [
      'x = 20',
      'x + given',
      'def f():',
      '    return x',
      '',
      'f()',
      '1 / 0',
      'type(conn).__name__',
      'import sys',
      'sys.exit(3)',
      'never',
    ];
    yield rpyc.classic.interact(conn, { stdin, stdout, stderr, namespace: { given: 3 } });
    expect(stdout.text).toContain('>>> ');
    expect(stdout.text).toContain('... ');
    expect(stdout.text).toContain('23\n');
    expect(stdout.text).toContain('20\n');
    expect(stdout.text).toContain("'Connection'");
    expect(stderr.text).toContain('ZeroDivisionError');
    expect(yield conn.eval('1 + 1')).toBe(2);
  });

  check('which ends with its input', function* ({ conn }) {
    const stdout = new Text();
    yield rpyc.classic.interact(conn, { stdin: ['6 * 7'], stdout, stderr: stdout });
    expect(stdout.text).toContain('42\n');
  });

  check('has a post-mortem debugger', function* ({ conn }) {
    const stdout = new Text();
    expect((yield* raised(() => rpyc.classic.pm(conn, { stdin: ['q'], stdout }))).message).toContain(
      'nothing was raised',
    );
    yield conn.execute('def divide(numerator, denominator):\n    return numerator / denominator');
    expect(yield* raised(() => conn.namespace.divide(17, 0))).toBeInstanceOf(rpyc.exceptions.ZeroDivisionError);
    yield rpyc.classic.pm(conn, { stdin: ['p numerator', 'p denominator', 'q'], stdout, stderr: stdout });
    expect(stdout.text).toContain('(Pdb) ');
    expect(stdout.text).toContain('17\n');
    expect(stdout.text).toContain('divide');
  });

  check('reads from a Node stream, where calls are awaited', function* ({ conn, face }) {
    if (face === 'blocking') {
      // A promise cannot settle while this thread waits: the read is refused by the time limit, not by us.
      yield conn.eval('1');
      return;
    }
    const stdin = new PassThrough();
    const stdout = new PassThrough();
    const done = rpyc.classic.interact(conn, { stdin, stdout, stderr: stdout });
    stdin.write('6 * ');
    stdin.write('7\nconn.closed\n');
    stdin.end();
    yield done;
    expect(stdout.setEncoding('utf8').read()).toMatch(/42\n[\s\S]*False\n/);
  });
});
