// What the servers of bench/macro/pool.ts serve: a cheap method, one that computes, one that blocks its thread.
import { Service, workerContext } from '../../dist/index.js';

export default class Work extends Service {
  exposed_add(a, b) {
    return a + b;
  }

  /** Some milliseconds of arithmetic; the answer is checked. */
  exposed_burn(rounds) {
    let value = 1;
    for (let n = 0; n < rounds; n++) value = (Math.imul(value, 1103515245) + 12345) >>> 0;
    return value;
  }

  /** Blocks its thread, and takes no core. */
  exposed_block(ms) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  }

  exposed_worker() {
    return workerContext()?.worker ?? 0;
  }
}
