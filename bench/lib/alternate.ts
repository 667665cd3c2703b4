// Runs the variants of one question in turns, so that drift of the machine hits all of them alike, and compares them.
import { isDeepStrictEqual } from 'node:util';

/** One round of one variant: durations of single operations in ns, or one number: ns per operation over the round. */
export type Round = () =>
  | Promise<number | Float64Array | readonly number[]>
  | number
  | Float64Array
  | readonly number[];

export interface Stats {
  name: string;
  /** ns per operation: median and 99th percentile over all samples, or over rounds where a round gives one number. */
  p50: number;
  p99: number;
  /** Operations per second, from the mean. */
  perSecond: number;
  /** p50 of this variant / p50 of the first one. */
  ratio: number;
  samples: number;
}

/** Throws unless all variants give the same result: nothing is timed before that. */
export async function assertEqual(variants: Record<string, () => unknown>): Promise<void> {
  const [first, ...others] = Object.entries(variants);
  if (!first) return;
  const expected = await first[1]();
  for (const [name, variant] of others) {
    const result = await variant();
    if (!isDeepStrictEqual(result, expected)) {
      throw new Error(`${name} gives ${show(result)}, but ${first[0]} gives ${show(expected)}`);
    }
  }
}

/** Runs every variant once unrecorded, then `rounds` times in turns, every other round in reverse order. */
export async function alternate(rounds: number, variants: Record<string, Round>): Promise<Stats[]> {
  const names = Object.keys(variants);
  const samples = new Map<string, number[]>(names.map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const name of round % 2 ? names.toReversed() : names) {
      globalThis.gc?.();
      const result = await variants[name]?.();
      if (round < 0 || result === undefined) continue;
      const all = samples.get(name);
      if (typeof result === 'number') all?.push(result);
      else for (const sample of result) all?.push(sample);
    }
  }
  const base = percentile(samples.get(names[0] ?? '') ?? [], 0.5);
  return names.map((name) => statsOf(name, samples.get(name) ?? [], base));
}

/** Times `count` runs of an operation one after the other; for operations of 1 µs and more. */
export async function each(count: number, operation: () => unknown): Promise<Float64Array> {
  const samples = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const start = process.hrtime.bigint();
    const result = operation();
    if (result instanceof Promise) await result;
    samples[i] = Number(process.hrtime.bigint() - start);
  }
  return samples;
}

/** ns per run of a synchronous operation, over `count` runs in one go. */
export function bulk(count: number, operation: () => unknown): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < count; i++) operation();
  return Number(process.hrtime.bigint() - start) / count;
}

/** A table of results, ready to print. */
export function table(stats: readonly Stats[]): string {
  const rows = stats.map((s) => [
    s.name,
    time(s.p50),
    time(s.p99),
    `${Math.round(s.perSecond).toLocaleString('en')}/s`,
    `${s.ratio.toFixed(2)}x`,
  ]);
  const all = [['', 'p50', 'p99', 'rate', 'p50 ratio'], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  return all
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
    )
    .join('\n');
}

/** A duration in ns as text. */
export function time(ns: number): string {
  if (ns < 1e3) return `${ns.toFixed(0)} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toFixed(2)} µs`;
  return `${(ns / 1e6).toFixed(2)} ms`;
}

/** The q-quantile (0..1) of samples in any order. */
export function percentile(samples: readonly number[], q: number): number {
  const sorted = Float64Array.from(samples).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

function statsOf(name: string, samples: readonly number[], base: number): Stats {
  const mean = samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
  const p50 = percentile(samples, 0.5);
  return {
    name,
    p50,
    p99: percentile(samples, 0.99),
    perSecond: 1e9 / mean,
    ratio: p50 / base,
    samples: samples.length,
  };
}

function show(value: unknown): string {
  const text =
    typeof value === 'string' ? value : JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}n` : v));
  return (text ?? String(value)).slice(0, 200);
}
