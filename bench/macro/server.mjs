// The Node server of bench/macro: the calculator, from dist/. Prints READY {"port": N}; ends with its stdin, and by itself after two minutes.
import { Server, Service } from '../../dist/index.js';

class Calculator extends Service {
  exposed_add(a, b) {
    return a + b;
  }
}

const server = new Server(Calculator, { logger: null });
await server.start();
process.stdin.resume().on('end', () => process.exit());
process.on('SIGTERM', () => process.exit());
setTimeout(() => process.exit(1), 120_000).unref();
console.log(`READY ${JSON.stringify({ port: server.port })}`);
