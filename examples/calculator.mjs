// The calculator service. Alone: `node examples/calculator.mjs` after `npm run build` serves it on 127.0.0.1:18861.
import { pathToFileURL } from 'node:url';
import * as rpyc from 'rpyc';

export class CalculatorService extends rpyc.Service {
  exposed_add(a, b) {
    return a + b;
  }

  exposed_sub(a, b) {
    return a - b;
  }

  exposed_mul(a, b) {
    return a * b;
  }

  exposed_div(a, b) {
    if (b === 0) throw new rpyc.exceptions.ZeroDivisionError('division by zero');
    return a / b;
  }

  /** Calls back for every number: `conn.root.map(lambda x: x * x, [1, 2, 3])`. */
  async exposed_map(callback, numbers) {
    const results = [];
    for await (const number of numbers) results.push(await callback(number));
    return results;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const server = await new rpyc.Server(CalculatorService, { port: 18861 }).start();
  console.log(`calculator on 127.0.0.1:${server.port}`);
}
