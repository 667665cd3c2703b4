// What a ForkingServer tells each of its children, over its standard input: which service, with which options.
import { deserialize, serialize } from 'node:v8';
import type { ServerOptions } from './server.ts';

/** Where a child has its connection. */
export const CONNECTION_FD = 3;

/** One child's task. */
export interface ChildTask {
  /** URL of the service module. */
  readonly module: string;
  readonly options: ServerOptions;
}

export const writeTask = (task: ChildTask): Buffer => serialize(task);

export const readTask = (bytes: Buffer): ChildTask => deserialize(bytes) as ChildTask;
