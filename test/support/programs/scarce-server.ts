// A server in a process of few descriptors: prints its port; `stop()` ends it.
import * as rpyc from '../../../src/index.ts';
import { say } from './say.ts';

class Scarce extends rpyc.Service {
  exposed_add(x: number, y: number) {
    return x + y;
  }
  exposed_metrics() {
    return server.metrics();
  }
  exposed_stop() {
    setImmediate(() => server.drain({ timeout: 5 }));
  }
}

const server = await new rpyc.Server(Scarce).start();
say({ port: server.port });
