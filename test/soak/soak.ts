// The conductor of a soak: `soak MILLISECONDS`. One server process of ours; for the given time a client that awaits, one that blocks, real
// Python with RPyC 6.0.1 and 5.3.1, and hostile sockets, all at once. Prints memory, tables and descriptors once a minute. Then the
// clients pause, drop what they hold, and go, and the server is asked three questions; a wrong answer is exit status 1:
//
// - Paused, are its tables empty but for the root that each connection has been given?
// - With all clients gone, are its connections and descriptors as many as before they came?
// - Did it grow from the second minute (warm: code compiled, buffers at their size) to the last? What lives after a collection may not
//   grow by more than LIVE; RSS, which also counts V8's young generation and what malloc keeps, not by more than RSS.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { pythonOf } from '../../scripts/setup.mjs';
import type { Counts } from './part.ts';
import type { Look } from './server.ts';

const MiB = 2 ** 20;
/** Growth allowed. Live memory swings with what is in flight: a few values of 3 MB. RSS: V8 commits 32 MiB of young generation in steps. */
const LIVE = 12 * MiB;
const RSS = 40 * MiB;

const duration = Number(process.argv[2]);
/** Between two lines, ms. Shorter runs get six lines. */
const interval = duration >= 180_000 ? 60_000 : duration / 6;

const here = (name: string): string => fileURLToPath(new URL(`./${name}`, import.meta.url));

/** A child process that takes orders. */
class Part {
  readonly name: string;
  readonly child: ChildProcess;
  readonly ended: Promise<string>;
  private readonly lines: AsyncIterator<string>;

  constructor(name: string, command: string, args: readonly string[]) {
    this.name = name;
    // malloc keeps nothing that it could give back at once: RSS then tells more of us and less of its habits.
    const env = {
      ...process.env,
      NODE_OPTIONS: '',
      MALLOC_TRIM_THRESHOLD_: '131072',
      MALLOC_MMAP_THRESHOLD_: '131072',
    };
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env });
    this.lines = createInterface({ input: this.child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    this.ended = new Promise((resolve) =>
      this.child.once('exit', (status, signal) => resolve(String(status ?? signal))),
    );
    this.child.once('error', (error) => console.error(`${name}: ${error.message}`));
    this.child.stdin?.on('error', () => {}); // it has ended: `ended` tells
  }

  static node(name: string, ...args: unknown[]): Part {
    const flags = ['--expose-gc', '--import', './scripts/ts.mjs', here(`${name}.ts`)];
    return new Part(name, process.execPath, [...flags, ...args.map(String)]);
  }

  order(text: string): void {
    this.child.stdin?.write(`${text}\n`);
  }

  /** The next line it prints. */
  async hear<T>(): Promise<T> {
    const { value, done } = await this.lines.next();
    if (done === true) throw new Error(`${this.name} ended with ${await this.ended}`);
    return JSON.parse(value) as T;
  }

  async ask<T>(order: string): Promise<T> {
    this.order(order);
    return this.hear<T>();
  }

  /** Ends its stdin, and waits until it has ended. */
  finish(): Promise<string> {
    this.child.stdin?.end();
    return this.ended;
  }
}

const started = performance.now();
const seconds = (): string => `${Math.round((performance.now() - started) / 1000)} s`;
const mb = (bytes: number): string => (bytes / MiB).toFixed(1).padStart(6);

function print(what: string, look: Look): void {
  const tables = `${look.localObjects}/${look.remoteObjects}/${look.pending}/${look.queued}`;
  console.log(
    `${what.padEnd(10)} rss ${mb(look.rss)} heap ${mb(look.heapUsed)} external ${mb(look.external)} MiB | connections ${look.open} of ` +
      `${look.accepted}, messages ${look.messages} | local/remote/pending/queued ${tables} | descriptors ${look.descriptors}`,
  );
}

const problems: string[] = [];
function expect(holds: boolean, problem: string): void {
  if (!holds) problems.push(problem);
}

const server = Part.node('server');
const parts: Part[] = [server];
process.once('exit', () => {
  for (const part of parts) part.child.kill('SIGKILL');
});
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

const { port } = await server.hear<{ port: number }>();
await server.ask<Look>('look'); // the first one opens what stays open
const before = await server.ask<Look>('look');
print('before', before);

const clients = [Part.node('awaiting', port), Part.node('blocking', port), Part.node('hostile', port)];
for (const version of ['6.0.1', '5.3.1'])
  clients.push(new Part(`python ${version}`, pythonOf(version), [here('client.py'), String(port)]));
parts.push(...clients);
let early: string | undefined;
for (const client of clients)
  void client.ended.then((status) => {
    early ??= `${client.name} ended early, with ${status}`;
  });

const looks: Look[] = [];
const over = performance.now() + duration;
while (performance.now() < over && early === undefined) {
  await new Promise((resolve) => setTimeout(resolve, Math.min(interval, over - performance.now())));
  const look = await server.ask<Look>('look');
  looks.push(look);
  print(seconds(), look);
}
if (early !== undefined) {
  console.error(`soak failed: ${early}`);
  process.exit(1);
}

const counts = await Promise.all(clients.map((client) => client.ask<Counts>('pause')));
const paused = await server.ask<Look>('look');
print('paused', paused);
expect(
  paused.localObjects <= paused.open,
  `${paused.localObjects} objects of ours are held by ${paused.open} paused clients`,
);
expect(paused.remoteObjects === 0, `${paused.remoteObjects} objects of paused clients are still held`);
expect(paused.pending === 0, `${paused.pending} calls to paused clients have no answer`);
expect(paused.queued === 0, `${paused.queued} bytes are queued for paused clients`);

for (const client of clients) {
  const status = await client.finish();
  expect(status === '0', `${client.name} ended with ${status}`);
}
const after = await server.ask<Look>('look');
print('after', after);
expect(after.open === 0, `${after.open} connections are open, and all clients are gone`);
expect(
  after.descriptors === before.descriptors,
  `${after.descriptors} descriptors, ${before.descriptors} before the clients came`,
);

const [warm, last] = [looks[1], looks.at(-1)];
if (warm !== undefined && last !== undefined && looks.length > 2) {
  const live = (look: Look): number => look.heapUsed + look.external;
  const grown = { live: live(last) - live(warm), rss: last.rss - warm.rss };
  console.log(`growth from the second line to the last: live ${mb(grown.live)} MiB, rss ${mb(grown.rss)} MiB`);
  expect(grown.live <= LIVE, `live memory grew by ${mb(grown.live)} MiB (bound ${LIVE / MiB})`);
  expect(grown.rss <= RSS, `RSS grew by ${mb(grown.rss)} MiB (bound ${RSS / MiB})`);
}
const stopped = await server.ask<Look>('stop');
expect(stopped.unhandled.length === 0, `unhandled rejections: ${stopped.unhandled.slice(0, 5).join('; ')}`);
const status = await server.finish();
expect(status === '0', `the server ended with ${status}`);

for (const [i, { calls, connections }] of counts.entries())
  console.log(`${clients[i]?.name.padEnd(14)} ${calls} calls, ${connections} connections`);
for (const problem of problems) console.error(`problem: ${problem}`);
console.log(problems.length === 0 ? 'soak passed' : 'soak failed');
process.exitCode = problems.length === 0 ? 0 : 1;
