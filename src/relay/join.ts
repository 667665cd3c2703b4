// One relayed connection: finds out what both ends speak, then passes on what each says until one of them ends.
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectError, ProtocolError, VersionError } from '../errors.ts';
import { End, type EndLimits } from './end.ts';
import { type First, refusalOf, retagged, type Version } from './frames.ts';

export interface JoinOptions {
  /** Opens a connection to the target. @throws {ConnectError} */
  readonly dial: () => Promise<Socket>;
  readonly limits: EndLimits;
  /** What clients speak, where it is known before they say anything. */
  readonly client: Version | undefined;
  /** What the target speaks, where it is known. */
  readonly target: Version | undefined;
  /** What it spoke last time; shared by all connections of a relay. */
  readonly learned: { version: Version | undefined };
}

/** How long an end may take to read what is left for it once the other end is over, ms. */
const LINGER = 10_000;

/** @throws {ConnectError} where nobody accepts in time */
export function dialTo(
  target: { host: string; port: number } | { path: string },
  name: string,
  timeoutMs: number,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(target);
    const fail = (error: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(
        new ConnectError(`cannot connect to ${name}: ${error.message || (error as NodeJS.ErrnoException).code}`, [
          error,
        ]),
      );
    };
    const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    socket.once('error', fail);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', fail);
      resolve(socket);
    });
  });
}

/** Closes an end once it has what was written to it. */
function finish(socket: Socket): Promise<void> {
  if (socket.closed) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => socket.destroy(), LINGER);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.destroySoon();
  });
}

const BOUND =
  'sends thread ids (RPYC_BIND_THREADS), which a relay does not pass on: unset it there, or connect to the server itself';

function checkThreads(first: First | undefined, who: string): void {
  if (first?.bound) throw new ProtocolError(`the ${who} ${BOUND}`);
}

/** Both ends, and what they speak. */
interface Agreed {
  readonly far: End;
  readonly client: Version;
  readonly target: Version;
}

/** One client's connection. */
class Junction {
  private readonly near: End;
  private readonly options: JoinOptions;
  private targetSocket: Socket | undefined;
  private isJoined = false;

  constructor(client: Socket, options: JoinOptions) {
    this.options = options;
    this.near = new End(client, options.limits);
  }

  get target(): Socket | undefined {
    return this.targetSocket;
  }

  private async dial(): Promise<End> {
    this.targetSocket?.destroy();
    const socket = await this.options.dial();
    this.targetSocket = socket;
    return new End(socket, this.options.limits);
  }

  /** undefined: one of them ended before it was clear. */
  private async agree(): Promise<Agreed | undefined> {
    const { near, options } = this;
    let far = await this.dial();
    const { client: clientIs, target: targetIs } = options;
    if (clientIs !== undefined && targetIs !== undefined) return { far, client: clientIs, target: targetIs };
    const gone = near.gone.then(() => undefined);
    const hello = near.first();
    const greeting = far.first();
    // Whoever of them fails, fails again where it is waited for.
    hello.catch(() => undefined);
    greeting.catch(() => undefined);
    const isTargetFirst = await Promise.race([hello.then(() => false), greeting.then(() => true)]);
    if (isTargetFirst) {
      const said = await greeting;
      checkThreads(said, 'server');
      const client = clientIs ?? (await Promise.race([hello, far.gone.then(() => undefined)]))?.version;
      return said === undefined || client === undefined ? undefined : { far, client, target: said.version };
    }
    const asked = await hello;
    if (asked === undefined) return undefined;
    checkThreads(asked, 'client');
    if (targetIs !== undefined) return { far, client: asked.version, target: targetIs };
    // Only an answer tells what a silent server speaks. One that was spoken to in the other version has done nothing but say goodbye in its own.
    let target = options.learned.version ?? 6;
    for (let tries = 0; tries < 2; tries++) {
      await far.write(await retagged(Buffer.from(asked.frame), asked.version, target, options.limits));
      const said = await Promise.race([far.first(), gone]);
      if (said === undefined) return undefined;
      checkThreads(said, 'server');
      if (said.version === target) {
        options.learned.version = target;
        await near.take(asked.frame.length); // it was passed on
        return { far, client: asked.version, target };
      }
      target = said.version;
      far = await this.dial();
    }
    throw new VersionError('the server changes its version from one connection to the next');
  }

  /** Resolves when one end is over, and the other has been sent all that it said. */
  async run(): Promise<void> {
    const agreed = await this.agree();
    if (agreed === undefined) return;
    const { far, client, target } = agreed;
    this.isJoined = true;
    await Promise.race([pour(this.near, far, client, target), pour(far, this.near, target, client)]);
  }

  /** Tells a client that waits for its first answer why there will be none. */
  async refuse(why: string): Promise<void> {
    if (this.isJoined) return;
    const nothing = Promise.race([this.near.gone, sleep(LINGER, undefined, { ref: false })]).then(() => undefined);
    const asked = await Promise.race([this.near.first(), nothing]).catch(() => undefined);
    const answer = asked && refusalOf(asked, `rpyc relay: ${why}`);
    if (answer !== undefined) await this.near.write(answer);
  }
}

async function pour(from: End, to: End, spoken: Version, wanted: Version): Promise<void> {
  for await (const bytes of from.translated(spoken, wanted)) await to.write(bytes);
}

/** Relays one client until it or the target ends; then both are closed. @throws what ended it, when it was not they */
export async function join(client: Socket, options: JoinOptions): Promise<void> {
  const junction = new Junction(client, options);
  try {
    await junction.run();
  } catch (error) {
    await junction.refuse((error as Error).message);
    throw error;
  } finally {
    await Promise.all([finish(client), junction.target && finish(junction.target)]);
  }
}
