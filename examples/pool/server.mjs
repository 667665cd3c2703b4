// A worker pool whose workers share a counter. `node examples/pool/server.mjs [PORT]` after `npm run build`; Ctrl-C stops it.
import * as rpyc from 'rpyc';

const server = new rpyc.WorkerPoolServer(new URL('./service.mjs', import.meta.url), {
  port: Number(process.argv[2] ?? 18861),
  workers: 2,
  // One Int32 for all of them.
  sharedState: new SharedArrayBuffer(4),
  stuckAfter: 30,
});
server.on('worker', ({ worker, state, reason }) => console.log(`worker ${worker}: ${state} ${reason ?? ''}`.trimEnd()));
await server.start();
console.log(`listening on ${server.address.host}:${server.port}`);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => server.drain({ timeout: 10 }));
