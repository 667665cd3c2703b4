// Runs one micro benchmark: machine line, one table per case, and the results file.
import { type Stats, table } from './alternate.ts';
import { machineLine } from './machine.ts';
import { writeResults } from './results.ts';

/** Adds one case. `size` in bytes, 0 = none worth telling. */
export type Add = (name: string, size: number, stats: readonly Stats[]) => void;

/** Prints every case as it is measured, and writes `bench/results/micro-<name>.json`. */
export async function report(name: string, measure: (add: Add) => Promise<void>): Promise<void> {
  console.log(`\n# ${name}\n${machineLine()}`);
  const cases: object[] = [];
  await measure((title, size, stats) => {
    console.log(`\n${title}${size === 0 ? '' : ` (${size} bytes)`}\n${table(stats)}`);
    const [first, second] = [...stats].sort((a, b) => a.p50 - b.p50);
    if (first !== undefined && second !== undefined && first !== stats[0])
      console.log(`=> ${first.name} wins by ${(stats[0].p50 / first.p50).toFixed(2)}x`);
    const rounded = stats.map(({ name, p50, p99, ratio }) => ({
      name,
      p50: round(p50),
      p99: round(p99),
      ratio: round(ratio, 3),
    }));
    cases.push({ case: title, bytes: size, nsPerOperation: rounded });
  });
  console.log(`\nwritten to ${writeResults(`micro-${name}`, cases)}`);
}

function round(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}
