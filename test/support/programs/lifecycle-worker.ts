// Worker threads of `lifecycle`: they call, leave everything open, or block.
import { parentPort, workerData } from 'node:worker_threads';
import * as rpyc from '../../../src/index.ts';

const { what, port } = workerData as { what: string; port: number };

class Sum extends rpyc.Service {
  exposed_add(a: number, b: number) {
    return a + b;
  }
}

if (what === 'calls') {
  const conns = await Promise.all(Array.from({ length: 4 }, () => rpyc.connect('127.0.0.1', port)));
  const sync = rpyc.connectSync('127.0.0.1', port);
  let sum = 0;
  for (let i = 0; i < 50; i++) {
    for (const n of await Promise.all(conns.map((conn) => conn.root.add(i, 1)))) sum += n;
    sum += sync.root.add(i, 1);
  }
  await Promise.all(conns.map((conn) => conn.close()));
  sync.close();
  parentPort?.postMessage(sum);
} else if (what === 'leaves') {
  const server = await new rpyc.Server(Sum).start();
  const [a, c] = await Promise.all([rpyc.connect('127.0.0.1', port), rpyc.connect('127.0.0.1', server.port)]);
  const kept = [await a.root.make_list(3), await a.root.make_list(3)];
  a.root.sleep(60).catch(() => {});
  c.root.add(1, 2).catch(() => {});
  parentPort?.postMessage(kept.length);
  process.exit(0);
} else {
  const { root } = rpyc.connectSync('127.0.0.1', port, { config: { sync_request_timeout: null } });
  parentPort?.postMessage('blocking');
  root.sleep(60);
}
