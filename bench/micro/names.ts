// Question: is an attribute's name cheaper as an interned id, looked up by a Map and spelled by Rust, than as a text on the tape?
// 64 attribute calls with two ints per flush, the name from a set of 16.

import { addon, flush, nameId, Tag, tx } from '../../src/internals.ts';
import { alternate, assertEqual, bulk } from '../lib/alternate.ts';
import { report } from '../lib/micro.ts';
import { learnPeer, makeWriter, openPush } from '../lib/seam.ts';

const handle = openPush();
const rid = learnPeer(handle);
const writer = makeWriter();
const ARGS = [5, 10];
const MANY = 64;

const texts = (length: number): string[] =>
  Array.from({ length: 16 }, (_, i) => `${'exposed_method_of_a_service'.slice(0, length - 1)}${'abcdefghijklmnop'[i]}`);

function calls(names: readonly string[], write: (name: string) => void): void {
  for (let i = 0; i < MANY; i++) {
    tx.begin(handle, 1, 100, 8, 0);
    tx.container(Tag.BOX, 4);
    tx.ref(rid);
    write(names[i & 15]);
    writer.tuple(ARGS, 1);
    tx.container(Tag.TUPLE, 0);
    tx.commit(2 ** 30);
  }
  flush();
}

const output = (): Buffer => Buffer.from(addon.takeOutput(handle) ?? new Uint8Array());

const WRITERS: Record<string, (name: string) => void> = {
  'interned id': (name) => tx.name(nameId(name)),
  text: (name) => tx.str(name),
};

await report('names', async (add) => {
  for (const length of [3, 8, 16, 27]) {
    const names = texts(length);
    const ways = Object.entries(WRITERS);
    await assertEqual(
      Object.fromEntries(ways.map(([name, write]) => [name, () => (calls(names, write), output().toString('hex'))])),
    );
    const rounds = ways.map(([name, write]) => [
      name,
      () => {
        // The endpoint's queue is emptied before it outgrows the caches.
        const ns =
          bulk(30, () => {
            bulk(30, () => calls(names, write));
            addon.takeOutput(handle);
          }) /
          (30 * MANY);
        return ns;
      },
    ]);
    add(`call of a method with a name of ${length}`, 0, await alternate(11, Object.fromEntries(rounds)));
  }
});
