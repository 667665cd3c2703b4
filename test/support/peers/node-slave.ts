// A Node slave in a process of its own: prints `READY {"port": N}`. Ends with its parent: when stdin closes.
import * as rpyc from '../../../src/index.ts';

const server = await new rpyc.Server(rpyc.JsSlaveService, { logger: null }).start();
process.stdin.resume().on('end', () => process.exit());
console.log(`READY ${JSON.stringify({ port: server.port })}`);
