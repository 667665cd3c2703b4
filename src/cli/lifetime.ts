// The life of a server in a command: until a signal drains it, a second one ends it, or it ends by itself.
import { EXIT, exitOfSignal } from './exit.ts';
import { warn } from './output.ts';
import { handleSignals } from './program.ts';

/** What all servers have in common. */
interface Living {
  drain(options: { timeout: number | null }): Promise<number>;
  once(event: 'close', listener: () => void): unknown;
}

/**
 * Resolves with the exit code when the server is at its end. SIGTERM and SIGINT drain it: calls that are being served end first, for
 * `drainTimeout` seconds at most.
 */
export async function serveUntilSignal(
  server: Living,
  drainTimeout: number,
  log: (line: string) => void,
): Promise<number> {
  const closed = new Promise<void>((resolve) => server.once('close', resolve));
  let draining: Promise<number> | undefined;
  let began: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => {
    began = resolve;
  });
  handleSignals((signal) => {
    if (draining !== undefined) process.exit(exitOfSignal(signal));
    log(
      `${signal}: no more connections; calls being served have ${drainTimeout} s to end, another signal ends them now`,
    );
    draining = server.drain({ timeout: drainTimeout });
    began();
  });
  await Promise.race([closed, begun]);
  const cut = (await draining) ?? 0;
  if (cut > 0)
    warn(`${cut} ${cut === 1 ? 'connection was' : 'connections were'} cut: calls took longer than ${drainTimeout} s`);
  return EXIT.OK;
}

/** The first SIGINT or SIGTERM, of what ends at once by either. */
export const untilSignal = (): Promise<NodeJS.Signals> => new Promise((resolve) => handleSignals(resolve));
