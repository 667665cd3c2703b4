// What both ends of the transport matrix do, whatever carries them: a service, and the checks of a client in either face.
import { randomBytes } from 'node:crypto';
import * as rpyc from '../../src/index.ts';

export class Transported extends rpyc.Service {
  exposed_add(a: number, b: number) {
    return a + b;
  }
  exposed_fail(text: string) {
    throw new rpyc.exceptions.ValueError(text);
  }
  async exposed_call(fn: (value: number) => Promise<number>, value: number) {
    return (await fn(value)) + 1;
  }
  exposed_echo(data: Buffer) {
    return data;
  }
  *exposed_numbers(n: number) {
    for (let i = 0; i < n; i++) yield i;
  }
}

/** Names of the checks. */
export const CHECKS = ['add', 'fail', 'call', 'echo', 'numbers'] as const;

/** Those that hold for a service of that kind. `root` may be awaitable or blocking. */
export async function check(root: any): Promise<string[]> {
  const held: string[] = [];
  if ((await root.add(5, 10)) === 15) held.push('add');
  try {
    await root.fail('on purpose');
  } catch (error) {
    if (error instanceof rpyc.exceptions.ValueError && error.message.includes('on purpose')) held.push('fail');
  }
  if ((await root.call((value: number) => value * 2, 20)) === 41) held.push('call');
  const data = randomBytes(1_000_000);
  if (data.equals(await root.echo(data))) held.push('echo');
  let sum = 0;
  for await (const n of await root.numbers(50)) sum += n;
  if (sum === 1225) held.push('numbers');
  return held;
}
