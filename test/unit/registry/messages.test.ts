// The registry's messages and their signatures, held against what was captured of real registries.
import { describe, expect, test } from 'vitest';
import { dumpBrine, loadBrine } from '../../../src/boxing/brine.ts';
import { ProtocolError } from '../../../src/errors.ts';
import {
  type Request,
  readNames,
  readRequest,
  readServers,
  type ServerAddress,
  writeList,
  writeRequest,
} from '../../../src/registry/messages.ts';
import { ANSWER, REQUEST, Replays, Signer, WINDOW } from '../../../src/registry/signing.ts';
import { jsOf, registry } from '../../support/vectors.ts';

const frozen = (...items: unknown[]) => Object.freeze(items);

describe('messages of a registry', () => {
  test.each(registry.map((vector) => [`${vector.rpyc} ${vector.name} of the ${vector.from}`, vector] as const))(
    'captured bytes are read and written as they are: %s',
    (_, { bytes, value }) => {
      expect(loadBrine(bytes)).toEqual({ value: jsOf(value) });
      expect(Buffer.from(dumpBrine(jsOf(value)))).toEqual(bytes);
    },
  );

  test('our requests are those of RPyC, byte by byte', () => {
    const captured = registry.filter(({ from }) => from === 'client').map(({ bytes }) => bytes);
    expect(captured.length).toBeGreaterThan(10);
    for (const bytes of captured) {
      const request = readRequest(bytes) as Request;
      // Names are read in upper case, as RPyC's registry takes them; the query itself is sent as it was written.
      const again = readRequest(writeRequest(request));
      expect(again).toEqual(request);
      if (request.command !== 'QUERY') expect(Buffer.from(writeRequest(request))).toEqual(bytes);
    }
  });

  test('every prefix is incomplete and every flipped bit is a message or a ProtocolError, nothing else', () => {
    for (const { bytes } of registry.filter(({ from }) => from === 'client')) {
      for (let length = 0; length < bytes.length; length++)
        expect(readRequest(bytes.subarray(0, length))).toBeUndefined();
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = Buffer.from(bytes);
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
        for (const read of [readRequest, readServers, readNames]) {
          try {
            read(flipped);
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError);
          }
        }
      }
    }
  });

  test.each([
    ['no tuple', 5],
    ['another magic', frozen('RPYX', 'QUERY', frozen('A'))],
    ['a magic of bytes', frozen(Buffer.from('RPYC'), 'QUERY', frozen('A'))],
    ['too few parts', frozen('RPYC', 'QUERY')],
    ['an unknown command', frozen('RPYC', 'SHUTDOWN', frozen())],
    ['a command of another type', frozen('RPYC', 7, frozen())],
    ['arguments that are no tuple', frozen('RPYC', 'QUERY', 'A')],
    ['no name', frozen('RPYC', 'QUERY', frozen())],
    ['two names', frozen('RPYC', 'QUERY', frozen('A', 'B'))],
    ['a name that is a number', frozen('RPYC', 'QUERY', frozen(1))],
    ['an empty name', frozen('RPYC', 'QUERY', frozen(''))],
    ['a name of 256 characters', frozen('RPYC', 'QUERY', frozen('a'.repeat(256)))],
    ['names that are one string', frozen('RPYC', 'REGISTER', frozen('AB', 1))],
    ['no names', frozen('RPYC', 'REGISTER', frozen(frozen(), 1))],
    ['port 0', frozen('RPYC', 'REGISTER', frozen(frozen('A'), 0))],
    ['port 65536', frozen('RPYC', 'UNREGISTER', frozen(65_536))],
    ['a port of text', frozen('RPYC', 'UNREGISTER', frozen('18861'))],
    ['a port of 100 digits', frozen('RPYC', 'UNREGISTER', frozen(10n ** 100n))],
    ['half a port', frozen('RPYC', 'UNREGISTER', frozen(0.5))],
    ['a filter that is no tuple', frozen('RPYC', 'LIST', frozen('10.0.0.1'))],
    ['a filter of another type', frozen('RPYC', 'LIST', frozen(frozen(5)))],
  ])('%s is refused', (_, value) => {
    expect(() => readRequest(dumpBrine(value))).toThrow(ProtocolError);
  });

  test('addresses in an answer that are none are left out', () => {
    const answer = frozen(
      frozen('10.0.0.1', 18861),
      frozen('10.0.0.1', '18861'),
      frozen('10.0.0.1', 70_000),
      frozen(7, 18861),
      frozen('10.0.0.1'),
      frozen('a\nb', 18861),
      'text',
      null,
    );
    expect(readServers(dumpBrine(answer))).toEqual([['10.0.0.1', 18861]]);
    expect(() => readServers(dumpBrine(null))).toThrow(ProtocolError);
    expect(() => readServers(Buffer.alloc(0))).toThrow(ProtocolError);
  });

  test('an answer that does not fit keeps the last ones, as many as do', () => {
    const servers = Array.from({ length: 5000 }, (_, i): ServerAddress => [`10.20.${i >> 8}.${i & 255}`, 18_861 + i]);
    const bytes = writeList(servers, 1500);
    const kept = readServers(bytes);
    expect(bytes.length).toBeLessThanOrEqual(1500);
    expect(kept.length).toBeGreaterThan(50);
    expect(kept).toEqual(servers.slice(-kept.length));
    expect(readServers(writeList(servers.slice(0, 3), 1500))).toEqual(servers.slice(0, 3));
    expect(readNames(writeList(['x'.repeat(2000)], 1500))).toEqual([]);
  });

  test('only what travels by value is written', () => {
    expect(() => dumpBrine(['not frozen'])).toThrow(TypeError);
    expect(() => dumpBrine({})).toThrow(TypeError);
    expect(loadBrine(dumpBrine(frozen('x'.repeat(40_000))))).toEqual({ value: ['x'.repeat(40_000)] });
  });
});

describe('signed messages', () => {
  const signer = new Signer('a secret of sixteen bytes');
  const body = writeRequest({ command: 'QUERY', name: 'A' });
  const now = 1_700_000_000_000;
  const signed = signer.sign(REQUEST, body, now);

  test('have the documented bytes', async () => {
    const { createHmac } = await import('node:crypto');
    expect(signed.subarray(0, 8).toString('latin1')).toBe('RPYC-MAC');
    expect(signed.readBigUInt64BE(8)).toBe(BigInt(now));
    const mac = createHmac('sha256', 'a secret of sixteen bytes')
      .update(Buffer.concat([Buffer.of(1), signed.subarray(0, 32), body]))
      .digest();
    expect(signed.subarray(32, 64)).toEqual(mac);
    expect(signed.subarray(64)).toEqual(Buffer.from(body));
  });

  test('are opened with the same secret, the same way, within the window', () => {
    const opened = signer.open(REQUEST, signed, now + WINDOW);
    expect(Buffer.from(opened.body)).toEqual(Buffer.from(body));
    const answer = signer.sign(ANSWER, body, now, opened.nonce);
    expect(Buffer.from(signer.open(ANSWER, answer, now, signed).body)).toEqual(Buffer.from(body));
  });

  test('are refused with another secret, the other way, out of the window, or for another request', () => {
    expect(() => new Signer('another one of 16 bytes').open(REQUEST, signed, now)).toThrow('another secret');
    expect(() => signer.open(ANSWER, signed, now)).toThrow('another secret');
    expect(() => signer.open(REQUEST, signed, now + WINDOW + 1)).toThrow('an old message');
    expect(() => signer.open(REQUEST, signed, now - WINDOW - 1)).toThrow('an old message');
    const answer = signer.sign(ANSWER, body, now);
    expect(() => signer.open(ANSWER, answer, now, signed)).toThrow('the answer to another request');
    expect(() => signer.open(REQUEST, body, now)).toThrow('not signed');
  });

  test('every prefix and every flipped bit is refused', () => {
    for (let length = 0; length < signed.length; length++)
      expect(() => signer.open(REQUEST, signed.subarray(0, length), now)).toThrow(ProtocolError);
    for (let bit = 0; bit < signed.length * 8; bit++) {
      const flipped = Buffer.from(signed);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => signer.open(REQUEST, flipped, now)).toThrow(ProtocolError);
    }
  });

  test('a nonce is taken once', () => {
    const replays = new Replays();
    const { nonce, time } = signer.open(REQUEST, signed, now);
    replays.note(nonce, time, now);
    expect(() => replays.note(nonce, time, now)).toThrow('received before');
    replays.note(signer.open(REQUEST, signer.sign(REQUEST, body, now), now).nonce, time, now);
  });
});
