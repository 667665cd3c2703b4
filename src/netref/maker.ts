// What a Connection needs to make netrefs; the door of this folder for clients and servers.
import type { NetrefMaker } from '../protocol/connection.ts';
import { makeProxy, rootPath } from './faces.ts';

export const netrefs: NetrefMaker = { proxy: makeProxy, rootPath };
