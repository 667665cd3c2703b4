// The same server on several machines. Answers to MultiServerDeployment of rpyc/utils/zerodeploy.py.
import type { ClassicProcessConnection } from '../client/classic.ts';
import type { ConnectOptions } from '../client/connect.ts';
import type { ProcessConnection } from '../client/process.ts';
import type { SshDestination } from '../client/ssh-target.ts';
import { type DeployedServer, type DeployOptions, deploy } from './deploy.ts';

/** Everything, or nothing: what was made is ended where one of them failed. */
async function all<T>(making: readonly Promise<T>[], undo: (made: T) => Promise<unknown>): Promise<T[]> {
  const results = await Promise.allSettled(making);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed === undefined) return results.map((result) => (result as PromiseFulfilledResult<T>).value);
  await Promise.allSettled(results.map((result) => (result.status === 'fulfilled' ? undo(result.value) : undefined)));
  throw failed.reason;
}

/**
 * Servers that were deployed together, in the order of their targets: `deployment[Symbol.iterator]`, `servers`, `connectAll`. Answers to
 * `MultiServerDeployment` of rpyc/utils/zerodeploy.py.
 */
export class MultiServerDeployment implements Iterable<DeployedServer> {
  /** The servers, in the order of their targets. */
  readonly servers: readonly DeployedServer[];

  private constructor(servers: readonly DeployedServer[]) {
    this.servers = servers;
  }

  /** Deploys to all targets at once. @throws as {@link deploy}, for the first target that fails; then none is left */
  static async deploy(targets: readonly SshDestination[], options: DeployOptions = {}): Promise<MultiServerDeployment> {
    return new MultiServerDeployment(
      await all(
        targets.map((target) => deploy(target, options)),
        (server) => server.close(),
      ),
    );
  }

  /** Number of servers. */
  get length(): number {
    return this.servers.length;
  }

  /** The servers, in the order of their targets. */
  [Symbol.iterator](): Iterator<DeployedServer> {
    return this.servers[Symbol.iterator]();
  }

  /** A connection to each server. @throws as `DeployedServer.connect`; then none is left */
  connectAll(options: ConnectOptions = {}): Promise<ProcessConnection[]> {
    return all(
      this.servers.map((server) => server.connect(options)),
      (conn) => conn.close(),
    );
  }

  /** A connection to each SlaveService. @throws as `DeployedServer.classicConnect`; then none is left */
  classicConnectAll(options: ConnectOptions = {}): Promise<ClassicProcessConnection[]> {
    return all(
      this.servers.map((server) => server.classicConnect(options)),
      (conn) => conn.connection.close(),
    );
  }

  /** Closes all servers. @throws {TimeoutError} where one did not end in time; the others are closed all the same */
  async close(options: { timeout?: number | null } = {}): Promise<void> {
    await all(
      this.servers.map((server) => server.close(options)),
      async () => undefined,
    );
  }

  /** `close()`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
