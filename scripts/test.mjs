// `npm test`: all set-up, then cargo test (crates wire, zmtp and net) and vitest. The last line is the total of both.
// With arguments (`npm test -- test/unit -t name`), vitest alone with these arguments.
// Without a usable Python it fails, unless RPYC_TEST_PYTHON=skip. Reports go to build/test-results/ (.ci/run reads them).

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findCargo, root, run, runMain, say, setUp } from './setup.mjs';

const RESULTS = join(root, 'build/test-results');

/** Runs vitest; resolves with `{passed, failed, skipped}`. `reporters` as vitest names them. */
export async function vitest(args, reporter = 'default') {
  mkdirSync(RESULTS, { recursive: true });
  const report = join(RESULTS, 'vitest.json');
  rmSync(report, { force: true });
  const entry = join(root, 'node_modules/vitest/vitest.mjs');
  const reporting = [`--reporter=${reporter}`, '--reporter=json', `--outputFile.json=${report}`];
  const { status } = await run(process.execPath, [entry, 'run', ...reporting, ...args], { check: false });
  let json;
  try {
    json = JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return { passed: 0, failed: 1, skipped: 0 }; // it did not get as far as a report
  }
  const total = {
    passed: json.numPassedTests,
    failed: json.numFailedTests,
    skipped: json.numPendingTests + json.numTodoTests,
  };
  if (status !== 0 && total.failed === 0) total.failed = 1; // a file that does not load, or an error outside tests
  return total;
}

/** Runs the tests of the crates that need no Node; resolves with `{passed, failed, skipped}`. */
async function cargoTest() {
  const args = [
    'test',
    '--release',
    '--locked',
    '--no-fail-fast',
    ...['wire', 'zmtp', 'net'].flatMap((name) => ['-p', `rpyc-${name}`]),
  ];
  const { status, stdout } = await run(findCargo(), args, { stdout: 'pipe', check: false });
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, 'cargo.txt'), stdout);
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const [, passed, failed, ignored] of stdout.matchAll(
    /^test result: .*? (\d+) passed; (\d+) failed; (\d+) ignored/gm,
  )) {
    total.passed += Number(passed);
    total.failed += Number(failed);
    total.skipped += Number(ignored);
  }
  if (status !== 0 && total.failed === 0) total.failed = 1;
  if (total.failed) process.stdout.write(stdout.replace(/^test .* \.\.\. ok\n/gm, ''));
  return total;
}

/** Prints the parts and, as the last line, their sum; resolves with the exit status. */
function summary(parts) {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  const text = (total) => `${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`;
  console.log();
  for (const [name, total] of Object.entries(parts)) {
    console.log(`${name.padEnd(8)}${text(total)}`);
    for (const key of Object.keys(sum)) sum[key] += total[key];
  }
  writeFileSync(join(RESULTS, 'total.json'), `${JSON.stringify(sum)}\n`);
  console.log(text(sum));
  return sum.failed ? 1 : 0;
}

if (process.argv[1] === import.meta.filename) {
  await runMain(async () => {
    const args = process.argv.slice(2);
    const skip = process.env.RPYC_TEST_PYTHON === 'skip';
    await setUp('native', 'typescript', 'abi', ...(skip ? [] : ['python', 'sshd']));
    if (skip) say('RPYC_TEST_PYTHON=skip: the tests with real Python are skipped');
    const parts = {};
    if (!args.length) {
      say('cargo test (wire, zmtp, net)');
      parts.cargo = await cargoTest();
    }
    parts.vitest = await vitest(args);
    process.exitCode = summary(parts);
  });
}
