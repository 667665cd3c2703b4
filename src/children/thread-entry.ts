// What a service thread runs: the service module, for the one connection that it was given. Started by thread.ts; exports nothing.
import { workerData } from 'node:worker_threads';
import { adopt } from '../native/socket.ts';
import { loadServiceWith } from '../server/module.ts';
import { OneShotServer } from '../server/oneshot.ts';
import { LastWords, type ThreadTask } from './last-words.ts';

const { module, options, args, fd, words } = workerData as ThreadTask;
const last = new LastWords(words);
last.take();
const peer = adopt(fd);
process.once('uncaughtExceptionMonitor', (error) => last.write(error?.stack ?? String(error)));
try {
  new OneShotServer(await loadServiceWith(module, args), options).accept(peer);
} catch (error) {
  last.write(error instanceof Error ? error.message : String(error));
  peer.close();
  throw error;
}
