// A Node end of the transport matrix over standard streams: `transported.ts serve`, or `transported.ts client FACE PROTOCOL RESULT_FILE`.
import { writeFileSync } from 'node:fs';
import * as rpyc from '../../../src/index.ts';
import { check, Transported } from '../transports.ts';

const [role, face, version, result] = process.argv.slice(2);
if (role === 'serve') rpyc.serveStdio(Transported);
else {
  const protocol = version === '5' ? 5 : 6;
  const conn = face === 'sync' ? rpyc.connectStdpipesSync({ protocol }) : await rpyc.connectStdpipes({ protocol });
  writeFileSync(result, JSON.stringify(await check(conn.root)));
  await conn.close();
}
