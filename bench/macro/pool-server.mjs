// A server of bench/macro/pool.ts: `pool-server.mjs WORKERS`, 0 for a Server on its main thread. Prints READY {"port": N}; ends with its stdin,
// and by itself after two minutes.
import { Server, WorkerPoolServer } from '../../dist/index.js';
import Work from './pool-service.mjs';

const workers = Number(process.argv[2]);
const server =
  workers === 0
    ? new Server(Work, { logger: null })
    : new WorkerPoolServer(new URL('./pool-service.mjs', import.meta.url), { workers, logger: null });
await server.start();
process.stdin.resume().on('end', () => process.exit());
process.on('SIGTERM', () => process.exit());
setTimeout(() => process.exit(1), 120_000).unref();
console.log(`READY ${JSON.stringify({ port: server.port })}`);
