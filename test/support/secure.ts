// Secured peers in Python (peers/secure.py) and in a Node of its own (programs/secure-server.ts), for the tests of TLS and tokens.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/setup.mjs';
import { start } from './programs/run.ts';
import { type PythonPeer, peer, pythonJson, type RpycVersion, startPython } from './python.ts';

/** What peers/secure.py takes. */
export interface SecureOptions {
  ssl?: Record<string, unknown>;
  token?: string;
  secret?: string;
  identity?: string;
  classic?: boolean;
}

/** The Python halves of the token, as docs/tls.md gives them to its readers. */
export function pythonHalves(): string {
  const page = readFileSync(join(root, 'docs/tls.md'), 'utf8');
  const source = /^```python [^\n]*\n(import hashlib.*?)^```$/ms.exec(page)?.[1];
  if (source === undefined) throw new Error('docs/tls.md has no Python halves that begin with import hashlib');
  return source;
}

/** A ThreadedServer in Python; `ready.port` is its port. */
export const servePython = (version: RpycVersion, options: SecureOptions): Promise<PythonPeer> =>
  startPython(version, peer('secure.py'), { args: ['serve', JSON.stringify(options)] });

/** A client in Python: what its checks found, or `failed`. */
export const clientPython = <T = any>(
  version: RpycVersion,
  options: SecureOptions & { port: number; checks?: string },
): Promise<T> =>
  pythonJson<T>(version, peer('secure.py'), { args: ['client', JSON.stringify({ checks: '', ...options })] });

/** A server in a Node process of its own, for clients that block: its port. */
export async function serveNode(options: Record<string, unknown>): Promise<number> {
  const program = start('secure-server', [JSON.stringify(options)], { timeoutMs: 60_000 });
  return (await program.next<{ port: number }>()).port;
}
