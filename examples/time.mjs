// The time service of RPyC's demos. Alone: `node examples/time.mjs` after `npm run build` serves it on 127.0.0.1:18862.
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import * as rpyc from 'rpyc';

export class TimeService extends rpyc.Service {
  /** Seconds since 1970, as Python's time.time(). */
  exposed_get_time() {
    return rpyc.float(Date.now() / 1000);
  }

  exposed_get_utc() {
    return new Date().toISOString();
  }

  /** Calls `callback(n, utc)` `count` times, 100 ms apart, while the caller waits. */
  async exposed_ticks(callback, count) {
    for (let n = 1; n <= count; n++) {
      await sleep(100);
      await callback(n, this.exposed_get_utc());
    }
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const server = await new rpyc.Server(TimeService, { port: 18862 }).start();
  console.log(`time on 127.0.0.1:${server.port}`);
}
