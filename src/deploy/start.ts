// What runs on a target with Node, from the package that was uploaded: serves the service module in the folder that its argument names, or a
// SlaveService. Started by the session's shell (programs.ts); exports nothing. What an older Node cannot read is imported after it was refused.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { READY } from './programs.ts';

function fail(why: string): never {
  console.error(why);
  process.exit(1);
}

const folder = process.argv[2] as string;
const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
if (major < 20 || (major === 20 && minor < 19))
  fail(`${process.execPath} is Node ${process.version}: 20.19 or later is needed`);
const ours = readFileSync(join(folder, 'platform'), 'utf8');
const theirs = `${process.platform} ${process.arch}`;
if (ours !== theirs)
  fail(
    `this machine is ${theirs}, and the engine that was uploaded is for ${ours}: install rpyc here, and connect with sshConnect`,
  );
const path = join(folder, 's');
if (path.length > 100) fail(`the temporary folder ${folder} is too long a path for a socket: set TMPDIR there`);
try {
  const { loadService } = await import('../server/module.ts');
  const { Server } = await import('../server/server.ts');
  const { SlaveService } = await import('../service/classic.ts');
  const module = ['service.mjs', 'service.cjs'].map((name) => join(folder, name)).find((each) => existsSync(each));
  const service = module === undefined ? SlaveService : await loadService(pathToFileURL(module).href);
  await new Server(service, { socketPath: path }).start();
  process.stdout.write(`${READY}${path}\t${process.execPath}\t6\n`);
} catch (error) {
  fail(`${(error as Error).stack}\n${(error as Error).message}`);
}
