// What the numbers were measured on: one line for people, one object for the results file.
import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { python } from './python.ts';

export interface Machine {
  cpu: string;
  cores: number;
  memoryGiB: number;
  os: string;
  node: string;
  /** Version of the Python of the environments, `none` where there is no environment. */
  python: string;
}

/** Describes this machine. */
export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${process.platform} ${release()} ${process.arch}`,
    node: process.versions.node,
    python: pythonVersion(),
  };
}

/** The same as one line. */
export function machineLine(m: Machine = machine()): string {
  return `${m.cpu}, ${m.cores} cores, ${m.memoryGiB} GiB, ${m.os}, Node ${m.node}, Python ${m.python}`;
}

function pythonVersion(): string {
  try {
    return execFileSync(python('6.0.1'), ['-c', 'import platform; print(platform.python_version())'], {
      encoding: 'utf8',
    }).trim();
  } catch {
    return 'none';
  }
}
