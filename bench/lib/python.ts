// Python rivals and peers of the benchmarks. (test/support/python.ts needs vitest around it; this does not.)
import { pythonOf } from '../../scripts/setup.mjs';

/** Path of the interpreter whose environment holds this RPyC release. */
export function python(version: string): string {
  return pythonOf(version);
}
