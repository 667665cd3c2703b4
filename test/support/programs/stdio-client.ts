// A client over its own standard streams: `stdio-client async|sync VERSION`. What it finds out goes to standard error as a line of JSON.
import * as rpyc from '../../../src/index.ts';

const protocol = Number(process.argv[3]) as 5 | 6;
const found: unknown[] = [];
if (process.argv[2] === 'sync') {
  const conn = rpyc.connectStdpipesSync({ protocol });
  console.log('printed between messages');
  found.push(
    conn.root.add(5, 10),
    conn.root.call((n: number) => conn.root.add(n, 1) * 2, 4),
  );
  found.push(conn.root.big_bytes(300_000).length);
  conn.close();
} else {
  const conn = await rpyc.connectStdpipes({ protocol });
  console.log('printed between messages');
  found.push(await conn.root.add(5, 10), await conn.root.call(async (n: number) => (await conn.root.add(n, 1)) * 2, 4));
  found.push((await conn.root.big_bytes(300_000)).length);
  await conn.close();
}
process.stderr.write(`${JSON.stringify(found)}\n`);
