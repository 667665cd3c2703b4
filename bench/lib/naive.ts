// The naive addon of bench/micro/naive: JavaScript values built and walked in Rust. Built on demand, outside of what ships.
import { constants } from 'node:os';
import { join } from 'node:path';
import { findCargo, root, run } from '../../scripts/setup.mjs';

export interface Naive {
  /** Registers the buffers; once. */
  init(input: Uint8Array, output: Uint8Array): void;
  /** The frame at `start` of the input: `[kind, seq, handler, value, size of the frame]`; references are numbers. */
  decode(start: number): [number, number, number, any, number];
  /** Writes one frame to the output from `at` on and returns its end. A `rid` goes before the items of `value`, 0 = none. */
  encode(at: number, kind: number, seq: number, handler: number, rid: number, value: unknown): number;
}

/** Builds the addon where needed, and loads it. */
export async function loadNaive(): Promise<Naive> {
  const manifest = join(root, 'bench/micro/naive/Cargo.toml');
  const target = join(root, 'build/naive');
  await run(findCargo(), [
    'build',
    '--quiet',
    '--release',
    '--locked',
    '--manifest-path',
    manifest,
    '--target-dir',
    target,
  ]);
  const [prefix, suffix] = { win32: ['', '.dll'], darwin: ['lib', '.dylib'] }[process.platform as string] ?? [
    'lib',
    '.so',
  ];
  const loaded = { exports: {} };
  process.dlopen(loaded, join(target, `release/${prefix}rpyc_bench_naive${suffix}`), constants.dlopen?.RTLD_NOW);
  return loaded.exports as Naive;
}
