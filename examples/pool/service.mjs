// What each worker of examples/pool/server.mjs serves. Variables are of one worker; what is in the shared memory is of all.
import * as rpyc from 'rpyc';

/** @param {rpyc.WorkerContext<SharedArrayBuffer>} context */
export default function primes({ worker, sharedState }) {
  const total = new Int32Array(sharedState);
  let here = 0;

  return class Primes extends rpyc.Service {
    /** Number of primes below n; takes its time, of this worker alone. */
    exposed_count(n) {
      let found = 0;
      for (let candidate = 2; candidate < n; candidate++) if (isPrime(candidate)) found++;
      here++;
      Atomics.add(total, 0, 1);
      return found;
    }

    exposed_calls() {
      return `${here} of ${Atomics.load(total, 0)} calls were served by worker ${worker}`;
    }
  };
}

function isPrime(n) {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false;
  return true;
}
