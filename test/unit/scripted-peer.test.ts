// The tool of the fault tests must itself be beyond doubt.
import { expect, test } from 'vitest';
import { frame, payloadOf, ScriptedPeer } from '../support/scripted-peer.ts';

test('a frame has the header, the payload and the flusher', () => {
  expect(frame('11 51').toString('hex')).toBe('00000002' + '00' + '1151' + '0a');
  expect(payloadOf(frame('1151')).toString('hex')).toBe('1151');
});

test('both ends see frames whole, however they were cut', async () => {
  const peer = await ScriptedPeer.listen();
  const client = await ScriptedPeer.connect(peer.port);
  const server = await peer.accept();
  await client.send('00 00 00 03');
  await client.send('00 aa bb');
  await client.send(Buffer.concat([Buffer.from('cc0a', 'hex'), frame('dd')]));
  expect((await server.nextPayload()).toString('hex')).toBe('aabbcc');
  expect((await server.nextPayload()).toString('hex')).toBe('dd');
});

test('an orderly end and a reset are told apart', async () => {
  const peer = await ScriptedPeer.listen();
  const first = await ScriptedPeer.connect(peer.port);
  await (await peer.accept()).close();
  expect(await first.untilEnd()).toBe('eof');
  const second = await ScriptedPeer.connect(peer.port);
  await (await peer.accept()).reset();
  expect(await second.untilEnd()).toBe('reset');
});

test('waiting for what never comes says what has come instead', async () => {
  const peer = await ScriptedPeer.listen();
  const client = await ScriptedPeer.connect(peer.port);
  const server = await peer.accept();
  await client.send('aabb');
  await client.end();
  await expect(server.expect(3)).rejects.toThrow('waited for 3 bytes, the stream ended; 2 bytes are here: aabb');
});
