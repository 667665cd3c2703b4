import { queryObjects } from 'node:v8';
import { test } from 'vitest';
import * as rpyc from '../../src/index.ts';
import { Holder } from '../../src/protocol/refs.ts';
import { startServer } from '../support/python.ts';
test('dbg', async () => {
  const s = await startServer('6.0.1', { allow_public_attrs: true });
  const out: string[] = [];
  for (let round = 0; round < 30; round++) {
    const conn = rpyc.connectSync('127.0.0.1', s.ready.port);
    const root = conn.root;
    const log: any[] = [root.get_refs()];
    (() => [root.nested.double(4), root.nested.value, root.nested.list[1]])();
    for (let i = 0; i < 3; i++) { globalThis.gc!(); root.add(1, 1); log.push(root.get_refs()); }
    log.push('holders', (queryObjects as any)(Holder), conn.stats.remoteObjects);
    conn.close();
    out.push(log.join());
  }
  console.log('LOG\n' + out.map((x) => 'LOG ' + x).join('\n'));
});
