// Serves over what it was started with: `stdio-service [slave]`. Prints where it must not, which has to reach nobody but standard error.
import * as rpyc from '../../../src/index.ts';
import WayService from '../peers/way-service.ts';

const server = rpyc.serveStdio(process.argv[2] === 'slave' ? rpyc.JsSlaveService : WayService, { logger: null });
console.log('printed by the service');
process.stdout.write('written by the service\n');
server.once('close', () => console.error('closed'));
