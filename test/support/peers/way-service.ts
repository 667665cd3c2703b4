// A service module: what connectThread, connectMultiprocess and the Node children of the tests serve.
import { writeSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
import * as rpyc from '../../../src/index.ts';

export default class WayService extends rpyc.Service {
  exposed_namespace = new Map<string, unknown>();
  exposed_add(a: number, b: number) {
    return a + b;
  }
  async exposed_call(back: (n: number) => Promise<number>, n: number) {
    return (await back(n)) + 1;
  }
  exposed_echo(bytes: Uint8Array) {
    return bytes;
  }
  exposed_where() {
    return rpyc.tuple(process.pid, threadId);
  }
  exposed_get(name: string) {
    return this.exposed_namespace.get(name);
  }
  /** Writes into shared memory that it was given. */
  exposed_store(value: number) {
    const shared = this.exposed_namespace.get('shared') as SharedArrayBuffer;
    Atomics.store(new Int32Array(shared), 0, value);
  }
  exposed_print(text: string) {
    console.log(text);
  }
  exposed_die(status: number, words: string) {
    writeSync(2, `${words}\n`);
    process.exit(status);
  }
  exposed_never() {
    return new Promise(() => {});
  }
}
