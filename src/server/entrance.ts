// Clients that were accepted and are not served yet: their authenticator is asked, for so long and no longer. Owns their sockets meanwhile.
import { AuthChannel, type AuthenticatorFunction, authenticate } from '../auth/authenticator.ts';
import { EOFError, TimeoutError } from '../errors.ts';
import type { Address, RawPeer } from '../native/peer.ts';

/** Who is told of those that do not come in. */
export interface EntranceEvents {
  denied(from: Address, error: Error): void;
  /** It took too long; `denied` is told as well. */
  late(): void;
}

export class Entrance {
  private readonly authenticators: readonly AuthenticatorFunction[];
  private readonly timeoutMs: number;
  private readonly events: EntranceEvents;
  private readonly asking = new Set<(error: Error) => void>();

  constructor(authenticators: readonly AuthenticatorFunction[], timeoutMs: number, events: EntranceEvents) {
    this.authenticators = authenticators;
    this.timeoutMs = timeoutMs;
    this.events = events;
  }

  /** Is there somebody to ask? */
  get guarded(): boolean {
    return this.authenticators.length !== 0;
  }

  /** Clients about which nothing is decided yet. */
  get size(): number {
    return this.asking.size;
  }

  /**
   * Asks about a client.
   * @param done is told once: the credentials, or undefined when the client was not let in and its socket is closed
   */
  ask(peer: RawPeer, done: (admitted: { credentials: unknown } | undefined) => void): void {
    let channel: AuthChannel | undefined;
    let timer: NodeJS.Timeout | undefined;
    let from: Address = ['', 0];
    const decide = (admitted: { credentials: unknown } | undefined): void => {
      clearTimeout(timer);
      this.asking.delete(refuse);
      done(admitted);
    };
    const refuse = (error: Error): void => {
      if (!this.asking.has(refuse)) return;
      channel?.end(error);
      peer.close();
      this.events.denied(from, error);
      decide(undefined);
    };
    this.asking.add(refuse);
    try {
      from = peer.peerAddress;
      channel = new AuthChannel(peer.channel(), from, peer.localAddress);
    } catch (error) {
      // It has hung up, or this runtime cannot ask.
      refuse(error as Error);
      return;
    }
    if (this.timeoutMs !== Number.POSITIVE_INFINITY)
      timer = setTimeout(
        () => {
          this.events.late();
          refuse(new TimeoutError(`it did not prove itself in time (handshakeTimeout is ${this.timeoutMs / 1000} s)`));
        },
        Math.min(this.timeoutMs, 2 ** 31 - 1),
      );
    const asked = channel;
    authenticate(this.authenticators, asked).then(
      (credentials) => {
        if (!this.asking.has(refuse)) return;
        asked.end(new EOFError('the authenticator has ended'));
        decide({ credentials: credentials ?? null });
      },
      (error: unknown) => refuse(error instanceof Error ? error : new Error(String(error))),
    );
  }

  /** Lets nobody in any more. */
  close(): void {
    for (const refuse of [...this.asking]) refuse(new EOFError('the server is closing'));
  }
}
