// Workers with ZeroMQ sockets that are terminated, or exit, in the middle of traffic. Argument: idle, busy or exit.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { ZmqSocket } from '../../../src/zmtp/socket.ts';
import { say } from './say.ts';

async function main(what: string): Promise<void> {
  const pull = new ZmqSocket('PULL', { message: () => undefined });
  const endpoint = await pull.bind('tcp://127.0.0.1:*');
  let ended = 0;
  for (let round = 0; round < 4; round++) {
    const worker = new Worker(new URL(import.meta.url), { workerData: { what, endpoint } });
    await new Promise((resolve) => worker.once('message', resolve));
    const over = new Promise((resolve) => worker.once('exit', resolve));
    if (what !== 'exit') void worker.terminate();
    await over;
    ended++;
  }
  pull.close();
  say({ ended });
}

async function inWorker({ what, endpoint }: { what: string; endpoint: string }): Promise<void> {
  const router = new ZmqSocket('ROUTER', {
    message: (parts) => {
      router.send(parts);
      if (what === 'exit') process.exit();
    },
  });
  const dealer = new ZmqSocket('DEALER', {
    message: (parts) => {
      dealer.send(parts);
      parentPort?.postMessage('busy');
    },
  });
  const push = new ZmqSocket('PUSH', { message: () => undefined });
  dealer.connect(await router.bind('tcp://127.0.0.1:*'));
  push.connect(endpoint);
  dealer.connect('tcp://127.0.0.1:1'); // nobody: it is tried again and again
  for (let count = 0; count < 100; count++) push.send([new Uint8Array(1000)]);
  if (what === 'idle') parentPort?.postMessage('idle');
  else for (let count = 0; count < 50; count++) dealer.send([new Uint8Array(100)]);
  if (what === 'exit') parentPort?.postMessage('exit');
}

if (isMainThread) await main(process.argv[2] ?? '');
else await inWorker(workerData);
