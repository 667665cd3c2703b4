// What a Connection needs to make netrefs; the door of this folder for clients and servers.
import type { NetrefMaker } from '../refs/netrefs.ts';
import { makeProxy } from './faces.ts';
import { rootPath } from './path.ts';

export const netrefs: NetrefMaker = { proxy: makeProxy, rootPath };
