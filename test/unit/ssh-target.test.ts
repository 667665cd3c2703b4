// What becomes of an SSH target: one command line, in which nothing that the target says is an option or a shell's.
import { expect, test } from 'vitest';
import { argumentsFor, errandTo, lastWords, nameOf, targetOf } from '../../src/client/ssh-target.ts';
import { sshConnect, sshConnectSync } from '../../src/index.ts';

test.each([
  ['box', { host: 'box' }],
  ['me@box', { host: 'box', user: 'me' }],
  ['box:2222', { host: 'box', port: 2222 }],
  ['me@corp@box:22', { host: 'box', user: 'me@corp', port: 22 }],
  ['me@[::1]:22', { host: '::1', user: 'me', port: 22 }],
  ['[fe80::1]', { host: 'fe80::1' }],
])('the text %s is taken apart', (text, target) => {
  expect(targetOf(text)).toEqual(target);
});

test.each([
  ['', TypeError],
  ['-oProxyCommand=touch /tmp/x', TypeError],
  ['-oProxyCommand=x@box', TypeError],
  ['me@-box', TypeError],
  ['a b', TypeError],
  ['box\n-v', TypeError],
  ['box\0', TypeError],
  ['box:0', RangeError],
  ['box:65536', RangeError],
  ['box:22:33', TypeError],
  [{ host: '-D1080' }, TypeError],
  [{ host: 'box', user: '-oProxyCommand=x' }, TypeError],
  [{ host: 'box', port: 2.5 }, RangeError],
  [{ host: 'box', identityFile: '' }, TypeError],
])('the target %j is refused before anything starts', async (target, kind) => {
  expect(() => targetOf(target)).toThrow(kind);
  await expect(sshConnect(target, 18861)).rejects.toThrow(kind);
  expect(() => sshConnectSync(target, 18861)).toThrow(kind);
});

test.each([
  [18861, 'localhost:18861'],
  [{ remotePort: 1 }, 'localhost:1'],
  [{ remoteHost: '::1', remotePort: 2 }, '[::1]:2'],
  [{ remoteHost: 'db.lan', remotePort: 3 }, 'db.lan:3'],
])('the remote end %j becomes ssh -W %s', (remote, name) => {
  expect(errandTo(remote)).toEqual({ name, options: ['-W', name] });
});

test('a Unix socket becomes a command, in which its path is one word of the shell', () => {
  const { name, options, command } = errandTo({ remoteSocket: "/run/it's $(touch x).sock" });
  expect({ name, options }).toEqual({ name: "/run/it's $(touch x).sock", options: [] });
  expect(command).toMatch(/^exec sh -c '.*' '\/run\/it'\\''s \$\(touch x\)\.sock'$/);
});

test.each([
  [0, RangeError],
  [{ remotePort: 70_000 }, RangeError],
  [{ remoteHost: '-x', remotePort: 1 }, TypeError],
  [{ remoteHost: 'a b', remotePort: 1 }, TypeError],
  [{ remoteSocket: 'relative.sock' }, TypeError],
  [{ remoteSocket: '/a\0b' }, TypeError],
  [{ remoteSocket: '/a\nb' }, TypeError],
])('the remote end %j is refused', (remote, kind) => {
  expect(() => errandTo(remote)).toThrow(kind);
});

test("a user's arguments come first, so that ssh takes them; the host comes last, behind --", () => {
  const target = { host: 'box', port: 2, user: 'me', identityFile: '/k y', extraArgs: ['-o', 'BatchMode=no'] };
  const args = argumentsFor(target, 10_000, errandTo(1));
  expect(args.slice(0, 2)).toEqual(['-o', 'BatchMode=no']);
  expect(args.slice(-4)).toEqual(['-W', 'localhost:1', '--', 'box']);
  expect(args.join(' ')).toContain('-o BatchMode=yes -o ConnectTimeout=9 -o ControlMaster=no -o IdentitiesOnly=yes');
  expect(args.join(' ')).toContain('-p 2 -l me -i /k y');
});

test('a target is named as it would be written', () => {
  expect(nameOf({ host: '::1', user: 'me', port: 22 })).toBe('me@[::1]:22');
  expect(nameOf({ host: 'box' })).toBe('box');
});

test('of what ssh says the end is kept, without the usual warnings', () => {
  expect(lastWords("Warning: Permanently added 'box'\r\n\n** WARNING: not post-quantum\nNo such host\n")).toBe(
    'No such host',
  );
  expect(lastWords(`${'x'.repeat(5000)}\nlast`)).toHaveLength(1000);
});
