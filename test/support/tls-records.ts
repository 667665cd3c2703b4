// A TLS client of node:tls whose records a test holds back, changes, joins, or makes itself, as a hostile peer would: node:tls has no key
// updates, and says no goodbye without closing the socket.
import { createCipheriv, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Socket } from 'node:net';
import { connect as connectTls, type SecureVersion, type TLSSocket } from 'node:tls';
import { onTestFinished } from 'vitest';

/** RPyC's question for the root, whole: a frame. */
export const GETROOT = Buffer.from('000000080012515111531152020a', 'hex');

const HANDSHAKE = 22;
const DATA = 23;

export interface RecordPeer {
  /** The client, before its records are held. */
  tls: TLSSocket;
  /** The server's end of the wire: what is written to it, or paused, goes past `tls`. */
  wire: Socket;
  /** From here on, what the client writes is kept in the array that this gives. */
  hold(): Buffer[];
  /** How many bytes came back so far. */
  received(): number;
  /** A record of data (TLS 1.3), behind the key updates. */
  data(plain: Uint8Array): Buffer;
  /** So many key updates (TLS 1.3), each of which asks for one in return if `asks`. */
  keyUpdates(count: number, asks: boolean): Buffer;
}

/** Connects by TLS; `wire` is not ended when the client ends. TLS 1.3 speaks AES-128-GCM. */
export async function recordPeer(target: NetConnectOpts, maxVersion: SecureVersion): Promise<RecordPeer> {
  let held: Buffer[] | undefined;
  let received = 0;
  const wire = connect(target);
  const between = createServer({ allowHalfOpen: true }, (client) => {
    onTestFinished(() => void client.destroy());
    client.on('error', () => undefined).on('data', (chunk) => (held ? held.push(chunk) : wire.write(chunk)));
    wire.on('data', (chunk) => {
      received += chunk.length;
      client.write(chunk);
    });
  });
  onTestFinished(() => {
    wire.destroy();
    between.close();
  });
  wire.on('error', () => undefined);
  between.listen(0, '127.0.0.1');
  await once(between, 'listening');
  const { port } = between.address() as AddressInfo;
  const ciphers = 'TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256';
  const tls = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion, ciphers });
  onTestFinished(() => void tls.destroy());
  let secret: Buffer = Buffer.alloc(0);
  tls
    .on('error', () => undefined)
    .on('keylog', (line) => {
      const [name, , value = ''] = line.toString().trim().split(' ');
      if (name === 'CLIENT_TRAFFIC_SECRET_0') secret = Buffer.from(value, 'hex');
    });
  await once(tls, 'secureConnect');
  let sequence = 0;
  return {
    tls,
    wire,
    hold: () => {
      held = [];
      return held;
    },
    received: () => received,
    data: (plain) => seal(secret, sequence++, plain, DATA),
    keyUpdates: (count, asks) => {
      const message = Buffer.from([24, 0, 0, 1, asks ? 1 : 0]);
      const records = Array.from({ length: count }, () => {
        const record = seal(secret, sequence, message, HANDSHAKE);
        [secret, sequence] = [expand(secret, 'traffic upd', 32), 0];
        return record;
      });
      return Buffer.concat(records);
    },
  };
}

/** HKDF-Expand-Label of RFC 8446, 7.1, for at most 32 bytes. */
function expand(secret: Buffer, name: string, length: number): Buffer {
  const label = Buffer.from(`tls13 ${name}`);
  const info = Buffer.concat([Buffer.from([0, length, label.length]), label, Buffer.from([0, 1])]);
  return createHmac('sha256', secret).update(info).digest().subarray(0, length);
}

/** A record of TLS 1.3 by TLS_AES_128_GCM_SHA256 (RFC 8446, 5.2). */
function seal(secret: Buffer, sequence: number, plain: Uint8Array, type: number): Buffer {
  const nonce = Buffer.from(expand(secret, 'iv', 12));
  nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ sequence) >>> 0, 8);
  const head = Buffer.from([DATA, 3, 3, 0, 0]);
  head.writeUInt16BE(plain.length + 17, 3);
  const cipher = createCipheriv('aes-128-gcm', expand(secret, 'key', 16), nonce).setAAD(head);
  return Buffer.concat([
    head,
    cipher.update(plain),
    cipher.update(Buffer.from([type])),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
}
