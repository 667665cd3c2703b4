// What a process tells a child that is to serve one connection, over its standard input: which service, with which options. The child is
// forked.ts; who starts it are forking.ts and connectMultiprocess.
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deserialize, serialize } from 'node:v8';
import type { ServerOptions } from './server.ts';

/** Where a child has its connection. */
export const CONNECTION_FD = 3;

/** The program of such a child. */
export const FORKED: string = fileURLToPath(new URL(`./forked${extname(import.meta.url)}`, import.meta.url));

/** One child's task. */
export interface ChildTask {
  /** URL of the service module. */
  readonly module: string;
  readonly options: ServerOptions;
  /** What is put into the service's namespace. */
  readonly args?: Record<string, unknown>;
}

/** @throws {TypeError} for `args` that cannot be copied; options are checked before (`connectionOptions`) */
export function writeTask(task: ChildTask): Buffer {
  try {
    return serialize(task);
  } catch (cause) {
    throw new TypeError(`args cannot be copied to another process: ${(cause as Error).message}`, { cause });
  }
}

export const readTask = (bytes: Buffer): ChildTask => deserialize(bytes) as ChildTask;

/** What this process was started with, without what belongs to it alone: a debugger's port, a program as text. */
export function nodeFlags(flags: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < flags.length; at++) {
    const flag = flags[at];
    if (/^(-e|--eval|-p|--print|-pe)$/.test(flag)) at++;
    else if (!/^--(inspect|input-type|eval=|print=|test\b|watch)/.test(flag)) kept.push(flag);
  }
  return kept;
}
