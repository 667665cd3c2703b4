// The service of owner.ts in a process of its own: `node --import scripts/ts.mjs owner-server.ts OPTIONS_JSON` prints
// `READY {"port": N}` and serves, without a logger unless the options name the 'default' one. Ends with its parent: when stdin closes.
import * as rpyc from '../../../src/index.ts';
import { Owner } from '../owner.ts';

const { logger, ...options } = JSON.parse(process.argv[2] ?? '{}') as rpyc.ServerOptions & { logger?: 'default' };
const server = new rpyc.Server(Owner, logger === 'default' ? options : { logger: null, ...options });
await server.start();
process.stdin.resume().on('end', () => process.exit(0));
console.log(`READY ${JSON.stringify({ port: server.port })}`);
